// Package storetest checks that a store of approvals and counters does what
// [agent.Store] asks for, and an audit log what [agent.Log] does. Run it over a store
// of your own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) (a, b agent.Store) { return openTwice(t) })
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/agent"
)

// Run runs the suite as subtests. Open is called once per subtest and returns two
// handles of one empty store, as two replicas have them; for a store of one process
// they may be the same. It closes them with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) (a, b agent.Store)) {
	t.Helper()
	for name, run := range map[string]func(*suite){
		"round trip": roundTrip, "any bytes": anyBytes, "large bodies": largeBodies, "create all or none": createAllOrNone, "swap": swap,
		"one swap of many": oneSwap, "withdrawn or claimed": withdrawnOrClaimed, "list": list, "spend all or none": spendAllOrNone, "bounds hold": boundsHold, "prune": prune, "erase": erase,
		"canceled": canceled, "keys": keys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			run(&suite{t, t.Context(), a, b})
		})
	}
}

type suite struct {
	*testing.T
	ctx  context.Context
	a, b agent.Store
}

// start is a time that is exact to the microsecond, and no more.
var start = time.Date(2026, 11, 28, 9, 30, 15, 123456000, time.UTC)

func row(id string) agent.Row {
	return agent.Row{
		ID: id, Account: "ada", Run: "run_1", Question: "ask_1", Digest: [32]byte{1, 2, 3}, State: agent.Pending,
		Created: start, Expires: start.Add(15 * time.Minute), Changed: start, Body: []byte("body of " + id), Key: 7,
	}
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

func (s *suite) create(rows ...agent.Row) {
	s.Helper()
	s.ok(s.a.Create(s.ctx, rows))
}

func (s *suite) load(store agent.Store, id string) agent.Row {
	s.Helper()
	r, err := store.Load(s.ctx, id)
	s.ok(err)
	return r
}

// same wants two rows to be equal in everything.
func (s *suite) same(got, want agent.Row) {
	s.Helper()
	if !got.Created.Equal(want.Created) || !got.Expires.Equal(want.Expires) || !got.Changed.Equal(want.Changed) {
		s.Errorf("the times are %v, %v, %v; want %v, %v, %v", got.Created, got.Expires, got.Changed, want.Created, want.Expires, want.Changed)
	}
	if got.ID != want.ID || got.Account != want.Account || got.Run != want.Run || got.Question != want.Question || got.Digest != want.Digest ||
		got.State != want.State || got.Revision != want.Revision || got.Key != want.Key || !bytes.Equal(got.Body, want.Body) {
		s.Errorf("got the row %.300q, want %.300q", fmt.Sprint(got), fmt.Sprint(want))
	}
}

func roundTrip(s *suite) {
	want := row("apr_1")
	s.create(want)
	want.Revision = 1
	s.same(s.load(s.b, "apr_1"), want)
	if _, err := s.b.Load(s.ctx, "apr_2"); !errors.Is(err, agent.ErrNotFound) {
		s.Errorf("a row that does not exist: %v", err)
	}
	r := s.load(s.a, "apr_1")
	r.Body[0] = 'X'
	s.same(s.load(s.a, "apr_1"), want) // the caller's copy is not the store's
}

// anyBytes has ids, names and keys of 300 bytes with everything that SQL and text
// columns dislike.
func anyBytes(s *suite) {
	long := func(c string) string { return strings.Repeat(c+"'\"\\;--%_$1?\x00\xff\xfe\r\n", 30)[:300] }
	want := row(long("i"))
	want.Account, want.Run, want.Question = long("a"), long("r"), long("q")
	want.Body = []byte(long("b"))
	other := row(strings.ToUpper(want.ID))
	s.create(want, other)
	want.Revision, other.Revision = 1, 1
	s.same(s.load(s.b, want.ID), want)
	s.same(s.load(s.b, other.ID), other)
	list, err := s.b.List(s.ctx, agent.Query{Account: want.Account, Run: want.Run, Question: want.Question})
	s.ok(err)
	if len(list) != 1 || list[0].ID != want.ID {
		s.Errorf("%d rows were found by their names", len(list))
	}
	for i, key := range []string{long("k"), strings.ToUpper(long("k")), long("k")[:299], "a\x00b", "a"} {
		s.spend(agent.Spend{Key: key, Account: want.Account, Amount: int64(i + 1), Most: -1, Ends: start})
	}
	for i, key := range []string{long("k"), strings.ToUpper(long("k")), long("k")[:299], "a\x00b", "a"} {
		s.counts(key, int64(i+1))
	}
	n, err := s.b.Erase(s.ctx, want.Account)
	s.ok(err)
	if n != 1 {
		s.Errorf("%d rows were erased", n)
	}
	s.counts("a", 0)
}

func largeBodies(s *suite) {
	want := row("apr_large")
	want.Body = bytes.Repeat([]byte{0, 1, 2, 0xff}, 1<<18)
	s.create(want)
	want.Revision = 1
	s.same(s.load(s.b, want.ID), want)
	want.Body = append(want.Body, 7)
	s.ok(s.b.Swap(s.ctx, want))
	want.Revision = 2
	s.same(s.load(s.a, want.ID), want)
	empty := row("apr_empty")
	empty.Body = nil
	s.create(empty)
	if b := s.load(s.b, empty.ID).Body; len(b) != 0 {
		s.Errorf("an empty body has %d bytes", len(b))
	}
}

func createAllOrNone(s *suite) {
	s.create(row("apr_2"))
	for name, rows := range map[string][]agent.Row{
		"one exists":   {row("apr_1"), row("apr_2"), row("apr_3")},
		"one is twice": {row("apr_4"), row("apr_4")},
	} {
		if err := s.b.Create(s.ctx, rows); err == nil {
			s.Errorf("%s: no error", name)
		}
	}
	list, err := s.b.List(s.ctx, agent.Query{})
	s.ok(err)
	if len(list) != 1 || list[0].Revision != 1 {
		s.Errorf("%d rows, want the first alone", len(list))
	}
	s.ok(s.a.Create(s.ctx, nil))
}

func swap(s *suite) {
	first := row("apr_1")
	s.create(first)
	next := first
	next.Revision, next.State, next.Body, next.Key, next.Changed = 1, agent.Approved, []byte("other"), 1<<32-1, start.Add(time.Microsecond)
	// What a swap does not replace.
	next.Account, next.Run, next.Question, next.Digest, next.Created, next.Expires = "x", "x", "x", [32]byte{9}, start.Add(time.Hour), start.Add(2*time.Hour)
	s.ok(s.b.Swap(s.ctx, next))
	want := first
	want.Revision, want.State, want.Body, want.Key, want.Changed = 2, agent.Approved, []byte("other"), 1<<32-1, next.Changed
	s.same(s.load(s.a, "apr_1"), want)
	for _, revision := range []int64{0, 1, 3} {
		next.Revision = revision
		if err := s.a.Swap(s.ctx, next); !errors.Is(err, agent.ErrConflict) {
			s.Errorf("a swap of revision %d: %v", revision, err)
		}
	}
	next.ID = "apr_2"
	if err := s.a.Swap(s.ctx, next); !errors.Is(err, agent.ErrNotFound) {
		s.Errorf("a swap of a row that does not exist: %v", err)
	}
	s.same(s.load(s.b, "apr_1"), want)
}

// many is how many goroutines compete, on both handles.
const many = 50

func (s *suite) together(f func(i int, store agent.Store)) {
	var group sync.WaitGroup
	for i := range many {
		store := s.a
		if i%2 == 1 {
			store = s.b
		}
		group.Go(func() { f(i, store) })
	}
	group.Wait()
}

func oneSwap(s *suite) {
	s.create(row("apr_1"))
	var won atomic.Int64
	s.together(func(i int, store agent.Store) {
		r := row("apr_1")
		r.Revision, r.State, r.Body = 1, agent.Executing, fmt.Append(nil, i)
		switch err := store.Swap(s.ctx, r); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, agent.ErrConflict):
			s.Errorf("swap %d: %v", i, err)
		}
	})
	if r := s.load(s.a, "apr_1"); won.Load() != 1 || r.Revision != 2 {
		s.Errorf("%d swaps of one revision were made, and it is %d now", won.Load(), r.Revision)
	}
}

// withdrawnOrClaimed lets people withdraw an approval while sessions claim it. What was
// stored first holds: its state, and its body.
func withdrawnOrClaimed(s *suite) {
	for n := range 10 {
		id := fmt.Sprint("apr_", n)
		approved := row(id)
		approved.State = agent.Approved
		s.create(approved)
		var won atomic.Pointer[agent.State]
		s.together(func(i int, store agent.Store) {
			r := approved
			r.Revision, r.State = 1, agent.Executing
			if i/2%2 == 1 { // from both stores
				r.State = agent.Denied
			}
			r.Body = []byte(r.State)
			switch err := store.Swap(s.ctx, r); {
			case err == nil:
				if won.Swap(&r.State) != nil {
					s.Errorf("%s was swapped twice", id)
				}
			case !errors.Is(err, agent.ErrConflict):
				s.Errorf("swap %d: %v", i, err)
			}
		})
		if r := s.load(s.b, id); won.Load() == nil || r.State != *won.Load() || string(r.Body) != string(r.State) || r.Revision != 2 {
			s.Errorf("%s is %s, %q, revision %d", id, r.State, r.Body, r.Revision)
		}
	}
}

func list(s *suite) {
	var rows []agent.Row
	for i := range 120 {
		r := row(fmt.Sprintf("apr_%03d", i))
		r.Created = start.Add(time.Duration(i/2) * time.Microsecond)
		r.Account, r.Run = fmt.Sprint("account", i%2), fmt.Sprint("run", i%3)
		r.Question = fmt.Sprint("ask", i%5)
		r.Digest = [32]byte{byte(i % 7)}
		r.State = []agent.State{agent.Pending, agent.Approved, agent.Done}[i%3]
		rows = append(rows, r)
	}
	s.create(rows...)
	for name, c := range map[string]struct {
		q    agent.Query
		want func(i int) bool
		most int
	}{
		"all":      {agent.Query{}, func(int) bool { return true }, 100},
		"limit":    {agent.Query{Limit: 7}, func(int) bool { return true }, 7},
		"no bound": {agent.Query{Limit: 1000}, func(int) bool { return true }, 1000},
		"account":  {agent.Query{Account: "account1"}, func(i int) bool { return i%2 == 1 }, 100},
		"run":      {agent.Query{Run: "run2"}, func(i int) bool { return i%3 == 2 }, 100},
		"question": {agent.Query{Question: "ask4"}, func(i int) bool { return i%5 == 4 }, 100},
		"digest":   {agent.Query{Digest: [32]byte{3}}, func(i int) bool { return i%7 == 3 }, 100},
		"states":   {agent.Query{States: []agent.State{agent.Approved, agent.Done}}, func(i int) bool { return i%3 > 0 }, 100},
		"together": {agent.Query{Account: "account0", Run: "run0", Question: "ask0", Digest: [32]byte{2}, States: []agent.State{agent.Pending}, Limit: 2}, func(i int) bool { return i%30 == 0 && i%7 == 2 }, 2},
		"none":     {agent.Query{Account: "account2"}, func(int) bool { return false }, 100},
	} {
		var want []string
		for i := 118; i >= 0; i -= 2 { // of two with one time, the lower id is first
			for _, k := range []int{i, i + 1} {
				if c.want(k) && len(want) < c.most {
					want = append(want, rows[k].ID)
				}
			}
		}
		found, err := s.b.List(s.ctx, c.q)
		s.ok(err)
		var got []string
		for _, r := range found {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			s.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func (s *suite) spend(spends ...agent.Spend) {
	s.Helper()
	over, err := s.a.Spend(s.ctx, spends)
	s.ok(err)
	if over != -1 {
		s.Fatalf("the bound of %d would be exceeded", over)
	}
}

func (s *suite) counts(key string, want int64) {
	s.Helper()
	n, err := s.b.Count(s.ctx, key)
	s.ok(err)
	if n != want {
		s.Errorf("the counter %.40q is %d, want %d", key, n, want)
	}
}

func spendAllOrNone(s *suite) {
	of := func(key string, amount, most int64) agent.Spend {
		return agent.Spend{Key: key, Account: "ada", Amount: amount, Most: most, Ends: start}
	}
	s.spend(of("calls", 1, -1), of("money", 1<<40, 1<<41), of("calls", 2, 3))
	s.counts("calls", 3)
	s.counts("money", 1<<40)
	for want, spends := range [][]agent.Spend{
		{of("money", 1<<40+1, 1<<41), of("calls", 1, 3)},
		{of("sends", 1, 1), of("calls", 1, 3)},
		{of("sends", 1, 2), of("money", 1, -1), of("sends", 2, 2)},
		{of("z", 1, -1), of("y", 1, -1), of("x", 1, -1), of("w", 1, 0)},
	} {
		over, err := s.b.Spend(s.ctx, spends)
		s.ok(err)
		if over != want {
			s.Errorf("the first bound that would be exceeded is %d, want %d", over, want)
		}
	}
	for key, want := range map[string]int64{"calls": 3, "money": 1 << 40, "sends": 0, "w": 0, "x": 0, "y": 0, "z": 0} {
		s.counts(key, want)
	}
	s.spend()
	s.spend(of("zero", 0, 0))
}

// boundsHold has counters spent together in different orders, by two handles.
func boundsHold(s *suite) {
	const most = 20
	var spent atomic.Int64
	s.together(func(i int, store agent.Store) {
		spends := []agent.Spend{
			{Key: "a", Account: "ada", Amount: 1, Most: most, Ends: start},
			{Key: "b", Account: "ada", Amount: 3, Most: -1, Ends: start},
			{Key: "c", Account: "ada", Amount: 2, Most: 1000, Ends: start},
		}
		if i%3 == 0 {
			slices.Reverse(spends)
		}
		over, err := store.Spend(s.ctx, spends)
		switch {
		case err != nil:
			s.Errorf("spend %d: %v", i, err)
		case over == -1:
			spent.Add(1)
		case spends[over].Key != "a":
			s.Errorf("spend %d: the bound of %s would be exceeded", i, spends[over].Key)
		}
	})
	if spent.Load() != most {
		s.Errorf("%d of %d were spent, want %d", spent.Load(), many, most)
	}
	s.counts("a", most)
	s.counts("b", 3*most)
	s.counts("c", 2*most)
}

func prune(s *suite) {
	old, edge := row("apr_old"), row("apr_edge")
	old.Changed, edge.Changed = start.Add(-time.Microsecond), start
	s.create(old, edge)
	s.spend(agent.Spend{Key: "old", Account: "ada", Amount: 1, Most: -1, Ends: start.Add(-time.Microsecond)}, agent.Spend{Key: "edge", Account: "ada", Amount: 1, Most: -1, Ends: start})
	n, err := s.b.Prune(s.ctx, start)
	s.ok(err)
	if n != 1 {
		s.Errorf("%d rows were deleted, want 1", n)
	}
	if _, err := s.a.Load(s.ctx, "apr_old"); !errors.Is(err, agent.ErrNotFound) {
		s.Errorf("the old row: %v", err)
	}
	s.load(s.a, "apr_edge")
	s.counts("old", 0)
	s.counts("edge", 1)
}

func erase(s *suite) {
	bob := row("apr_bob")
	bob.Account = "bob"
	s.create(row("apr_1"), row("apr_2"), bob)
	s.spend(agent.Spend{Key: "ada", Account: "ada", Amount: 1, Most: -1, Ends: start}, agent.Spend{Key: "bob", Account: "bob", Amount: 1, Most: -1, Ends: start})
	n, err := s.b.Erase(s.ctx, "ada")
	s.ok(err)
	if n != 2 {
		s.Errorf("%d rows were erased, want 2", n)
	}
	s.load(s.a, "apr_bob")
	if _, err := s.a.Load(s.ctx, "apr_1"); !errors.Is(err, agent.ErrNotFound) {
		s.Errorf("an erased row: %v", err)
	}
	s.counts("ada", 0)
	s.counts("bob", 1)
}

// canceled wants a store of a database to do nothing for a caller that is gone.
func canceled(s *suite) {
	if !s.a.Durable() {
		s.Skip("it is done before a caller can be gone")
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.a.Create(ctx, []agent.Row{row("apr_1")}); !errors.Is(err, context.Canceled) {
		s.Errorf("the error is %v", err)
	}
	if _, err := s.a.Load(s.ctx, "apr_1"); !errors.Is(err, agent.ErrNotFound) {
		s.Errorf("the row: %v", err)
	}
}
