package wire

import (
	"encoding/json"
	"strings"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// walkOpt does what all optional fields share: decoding of absence and null,
// sending of absence and null. It reports whether a value is to be handled.
func walkOpt[T any](w *Walker, f *Field, p *runtime.Opt[T]) (raw []byte, v T, ok bool) {
	if !w.Begin(f) {
		return nil, v, false
	}
	if w.Decoding() {
		if raw, ok = w.Given(f); ok && codec.IsNull(raw) {
			p.SetNull()
			return nil, v, false
		}
		return raw, v, ok
	}
	switch v, ok = p.Get(); {
	case ok:
	case p.IsNull():
		w.Null(f)
	default:
		w.Absent(f)
	}
	return nil, v, ok
}

// walkPlain does the same for required fields.
func walkPlain(w *Walker, f *Field) (raw []byte, ok bool) {
	if !w.Begin(f) {
		return nil, false
	}
	if !w.Decoding() {
		return nil, true
	}
	if raw, ok = w.Given(f); ok && codec.IsNull(raw) {
		w.Report(f.Name, "cannot be null", "null", "")
		return nil, false
	}
	return raw, ok
}

// Str walks a required text.
func Str[T ~string](w *Walker, f *Field, p *T) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		s, _ := w.ReadText(f, f.Name, raw)
		*p = T(s)
	case *p == "":
		w.Absent(f)
	default:
		w.Text(f, string(*p))
	}
}

// OptStr walks a text.
func OptStr[T ~string](w *Walker, f *Field, p *runtime.Opt[T]) {
	raw, v, ok := walkOpt(w, f, p)
	switch {
	case !ok:
	case raw != nil:
		if s, ok := w.ReadText(f, f.Name, raw); ok {
			p.Set(T(s))
		}
	default:
		w.Text(f, string(v))
	}
}

// Int walks a required integer.
func Int[T integer](w *Walker, f *Field, p *T) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		*p = readInt[T](w, f, raw)
	default:
		w.Int(f, int64(*p))
	}
}

// OptInt walks an integer or an amount.
func OptInt[T integer](w *Walker, f *Field, p *runtime.Opt[T]) {
	raw, v, ok := walkOpt(w, f, p)
	switch {
	case !ok:
	case raw != nil:
		p.Set(readInt[T](w, f, raw))
	default:
		w.Int(f, int64(v))
	}
}

func readInt[T integer](w *Walker, f *Field, raw []byte) T {
	var zero T
	_, cents := any(zero).(runtime.Cents)
	n, _ := w.ReadInt(f, raw, cents)
	return T(n)
}

// OptFloat walks a number.
func OptFloat(w *Walker, f *Field, p *runtime.Opt[float64]) {
	raw, v, ok := walkOpt(w, f, p)
	switch {
	case !ok:
	case raw != nil:
		if n, ok := w.ReadFloat(f, raw); ok {
			p.Set(n)
		}
	default:
		w.Float(f, v)
	}
}

// Bool walks a required boolean.
func Bool(w *Walker, f *Field, p *bool) {
	raw, ok := walkPlain(w, f)
	switch {
	case !ok:
	case raw != nil:
		*p, _ = w.ReadBool(f, raw)
	default:
		w.Bool(f, *p)
	}
}

// OptBool walks a boolean.
func OptBool(w *Walker, f *Field, p *runtime.Opt[bool]) {
	raw, v, ok := walkOpt(w, f, p)
	switch {
	case !ok:
	case raw != nil:
		if b, ok := w.ReadBool(f, raw); ok {
			p.Set(b)
		}
	default:
		w.Bool(f, v)
	}
}

// Raw walks any JSON.
func Raw(w *Walker, f *Field, p *json.RawMessage) {
	if !w.Begin(f) {
		return
	}
	switch {
	case w.Decoding():
		if raw, ok := w.Given(f); ok {
			*p = append(json.RawMessage(nil), raw...)
		}
	case len(*p) == 0:
		w.Absent(f)
	default:
		w.JSON(f, *p)
	}
}

// walkList does what all lists share. A null means an empty list.
func walkList[T any](w *Walker, f *Field, p *[]T, texts bool, read func([]byte, *T)) (send bool) {
	if !w.Begin(f) {
		return false
	}
	if !w.Decoding() {
		if *p == nil || f.Flags&Required != 0 && len(*p) == 0 {
			w.Absent(f)
			return false
		}
		return true
	}
	raw, ok := w.Given(f)
	if !ok {
		return false
	}
	if codec.IsNull(raw) {
		*p = []T{}
		return false
	}
	elems, ok := w.ReadList(f, raw, texts)
	if !ok {
		return false
	}
	*p = make([]T, len(elems))
	for i, e := range elems {
		read(e, &(*p)[i])
	}
	return false
}

// Strs walks a list of texts.
func Strs[T ~string](w *Walker, f *Field, p *[]T) {
	i := 0
	if walkList(w, f, p, true, func(raw []byte, v *T) {
		s, _ := w.ReadText(f, w.Element(f, i), raw)
		*v, i = T(s), i+1
	}) {
		w.Texts(f, len(*p), func(i int) string { return string((*p)[i]) })
	}
}

// Raws walks a list of any JSON.
func Raws(w *Walker, f *Field, p *[]json.RawMessage) {
	if walkList(w, f, p, false, func(raw []byte, v *json.RawMessage) { *v = append(json.RawMessage(nil), raw...) }) {
		b := []byte{'['}
		for i, v := range *p {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, v...)
		}
		w.JSON(f, append(b, ']'))
	}
}

// Objs walks a list of objects.
func Objs[T any](w *Walker, f *Field, p *[]T, walk func(*T, *Walker)) {
	i := 0
	if walkList(w, f, p, false, func(raw []byte, v *T) {
		w.ReadObject(w.Element(f, i), raw, func() { walk(v, w) })
		i++
	}) {
		w.Objects(f, len(*p), func(i int) { walk(&(*p)[i], w) })
	}
}

// Obj walks an object.
func Obj[T any](w *Walker, f *Field, p **T, walk func(*T, *Walker)) {
	if !w.Begin(f) {
		return
	}
	if w.Decoding() {
		if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
			v := new(T)
			w.ReadObject(f.Name, raw, func() { walk(v, w) })
			*p = v
		}
		return
	}
	if *p == nil {
		w.Absent(f)
		return
	}
	w.Object(f, func() { walk(*p, w) })
}

// Custom walks values of custom fields. A tool gives them as an object by field
// id; keys such as custom.cf_… at the top level are taken too, because that is
// how Close itself spells them.
func Custom(w *Walker, f *Field, p *runtime.CustomFields) {
	const prefix = "custom."
	if !w.Begin(f) {
		return
	}
	if w.Decoding() {
		if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
			ms, _ := w.Members(f, raw)
			for _, m := range ms {
				p.Append(strings.TrimPrefix(m.Name, prefix), string(m.Raw))
			}
		}
		w.GivenPrefix(prefix, func(name string, raw []byte) { p.Append(name[len(prefix):], string(raw)) })
		return
	}
	for i := range *p {
		c := &(*p)[i]
		w.CustomField(f, c.Key, c.Value.Raw())
	}
}
