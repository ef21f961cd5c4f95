package codec

import (
	"encoding/json"
	"iter"
)

// Object is the part of a result that has no Go field: members that the
// manifest does not know, and members whose value had an unexpected type. It
// is embedded in every result, so that encoding a decoded result gives back
// what Close sent. The zero value is an object without any.
//
// Reading is safe for concurrent use.
type Object struct {
	kept *kept  // nil in nearly all objects; decoding makes it, nothing changes it afterwards
	seen uint64 // bits of the fields, by number
}

type kept struct {
	members []member
	odd     bool // some of them have a field
}

type member struct {
	name, raw string
	kind      memberKind
}

// memberKind is why a member is kept as text.
type memberKind uint8

const (
	unknown  memberKind = iota // it has no field
	mismatch                   // its value did not fit its field
	form                       // the field has the number, this is how it was written
)

func addMember(o *Object, name, raw string, kind memberKind) {
	if o.kept == nil {
		o.kept = &kept{}
	}
	o.kept.odd = o.kept.odd || kind != unknown
	for i := range o.kept.members {
		if o.kept.members[i].name == name { // the last one wins, as in encoding/json
			o.kept.members[i] = member{name, raw, kind}
			return
		}
	}
	o.kept.members = append(o.kept.members, member{name, raw, kind})
}

func members(o *Object) []member {
	if o == nil || o.kept == nil {
		return nil
	}
	return o.kept.members
}

// isOdd reports whether members that have a field are kept.
func isOdd(o *Object) bool { return o != nil && o.kept != nil && o.kept.odd }

// Extra yields the members that have no field, in the order in which Close sent
// them, with their JSON.
func (o *Object) Extra() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for _, m := range members(o) {
			if m.kind == unknown && !yield(m.name, json.RawMessage(m.raw)) {
				return
			}
		}
	}
}

// Raw returns the JSON of one member that has no field, or whose field cannot
// hold what was sent: a value that did not fit, or a number with an unusual
// form such as 1.0.
func (o *Object) Raw(name string) (json.RawMessage, bool) {
	for _, m := range members(o) {
		if m.name == name {
			return json.RawMessage(m.raw), true
		}
	}
	return nil, false
}

// Mismatches names the members that have a field but did not fit it: another JSON
// type than the documented one, or null for a plain field. The field is then
// zero, and Raw gives what was there.
func (o *Object) Mismatches() []string {
	var names []string
	for _, m := range members(o) {
		if m.kind == mismatch {
			names = append(names, m.name)
		}
	}
	return names
}
