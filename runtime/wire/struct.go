package wire

import (
	"context"
	"encoding/binary"
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
)

// slot is what a field is in Go.
type slot uint8

// Slots. A plain one is a field that is always there in answers, or required in
// requests: when it is null or of another type in an answer, it stays zero and
// the value is kept as a misfit.
const (
	slotStr      slot = iota + 1 // ~string
	slotInt                      // int
	slotCents                    // closekit.Cents
	slotFloat                    // float64
	slotBool                     // bool
	slotOptStr                   // closekit.Opt of a ~string
	slotOptInt                   // closekit.Opt[int]
	slotOptCents                 // closekit.Opt[closekit.Cents]
	slotOptFloat                 // closekit.Opt[float64]
	slotOptBool                  // closekit.Opt[bool]
	slotRaw                      // json.RawMessage
	slotStrs                     // slice of a ~string
	slotRaws                     // []json.RawMessage
	slotList                     // slice of a generated struct
	slotObj                      // pointer to a generated struct
	slotMapStr                   // map[string] of a ~string
	slotMapInt                   // map[string]int
	slotMapRaw                   // map[string]json.RawMessage
	slotCustom                   // closekit.CustomFields
)

// number finds a member by name; others if there is none.
func (s *plan) number(key []byte) uint8 {
	x := s.index.Load()
	if x == nil {
		x = newIndex(len(s.members), func(i int) string { return s.members[i].name })
		s.index.Store(x)
	}
	for h := x.hash(key); ; h++ {
		i := x.slots[h&x.mask]
		if i == 0 {
			return others
		}
		if s.members[i-1].name == string(key) {
			return i
		}
	}
}

// find gives the member of a name, nil if there is none.
func (s *plan) find(key []byte) *member {
	for ; s != nil; s = s.base {
		if i := s.number(key); i != others {
			return &s.members[i-1]
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

// Call carries out an operation that answers with one object. It returns nil
// with an error.
func Call[T any](ctx context.Context, c *closekit.Client, op *closekit.Operation, p closekit.Params, opts []closekit.CallOption) (*T, error) {
	v := new(T)
	if err := call(ctx, c, op, p, reflect.TypeFor[T](), unsafe.Pointer(v), opts); err != nil {
		return nil, err
	}
	return v, nil
}

func call(ctx context.Context, c *closekit.Client, op *closekit.Operation, p closekit.Params, t reflect.Type, v unsafe.Pointer, opts []closekit.CallOption) error {
	s := planOf(t)
	return closekit.Call(ctx, c, op, p, opts, func(d *Decoder) { decode(d, s, v) })
}

// CallPage carries out an operation that answers with a list. It returns nil
// with an error.
func CallPage[T any](ctx context.Context, c *closekit.Client, op *closekit.Operation, p closekit.Params, skip closekit.Opt[int], opts []closekit.CallOption) (*closekit.Page[T], error) {
	page := new(closekit.Page[T])
	// Pages of all types are laid out alike; only what Data points to differs.
	if err := callPage(ctx, c, op, p, skip, reflect.TypeFor[[]T](), (*closekit.Page[struct{}])(unsafe.Pointer(page)), opts); err != nil {
		return nil, err
	}
	return page, nil
}

func callPage(ctx context.Context, c *closekit.Client, op *closekit.Operation, p closekit.Params, skip closekit.Opt[int], t reflect.Type, page *closekit.Page[struct{}], opts []closekit.CallOption) error {
	s := planOf(t.Elem())
	data := (*slice)(unsafe.Pointer(&page.Data))
	return closekit.CallPage(ctx, c, op, p, skip, opts, page, func(d *Decoder) int {
		getItems(d, s, t, data)
		return data.len
	})
}

// Decode reads an object of an answer into v.
func Decode[T any](d *Decoder, v *T) { decode(d, planOf(reflect.TypeFor[T]()), unsafe.Pointer(v)) }

// Walk visits the fields of parameters; v points to them.
func Walk(w *Walker, v any) {
	s, p := planFor(v)
	walk(w, s, p)
}

// Marshal encodes the result that v points to; it serves MarshalJSON.
func Marshal(v any) ([]byte, error) {
	s, p := planFor(v)
	e := &Encoder{}
	encode(e, s, p)
	return e.B, nil
}

// Unmarshal decodes into the result that v points to, whatever it held; it
// serves UnmarshalJSON.
func Unmarshal(b []byte, v any) error {
	s, p := planFor(v)
	return unmarshal(b, s, p)
}

// planFor gives the plan of what v points to, and where that is.
func planFor(v any) (*plan, unsafe.Pointer) {
	return planOf(reflect.TypeOf(v).Elem()), reflect.ValueOf(v).UnsafePointer()
}

func unmarshal(b []byte, s *plan, v unsafe.Pointer) error {
	*(*closekit.Object)(v) = closekit.Object{}
	clearMembers(s, v)
	d := codec.NewDecoder(b, false)
	if !d.Null() {
		decode(d, s, v)
	}
	return d.End()
}

// Variant reads the result that v points to as another type when is holds.
func Variant[T any](v any, is bool) (*T, bool) {
	if !is {
		return nil, false
	}
	to := new(T)
	if !variant(v, to) {
		return nil, false
	}
	return to, true
}

func variant(v, to any) bool {
	b, _ := Marshal(v)
	return Unmarshal(b, to) == nil
}

// Has reports whether an object has a member without a field.
func Has(o *closekit.Object, name string) bool {
	_, ok := o.Raw(name)
	return ok
}

// Envelope reads what an envelope holds beside its items.
func Envelope[T any](o *closekit.Object) (*T, error) {
	e := &Encoder{}
	e.Close(e.Open(o))
	v := new(T)
	return v, Unmarshal(e.B, v)
}

// as views the field of a member.
func as[T any](v unsafe.Pointer, m *member) *T { return (*T)(unsafe.Add(v, m.at)) }
