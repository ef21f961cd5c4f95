package closekit

import (
	"encoding/json"
	"iter"

	"github.com/closekit/closekit/internal/codec"
)

// Object is the part of a result that has no Go field: members that the manifest
// does not know, and members whose value had an unexpected type. It is embedded
// in every result, so that encoding a decoded result returns what Close sent. The
// zero value is an object without any.
//
// Reading is safe for concurrent use.
type Object struct{ o codec.Object }

// The methods are promoted into every result; inlined there, they would be
// compiled hundreds of times.

// Extra yields the members that have no field, in the order in which Close sent
// them, with their JSON.
//
//go:noinline
func (o *Object) Extra() iter.Seq2[string, json.RawMessage] { return o.o.Extra() }

// Raw returns the JSON of one member that has no field, or whose field cannot
// hold what was sent: a value that did not fit, or a number with an unusual
// form such as 1.0.
//
//go:noinline
func (o *Object) Raw(name string) (json.RawMessage, bool) { return o.o.Raw(name) }

// Mismatches names the members that have a field but did not fit it: another
// JSON type than the documented one, or null for a plain field. The field is then
// zero, and Raw returns what was there.
//
//go:noinline
func (o *Object) Mismatches() []string { return o.o.Mismatches() }
