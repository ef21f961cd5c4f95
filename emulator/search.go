package emulator

import (
	"cmp"
	"slices"
	"strings"
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
func searchLeads(c *call) (func(*record) bool, error) {
	q := parseQuery(c.query.Get("query"))
	if len(q.terms) == 0 {
		return nil, nil
	}
	return func(rec *record) bool { return q.matches(c, rec) }, nil
}

// arrangeLeads applies the sort terms of the query parameter. A lenient server
// also accepts _order_by, which is undocumented for leads but sent by clients; a
// strict one ignores it.
func arrangeLeads(c *call, rows []*record) {
	sorts := parseQuery(c.query.Get("query")).sorts
	if order := c.query.Get("_order_by"); len(sorts) == 0 && order != "" && !c.e.opts.strict {
		sorts = strings.Split(order, ",")
	}
	for _, name := range slices.Backward(sorts) {
		field := strings.TrimPrefix(name, "-")
		r := &resource{value: func(c *call, rec *record, _ string) any { return leadSortKey(c, rec, field) }}
		c.sortBy(r, rows, field, strings.HasPrefix(name, "-"))
	}
}

func leadSortKey(c *call, rec *record, field string) any {
	switch field {
	case "created", "date_created":
		return rec.data["date_created"]
	case "updated", "date_updated":
		return rec.data["date_updated"]
	case "name", "display_name", "lead_name":
		return c.leadName(rec.id)
	case "status", "status_label", "lead_status":
		return c.statusLabel("lead_statuses", str(rec.data["status_id"]))
	}
	if after, ok := strings.CutPrefix(field, "custom."); ok {
		for _, v := range c.customMatch(rec, after) {
			return v
		}
		return nil
	}
	return rec.data[field]
}

// matches reports whether a lead matches all terms.
func (q query) matches(c *call, rec *record) bool {
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

func (t term) matches(c *call, rec *record) bool {
	if t.field == "" {
		return slices.ContainsFunc(c.leadTexts(rec), func(s string) bool { return hasWords(strings.ToLower(s), t.value) })
	}
	values := c.leadValues(rec, t.field)
	if t.op != ":" && t.op != "=" {
		return slices.ContainsFunc(values, func(v any) bool { return t.compares(c, v) })
	}
	if t.value == "*" && !t.phrase {
		return slices.ContainsFunc(values, func(v any) bool { return v != nil && v != "" })
	}
	exact := t.op == "=" || strings.HasSuffix(t.field, "id")
	return slices.ContainsFunc(values, func(v any) bool {
		s := strings.ToLower(valueText(v))
		if exact {
			return s == t.value
		}
		return hasWords(s, t.value)
	})
}

// compares applies <, <=, > and >= to numbers and dates.
func (t term) compares(c *call, v any) bool {
	op := map[string]string{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[t.op]
	if n, ok := number(v); ok {
		limit, err := decodeJSON([]byte(t.value))
		if err != nil {
			return false
		}
		l, ok := number(limit)
		return ok && holdsOrder(op, cmp.Compare(n, l))
	}
	at, _, err := parseTime(strings.ToUpper(t.value), c.zone)
	if err != nil {
		return false
	}
	is, _, err := parseTime(str(v), c.zone)
	return err == nil && holdsOrder(op, is.Compare(at))
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
func (c *call) leadTexts(rec *record) []string {
	out := []string{str(rec.data["name"]), str(rec.data["description"]), str(rec.data["url"])}
	for _, e := range list(rec.data["addresses"]) {
		address, _ := e.(object)
		for _, k := range addressKeys {
			out = append(out, str(address[k]))
		}
	}
	for k, v := range rec.data {
		if strings.HasPrefix(k, "custom.") {
			out = append(out, valueText(v))
		}
	}
	for _, contact := range c.st.table("contacts").of(rec.id) {
		out = append(out, str(contact.data["name"]), str(contact.data["title"]))
		for _, k := range [...][2]string{{"emails", "email"}, {"phones", "phone"}, {"urls", "url"}} {
			for _, v := range parts(contact, k[0], k[1]) {
				out = append(out, str(v))
			}
		}
	}
	for _, activity := range c.st.table("activities").of(rec.id) {
		out = append(out, str(activity.data["note"]), str(activity.data["subject"]))
	}
	return out
}

// parts returns one member of each item of a contact.
func parts(contact *record, key, member string) []any {
	var out []any
	for _, e := range list(contact.data[key]) {
		if item, ok := e.(object); ok {
			out = append(out, item[member])
		}
	}
	return out
}

// leadValues returns the values of a search field of a lead.
func (c *call) leadValues(rec *record, field string) []any {
	ofContacts := func(key, member string) []any {
		var out []any
		for _, contact := range c.st.table("contacts").of(rec.id) {
			if member == "" {
				out = append(out, contact.data[key])
			} else {
				out = append(out, parts(contact, key, member)...)
			}
		}
		return out
	}
	ofOpportunities := func(key string) []any {
		var out []any
		for _, o := range c.st.table("opportunities").of(rec.id) {
			out = append(out, opportunityValue(c, o, key))
		}
		return out
	}
	switch field {
	case "name", "lead_name", "company", "display_name":
		return []any{c.leadName(rec.id)}
	case "email", "emails", "email_address", "contact_email":
		return ofContacts("emails", "email")
	case "phone", "phones", "phone_number", "contact_phone":
		return ofContacts("phones", "phone")
	case "contact", "contact_name":
		return ofContacts("name", "")
	case "title", "contact_title":
		return ofContacts("title", "")
	case "contacts":
		return []any{int64(len(c.st.table("contacts").of(rec.id)))}
	case "opportunities":
		return []any{int64(len(c.st.table("opportunities").of(rec.id)))}
	case "opportunity_status":
		return ofOpportunities("status_label")
	case "opportunity_value":
		return ofOpportunities("value")
	case "status", "lead_status", "status_label":
		return []any{c.statusLabel("lead_statuses", str(rec.data["status_id"]))}
	case "created", "date_created":
		return []any{rec.data["date_created"]}
	case "updated", "date_updated":
		return []any{rec.data["date_updated"]}
	case "created_by", "user":
		return []any{rec.data["created_by"], c.userName(rec.data["created_by"])}
	case "address", "city", "state", "zipcode", "country":
		var out []any
		for _, e := range list(rec.data["addresses"]) {
			address, _ := e.(object)
			for _, k := range addressKeys {
				if field == "address" || field == k {
					out = append(out, address[k])
				}
			}
		}
		return out
	case "id", "lead_id":
		return []any{rec.id}
	}
	if name, ok := strings.CutPrefix(field, "custom."); ok {
		return c.customMatch(rec, name)
	}
	return []any{rec.data[field]}
}

// customMatch returns the values of a custom field by id or name, both regardless
// of case.
func (c *call) customMatch(rec *record, name string) []any {
	for _, def := range c.st.table("custom_fields_lead").all(c.org) {
		if strings.EqualFold(def.id, name) || strings.EqualFold(str(def.data["name"]), name) {
			switch v := rec.data["custom."+def.id].(type) {
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
