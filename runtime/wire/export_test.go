package wire

import (
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// Encoded returns the encoded parameters p and their problems.
func Encoded(op *Operation, p any) (path, query, body string, problems []closekit.Problem) {
	w := newSender(op)
	defer w.free()
	s, v, err := op.plan(p)
	if err != nil {
		panic(err)
	}
	w.send(s, v)
	return w.fillPath(), string(w.query), string(w.enc.B), w.problems
}

// Decode reads an object into v.
func Decode[T any](d *codec.Decoder, v *T) {
	s, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	decode(d, s, unsafe.Pointer(v))
}
