package codec

import (
	"encoding/json"
	"iter"
	"slices"
)

// Object is the part of a result that has no Go field: members that the
// manifest does not know, and members whose value had an unexpected type. It is
// embedded in every result, so that encoding a result reproduces what Close sent.
// The zero value has no such members.
//
// Reading is safe for concurrent use.
type Object struct {
	kept *kept  // nil in nearly all objects; set and changed only while decoding
	seen uint64 // bits of the fields, by number
}

type kept struct {
	members []member
	fields  bool           // some of the members have a field
	index   map[string]int // of members, by name, if there are many
}

// manyMembers is the number of members from which they are found by an index. Close
// sends a few unknown members at most; another peer may send as many as fit.
const manyMembers = 32

type member struct {
	name, raw string
	kind      memberKind
}

// memberKind is the reason why a member is kept as JSON.
type memberKind uint8

const (
	unknown  memberKind = iota // it has no field
	mismatch                   // its value does not match its field
	form                       // its field has the number, but not the format in which Close sent it
)

func addMember(o *Object, name, raw string, kind memberKind) {
	if o.kept == nil {
		o.kept = &kept{}
	}
	k := o.kept
	k.fields = k.fields || kind != unknown
	if i := k.find(name); i >= 0 { // the last one is used, as in encoding/json
		k.members[i] = member{name, raw, kind}
		return
	}
	k.members = append(k.members, member{name, raw, kind})
	switch n := len(k.members); {
	case n == manyMembers:
		k.index = make(map[string]int, 2*n)
		for i := range k.members {
			k.index[k.members[i].name] = i
		}
	case n > manyMembers:
		k.index[name] = n - 1
	}
}

// find returns the index of the member with this name, -1 if there is none.
func (k *kept) find(name string) int {
	if k == nil {
		return -1
	}
	if k.index != nil {
		if i, ok := k.index[name]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(k.members, func(m member) bool { return m.name == name })
}

func members(o *Object) []member {
	if o == nil || o.kept == nil {
		return nil
	}
	return o.kept.members
}

// keepsFields reports whether o keeps members that have a field.
func keepsFields(o *Object) bool { return o != nil && o.kept != nil && o.kept.fields }

// Extra yields the members without a field, in the order in which Close sent them,
// with their JSON.
func (o *Object) Extra() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for _, m := range members(o) {
			if m.kind == unknown && !yield(m.name, json.RawMessage(m.raw)) {
				return
			}
		}
	}
}

// Raw returns the JSON of a member that has no field, or whose field cannot
// reproduce it: a value of another type, or a number in an unusual format such as
// 1.0.
func (o *Object) Raw(name string) (json.RawMessage, bool) {
	if o == nil {
		return nil, false
	}
	if i := o.kept.find(name); i >= 0 {
		return json.RawMessage(o.kept.members[i].raw), true
	}
	return nil, false
}

// Mismatches returns the names of the members whose value does not match their
// field: another JSON type than documented, or null for a field that is always
// present. The field is then zero, and Raw returns the value.
func (o *Object) Mismatches() []string {
	var names []string
	for _, m := range members(o) {
		if m.kind == mismatch {
			names = append(names, m.name)
		}
	}
	return names
}
