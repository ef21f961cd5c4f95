package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/words"
)

// GeneratedV2 is the compile-time check that this package supports the generated
// code. Its name changes with every release that does not support the code of older
// generators. If it is missing, regenerate with the closegen of the same version.
const GeneratedV2 = true

// Operation is one operation of the API: its public description, and the checks of
// its parameters. Generated code has a variable for each. Only this package changes
// it, to cache its plans. It implements [closekit.Callable] and is safe for
// concurrent use.
type Operation struct {
	closekit.Operation
	Params  func() any // returns a pointer to an empty parameter struct
	Rules   Checks     // between parameters; nil without rules
	Aliases []Alias
	Effects Cases  // what applies instead of Effect; nil without cases
	ByCase  Checks // a ByCase if members of what is sent depend on a word; else nil

	params, result atomic.Pointer[plan]
}

// Alias is another name for a parameter; Map, if not nil, also converts the value.
type Alias struct {
	Name, For string
	Map       []AliasValue
}

// AliasValue maps a JSON value of an alias to a value of its parameter.
type AliasValue struct{ From, To string }

// Describe returns the public description of the operation.
func (op *Operation) Describe() *closekit.Operation { return &op.Operation }

// Prepare decodes a tool's JSON input strictly, checks it and returns the request of
// the call. Invalid input is a [*closekit.ValidationError] that lists the problems.
// A time without offset that is written is read in loc; if loc is nil, it is invalid.
func (op *Operation) Prepare(input json.RawMessage, loc *time.Location) (*closekit.Request, error) {
	w := newSender(op)
	w.resolve, w.zone = true, loc
	defer w.free()
	if _, err := op.read(input, w); err != nil {
		return nil, err
	}
	req := w.request()
	return &req, nil
}

// Parse decodes a tool's JSON input into a new parameter struct, strictly, and
// checks it. The result is a pointer to the struct of the typed function.
func (op *Operation) Parse(input json.RawMessage) (any, error) {
	w := newSender(op)
	defer w.free()
	return op.read(input, w)
}

// read decodes the input into new parameters, and checks and encodes them with w.
func (op *Operation) read(input json.RawMessage, w *sender) (any, error) {
	p := op.Params()
	s, v, err := op.plan(p)
	if err != nil {
		return nil, err
	}
	r := reader{op: op}
	r.read(input, s, v)
	if r.invalid {
		return nil, op.refusal(&r.report)
	}
	w.nearest = words.Nearest
	w.send(s, v)
	if len(r.problems) == 0 {
		return p, op.refusal(&w.report)
	}
	// Report the invalid values too, but do not report a parameter as missing whose
	// value could not be decoded.
	all := report{problems: r.problems, more: r.more}
	for _, q := range w.problems {
		switch {
		case covered(r.problems, q.Path):
		case all.full():
			all.more++
		default:
			all.problems = append(all.problems, q)
		}
	}
	all.more += w.more
	return nil, op.refusal(&all)
}

// Validate checks the parameters that p points to, like the call before it sends
// the request. It returns a [*closekit.ValidationError] that lists every problem, or
// nil.
func (op *Operation) Validate(p any) error {
	w := newSender(op)
	defer w.free()
	return op.send(w, p)
}

func (op *Operation) refusal(r *report) error {
	if len(r.problems) == 0 {
		return nil
	}
	return &closekit.ValidationError{Tool: op.Tool, Problems: r.problems, More: r.more}
}

// plan returns the plan of the parameters that p points to, and their address.
func (op *Operation) plan(p any) (*plan, unsafe.Pointer, error) {
	v := reflect.ValueOf(p)
	s := op.params.Load()
	if s == nil || s.pointer != v.Type() {
		if v.Kind() != reflect.Pointer || v.Type() != reflect.TypeOf(op.Params()) {
			return nil, nil, fmt.Errorf("%s: its parameters are a %T, not a %T", op.Tool, op.Params(), p)
		}
		var err error
		if s, err = planOf(v.Type().Elem()); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", op.Tool, err)
		}
		op.params.Store(s)
	}
	if v.IsNil() {
		return nil, nil, fmt.Errorf("%s: the parameters are a nil pointer", op.Tool)
	}
	return s, v.UnsafePointer(), nil
}

// results returns the plan of the operation's result type t.
func (op *Operation) results(t reflect.Type) (*plan, error) {
	if s := op.result.Load(); s != nil && s.typ == t {
		return s, nil
	}
	s, err := planOf(t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op.Tool, err)
	}
	op.result.Store(s)
	return s, nil
}

// request checks and encodes the parameters that p points to, for a user in loc.
func (op *Operation) request(p any, loc *time.Location) (req closekit.Request, err error) {
	w := newSender(op)
	w.resolve, w.zone = true, loc
	defer w.free()
	if err := op.send(w, p); err != nil {
		return req, err
	}
	return w.request(), nil
}

// send checks and encodes the parameters that p points to with w.
func (op *Operation) send(w *sender, p any) error {
	s, v, err := op.plan(p)
	if err != nil {
		return err
	}
	w.send(s, v)
	return op.refusal(&w.report)
}
