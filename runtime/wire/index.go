package wire

import (
	"encoding/binary"
	"math/bits"
)

// index finds names by hash: open addressing, numbers from 1.
type index struct {
	mask  uint64
	shift uint8
	slots []uint8
}

func newIndex(n int, name func(int) string) *index {
	size := bits.Len(uint(n)) + 2                                                          // a quarter full at most
	x := &index{mask: 1<<size - 1, shift: uint8(64 - size), slots: make([]uint8, 1<<size)} //nolint:gosec // from 2 to 64
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

// hash mixes the first and last eight bytes and the length, which nearly always
// differ between the members of an object.
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
