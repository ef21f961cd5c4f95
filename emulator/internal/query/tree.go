package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// ParseTree reads a query that is a tree of objects, as search, Smart Views, bulk
// actions and exports take it.
func ParseTree(raw any) (*Query, error) {
	q := &Query{}
	root, err := parseNode(raw, 0)
	if err != nil {
		return nil, err
	}
	q.root, q.About = root, aboutOf(root)
	return q, nil
}

// aboutOf returns the kind of record that all results of a node have, if it names one.
func aboutOf(n node) string {
	switch n := n.(type) {
	case kindIs:
		return n.kind
	case and:
		for _, part := range n {
			if kind := aboutOf(part); kind != "" {
				return kind
			}
		}
	}
	return ""
}

// members are the members of a node beside type and negate, by its type.
var members = map[string][]string{
	"and": {"queries"}, "or": {"queries"}, "id": {"value"}, "object_type": {"object_type"}, "text": {"value", "mode"},
	"field_condition": {"field", "condition"}, "match_all": {},
	"has_related": {"this_object_type", "related_object_type", "related_query"},
}

// optional are the members of a node or condition that may be left out.
var optional = map[string]bool{
	"mode": true, "gt": true, "gte": true, "lt": true, "lte": true, "on_or_after": true, "before": true, "which": true, "which_day_end": true,
}

// check reports what is missing in an object, or what it has beside the members of its
// type.
func check(what string, o object, known map[string][]string) (string, error) {
	typ := value.String(o["type"])
	names, ok := known[typ]
	if !ok {
		return "", problem("The query has a %s of the type %s, which does not exist.", what, quote(typ))
	}
	for _, name := range names {
		if o[name] == nil && !optional[name] {
			return "", problem("The query has a %s of the type %s without %s.", what, quote(typ), quote(name))
		}
	}
	for name, v := range o {
		if name != "type" && name != "negate" && v != nil && !slices.Contains(names, name) {
			return "", problem("The query has %s in a %s of the type %s, where it means nothing.", quote(name), what, quote(typ))
		}
	}
	return typ, nil
}

func parseNode(raw any, depth int) (node, error) {
	o, ok := raw.(object)
	if !ok {
		return nil, problem("The query has a node that is not an object.")
	}
	if depth > maxDepth {
		return nil, problem("The query has more than %d nested nodes.", maxDepth)
	}
	typ, err := check("node", o, members)
	if err != nil {
		return nil, err
	}
	n, err := parseMembers(typ, o, depth)
	if err != nil {
		return nil, err
	}
	if negate, has := o["negate"]; has && negate != nil {
		if _, ok := negate.(bool); !ok {
			return nil, problem("The query has a negate that is neither true nor false.")
		}
		if value.Bool(negate) {
			return not{n}, nil
		}
	}
	return n, nil
}

func parseMembers(typ string, o object, depth int) (node, error) {
	text := value.String(o["value"])
	switch typ {
	case "and", "or":
		raw, ok := o["queries"].([]any)
		if !ok {
			return nil, problem("The query has queries that are not a list.")
		}
		list := make([]node, len(raw))
		for i, e := range raw {
			var err error
			if list[i], err = parseNode(e, depth+1); err != nil {
				return nil, err
			}
		}
		if typ == "and" {
			return and(list), nil
		}
		return or(list), nil
	case "id":
		return idIs{text}, nil
	case "object_type":
		return kindIs{value.String(o["object_type"])}, nil
	case "text":
		match, err := matcher(cmp.Or(value.String(o["mode"]), "full_words"), text)
		return words{match}, err
	case "field_condition":
		field, err := parseField(o["field"])
		condition, ok := o["condition"].(object)
		if err == nil && !ok {
			err = problem("The query has a condition that is not an object.")
		}
		return test{field, condition}, err
	case "has_related":
		of, err := parseNode(o["related_query"], depth+1)
		return related{value.String(o["this_object_type"]), value.String(o["related_object_type"]), of}, err
	}
	return anything{}, nil
}

// FieldName is a field in a tree.
type FieldName struct {
	Of   string // kind of record; empty for a custom field
	Name string // as a schema knows it
}

func parseField(raw any) (FieldName, error) {
	o, ok := raw.(object)
	if !ok {
		return FieldName{}, problem("The query has a field that is not an object.")
	}
	typ, err := check("field", o, map[string][]string{"regular_field": {"object_type", "field_name"}, "custom_field": {"custom_field_id"}})
	if err != nil {
		return FieldName{}, err
	}
	if typ == "custom_field" {
		return FieldName{Name: "custom." + value.String(o["custom_field_id"])}, nil
	}
	return FieldName{Of: value.String(o["object_type"]), Name: value.String(o["field_name"])}, nil
}

// ParseSorts reads the order of results.
func ParseSorts(raw any) ([]Order, error) {
	list, ok := raw.([]any)
	if raw != nil && !ok {
		return nil, problem("The sort is not a list.")
	}
	var out []Order
	for _, e := range list {
		o, _ := e.(object)
		direction := value.String(o["direction"])
		if direction != "asc" && direction != "desc" {
			return nil, problem("The sort has the direction %s, which is neither asc nor desc.", quote(direction))
		}
		field, err := parseField(o["field"])
		if err != nil {
			return nil, err
		}
		out = append(out, Order{field.Name, direction == "desc"})
	}
	return out, nil
}

// matcher returns the comparison of a folded text with words.
func matcher(mode, text string) (func(is string) bool, error) {
	want := fold(text)
	all := func(occurs func(is, word string) bool) func(string) bool {
		list := strings.Fields(want)
		return func(is string) bool {
			return !slices.ContainsFunc(list, func(w string) bool { return !occurs(is, w) })
		}
	}
	switch mode {
	case "full_words":
		return all(wholeWord), nil
	case "phrase":
		return func(is string) bool { return wholeWord(is, want) }, nil
	case "exact_value":
		return func(is string) bool { return is == want }, nil
	case "beginning_of_words":
		return all(hasWords), nil
	}
	return nil, problem("The query has the mode %s, which does not exist.", quote(mode))
}

// wholeWord reports whether a text contains words that neither begin nor end within
// others. Both are folded.
func wholeWord(s, words string) bool {
	for from := 0; words != ""; {
		i := strings.Index(s[from:], words)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(words)
		if (i == 0 || !wordByte(s[i-1]) || !wordByte(words[0])) && (end == len(s) || !wordByte(s[end]) || !wordByte(s[end-1])) {
			return true
		}
		from = i + 1
	}
	return false
}

// compileWords selects objects of which one text has the words. Words of a record may be
// in different texts.
func (s *Schema[T]) compileWords(n words) predicate[T] {
	return func(o *subject[T]) bool {
		return n.match(fold(strings.Join(s.Texts(o.object), "\n")))
	}
}

func (s *Schema[T]) compileRelated(n related) (predicate[T], error) {
	if n.this != s.Kind {
		return nil, problem("The query has this_object_type %s in a node about %s.", quote(n.this), quote(s.Kind))
	}
	inner, list, ok := s.related(n.kind)
	if !ok {
		return nil, problem("The query asks for %s, which records of the kind %s do not have.", quote(n.kind), quote(s.Kind))
	}
	fits, err := inner.compile(n.of)
	if err != nil {
		return nil, err
	}
	return func(o *subject[T]) bool {
		return slices.ContainsFunc(list(o.object), func(r T) bool { return fits(&subject[T]{object: r}) })
	}, nil
}

func (s *Schema[T]) related(kind string) (*Schema[T], func(T) []T, bool) {
	if s.Related == nil {
		return nil, nil, false
	}
	return s.Related(kind)
}

// conditions are the members of a condition by its type.
var conditions = map[string][]string{
	"boolean": {"value"}, "current_user": {}, "exists": {}, "text": {"value", "mode"}, "term": {"values"},
	"reference": {"reference_type", "object_ids"}, "number_range": {"gt", "gte", "lt", "lte"}, "moment_range": {"on_or_after", "before"},
}

func (s *Schema[T]) compileTest(n test) (predicate[T], error) {
	if n.field.Of != "" && n.field.Of != s.Kind {
		return nil, problem("The query has a field of %s in a node about %s.", quote(n.field.Of), quote(s.Kind))
	}
	field, ok := s.Field(n.field.Name)
	if !ok {
		return nil, unknown(n.field.Name)
	}
	typ, err := check("condition", n.condition, conditions)
	if err != nil {
		return nil, err
	}
	if err := fitting(typ, field.Kind, n.field.Name); err != nil {
		return nil, err
	}
	if typ == "boolean" && n.condition["value"] == false {
		return func(o *subject[T]) bool {
			return !slices.Contains(field.Values(o.object), any(true))
		}, nil
	}
	fits, err := s.valueTest(typ, n)
	if err != nil {
		return nil, err
	}
	return func(o *subject[T]) bool { return slices.ContainsFunc(field.Values(o.object), fits) }, nil
}

// fitting reports a condition on a kind of field to which it does not apply. It would
// hold for nothing, or for everything.
func fitting(typ string, kind Kind, name string) error {
	ok, is := true, ""
	switch typ {
	case "boolean":
		ok, is = kind == Flag, "neither true nor false"
	case "current_user":
		ok, is = kind == User, "no user"
	case "text":
		ok, is = kind != Number && kind != Time && kind != Flag, "no text"
	case "term":
		ok, is = kind != Time, "a time; use a moment_range"
	case "reference":
		ok, is = kind == Exact || kind == User, "no id"
	case "number_range":
		ok, is = kind == Number, "no number"
	case "moment_range":
		ok, is = kind == Time, "no time"
	}
	if !ok {
		return problem("The query has a %s condition for %s, which is %s.", typ, quote(name), is)
	}
	return nil
}

// valueTest returns the test of one value of a field.
func (s *Schema[T]) valueTest(typ string, n test) (func(any) bool, error) {
	c := n.condition
	switch typ {
	case "boolean":
		if c["value"] != true {
			return nil, problem("The query has a boolean condition whose value is neither true nor false.")
		}
		return func(is any) bool { return is == true }, nil
	case "current_user":
		return func(is any) bool { return is == s.Me }, nil
	case "text":
		text, ok := c["value"].(string)
		if !ok {
			return nil, problem("The query has a text condition for %s whose value is no text.", quote(n.field.Name))
		}
		match, err := matcher(cmp.Or(value.String(c["mode"]), "full_words"), text)
		return func(is any) bool { t, ok := is.(string); return ok && match(fold(t)) }, err
	case "term":
		return oneOf(c["values"], "values")
	case "reference":
		return s.reference(c)
	case "number_range":
		return numberRange(n)
	case "moment_range":
		return s.momentRange(n)
	}
	return isSet, nil
}

func oneOf(raw any, name string) (func(any) bool, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, problem("The query has %s that are not a list.", quote(name))
	}
	return func(is any) bool {
		return is != nil && slices.ContainsFunc(list, func(want any) bool {
			if a, ok := is.(string); ok {
				b, ok := want.(string)
				return ok && fold(a) == fold(b)
			}
			if c, ok := is.(Count); ok {
				is = int64(c)
			}
			if text, ok := want.(string); ok { // as the index reads it
				return value.Text(is) == text || sameNumber(is, text)
			}
			a, aok := value.Float(is)
			b, bok := value.Float(want)
			return is == want || aok && bok && a == b
		})
	}, nil
}

// sameNumber reports whether a value is a number that a text says.
func sameNumber(is any, text string) bool {
	a, ok := value.Float(is)
	b, err := strconv.ParseFloat(text, 64)
	return ok && err == nil && a == b
}

// reference is like term, for ids. A group stands for its users.
func (s *Schema[T]) reference(c object) (func(any) bool, error) {
	list, ok := c["object_ids"].([]any)
	if !ok {
		return nil, problem("The query has object_ids that are not a list.")
	}
	ids := slices.Clone(list)
	switch value.String(c["reference_type"]) {
	case "group", "user_or_group":
		for _, id := range list {
			if s.Members == nil {
				break
			}
			for _, user := range s.Members(value.String(id)) {
				ids = append(ids, user)
			}
		}
	}
	return oneOf(ids, "object_ids")
}

func numberRange(n test) (func(any) bool, error) {
	var tests []func(any) bool
	for name, op := range map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="} {
		bound := n.condition[name]
		if bound == nil {
			continue
		}
		if _, ok := value.Float(bound); !ok {
			return nil, problem("The query has the bound %s of a number_range, which is no number.", quote(name))
		}
		test, err := numberTest(condition{field: n.field.Name, op: op}, newOperand(value.Text(bound), false))
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return all(tests), nil
}

func all(tests []func(any) bool) func(any) bool {
	return func(is any) bool {
		return is != nil && !slices.ContainsFunc(tests, func(f func(any) bool) bool { return !f(is) })
	}
}

func (s *Schema[T]) momentRange(n test) (func(any) bool, error) {
	var tests []func(any) bool
	for _, name := range []string{"on_or_after", "before"} {
		raw := n.condition[name]
		if raw == nil {
			continue
		}
		bound, err := s.moment(name, raw)
		if err != nil {
			return nil, err
		}
		tests = append(tests, func(is any) bool {
			at, ok := is.(time.Time)
			return ok && at.Before(bound) == (name == "before")
		})
	}
	return all(tests), nil
}
