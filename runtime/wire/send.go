package wire

import (
	"encoding/json"
	"strings"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// walk sends the fields of the struct at v.
func (w *sender) walk(s *plan, v unsafe.Pointer) {
	if s.base != nil {
		w.walk(s.base, v)
	}
	for i := range s.members {
		if m := &s.members[i]; m.in != nil && w.begin(m.in) {
			w.member(m, v)
		}
	}
}

// member checks a field and sends it.
func (w *sender) member(m *member, v unsafe.Pointer) {
	f := m.in
	switch m.as {
	case slotOptStr:
		sendOpt(w, f, as[closekit.Opt[string]](v, m), (*sender).text)
	case slotOptInt:
		sendOpt(w, f, as[closekit.Opt[int]](v, m), func(w *sender, f *field, n int) { w.int(f, int64(n)) })
	case slotOptCents:
		sendOpt(w, f, as[closekit.Opt[int64]](v, m), (*sender).int)
	case slotOptFloat:
		sendOpt(w, f, as[closekit.Opt[float64]](v, m), (*sender).float)
	case slotOptBool:
		sendOpt(w, f, as[closekit.Opt[bool]](v, m), (*sender).bool)
	case slotStr:
		if text := *as[string](v, m); text != "" {
			w.text(f, text)
		} else {
			w.absent(f)
		}
	case slotInt:
		w.int(f, int64(*as[int](v, m)))
	case slotCents:
		w.int(f, *as[int64](v, m))
	case slotFloat:
		w.float(f, *as[float64](v, m))
	case slotBool:
		w.bool(f, *as[bool](v, m))
	case slotRaw:
		w.raw(f, *as[json.RawMessage](v, m))
	case slotStrs:
		if list := *as[[]string](v, m); w.wanted(f, list == nil, len(list)) {
			w.list(f, list)
		}
	case slotRaws:
		if list := *as[[]json.RawMessage](v, m); w.wanted(f, list == nil, len(list)) {
			w.json(f, joined(list))
		}
	case slotList:
		if list := as[slice](v, m); w.wanted(f, list.data == nil, list.len) {
			w.objects(f, m.elem, list)
		}
	case slotObj:
		if o := *as[unsafe.Pointer](v, m); o != nil {
			w.object(f, m.elem, o)
		} else {
			w.absent(f)
		}
	case slotCustom:
		w.customFields(f, *as[closekit.CustomFields](v, m))
	case slotMapStr, slotMapInt, slotMapFloat, slotMapRaw: // received only
	}
}

func sendOpt[T any](w *sender, f *field, o *closekit.Opt[T], send func(*sender, *field, T)) {
	switch v, ok := o.Get(); {
	case ok:
		send(w, f, v)
	case o.IsNull():
		w.null(f)
	default:
		w.absent(f)
	}
}

func (w *sender) raw(f *field, raw json.RawMessage) {
	switch {
	case len(raw) == 0:
		w.absent(f)
	case codec.IsNull(raw):
		w.null(f)
	default:
		w.json(f, raw)
	}
}

// joined returns a JSON array of raw elements.
func joined(list []json.RawMessage) []byte {
	b := []byte{'['}
	for i, raw := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
	}
	return append(b, ']')
}

// wanted reports whether a list is to be sent. A query cannot express an empty list,
// and omitting the filter would match everything instead of nothing: it is a
// problem.
func (w *sender) wanted(f *field, absent bool, n int) bool {
	if !absent && n == 0 && f.in == inQuery && !f.is(required) && !strings.HasPrefix(f.name, "_") {
		w.add(f.name, "must not be empty", "[]", "leave it out if it should not filter")
		return false
	}
	if absent || n == 0 && (f.is(required) || f.in == inQuery) {
		w.absent(f)
		return false
	}
	return true
}

func (w *sender) customFields(f *field, list closekit.CustomFields) {
	var seen map[string]bool
	if len(list) > 32 {
		seen = make(map[string]bool, len(list))
	}
	for i, c := range list {
		twice := seen[c.Key]
		if seen != nil {
			seen[c.Key] = true
		}
		for j := 0; seen == nil && j < i; j++ { // faster than a map while they are few
			twice = twice || list[j].Key == c.Key
		}
		if twice {
			w.add(f.name+"."+c.Key, "is given twice", "", "")
			continue
		}
		w.customField(f, c.Key, c.Value.Raw())
	}
}
