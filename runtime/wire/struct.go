package wire

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sync/atomic"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// Struct describes a generated struct: where its members are. The generator
// writes one for every type, as data.
type Struct[T any] struct {
	Object  func(*T) *runtime.Object       // nil for what is only sent
	Custom  func(*T) *runtime.CustomFields // nil without custom fields
	Base    func(*T) Part                  // the embedded struct, or nil
	Members []Member[T]
	index   atomic.Pointer[index] // of names, built when first needed
}

// Member is one field of a struct: its name in answers, what to check when it
// is sent, and where it is. Name is empty for what never comes in answers, In
// is nil for what is never sent.
type Member[T any] struct {
	Name string
	Bit  uint8 // from 1: says that a plain field was there, or that a list or object was null; 0 for others
	In   *Field
	Ref  func(*T) Slot
}

// Slot is a place in a struct with the knowledge of how to read and write it.
type Slot interface {
	get(d *Decoder, bit uint8)              // reads a member of an answer
	put(e *Encoder, name string, bit uint8) // writes it back
	walk(w *Walker, f *Field)               // sends it, or takes it from a tool's input
}

// Described is a pointer to a generated struct.
type Described[T any] interface {
	*T
	Wire() *Struct[T]
}

// Part is a generated struct without its type.
type Part interface {
	next(d *Decoder, o *order) (s Slot, bit uint8, found, more bool)
	find(key []byte) (s Slot, bit uint8)
	put(e *Encoder)
	walk(w *Walker)
	object() *runtime.Object
	custom() *runtime.CustomFields
	order(d *Decoder) *order
}

// order remembers which member followed which in the objects of one type, so
// that the next name can be guessed. Numbers are those of the members from one;
// others stands for any name without a number.
type order struct {
	of    any // the type's *Struct
	after [256]uint8
}

const others = 255

type part[T any, P Described[T]] struct{ v *T }

// In gives a struct without its type, for the Base of another.
func In[T any, P Described[T]](v *T) Part { return part[T, P]{v} }

func (p part[T, P]) object() *runtime.Object { return P(p.v).Wire().Object(p.v) }

func (p part[T, P]) custom() *runtime.CustomFields {
	if c := P(p.v).Wire().Custom; c != nil {
		return c(p.v)
	}
	return nil
}

// order finds what the decoder remembers of this type.
func (p part[T, P]) order(d *Decoder) *order {
	of := any(P(p.v).Wire())
	for _, s := range d.Orders {
		if o, ok := s.(*order); ok && o.of == of {
			return o
		}
	}
	o := &order{of: of}
	d.Orders = append(d.Orders, o)
	return o
}

// next moves to the next member. It guesses its name first.
func (p part[T, P]) next(d *Decoder, o *order) (s Slot, bit uint8, found, more bool) {
	all := P(p.v).Wire()
	last := d.Last
	if i := o.after[last]; i != 0 && i != others {
		if m := &all.Members[i-1]; d.NextIs(m.Name) {
			d.Last = i
			return m.Ref(p.v), m.Bit, true, true
		}
	}
	if !d.Next() {
		return nil, 0, false, false
	}
	i := all.number(d.Key())
	o.after[last], d.Last = i, i
	if i != others {
		m := &all.Members[i-1]
		return m.Ref(p.v), m.Bit, true, true
	}
	if all.Base != nil {
		s, bit = all.Base(p.v).find(d.Key())
	}
	return s, bit, s != nil, true
}

// number finds a member by name; others if there is none.
func (s *Struct[T]) number(key []byte) uint8 {
	x := s.index.Load()
	if x == nil {
		x = newIndex(len(s.Members), func(i int) string { return s.Members[i].Name })
		s.index.Store(x)
	}
	for h := x.hash(key); ; h++ {
		i := x.slots[h&x.mask]
		if i == 0 {
			return others
		}
		if s.Members[i-1].Name == string(key) {
			return i
		}
	}
}

// find gives the slot of a name, nil if there is none.
func (p part[T, P]) find(key []byte) (Slot, uint8) {
	s := P(p.v).Wire()
	if i := s.number(key); i != others {
		m := &s.Members[i-1]
		return m.Ref(p.v), m.Bit
	}
	if s.Base != nil {
		return s.Base(p.v).find(key)
	}
	return nil, 0
}

func (p part[T, P]) put(e *Encoder) {
	s := P(p.v).Wire()
	if s.Base != nil {
		s.Base(p.v).put(e)
	}
	for i := range s.Members {
		if m := &s.Members[i]; m.Name != "" {
			m.Ref(p.v).put(e, m.Name, m.Bit)
		}
	}
}

func (p part[T, P]) walk(w *Walker) {
	s := P(p.v).Wire()
	if s.Base != nil {
		s.Base(p.v).walk(w)
	}
	for i := range s.Members {
		if m := &s.Members[i]; m.In != nil && w.Begin(m.In) {
			m.Ref(p.v).walk(w, m.In)
		}
	}
}

// index finds names by hash: open addressing, numbers from 1.
type index struct {
	mask  uint64
	shift uint8
	slots []uint8
}

func newIndex(n int, name func(int) string) *index {
	size := bits.Len(uint(n)) + 2 // a quarter full at most
	x := &index{mask: 1<<size - 1, shift: uint8(64 - size), slots: make([]uint8, 1<<size)}
	for i := range n {
		if name(i) == "" {
			continue
		}
		h := x.hash([]byte(name(i)))
		for x.slots[h&x.mask] != 0 {
			h++
		}
		x.slots[h&x.mask] = uint8(i + 1)
	}
	return x
}

// hash mixes the first and last eight bytes and the length, which tell the
// members of an object apart nearly always.
func (x *index) hash(key []byte) uint64 {
	var a, b uint64
	if n := len(key); n >= 8 {
		a, b = binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
	} else {
		for _, c := range key {
			a = a<<8 | uint64(c)
		}
	}
	return ((a ^ bits.RotateLeft64(b, 23) + uint64(len(key))) * 0x9e3779b97f4a7c15) >> x.shift
}

// Decode reads an object of an answer. Members that nobody knows, and values
// of an unexpected type, are kept.
func Decode[T any, P Described[T]](d *Decoder, v *T) { decode(d, part[T, P]{v}) }

func decode(d *Decoder, p Part) {
	d.Open(p.object())
	o, last := p.order(d), d.Last
	d.Last = 0
	for {
		s, bit, found, more := p.next(d, o)
		switch {
		case found:
			s.get(d, bit)
			continue
		case more:
			keep(d, p.custom())
			continue
		}
		d.Last = last
		return
	}
}

// keep stores a member without a field: a custom field in c, anything else in
// the object.
func keep(d *Decoder, c *runtime.CustomFields) {
	const prefix = "custom."
	key := d.Key()
	if c == nil || len(key) <= len(prefix) || string(key[:len(prefix)]) != prefix {
		d.Keep()
		return
	}
	if *c == nil {
		*c = make(runtime.CustomFields, 0, 7)
	}
	c.Append(d.Text(key[len(prefix):]), d.RawText())
}

func encode(e *Encoder, p Part) {
	f := e.Open(p.object())
	p.put(e)
	e.Close(f)
}

// Walk visits the fields of parameters.
func Walk[T any, P Described[T]](w *Walker, v *T) { part[T, P]{v}.walk(w) }

// Marshal encodes one result; it serves MarshalJSON.
func Marshal[T any, P Described[T]](v *T) ([]byte, error) {
	e := &Encoder{}
	encode(e, part[T, P]{v})
	return e.B, nil
}

// Unmarshal decodes one result; it serves UnmarshalJSON.
func Unmarshal[T any, P Described[T]](b []byte, v *T) error {
	var zero T
	*v = zero
	d := codec.NewDecoder(b, false)
	switch {
	case d.Null():
	case d.Peek() == '{':
		Decode[T, P](d, v)
	default:
		d.Skip()
		if err := d.End(); err != nil {
			return err
		}
		return errors.New("want a JSON object")
	}
	return d.End()
}

// Variant reads one result as another type when is holds.
func Variant[To, From any, ToP Described[To], FromP Described[From]](v *From, is bool) (*To, bool) {
	if !is {
		return nil, false
	}
	e := &Encoder{}
	encode(e, part[From, FromP]{v})
	to := new(To)
	return to, Unmarshal[To, ToP](e.B, to) == nil
}

// Has reports whether an object has a member without a field.
func Has(o *runtime.Object, name string) bool {
	_, ok := o.Raw(name)
	return ok
}

// Envelope reads what an envelope holds beside its items.
func Envelope[To any, P Described[To]](o *runtime.Object) (*To, error) {
	e := &Encoder{}
	e.Close(e.Open(o))
	to := new(To)
	return to, Unmarshal[To, P](e.B, to)
}
