package wire

import (
	"encoding/json"
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// order caches the order of the members in the objects of one type, to guess the
// next name. Members are numbered from one; others stands for any name without a
// number.
type order struct {
	of    *plan
	after [256]uint8
}

const others = 255

// orderOf returns the decoder's cached order of a type.
func orderOf(d *codec.Decoder, s *plan) *order {
	for _, x := range d.Orders {
		if o, ok := x.(*order); ok && o.of == s {
			return o
		}
	}
	o := &order{of: s}
	d.Orders = append(d.Orders, o)
	return o
}

// decode reads an object into the struct at v, which starts with its
// closekit.Object.
func decode(d *codec.Decoder, s *plan, v unsafe.Pointer) {
	d.Open((*codec.Object)(v))
	o, last := orderOf(d, s), uint8(0)
	for {
		if i := o.after[last]; i != 0 && i != others {
			if m := &s.members[i-1]; d.NextIs(m.name) {
				last = i
				get(d, m, v)
				continue
			}
		}
		if !d.Next() {
			return
		}
		i := s.number(d.Key())
		o.after[last], last = i, i
		var m *member
		if i != others {
			m = &s.members[i-1]
		} else {
			m = s.base.find(d.Key())
		}
		if m == nil {
			keep(d, s, v)
		} else {
			get(d, m, v)
		}
	}
}

// keep stores a member without a field: a custom field in the struct's custom
// fields, any other member in the object.
func keep(d *codec.Decoder, s *plan, v unsafe.Pointer) {
	const prefix = "custom."
	for s != nil && s.custom == 0 {
		s = s.base
	}
	key := d.Key()
	if s == nil || len(key) <= len(prefix) || string(key[:len(prefix)]) != prefix {
		d.Keep()
		return
	}
	c := (*closekit.CustomFields)(unsafe.Add(v, s.custom))
	if *c == nil {
		*c = make(closekit.CustomFields, 0, 7)
	}
	appendCustom(c, d.Text(key[len(prefix):]), d.RawText())
}

// get reads the value of a member of a response.
func get(d *codec.Decoder, m *member, v unsafe.Pointer) {
	switch m.as {
	case slotOptStr:
		p := as[closekit.Opt[string]](v, m)
		if text, ok := d.Str(); ok {
			*p = closekit.Some(text)
		} else {
			getOpt(d, p, (*codec.Decoder).Str)
		}
	case slotOptInt:
		getOpt(d, as[closekit.Opt[int]](v, m), getInt)
	case slotOptCents:
		getOpt(d, as[closekit.Opt[int64]](v, m), (*codec.Decoder).Int)
	case slotOptFloat:
		getOpt(d, as[closekit.Opt[float64]](v, m), (*codec.Decoder).Float)
	case slotOptBool:
		getOpt(d, as[closekit.Opt[bool]](v, m), (*codec.Decoder).Bool)
	case slotStr:
		if text, ok := d.Str(); ok {
			*as[string](v, m) = text
			d.Seen(m.bit)
		} else {
			getPlain(d, as[string](v, m), m.bit, (*codec.Decoder).Str)
		}
	case slotInt:
		getPlain(d, as[int](v, m), m.bit, getInt)
	case slotCents:
		getPlain(d, as[int64](v, m), m.bit, (*codec.Decoder).Int)
	case slotFloat:
		getPlain(d, as[float64](v, m), m.bit, (*codec.Decoder).Float)
	case slotBool:
		getPlain(d, as[bool](v, m), m.bit, (*codec.Decoder).Bool)
	case slotRaw:
		*as[json.RawMessage](v, m) = json.RawMessage(d.RawText())
	case slotStrs:
		getList(d, as[[]string](v, m), m.bit, (*codec.Decoder).Str)
	case slotRaws:
		getList(d, as[[]json.RawMessage](v, m), m.bit, getRaw)
	case slotList:
		getObjects(d, m, v)
	case slotObj:
		getObject(d, m, v)
	case slotMapStr, slotMapInt, slotMapFloat, slotMapRaw:
		getMap(d, m, v)
	case slotCustom: // keep reads custom fields, whose names are not known
		d.Keep()
	}
}

func getInt(d *codec.Decoder) (int, bool) {
	m := d.Mark()
	n, ok := d.Int()
	if ok && int64(int(n)) != n { // int has 32 bits
		d.Reset(m)
		return 0, false
	}
	return int(n), ok
}

func getRaw(d *codec.Decoder) (json.RawMessage, bool) { return json.RawMessage(d.RawText()), true }

func getOpt[T any](d *codec.Decoder, p *closekit.Opt[T], read func(*codec.Decoder) (T, bool)) {
	if d.Null() {
		*p = closekit.Null[T]()
		return
	}
	if v, ok := read(d); ok {
		*p = closekit.Some(v)
		return
	}
	*p = closekit.Opt[T]{}
	d.Mismatch(0)
}

func getPlain[T any](d *codec.Decoder, p *T, bit uint8, read func(*codec.Decoder) (T, bool)) {
	if v, ok := read(d); ok {
		*p = v
		d.Seen(bit)
		return
	}
	var zero T
	*p = zero
	d.Mismatch(bit)
}

// getNull reads a null and records it in bit, so that encoding writes it again.
func getNull(d *codec.Decoder, bit uint8) bool {
	if bit == 0 || !d.Null() {
		return false
	}
	d.Seen(bit)
	return true
}

// getList reads an array element by element; if one of them has an unexpected type,
// the whole array is kept as a mismatch. A null sets the bit and leaves the list nil.
func getList[T any](d *codec.Decoder, p *[]T, bit uint8, read func(*codec.Decoder) (T, bool)) {
	*p = nil
	if !opens(d, '[', bit) {
		return
	}
	m := d.Mark()
	list := []T{}
	for d.Array(); d.More(); {
		v, ok := read(d)
		if !ok {
			d.Reset(m)
			d.Mismatch(bit)
			return
		}
		list = append(list, v)
	}
	*p = list
}

// getMap reads an object whose members all have values of the same type.
// getMap reads a map of any kind.
func getMap(d *codec.Decoder, m *member, v unsafe.Pointer) {
	*as[unsafe.Pointer](v, m) = nil
	if !opens(d, '{', m.bit) {
		return
	}
	strs, ints, floats, raws := as[map[string]string](v, m), as[map[string]int](v, m), as[map[string]float64](v, m), as[map[string]json.RawMessage](v, m)
	switch m.as {
	case slotMapStr:
		*strs = map[string]string{}
	case slotMapInt:
		*ints = map[string]int{}
	case slotMapFloat:
		*floats = map[string]float64{}
	default:
		*raws = map[string]json.RawMessage{}
	}
	if !getMembers(d, m.bit, func(name string) (ok bool) {
		switch m.as {
		case slotMapStr:
			(*strs)[name], ok = d.Str()
		case slotMapInt:
			(*ints)[name], ok = getInt(d)
		case slotMapFloat:
			(*floats)[name], ok = d.Float()
		default:
			(*raws)[name], ok = getRaw(d)
		}
		return ok
	}) {
		*as[unsafe.Pointer](v, m) = nil
	}
}

// getMembers reads an object member by member. If get reports one of an unexpected
// type, the whole object is kept as a mismatch.
func getMembers(d *codec.Decoder, bit uint8, get func(name string) bool) bool {
	m, outer := d.Mark(), d.Enter()
	for d.Open(outer); d.Next(); {
		if !get(d.Name()) {
			d.Reset(m)
			d.Mismatch(bit)
			return false
		}
	}
	return true
}

// opens reports whether the value starts with a bracket. Otherwise it reads a null or
// keeps the value as a mismatch.
func opens(d *codec.Decoder, bracket byte, bit uint8) bool {
	switch {
	case getNull(d, bit):
		return false
	case d.Peek() != bracket:
		d.Mismatch(bit)
		return false
	}
	return true
}

// getObject reads a nested object.
func getObject(d *codec.Decoder, m *member, v unsafe.Pointer) {
	p := as[unsafe.Pointer](v, m)
	*p = nil
	if !opens(d, '{', m.bit) {
		return
	}
	s := m.elem
	outer, o := d.Enter(), s.newStruct()
	decode(d, s, o)
	d.Leave(outer)
	*p = o
}

// block is memory for the elements of the lists of one type, so that a page of
// objects with many short lists needs few allocations. A list keeps at most one
// block alive, which has maxBlock bytes unless the list itself is longer.
type block struct {
	of    *plan
	list  *member // a list of them
	buf   slice
	first int  // offset of the first list in the body
	total int  // elements so far
	busy  bool // a list of the same type is being read, which contains this one
}

const maxBlock = 16 << 10

func blockOf(d *codec.Decoder, m *member, s *plan) *block {
	for _, x := range d.Blocks {
		if b, ok := x.(*block); ok && b.of == s {
			if b.busy {
				break
			}
			return b
		}
	}
	b := &block{of: s, list: m, first: d.Offset()}
	d.Blocks = append(d.Blocks, b)
	return b
}

func (b *block) at(i int) unsafe.Pointer { return unsafe.Add(b.buf.data, uintptr(i)*b.of.size) }

// room ensures capacity for one more element of the list that starts at start, and
// returns its new start. The size of a new block is estimated from the part of the
// body that has been read.
func (b *block) room(d *codec.Decoder, start int) int {
	b.total++
	if b.buf.len < b.buf.cap {
		return start
	}
	n := b.buf.len - start
	rest := b.total * d.Rest() / max(1, d.Offset()-b.first)
	most := maxBlock / max(1, int(b.of.size))
	grown := max(n+1, min(n+1+rest, max(most, 2*n), 2*b.buf.cap+2))
	var old unsafe.Pointer
	if n > 0 {
		old = b.at(start)
	}
	b.buf = grow(b.list.of, old, n, grown)
	return 0
}

// getItems reads the list of a page. Its items have similar sizes, so the size of the
// first ones predicts how many follow.
func getItems(d *codec.Decoder, s *plan, t reflect.Type, p *slice) {
	*p = slice{}
	mark := d.Mark()
	if d.Peek() != '[' {
		d.Mismatch(0)
		return
	}
	outer := d.Enter()
	list := slice{data: none()}
	for d.Array(); d.More(); {
		if d.Peek() != '{' {
			d.Leave(outer)
			d.Reset(mark)
			d.Mismatch(0)
			return
		}
		if list.len == list.cap {
			n := d.Expect(mark, list.len)
			list = grow(t, list.data, list.len, n)
		}
		list.len++
		decode(d, s, unsafe.Add(list.data, uintptr(list.len-1)*s.size))
	}
	d.Leave(outer)
	*p = list
}

// getObjects reads a list of objects.
func getObjects(d *codec.Decoder, m *member, v unsafe.Pointer) {
	p := as[slice](v, m)
	*p = slice{}
	if !opens(d, '[', m.bit) {
		return
	}
	mark := d.Mark()
	s := m.elem
	b := blockOf(d, m, s)
	b.busy = true
	outer, fits, start := d.Enter(), true, b.buf.len
	for d.Array(); d.More(); {
		if fits = d.Peek() == '{'; !fits {
			break
		}
		start = b.room(d, start)
		b.buf.len++
		decode(d, s, b.at(b.buf.len-1))
	}
	b.busy = false
	d.Leave(outer)
	switch n := b.buf.len - start; {
	case !fits:
		d.Reset(mark)
		d.Mismatch(m.bit)
	case n == 0:
		*p = slice{data: none()}
	default:
		*p = slice{b.at(start), n, n}
	}
}

// clearMembers sets every field to zero.
func clearMembers(s *plan, v unsafe.Pointer) {
	if s.base != nil {
		clearMembers(s.base, v)
	}
	for i := range s.members {
		m := &s.members[i]
		switch m.as {
		case slotStr:
			*as[string](v, m) = ""
		case slotInt:
			*as[int](v, m) = 0
		case slotCents:
			*as[int64](v, m) = 0
		case slotFloat:
			*as[float64](v, m) = 0
		case slotBool:
			*as[bool](v, m) = false
		case slotOptStr:
			*as[closekit.Opt[string]](v, m) = closekit.Opt[string]{}
		case slotOptInt:
			*as[closekit.Opt[int]](v, m) = closekit.Opt[int]{}
		case slotOptCents:
			*as[closekit.Opt[int64]](v, m) = closekit.Opt[int64]{}
		case slotOptFloat:
			*as[closekit.Opt[float64]](v, m) = closekit.Opt[float64]{}
		case slotOptBool:
			*as[closekit.Opt[bool]](v, m) = closekit.Opt[bool]{}
		case slotRaw, slotStrs, slotRaws, slotList, slotCustom:
			*as[slice](v, m) = slice{}
		case slotObj, slotMapStr, slotMapInt, slotMapFloat, slotMapRaw:
			*as[unsafe.Pointer](v, m) = nil
		}
	}
}
