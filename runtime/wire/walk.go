package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// walk visits the fields of the struct at v that are sent.
func walk(w *Walker, s *plan, v unsafe.Pointer) {
	if s.base != nil {
		walk(w, s.base, v)
	}
	for i := range s.members {
		m := &s.members[i]
		if m.in == nil || !w.Begin(m.in) {
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
func send(w *Walker, m *member, v unsafe.Pointer) {
	f := m.in
	switch m.as {
	case slotOptStr:
		sendOpt(w, f, as[closekit.Opt[string]](v, m), w.Text)
	case slotOptInt:
		sendOpt(w, f, as[closekit.Opt[int]](v, m), func(f *field, n int) { w.Int(f, int64(n)) })
	case slotOptCents:
		sendOpt(w, f, as[closekit.Opt[int64]](v, m), w.Int)
	case slotOptFloat:
		sendOpt(w, f, as[closekit.Opt[float64]](v, m), w.Float)
	case slotOptBool:
		sendOpt(w, f, as[closekit.Opt[bool]](v, m), w.Bool)
	case slotStr:
		if text := *as[string](v, m); text != "" {
			w.Text(f, text)
		} else {
			w.Absent(f)
		}
	case slotInt:
		w.Int(f, int64(*as[int](v, m)))
	case slotCents:
		w.Int(f, *as[int64](v, m))
	case slotFloat:
		w.Float(f, *as[float64](v, m))
	case slotBool:
		w.Bool(f, *as[bool](v, m))
	case slotRaw:
		switch raw := *as[json.RawMessage](v, m); {
		case len(raw) == 0:
			w.Absent(f)
		case codec.IsNull(raw):
			w.Null(f)
		default:
			w.JSON(f, raw)
		}
	case slotStrs:
		if list := *as[[]string](v, m); given(w, f, list == nil, len(list)) {
			w.Texts(f, len(list), func(i int) string { return list[i] })
		}
	case slotRaws:
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
	case slotList:
		if list := as[slice](v, m); given(w, f, list.data == nil, list.len) {
			s := m.elem()
			w.Objects(f, list.len, func(i int) { walk(w, s, unsafe.Add(list.data, uintptr(i)*s.size)) })
		}
	case slotObj:
		if o := *as[unsafe.Pointer](v, m); o != nil {
			w.Object(f, func() { walk(w, m.elem(), o) })
		} else {
			w.Absent(f)
		}
	case slotCustom:
		list := *as[closekit.CustomFields](v, m)
		for i, c := range list {
			if slices.ContainsFunc(list[:i], func(o closekit.CustomField) bool { return o.Key == c.Key }) {
				w.Report(f.Name+"."+c.Key, "is given twice", "", "")
				continue
			}
			w.CustomField(f, c.Key, c.Value.Raw())
		}
	case slotMapStr, slotMapInt, slotMapRaw: // come in answers only
	}
}

func sendOpt[T any](w *Walker, f *field, o *closekit.Opt[T], send func(*field, T)) {
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
func given(w *Walker, f *field, absent bool, n int) bool {
	if !absent && n == 0 && f.In == codec.Query && f.Flags&codec.Required == 0 && !strings.HasPrefix(f.Name, "_") {
		w.Report(f.Name, "must not be empty", "[]", "leave it out if it should not filter")
		return false
	}
	if absent || n == 0 && (f.Flags&codec.Required != 0 || f.In == codec.Query) {
		w.Absent(f)
		return false
	}
	return true
}

// take fills a field from a tool's input.
func take(w *Walker, m *member, v unsafe.Pointer) {
	f := m.in
	if m.as == slotCustom {
		takeCustom(w, f, as[closekit.CustomFields](v, m))
		return
	}
	raw, ok := w.Given(f)
	if !ok {
		// A plain field cannot tell later that it was not given.
		if m.as <= slotBool && f.Flags&codec.Required != 0 {
			w.Absent(f)
		}
		return
	}
	if codec.IsNull(raw) {
		takeNull(w, m, v)
		return
	}
	switch m.as {
	case slotOptStr:
		takeOpt(as[closekit.Opt[string]](v, m))(w.ReadText(f, f.Name, raw))
	case slotOptInt:
		takeOpt(as[closekit.Opt[int]](v, m))(readInt(w, f, raw))
	case slotOptCents:
		takeOpt(as[closekit.Opt[int64]](v, m))(w.ReadInt(f, raw, true))
	case slotOptFloat:
		takeOpt(as[closekit.Opt[float64]](v, m))(w.ReadFloat(f, raw))
	case slotOptBool:
		takeOpt(as[closekit.Opt[bool]](v, m))(w.ReadBool(f, raw))
	case slotStr:
		*as[string](v, m), _ = w.ReadText(f, f.Name, raw)
	case slotInt:
		*as[int](v, m), _ = readInt(w, f, raw)
	case slotCents:
		*as[int64](v, m), _ = w.ReadInt(f, raw, true)
	case slotFloat:
		*as[float64](v, m), _ = w.ReadFloat(f, raw)
	case slotBool:
		*as[bool](v, m), _ = w.ReadBool(f, raw)
	case slotRaw:
		*as[json.RawMessage](v, m) = append(json.RawMessage(nil), raw...)
	case slotStrs:
		if elems, ok := w.ReadList(f, raw, true); ok {
			list := make([]string, len(elems))
			for i, e := range elems {
				list[i], _ = w.ReadText(f, w.Element(f, i), e)
			}
			*as[[]string](v, m) = list
		}
	case slotRaws:
		if elems, ok := w.ReadList(f, raw, false); ok {
			list := make([]json.RawMessage, len(elems))
			for i, e := range elems {
				list[i] = append(json.RawMessage(nil), e...)
			}
			*as[[]json.RawMessage](v, m) = list
		}
	case slotList:
		if elems, ok := w.ReadList(f, raw, false); ok {
			s := m.elem()
			list := grow(m.of, nil, 0, len(elems))
			list.len = len(elems)
			if list.data == nil {
				list.data = none()
			}
			for i, e := range elems {
				w.ReadObject(w.Element(f, i), e, func() { walk(w, s, unsafe.Add(list.data, uintptr(i)*s.size)) })
			}
			*as[slice](v, m) = list
		}
	case slotObj:
		s := m.elem()
		o := s.one()
		w.ReadObject(f.Name, raw, func() { walk(w, s, o) })
		*as[unsafe.Pointer](v, m) = o
	case slotCustom, slotMapStr, slotMapInt, slotMapRaw:
	}
}

func takeOpt[T any](o *closekit.Opt[T]) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			o.Set(v)
		}
	}
}

// takeNull takes a null: it clears what may be cleared, empties a list, and is
// wrong for what is required.
func takeNull(w *Walker, m *member, v unsafe.Pointer) {
	switch m.as {
	case slotOptStr:
		as[closekit.Opt[string]](v, m).SetNull()
	case slotOptInt:
		as[closekit.Opt[int]](v, m).SetNull()
	case slotOptCents:
		as[closekit.Opt[int64]](v, m).SetNull()
	case slotOptFloat:
		as[closekit.Opt[float64]](v, m).SetNull()
	case slotOptBool:
		as[closekit.Opt[bool]](v, m).SetNull()
	case slotRaw:
		*as[json.RawMessage](v, m) = json.RawMessage("null")
	case slotStrs, slotRaws, slotList:
		// An empty list is the null of a list; one that cannot be null must not be
		// emptied by accident.
		if m.in.Flags&codec.Nullable == 0 {
			hint := "leave it out, or give [] to empty it"
			if m.in.In == codec.Query {
				hint = "leave it out"
			}
			w.Report(m.in.Name, "cannot be null", "null", hint)
			return
		}
		takeEmpty(m, v)
	case slotStr, slotInt, slotCents, slotFloat, slotBool:
		w.Report(m.in.Name, "cannot be null", "null", "")
	case slotObj, slotCustom, slotMapStr, slotMapInt, slotMapRaw:
	}
}

func takeEmpty(m *member, v unsafe.Pointer) {
	switch m.as {
	case slotStrs:
		*as[[]string](v, m) = []string{}
	case slotRaws:
		*as[[]json.RawMessage](v, m) = []json.RawMessage{}
	default:
		*as[slice](v, m) = slice{data: none()}
	}
}

func readInt(w *Walker, f *field, raw []byte) (int, bool) {
	n, ok := w.ReadInt(f, raw, false)
	if ok && int64(int(n)) != n {
		w.Report(f.Name, "is too large", string(raw), "")
	}
	return int(n), ok
}

// takeCustom takes an object by field id from a tool, and keys such as
// custom.cf_… at the top level too, because that is how Close itself spells
// them.
func takeCustom(w *Walker, f *field, c *closekit.CustomFields) {
	const prefix = "custom."
	if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
		ms, _ := w.Members(f, raw)
		for _, m := range ms {
			c.Append(strings.TrimPrefix(m.Name, prefix), string(m.Raw))
		}
	}
	w.GivenPrefix(prefix, func(name string, raw []byte) { c.Append(name[len(prefix):], string(raw)) })
}
