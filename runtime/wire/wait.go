package wire

import (
	"context"
	"errors"
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
)

// Wait repeats an operation that fetches a job until the job is done. p points to the
// operation's parameters. With an error, the result is nil.
func Wait[T any](ctx context.Context, c *closekit.Client, op *Operation, p any, opts []closekit.CallOption) (*T, error) {
	var v *T
	err := op.wait(ctx, c, p, reflect.TypeFor[T](), func() (any, unsafe.Pointer) { v = new(T); return v, unsafe.Pointer(v) }, opts)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (op *Operation) wait(ctx context.Context, c *closekit.Client, p any, t reflect.Type, fresh func() (any, unsafe.Pointer), opts []closekit.CallOption) error {
	return c.WaitFor(ctx, &op.Operation, func() (string, any, error) {
		job, v := fresh()
		if err := op.call(ctx, c, p, t, v, opts); err != nil {
			return "", nil, err
		}
		s, err := op.results(t)
		if err != nil {
			return "", nil, err
		}
		state, err := s.text(v, op.Waits.Field)
		return state, job, err
	})
}

// text returns a member of the result at v that is a string.
func (s *plan) text(v unsafe.Pointer, name string) (string, error) {
	for ; s != nil; s = s.base { // the base is at the start of the struct
		for i := range s.members {
			m := &s.members[i]
			if m.name != name {
				continue
			}
			switch m.as { //nolint:exhaustive // only these are texts
			case slotStr:
				return *as[string](v, m), nil
			case slotOptStr:
				return as[closekit.Opt[string]](v, m).Or(""), nil
			}
		}
	}
	return "", errors.New("the result has no text " + name)
}
