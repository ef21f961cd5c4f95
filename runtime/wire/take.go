package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// walk fills the fields of the struct at v from the current object.
func (r *reader) walk(s *plan, v unsafe.Pointer) {
	if s.base != nil {
		r.walk(s.base, v)
	}
	for i := range s.members {
		m := &s.members[i]
		if m.in == nil || r.depth > 0 && m.in.flags&r.op.access() == 0 {
			continue
		}
		r.take(m, v)
	}
}

// take fills a field.
func (r *reader) take(m *member, v unsafe.Pointer) {
	f := m.in
	if m.as == slotCustom {
		r.custom(f, as[closekit.CustomFields](v, m))
		return
	}
	raw, ok := r.given(f)
	if ok && codec.IsNull(raw) {
		if r.null(m, v) {
			return
		}
		if ok = false; r.refuses(f) {
			hint := "leave it out to keep its value"
			if m.as == slotStrs || m.as == slotRaws || m.as == slotList {
				hint += ", or give [] to empty it"
			}
			r.add(f.name, "cannot be cleared", "null", hint)
			return
		}
	}
	if !ok {
		// Sending cannot find this problem: a plain field does not record that it is
		// not set.
		if m.as <= slotBool && f.is(required) && f.preset == "" {
			r.add(f.name, "is required", "", fromHint(f))
		}
		return
	}
	switch m.as {
	case slotOptStr:
		takeOpt(as[closekit.Opt[string]](v, m))(r.text(f, f.name, raw))
	case slotOptInt:
		takeOpt(as[closekit.Opt[int]](v, m))(r.int(f, raw))
	case slotOptCents:
		takeOpt(as[closekit.Opt[int64]](v, m))(r.int64(f, raw, true))
	case slotOptFloat:
		takeOpt(as[closekit.Opt[float64]](v, m))(r.float(f, raw))
	case slotOptBool:
		takeOpt(as[closekit.Opt[bool]](v, m))(r.bool(f, raw))
	case slotStr:
		*as[string](v, m), _ = r.text(f, f.name, raw)
	case slotInt:
		*as[int](v, m), _ = r.int(f, raw)
	case slotCents:
		*as[int64](v, m), _ = r.int64(f, raw, true)
	case slotFloat:
		*as[float64](v, m), _ = r.float(f, raw)
	case slotBool:
		*as[bool](v, m), _ = r.bool(f, raw)
	case slotRaw:
		*as[json.RawMessage](v, m) = slices.Clone(json.RawMessage(raw))
	case slotStrs, slotRaws, slotList:
		r.takeList(m, v, raw)
	case slotObj:
		o := m.elem.newStruct()
		r.nested(f.name, raw, m.elem, o)
		*as[unsafe.Pointer](v, m) = o
	case slotCustom, slotMapStr, slotMapInt, slotMapFloat, slotMapRaw: // handled above; received only
	}
}

// takeList fills a list.
func (r *reader) takeList(m *member, v unsafe.Pointer, raw []byte) {
	f := m.in
	elems, ok := r.list(f, raw, m.as == slotStrs)
	if !ok {
		return
	}
	switch m.as { // the lists
	case slotStrs:
		list := make([]string, len(elems))
		for i, e := range elems {
			list[i], _ = r.text(f, element(f, i), e)
		}
		*as[[]string](v, m) = list
	case slotRaws:
		list := make([]json.RawMessage, len(elems))
		for i, e := range elems {
			list[i] = slices.Clone(json.RawMessage(e))
		}
		*as[[]json.RawMessage](v, m) = list
	default:
		s := m.elem
		list := slice{data: none()}
		if len(elems) > 0 {
			list = grow(m.of, nil, 0, len(elems))
		}
		for i, e := range elems {
			list.len++
			r.nested(element(f, i), e, s, unsafe.Add(list.data, uintptr(i)*s.size))
		}
		*as[slice](v, m) = list
	}
}

func takeOpt[T any](o *closekit.Opt[T]) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			*o = closekit.Some(v)
		}
	}
}

// null sets a field that may be null to null: a list becomes empty, any other value
// is cleared. It returns false for a field that cannot be null.
func (r *reader) null(m *member, v unsafe.Pointer) bool {
	if !m.in.is(nullable) || m.in.in == inPath {
		return false
	}
	switch m.as {
	case slotOptStr:
		*as[closekit.Opt[string]](v, m) = closekit.Null[string]()
	case slotOptInt:
		*as[closekit.Opt[int]](v, m) = closekit.Null[int]()
	case slotOptCents:
		*as[closekit.Opt[int64]](v, m) = closekit.Null[int64]()
	case slotOptFloat:
		*as[closekit.Opt[float64]](v, m) = closekit.Null[float64]()
	case slotOptBool:
		*as[closekit.Opt[bool]](v, m) = closekit.Null[bool]()
	case slotRaw:
		*as[json.RawMessage](v, m) = json.RawMessage("null")
	case slotStrs, slotRaws, slotList:
		*as[slice](v, m) = slice{data: none()}
	case slotStr, slotInt, slotCents, slotFloat, slotBool, slotObj, slotCustom, slotMapStr, slotMapInt, slotMapFloat, slotMapRaw:
		return false // nothing in Go can be null
	}
	return true
}

// refuses reports whether a null for a field that cannot be null is a problem. Models
// write null for what they leave out, so that it counts as absent; in an update it
// may also mean to clear the stored value. A required field is reported as missing.
// A nested object is a whole value, also in an update.
func (r *reader) refuses(f *field) bool {
	return r.op.Updates() && r.depth == 0 && f.in == inBody && !f.is(required)
}

// custom reads an object by field id, and also members such as custom.cf_… of the
// current object, as Close itself names them.
func (r *reader) custom(f *field, c *closekit.CustomFields) {
	const prefix = "custom."
	if raw, ok := r.given(f); ok && codec.IsNull(raw) {
		if r.refuses(f) {
			r.add(f.name, "cannot be cleared", "null", "give null for the single fields")
		}
	} else if ok {
		for _, m := range r.fields(f, raw) {
			appendCustom(c, strings.TrimPrefix(m.name, prefix), string(m.raw))
		}
	}
	for i := range r.members {
		if m := &r.members[i]; !m.used && strings.HasPrefix(m.name, prefix) {
			m.used = true
			appendCustom(c, m.name[len(prefix):], string(m.raw))
		}
	}
}
