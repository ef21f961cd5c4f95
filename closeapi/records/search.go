package records

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// want is what a record is found by: a name or an address, folded.
type want struct{ name, email string }

// fold makes names and addresses comparable.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func (w want) lead(l *closeapi.Lead) bool {
	if w.email == "" {
		return fold(l.Name.Or(l.DisplayName)) == w.name
	}
	return slices.ContainsFunc(l.Contacts, func(c closeapi.Contact) bool { return w.contact(&c) })
}

func (w want) contact(c *closeapi.Contact) bool {
	if w.email == "" {
		return fold(c.Name.Or("")) == w.name
	}
	return slices.ContainsFunc(c.Emails, func(e closeapi.ContactEmail) bool { return fold(e.Email) == w.email })
}

// search returns the ids of the leads that Close's search knows.
func (f *Finder) search(ctx context.Context, text string, w want, opts []closekit.CallOption) ([]string, error) {
	// In quotes, no word is an operator.
	words := strings.Fields(strings.NewReplacer(`"`, " ", `\`, " ").Replace(text))
	query := `"` + strings.Join(words, `" "`) + `"`
	p := closeapi.LeadsListParams{Query: closekit.Some(query), Fields: []string{"id", "name", "display_name", "contacts"}}
	var ids []string
	for l, err := range closeapi.LeadsAll(ctx, f.c, p, opts...) {
		if err != nil {
			return nil, err
		}
		if w.lead(l) {
			ids = append(ids, string(l.ID))
		}
	}
	return ids, nil
}

// event is an entry of the event log.
type event struct {
	ObjectID string            `json:"object_id"`
	LeadID   string            `json:"lead_id"`
	Updated  closekit.DateTime `json:"date_updated"`
	Data     struct {
		Name   string `json:"name"`
		Emails []struct {
			Email string `json:"email"`
		} `json:"emails"`
	} `json:"data"`
}

func (w want) event(e *event) bool {
	if w.email == "" {
		return fold(e.Data.Name) == w.name
	}
	for _, m := range e.Data.Emails {
		if fold(m.Email) == w.email {
			return true
		}
	}
	return false
}

// events returns the ids of the records that were created since a time, according to
// the event log; id may return nothing for an event of another record. A credential
// without access to the log finds nothing there.
func (f *Finder) events(ctx context.Context, object string, since time.Time, w want, id func(*event) string) ([]string, error) {
	q := url.Values{
		"object_type": {object}, "action": {"created"}, "_limit": {"50"},
		"date_updated__gte": {string(closekit.DateTimeOf(since.UTC()))},
	}
	var ids []string
	for {
		var page struct {
			Data   []json.RawMessage `json:"data"`
			Cursor string            `json:"cursor_next"`
		}
		err := f.c.Do(ctx, closekit.Request{Method: "GET", Path: "/event/", Query: q.Encode()}, func(r closekit.Response) error {
			return json.Unmarshal(r.Body, &page)
		})
		if noAccess(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, raw := range page.Data { // newest first
			var e event
			if json.Unmarshal(raw, &e) != nil {
				continue // a member of another type than expected cannot be a match
			}
			if t, err := e.Updated.Time(); err == nil && t.Before(since) {
				return ids, nil
			}
			if v := id(&e); v != "" && w.event(&e) {
				ids = append(ids, v)
			}
		}
		if page.Cursor == "" || len(page.Data) == 0 {
			return ids, nil
		}
		q.Set("_cursor", page.Cursor)
		q.Del("date_updated__gte") // not allowed together with a cursor
	}
}

// noAccess reports whether the credential may not read the event log.
func noAccess(err error) bool {
	for _, target := range []error{closekit.ErrUnauthorized, closekit.ErrPaymentRequired, closekit.ErrForbidden, closekit.ErrNotFound} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
