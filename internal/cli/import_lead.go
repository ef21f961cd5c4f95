package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/organization"
)

// importLead is a lead to create: the input of close_lead_create.
type importLead struct {
	line    int
	also    []int // further lines, with more contacts
	input   map[string]any
	refusal string
}

func (l *importLead) name() string {
	s, _ := l.input["name"].(string)
	return s
}

func (l *importLead) contacts() []any {
	list, _ := l.input["contacts"].([]any)
	return list
}

// knownFields is what an organization has.
type knownFields struct {
	lead, contact []organization.Field
	statuses      []string
}

// leads returns the leads of a file. Rows of CSV with the same name become one.
func (in *importFile) leads(known *knownFields, decimal string) ([]*importLead, error) {
	custom := make([]*organization.Field, len(in.columns))
	for i, c := range in.columns {
		if !isCustom(c.field) {
			continue
		}
		f, reason := known.custom(c.field)
		if f == nil {
			return nil, usage(fmt.Sprintf("column %q: %s", c.name, reason), "write custom. and the id of the field, cf_…, or ignore the column: --map \""+c.name+"=\"")
		}
		custom[i] = f
	}
	var list []*importLead
	byName := map[string]*importLead{}
	for _, row := range in.rows {
		l := &importLead{line: row.line, input: row.object, refusal: row.refusal}
		if row.refusal == "" && row.object == nil {
			l.input, l.refusal = in.fromCells(row.cells, custom, decimal)
		} else if row.refusal == "" {
			l.refusal = known.resolve(l.input)
		}
		if l.refusal == "" {
			l.refusal = known.status(l.input)
		}
		key := strings.ToLower(strings.Join(strings.Fields(l.name()), " "))
		first := byName[key]
		switch {
		case l.refusal != "" || key == "":
		case first == nil:
			byName[key] = l
		case row.object != nil:
			l.refusal = fmt.Sprintf("line %d has the same name", first.line)
		default:
			if l.refusal = first.merge(l); l.refusal == "" {
				continue
			}
		}
		list = append(list, l)
	}
	return list, nil
}

// merge adds the contacts of a row with the same name.
func (l *importLead) merge(o *importLead) string {
	for key, v := range o.input {
		if old, ok := l.input[key]; key != "contacts" && key != "name" && ok && !reflect.DeepEqual(old, v) {
			return fmt.Sprintf("line %d has the same name and another %s", l.line, key)
		}
	}
	for key, v := range o.input {
		if _, ok := l.input[key]; !ok && key != "contacts" {
			l.input[key] = v
		}
	}
	if more := o.contacts(); len(more) > 0 {
		l.input["contacts"] = append(l.contacts(), more...)
	}
	l.also = append(l.also, o.line)
	return ""
}

// fromCells makes the input of close_lead_create of a row.
func (in *importFile) fromCells(cells []string, custom []*organization.Field, decimal string) (map[string]any, string) {
	lead, contact, address := map[string]any{}, map[string]any{}, map[string]any{}
	ofLead, ofContact := map[string]any{}, map[string]any{}
	var names [2]string
	for i, c := range in.columns {
		text := strings.TrimSpace(withoutMark(cells[i]))
		if text == "" || c.field == "" {
			continue
		}
		if f := custom[i]; f != nil {
			v, reason := customValue(f, text, decimal)
			if reason != "" {
				return lead, fmt.Sprintf("column %q: %s", c.name, reason)
			}
			if strings.HasPrefix(c.field, "contact.") {
				ofContact[f.ID] = v
			} else {
				ofLead[f.ID] = v
			}
			continue
		}
		part, field, nested := strings.Cut(c.field, ".")
		switch {
		case !nested && field == "":
			if c.field == "url" && !strings.Contains(text, "://") {
				text = "https://" + text
			}
			lead[c.field] = text
		case part == "address":
			address[field] = text
		case field == "first_name":
			names[0] = text
		case field == "last_name":
			names[1] = text
		case field == "email":
			contact["emails"] = []any{map[string]any{"email": text, "type": "office"}}
		case field == "phone":
			contact["phones"] = []any{map[string]any{"phone": text, "type": "office"}}
		case field == "url":
			contact["urls"] = []any{map[string]any{"url": text, "type": "url"}}
		default:
			contact[field] = text
		}
	}
	if name := strings.TrimSpace(names[0] + " " + names[1]); name != "" && contact["name"] == nil {
		contact["name"] = name
	}
	if len(ofContact) > 0 {
		contact["custom_fields"] = ofContact
	}
	if len(ofLead) > 0 {
		lead["custom_fields"] = ofLead
	}
	if len(contact) > 0 {
		lead["contacts"] = []any{contact}
	}
	if len(address) > 0 {
		lead["addresses"] = []any{address}
	}
	return lead, ""
}

// resolve replaces the custom fields of a JSON object that are given by name.
func (k *knownFields) resolve(lead map[string]any) string {
	reason := replaceCustom(lead, k.lead)
	contacts, _ := lead["contacts"].([]any)
	for _, c := range contacts {
		if o, ok := c.(map[string]any); ok && reason == "" {
			reason = replaceCustom(o, k.contact)
		}
	}
	return reason
}

func replaceCustom(o map[string]any, fields []organization.Field) string {
	for key, v := range o {
		name, ok := strings.CutPrefix(key, "custom.")
		if !ok {
			continue
		}
		f, reason := findCustom(name, fields)
		if f == nil {
			return reason
		}
		values, _ := o["custom_fields"].(map[string]any)
		if values == nil {
			values = map[string]any{}
			o["custom_fields"] = values
		}
		values[f.ID] = v
		delete(o, key)
	}
	return ""
}

// custom returns the custom field that a column names, or why there is none.
func (k *knownFields) custom(field string) (*organization.Field, string) {
	if name, ok := strings.CutPrefix(field, "contact.custom."); ok {
		return findCustom(name, k.contact)
	}
	return findCustom(strings.TrimPrefix(field, "custom."), k.lead)
}

// findCustom returns the one field with an id or a name.
func findCustom(name string, fields []organization.Field) (*organization.Field, string) {
	var found []*organization.Field
	for i := range fields {
		if fields[i].ID == name {
			return &fields[i], ""
		}
		if strings.EqualFold(strings.TrimSpace(fields[i].Name), strings.TrimSpace(name)) {
			found = append(found, &fields[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Sprintf("there is no custom field %q", shorten(name))
	case 1:
		return found[0], ""
	}
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	return nil, fmt.Sprintf("%d custom fields are named %q: %s", len(found), shorten(name), strings.Join(ids, ", "))
}

// status checks the label of a status.
func (k *knownFields) status(lead map[string]any) string {
	label, ok := lead["status"].(string)
	if !ok || slices.ContainsFunc(k.statuses, func(s string) bool { return strings.EqualFold(s, label) }) {
		return ""
	}
	return fmt.Sprintf("there is no status %q; there are %s", shorten(label), strings.Join(k.statuses, ", "))
}

// customValue returns a cell as a value of a custom field, or why it is none.
func customValue(f *organization.Field, text, decimal string) (any, string) {
	switch f.Type {
	case "number":
		n, reason := plainNumber(text, decimal)
		return json.Number(n), reason
	case "date":
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, fmt.Sprintf("%q is not a day; write it as 2026-03-31", shorten(text))
		}
		return text, ""
	case "datetime":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return nil, fmt.Sprintf("%q is not a time with its offset; write it as 2026-03-31T09:00:00+01:00", shorten(text))
		}
		return text, ""
	case "choices":
		values := []any{}
		for _, part := range customParts(f, text) {
			choice := customChoice(f, strings.TrimSpace(part))
			if choice == "" {
				return nil, fmt.Sprintf("%q is not a choice; the choices are %s", shorten(part), strings.Join(f.Choices, ", "))
			}
			values = append(values, choice)
		}
		if f.Several {
			return values, ""
		}
		return values[0], ""
	case "user", "contact", "custom_object":
		values := []any{}
		for _, part := range customParts(f, text) {
			id := strings.TrimSpace(part)
			if !idPattern.MatchString(id) {
				return nil, fmt.Sprintf("%q is not an id; names are not looked up", shorten(id))
			}
			values = append(values, id)
		}
		if f.Several {
			return values, ""
		}
		return values[0], ""
	}
	return text, ""
}

var idPattern = regexp.MustCompile(`^[a-z0-9]+_[A-Za-z0-9]+$`)

// customParts splits a cell with several values, which are a JSON list as export writes it, or
// separated by semicolons.
func customParts(f *organization.Field, text string) []string {
	var list []string
	switch {
	case !f.Several || customChoice(f, text) != "":
		return []string{text}
	case json.Unmarshal([]byte(text), &list) == nil && list != nil: // null is no list
		return list
	}
	return strings.Split(text, ";")
}

// customChoice returns the choice that a text is, regardless of case if that is unambiguous.
func customChoice(f *organization.Field, text string) string {
	if slices.Contains(f.Choices, text) {
		return text
	}
	var found []string
	for _, c := range f.Choices {
		if strings.EqualFold(c, text) {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

// Numbers as they are written with a point or a comma before the decimals, and those that
// may be read in both ways.
var (
	numbers = map[string]*regexp.Regexp{
		".": regexp.MustCompile(`^-?(0|[1-9]\d*|[1-9]\d{0,2}([,' ]\d{3})+)(\.\d+)?$`),
		",": regexp.MustCompile(`^-?(0|[1-9]\d*|[1-9]\d{0,2}([.' ]\d{3})+)(,\d+)?$`),
	}
	twoWays = regexp.MustCompile(`^-?[1-9]\d{0,2}[.,]\d{3}$`)
)

// plainNumber reads a number. One that may mean two things is refused unless decimal says
// what separates decimals.
func plainNumber(text, decimal string) (n, reason string) {
	if decimal == "" && twoWays.MatchString(text) {
		return "", fmt.Sprintf("%q may mean two numbers; say with --decimal what separates decimals", shorten(text))
	}
	for _, d := range []string{".", ","} {
		if (decimal == "" || decimal == d) && numbers[d].MatchString(text) {
			whole, fraction, ok := strings.Cut(text, d)
			if n = strings.NewReplacer(".", "", ",", "", "'", "", " ", "").Replace(whole); ok {
				n += "." + fraction
			}
			return n, ""
		}
	}
	return "", fmt.Sprintf("%q is not a number; leave out the currency and everything else", shorten(text))
}
