package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// walk visits the fields of the struct at v that are sent.
func walk(w *Walker, s *Struct, v unsafe.Pointer) {
	if s.Base != nil {
		walk(w, s.Base, v)
	}
	for i := range s.Members {
		m := &s.Members[i]
		if m.In == nil || !w.Begin(m.In) {
			continue
		}
		if w.Decoding() {
			take(w, m, v)
		} else {
			send(w, m, v)
		}
	}
}

// send checks a field and sends it.
func send(w *Walker, m *Member, v unsafe.Pointer) {
	f := m.In
	switch m.As {
	case OptStr:
		sendOpt(w, f, as[runtime.Opt[string]](v, m), w.Text)
	case OptInt:
		sendOpt(w, f, as[runtime.Opt[int]](v, m), func(f *Field, n int) { w.Int(f, int64(n)) })
	case OptCents:
		sendOpt(w, f, as[runtime.Opt[int64]](v, m), w.Int)
	case OptFloat:
		sendOpt(w, f, as[runtime.Opt[float64]](v, m), w.Float)
	case OptBool:
		sendOpt(w, f, as[runtime.Opt[bool]](v, m), w.Bool)
	case Str:
		if text := *as[string](v, m); text != "" {
			w.Text(f, text)
		} else {
			w.Absent(f)
		}
	case Int:
		w.Int(f, int64(*as[int](v, m)))
	case Cents:
		w.Int(f, *as[int64](v, m))
	case Float:
		w.Float(f, *as[float64](v, m))
	case Bool:
		w.Bool(f, *as[bool](v, m))
	case Raw:
		switch raw := *as[json.RawMessage](v, m); {
		case len(raw) == 0:
			w.Absent(f)
		case codec.IsNull(raw):
			w.Null(f)
		default:
			w.JSON(f, raw)
		}
	case Strs:
		if list := *as[[]string](v, m); given(w, f, list == nil, len(list)) {
			w.Texts(f, len(list), func(i int) string { return list[i] })
		}
	case Raws:
		if list := *as[[]json.RawMessage](v, m); given(w, f, list == nil, len(list)) {
			b := []byte{'['}
			for i, raw := range list {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(b, raw...)
			}
			w.JSON(f, append(b, ']'))
		}
	case List:
		if list := as[slice](v, m); given(w, f, list.data == nil, list.len) {
			s := m.Elem()
			w.Objects(f, list.len, func(i int) { walk(w, s, unsafe.Add(list.data, uintptr(i)*s.Size)) })
		}
	case Obj:
		if o := *as[unsafe.Pointer](v, m); o != nil {
			w.Object(f, func() { walk(w, m.Elem(), o) })
		} else {
			w.Absent(f)
		}
	case Custom:
		list := *as[runtime.CustomFields](v, m)
		for i, c := range list {
			if slices.ContainsFunc(list[:i], func(o runtime.CustomField) bool { return o.Key == c.Key }) {
				w.Report(f.Name+"."+c.Key, "is given twice", "", "")
				continue
			}
			w.CustomField(f, c.Key, c.Value.Raw())
		}
	case MapStr, MapInt, MapRaw: // come in answers only
	}
}

func sendOpt[T any](w *Walker, f *Field, o *runtime.Opt[T], send func(*Field, T)) {
	switch v, ok := o.Get(); {
	case ok:
		send(f, v)
	case o.IsNull():
		w.Null(f)
	default:
		w.Absent(f)
	}
}

// given reports whether a list is to be sent. An empty one cannot be said in a
// query, and to leave a filter out would find everything instead of nothing.
func given(w *Walker, f *Field, absent bool, n int) bool {
	if !absent && n == 0 && f.In == Query && f.Flags&Required == 0 && !strings.HasPrefix(f.Name, "_") {
		w.Report(f.Name, "must not be empty", "[]", "leave it out if it should not filter")
		return false
	}
	if absent || n == 0 && (f.Flags&Required != 0 || f.In == Query) {
		w.Absent(f)
		return false
	}
	return true
}

// take fills a field from a tool's input.
func take(w *Walker, m *Member, v unsafe.Pointer) {
	f := m.In
	if m.As == Custom {
		takeCustom(w, f, as[runtime.CustomFields](v, m))
		return
	}
	raw, ok := w.Given(f)
	if !ok {
		// A plain field cannot tell later that it was not given.
		if m.As <= Bool && f.Flags&Required != 0 {
			w.Absent(f)
		}
		return
	}
	if codec.IsNull(raw) {
		takeNull(w, m, v)
		return
	}
	switch m.As {
	case OptStr:
		takeOpt(as[runtime.Opt[string]](v, m))(w.ReadText(f, f.Name, raw))
	case OptInt:
		takeOpt(as[runtime.Opt[int]](v, m))(readInt(w, f, raw))
	case OptCents:
		takeOpt(as[runtime.Opt[int64]](v, m))(w.ReadInt(f, raw, true))
	case OptFloat:
		takeOpt(as[runtime.Opt[float64]](v, m))(w.ReadFloat(f, raw))
	case OptBool:
		takeOpt(as[runtime.Opt[bool]](v, m))(w.ReadBool(f, raw))
	case Str:
		*as[string](v, m), _ = w.ReadText(f, f.Name, raw)
	case Int:
		*as[int](v, m), _ = readInt(w, f, raw)
	case Cents:
		*as[int64](v, m), _ = w.ReadInt(f, raw, true)
	case Float:
		*as[float64](v, m), _ = w.ReadFloat(f, raw)
	case Bool:
		*as[bool](v, m), _ = w.ReadBool(f, raw)
	case Raw:
		*as[json.RawMessage](v, m) = append(json.RawMessage(nil), raw...)
	case Strs:
		if elems, ok := w.ReadList(f, raw, true); ok {
			list := make([]string, len(elems))
			for i, e := range elems {
				list[i], _ = w.ReadText(f, w.Element(f, i), e)
			}
			*as[[]string](v, m) = list
		}
	case Raws:
		if elems, ok := w.ReadList(f, raw, false); ok {
			list := make([]json.RawMessage, len(elems))
			for i, e := range elems {
				list[i] = append(json.RawMessage(nil), e...)
			}
			*as[[]json.RawMessage](v, m) = list
		}
	case List:
		if elems, ok := w.ReadList(f, raw, false); ok {
			s := m.Elem()
			list := slice{s.Grow(nil, 0, len(elems)), len(elems), len(elems)}
			for i, e := range elems {
				w.ReadObject(w.Element(f, i), e, func() { walk(w, s, unsafe.Add(list.data, uintptr(i)*s.Size)) })
			}
			*as[slice](v, m) = list
		}
	case Obj:
		s := m.Elem()
		o := s.one()
		w.ReadObject(f.Name, raw, func() { walk(w, s, o) })
		*as[unsafe.Pointer](v, m) = o
	case Custom, MapStr, MapInt, MapRaw:
	}
}

func takeOpt[T any](o *runtime.Opt[T]) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			o.Set(v)
		}
	}
}

// takeNull takes a null: it clears what may be cleared, empties a list, and is
// wrong for what is required.
func takeNull(w *Walker, m *Member, v unsafe.Pointer) {
	switch m.As {
	case OptStr:
		as[runtime.Opt[string]](v, m).SetNull()
	case OptInt:
		as[runtime.Opt[int]](v, m).SetNull()
	case OptCents:
		as[runtime.Opt[int64]](v, m).SetNull()
	case OptFloat:
		as[runtime.Opt[float64]](v, m).SetNull()
	case OptBool:
		as[runtime.Opt[bool]](v, m).SetNull()
	case Raw:
		*as[json.RawMessage](v, m) = json.RawMessage("null")
	case Strs, Raws, List:
		// An empty list is the null of a list; one that cannot be null must not be
		// emptied by accident.
		if m.In.Flags&Nullable == 0 {
			hint := "leave it out, or give [] to empty it"
			if m.In.In == Query {
				hint = "leave it out"
			}
			w.Report(m.In.Name, "cannot be null", "null", hint)
			return
		}
		takeEmpty(m, v)
	case Str, Int, Cents, Float, Bool:
		w.Report(m.In.Name, "cannot be null", "null", "")
	case Obj, Custom, MapStr, MapInt, MapRaw:
	}
}

func takeEmpty(m *Member, v unsafe.Pointer) {
	switch m.As {
	case Strs:
		*as[[]string](v, m) = []string{}
	case Raws:
		*as[[]json.RawMessage](v, m) = []json.RawMessage{}
	default:
		*as[slice](v, m) = slice{data: m.Elem().none()}
	}
}

func readInt(w *Walker, f *Field, raw []byte) (int, bool) {
	n, ok := w.ReadInt(f, raw, false)
	if ok && int64(int(n)) != n {
		w.Report(f.Name, "is too large", string(raw), "")
	}
	return int(n), ok
}

// takeCustom takes an object by field id from a tool, and keys such as
// custom.cf_… at the top level too, because that is how Close itself spells
// them.
func takeCustom(w *Walker, f *Field, c *runtime.CustomFields) {
	const prefix = "custom."
	if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
		ms, _ := w.Members(f, raw)
		for _, m := range ms {
			c.Append(strings.TrimPrefix(m.Name, prefix), string(m.Raw))
		}
	}
	w.GivenPrefix(prefix, func(name string, raw []byte) { c.Append(name[len(prefix):], string(raw)) })
}
