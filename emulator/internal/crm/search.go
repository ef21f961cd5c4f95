package crm

import (
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/query"
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// searchField is a field of the search in leads or opportunities.
type searchField = query.Field[*store.Record]

// searchBy applies a query parameter to the records of a schema.
func searchBy(c *rest.Call, param string, s *query.Schema[*store.Record]) (func(*store.Record) bool, error) {
	text := strings.TrimSpace(c.Query.Get(param))
	if text == "" {
		return nil, nil
	}
	q, err := query.Parse(text)
	var keep func(*store.Record) bool
	if err == nil {
		keep, err = query.Compile(q, *s)
	}
	if err != nil {
		return nil, rest.FieldError(param, err.Error())
	}
	return keep, nil
}

// searchLeads applies the query parameter of the lead list.
func searchLeads(c *rest.Call) (func(*store.Record) bool, error) {
	return searchBy(c, "query", leadSchema(c))
}

// arrangeLeads applies the sort terms of the query parameter. A lenient server
// also accepts _order_by, which is undocumented for leads but sent by clients; a
// strict one ignores it.
func arrangeLeads(c *rest.Call, rows []*store.Record) {
	arrange(c, leadSchema(c), leadSorts(c), rows)
}

func leadSorts(c *rest.Call) []query.Order {
	sorts := sortsOf(c)
	if order := c.Query.Get("_order_by"); len(sorts) == 0 && order != "" && !c.Engine.Options.Strict {
		for name := range strings.SplitSeq(order, ",") {
			field, descending := strings.CutPrefix(strings.TrimSpace(name), "-")
			sorts = append(sorts, query.Order{Field: field, Descending: descending})
		}
	}
	return sorts
}

func leadCreation(c *rest.Call) rest.Creation { return creation(c, leadSchema(c), leadSorts(c)) }

// opportunityCreation leaves _order_by to the engine, which knows it for opportunities.
func opportunityCreation(c *rest.Call) rest.Creation {
	made := creation(c, opportunitySchema(c), sortsOf(c))
	made.Only = made.Only && c.Query.Get("lead_query") == "" && c.Query.Get("is_stalled") == ""
	return made
}

// creation returns what the query parameter says about the date of creation.
func creation(c *rest.Call, s *query.Schema[*store.Record], sorts []query.Order) rest.Creation {
	names := []string{"created", "date_created"}
	out := rest.Creation{Only: c.Query.Get("query") == ""}
	for i, o := range sorts {
		switch byDate := slices.Contains(names, o.Field); {
		case i > 0 || !byDate:
			out.Order = rest.AnotherOrder
		case o.Descending:
			out.Order = rest.NewestFirst
		default:
			out.Order = rest.OldestFirst
		}
	}
	if q, err := query.Parse(c.Query.Get("query")); err == nil && !out.Only {
		out.Since, out.Before, out.Only = query.Range(q, *s, names...)
	}
	return out
}

// sortsOf returns the sort terms of the query parameter.
func sortsOf(c *rest.Call) []query.Order {
	q, err := query.Parse(c.Query.Get("query"))
	if err != nil {
		return nil
	}
	return q.Sorts
}

// arrange sorts records by fields of a schema. Unknown fields keep the order.
func arrange(c *rest.Call, s *query.Schema[*store.Record], sorts []query.Order, rows []*store.Record) {
	for _, o := range slices.Backward(sorts) {
		field, ok := s.Field(o.Field)
		if !ok {
			continue
		}
		r := &rest.Resource{Value: func(_ *rest.Call, rec *store.Record, _ string) any { return sortKey(field, rec) }}
		c.SortBy(r, rows, o.Field, o.Descending)
	}
}

// sortKey returns the first value of a field in a form that can be sorted.
func sortKey(field searchField, rec *store.Record) any {
	for _, v := range field.Values(rec) {
		switch v := v.(type) {
		case time.Time:
			return v.UnixMicro()
		case query.Count:
			return int64(v)
		default:
			return v
		}
	}
	return nil
}

func leadSchema(c *rest.Call) *query.Schema[*store.Record] {
	return &query.Schema[*store.Record]{
		Field: func(name string) (searchField, bool) { return leadField(c, name) },
		Texts: func(rec *store.Record) []string { return leadTexts(c, rec) },
		ID:    func(rec *store.Record) string { return rec.ID },
		Now:   c.Now, Zone: c.Zone, Me: c.User,
	}
}

// leadField returns a field of leads by its name.
func leadField(c *rest.Call, name string) (searchField, bool) {
	if own, ok := strings.CutPrefix(name, "opportunity_"); ok {
		f, known := opportunityField(c, own)
		return related(c, "opportunities", f), known
	}
	if custom, ok := strings.CutPrefix(name, "custom."); ok {
		return customField(c, "lead", custom)
	}
	switch name {
	case "name", "lead_name", "company", "display_name":
		return field(query.Text, func(rec *store.Record) any { return leadName(c, rec.ID) }), true
	case "description":
		return stored(c, query.Text, name), true
	case "url":
		return stored(c, query.URL, name), true
	case "id", "lead_id":
		return field(query.Exact, func(rec *store.Record) any { return rec.ID }), true
	case "status", "lead_status", "status_label":
		return field(query.Text, func(rec *store.Record) any {
			return statusLabel(c, "lead_statuses", value.String(rec.Data["status_id"]))
		}), true
	case "status_id", "lead_status_id":
		return stored(c, query.Exact, "status_id"), true
	case "created", "date_created":
		return stored(c, query.Time, "date_created"), true
	case "updated", "date_updated":
		return stored(c, query.Time, "date_updated"), true
	case "created_by", "user":
		return stored(c, query.User, "created_by"), true
	case "updated_by":
		return stored(c, query.User, "updated_by"), true
	case "address", "address_1", "address_2", "city", "state", "zipcode", "country":
		return addressField(name), true
	}
	return childField(c, name)
}

// childField returns a field of leads that is about what belongs to them.
func childField(c *rest.Call, name string) (searchField, bool) {
	switch name {
	case "email", "emails", "email_address", "contact_email":
		return related(c, "contacts", partField(query.Email, "emails", "email")), true
	case "phone", "phones", "phone_number", "contact_phone":
		return related(c, "contacts", partField(query.Phone, "phones", "phone")), true
	case "urls", "contact_url":
		return related(c, "contacts", partField(query.URL, "urls", "url")), true
	case "contact", "contact_name":
		return related(c, "contacts", stored(c, query.Text, "name")), true
	case "title", "contact_title":
		return related(c, "contacts", stored(c, query.Text, "title")), true
	case "contact_id":
		return related(c, "contacts", stored(c, query.Exact, "id")), true
	case "task", "task_text":
		return related(c, "tasks", stored(c, query.Text, "text")), true
	case "note":
		return related(c, "activities", stored(c, query.Text, name)), true
	case "contacts", "opportunities", "tasks":
		return countField(c, name, ""), true
	case "notes", "calls", "sms":
		return countField(c, "activities", c.Engine.Resources[name].Type), true
	}
	return searchField{}, false
}

func opportunitySchema(c *rest.Call) *query.Schema[*store.Record] {
	lead := func(rec *store.Record) *store.Record { return c.State.Find("leads", c.Organization, rec.Lead) }
	return &query.Schema[*store.Record]{
		Field: func(name string) (searchField, bool) {
			own, isOwn := opportunityField(c, strings.TrimPrefix(name, "opportunity_"))
			if isOwn && !strings.HasPrefix(name, "status") {
				return own, true
			}
			of, ok := leadField(c, name)
			ofLead := searchField{Kind: of.Kind, Values: func(rec *store.Record) []any {
				if l := lead(rec); l != nil {
					return of.Values(l)
				}
				return nil
			}}
			switch {
			case !isOwn:
				return ofLead, ok
			case !ok:
				return own, true
			}
			// A status may be that of the deal or that of its lead.
			return searchField{Kind: own.Kind, Values: func(rec *store.Record) []any {
				return slices.Concat(own.Values(rec), ofLead.Values(rec))
			}}, true
		},
		Texts: func(rec *store.Record) []string {
			out := append(customTexts(rec), value.String(rec.Data["note"]))
			if l := lead(rec); l != nil {
				out = append(out, leadTexts(c, l)...)
			}
			return out
		},
		ID:  func(rec *store.Record) string { return rec.ID },
		Now: c.Now, Zone: c.Zone, Me: c.User,
	}
}

// opportunityField returns a field of opportunities by its name.
func opportunityField(c *rest.Call, name string) (searchField, bool) {
	of := func(kind query.Kind, name string) (searchField, bool) {
		return field(kind, func(rec *store.Record) any { return opportunityValue(c, rec, name) }), true
	}
	if custom, ok := strings.CutPrefix(name, "custom."); ok {
		return customField(c, "opportunity", custom)
	}
	switch name {
	case "status", "status_label":
		return of(query.Text, "status_label")
	case "status_type", "value_period":
		return of(query.Exact, name)
	case "value", "confidence", "annualized_value", "annualized_expected_value":
		return of(query.Number, name)
	case "expected_value":
		return field(query.Number, func(rec *store.Record) any {
			if a := amountsOf(rec.Data); !a.none {
				return a.expected
			}
			return nil
		}), true
	case "note":
		return of(query.Text, name)
	case "id", "status_id":
		return of(query.Exact, name)
	case "pipeline", "pipeline_name", "pipeline_id":
		key, kind := "name", query.Text
		if name == "pipeline_id" {
			key, kind = "id", query.Exact
		}
		return field(kind, func(rec *store.Record) any {
			if status := c.State.Find("opportunity_statuses", c.Organization, value.String(rec.Data["status_id"])); status != nil {
				if p := c.State.Find("pipelines", c.Organization, value.String(status.Data["pipeline_id"])); p != nil {
					return p.Data[key]
				}
			}
			return nil
		}), true
	case "user", "user_id", "user_name":
		return stored(c, query.User, "user_id"), true
	case "created_by":
		return stored(c, query.User, name), true
	case "contact":
		return field(query.Text, func(rec *store.Record) any { return contactLabel(c, rec.Data["contact_id"]) }), true
	case "date_won", "date_lost":
		return stored(c, query.Time, name), true
	case "created", "date_created":
		return stored(c, query.Time, "date_created"), true
	case "updated", "date_updated":
		return stored(c, query.Time, "date_updated"), true
	}
	return searchField{}, false
}

// field returns a field with one value per record.
func field(kind query.Kind, read func(*store.Record) any) searchField {
	return searchField{Kind: kind, Values: func(rec *store.Record) []any { return []any{read(rec)} }}
}

// stored returns a field that is stored under a key.
func stored(c *rest.Call, kind query.Kind, key string) searchField {
	return searchField{Kind: kind, Values: func(rec *store.Record) []any { return searchValues(c, kind, rec.Data[key]) }}
}

// searchValues returns a stored value in the form that a kind of field has in a
// search.
func searchValues(c *rest.Call, kind query.Kind, v any) []any {
	if list, ok := v.([]any); ok {
		var out []any
		for _, e := range list {
			out = append(out, searchValues(c, kind, e)...)
		}
		return out
	}
	switch {
	case kind == query.Time:
		if t, _, err := value.ParseTime(value.String(v), c.Zone); err == nil {
			return []any{t}
		}
		return nil
	case kind == query.User:
		return []any{v, c.UserName(v)}
	case kind == query.Text && v != nil:
		return []any{value.Text(v)}
	}
	return []any{v}
}

// related returns a field of leads with the values that their children have.
func related(c *rest.Call, table string, of searchField) searchField {
	return searchField{Kind: of.Kind, Values: func(lead *store.Record) []any {
		var out []any
		for _, child := range c.State.Table(table).Of(lead.ID) {
			out = append(out, of.Values(child)...)
		}
		return out
	}}
}

// countField returns the number of children of a lead, of one type if typ is set.
func countField(c *rest.Call, table, typ string) searchField {
	return field(query.Number, func(lead *store.Record) any {
		n := query.Count(0)
		for _, child := range c.State.Table(table).Of(lead.ID) {
			if typ == "" || child.Data["_type"] == typ {
				n++
			}
		}
		return n
	})
}

// partField returns one member of each item of a list.
func partField(kind query.Kind, key, member string) searchField {
	return searchField{Kind: kind, Values: func(rec *store.Record) []any { return parts(rec, key, member) }}
}

func addressField(name string) searchField {
	return searchField{Kind: query.Text, Values: func(rec *store.Record) []any {
		var out []any
		for _, k := range addressKeys {
			if name == "address" || name == k {
				out = append(out, parts(rec, "addresses", k)...)
			}
		}
		return out
	}}
}

// customField returns a custom field by id or name, both regardless of case.
func customField(c *rest.Call, owner, name string) (searchField, bool) {
	for _, def := range c.State.Table(CustomTable(owner)).All(c.Organization) {
		if !strings.EqualFold(def.ID, name) && !strings.EqualFold(value.String(def.Data["name"]), name) {
			continue
		}
		kind := query.Text
		switch def.Data["type"] {
		case "number":
			kind = query.Number
		case "date", "datetime":
			kind = query.Time
		case "user":
			kind = query.User
		case "contact", "custom_object":
			kind = query.Exact
		}
		return stored(c, kind, "custom."+def.ID), true
	}
	return searchField{}, false
}

// leadTexts returns the texts in which plain words are searched.
func leadTexts(c *rest.Call, rec *store.Record) []string {
	out := append(customTexts(rec), value.String(rec.Data["name"]), value.String(rec.Data["description"]), value.String(rec.Data["url"]))
	for _, k := range addressKeys {
		out = append(out, partTexts(rec, "addresses", k)...)
	}
	for _, contact := range c.State.Table("contacts").Of(rec.ID) {
		out = append(out, value.String(contact.Data["name"]), value.String(contact.Data["title"]))
		for _, k := range [...][2]string{{"emails", "email"}, {"phones", "phone"}, {"urls", "url"}} {
			out = append(out, partTexts(contact, k[0], k[1])...)
		}
	}
	for _, activity := range c.State.Table("activities").Of(rec.ID) {
		out = append(out, value.String(activity.Data["note"]), value.String(activity.Data["subject"]))
	}
	return out
}

// customTexts returns the values of the custom fields of a record.
func customTexts(rec *store.Record) []string {
	var out []string
	for k, v := range rec.Data {
		if strings.HasPrefix(k, "custom.") {
			out = append(out, value.Text(v))
		}
	}
	return out
}

// parts returns one member of each item of a list.
func parts(rec *store.Record, key, member string) []any {
	var out []any
	for _, e := range value.List(rec.Data[key]) {
		if item, ok := e.(object); ok {
			out = append(out, item[member])
		}
	}
	return out
}

func partTexts(rec *store.Record, key, member string) []string {
	var out []string
	for _, v := range parts(rec, key, member) {
		out = append(out, value.String(v))
	}
	return out
}
