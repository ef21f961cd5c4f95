package wire

import (
	"context"
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/internal/codec"
)

// Struct describes a generated struct: where its members are and what they are.
// The generator writes one for every type, as data, and the functions of this
// package read and write structs by it.
//
// That takes unsafe, and only here. Without it every member needs a function of
// its own, and every type its own copy of the generic code: measured, four times
// the code to compile and a megabyte more in a program that makes one call.
type Struct struct {
	Base    *Struct                                           // of the embedded struct, which is the first field
	Custom  uintptr                                           // offset of the custom fields, 0 without any
	Size    uintptr                                           // of the struct, for lists of it
	Grow    func(old unsafe.Pointer, k, n int) unsafe.Pointer // makes n of them, the first k copied from old
	Members []Member
	index   atomic.Pointer[index] // of names, built when first needed
}

// Member is one field of a struct: its name in answers, what to check when it is
// sent, where it is and what it is. Name is empty for what never comes in
// answers, In is nil for what is never sent.
type Member struct {
	Name string
	Bit  uint8 // from 1: says that a plain field was there, or that a list or object was null; 0 for others
	As   Slot
	At   uintptr        // offset in the struct
	In   *Field         // nil for what is never sent
	Elem func() *Struct // of objects and lists of them
}

// Slot is what a field is in Go.
type Slot uint8

// Slots. A plain one is a field that is always there in answers, or required in
// requests: when it is null or of another type in an answer, it stays zero and
// the value is kept as a misfit.
const (
	Str      Slot = iota + 1 // ~string
	Int                      // int
	Cents                    // runtime.Cents
	Float                    // float64
	Bool                     // bool
	OptStr                   // runtime.Opt of a ~string
	OptInt                   // runtime.Opt[int]
	OptCents                 // runtime.Opt[runtime.Cents]
	OptFloat                 // runtime.Opt[float64]
	OptBool                  // runtime.Opt[bool]
	Raw                      // json.RawMessage
	Strs                     // slice of a ~string
	Raws                     // []json.RawMessage
	List                     // slice of a generated struct
	Obj                      // pointer to a generated struct
	MapStr                   // map[string] of a ~string
	MapInt                   // map[string]int
	MapRaw                   // map[string]json.RawMessage
	Custom                   // runtime.CustomFields
)

// Described is a pointer to a generated struct.
type Described[T any] interface {
	*T
	Wire() *Struct
}

// Elem gives the description of a type, for members of types that contain each
// other, whose tables cannot name each other.
func Elem[T any, P Described[T]]() *Struct { return P(nil).Wire() }

// number finds a member by name; others if there is none.
func (s *Struct) number(key []byte) uint8 {
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

// find gives the member of a name, nil if there is none.
func (s *Struct) find(key []byte) *Member {
	for ; s != nil; s = s.Base {
		if i := s.number(key); i != others {
			return &s.Members[i-1]
		}
	}
	return nil
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

// Call carries out an operation that answers with one object, and gives a pointer
// to the struct that s describes; nil with an error.
func Call(ctx context.Context, c *runtime.Client, op *runtime.Operation, p runtime.Params, s *Struct, opts []runtime.CallOption) (unsafe.Pointer, error) {
	v := s.one()
	if err := runtime.Call(ctx, c, op, p, opts, func(d *Decoder) { Decode(d, s, v) }); err != nil {
		return nil, err
	}
	return v, nil
}

// CallPage carries out an operation that answers with a list, and gives a pointer
// to a runtime.Page of the struct that s describes; nil with an error.
func CallPage(ctx context.Context, c *runtime.Client, op *runtime.Operation, p runtime.Params, skip runtime.Opt[int], s *Struct, opts []runtime.CallOption) (unsafe.Pointer, error) {
	// Pages of all types are laid out alike; only what Data points to differs.
	page := new(runtime.Page[struct{}])
	data := (*slice)(unsafe.Pointer(&page.Data))
	err := runtime.CallPage(ctx, c, op, p, skip, opts, page, func(d *Decoder) int {
		getItems(d, s, data)
		return data.len
	})
	if err != nil {
		return nil, err
	}
	return unsafe.Pointer(page), nil
}

// Decode reads an object of an answer into the struct at v.
func Decode(d *Decoder, s *Struct, v unsafe.Pointer) { decode(d, s, v) }

// Walk visits the fields of the parameters at v.
func Walk(w *Walker, s *Struct, v unsafe.Pointer) { walk(w, s, v) }

// Marshal encodes the result at v; it serves MarshalJSON.
func Marshal(s *Struct, v unsafe.Pointer) ([]byte, error) {
	e := &Encoder{}
	encode(e, s, v)
	return e.B, nil
}

// Unmarshal decodes into the result at v, whatever it held; it serves
// UnmarshalJSON.
func Unmarshal(b []byte, s *Struct, v unsafe.Pointer) error {
	*(*runtime.Object)(v) = runtime.Object{}
	clearMembers(s, v)
	d := codec.NewDecoder(b, false)
	if !d.Null() {
		decode(d, s, v)
	}
	return d.End()
}

// Variant reads the result at v as another type when is holds.
func Variant(s *Struct, v unsafe.Pointer, is bool, to *Struct) (unsafe.Pointer, bool) {
	if !is {
		return nil, false
	}
	e := &Encoder{}
	encode(e, s, v)
	other := to.one()
	if Unmarshal(e.B, to, other) != nil {
		return nil, false
	}
	return other, true
}

// Has reports whether an object has a member without a field.
func Has(o *runtime.Object, name string) bool {
	_, ok := o.Raw(name)
	return ok
}

// Envelope reads what an envelope holds beside its items.
func Envelope(o *runtime.Object, to *Struct) (unsafe.Pointer, error) {
	e := &Encoder{}
	e.Close(e.Open(o))
	v := to.one()
	return v, Unmarshal(e.B, to, v)
}

// one makes one struct.
func (s *Struct) one() unsafe.Pointer { return s.Grow(nil, 0, 1) }

// none is the data of a slice that is empty but not nil.
func (s *Struct) none() unsafe.Pointer { return s.Grow(nil, 0, 0) }

// as views the field of a member.
func as[T any](v unsafe.Pointer, m *Member) *T { return (*T)(unsafe.Add(v, m.At)) }
