package wire

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// encode writes the struct at v, which starts with its closekit.Object.
func encode(e *codec.Encoder, s *plan, v unsafe.Pointer) {
	f := e.Open((*codec.Object)(v))
	putMembers(e, s, v)
	e.Close(f)
}

func putMembers(e *codec.Encoder, s *plan, v unsafe.Pointer) {
	if s.base != nil {
		putMembers(e, s.base, v)
	}
	for i := range s.members {
		if m := &s.members[i]; m.name != "" {
			put(e, m, v)
		}
	}
}

// put writes a member, reproducing what Close sent if it is unchanged.
func put(e *codec.Encoder, m *member, v unsafe.Pointer) {
	switch m.as {
	case slotOptStr:
		putOpt(e, m, as[closekit.Opt[string]](v, m), putStr)
	case slotOptInt:
		putOpt(e, m, as[closekit.Opt[int]](v, m), putInt)
	case slotOptCents:
		putOpt(e, m, as[closekit.Opt[int64]](v, m), putInt64)
	case slotOptFloat:
		putOpt(e, m, as[closekit.Opt[float64]](v, m), func(e *codec.Encoder, n float64) { e.Float(m.name, n) })
	case slotOptBool:
		putOpt(e, m, as[closekit.Opt[bool]](v, m), putBool)
	case slotStr:
		putPlain(e, m, *as[string](v, m), putStr)
	case slotInt:
		putPlain(e, m, *as[int](v, m), putInt)
	case slotCents:
		putPlain(e, m, *as[int64](v, m), putInt64)
	case slotFloat:
		putPlain(e, m, *as[float64](v, m), func(e *codec.Encoder, n float64) { e.Float(m.name, n) })
	case slotBool:
		putPlain(e, m, *as[bool](v, m), putBool)
	case slotRaw:
		if raw := *as[json.RawMessage](v, m); len(raw) > 0 {
			e.Name(m.name)
			putRaw(e, raw)
		}
	case slotStrs:
		putList(e, m, *as[[]string](v, m), putStr)
	case slotRaws:
		putList(e, m, *as[[]json.RawMessage](v, m), putRaw)
	case slotList:
		putObjects(e, m, v)
	case slotObj:
		if o := *as[unsafe.Pointer](v, m); o != nil {
			e.Name(m.name)
			encode(e, m.elem, o)
		} else {
			putNull(e, m)
		}
	case slotMapStr, slotMapInt, slotMapFloat, slotMapRaw:
		putMap(e, m, v)
	case slotCustom:
		for _, c := range *as[closekit.CustomFields](v, m) {
			e.Name("custom." + c.Key)
			putRaw(e, c.Value.Raw())
		}
	}
}

func putStr(e *codec.Encoder, s string)          { e.B = codec.AppendString(e.B, s) }
func putInt(e *codec.Encoder, n int)             { e.B = strconv.AppendInt(e.B, int64(n), 10) }
func putInt64(e *codec.Encoder, n int64)         { e.B = strconv.AppendInt(e.B, n, 10) }
func putBool(e *codec.Encoder, b bool)           { e.B = strconv.AppendBool(e.B, b) }
func putRaw(e *codec.Encoder, r json.RawMessage) { e.B = append(e.B, r...) }

func putOpt[T any](e *codec.Encoder, m *member, o *closekit.Opt[T], put func(*codec.Encoder, T)) {
	if o.IsZero() {
		return
	}
	e.Name(m.name)
	if v, ok := o.Get(); ok {
		put(e, v)
	} else {
		e.B = append(e.B, "null"...)
	}
}

func putPlain[T comparable](e *codec.Encoder, m *member, v T, put func(*codec.Encoder, T)) {
	var zero T
	if v != zero || e.Has(m.bit) {
		e.Name(m.name)
		put(e, v)
	}
}

// putNull writes the null that getNull read.
func putNull(e *codec.Encoder, m *member) {
	if e.Has(m.bit) {
		e.Name(m.name)
		e.B = append(e.B, "null"...)
	}
}

// putList writes a list that is not nil.
func putList[T any](e *codec.Encoder, m *member, list []T, put func(*codec.Encoder, T)) {
	if list == nil {
		putNull(e, m)
		return
	}
	e.Name(m.name)
	e.B = append(e.B, '[')
	for i, v := range list {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		put(e, v)
	}
	e.B = append(e.B, ']')
}

func putObjects(e *codec.Encoder, m *member, v unsafe.Pointer) {
	list := as[slice](v, m)
	if list.data == nil {
		putNull(e, m)
		return
	}
	s := m.elem
	e.Name(m.name)
	e.B = append(e.B, '[')
	for i := range list.len {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		encode(e, s, unsafe.Add(list.data, uintptr(i)*s.size))
	}
	e.B = append(e.B, ']')
}

// putMap writes a map in the order of its keys.
func putMap(e *codec.Encoder, m *member, v unsafe.Pointer) {
	values := reflect.NewAt(m.of, unsafe.Add(v, m.at)).Elem()
	if values.IsNil() {
		putNull(e, m)
		return
	}
	keys := make([]string, 0, values.Len())
	for it := values.MapRange(); it.Next(); {
		keys = append(keys, it.Key().String())
	}
	slices.Sort(keys)
	e.Name(m.name)
	e.B = append(e.B, '{')
	for i, k := range keys {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		e.B = append(codec.AppendString(e.B, k), ':')
		switch x := values.MapIndex(reflect.ValueOf(k)); m.as {
		case slotMapStr:
			putStr(e, x.String())
		case slotMapInt:
			putInt64(e, x.Int())
		case slotMapFloat:
			e.B = codec.AppendFloat(e.B, x.Float())
		default:
			putRaw(e, x.Bytes())
		}
	}
	e.B = append(e.B, '}')
}
