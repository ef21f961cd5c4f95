package closekit

import (
	"encoding/json"
	"iter"

	"github.com/closekit/closekit/internal/codec"
)

// Object is the part of a result that has no Go field: members that the manifest
// does not know, and members whose value had an unexpected type. It is embedded
// in every result, so that encoding a result reproduces what Close sent. The zero
// value has no such members.
//
// Reading is safe for concurrent use. Results cannot be compared with ==.
type Object struct {
	_ [0]func() // not comparable: the compiler writes no comparison of results
	o codec.Object
}

// The methods are promoted into every result. Without noinline, each of them would
// be compiled hundreds of times.

// Extra yields the members without a field, in the order in which Close sent them,
// with their JSON.
//
//go:noinline
func (o *Object) Extra() iter.Seq2[string, json.RawMessage] { return o.o.Extra() }

// Raw returns the JSON of a member that has no field, or whose field cannot
// reproduce it: a value of another type, or a number in an unusual format such as
// 1.0.
//
//go:noinline
func (o *Object) Raw(name string) (json.RawMessage, bool) { return o.o.Raw(name) }

// Mismatches returns the names of the members whose value does not match their
// field: another JSON type than documented, or null for a field that is always
// present. The field is then zero, and Raw returns the value.
//
//go:noinline
func (o *Object) Mismatches() []string { return o.o.Mismatches() }
