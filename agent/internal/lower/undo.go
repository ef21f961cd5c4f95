package lower

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/closekit/closekit/agent/internal/tool"
)

// Undo takes back what a format did to the form of the input: null for what is not
// given, pairs for objects with free keys, and JSON text for trees. It then spreads more.
// Input that does not have the form is left for the check to refuse.
func Undo(t *tool.Tool, f Format, input json.RawMessage) (json.RawMessage, error) {
	if d := dialectOf(f); d.closed {
		s, err := t.Schema()
		if err != nil {
			return nil, err
		}
		if input, err = d.undo(s, input); err != nil {
			return nil, named(t, "", err)
		}
	}
	return Spread(t, input)
}

// Plain takes back what the definition of a tool did to the form of an input: it spreads
// more, and undoes the strict form. That is how an input is read that gives every
// parameter which a strict definition shows: null there stands for one that is not
// set, even where an update could not clear it.
func Plain(t *tool.Tool, input json.RawMessage) (json.RawMessage, error) {
	if bytes.Contains(input, []byte("null")) {
		strict, err := isStrict(t, input)
		if err != nil {
			return nil, err
		}
		if strict {
			return Undo(t, OpenAIStrict, input)
		}
	}
	if bytes.Contains(input, []byte(`"more"`)) || bytes.Contains(input, []byte(`\u`)) { // most inputs have none
		return Spread(t, input)
	}
	return input, nil
}

// isStrict reports whether an input gives every parameter of the strict definition.
func isStrict(t *tool.Tool, input json.RawMessage) (bool, error) {
	if reasons, err := NotStrict(t); err != nil || len(reasons) > 0 {
		return false, err
	}
	s, err := t.Schema()
	if err != nil {
		return false, err
	}
	members, err := membersOf(input)
	if err != nil {
		return false, nil //nolint:nilerr // the check says what is wrong with it
	}
	given := map[string]bool{}
	for _, m := range members {
		given[m.name] = true
	}
	shown := shownOf(t, s)
	return !slices.ContainsFunc(s.Properties, func(p tool.Property) bool {
		return !given[p.Name] && shown[p.Name] != hidden && !isDeprecated(p.Schema)
	}), nil
}

func (d dialect) undo(s *tool.Schema, v json.RawMessage) (json.RawMessage, error) {
	switch {
	case s.Single() == "" && s.Is("object"), d.closed && isBrief(s), d.closed && s.Single() == "object" && len(s.Properties) == 0 && bytes.HasPrefix(v, []byte{'"'}):
		return treeOf(v), nil
	case s.Single() == "array" && s.Items != nil:
		return d.undoList(s.Items, v)
	case s.Single() != "object":
		return v, nil
	case len(s.Properties) == 0:
		return mapOf(v)
	}
	members, err := membersOf(v)
	if errors.Is(err, errNotObject) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	o := object{b: []byte{'{'}}
	for _, m := range members {
		p := s.Property(m.name)
		if d.strict && string(m.value) == "null" && p != nil {
			continue
		}
		if p != nil {
			if m.value, err = d.undo(p, m.value); err != nil {
				return nil, err
			}
		}
		o.raw(m.name, m.value)
	}
	return append(o.b, '}'), nil
}

func (d dialect) undoList(items *tool.Schema, v json.RawMessage) (json.RawMessage, error) {
	list := listOf[json.RawMessage](v)
	if list == nil {
		return v, nil
	}
	out := []byte{'['}
	for i, one := range list {
		one, err := d.undo(items, one)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, one...)
	}
	return append(out, ']'), nil
}

// listOf returns the items of a list, nil if v is none of such items: the check of the
// input says so then.
func listOf[T any](v json.RawMessage) []T {
	var list []T
	if json.Unmarshal(v, &list) != nil {
		return nil
	}
	return list
}

// pair is a key of an object with free keys, and its value.
type pair struct {
	ID    *string         `json:"id"`
	Value json.RawMessage `json:"value"`
}

// mapOf makes an object of a list of pairs. An id that occurs twice is refused.
func mapOf(v json.RawMessage) (json.RawMessage, error) {
	list := listOf[pair](v)
	if list == nil {
		return v, nil
	}
	o := object{b: []byte{'{'}}
	for _, p := range list {
		if p.ID == nil || p.Value == nil {
			return v, nil
		}
		o.raw(*p.ID, p.Value)
	}
	m := json.RawMessage(append(o.b, '}'))
	if _, err := membersOf(m); err != nil {
		return nil, err
	}
	return m, nil
}

// treeOf returns the value that JSON text holds.
func treeOf(v json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(v, &text) == nil && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return v
}
