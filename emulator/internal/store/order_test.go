package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/closekit/closekit/emulator/internal/value"
)

// TestOrder compares an order with a sorted list, through random changes.
func TestOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	tab := newTable()
	var want []*Record
	for i := range 6000 {
		if len(want) > 0 && rng.IntN(4) == 0 {
			at := rng.IntN(len(want))
			tab.Remove(want[at])
			want = slices.Delete(want, at, at+1)
			continue
		}
		day := rng.IntN(300) // many have the same date
		if i%2 == 0 {
			day = 300 + i
		}
		r := &Record{Seq: uint64(i), Organization: "o", ID: fmt.Sprint(i), Data: value.Object{"date_created": fmt.Sprintf("%05d", day), "_type": []string{"Call", "Note"}[i%3/2]}}
		tab.Insert(r)
		at, _ := slices.BinarySearchFunc(want, r, byCreation)
		want = slices.Insert(want, at, r)
	}
	o := tab.Order("o", "")
	if o.Len() != len(want) || tab.Order("o", "Call").Len()+tab.Order("o", "Note").Len() != len(want) || len(o.chunks) < 5 {
		t.Fatalf("got %d records in %d chunks, want %d", o.Len(), len(o.chunks), len(want))
	}
	for range 300 {
		from := rng.IntN(len(want) + 1)
		to := from + rng.IntN(len(want)-from+1)
		if got := slices.Collect(o.Rows(from, to, false)); !slices.Equal(got, want[from:to]) {
			t.Fatalf("rows %d to %d differ", from, to)
		}
		back := slices.Clone(want[from:to])
		slices.Reverse(back)
		if got := slices.Collect(o.Rows(from, to, true)); !slices.Equal(got, back) {
			t.Fatalf("rows %d to %d differ backward", from, to)
		}
		for r := range o.Rows(from, to, rng.IntN(2) == 0) { // a loop may end early
			_ = r
			break
		}
		date := fmt.Sprintf("%05d", rng.IntN(6500))
		before := func(r *Record) bool { return r.Created < date }
		n := 0
		for n < len(want) && before(want[n]) {
			n++
		}
		if got := o.Rank(before); got != n {
			t.Fatalf("rank of %s: %d, want %d", date, got, n)
		}
	}
	for _, r := range want {
		tab.Remove(r)
	}
	if o.Len() != 0 || len(o.chunks) != 0 || o.Rank(func(*Record) bool { return true }) != 0 {
		t.Error("the order is not empty")
	}
}
