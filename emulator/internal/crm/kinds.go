package crm

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/query"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// A recordKind is a kind of record that query trees can be about.
type recordKind struct {
	table, typ string // where it is stored, and its _type
	part       string // list of another record that holds it
	owner      string // of its custom fields
	fields     map[string]query.Kind
}

var activityFieldKinds = map[string]query.Kind{
	"id": query.Exact, "date_created": query.Time, "date_updated": query.Time, "activity_at": query.Time, "date_sent": query.Time,
	"date_scheduled": query.Time, "starts_at": query.Time, "ends_at": query.Time, "user_id": query.User, "created_by": query.User, "contact_id": query.Exact,
	"note": query.Text, "subject": query.Text, "body_text": query.Text, "body_html": query.Text, "text": query.Text, "title": query.Text,
	"direction": query.Exact, "status": query.Exact, "disposition": query.Exact, "source": query.Exact, "duration": query.Number,
	"sender": query.Email, "to": query.Email, "template_id": query.Exact, "sequence_id": query.Exact, "outcome_id": query.Exact,
	"custom_activity_type_id": query.Exact, "remote_phone": query.Phone, "local_phone": query.Phone, "has_reply": query.Flag,
}

// recordKinds are the kinds beside leads and opportunities, whose fields are those of
// the search box.
var recordKinds = map[string]recordKind{
	"lead":        {table: "leads", owner: "lead"},
	"opportunity": {table: "opportunities", owner: "opportunity"},
	"contact": {table: "contacts", owner: "contact", fields: map[string]query.Kind{
		"id": query.Exact, "lead_id": query.Exact, "name": query.Text, "title": query.Text, "date_created": query.Time, "date_updated": query.Time,
		"created_by": query.User, "updated_by": query.User,
	}},
	"task.lead": {table: "tasks", typ: "lead", fields: map[string]query.Kind{
		"id": query.Exact, "text": query.Text, "date": query.Time, "is_complete": query.Flag, "assigned_to": query.User, "contact_id": query.Exact,
		"date_created": query.Time, "date_updated": query.Time, "created_by": query.User, "priority": query.Exact,
	}},
	"activity.call":            {table: "activities", typ: "Call", fields: activityFieldKinds},
	"activity.email":           {table: "activities", typ: "Email", fields: activityFieldKinds},
	"activity.sms":             {table: "activities", typ: "SMS", fields: activityFieldKinds},
	"activity.meeting":         {table: "activities", typ: "Meeting", fields: activityFieldKinds},
	"activity.note":            {table: "activities", typ: "Note", fields: activityFieldKinds},
	"activity.custom_activity": {table: "activities", typ: "CustomActivity", owner: "activity", fields: activityFieldKinds},
	"custom_object": {table: "custom_objects", owner: "custom_object", fields: map[string]query.Kind{
		"id": query.Exact, "name": query.Text, "custom_object_type_id": query.Exact, "date_created": query.Time, "date_updated": query.Time,
	}},
	"address": {part: "addresses", fields: map[string]query.Kind{
		"label": query.Exact, "address_1": query.Text, "address_2": query.Text, "city": query.Text, "state": query.Text, "zipcode": query.Text, "country": query.Exact,
	}},
	"contact_email": {part: "emails", fields: map[string]query.Kind{"email": query.Email, "type": query.Exact}},
	"contact_phone": {part: "phones", fields: map[string]query.Kind{"phone": query.Phone, "type": query.Exact}},
	"contact_url":   {part: "urls", fields: map[string]query.Kind{"url": query.URL, "type": query.Exact}},
}

// partsOf says whose lists hold records that have no table.
var partsOf = map[string]string{"address": "lead", "contact_email": "contact", "contact_phone": "contact", "contact_url": "contact"}

// treeSchema returns what query trees can ask of a kind of record.
func treeSchema(c *rest.Call, kind string) (*query.Schema[*store.Record], bool) {
	k, ok := recordKinds[kind]
	if !ok {
		return nil, false
	}
	s := &query.Schema[*store.Record]{
		Field: func(name string) (searchField, bool) { return treeField(c, kind, k, name) },
		Texts: func(rec *store.Record) []string { return treeTexts(c, kind, rec) },
		ID:    func(rec *store.Record) string { return rec.ID },
		Now:   c.Now, Zone: c.Zone, Me: c.User, Kind: kind,
		Members: func(group string) []string { return membersOf(c, group) },
	}
	s.Related = func(to string) (*query.Schema[*store.Record], func(*store.Record) []*store.Record, bool) {
		inner, ok := treeSchema(c, to)
		list := relatedRecords(c, kind, to)
		return inner, list, ok && list != nil
	}
	return s, true
}

func treeField(c *rest.Call, kind string, k recordKind, name string) (searchField, bool) {
	if custom, ok := strings.CutPrefix(name, "custom."); ok {
		if k.owner == "" {
			return searchField{}, false
		}
		if f, ok := customField(c, k.owner, custom); ok {
			return f, true
		}
		return sharedField(c, custom)
	}
	switch kind {
	case "lead":
		return leadField(c, name)
	case "opportunity":
		if name == "contact_id" || name == "lead_id" {
			return stored(c, query.Exact, name), true
		}
		return opportunityField(c, name)
	case "contact":
		if name == "name" || name == "display_name" {
			return field(query.Text, func(rec *store.Record) any { return contactName(rec.Data) }), true
		}
	}
	of, ok := k.fields[name]
	return stored(c, of, name), ok
}

// sharedField returns a custom field that several kinds of records have.
func sharedField(c *rest.Call, id string) (searchField, bool) { return customField(c, "shared", id) }

func treeTexts(c *rest.Call, kind string, rec *store.Record) []string {
	if kind == "lead" {
		return leadTexts(c, rec)
	}
	out := customTexts(rec)
	for _, v := range rec.Data {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	if kind == "contact" {
		for _, key := range [...][2]string{{"emails", "email"}, {"phones", "phone"}, {"urls", "url"}} {
			out = append(out, partTexts(rec, key[0], key[1])...)
		}
	}
	return out
}

// relatedRecords returns what the records of one kind have of another, or nil if that
// cannot be asked.
func relatedRecords(c *rest.Call, from, to string) func(*store.Record) []*store.Record {
	source, target := recordKinds[from], recordKinds[to]
	switch {
	case source.table == "" || from == to:
		return nil
	case target.part != "":
		if partsOf[to] != from {
			return nil
		}
		return func(rec *store.Record) []*store.Record {
			var out []*store.Record
			for _, e := range value.List(rec.Data[target.part]) {
				if o, ok := e.(object); ok {
					out = append(out, &store.Record{ID: rec.ID, Lead: rec.Lead, Organization: rec.Organization, Data: o})
				}
			}
			return out
		}
	case to == "lead":
		return func(rec *store.Record) []*store.Record { return found(c.State.Find("leads", c.Organization, rec.Lead)) }
	case to == "contact" && from != "lead":
		return func(rec *store.Record) []*store.Record {
			return found(c.State.Find("contacts", c.Organization, value.String(rec.Data["contact_id"])))
		}
	case from != "lead" && from != "contact":
		return nil
	}
	return func(rec *store.Record) []*store.Record {
		return slices.DeleteFunc(c.State.Table(target.table).Of(rec.Lead), func(other *store.Record) bool {
			return !isOfKind(target, other) || from == "contact" && other.Data["contact_id"] != rec.ID
		})
	}
}

func found(rec *store.Record) []*store.Record {
	if rec == nil {
		return nil
	}
	return []*store.Record{rec}
}

func isOfKind(k recordKind, rec *store.Record) bool { return k.typ == "" || rec.Data["_type"] == k.typ }
