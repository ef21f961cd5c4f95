package wire

import (
	"bytes"
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// ChangeOf decodes the record after and before an event if matches is true, and reports
// whether it did. What is missing, null or {} is nil.
func ChangeOf[T any](after, before []byte, matches bool) (closekit.Change[T], bool) {
	a, b, ok := changeOf(reflect.TypeFor[T](), after, before, matches)
	return closekit.Change[T]{After: (*T)(a), Before: (*T)(b)}, ok
}

func changeOf(t reflect.Type, after, before []byte, matches bool) (a, b unsafe.Pointer, ok bool) {
	if !matches {
		return nil, nil, false
	}
	a, okAfter := record(t, after)
	b, okBefore := record(t, before)
	return a, b, okAfter && okBefore
}

// record decodes one side of a change, nil if there is none.
func record(t reflect.Type, raw []byte) (unsafe.Pointer, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || codec.IsNull(raw) || raw[0] == '{' && string(bytes.TrimSpace(raw[1:])) == "}" {
		return nil, true
	}
	v := reflect.New(t)
	if Unmarshal(raw, v.Interface()) != nil {
		return nil, false
	}
	return v.UnsafePointer(), true
}
