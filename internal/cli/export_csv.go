package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
)

// csvColumns are the columns of an export: fields of the records, by name.
type csvColumns struct{ fields []string }

func (c *csvColumns) names() []string {
	if c == nil {
		return nil
	}
	return c.fields
}

// customRest is the column for the values of custom fields that have no column of their
// own: those of calls, which have no definitions, and those of fields that were created
// after the export began. It is a JSON object by field id, as tools take it.
const customRest = "custom_fields"

// columns returns the columns of a list: the chosen fields, or all that are known. Where
// custom is among them, and by default, so are the custom fields of the organization.
func (x *exporting) columns(ctx context.Context, client *closekit.Client, chosen []string) (*csvColumns, error) {
	_, hasCustom := customOwners[x.what]
	all := len(chosen) == 0
	fields := slices.Clone(chosen)
	if all {
		var err error
		if fields, err = itemFields(x.list); err != nil {
			return nil, err
		}
	}
	if hasCustom && (all || slices.Contains(fields, "custom")) {
		custom, err := customFields(ctx, client, x.what)
		if err != nil {
			return nil, err
		}
		fields = slices.DeleteFunc(fields, func(name string) bool { return name == "custom" }) // an old form of the values
		for _, f := range custom {
			if name := "custom." + f.ID; !slices.Contains(fields, name) {
				fields = append(fields, name)
			}
		}
		fields = append(fields, customRest)
	}
	return &csvColumns{fields}, nil
}

// itemFields returns the fields of the items of a list, in the order of the manifest.
func itemFields(t *closekit.Tool) ([]string, error) {
	var out struct {
		Properties struct {
			Data struct {
				Items struct {
					Ref        string     `json:"$ref"`
					Properties properties `json:"properties"`
				} `json:"items"`
			} `json:"data"`
		} `json:"properties"`
		Defs map[string]struct {
			Properties properties `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(t.OutputSchema(), &out); err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", t.Name, err)
	}
	list := out.Properties.Data.Items.Properties
	if len(list) == 0 {
		list = out.Defs[strings.TrimPrefix(out.Properties.Data.Items.Ref, "#/$defs/")].Properties
	}
	var names []string
	for _, p := range list {
		names = append(names, p.name)
	}
	return names, nil
}

func (c *csvColumns) header() []byte { return csvLine(c.fields) }

// append appends a record as a line.
func (c *csvColumns) append(lines []byte, record json.RawMessage) ([]byte, error) {
	var o map[string]json.RawMessage
	if err := json.Unmarshal(record, &o); err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	cells := make([]string, len(c.fields))
	for i, name := range c.fields {
		if name == customRest && o[name] == nil {
			cells[i] = csvCell(c.rest(o))
			continue
		}
		cells[i] = csvCell(o[name])
	}
	return append(lines, csvLine(cells)...), nil
}

// rest returns the values of the custom fields without a column as a JSON object, or nil.
func (c *csvColumns) rest(record map[string]json.RawMessage) json.RawMessage {
	rest := map[string]json.RawMessage{}
	for key, v := range record {
		if id, ok := strings.CutPrefix(key, "custom."); ok && string(v) != "null" && !slices.Contains(c.fields, key) {
			rest[id] = v
		}
	}
	if len(rest) == 0 {
		return nil
	}
	b, err := json.Marshal(rest)
	if err != nil {
		return nil // raw JSON that was parsed
	}
	return b
}

// csvCell returns a value as a cell: text as it is, but for what looks like a formula,
// nothing for null, and JSON for all else.
func csvCell(raw json.RawMessage) string {
	var s string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case raw[0] == '"' && json.Unmarshal(raw, &s) == nil:
		return noFormula(s)
	}
	return string(compact(raw))
}

// noFormula puts an apostrophe in front of a text that a spreadsheet would calculate, and
// of one that looks as if it had got one.
func noFormula(s string) string {
	if rest := strings.TrimLeft(s, "'"); rest != "" && strings.ContainsRune("=+-@\t\r", rune(rest[0])) {
		return "'" + s
	}
	return s
}

// withoutMark undoes noFormula.
func withoutMark(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && noFormula(rest) != rest {
		return rest
	}
	return s
}

// csvLine returns a line of CSV as RFC 4180 has it.
func csvLine(cells []string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.Write(cells) // a buffer takes everything
	w.Flush()
	return b.Bytes()
}
