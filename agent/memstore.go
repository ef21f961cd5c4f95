package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// NewMemoryStore returns a store that lives as long as the process.
func NewMemoryStore() Store {
	return &memStore{rows: map[string]Row{}, counters: map[string]counter{}}
}

type memStore struct {
	mu       sync.Mutex
	rows     map[string]Row
	counters map[string]counter
}

type counter struct {
	account string
	value   int64
	ends    time.Time
}

func (m *memStore) Durable() bool { return false }

func (m *memStore) Create(_ context.Context, rows []Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range rows {
		if _, ok := m.rows[r.ID]; ok || slices.ContainsFunc(rows[:i], func(o Row) bool { return o.ID == r.ID }) {
			return fmt.Errorf("agent: approval %s exists already", r.ID)
		}
	}
	for _, r := range rows {
		r.Revision, r.Body = 1, slices.Clone(r.Body)
		m.rows[r.ID] = r
	}
	return nil
}

func (m *memStore) Load(_ context.Context, id string) (Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok {
		return Row{}, ErrNotFound
	}
	r.Body = slices.Clone(r.Body)
	return r, nil
}

func (q *Query) selects(r *Row) bool {
	return (q.Account == "" || q.Account == r.Account) &&
		(q.Run == "" || q.Run == r.Run) &&
		(q.Question == "" || q.Question == r.Question) &&
		(q.Digest == [32]byte{} || q.Digest == r.Digest) &&
		(len(q.States) == 0 || slices.Contains(q.States, r.State))
}

func (m *memStore) List(_ context.Context, q Query) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Row
	for _, r := range m.rows {
		if q.selects(&r) {
			r.Body = slices.Clone(r.Body)
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Row) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return list[:min(len(list), cmp.Or(q.Limit, 100))], nil
}

func (m *memStore) Swap(_ context.Context, row Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[row.ID]
	switch {
	case !ok:
		return ErrNotFound
	case r.Revision != row.Revision:
		return ErrConflict
	}
	r.State, r.Body, r.Key, r.Changed = row.State, slices.Clone(row.Body), row.Key, row.Changed
	r.Revision++
	m.rows[row.ID] = r
	return nil
}

func (m *memStore) Spend(_ context.Context, spends []Spend) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := make(map[string]int64, len(spends))
	for i, s := range spends {
		v, ok := after[s.Key]
		if !ok {
			v = m.counters[s.Key].value
		}
		v += s.Amount
		if s.Most >= 0 && v > s.Most {
			return i, nil
		}
		after[s.Key] = v
	}
	for _, s := range spends {
		m.counters[s.Key] = counter{s.Account, after[s.Key], s.Ends}
	}
	return -1, nil
}

func (m *memStore) Count(_ context.Context, key string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counters[key].value, nil
}

func (m *memStore) KeyUse(context.Context) (map[uint32]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	use := map[uint32]int64{}
	for _, r := range m.rows {
		if r.Key != 0 {
			use[r.Key]++
		}
	}
	return use, nil
}

func (m *memStore) SealedBy(_ context.Context, primary uint32, after string, limit int) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Row
	for id, r := range m.rows {
		if r.Key != 0 && r.Key != primary && id > after {
			r.Body = slices.Clone(r.Body)
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(len(list), limit)], nil
}

func (m *memStore) Prune(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, r := range m.rows {
		if r.Changed.Before(before) {
			delete(m.rows, id)
			n++
		}
	}
	for k, c := range m.counters {
		if c.ends.Before(before) {
			delete(m.counters, k)
		}
	}
	return n, nil
}

func (m *memStore) Erase(_ context.Context, account string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, r := range m.rows {
		if r.Account == account {
			delete(m.rows, id)
			n++
		}
	}
	for k, c := range m.counters {
		if c.account == account {
			delete(m.counters, k)
		}
	}
	return n, nil
}
