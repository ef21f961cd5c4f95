// Package querytext writes queries of searches in the words of Close's own search box.
package querytext

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit"
)

// node is a node of a query.
type node struct {
	Type        string  `json:"type"`
	Negate      bool    `json:"negate"`
	Queries     []node  `json:"queries"`
	Value       string  `json:"value"`
	Kind        string  `json:"object_type"`
	RelatedKind string  `json:"related_object_type"`
	Related     *node   `json:"related_query"`
	Field       *field  `json:"field"`
	Condition   *clause `json:"condition"`
	raw         []byte  // the node as it was
}

type field struct {
	Name   string `json:"field_name"`
	Custom string `json:"custom_field_id"`
}

type clause struct {
	Type      string            `json:"type"`
	Mode      string            `json:"mode"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
	IDs       []string          `json:"object_ids"`
	Gt        *float64          `json:"gt"`
	Gte       *float64          `json:"gte"`
	Lt        *float64          `json:"lt"`
	Lte       *float64          `json:"lte"`
	OnOrAfter *moment           `json:"on_or_after"`
	Before    *moment           `json:"before"`
}

type moment struct {
	Type      string         `json:"type"`
	Value     string         `json:"value"`
	Direction string         `json:"direction"`
	Moment    *moment        `json:"moment"`
	Offset    map[string]int `json:"offset"`
}

// UnmarshalJSON reads a node. One that has another form than its type lets expect is kept
// as it is.
func (n *node) UnmarshalJSON(b []byte) error {
	type plain node
	var p plain
	if json.Unmarshal(b, &p) != nil {
		p = plain{}
	}
	*n = node(p)
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return err
	}
	n.raw = out.Bytes()
	return nil
}

// String returns a query in JSON as in
//
//	name:Acme and opportunity(value >= "10,000.00") and not call(activity_at >= 2026-03-01)
//
// What the search box has no words for is written as JSON.
func String(query json.RawMessage) string {
	var q node
	if json.Unmarshal(query, &q) != nil || string(q.raw) == "null" {
		return ""
	}
	return write(&q, false)
}

// write writes a node. inner says that other nodes stand beside it.
func write(q *node, inner bool) string {
	s := positive(q, inner || q.Negate)
	if q.Negate {
		return "not " + s
	}
	return s
}

func positive(q *node, inner bool) string {
	switch q.Type {
	case "and", "or":
		return joined(q, inner)
	case "id":
		return "id:" + quote(q.Value)
	case "text":
		return quoteWords(q.Value)
	case "match_all":
		return "*"
	case "object_type":
		return "type:" + q.Kind
	case "has_related":
		if q.Related != nil {
			kind := strings.TrimPrefix(strings.TrimPrefix(q.RelatedKind, "activity."), "contact_")
			return kind + "(" + write(q.Related, false) + ")"
		}
	case "field_condition":
		if q.Field != nil && q.Condition != nil {
			if s, ok := condition(nameOf(q.Field), q.Condition); ok {
				return s
			}
		}
	}
	return string(q.raw)
}

// joined writes an and or or. The kind of record at its beginning goes without saying.
func joined(q *node, inner bool) string {
	var parts []string
	for i := range q.Queries {
		part := &q.Queries[i]
		if part.Type == "object_type" && part.Kind == "lead" && !part.Negate {
			continue
		}
		parts = append(parts, write(part, len(q.Queries) > 1))
	}
	switch len(parts) {
	case 0:
		return "*"
	case 1:
		return parts[0]
	}
	s := strings.Join(parts, " "+q.Type+" ")
	if inner {
		return "(" + s + ")"
	}
	return s
}

func nameOf(f *field) string {
	if f.Custom != "" {
		return "custom." + f.Custom
	}
	return f.Name
}

func condition(name string, c *clause) (string, bool) {
	switch c.Type {
	case "boolean":
		return name + ":" + string(c.Value), len(c.Value) > 0
	case "current_user":
		return name + ":me", true
	case "exists":
		return "has:" + name, true
	case "text":
		words := text(c.Value)
		switch c.Mode { // the others are written as they are
		case "exact_value":
			return name + " = " + quote(words), true
		case "beginning_of_words":
			return name + ":" + quote(words+"*"), true
		}
		return name + ":" + quote(words), true
	case "term":
		return among(name, texts(c.Values)), true
	case "reference":
		return among(name, c.IDs), true
	case "number_range":
		return bounds(bound(name, ">", number(name, c.Gt)), bound(name, ">=", number(name, c.Gte)), bound(name, "<", number(name, c.Lt)), bound(name, "<=", number(name, c.Lte)))
	case "moment_range":
		from, ok := momentText(c.OnOrAfter)
		until, ok2 := momentText(c.Before)
		s, some := bounds(bound(name, ">=", from), bound(name, "<", until))
		return s, some && ok && ok2
	}
	return "", false
}

func texts(raw []json.RawMessage) []string {
	out := make([]string, len(raw))
	for i, r := range raw {
		out[i] = text(r)
	}
	return out
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

func among(name string, values []string) string {
	if len(values) == 1 {
		return name + ":" + quote(values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return name + " in (" + strings.Join(quoted, ", ") + ")"
}

// number writes a bound. The fields of Close that hold money are written as such.
func number(name string, n *float64) string {
	switch {
	case n == nil:
		return ""
	case slices.Contains([]string{"value", "annualized_value", "expected_value", "annualized_expected_value"}, name):
		return strconv.Quote(closekit.Cents(*n).String())
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

func momentText(m *moment) (string, bool) {
	if m == nil {
		return "", true
	}
	switch m.Type { // the others are written as they are
	case "fixed_utc":
		return quote(strings.TrimSuffix(m.Value, "T00:00:00")), true
	case "now":
		return "now", true
	case "offset":
		text, ok := spanText(m)
		return quote(text), ok
	}
	return "", false
}

// spanText writes the distance of a moment from the time of the search, such as 2 weeks
// ago. It reports false for what these words cannot say.
func spanText(m *moment) (string, bool) {
	if m.Offset == nil || m.Moment == nil || m.Moment.Type != "now" || m.Direction != "past" && m.Direction != "future" {
		return "", false
	}
	var parts []string
	for _, unit := range []string{"years", "months", "weeks", "days", "hours", "minutes", "seconds"} {
		switch n := m.Offset[unit]; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+strings.TrimSuffix(unit, "s"))
		default:
			parts = append(parts, strconv.Itoa(n)+" "+unit)
		}
	}
	text := strings.Join(parts, " ")
	switch {
	case text == "":
		return "today", true
	case m.Direction == "future":
		return "in " + text, true
	}
	return text + " ago", true
}

func bound(name, op, value string) string {
	if value == "" {
		return ""
	}
	return name + " " + op + " " + value
}

func bounds(all ...string) (string, bool) {
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	return strings.Join(all, " "), len(all) > 0
}

// quote puts a text in quotes unless it is one plain word.
func quote(s string) string {
	plain := func(r rune) bool {
		return r != '_' && r != '.' && r != '-' && r != '*' && r != '@' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0x80
	}
	if s != "" && strings.IndexFunc(s, plain) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// quoteWords puts each word in quotes that needs them, because a search for text takes
// words in any order.
func quoteWords(s string) string {
	list := strings.Fields(s)
	for i, w := range list {
		list[i] = quote(w)
	}
	return strings.Join(list, " ")
}
