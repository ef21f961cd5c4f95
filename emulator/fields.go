package emulator

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// kind is the type of the JSON values that a field accepts.
type kind int

const (
	anyValue     kind = iota
	text              // string
	whole             // integer
	flag              // boolean
	day               // date; a date-time is cut to its date
	instant           // date-time; stored with offset
	dayOrInstant      // either, stored as sent
	choice            // one of the strings in field.choices
	reference         // id of an object in field.table, or of a user
	texts             // array of strings
	objects           // array of objects
	dict              // object
)

// access is when a client may set a field.
type access int

const (
	always access = iota
	onCreate
)

// field describes one key of a request body.
type field struct {
	name    string
	kind    kind
	access  access
	choices []string // for choice
	table   string   // for reference; "users" means a member of the organization
	errKey  string   // name in error responses, the field's own if empty
	need    bool     // required on create
	notNull bool     // null is refused on update and means absent on create
	max     int      // longest string, longest list or highest integer; 0 is no limit
	min     int64    // lowest integer, used when bounded
	bounded bool     // min and max hold for an integer, even when zero
}

func (f field) key() string {
	if f.errKey != "" {
		return f.errKey
	}
	return f.name
}

// accept reads the fields of a resource from a request body and ignores unknown
// keys. Custom fields are read separately, see customValues.
func (c *call) accept(r *resource, body object, creating bool, p *problems) object {
	out := object{}
	for _, f := range r.fields {
		if !creating && f.access == onCreate {
			continue
		}
		v, ok := body[f.name]
		if creating && (!ok || v == nil || v == "" && f.kind != anyValue) && f.need {
			p.add(f.key(), errRequired)
			continue
		}
		switch {
		case !ok:
			continue
		case v == nil && f.notNull && creating:
			continue
		case v == nil && f.notNull:
			p.add(f.key(), errNotNull)
			continue
		case v == nil:
			out[f.name] = nil
			continue
		}
		got, problem := c.value(f, v)
		if problem != nil {
			p.add(f.key(), problem)
			continue
		}
		out[f.name] = got
	}
	if r.open {
		acceptOpen(body, out)
	}
	return out
}

// serverSet are the keys that a client never sets.
var serverSet = []string{
	"id", "organization_id", "created_by_name", "updated_by", "updated_by_name", "date_updated",
	"updated_by_id", "user_name", "lead_name", "contact_name",
}

// acceptOpen accepts every key that the server does not set itself.
func acceptOpen(body, out object) {
	for k, v := range body {
		if _, ok := out[k]; ok || slices.Contains(serverSet, k) || k == "_params" {
			continue
		}
		out[k] = v
	}
}

// value checks one value and returns it in its stored form, or a description of
// what is wrong with it.
func (c *call) value(f field, v any) (stored, problem any) {
	switch f.kind {
	case text:
		s, ok := v.(string)
		if !ok {
			return nil, errType("basestring")
		}
		if f.max > 0 && utf8.RuneCountInString(s) > f.max {
			return nil, fmt.Sprintf("String value is too long, the limit is %d.", f.max)
		}
		return s, nil
	case whole:
		return wholeValue(f, v)
	case flag:
		if _, ok := v.(bool); !ok {
			return nil, errType("bool")
		}
		return v, nil
	case day, instant, dayOrInstant:
		return c.timeValue(f.kind, v)
	case choice:
		s, ok := v.(string)
		if !ok {
			return nil, errType("basestring")
		}
		if !slices.Contains(f.choices, s) {
			return nil, "Value must be one of " + strings.Join(f.choices, ", ") + "."
		}
		return s, nil
	case reference:
		return c.referenceValue(f, v)
	case texts, objects:
		return listValue(f, v)
	case dict:
		if _, ok := v.(object); !ok {
			return nil, errType("dict")
		}
	}
	return v, nil
}

func wholeValue(f field, v any) (stored, problem any) {
	n, ok := v.(int64)
	if !ok {
		return nil, errType("int")
	}
	if f.bounded && n < f.min {
		return nil, fmt.Sprintf("Input should be greater than or equal to %d", f.min)
	}
	if (f.bounded || f.max > 0) && f.max != 0 && n > int64(f.max) {
		return nil, fmt.Sprintf("Input should be less than or equal to %d", f.max)
	}
	return n, nil
}

func (c *call) timeValue(k kind, v any) (stored, problem any) {
	s, ok := v.(string)
	if !ok {
		return nil, errType("basestring")
	}
	if s == "" {
		return nil, nil
	}
	t, isDay, err := parseTime(s, c.zone)
	if err != nil {
		return nil, errNotDate
	}
	if k == day || isDay && k == dayOrInstant {
		if !isDay {
			t = t.In(c.zone)
		}
		return t.Format(dayLayout), nil
	}
	return stamp(t), nil
}

func (c *call) referenceValue(f field, v any) (stored, problem any) {
	s, ok := v.(string)
	if !ok {
		return nil, errType("basestring")
	}
	if s == "" && !f.need && !f.notNull {
		return nil, nil
	}
	if f.table == "users" {
		if !c.st.member(c.org, s) {
			return nil, errNoObject
		}
		return s, nil
	}
	if c.st.find(f.table, c.org, s) == nil {
		return nil, errNoObject
	}
	return s, nil
}

func listValue(f field, v any) (stored, problem any) {
	l, ok := v.([]any)
	if !ok {
		return nil, errType("list")
	}
	if f.max > 0 && len(l) > f.max {
		return nil, fmt.Sprintf("List is too long, the limit is %d.", f.max)
	}
	wrong := object{}
	for i, e := range l {
		switch e.(type) {
		case string:
			if f.kind == objects {
				wrong[fmt.Sprint(i)] = errType("dict")
			}
		case object:
			if f.kind == texts {
				wrong[fmt.Sprint(i)] = errType("basestring")
			}
		default:
			if f.kind == texts {
				wrong[fmt.Sprint(i)] = errType("basestring")
			} else {
				wrong[fmt.Sprint(i)] = errType("dict")
			}
		}
	}
	if len(wrong) > 0 {
		return nil, object{"errors": wrong}
	}
	return l, nil
}

// selection is the parsed _fields parameter; nil means the default fields.
type selection map[string]bool

func (c *call) selection() selection {
	raw := c.query["_fields"]
	var sel selection
	for _, part := range raw {
		for name := range strings.SplitSeq(part, ",") {
			if name = strings.TrimSpace(name); name != "" {
				if sel == nil {
					sel = selection{}
				}
				sel[name] = true
			}
		}
	}
	return sel
}

// pick reduces a rendered object to the selected fields. onDemand are values
// that appear only when they are named.
func (s selection) pick(o, onDemand object) object {
	if s == nil {
		return o
	}
	if s["_all"] {
		maps.Copy(o, onDemand)
		return o
	}
	out := object{}
	for name := range s {
		if v, ok := o[name]; ok {
			out[name] = v
		}
		if v, ok := onDemand[name]; ok {
			out[name] = v
		}
		head, _, nested := strings.Cut(name, ".")
		if nested && head != "custom" {
			if v, ok := o[head]; ok {
				out[head] = v
			}
		}
	}
	if s["custom"] {
		delete(out, "custom")
		for k, v := range o {
			if strings.HasPrefix(k, "custom.") || k == "custom" {
				out[k] = v
			}
		}
	}
	return out
}

// readBody parses the JSON object of a request.
func readBody(data []byte) (object, error) {
	body, err := decodeObject(data)
	if err != nil {
		if errors.Is(err, errNotObject) {
			return nil, refuse(http.StatusBadRequest, "JSON data must be a dict.")
		}
		return nil, refuse(http.StatusBadRequest, "The request contains invalid JSON.")
	}
	return body, nil
}
