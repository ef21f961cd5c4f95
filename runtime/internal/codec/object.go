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
	extra []member
	seen  uint64 // plain fields that were there, by number
	odd   bool   // extra holds members that have a field
}

type member struct {
	name, raw string
	odd       bool
}

func (o *Object) add(name, raw string, odd bool) {
	for i := range o.extra {
		if o.extra[i].name == name { // the last one wins, as in encoding/json
			o.extra[i].raw = raw
			return
		}
	}
	o.extra = append(o.extra, member{name, raw, odd})
	o.odd = o.odd || odd
}

// Extra yields the members that have no field, in the order in which Close sent
// them, with their JSON.
func (o *Object) Extra() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for _, m := range o.extra {
			if !m.odd && !yield(m.name, json.RawMessage(m.raw)) {
				return
			}
		}
	}
}

// Raw gives the JSON of one member that has no field, or whose value did not
// fit its field.
func (o *Object) Raw(name string) (json.RawMessage, bool) {
	for _, m := range o.extra {
		if m.name == name {
			return json.RawMessage(m.raw), true
		}
	}
	return nil, false
}

// Misfits names the members that have a field but did not fit it: another JSON
// type than the documented one, or null for a plain field. The field is then
// zero, and Raw gives what was there.
func (o *Object) Misfits() []string {
	var names []string
	for _, m := range o.extra {
		if m.odd {
			names = append(names, m.name)
		}
	}
	return names
}
