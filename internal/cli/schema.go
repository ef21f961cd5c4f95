package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
)

// schema is the part of a JSON Schema that the command line uses.
type schema struct {
	Type        types           `json:"type"`
	Description string          `json:"description"`
	Enum        []any           `json:"enum"`
	Items       *schema         `json:"items"`
	Properties  properties      `json:"properties"`
	Required    []string        `json:"required"`
	Default     json.RawMessage `json:"default"`
	Pattern     string          `json:"pattern"`
	Format      string          `json:"format"`
}

// types is the keyword type, a string or a list of strings.
type types []string

func (t *types) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = types{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(b, &list)
	*t = list
	return err
}

func (s *schema) is(t string) bool { return slices.Contains(s.Type, t) }

// properties keep the order of the schema, which is that of the manifest.
type properties []property

type property struct {
	name string
	schema
}

func (p *properties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		one := property{name: fmt.Sprint(key)}
		if err := d.Decode(&one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// inputOf reads the input schema of a tool.
func inputOf(t *closekit.Tool) (*schema, error) {
	s := new(schema)
	if err := json.Unmarshal(t.InputSchema(), s); err != nil {
		return nil, fmt.Errorf("%s: the input schema cannot be read: %w", t.Name, err)
	}
	return s, nil
}

func (s *schema) property(name string) *property {
	for i := range s.Properties {
		if s.Properties[i].name == name {
			return &s.Properties[i]
		}
	}
	return nil
}

// usual returns the values that are usual for a parameter that takes others too. A
// JSON Schema has no keyword for them, so that the description lists them.
func (s *schema) usual() []string {
	_, list, found := strings.Cut(s.Description, "Usually one of: ")
	if !found {
		return nil
	}
	list, _, _ = strings.Cut(list, ".")
	return strings.Split(list, ", ")
}

// kind names the type of a parameter for the help.
func (s *schema) kind() string {
	switch {
	case len(s.Enum) > 0:
		var values []string
		for _, e := range s.Enum {
			if e != nil {
				values = append(values, fmt.Sprint(e))
			}
		}
		return strings.Join(values, "|")
	case s.is("array") && s.Items != nil && s.Items.is("object"):
		return "JSON-LIST"
	case s.is("array"):
		return "LIST"
	case s.is("object"):
		return "JSON"
	case s.is("integer"):
		return "INTEGER"
	case s.is("number"):
		return "NUMBER"
	case s.is("boolean"):
		return "true|false"
	case s.Pattern != "" && strings.Contains(s.Pattern, "_["):
		prefix, _, _ := strings.Cut(strings.TrimPrefix(s.Pattern, "^"), "_[")
		if isWord(prefix) {
			return prefix + "_ID"
		}
		return "ID"
	case s.Format == "date":
		return "DATE"
	case s.Format == "date-time":
		return "TIME"
	}
	return "TEXT"
}

func isWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
