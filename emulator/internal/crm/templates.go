package crm

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func templateResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "email_templates", Prefix: "tmpl", Model: "EmailTemplate", Event: "email_template", Authors: rest.AuthorPlain,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "subject", Kind: rest.Text},
			{Name: "body", Kind: rest.Text},
			{Name: "attachments", Kind: rest.Attachments},
			{Name: "is_shared", Kind: rest.Flag, NotNull: true},
			{Name: "is_archived", Kind: rest.Flag, NotNull: true},
		},
		Filters: map[string]rest.Kind{"is_shared": rest.Flag, "is_archived": rest.Flag},
		Prepare: func(_ *rest.Call, o, _ object, _ *rest.Problems) {
			setDefaults(o, object{"subject": "", "body": "", "attachments": []any{}, "is_shared": false, "is_archived": false})
		},
		Render: func(c *rest.Call, rec *store.Record, o object) {
			if c.ID != "" || c.Body != nil { // not in lists
				o["used_by_sequences"] = sequencesWith(c, rec.ID)
			}
		},
		Snapshot: func(_ *rest.Call, rec *store.Record) object { return value.Shallow(rec.Data) },
		Actions:  map[string]func(*rest.Call) (any, error){"render": renderTemplate},
	}, {
		Name: "sms_templates", Prefix: "smstmpl", Short: true, Model: "SMSTemplate", Event: "sms_template", Authors: rest.AuthorPlain,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "text", Kind: rest.Text, NotNull: true},
			{Name: "attachments", Kind: rest.Attachments},
			{Name: "is_shared", Kind: rest.Flag, NotNull: true},
			{Name: "status", Kind: rest.Choice, Choices: []string{"active", "archived"}, NotNull: true},
		},
		Prepare: func(c *rest.Call, o, _ object, _ *rest.Problems) {
			o["status"], o["owned_by"] = "active", c.User // a new template is never archived
			setDefaults(o, object{"text": "", "attachments": []any{}, "is_shared": false})
		},
		Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
			return func(rec *store.Record) bool { return rec.Data["is_shared"] == true || rec.Data["owned_by"] == c.User }, nil
		},
		Render: func(c *rest.Call, _ *store.Record, o object) {
			if c.ID == "" || c.Query.Get("include_attachments") != "true" {
				delete(o, "attachments")
			}
		},
		Snapshot: func(_ *rest.Call, rec *store.Record) object { return value.Shallow(rec.Data) },
	}}
}

// sequencesWith lists the sequences that use a template.
func sequencesWith(c *rest.Call, template string) []any {
	out := []any{}
	for _, s := range c.State.Table("sequences").All(c.Organization) {
		if slices.ContainsFunc(value.List(s.Data["steps"]), func(step any) bool {
			o, ok := step.(object)
			return ok && o["email_template_id"] == template
		}) {
			out = append(out, object{"id": s.ID, "name": s.Data["name"]})
		}
	}
	return out
}

// renderTemplate fills in a template for a contact, which the caller names, or for the
// contact of a lead that a query finds.
func renderTemplate(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	contact, err := recipient(c)
	if err != nil {
		return nil, err
	}
	lead := c.State.Find("leads", c.Organization, contact.Lead)
	fill := func(text any) string { return placesIn(value.String(text), valuesFor(c, lead, contact)) }
	out := object{
		"subject": fill(rec.Data["subject"]), "body": fill(rec.Data["body"]), "email": nil,
		"lead_id": lead.ID, "lead_display_name": leadName(c, lead.ID), "contact_id": contact.ID, "contact_display_name": contactName(contact.Data),
	}
	if emails := parts(contact, "emails", "email"); len(emails) > 0 {
		out["email"] = emails[0]
	}
	return out, nil
}

// recipient returns the contact that a rendering is for.
func recipient(c *rest.Call) (*store.Record, error) {
	q := c.Query
	if id := q.Get("contact_id"); id != "" || q.Get("query") == "" {
		contact := c.State.Find("contacts", c.Organization, id)
		if contact == nil || contact.Lead == "" || q.Get("lead_id") != contact.Lead {
			return nil, rest.FieldError("contact_id", "This contact does not belong to the lead.")
		}
		return contact, nil
	}
	mode := q.Get("mode")
	n, err := strconv.Atoi(q.Get("entry"))
	switch {
	case mode != "lead" && mode != "contact":
		return nil, rest.FieldError("mode", rest.MsgRequired)
	case err != nil || n < 0 || n > 99:
		return nil, rest.FieldError("entry", rest.MsgRequired)
	}
	leads, err := c.Matching(c.Engine.Resources["leads"])
	if err != nil {
		return nil, err
	}
	for _, lead := range leads {
		contacts := c.State.Table("contacts").Of(lead.ID)
		if mode == "lead" && len(contacts) > 1 {
			contacts = contacts[:1]
		}
		if n < len(contacts) {
			return contacts[n], nil
		}
		n -= len(contacts)
	}
	return nil, rest.FieldError("entry", "There is no such entry.")
}

// valuesFor returns what the places of a template stand for.
func valuesFor(c *rest.Call, lead, contact *store.Record) map[string]string {
	name := contactName(contact.Data)
	first, last, _ := strings.Cut(name, " ")
	sender, _ := c.UserName(c.User).(string)
	return map[string]string{
		"contact.name": name, "contact.display_name": name, "contact.first_name": first, "contact.last_name": last,
		"contact.title": value.String(contact.Data["title"]), "lead.display_name": value.String(leadName(c, lead.ID)),
		"lead.name": value.String(leadName(c, lead.ID)), "user.name": sender, "user.display_name": sender,
	}
}

var place = regexp.MustCompile(`\{\{\s*([a-z_.]+)\s*\}\}`)

// placesIn fills in the places of a text; those that are unknown become empty.
func placesIn(text string, values map[string]string) string {
	return place.ReplaceAllStringFunc(text, func(p string) string { return values[place.FindStringSubmatch(p)[1]] })
}
