package rest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/emulator/internal/value"
)

// Kind is the type of the JSON values that a field accepts.
type Kind int

// Kinds of values.
const (
	AnyValue     Kind = iota // any value
	Text                     // string
	Whole                    // integer
	Flag                     // boolean
	Day                      // date; a date-time is cut to its date
	Instant                  // date-time; stored with offset
	DayOrInstant             // either, stored as sent
	Choice                   // one of the strings in Field.Choices
	Reference                // id of an object in Field.Table, or of a user
	Texts                    // array of strings
	Objects                  // array of objects
	Dict                     // object
	Attachments              // array of objects with the url of a file
)

// Access is when a client may set a field.
type Access int

// Times at which a client may set a field.
const (
	Always   Access = iota // on create and on update
	OnCreate               // on create only
)

// Field describes one key of a request body.
type Field struct {
	Name     string
	Kind     Kind
	Access   Access
	Choices  []string // for choice
	Table    string   // for reference; "users" means a member of the organization
	ErrorKey string   // name in error responses, the field's own if empty
	Need     bool     // required on create
	NotNull  bool     // null is refused on update and means absent on create
	Max      int      // longest string, longest list or highest integer; 0 is no limit
	Min      int64    // lowest integer, used when bounded
	Bounded  bool     // min and max hold for an integer, even when zero
}

func (f Field) key() string {
	if f.ErrorKey != "" {
		return f.ErrorKey
	}
	return f.Name
}

// Accept reads the fields of a resource from a request body and ignores unknown
// keys. Custom fields are read separately, see
// [Engine].CustomValues.
func (c *Call) Accept(r *Resource, body object, creating bool, p *Problems) value.Object {
	out := object{}
	for _, f := range r.Fields {
		if !creating && f.Access == OnCreate {
			continue
		}
		v, ok := body[f.Name]
		if creating && (!ok || v == nil || v == "" && f.Kind != AnyValue) && f.Need {
			p.Add(f.key(), MsgRequired)
			continue
		}
		switch {
		case !ok:
			continue
		case v == nil && f.NotNull && creating:
			continue
		case v == nil && f.NotNull:
			p.Add(f.key(), MsgNotNull)
			continue
		case v == nil:
			out[f.Name] = nil
			continue
		}
		got, problem := c.value(f, v)
		if problem != nil {
			p.Add(f.key(), problem)
			continue
		}
		out[f.Name] = got
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
func (c *Call) value(f Field, v any) (stored, problem any) {
	switch f.Kind {
	case Text:
		s, ok := v.(string)
		if !ok {
			return nil, MsgType("basestring")
		}
		if f.Max > 0 && utf8.RuneCountInString(s) > f.Max {
			return nil, fmt.Sprintf("String value is too long, the limit is %d.", f.Max)
		}
		return s, nil
	case Whole:
		return wholeValue(f, v)
	case Flag:
		if _, ok := v.(bool); !ok {
			return nil, MsgType("bool")
		}
		return v, nil
	case Day, Instant, DayOrInstant:
		return c.TimeValue(f.Kind, v)
	case Choice:
		s, ok := v.(string)
		if !ok {
			return nil, MsgType("basestring")
		}
		if !slices.Contains(f.Choices, s) {
			return nil, "Value must be one of " + strings.Join(f.Choices, ", ") + "."
		}
		return s, nil
	case Reference:
		return c.referenceValue(f, v)
	case Texts, Objects:
		return listValue(f, v)
	case Attachments:
		return c.attachments(f, v)
	case Dict:
		if _, ok := v.(object); !ok {
			return nil, MsgType("dict")
		}
	}
	return v, nil
}

func wholeValue(f Field, v any) (stored, problem any) {
	n, ok := v.(int64)
	if !ok {
		return nil, MsgType("int")
	}
	if f.Bounded && n < f.Min {
		return nil, fmt.Sprintf("Input should be greater than or equal to %d", f.Min)
	}
	if (f.Bounded || f.Max > 0) && f.Max != 0 && n > int64(f.Max) {
		return nil, fmt.Sprintf("Input should be less than or equal to %d", f.Max)
	}
	return n, nil
}

// TimeValue is like value, for dates and times.
func (c *Call) TimeValue(k Kind, v any) (stored, problem any) {
	s, ok := v.(string)
	if !ok {
		return nil, MsgType("basestring")
	}
	if s == "" {
		return nil, nil
	}
	t, isDay, err := value.ParseTime(s, c.Zone)
	if err != nil {
		return nil, MsgNotDate
	}
	if k == Day || isDay && k == DayOrInstant {
		if !isDay {
			t = t.In(c.Zone)
		}
		return t.Format(value.DayLayout), nil
	}
	return value.Stamp(t), nil
}

func (c *Call) referenceValue(f Field, v any) (stored, problem any) {
	s, ok := v.(string)
	if !ok {
		return nil, MsgType("basestring")
	}
	if s == "" && !f.Need && !f.NotNull {
		return nil, nil
	}
	if f.Table == "users" {
		if !c.State.Member(c.Organization, s) {
			return nil, MsgNoObject
		}
		return s, nil
	}
	if c.State.Find(f.Table, c.Organization, s) == nil {
		return nil, MsgNoObject
	}
	return s, nil
}

// attachments checks a list of files.
func (c *Call) attachments(f Field, v any) (stored, problem any) {
	f.Kind = Objects
	if stored, problem = listValue(f, v); problem != nil || c.Engine.UseFile == nil {
		return stored, problem
	}
	wrong := object{}
	for i, e := range value.List(stored) {
		o, _ := e.(object)
		if problem := c.Engine.UseFile(c, value.String(o["url"])); problem != "" {
			wrong[fmt.Sprint(i)] = object{"url": problem}
		}
	}
	if len(wrong) > 0 {
		return nil, object{"errors": wrong}
	}
	return stored, nil
}

func listValue(f Field, v any) (stored, problem any) {
	l, ok := v.([]any)
	if !ok {
		return nil, MsgType("list")
	}
	if f.Max > 0 && len(l) > f.Max {
		return nil, fmt.Sprintf("List is too long, the limit is %d.", f.Max)
	}
	wrong := object{}
	for i, e := range l {
		switch e.(type) {
		case string:
			if f.Kind == Objects {
				wrong[fmt.Sprint(i)] = MsgType("dict")
			}
		case object:
			if f.Kind == Texts {
				wrong[fmt.Sprint(i)] = MsgType("basestring")
			}
		default:
			if f.Kind == Texts {
				wrong[fmt.Sprint(i)] = MsgType("basestring")
			} else {
				wrong[fmt.Sprint(i)] = MsgType("dict")
			}
		}
	}
	if len(wrong) > 0 {
		return nil, object{"errors": wrong}
	}
	return l, nil
}

// Selection is the parsed _fields parameter; nil means the default fields.
type Selection map[string]bool

// Selection returns the selection of the request, or nil.
func (c *Call) Selection() Selection {
	raw := c.Query["_fields"]
	var sel Selection
	for _, part := range raw {
		for name := range strings.SplitSeq(part, ",") {
			if name = strings.TrimSpace(name); name != "" {
				if sel == nil {
					sel = Selection{}
				}
				sel[name] = true
			}
		}
	}
	return sel
}

// Pick reduces a rendered object to the selected fields. onDemand are values
// that appear only when they are named.
func (s Selection) Pick(o, onDemand object) value.Object {
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

// ReadBody parses the JSON object of a request.
func ReadBody(data []byte) (value.Object, error) {
	body, err := value.DecodeObject(data)
	if err != nil {
		if errors.Is(err, value.ErrNotObject) {
			return nil, Refuse(http.StatusBadRequest, "JSON data must be a dict.")
		}
		return nil, Refuse(http.StatusBadRequest, "The request contains invalid JSON.")
	}
	return body, nil
}
