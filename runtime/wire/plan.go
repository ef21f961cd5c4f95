package wire

import (
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// plan is what a generated struct is to this package: where its members are and
// what they are. It is made from the struct's type and tags when the type is
// first used, and kept.
type plan struct {
	typ     reflect.Type
	base    *plan   // of the embedded struct, which is the first field
	custom  uintptr // offset of the custom fields, 0 without any
	size    uintptr // of the struct, for lists of it
	output  bool    // comes in answers: the struct starts with a closekit.Object
	bits    uint8   // used, with those of the base
	members []member
	index   atomic.Pointer[index] // of names, built when first needed
}

// member is one field of a struct: its name in answers, what to check when it is
// sent, where it is and what it is. name is empty for what never comes in
// answers, in is nil for what is never sent.
type member struct {
	name string
	at   uintptr // offset in the struct
	in   *field  // nil for what is never sent
	of   reflect.Type
	to   atomic.Pointer[plan] // of objects and lists of them, made when first needed
	bit  uint8                // from 1: says that a plain field was there, or that a list or object was null; 0 for others
	as   slot
}

type field = codec.Field

// elem gives the plan of the objects in a field.
func (m *member) elem() *plan {
	p := m.to.Load()
	if p == nil {
		p = planOf(m.of.Elem())
		m.to.Store(p)
	}
	return p
}

// plans are all plans that were made, by type.
var plans sync.Map

// planOf gives the plan of a struct type.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, err := compile(t)
	if err != nil { // a generated type never fails; a test of the generated package makes all plans
		panic("closekit: " + t.String() + ": " + err.Error())
	}
	q, _ := plans.LoadOrStore(t, p)
	return q.(*plan)
}

type tagError string

func (e tagError) Error() string { return string(e) }

// compile reads a struct type.
func compile(t reflect.Type) (*plan, error) {
	s := &plan{typ: t, size: t.Size()}
	n := t.NumField()
	s.members = make([]member, 0, n)
	for i := range n {
		f := t.Field(i)
		if f.Anonymous {
			switch {
			case f.Offset != 0:
				return nil, tagError("embedded " + f.Name + " must come first")
			case f.Type == reflect.TypeFor[closekit.Object]():
			default:
				s.base = planOf(f.Type)
				s.bits = s.base.bits
			}
			s.output = f.Type == reflect.TypeFor[closekit.Object]() || s.base.output
			continue
		}
		s.members = append(s.members, member{at: f.Offset, of: f.Type})
		m := &s.members[len(s.members)-1]
		name, ok := f.Tag.Lookup("json")
		if !ok || name == "" {
			return nil, tagError("field " + f.Name + " has no json name")
		}
		if err := m.read(s, f.Type, name, f.Tag.Get("close")); err != "" {
			return nil, tagError("field " + f.Name + ": " + err)
		}
	}
	return s, nil
}

// read finds out what a field is from its type and its tag.
func (m *member) read(s *plan, t reflect.Type, name, tag string) (err string) {
	var in field
	m.as = slotOf(t)
	if m.as == 0 {
		return "a " + t.String() + " cannot be sent or received"
	}
	send, receive := !s.output, s.output
	for part := tag; part != ""; {
		var word, value string
		if strings.HasPrefix(part, "preset=") { // JSON, and so the rest of the tag
			word, part = part, ""
		} else {
			word, part, _ = strings.Cut(part, ",")
		}
		word, value, _ = strings.Cut(word, "=")
		switch word {
		case "path":
			in.In = codec.Path
		case "query":
			in.In = codec.Query
		case "required":
			in.Flags |= codec.Required
		case "null":
			in.Flags |= codec.Nullable
		case "send":
			send = true
			in.Flags |= codec.OnCreate | codec.OnUpdate
		case "create":
			send = true
			in.Flags |= codec.OnCreate
		case "update":
			send = true
			in.Flags |= codec.OnUpdate
		case "sendonly":
			receive = false
		case "html":
			in.Kind = codec.RichText
		case "date":
			in.Kind = codec.DateOrDateTime
		case "email":
			in.Kind = codec.Email
		case "phone":
			in.Kind = codec.Phone
		case "url":
			in.Kind = codec.URL
		case "timezone":
			in.Kind = codec.Timezone
		case "id":
			in.ID = &anyID
		case "min":
			in.Min = number(value, &err)
			in.Flags |= codec.MinOnly
		case "max": // behind min
			in.Max = number(value, &err)
			if in.Flags&codec.MinOnly == 0 {
				in.Min = -1 << 53
			}
			in.Flags = in.Flags&^codec.MinOnly | codec.Bounded
		case "maxlen":
			in.MaxLen = int32(number(value, &err))
		case "minitems":
			in.MinItems = int32(number(value, &err))
		case "from":
			in.From = value
		case "preset":
			in.Preset = value
		default:
			return strconv.Quote(word) + " is no option of the tag close"
		}
	}
	if receive {
		m.name = name
		if needsBit(m.as) {
			if s.bits++; s.bits > 63 {
				return "more than 63 fields that are always there, lists or objects"
			}
			m.bit = s.bits
		}
	}
	if m.as == slotCustom && s.output {
		s.custom = m.at
	}
	if send {
		in.Name = name
		if text := textOf(m.as, t); text != nil {
			about(&in, text)
		}
		kept := in // only what is sent is kept
		m.in = &kept
	}
	return err
}

func number(v string, err *string) int64 {
	n, e := strconv.ParseInt(v, 10, 64)
	if e != nil {
		*err = strconv.Quote(v) + " is no number"
	}
	return n
}

// anyID checks ids of which nobody says what they are of.
var anyID = codec.IDKind{Name: "any"}

// needsBit reports whether a slot needs a bit: a plain scalar to tell absent from
// zero, a list, object or map to tell null from absent.
func needsBit(s slot) bool {
	return s <= slotBool || s > slotRaw && s != slotCustom
}

// slotOf gives what a field is by its type, 0 if it cannot be one.
func slotOf(t reflect.Type) slot {
	switch t.Kind() { //nolint:exhaustive // the rest is refused
	case reflect.String:
		return slotStr
	case reflect.Int:
		return slotInt
	case reflect.Int64:
		return slotCents
	case reflect.Float64:
		return slotFloat
	case reflect.Bool:
		return slotBool
	case reflect.Struct:
		// Only a closekit.Opt has a value and a byte for its state.
		if t.NumField() == 2 && t.Field(1).Type.Kind() == reflect.Uint8 {
			if s := slotOf(t.Field(0).Type); s != 0 && s <= slotBool {
				return s + slotOptStr - slotStr
			}
		}
	case reflect.Slice:
		if t == reflect.TypeFor[closekit.CustomFields]() {
			return slotCustom
		}
		switch t.Elem().Kind() { //nolint:exhaustive // the rest is refused
		case reflect.String:
			return slotStrs
		case reflect.Uint8:
			return slotRaw
		case reflect.Slice:
			return slotRaws
		case reflect.Struct:
			return slotList
		}
	case reflect.Pointer:
		return slotObj
	case reflect.Map:
		switch t.Elem().Kind() { //nolint:exhaustive // the rest is refused
		case reflect.String:
			return slotMapStr
		case reflect.Int:
			return slotMapInt
		case reflect.Slice:
			return slotMapRaw
		}
	}
	return 0
}

// textOf gives the type of the texts in a field.
func textOf(s slot, t reflect.Type) reflect.Type {
	switch s { //nolint:exhaustive // the rest has none
	case slotStr:
		return t
	case slotOptStr:
		return t.Field(0).Type
	case slotStrs:
		return t.Elem()
	}
	return nil
}

// IDType is a type of ids.
type IDType interface{ WireID() *IDKind }

// WordType is a type of words. It reports whether others may be sent.
type WordType interface{ WireWords() ([]string, bool) }

// about asks a text type how its texts are checked.
func about(in *field, t reflect.Type) {
	switch {
	case t.PkgPath() == "":
	case t == reflect.TypeFor[closekit.Date]():
		in.Kind = codec.Date
	case t == reflect.TypeFor[closekit.DateTime]():
		if in.Kind == codec.Plain {
			in.Kind = codec.DateTime
		}
	default:
		switch v := reflect.Zero(t).Interface().(type) {
		case IDType:
			in.ID = v.WireID()
		case WordType:
			open := false
			if in.Enum, open = v.WireWords(); open {
				in.Flags |= codec.Open
			}
		}
	}
}

// one makes one struct.
func (s *plan) one() unsafe.Pointer { return reflect.New(s.typ).UnsafePointer() }

// grow makes room for n elements of a list, the first k copied from old.
func grow(list reflect.Type, old unsafe.Pointer, k, n int) slice {
	var made slice
	v := reflect.NewAt(list, unsafe.Pointer(&made)).Elem()
	v.Grow(n)
	if k > 0 {
		made.len = k
		was := slice{old, k, k}
		reflect.Copy(v, reflect.NewAt(list, unsafe.Pointer(&was)).Elem())
	}
	return made
}

// none is the data of a slice that is empty but not nil.
func none() unsafe.Pointer { return unsafe.Pointer(&nothing) }

var nothing struct{}
