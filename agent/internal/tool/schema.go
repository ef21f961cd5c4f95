package tool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Schema is a parsed JSON Schema of the subset that tools have, with its properties
// in the order of the manifest. It must not be modified.
type Schema struct {
	Types       []string // string, integer, …; several where null or any value is valid
	Description string
	Enum        []any // strings, and nil for null
	Format      string
	Pattern     string
	Examples    []json.RawMessage
	Default     json.RawMessage

	Minimum, Maximum     *json.Number
	MinLength, MaxLength int
	MinItems, MaxItems   int

	Items *Schema // of an array; nil if an element can be anything

	Properties []Property
	Required   []string
	// Closed is true if no other properties are allowed. Keys maps the patterns of
	// property names to the schema of their values; Values is the schema of the
	// values of any other name.
	Closed bool
	Keys   []Property
	Values *Schema
}

// Property is a named schema.
type Property struct {
	Name string
	*Schema
}

// Is reports whether the schema accepts values of the type.
func (s *Schema) Is(typ string) bool { return slices.Contains(s.Types, typ) }

// Nullable reports whether null is valid.
func (s *Schema) Nullable() bool { return s.Is("null") }

// Single returns the only type besides null, or "" if there are several.
func (s *Schema) Single() string {
	one := ""
	for _, t := range s.Types {
		switch {
		case t == "null":
		case one != "":
			return ""
		default:
			one = t
		}
	}
	return one
}

// Property returns the schema of a property, or nil.
func (s *Schema) Property(name string) *Schema {
	for _, p := range s.Properties {
		if p.Name == name {
			return p.Schema
		}
	}
	return nil
}

// Words returns the values that an enum lists, without null.
func (s *Schema) Words() []string {
	var list []string
	for _, v := range s.Enum {
		if w, ok := v.(string); ok {
			list = append(list, w)
		}
	}
	return list
}

// ParseSchema parses a schema. A keyword outside the subset is an error, so that
// nothing that a schema demands is overlooked.
func ParseSchema(raw []byte) (*Schema, error) {
	var m members
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	s := &Schema{}
	for _, k := range m {
		if err := s.keyword(k.name, k.value); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return s, nil
}

func (s *Schema) keyword(name string, v json.RawMessage) error {
	switch name {
	case "type":
		if v[0] == '"' {
			s.Types = []string{""}
			return json.Unmarshal(v, &s.Types[0])
		}
		return json.Unmarshal(v, &s.Types)
	case "description":
		return json.Unmarshal(v, &s.Description)
	case "enum":
		return json.Unmarshal(v, &s.Enum)
	case "format":
		return json.Unmarshal(v, &s.Format)
	case "pattern":
		return json.Unmarshal(v, &s.Pattern)
	case "examples":
		return json.Unmarshal(v, &s.Examples)
	case "default":
		s.Default = v
		return nil
	case "minimum":
		return json.Unmarshal(v, &s.Minimum)
	case "maximum":
		return json.Unmarshal(v, &s.Maximum)
	case "minLength":
		return json.Unmarshal(v, &s.MinLength)
	case "maxLength":
		return json.Unmarshal(v, &s.MaxLength)
	case "minItems":
		return json.Unmarshal(v, &s.MinItems)
	case "maxItems":
		return json.Unmarshal(v, &s.MaxItems)
	case "required":
		return json.Unmarshal(v, &s.Required)
	case "items":
		return parse(v, &s.Items)
	case "properties":
		return parseAll(v, &s.Properties)
	case "patternProperties":
		return parseAll(v, &s.Keys)
	case "additionalProperties":
		if string(v) == "false" {
			s.Closed = true
			return nil
		}
		return parse(v, &s.Values)
	}
	return fmt.Errorf("the keyword is not of the subset that tools have")
}

func parse(v json.RawMessage, to **Schema) (err error) {
	*to, err = ParseSchema(v)
	return err
}

func parseAll(v json.RawMessage, to *[]Property) error {
	var m members
	if err := json.Unmarshal(v, &m); err != nil {
		return err
	}
	for _, k := range m {
		s, err := ParseSchema(k.value)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		*to = append(*to, Property{k.name, s})
	}
	return nil
}

// members is a JSON object in order.
type members []member

type member struct {
	name  string
	value json.RawMessage
}

func (m *members) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("must be an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		k := member{name: t.(string)} //nolint:forcetypeassert // a key of an object
		if err := d.Decode(&k.value); err != nil {
			return err
		}
		*m = append(*m, k)
	}
	return nil
}
