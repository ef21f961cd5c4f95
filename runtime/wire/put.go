package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// encode writes the struct at v, which starts with its runtime.Object.
func encode(e *Encoder, s *Struct, v unsafe.Pointer) {
	f := e.Open((*runtime.Object)(v))
	putMembers(e, s, v)
	e.Close(f)
}

func putMembers(e *Encoder, s *Struct, v unsafe.Pointer) {
	if s.Base != nil {
		putMembers(e, s.Base, v)
	}
	for i := range s.Members {
		if m := &s.Members[i]; m.Name != "" {
			put(e, m, v)
		}
	}
}

// put writes a member back as it came, with the changes made since.
func put(e *Encoder, m *Member, v unsafe.Pointer) {
	switch m.As {
	case OptStr:
		putOpt(e, m, as[runtime.Opt[string]](v, m), putStr)
	case OptInt:
		putOpt(e, m, as[runtime.Opt[int]](v, m), putInt)
	case OptCents:
		putOpt(e, m, as[runtime.Opt[int64]](v, m), putInt64)
	case OptFloat:
		putOpt(e, m, as[runtime.Opt[float64]](v, m), func(e *Encoder, n float64) { e.Float(m.Name, n) })
	case OptBool:
		putOpt(e, m, as[runtime.Opt[bool]](v, m), putBool)
	case Str:
		putPlain(e, m, *as[string](v, m), putStr)
	case Int:
		putPlain(e, m, *as[int](v, m), putInt)
	case Cents:
		putPlain(e, m, *as[int64](v, m), putInt64)
	case Float:
		putPlain(e, m, *as[float64](v, m), func(e *Encoder, n float64) { e.Float(m.Name, n) })
	case Bool:
		putPlain(e, m, *as[bool](v, m), putBool)
	case Raw:
		if raw := *as[json.RawMessage](v, m); len(raw) > 0 {
			e.Name(m.Name)
			putRaw(e, raw)
		}
	case Strs:
		putList(e, m, *as[[]string](v, m), putStr)
	case Raws:
		putList(e, m, *as[[]json.RawMessage](v, m), putRaw)
	case List:
		putObjects(e, m, v)
	case Obj:
		if o := *as[unsafe.Pointer](v, m); o != nil {
			e.Name(m.Name)
			encode(e, m.Elem(), o)
		} else {
			putNull(e, m)
		}
	case MapStr:
		putMap(e, m, *as[map[string]string](v, m), putStr)
	case MapInt:
		putMap(e, m, *as[map[string]int](v, m), putInt)
	case MapRaw:
		putMap(e, m, *as[map[string]json.RawMessage](v, m), putRaw)
	case Custom:
		for _, c := range *as[runtime.CustomFields](v, m) {
			e.Name("custom." + c.Key)
			putRaw(e, c.Value.Raw())
		}
	}
}

func putStr(e *Encoder, s string)          { e.B = codec.AppendString(e.B, s) }
func putInt(e *Encoder, n int)             { e.B = strconv.AppendInt(e.B, int64(n), 10) }
func putInt64(e *Encoder, n int64)         { e.B = strconv.AppendInt(e.B, n, 10) }
func putBool(e *Encoder, b bool)           { e.B = strconv.AppendBool(e.B, b) }
func putRaw(e *Encoder, r json.RawMessage) { e.B = append(e.B, r...) }

func putOpt[T any](e *Encoder, m *Member, o *runtime.Opt[T], put func(*Encoder, T)) {
	if o.IsZero() {
		return
	}
	e.Name(m.Name)
	if v, ok := o.Get(); ok {
		put(e, v)
	} else {
		e.B = append(e.B, "null"...)
	}
}

func putPlain[T comparable](e *Encoder, m *Member, v T, put func(*Encoder, T)) {
	var zero T
	if v != zero || e.Has(m.Bit) {
		e.Name(m.Name)
		put(e, v)
	}
}

// putNull writes the null that getNull read.
func putNull(e *Encoder, m *Member) {
	if e.Has(m.Bit) {
		e.Name(m.Name)
		e.B = append(e.B, "null"...)
	}
}

// putList writes a list that is not nil.
func putList[T any](e *Encoder, m *Member, list []T, put func(*Encoder, T)) {
	if list == nil {
		putNull(e, m)
		return
	}
	e.Name(m.Name)
	e.B = append(e.B, '[')
	for i, v := range list {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		put(e, v)
	}
	e.B = append(e.B, ']')
}

func putObjects(e *Encoder, m *Member, v unsafe.Pointer) {
	list := as[slice](v, m)
	if list.data == nil {
		putNull(e, m)
		return
	}
	s := m.Elem()
	e.Name(m.Name)
	e.B = append(e.B, '[')
	for i := range list.len {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		encode(e, s, unsafe.Add(list.data, uintptr(i)*s.Size))
	}
	e.B = append(e.B, ']')
}

// putMap writes a map in the order of its keys.
func putMap[T any](e *Encoder, m *Member, values map[string]T, put func(*Encoder, T)) {
	if values == nil {
		putNull(e, m)
		return
	}
	e.Name(m.Name)
	e.B = append(e.B, '{')
	for i, k := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		e.B = append(codec.AppendString(e.B, k), ':')
		put(e, values[k])
	}
	e.B = append(e.B, '}')
}
