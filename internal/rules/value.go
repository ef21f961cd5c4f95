package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// value is parsed JSON with members in order.
type value struct {
	kind    byte   // { [ " t n 0: object, list, string, boolean, null, number
	str     string // of a string; text of a boolean or a number
	members []member
	list    []*value
}

type member struct {
	name string
	*value
}

func (v *value) get(name string) *value {
	if v != nil {
		for _, m := range v.members {
			if m.name == name {
				return m.value
			}
		}
	}
	return nil
}

func (v *value) at(path ...string) *value {
	for _, name := range path {
		v = v.get(name)
	}
	return v
}

// text returns a member that is a string, or "".
func (v *value) text(name string) string {
	if m := v.get(name); m != nil && m.kind == '"' {
		return m.str
	}
	return ""
}

func (v *value) strings(name string) []string {
	m := v.get(name)
	if m == nil {
		return nil
	}
	var list []string
	for _, one := range m.list {
		list = append(list, one.str)
	}
	return list
}

func (v *value) isTrue(name string) bool {
	m := v.get(name)
	return m != nil && m.kind == 't' && m.str == "true"
}

func parse(raw json.RawMessage) (*value, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := read(d)
	if err == nil && d.More() {
		err = errors.New("text follows the definition")
	}
	if err == nil && bytes.Contains(raw, []byte(`\u003c`)) {
		err = errors.New("HTML is escaped")
	}
	return v, err
}

func read(d *json.Decoder) (*value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return &value{kind: '"', str: t}, nil
	case bool:
		return &value{kind: 't', str: fmt.Sprint(t)}, nil
	case nil:
		return &value{kind: 'n'}, nil
	case json.Number:
		return &value{kind: '0', str: t.String()}, nil
	case json.Delim:
		return readMany(d, t)
	}
	return nil, fmt.Errorf("unknown token %v", t)
}

func readMany(d *json.Decoder, open json.Delim) (*value, error) {
	v := &value{kind: byte(open)} //nolint:gosec // { or [
	for d.More() {
		name := ""
		if open == '{' {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			name = t.(string) //nolint:forcetypeassert // a key of an object
			if v.get(name) != nil {
				return nil, fmt.Errorf("the key %q occurs twice", name)
			}
		}
		one, err := read(d)
		if err != nil {
			return nil, err
		}
		if open == '{' {
			v.members = append(v.members, member{name, one})
		} else {
			v.list = append(v.list, one)
		}
	}
	_, err := d.Token()
	return v, err
}
