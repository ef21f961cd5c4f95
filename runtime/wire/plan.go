package wire

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/closekit/closekit"
)

// plan describes a generated struct: the offsets and kinds of its members. It is
// compiled from the struct's type and tags on first use, together with the plans of
// all structs in it.
type plan struct {
	typ     reflect.Type
	pointer reflect.Type // to typ
	base    *plan        // of the embedded struct, which is the first field
	custom  uintptr      // offset of the custom fields, 0 without any
	size    uintptr      // of the struct, for lists of it
	output  bool         // received in responses: the struct starts with a closekit.Object
	bits    uint8        // number of bits in use, including those of base
	members []member
	index   atomic.Pointer[index] // of names, built on first use
}

// member is one field of a struct.
type member struct {
	name string  // in responses; empty if it is only sent
	at   uintptr // offset in the struct
	in   *field  // in requests; nil if it is only received
	of   reflect.Type
	elem *plan // of objects and lists of them
	bit  uint8 // from 1: records that a plain field was present, or that a list or object was null; 0 for others
	as   slot
}

// plans caches all plans by type. Operations cache their own; this cache is for
// Marshal, Unmarshal and accessors, which have no operation.
var plans sync.Map

// planOf returns the plan of a struct type.
func planOf(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	c := compiler{}
	p, err := c.plan(t)
	if err != nil {
		return nil, fmt.Errorf("%v does not fit this version of closekit; generate it again: %w", t, err)
	}
	// Publish the plans only now that all of them are complete.
	for t, p := range c {
		plans.LoadOrStore(t, p)
	}
	return p, nil
}

// compiler has the plans that are being compiled: types may contain each other and
// themselves.
type compiler map[reflect.Type]*plan

func (c compiler) plan(t reflect.Type) (*plan, error) {
	if p, ok := plans.Load(t); ok {
		return p.(*plan), nil
	}
	if p, ok := c[t]; ok {
		return p, nil
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("a %v is no struct", t)
	}
	s := &plan{typ: t, pointer: reflect.PointerTo(t), size: t.Size(), members: make([]member, 0, t.NumField())}
	c[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		var err error
		if f.Anonymous {
			err = c.embed(s, f)
		} else {
			err = c.member(s, f)
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return s, nil
}

// embed adds the embedded struct: the closekit.Object, or the struct that this one
// extends.
func (c compiler) embed(s *plan, f reflect.StructField) error {
	switch {
	case f.Offset != 0:
		return errors.New("what is embedded must come first")
	case f.Type == reflect.TypeFor[closekit.Object]():
		s.output = true
		return nil
	}
	base, err := c.plan(f.Type)
	if err != nil {
		return err
	}
	s.base, s.bits, s.output = base, base.bits, base.output
	return nil
}

// member adds a field.
func (c compiler) member(s *plan, f reflect.StructField) error {
	m := member{at: f.Offset, of: f.Type, as: slotOf(f.Type)}
	if m.as == 0 {
		return fmt.Errorf("a %v can neither be sent nor received", f.Type)
	}
	t, err := parseTag(f.Tag, s.output)
	if err != nil {
		return err
	}
	if t.receive {
		m.name = t.name
		if needsBit(m.as) {
			if s.bits++; s.bits > 63 {
				return errors.New("more than 63 fields that are always there, lists or objects")
			}
			m.bit = s.bits
		}
	}
	if m.as == slotCustom && s.output {
		s.custom = m.at
	}
	if t.send {
		if text := textOf(m.as, f.Type); text != nil {
			t.in.texts(text)
		}
		in := t.in // not &t.in, which would keep all of t
		m.in = &in
	}
	if m.as == slotList || m.as == slotObj {
		if m.elem, err = c.plan(f.Type.Elem()); err != nil {
			return err
		}
	}
	if len(s.members) == others {
		return errors.New("too many fields")
	}
	s.members = append(s.members, m)
	return nil
}

// find returns the member with this name, nil if there is none.
func (s *plan) find(key []byte) *member {
	for ; s != nil; s = s.base {
		if i := s.number(key); i != others {
			return &s.members[i-1]
		}
	}
	return nil
}

// readOnly reports whether the member with this name is received and never sent.
func (s *plan) readOnly(name string) bool {
	m := s.find([]byte(name))
	return m != nil && m.in == nil
}

// number returns the number of the member with this name, others if there is none.
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

// newStruct allocates a struct.
func (s *plan) newStruct() unsafe.Pointer { return reflect.New(s.typ).UnsafePointer() }
