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
// Words that name no type are about leads. What the search box has no words for is written
// as JSON.
func String(query json.RawMessage) string {
	var q node
	if json.Unmarshal(query, &q) != nil || string(q.raw) == "null" {
		return ""
	}
	q.impliedLead()
	return write(&q, "")
}

// impliedLead removes the condition that records are leads, if it is one of the query as a
// whole, and no other kind is named.
func (n *node) impliedLead() {
	isLead := func(n node) bool { return n.Type == "object_type" && n.Kind == "lead" && !n.Negate }
	if n.Type == "and" && !n.Negate && n.kinds() == 1 {
		n.Queries = slices.DeleteFunc(n.Queries, isLead)
	}
}

// kinds returns how often the query names a kind of record.
func (n *node) kinds() (count int) {
	if n.Type == "object_type" {
		count++
	}
	for i := range n.Queries {
		count += n.Queries[i].kinds()
	}
	return count
}

// write writes a node. around is the word that joins it to others, or not; it is empty if
// it stands alone.
func write(q *node, around string) string {
	outer := around
	if q.Negate {
		around = "not"
	}
	s, ok := positive(q, around)
	switch {
	case !ok:
		return string(q.raw) // says itself that it is negated
	case q.Negate && outer == "not":
		return "(not " + s + ")"
	case q.Negate:
		return "not " + s
	}
	return s
}

func positive(q *node, around string) (string, bool) {
	switch q.Type {
	case "and", "or":
		return joined(q, around)
	case "id":
		return "id:" + quote(q.Value), true
	case "text":
		s := quoteWords(q.Value)
		return beside(s, around, strings.Contains(s, " ")), s != ""
	case "match_all":
		return "*", true
	case "object_type":
		return "type:" + quote(q.Kind), true
	case "has_related":
		if q.Related != nil {
			kind := strings.TrimPrefix(strings.TrimPrefix(q.RelatedKind, "activity."), "contact_")
			return quote(kind) + "(" + write(q.Related, "") + ")", true
		}
	case "field_condition":
		if q.Field != nil && q.Condition != nil {
			s, ok := condition(quote(nameOf(q.Field)), q.Condition)
			return beside(s, around, q.Condition.bounds() > 1), ok
		}
	}
	return "", false
}

// beside puts conditions that stand side by side in parentheses where it could be unclear
// how far an or or not reaches. All of them hold, as if and were between them.
func beside(s, around string, several bool) string {
	if several && (around == "or" || around == "not") {
		return "(" + s + ")"
	}
	return s
}

// joined writes an and or or. An and of nothing finds everything; an or of nothing has no
// words.
func joined(q *node, around string) (string, bool) {
	switch len(q.Queries) {
	case 0:
		return "*", q.Type == "and"
	case 1:
		return write(&q.Queries[0], around), true
	}
	parts := make([]string, len(q.Queries))
	for i := range q.Queries {
		parts[i] = write(&q.Queries[i], q.Type)
	}
	s := strings.Join(parts, " "+q.Type+" ")
	if around != "" {
		s = "(" + s + ")"
	}
	return s, true
}

func nameOf(f *field) string {
	if f.Custom != "" {
		return "custom." + f.Custom
	}
	return f.Name
}

// bounds returns how many bounds a condition has.
func (c *clause) bounds() (n int) {
	for _, given := range []bool{c.Gt != nil, c.Gte != nil, c.Lt != nil, c.Lte != nil, c.OnOrAfter != nil, c.Before != nil} {
		if given {
			n++
		}
	}
	return n
}

func condition(name string, c *clause) (string, bool) {
	switch c.Type {
	case "boolean":
		value := string(c.Value)
		return name + ":" + value, value == "true" || value == "false"
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
// words in any order. It needs them too where it would mean something else.
func quoteWords(s string) string {
	list := strings.Fields(s)
	for i, w := range list {
		if list[i] = quote(w); slices.Contains([]string{"and", "or", "not", "*"}, strings.ToLower(w)) {
			list[i] = strconv.Quote(w)
		}
	}
	return strings.Join(list, " ")
}
