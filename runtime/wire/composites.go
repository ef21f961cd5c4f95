package wire

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// block is memory for the elements of the lists of one type, so that a page of
// objects with many short lists takes few allocations. A list keeps at most one
// block alive, which is maxBlock bytes unless the list itself is longer.
type block[T any] struct {
	buf   []T
	first int  // where in the body the first list started
	total int  // elements so far
	busy  bool // a list of the same type is being read further out
}

const maxBlock = 16 << 10

func blockOf[T any](d *Decoder) *block[T] {
	for _, b := range d.Blocks {
		if b, ok := b.(*block[T]); ok {
			return b
		}
	}
	b := &block[T]{first: d.Offset()}
	d.Blocks = append(d.Blocks, b)
	return b
}

// room makes room for one more element of the list that starts at start, and
// gives its new start. A new block is as large as the rest of the body will
// need if it goes on like the part that was read.
func (b *block[T]) room(d *Decoder, start int) int {
	b.total++
	if len(b.buf) < cap(b.buf) {
		return start
	}
	var zero T
	n := len(b.buf) - start
	rest := b.total * d.Rest() / max(1, d.Offset()-b.first)
	most := maxBlock / max(1, int(unsafe.Sizeof(zero)))
	grown := make([]T, n, max(n+1, min(n+1+rest, max(most, 2*n), 2*cap(b.buf)+2)))
	copy(grown, b.buf[start:])
	clear(b.buf[start:])
	b.buf = grown
	return 0
}

// getList reads an array element by element; when one does not fit, the whole
// array is kept as a misfit. A null sets the bit and leaves the list nil.
func getList[T any](d *Decoder, p *[]T, bit uint8, elem func(*T) bool) {
	*p = nil
	if getNull(d, bit) {
		return
	}
	m := d.Mark()
	if d.Peek() != '[' {
		d.Odd(bit)
		return
	}
	b := blockOf[T](d)
	if b.busy {
		b = &block[T]{first: d.Offset()}
	}
	b.busy = true
	outer, fits, start := d.Enter(), true, len(b.buf)
	for d.Array(); d.More(); {
		start = b.room(d, start)
		b.buf = b.buf[:len(b.buf)+1]
		if fits = elem(&b.buf[len(b.buf)-1]); !fits {
			break
		}
	}
	b.busy = false
	d.Leave(outer)
	switch {
	case !fits:
		clear(b.buf[start:])
		b.buf = b.buf[:start]
		d.Reset(m)
		d.Odd(bit)
	case start == len(b.buf):
		*p = []T{}
	default:
		*p = b.buf[start:len(b.buf):len(b.buf)]
	}
}

// getNull reads a null as an absence that is to come back as null; bit remembers
// it.
func getNull(d *Decoder, bit uint8) bool {
	if bit == 0 || !d.Null() {
		return false
	}
	d.Seen(bit)
	return true
}

// putNull writes the null that getNull read.
func putNull(e *Encoder, name string, bit uint8) {
	if e.Has(bit) {
		e.Name(name)
		e.B = append(e.B, "null"...)
	}
}

// putList writes a list that is not nil.
func putList[T any](e *Encoder, name string, bit uint8, list []T, elem func(*T)) {
	if list == nil {
		putNull(e, name, bit)
		return
	}
	e.Name(name)
	e.B = append(e.B, '[')
	for i := range list {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		elem(&list[i])
	}
	e.B = append(e.B, ']')
}

// walkList does what all lists share; a null is taken as an empty list. It
// reports whether the list is to be sent.
func walkList[T any](w *Walker, f *Field, p *[]T, texts bool, read func([]byte, *T)) (send bool) {
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

type strs[T ~string] struct{ p *[]T }

// Strs is a list of texts.
func Strs[T ~string](p *[]T) Slot { return strs[T]{p} }

func (s strs[T]) get(d *Decoder, bit uint8) {
	getList(d, s.p, bit, func(v *T) bool {
		text, ok := d.Str()
		*v = T(text)
		return ok
	})
}

func (s strs[T]) put(e *Encoder, name string, bit uint8) {
	putList(e, name, bit, *s.p, func(v *T) { e.B = codec.AppendString(e.B, string(*v)) })
}

func (s strs[T]) walk(w *Walker, f *Field) {
	i := 0
	if walkList(w, f, s.p, true, func(raw []byte, v *T) {
		text, _ := w.ReadText(f, w.Element(f, i), raw)
		*v, i = T(text), i+1
	}) {
		w.Texts(f, len(*s.p), func(i int) string { return string((*s.p)[i]) })
	}
}

type raws struct{ p *[]json.RawMessage }

// Raws is a list of any JSON.
func Raws(p *[]json.RawMessage) Slot { return raws{p} }

func (s raws) get(d *Decoder, bit uint8) {
	getList(d, s.p, bit, func(v *json.RawMessage) bool {
		*v = json.RawMessage(d.RawText())
		return true
	})
}

func (s raws) put(e *Encoder, name string, bit uint8) {
	putList(e, name, bit, *s.p, func(v *json.RawMessage) { e.B = append(e.B, *v...) })
}

func (s raws) walk(w *Walker, f *Field) {
	if walkList(w, f, s.p, false, func(raw []byte, v *json.RawMessage) { *v = append(json.RawMessage(nil), raw...) }) {
		b := []byte{'['}
		for i, v := range *s.p {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, v...)
		}
		w.JSON(f, append(b, ']'))
	}
}

type list[T any, P Described[T]] struct{ p *[]T }

// List is a list of objects.
func List[T any, P Described[T]](p *[]T) Slot { return list[T, P]{p} }

func (s list[T, P]) get(d *Decoder, bit uint8) {
	getList(d, s.p, bit, func(v *T) bool {
		if d.Peek() != '{' {
			return false
		}
		decode(d, part[T, P]{v})
		return true
	})
}

func (s list[T, P]) put(e *Encoder, name string, bit uint8) {
	putList(e, name, bit, *s.p, func(v *T) { encode(e, part[T, P]{v}) })
}

func (s list[T, P]) walk(w *Walker, f *Field) {
	i := 0
	if walkList(w, f, s.p, false, func(raw []byte, v *T) {
		w.ReadObject(w.Element(f, i), raw, func() { part[T, P]{v}.walk(w) })
		i++
	}) {
		w.Objects(f, len(*s.p), func(i int) { part[T, P]{&(*s.p)[i]}.walk(w) })
	}
}

type object[T any, P Described[T]] struct{ p **T }

// Obj is an object.
func Obj[T any, P Described[T]](p **T) Slot { return object[T, P]{p} }

func (s object[T, P]) get(d *Decoder, bit uint8) {
	*s.p = nil
	if getNull(d, bit) {
		return
	}
	if d.Peek() != '{' {
		d.Odd(bit)
		return
	}
	outer := d.Enter()
	v := new(T)
	decode(d, part[T, P]{v})
	d.Leave(outer)
	*s.p = v
}

func (s object[T, P]) put(e *Encoder, name string, bit uint8) {
	if *s.p == nil {
		putNull(e, name, bit)
		return
	}
	e.Name(name)
	encode(e, part[T, P]{*s.p})
}

func (s object[T, P]) walk(w *Walker, f *Field) {
	switch {
	case w.Decoding():
		if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
			v := new(T)
			w.ReadObject(f.Name, raw, func() { part[T, P]{v}.walk(w) })
			*s.p = v
		}
	case *s.p == nil:
		w.Absent(f)
	default:
		w.Object(f, func() { part[T, P]{*s.p}.walk(w) })
	}
}

type mapping[T any] struct{ p *map[string]T }

// getMap reads an object whose members all have values of one kind.
func getMap[T any](d *Decoder, p *map[string]T, bit uint8, elem func() (T, bool)) {
	*p = nil
	if getNull(d, bit) {
		return
	}
	m := d.Mark()
	if d.Peek() != '{' {
		d.Odd(bit)
		return
	}
	outer := d.Enter()
	values := map[string]T{}
	for d.Open(outer); d.Next(); {
		name := string(d.Key())
		v, ok := elem()
		if !ok {
			d.Reset(m)
			d.Odd(bit)
			return
		}
		values[name] = v
	}
	*p = values
}

// putMap writes a map in the order of its keys.
func putMap[T any](e *Encoder, name string, bit uint8, values map[string]T, elem func(T)) {
	if values == nil {
		putNull(e, name, bit)
		return
	}
	e.Name(name)
	e.B = append(e.B, '{')
	for i, k := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			e.B = append(e.B, ',')
		}
		e.B = append(codec.AppendString(e.B, k), ':')
		elem(values[k])
	}
	e.B = append(e.B, '}')
}

// Maps come in answers only.
func (mapping[T]) walk(*Walker, *Field) {}

type mapStr[T ~string] struct{ mapping[T] }

// MapStr is a map of texts.
func MapStr[T ~string](p *map[string]T) Slot { return mapStr[T]{mapping[T]{p}} }

func (s mapStr[T]) get(d *Decoder, bit uint8) {
	getMap(d, s.p, bit, func() (T, bool) { v, ok := d.Str(); return T(v), ok })
}

func (s mapStr[T]) put(e *Encoder, name string, bit uint8) {
	putMap(e, name, bit, *s.p, func(v T) { e.B = codec.AppendString(e.B, string(v)) })
}

type mapInt[T integer] struct{ mapping[T] }

// MapInt is a map of integers.
func MapInt[T integer](p *map[string]T) Slot { return mapInt[T]{mapping[T]{p}} }

func (s mapInt[T]) get(d *Decoder, bit uint8) {
	getMap(d, s.p, bit, func() (T, bool) { v, ok := d.Int(); return T(v), ok && int64(T(v)) == v })
}

func (s mapInt[T]) put(e *Encoder, name string, bit uint8) {
	putMap(e, name, bit, *s.p, func(v T) { e.B = strconv.AppendInt(e.B, int64(v), 10) })
}

type mapRaw struct{ mapping[json.RawMessage] }

// MapRaw is a map of any JSON.
func MapRaw(p *map[string]json.RawMessage) Slot { return mapRaw{mapping[json.RawMessage]{p}} }

func (s mapRaw) get(d *Decoder, bit uint8) {
	getMap(d, s.p, bit, func() (json.RawMessage, bool) { return json.RawMessage(d.RawText()), true })
}

func (s mapRaw) put(e *Encoder, name string, bit uint8) {
	putMap(e, name, bit, *s.p, func(v json.RawMessage) { e.B = append(e.B, v...) })
}

type custom struct{ p *runtime.CustomFields }

// Custom is the values of custom fields: one member custom.cf_… for each.
func Custom(p *runtime.CustomFields) Slot { return custom{p} }

// get is never called: keep reads custom fields, whose names nobody knows.
func (custom) get(d *Decoder, _ uint8) { d.Keep() }

func (s custom) put(e *Encoder, _ string, _ uint8) {
	for i := range *s.p {
		c := &(*s.p)[i]
		e.Name("custom." + c.Key)
		e.B = append(e.B, c.Value.Raw()...)
	}
}

// walk takes an object by field id from a tool, and keys such as custom.cf_… at
// the top level too, because that is how Close itself spells them.
func (s custom) walk(w *Walker, f *Field) {
	const prefix = "custom."
	if w.Decoding() {
		if raw, ok := w.Given(f); ok && !codec.IsNull(raw) {
			ms, _ := w.Members(f, raw)
			for _, m := range ms {
				s.p.Append(strings.TrimPrefix(m.Name, prefix), string(m.Raw))
			}
		}
		w.GivenPrefix(prefix, func(name string, raw []byte) { s.p.Append(name[len(prefix):], string(raw)) })
		return
	}
	for i := range *s.p {
		c := &(*s.p)[i]
		if slices.ContainsFunc((*s.p)[:i], func(o runtime.CustomField) bool { return o.Key == c.Key }) {
			w.Report(f.Name+"."+c.Key, "is given twice", "", "")
			continue
		}
		w.CustomField(f, c.Key, c.Value.Raw())
	}
}
