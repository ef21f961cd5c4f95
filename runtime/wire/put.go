package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// PutStr writes a text that is always there.
func PutStr[T ~string](e *Encoder, name string, bit uint8, v T) {
	if v != "" || e.Has(bit) {
		e.Name(name)
		e.B = codec.AppendString(e.B, string(v))
	}
}

// putOpt writes the name and, for null, the value; it reports whether the value
// is still to be written.
func putOpt[T any](e *Encoder, name string, o *runtime.Opt[T]) (v T, ok bool) {
	if o.IsZero() {
		return v, false
	}
	e.Name(name)
	if v, ok = o.Get(); !ok {
		e.B = append(e.B, "null"...)
	}
	return v, ok
}

// PutOptStr writes a text.
func PutOptStr[T ~string](e *Encoder, name string, o *runtime.Opt[T]) {
	if v, ok := putOpt(e, name, o); ok {
		e.B = codec.AppendString(e.B, string(v))
	}
}

// PutInt writes an integer that is always there.
func PutInt[T integer](e *Encoder, name string, bit uint8, v T) {
	if v != 0 || e.Has(bit) {
		e.Name(name)
		e.B = strconv.AppendInt(e.B, int64(v), 10)
	}
}

// PutOptInt writes an integer.
func PutOptInt[T integer](e *Encoder, name string, o *runtime.Opt[T]) {
	if v, ok := putOpt(e, name, o); ok {
		e.B = strconv.AppendInt(e.B, int64(v), 10)
	}
}

// PutFloat writes a number that is always there.
func PutFloat(e *Encoder, name string, bit uint8, v float64) {
	if v != 0 || e.Has(bit) {
		e.Name(name)
		e.B = codec.AppendFloat(e.B, v)
	}
}

// PutOptFloat writes a number.
func PutOptFloat(e *Encoder, name string, o *runtime.Opt[float64]) {
	if v, ok := putOpt(e, name, o); ok {
		e.B = codec.AppendFloat(e.B, v)
	}
}

// PutBool writes a boolean that is always there.
func PutBool(e *Encoder, name string, bit uint8, v bool) {
	if v || e.Has(bit) {
		e.Name(name)
		e.B = strconv.AppendBool(e.B, v)
	}
}

// PutOptBool writes a boolean.
func PutOptBool(e *Encoder, name string, o *runtime.Opt[bool]) {
	if v, ok := putOpt(e, name, o); ok {
		e.B = strconv.AppendBool(e.B, v)
	}
}

// PutRaw writes any JSON.
func PutRaw(e *Encoder, name string, v json.RawMessage) {
	if len(v) > 0 {
		e.Name(name)
		e.B = append(e.B, v...)
	}
}

// putAll writes a list that is not nil.
func putAll[T any](e *Encoder, name string, list []T, put func(*T)) {
	if list == nil {
		return
	}
	e.Name(name)
	e.B = append(e.B, '[')
	for i := range list {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		put(&list[i])
	}
	e.B = append(e.B, ']')
}

// PutStrs writes a list of texts.
func PutStrs[T ~string](e *Encoder, name string, list []T) {
	putAll(e, name, list, func(v *T) { e.B = codec.AppendString(e.B, string(*v)) })
}

// PutRaws writes a list of any JSON.
func PutRaws(e *Encoder, name string, list []json.RawMessage) {
	putAll(e, name, list, func(v *json.RawMessage) { e.B = append(e.B, *v...) })
}

// PutList writes a list of objects.
func PutList[T any](e *Encoder, name string, list []T, encode func(*T, *Encoder)) {
	putAll(e, name, list, func(v *T) { encode(v, e) })
}

// PutObj writes an object.
func PutObj[T any](e *Encoder, name string, v *T, encode func(*T, *Encoder)) {
	if v != nil {
		e.Name(name)
		encode(v, e)
	}
}

// PutMap writes a map in the order of its keys.
func PutMap[T any](e *Encoder, name string, values map[string]T, put func(*Encoder, T)) {
	if values == nil {
		return
	}
	e.Name(name)
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

// ElemStr writes a text of a map.
func ElemStr[T ~string](e *Encoder, v T) { e.B = codec.AppendString(e.B, string(v)) }

// ElemInt writes an integer of a map.
func ElemInt[T integer](e *Encoder, v T) { e.B = strconv.AppendInt(e.B, int64(v), 10) }

// ElemRaw writes any JSON of a map.
func ElemRaw(e *Encoder, v json.RawMessage) { e.B = append(e.B, v...) }

// PutCustom writes custom fields under their wire names.
func PutCustom(e *Encoder, c runtime.CustomFields) {
	for i := range c {
		e.Name("custom." + c[i].Key)
		e.B = append(e.B, c[i].Value.Raw()...)
	}
}

// Marshal encodes one result; it serves MarshalJSON.
func Marshal[T any](v *T, encode func(*T, *Encoder)) ([]byte, error) {
	e := &Encoder{}
	encode(v, e)
	return e.B, nil
}

// Unmarshal decodes one result; it serves UnmarshalJSON.
func Unmarshal[T any](b []byte, v *T, decode func(*Decoder, *T)) error {
	var zero T
	*v = zero
	d := codec.NewDecoder(b, false)
	if d.Null() {
		return d.End()
	}
	decode(d, v)
	return d.End()
}

// Convert reads one result as another type: the kind of activity behind an
// item of a mixed list, the totals in the envelope of a page.
func Convert[From, To any](v *From, encode func(*From, *Encoder), decode func(*Decoder, *To)) (*To, error) {
	e := &Encoder{}
	encode(v, e)
	to := new(To)
	return to, Unmarshal(e.B, to, decode)
}
