package query

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

var errNoCount = errors.New("close_search: the response has no count, although include_counts asks for it")

// String returns a query in the words of Close's own search box, for people and logs:
//
//	name:Acme and opportunity(value >= "10,000.00") and not call(activity_at >= 2026-03-01)
//
// It says what is sent, but is not sent itself. What the search box has no words for is
// written as JSON.
func String(q *closeapi.SearchQuery) string {
	if q == nil {
		return ""
	}
	return write(q, false)
}

// write writes a node. inner says that other nodes stand beside it.
func write(q *closeapi.SearchQuery, inner bool) string {
	s := positive(q, inner || q.Negate.Or(false))
	if q.Negate.Or(false) {
		return "not " + s
	}
	return s
}

func positive(q *closeapi.SearchQuery, inner bool) string {
	switch q.Type {
	case closeapi.SearchQueryTypeAnd, closeapi.SearchQueryTypeOr:
		return joined(q, inner)
	case closeapi.SearchQueryTypeID:
		return "id:" + quote(q.Value.Or(""))
	case closeapi.SearchQueryTypeText:
		return quoteWords(q.Value.Or(""))
	case closeapi.SearchQueryTypeMatchAll:
		return "*"
	case closeapi.SearchQueryTypeObjectType:
		return "type:" + string(q.ObjectType.Or(""))
	case closeapi.SearchQueryTypeHasRelated:
		if q.RelatedQuery != nil {
			kind := strings.TrimPrefix(strings.TrimPrefix(string(q.RelatedObjectType.Or("")), "activity."), "contact_")
			return kind + "(" + write(q.RelatedQuery, false) + ")"
		}
	case closeapi.SearchQueryTypeFieldCondition:
		if q.Field != nil && q.Condition != nil {
			if s, ok := condition(nameOf(q.Field), q.Condition); ok {
				return s
			}
		}
	}
	b, err := json.Marshal(q)
	if err != nil {
		return string(q.Type)
	}
	return string(b)
}

// joined writes an and or or. The kind of record at its beginning goes without saying.
func joined(q *closeapi.SearchQuery, inner bool) string {
	var parts []string
	for i := range q.Queries {
		part := &q.Queries[i]
		if part.Type == closeapi.SearchQueryTypeObjectType && part.ObjectType.Or("") == closeapi.SearchObjectTypeLead && !part.Negate.Or(false) {
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
	s := strings.Join(parts, " "+string(q.Type)+" ")
	if inner {
		return "(" + s + ")"
	}
	return s
}

func nameOf(f *closeapi.SearchField) string {
	if id := f.CustomFieldID.Or(""); id != "" {
		return "custom." + string(id)
	}
	return f.FieldName.Or("")
}

func condition(name string, c *closeapi.SearchCondition) (string, bool) {
	switch c.Type {
	case closeapi.SearchConditionTypeBoolean:
		return name + ":" + string(c.Value), len(c.Value) > 0
	case closeapi.SearchConditionTypeCurrentUser:
		return name + ":me", true
	case closeapi.SearchConditionTypeExists:
		return "has:" + name, true
	case closeapi.SearchConditionTypeText:
		words := text(c.Value)
		switch c.Mode.Or("") { //nolint:exhaustive // the others are written as they are
		case closeapi.SearchTextModeExactValue:
			return name + " = " + quote(words), true
		case closeapi.SearchTextModeBeginningOfWords:
			return name + ":" + quote(words+"*"), true
		}
		return name + ":" + quote(words), true
	case closeapi.SearchConditionTypeTerm:
		return among(name, texts(c.Values)), true
	case closeapi.SearchConditionTypeReference:
		return among(name, c.ObjectIDs), true
	case closeapi.SearchConditionTypeNumberRange:
		return bounds(bound(name, ">", number(name, c.Gt)), bound(name, ">=", number(name, c.Gte)), bound(name, "<", number(name, c.Lt)), bound(name, "<=", number(name, c.Lte)))
	case closeapi.SearchConditionTypeMomentRange:
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
func number(name string, n closekit.Opt[float64]) string {
	v, ok := n.Get()
	switch {
	case !ok:
		return ""
	case slices.Contains([]string{"value", "annualized_value", "expected_value", "annualized_expected_value"}, name):
		return strconv.Quote(closekit.Cents(v).String())
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func momentText(m *closeapi.SearchMoment) (string, bool) {
	if m == nil {
		return "", true
	}
	switch m.Type { //nolint:exhaustive // the others are written as they are
	case closeapi.SearchMomentTypeFixedUTC:
		return quote(strings.TrimSuffix(m.Value.Or(""), "T00:00:00")), true
	case closeapi.SearchMomentTypeNow:
		return "now", true
	case closeapi.SearchMomentTypeOffset:
		text, ok := spanText(m)
		return quote(text), ok
	}
	return "", false
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
