// Package memstore keeps connected accounts in memory, for tests and
// experiments. Everything is forgotten when the process ends.
package memstore

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// Store is an [accounts.Store] in memory. Make it with [New]. All methods are
// safe for concurrent use.
//
// It is an [accounts.TxStore] too, so that tests can read and write rows past
// the rules of a store.
type Store struct {
	accounts.Store
	now func() time.Time

	mu          sync.Mutex
	accounts    map[accounts.Key]*accounts.Record
	flows       map[accounts.Hash]*accounts.Flow
	revocations map[string]*accounts.Revocation
	events      []*accounts.StoredEvent // in the order of their ids
	lastEvent   int64
	health      map[[2]string]health
	sentinel    accounts.Sealed
	budgets     map[[2]string]time.Time // until when, by organization and owner
}

type health struct {
	accounts.ConnectionHealth
	probe time.Time
}

// Option configures a store.
type Option func(*Store)

// WithClock makes a store use a clock instead of [time.Now].
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// New returns an empty store.
func New(options ...Option) *Store {
	s := &Store{
		now: time.Now, accounts: map[accounts.Key]*accounts.Record{}, flows: map[accounts.Hash]*accounts.Flow{},
		revocations: map[string]*accounts.Revocation{}, health: map[[2]string]health{}, budgets: map[[2]string]time.Time{},
	}
	s.Store = accounts.NewStore(s)
	for _, o := range options {
		o(s)
	}
	return s
}

// Update implements [accounts.TxStore].
func (s *Store) Update(ctx context.Context, f func(accounts.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &tx{Store: s, at: s.now()}
	done := false
	defer func() { // also if f panics
		if !done {
			for _, undo := range slices.Backward(t.undo) {
				undo()
			}
		}
	}()
	err := f(t)
	done = err == nil
	return err
}

// View implements [accounts.TxStore].
func (s *Store) View(ctx context.Context, f func(accounts.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&tx{Store: s, at: s.now()})
}

// tx implements [accounts.Tx] under the store's lock.
type tx struct {
	*Store
	at   time.Time
	undo []func()
}

// Now implements [accounts.Tx].
func (t *tx) Now() time.Time { return t.at }

// put replaces a row.
func put[K comparable, V any](t *tx, rows map[K]V, name K, v V) {
	old, found := rows[name]
	t.undo = append(t.undo, func() {
		if found {
			rows[name] = old
		} else {
			delete(rows, name)
		}
	})
	rows[name] = v
}

// remove deletes a row.
func remove[K comparable, V any](t *tx, rows map[K]V, name K) {
	if old, found := rows[name]; found {
		t.undo = append(t.undo, func() { rows[name] = old })
		delete(rows, name)
	}
}

// get reads a row.
func get[K comparable, V any](rows map[K]*V, name K) (V, error) {
	if v := rows[name]; v != nil {
		return *v, nil
	}
	return *new(V), accounts.ErrNotFound
}

// pick selects rows in order; a limit of 0 means none.
func pick[V any](rows iter.Seq[*V], match func(*V) bool, compare func(a, b *V) int, limit int) []V {
	var picked []*V
	for v := range rows {
		if !match(v) {
			continue
		}
		if limit <= 0 {
			picked = append(picked, v)
			continue
		}
		// Only the first ones are kept, in order.
		at, _ := slices.BinarySearchFunc(picked, v, compare)
		if at < limit {
			picked = slices.Insert(picked, at, v)
			picked = picked[:min(len(picked), limit)]
		}
	}
	if limit <= 0 {
		slices.SortFunc(picked, compare)
	}
	var out []V
	for _, v := range picked {
		out = append(out, *v)
	}
	return out
}

// named returns the rows to search for one that may be known by name.
func named[K comparable, V any](rows map[K]*V, name K) iter.Seq[*V] {
	if name == *new(K) {
		return maps.Values(rows)
	}
	return func(yield func(*V) bool) {
		if v := rows[name]; v != nil {
			yield(v)
		}
	}
}

// Account implements [accounts.Tx].
func (t *tx) Account(key accounts.Key) (accounts.Record, error) { return get(t.accounts, key) }

// Accounts implements [accounts.Tx].
func (t *tx) Accounts(q accounts.AccountQuery) ([]accounts.Record, error) {
	return pick(maps.Values(t.accounts), q.Match, q.Compare, q.Limit), nil
}

// PutAccount implements [accounts.Tx].
func (t *tx) PutAccount(r accounts.Record) error {
	put(t, t.accounts, r.Key, &r)
	return nil
}

// Flows implements [accounts.Tx].
func (t *tx) Flows(q accounts.FlowQuery) ([]accounts.Flow, error) {
	order := func(a, b *accounts.Flow) int { return a.Expires.Compare(b.Expires) }
	return pick(named(t.flows, q.ID), q.Match, order, q.Limit), nil
}

// PutFlow implements [accounts.Tx].
func (t *tx) PutFlow(f accounts.Flow) error {
	put(t, t.flows, f.ID, &f)
	return nil
}

// DeleteFlow implements [accounts.Tx].
func (t *tx) DeleteFlow(id accounts.Hash) error {
	remove(t, t.flows, id)
	return nil
}

// Revocations implements [accounts.Tx].
func (t *tx) Revocations(q accounts.RevocationQuery) ([]accounts.Revocation, error) {
	return pick(named(t.revocations, q.ID), q.Match, q.Compare, q.Limit), nil
}

// PutRevocation implements [accounts.Tx].
func (t *tx) PutRevocation(r accounts.Revocation) error {
	put(t, t.revocations, r.ID, &r)
	return nil
}

// DeleteRevocation implements [accounts.Tx].
func (t *tx) DeleteRevocation(id string) error {
	remove(t, t.revocations, id)
	return nil
}

// event finds the place of an event.
func (t *tx) event(id int64) (at int, found bool) {
	return slices.BinarySearchFunc(t.events, id, func(e *accounts.StoredEvent, id int64) int { return int(e.ID - id) })
}

// Events implements [accounts.Tx].
func (t *tx) Events(q accounts.EventQuery) ([]accounts.StoredEvent, error) {
	from, _ := t.event(q.After)
	return pick(slices.Values(t.events[from:]), q.Match, q.Compare, q.Limit), nil
}

// PutEvent implements [accounts.Tx].
func (t *tx) PutEvent(e accounts.StoredEvent) error {
	if e.ID == 0 {
		t.lastEvent++
		e.ID = t.lastEvent
		t.undo = append(t.undo, func() { t.events = slices.Delete(t.events, len(t.events)-1, len(t.events)) })
		t.events = append(t.events, &e)
	} else if at, found := t.event(e.ID); found {
		old := *t.events[at]
		t.undo = append(t.undo, func() { *t.events[at] = old })
		t.events[at].Acked, t.events[at].Claimed = e.Acked, e.Claimed
	}
	return nil
}

// DeleteEvent implements [accounts.Tx].
func (t *tx) DeleteEvent(id int64) error {
	if at, found := t.event(id); found {
		old := t.events[at]
		t.undo = append(t.undo, func() { t.events = slices.Insert(t.events, at, old) })
		t.events = slices.Delete(t.events, at, at+1)
	}
	return nil
}

// Health implements [accounts.Tx].
func (t *tx) Health(connection, fingerprint string) (accounts.ConnectionHealth, time.Time, error) {
	h, found := t.health[[2]string{connection, fingerprint}]
	if !found {
		return accounts.ConnectionHealth{}, time.Time{}, accounts.ErrNotFound
	}
	return h.ConnectionHealth, h.probe, nil
}

// PutHealth implements [accounts.Tx].
func (t *tx) PutHealth(h accounts.ConnectionHealth, probe time.Time) error {
	put(t, t.health, [2]string{h.Connection, h.Fingerprint}, health{h, probe})
	return nil
}

// Sentinel implements [accounts.Tx].
func (t *tx) Sentinel() (accounts.Sealed, error) {
	if t.sentinel.IsZero() {
		return accounts.Sealed{}, accounts.ErrNotFound
	}
	return t.sentinel, nil
}

// PutSentinel implements [accounts.Tx].
func (t *tx) PutSentinel(s accounts.Sealed) error {
	old := t.sentinel
	t.undo = append(t.undo, func() { t.sentinel = old })
	t.sentinel = s
	return nil
}

var (
	_ accounts.Store   = (*Store)(nil)
	_ accounts.TxStore = (*Store)(nil)
)

var _ accounts.BudgetStore = (*Store)(nil)

// ShareBudget implements [accounts.BudgetStore].
func (s *Store) ShareBudget(_ context.Context, organizationID, owner string, ttl time.Duration) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.budgets[[2]string{organizationID, owner}] = now.Add(ttl)
	for key, until := range s.budgets {
		switch {
		case !until.After(now):
			delete(s.budgets, key)
		case key[0] == organizationID:
			n++
		}
	}
	return n, nil
}
