package ir

import (
	"bytes"
	"encoding/json"

	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/internal/words"
)

// property is the schema of a custom field. Its labels are texts of the organization:
// they are cleaned and cut, because models read them.
type property struct {
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Type        any       `json:"type,omitempty"`
	Format      string    `json:"format,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Enum        []any     `json:"enum,omitempty"`
	Items       *property `json:"items,omitempty"`
}

const longestLabel = 100 // bytes of a label that models read

// fieldSchema makes the JSON Schema of the custom fields of a kind of records, as the
// parameter custom_fields takes them.
func fieldSchema(title string, fields []*organization.Field) ([]byte, error) {
	var props bytes.Buffer
	add := func(name string, p property) error {
		if props.Len() > 0 {
			props.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		value, err := compactJSON(p)
		props.Write(append(append(key, ':'), value...))
		return err
	}
	for _, f := range fields {
		p := property{Title: words.Clean(line(f.Name), longestLabel), Description: line(f.Description)}
		value := valueOf(f)
		if !f.Several {
			p.Type, p.Format, p.Pattern, p.Enum = []any{value.Type, "null"}, value.Format, value.Pattern, value.Enum
			if p.Enum != nil {
				p.Enum = append(p.Enum, nil)
			}
			if value.Type == nil {
				p.Type = []string{"string", "number", "boolean", "array", "null"}
			}
			if err := add(f.ID, p); err != nil {
				return nil, err
			}
			continue
		}
		p.Type, p.Items = []any{"array", "null"}, &value
		if err := add(f.ID, p); err != nil {
			return nil, err
		}
		for _, how := range []struct{ suffix, about string }{{".add", "Adds one value; for updates only."}, {".remove", "Removes one value; for updates only."}} {
			v := value
			v.Title, v.Description = p.Title, how.about
			if err := add(f.ID+how.suffix, v); err != nil {
				return nil, err
			}
		}
	}
	head, err := compactJSON(title)
	if err != nil {
		return nil, err
	}
	all := `{"generated":"by closegen from a lock file; DO NOT EDIT","title":` + string(head) + `,"type":"object","properties":{` + props.String() + `},"additionalProperties":false}`
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(all), "", "\t"); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// valueOf is the schema of one value of a field.
func valueOf(f *organization.Field) property {
	switch fieldForms[f.Type] {
	case NumberForm:
		return property{Type: "number"}
	case DateForm:
		return property{Type: "string", Format: "date"}
	case DateTimeForm:
		return property{Type: "string", Format: "date-time"}
	case UserForm:
		return property{Type: "string", Pattern: "^user_[A-Za-z0-9]+$"}
	case ContactForm:
		return property{Type: "string", Pattern: "^cont_[A-Za-z0-9]+$"}
	case ChoiceForm:
		p := property{Type: "string"}
		for _, c := range f.Choices {
			p.Enum = append(p.Enum, c)
		}
		return p
	case TextForm:
		return property{Type: "string"}
	case AnyForm:
	}
	return property{}
}
