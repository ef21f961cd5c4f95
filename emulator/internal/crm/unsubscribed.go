package crm

import (
	"net/http"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func unsubscribedResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "unsubscribed_emails", Prefix: "unsub", Short: true, Model: "UnsubscribedEmail", Event: "unsubscribed_email", Authors: rest.AuthorNone, Ascending: true,
		Fields: []rest.Field{{Name: "email", Kind: rest.Text, Need: true, Max: 500}},
		Render: func(_ *rest.Call, _ *store.Record, o object) {
			dropDates(o)
			delete(o, "id")
			delete(o, "organization_id")
		},
		Actions: map[string]func(*rest.Call) (any, error){"list": listUnsubscribed, "create": unsubscribe, "delete": resubscribe},
	}}
}

// unsubscribedEmail returns the record of an address, or nil.
func unsubscribedEmail(c *rest.Call, address string) *store.Record {
	for _, rec := range c.State.Table("unsubscribed_emails").All(c.Organization) {
		if strings.EqualFold(value.String(rec.Data["email"]), address) {
			return rec
		}
	}
	return nil
}

// markUnsubscribed says of each address of a contact whether it is unsubscribed.
func markUnsubscribed(c *rest.Call, o object) {
	emails := value.List(o["emails"])
	if len(emails) == 0 || len(c.State.Table("unsubscribed_emails").ByID) == 0 {
		return
	}
	marked := []any{}
	for _, e := range emails {
		item := value.Shallow(e.(object))
		item["is_unsubscribed"] = unsubscribedEmail(c, value.String(item["email"])) != nil
		marked = append(marked, item)
	}
	o["emails"] = marked
}

// listUnsubscribed returns all of them: the list has no pages.
func listUnsubscribed(c *rest.Call) (any, error) {
	data := []object{}
	for _, rec := range c.State.Table("unsubscribed_emails").All(c.Organization) {
		data = append(data, c.Render(c.Resource, rec))
	}
	return object{"data": data, "has_more": false}, nil
}

// unsubscribe adds an address, unless it is there.
func unsubscribe(c *rest.Call) (any, error) {
	address := strings.TrimSpace(value.String(c.Body["email"]))
	if rec := unsubscribedEmail(c, address); rec != nil {
		return c.Render(c.Resource, rec), nil
	}
	if address != "" {
		if problem := completeEmail(c, object{"email": address}); problem != "" {
			return nil, rest.FieldError("email", problem)
		}
	}
	rec, err := c.Add(c.Resource, c.Body)
	if err != nil {
		return nil, err
	}
	return c.Render(c.Resource, rec), nil
}

func resubscribe(c *rest.Call) (any, error) {
	rec := unsubscribedEmail(c, c.ID)
	if rec == nil {
		return nil, rest.Refuse(http.StatusNotFound, "This address is not unsubscribed.")
	}
	o := c.Render(c.Resource, rec)
	c.Drop(c.Resource, rec)
	return o, nil
}
