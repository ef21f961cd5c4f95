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

// columns returns the columns of a list: the chosen fields, or all that are known and the
// custom fields of the organization.
func (x *exporting) columns(ctx context.Context, client *closekit.Client, chosen []string) (*csvColumns, error) {
	if len(chosen) > 0 {
		return &csvColumns{chosen}, nil
	}
	fields, err := itemFields(x.tool)
	if err != nil {
		return nil, err
	}
	fields = slices.DeleteFunc(fields, func(name string) bool { return strings.HasPrefix(name, "custom") })
	custom, err := x.customFields(ctx, client, x.what)
	if err != nil {
		return nil, err
	}
	for _, f := range custom {
		fields = append(fields, "custom."+f.ID)
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

// customField is a custom field of an organization.
type customField struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Choices  []string `json:"choices"`
	Multiple bool     `json:"accepts_multiple_values"`
}

// customFields returns the custom fields of leads, contacts or opportunities, none of
// other records.
func (p *program) customFields(ctx context.Context, client *closekit.Client, of string) ([]customField, error) {
	owner := map[string]string{"leads": "lead", "contacts": "contact", "opportunities": "opportunity"}[of]
	t, err := p.catalog.Lookup("close_custom_fields_" + owner + "_list")
	if owner == "" || err != nil {
		return nil, nil //nolint:nilerr // the catalog has none
	}
	out, err := t.Call(ctx, client, json.RawMessage(`{}`))
	if err != nil {
		return nil, err
	}
	var page struct {
		Data []customField `json:"data"`
	}
	if err := json.Unmarshal(out, &page); err != nil {
		return nil, fmt.Errorf("read the custom fields: %w", err)
	}
	return page.Data, nil
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
		cells[i] = csvCell(o[name])
	}
	return append(lines, csvLine(cells)...), nil
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
