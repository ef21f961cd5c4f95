package lower

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
)

// Spread returns input with the members of the parameter more at the top level, where
// they are checked. It refuses a parameter that is given in both places, more within
// more, and duplicate keys, because which value counts would be a guess. Input that is
// not an object is returned as it is.
func Spread(t *tool.Tool, input json.RawMessage) (json.RawMessage, error) {
	members, err := membersOf(input)
	if errors.Is(err, errNotObject) {
		return input, nil
	}
	if err != nil {
		return nil, named(t, "", err)
	}
	s, err := t.Schema()
	if err != nil {
		return nil, err
	}
	if s.Property(moreName) != nil {
		return input, nil
	}
	given := map[string]bool{}
	var rest json.RawMessage
	for _, m := range members {
		given[m.name] = true
		if m.name == moreName {
			rest = m.value
		}
	}
	if rest == nil {
		return input, nil
	}
	inner, err := membersOf(rest)
	switch {
	case string(rest) == "null":
	case errors.Is(err, errNotObject):
		return nil, problem(t, moreName, "must be an object of parameters", "the parameters can also be given at the top level")
	case err != nil:
		return nil, named(t, moreName+".", err)
	}
	for _, m := range inner {
		switch {
		case m.name == moreName:
			return nil, problem(t, "more.more", "more must not contain more", "give its parameters one level up")
		case given[m.name]:
			return nil, problem(t, "more."+m.name, "is given at the top level too", "give it once")
		}
	}
	return build(func(o *object) {
		for _, m := range members {
			if m.name != moreName {
				o.raw(m.name, m.value)
				continue
			}
			for _, m := range inner {
				o.raw(m.name, m.value)
			}
		}
	}), nil
}

type member struct {
	name  string
	value json.RawMessage
}

func problem(t *tool.Tool, path, expected, hint string) error {
	return &closekit.ValidationError{Tool: t.Name, Problems: []closekit.Problem{{Path: path, Expected: expected, Hint: hint}}}
}

// twiceError is a key that an object has twice.
type twiceError string

func (e twiceError) Error() string { return string(e) + ": is given twice" }

// named makes a problem of the input of a duplicate key.
func named(t *tool.Tool, path string, err error) error {
	var key twiceError
	if errors.As(err, &key) {
		return problem(t, path+string(key), "is given twice", "give it once")
	}
	return err
}

var errNotObject = errors.New("not an object")

// membersOf returns the members of an object in order. Duplicate keys are an error.
func membersOf(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	var list []member
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errNotObject
		}
		m := member{name: t.(string)} //nolint:forcetypeassert // a key of an object
		if err := d.Decode(&m.value); err != nil {
			return nil, errNotObject
		}
		if seen[m.name] {
			return nil, twiceError(m.name)
		}
		seen[m.name] = true
		list = append(list, m)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') || d.More() {
		return nil, errNotObject // for the check to explain
	}
	return list, nil
}
