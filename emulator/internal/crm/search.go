package crm

import (
	"cmp"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// query is a parsed search text. All terms must match.
type query struct {
	terms []term
	sorts []string // field names, "-" before descending ones
}

// term is one word, phrase or condition of a search text.
type term struct {
	field   string // empty for text anywhere
	op      string // ":", "=", "<", "<=", ">", ">="
	value   string // lower case
	phrase  bool
	negated bool
}

// parseQuery reads a search text: words, "quoted phrases", field:value with or
// without quotes, comparisons such as created>2026-01-01, a "-" or "not" before
// what must not match, and sort:field or sort:-field.
func parseQuery(s string) query {
	var q query
	negate := false
	for s = strings.TrimLeft(s, " \t\n,"); s != ""; s = strings.TrimLeft(s, " \t\n,") {
		var t term
		t, s = nextTerm(s)
		if t.field == "" && !t.phrase {
			switch t.value {
			case "not":
				negate = true
				continue
			case "and", "*", "":
				continue
			}
		}
		switch t.field {
		case "sort":
			q.sorts = append(q.sorts, strings.FieldsFunc(t.value, func(r rune) bool { return r == ',' })...)
			continue
		case "slice":
			continue
		}
		t.negated = t.negated != negate
		negate = false
		q.terms = append(q.terms, t)
	}
	return q
}

// nextTerm cuts the first term off a non-empty text.
func nextTerm(s string) (term, string) {
	var t term
	if len(s) > 1 && s[0] == '-' && s[1] != ' ' {
		t.negated, s = true, s[1:]
	}
	if s[0] != '"' {
		end := strings.IndexAny(s, " \t\n:=<>\"")
		if strings.HasPrefix(s, `custom."`) {
			if i := strings.IndexByte(s[8:], '"'); i >= 0 {
				end = 8 + i + 1
			}
		}
		if end > 0 && end < len(s) && strings.IndexByte(":=<>", s[end]) >= 0 {
			t.field, t.op, s = strings.ToLower(strings.ReplaceAll(s[:end], `"`, "")), s[end:end+1], s[end+1:]
			if s != "" && s[0] == '=' {
				t.op, s = t.op+"=", s[1:]
			}
			s = strings.TrimLeft(s, " ")
		}
	}
	if s == "" {
		return t, ""
	}
	if s[0] == '"' {
		value, rest, _ := strings.Cut(s[1:], `"`)
		t.value, t.phrase = strings.ToLower(value), true
		return t, rest
	}
	end := strings.IndexAny(s, " \t\n")
	if end < 0 {
		end = len(s)
	}
	t.value = strings.ToLower(strings.Trim(s[:end], `"()`))
	return t, s[end:]
}

// searchLeads applies the query parameter of the lead list.
func searchLeads(c *rest.Call) (func(*store.Record) bool, error) {
	q := parseQuery(c.Query.Get("query"))
	if len(q.terms) == 0 {
		return nil, nil
	}
	return func(rec *store.Record) bool { return q.matches(c, rec) }, nil
}

// arrangeLeads applies the sort terms of the query parameter. A lenient server
// also accepts _order_by, which is undocumented for leads but sent by clients; a
// strict one ignores it.
func arrangeLeads(c *rest.Call, rows []*store.Record) {
	sorts := parseQuery(c.Query.Get("query")).sorts
	if order := c.Query.Get("_order_by"); len(sorts) == 0 && order != "" && !c.Engine.Options.Strict {
		sorts = strings.Split(order, ",")
	}
	for _, name := range slices.Backward(sorts) {
		field := strings.TrimPrefix(name, "-")
		r := &rest.Resource{Value: func(c *rest.Call, rec *store.Record, _ string) any { return leadSortKey(c, rec, field) }}
		c.SortBy(r, rows, field, strings.HasPrefix(name, "-"))
	}
}

func leadSortKey(c *rest.Call, rec *store.Record, field string) any {
	switch field {
	case "created", "date_created":
		return rec.Data["date_created"]
	case "updated", "date_updated":
		return rec.Data["date_updated"]
	case "name", "display_name", "lead_name":
		return leadName(c, rec.ID)
	case "status", "status_label", "lead_status":
		return statusLabel(c, "lead_statuses", value.String(rec.Data["status_id"]))
	}
	if after, ok := strings.CutPrefix(field, "custom."); ok {
		for _, v := range customMatch(c, rec, after) {
			return v
		}
		return nil
	}
	return rec.Data[field]
}

// matches reports whether a lead matches all terms.
func (q query) matches(c *rest.Call, rec *store.Record) bool {
	for _, t := range q.terms {
		if t.matches(c, rec) == t.negated {
			return false
		}
	}
	return true
}

// matchesText reports whether a text alone matches all terms, which must be
// words or phrases.
func (q query) matchesText(s string) bool {
	if len(q.terms) == 0 || s == "" {
		return false
	}
	s = strings.ToLower(s)
	for _, t := range q.terms {
		if t.field != "" || hasWords(s, t.value) == t.negated {
			return false
		}
	}
	return true
}

func (t term) matches(c *rest.Call, rec *store.Record) bool {
	if t.field == "" {
		return slices.ContainsFunc(leadTexts(c, rec), func(s string) bool { return hasWords(strings.ToLower(s), t.value) })
	}
	values := leadValues(c, rec, t.field)
	if t.op != ":" && t.op != "=" {
		return slices.ContainsFunc(values, func(v any) bool { return t.compares(c, v) })
	}
	if t.value == "*" && !t.phrase {
		return slices.ContainsFunc(values, func(v any) bool { return v != nil && v != "" })
	}
	exact := t.op == "=" || strings.HasSuffix(t.field, "id")
	return slices.ContainsFunc(values, func(v any) bool {
		s := strings.ToLower(value.Text(v))
		if exact {
			return s == t.value
		}
		return hasWords(s, t.value)
	})
}

// compares applies <, <=, > and >= to numbers and dates.
func (t term) compares(c *rest.Call, v any) bool {
	op := map[string]string{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[t.op]
	if n, ok := value.Float(v); ok {
		limit, err := value.Decode([]byte(t.value))
		if err != nil {
			return false
		}
		l, ok := value.Float(limit)
		return ok && rest.HoldsOrder(op, cmp.Compare(n, l))
	}
	at, _, err := value.ParseTime(strings.ToUpper(t.value), c.Zone)
	if err != nil {
		return false
	}
	is, _, err := value.ParseTime(value.String(v), c.Zone)
	return err == nil && rest.HoldsOrder(op, is.Compare(at))
}

// hasWords reports whether s contains value at the start of a word. Both are
// lower case.
func hasWords(s, value string) bool {
	value = strings.TrimSuffix(value, "*")
	for from := 0; ; {
		i := strings.Index(s[from:], value)
		if i < 0 || value == "" {
			return false
		}
		i += from
		if i == 0 || !wordByte(s[i-1]) || !wordByte(value[0]) {
			return true
		}
		from = i + 1
	}
}

func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80
}

// leadTexts returns the texts in which plain words are searched.
func leadTexts(c *rest.Call, rec *store.Record) []string {
	out := []string{value.String(rec.Data["name"]), value.String(rec.Data["description"]), value.String(rec.Data["url"])}
	for _, e := range value.List(rec.Data["addresses"]) {
		address, _ := e.(object)
		for _, k := range addressKeys {
			out = append(out, value.String(address[k]))
		}
	}
	for k, v := range rec.Data {
		if strings.HasPrefix(k, "custom.") {
			out = append(out, value.Text(v))
		}
	}
	for _, contact := range c.State.Table("contacts").Of(rec.ID) {
		out = append(out, value.String(contact.Data["name"]), value.String(contact.Data["title"]))
		for _, k := range [...][2]string{{"emails", "email"}, {"phones", "phone"}, {"urls", "url"}} {
			for _, v := range parts(contact, k[0], k[1]) {
				out = append(out, value.String(v))
			}
		}
	}
	for _, activity := range c.State.Table("activities").Of(rec.ID) {
		out = append(out, value.String(activity.Data["note"]), value.String(activity.Data["subject"]))
	}
	return out
}

// parts returns one member of each item of a contact.
func parts(contact *store.Record, key, member string) []any {
	var out []any
	for _, e := range value.List(contact.Data[key]) {
		if item, ok := e.(object); ok {
			out = append(out, item[member])
		}
	}
	return out
}

// leadValues returns the values of a search field of a lead.
func leadValues(c *rest.Call, rec *store.Record, field string) []any {
	ofContacts := func(key, member string) []any {
		var out []any
		for _, contact := range c.State.Table("contacts").Of(rec.ID) {
			if member == "" {
				out = append(out, contact.Data[key])
			} else {
				out = append(out, parts(contact, key, member)...)
			}
		}
		return out
	}
	ofOpportunities := func(key string) []any {
		var out []any
		for _, o := range c.State.Table("opportunities").Of(rec.ID) {
			out = append(out, opportunityValue(c, o, key))
		}
		return out
	}
	switch field {
	case "name", "lead_name", "company", "display_name":
		return []any{leadName(c, rec.ID)}
	case "email", "emails", "email_address", "contact_email":
		return ofContacts("emails", "email")
	case "phone", "phones", "phone_number", "contact_phone":
		return ofContacts("phones", "phone")
	case "contact", "contact_name":
		return ofContacts("name", "")
	case "title", "contact_title":
		return ofContacts("title", "")
	case "contacts":
		return []any{int64(len(c.State.Table("contacts").Of(rec.ID)))}
	case "opportunities":
		return []any{int64(len(c.State.Table("opportunities").Of(rec.ID)))}
	case "opportunity_status":
		return ofOpportunities("status_label")
	case "opportunity_value":
		return ofOpportunities("value")
	case "status", "lead_status", "status_label":
		return []any{statusLabel(c, "lead_statuses", value.String(rec.Data["status_id"]))}
	case "created", "date_created":
		return []any{rec.Data["date_created"]}
	case "updated", "date_updated":
		return []any{rec.Data["date_updated"]}
	case "created_by", "user":
		return []any{rec.Data["created_by"], c.UserName(rec.Data["created_by"])}
	case "address", "city", "state", "zipcode", "country":
		var out []any
		for _, e := range value.List(rec.Data["addresses"]) {
			address, _ := e.(object)
			for _, k := range addressKeys {
				if field == "address" || field == k {
					out = append(out, address[k])
				}
			}
		}
		return out
	case "id", "lead_id":
		return []any{rec.ID}
	}
	if name, ok := strings.CutPrefix(field, "custom."); ok {
		return customMatch(c, rec, name)
	}
	return []any{rec.Data[field]}
}

// customMatch returns the values of a custom field by id or name, both regardless
// of case.
func customMatch(c *rest.Call, rec *store.Record, name string) []any {
	for _, def := range c.State.Table("custom_fields_lead").All(c.Organization) {
		if strings.EqualFold(def.ID, name) || strings.EqualFold(value.String(def.Data["name"]), name) {
			switch v := rec.Data["custom."+def.ID].(type) {
			case nil:
				return nil
			case []any:
				return v
			default:
				return []any{v}
			}
		}
	}
	return nil
}
