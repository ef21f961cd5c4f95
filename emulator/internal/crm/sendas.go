package crm

import (
	"net/http"
	"slices"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func sendAsResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "send_as", Prefix: "sdas", Short: true, Model: "SendAs", Authors: rest.AuthorNone, Ascending: true,
		Fields: []rest.Field{
			{Name: "allowing_user_id", Kind: rest.Reference, Table: "users", Need: true},
			{Name: "allowed_user_id", Kind: rest.Reference, Table: "users", Need: true},
		},
		Filters: map[string]rest.Kind{"allowing_user_id": rest.Text, "allowed_user_id": rest.Text},
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			switch {
			case len(*p) > 0:
			case o["allowing_user_id"] == o["allowed_user_id"]:
				p.Add("allowed_user_id", "A user needs no permission of his own.")
			case o["allowing_user_id"] != c.User:
				c.Failure = c.Denied()
			case sendAs(c, value.String(o["allowing_user_id"]), value.String(o["allowed_user_id"])) != nil:
				p.Add("allowed_user_id", "This user has the permission already.")
			}
		},
		Release: func(c *rest.Call, rec *store.Record) error { return concerns(c, rec.Data) },
		Narrow:  ownSendAs,
		Render:  func(_ *rest.Call, _ *store.Record, o object) { dropDates(o) },
		Actions: map[string]func(*rest.Call) (any, error){"get": getSendAs, "delete_by_user": deleteSendAs, "bulk": bulkSendAs},
	}}
}

// sendAs returns the permission between two users, or nil.
func sendAs(c *rest.Call, allowing, allowed string) *store.Record {
	for _, rec := range c.State.Table("send_as").All(c.Organization) {
		if rec.Data["allowing_user_id"] == allowing && rec.Data["allowed_user_id"] == allowed {
			return rec
		}
	}
	return nil
}

// concerns refuses a permission between two other users.
func concerns(c *rest.Call, o object) error {
	if o["allowing_user_id"] != c.User && o["allowed_user_id"] != c.User {
		return c.Denied()
	}
	return nil
}

// ownSendAs keeps to permissions of the caller: those that the caller gave, unless
// the filters say otherwise.
func ownSendAs(c *rest.Call) (func(*store.Record) bool, error) {
	allowing, allowed := c.Query.Get("allowing_user_id"), c.Query.Get("allowed_user_id")
	if allowing == "" && allowed == "" {
		return func(rec *store.Record) bool { return rec.Data["allowing_user_id"] == c.User }, nil
	}
	if allowing != c.User && allowed != c.User {
		return nil, c.Denied()
	}
	return nil, nil
}

func getSendAs(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	if err := concerns(c, rec.Data); err != nil {
		return nil, err
	}
	return c.Result(rec), nil
}

// deleteSendAs revokes the permission between the two users of the query; the side
// that is left out is the caller.
func deleteSendAs(c *rest.Call) (any, error) {
	allowing, allowed := c.Query.Get("allowing_user_id"), c.Query.Get("allowed_user_id")
	switch {
	case allowing == "" && allowed == "":
		return nil, rest.FieldError("allowed_user_id", rest.MsgRequired)
	case allowing == "":
		allowing = c.User
	case allowed == "":
		allowed = c.User
	}
	if err := concerns(c, object{"allowing_user_id": allowing, "allowed_user_id": allowed}); err != nil {
		return nil, err
	}
	rec := sendAs(c, allowing, allowed)
	if rec == nil {
		return nil, rest.Missing(c.Resource.Model)
	}
	c.Drop(c.Resource, rec)
	return object{}, nil
}

// bulkSendAs changes who may send in the caller's name.
func bulkSendAs(c *rest.Call) (any, error) {
	var p rest.Problems
	for _, name := range []string{"allowed_user_ids", "disallowed_user_ids"} {
		for _, id := range value.List(c.Body[name]) {
			if !c.State.Member(c.Organization, value.String(id)) || id == c.User {
				p.Add(name, rest.MsgNoObject)
			}
			if name == "disallowed_user_ids" && slices.Contains(value.List(c.Body["allowed_user_ids"]), id) {
				p.Add(name, "A user cannot be allowed and disallowed.")
			}
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	for _, id := range value.List(c.Body["allowed_user_ids"]) {
		if sendAs(c, c.User, value.String(id)) == nil {
			c.Insert(c.Resource, object{"allowing_user_id": c.User, "allowed_user_id": id})
		}
	}
	for _, id := range value.List(c.Body["disallowed_user_ids"]) {
		if rec := sendAs(c, c.User, value.String(id)); rec != nil {
			c.Drop(c.Resource, rec)
		}
	}
	data := []object{}
	for _, rec := range c.State.Table("send_as").All(c.Organization) {
		if rec.Data["allowing_user_id"] == c.User {
			data = append(data, c.Render(c.Resource, rec))
		}
	}
	return object{"data": data}, nil
}

// oauthOnly refuses an API key.
func oauthOnly(c *rest.Call) error {
	if c.Client == "" {
		return rest.Refuse(http.StatusForbidden, "This operation needs an OAuth token.")
	}
	return nil
}
