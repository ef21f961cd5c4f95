package closekit

import "github.com/closekit/closekit/internal/codec"

// Effect is what an operation does to the data in Close.
type Effect string

// Effects of operations.
const (
	Read        Effect = "read"
	Write       Effect = "write"
	Destructive Effect = "destructive"
)

// Operation describes one operation of the API. The generator writes one for
// every tool; nothing changes it.
type Operation struct {
	Tool       string // close_lead_create
	Method     string // POST
	Path       string // /lead/{lead_id}/
	Effect     Effect
	Sends      bool // a customer may receive something
	Idempotent bool // repeating it changes nothing more
	// NewParams gives an empty parameter struct.
	NewParams func() Params
	// Spec has the tables for checking and encoding.
	Spec codec.Spec
}

// Params is a generated parameter struct. Its Walk method is for this package.
type Params = codec.Params

// GeneratedV1 is referred to by generated code. When a release of this package
// cannot serve code that an older generator wrote, the name goes away, and the
// compiler says so: run go generate again.
const GeneratedV1 = true

// Object is the part of a result that has no Go field; see the package
// closeapi for how results embed it.
type Object = codec.Object

// Validate reports everything that is wrong with the parameters of a call, as
// the call itself would before sending anything: an [*ValidationError] or nil.
func Validate(op *Operation, p Params) error {
	w := codec.NewWalker(&op.Spec)
	defer w.Free()
	w.Send(p)
	if len(w.Problems) > 0 {
		return &ValidationError{op.Tool, w.Problems}
	}
	return nil
}
