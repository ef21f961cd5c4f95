package store

import (
	"cmp"
	"iter"
	"slices"
)

// chunk is the number of records in a part of an [Order] above which it is split.
const chunk = 512

// Order holds the records of an organization by date of creation, oldest first, and
// records of one date in the order in which they were stored. Adding, removing and
// finding a record, and counting those before it, take about the same time however
// many there are.
type Order struct {
	chunks [][]*Record
	n      int
}

// orderKey names an order: the records of an organization, or those of one _type.
type orderKey struct{ org, kind string }

// byCreation compares records by date of creation.
func byCreation(a, b *Record) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), BySeq(a, b))
}

func (o *Order) insert(r *Record) {
	o.n++
	if len(o.chunks) == 0 {
		o.chunks = [][]*Record{{r}}
		return
	}
	c := min(o.chunk(func(x *Record) bool { return byCreation(x, r) < 0 }), len(o.chunks)-1)
	rows := o.chunks[c]
	at, _ := slices.BinarySearchFunc(rows, r, byCreation)
	rows = slices.Insert(rows, at, r)
	o.chunks[c] = rows
	if len(rows) <= chunk {
		return
	}
	half := len(rows) / 2
	if at == len(rows)-1 { // records arrive in order, most often: leave full chunks behind
		half = at
	}
	o.chunks = slices.Insert(o.chunks, c+1, slices.Clone(rows[half:]))
	o.chunks[c] = slices.Clip(slices.Delete(rows, half, len(rows)))
}

func (o *Order) remove(r *Record) {
	c := o.chunk(func(x *Record) bool { return byCreation(x, r) < 0 })
	if c == len(o.chunks) {
		return
	}
	at, ok := slices.BinarySearchFunc(o.chunks[c], r, byCreation)
	if !ok {
		return
	}
	o.n--
	if o.chunks[c] = slices.Delete(o.chunks[c], at, at+1); len(o.chunks[c]) == 0 {
		o.chunks = slices.Delete(o.chunks, c, c+1)
	}
}

// chunk returns the index of the first chunk whose last record is not before.
func (o *Order) chunk(before func(*Record) bool) int {
	lo, hi := 0, len(o.chunks)
	for lo < hi {
		mid := (lo + hi) / 2
		if rows := o.chunks[mid]; before(rows[len(rows)-1]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Len returns the number of records.
func (o *Order) Len() int { return o.n }

// Rank returns how many records come before the first one for which before is false.
// It must be true for a beginning of the order and false for the rest.
func (o *Order) Rank(before func(*Record) bool) int {
	c := o.chunk(before)
	n := 0
	for _, rows := range o.chunks[:c] {
		n += len(rows)
	}
	if c == len(o.chunks) {
		return n
	}
	at, _ := slices.BinarySearchFunc(o.chunks[c], true, func(r *Record, _ bool) int {
		if before(r) {
			return -1
		}
		return 1
	})
	return n + at
}

// Rows yields the records with ranks from from up to, not including, to; the last one
// first if backward.
func (o *Order) Rows(from, to int, backward bool) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		if backward {
			at := o.n
			for _, rows := range slices.Backward(o.chunks) {
				at -= len(rows)
				for i := min(len(rows), to-at) - 1; i >= 0 && at+i >= from; i-- {
					if !yield(rows[i]) {
						return
					}
				}
				if at <= from {
					return
				}
			}
			return
		}
		at := 0
		for _, rows := range o.chunks {
			for i := max(0, from-at); i < len(rows) && at+i < to; i++ {
				if !yield(rows[i]) {
					return
				}
			}
			if at += len(rows); at >= to {
				return
			}
		}
	}
}
