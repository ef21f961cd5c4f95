package storetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

// fileStore is a store as a user of package accounts might write it: a JSON
// file that is read and replaced as a whole.
type fileStore struct {
	mu   sync.Mutex
	path string
	now  func() time.Time
}

// content is what the file holds.
type content struct {
	Accounts    []row[accounts.Record]
	Flows       []row[accounts.Flow]
	Revocations []row[accounts.Revocation]
	Events      []row[accounts.StoredEvent]
	LastEvent   int64
	Health      []health
	Sentinel    accounts.Sealed
}

// row is a value with the parts of its key, which are bytes.
type row[T any] struct {
	Value                          T
	Tenant, Connection, Identifier []byte
}

type health struct {
	accounts.ConnectionHealth
	Probe time.Time
}

func rowOf[T any](v T, k accounts.Key) row[T] {
	return row[T]{v, []byte(k.Tenant()), []byte(k.Connection()), []byte(k.Identifier())}
}

// key makes a key of its parts again.
func (r row[T]) key() accounts.Key {
	if len(r.Tenant) == 0 { // an event about a whole connection
		return accounts.Principal{}.Key(string(r.Connection))
	}
	p, err := accounts.NewPrincipal(string(r.Tenant), string(r.Identifier))
	if err != nil {
		panic(err)
	}
	return p.Key(string(r.Connection))
}

// Update implements [accounts.TxStore].
func (s *fileStore) Update(ctx context.Context, f func(accounts.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.read(ctx)
	if err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	b, err := json.Marshal(t.content)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

// View implements [accounts.TxStore].
func (s *fileStore) View(ctx context.Context, f func(accounts.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.read(ctx)
	if err != nil {
		return err
	}
	return f(t)
}

func (s *fileStore) read(ctx context.Context) (*fileTx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &fileTx{now: s.now()}
	b, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	return t, json.Unmarshal(b, &t.content)
}

// fileTx implements [accounts.Tx].
type fileTx struct {
	content
	now time.Time
}

func (t *fileTx) Now() time.Time { return t.now }

func (t *fileTx) Account(key accounts.Key) (accounts.Record, error) {
	for _, r := range t.content.Accounts {
		if r.key() == key {
			r.Value.Key = key
			return r.Value, nil
		}
	}
	return accounts.Record{}, accounts.ErrNotFound
}

// sel selects rows in order.
func sel[T any](rows []row[T], key func(*T) *accounts.Key, match func(*T) bool, compare func(a, b *T) int, limit int) (out []T, err error) {
	var found []*T
	for _, r := range rows {
		*key(&r.Value) = r.key()
		if match(&r.Value) {
			found = append(found, &r.Value)
		}
	}
	slices.SortFunc(found, compare)
	for _, v := range found {
		if limit == 0 || len(out) < limit {
			out = append(out, *v)
		}
	}
	return out, nil
}

// put replaces the row that same finds, or appends one.
func put[T any](rows []row[T], r row[T], same func(T) bool) []row[T] {
	if i := slices.IndexFunc(rows, func(old row[T]) bool { return same(old.Value) }); i >= 0 {
		rows[i] = r
		return rows
	}
	return append(rows, r)
}

func remove[T any](rows []row[T], same func(T) bool) []row[T] {
	return slices.DeleteFunc(rows, func(old row[T]) bool { return same(old.Value) })
}

func (t *fileTx) Accounts(q accounts.AccountQuery) ([]accounts.Record, error) {
	return sel(t.content.Accounts, func(r *accounts.Record) *accounts.Key { return &r.Key }, q.Match, q.Compare, q.Limit)
}

func (t *fileTx) PutAccount(r accounts.Record) error {
	t.content.Accounts = put(t.content.Accounts, rowOf(r, r.Key), func(old accounts.Record) bool { return old.ID == r.ID })
	return nil
}

func (t *fileTx) Flows(q accounts.FlowQuery) ([]accounts.Flow, error) {
	order := func(_, _ *accounts.Flow) int { return 0 }
	return sel(t.content.Flows, func(f *accounts.Flow) *accounts.Key { return &f.Key }, q.Match, order, q.Limit)
}

func (t *fileTx) PutFlow(f accounts.Flow) error {
	t.content.Flows = put(t.content.Flows, rowOf(f, f.Key), func(old accounts.Flow) bool { return old.ID == f.ID })
	return nil
}

func (t *fileTx) DeleteFlow(id accounts.Hash) error {
	t.content.Flows = remove(t.content.Flows, func(old accounts.Flow) bool { return old.ID == id })
	return nil
}

func (t *fileTx) Revocations(q accounts.RevocationQuery) ([]accounts.Revocation, error) {
	return sel(t.content.Revocations, func(r *accounts.Revocation) *accounts.Key { return &r.Key }, q.Match, q.Compare, q.Limit)
}

func (t *fileTx) PutRevocation(r accounts.Revocation) error {
	t.content.Revocations = put(t.content.Revocations, rowOf(r, r.Key), func(old accounts.Revocation) bool { return old.ID == r.ID })
	return nil
}

func (t *fileTx) DeleteRevocation(id string) error {
	t.content.Revocations = remove(t.content.Revocations, func(old accounts.Revocation) bool { return old.ID == id })
	return nil
}

func (t *fileTx) Events(q accounts.EventQuery) ([]accounts.StoredEvent, error) {
	return sel(t.content.Events, func(e *accounts.StoredEvent) *accounts.Key { return &e.Key }, q.Match, q.Compare, q.Limit)
}

func (t *fileTx) PutEvent(e accounts.StoredEvent) error {
	if e.ID == 0 {
		t.LastEvent++
		e.ID = t.LastEvent
		t.content.Events = append(t.content.Events, rowOf(e, e.Key))
		return nil
	}
	for i, old := range t.content.Events {
		if old.Value.ID == e.ID {
			t.content.Events[i].Value.Acked, t.content.Events[i].Value.Claimed = e.Acked, e.Claimed
		}
	}
	return nil
}

func (t *fileTx) DeleteEvent(id int64) error {
	t.content.Events = remove(t.content.Events, func(old accounts.StoredEvent) bool { return old.ID == id })
	return nil
}

func (t *fileTx) Health(connection, fingerprint string) (accounts.ConnectionHealth, time.Time, error) {
	for _, h := range t.content.Health {
		if h.Connection == connection && h.Fingerprint == fingerprint {
			return h.ConnectionHealth, h.Probe, nil
		}
	}
	return accounts.ConnectionHealth{}, time.Time{}, accounts.ErrNotFound
}

func (t *fileTx) PutHealth(h accounts.ConnectionHealth, probe time.Time) error {
	t.content.Health = slices.DeleteFunc(t.content.Health, func(old health) bool {
		return old.Connection == h.Connection && old.Fingerprint == h.Fingerprint
	})
	t.content.Health = append(t.content.Health, health{h, probe})
	return nil
}

func (t *fileTx) Sentinel() (accounts.Sealed, error) {
	if t.content.Sentinel.IsZero() {
		return accounts.Sealed{}, accounts.ErrNotFound
	}
	return t.content.Sentinel, nil
}

func (t *fileTx) PutSentinel(s accounts.Sealed) error {
	t.content.Sentinel = s
	return nil
}

func open(t *testing.T, now func() time.Time) accounts.Store {
	t.Helper()
	return accounts.NewStore(&fileStore{path: filepath.Join(t.TempDir(), "accounts.json"), now: now})
}

// TestStoreOfOnesOwn passes the suite with nothing but a [accounts.TxStore].
func TestStoreOfOnesOwn(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) accounts.Store { return open(t, time.Now) })
	t.Run("SameAsInMemory", func(t *testing.T) {
		t.Parallel()
		storetest.Compare(t, *seed, 200, func() storetest.Pair {
			now := time.Unix(1_800_000_000, 0)
			clock := func() time.Time { return now }
			return storetest.Pair{Want: memstore.New(memstore.WithClock(clock)), Got: open(t, clock), Pass: func(d time.Duration) { now = now.Add(d) }}
		})
	})
}
