package lower

import (
	"encoding/json"
	"errors"

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

func (d dialect) undo(s *tool.Schema, v json.RawMessage) (json.RawMessage, error) {
	switch {
	case s.Single() == "" && s.Is("object"):
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
