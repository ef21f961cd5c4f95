package webhooks

import (
	"cmp"
	"container/list"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Memory is a [Store] in memory, for tests and for programs whose effects are idempotent:
// a restart forgets everything. Make it with [NewMemory].
type Memory struct {
	most int
	now  func() time.Time

	mu            sync.Mutex
	marks         map[Mark]*list.Element
	order         *list.List // of *memoryMark, the oldest first
	subscriptions map[string]Row
	checkpoints   map[string]time.Time
}

type memoryMark struct {
	mark      Mark
	token     string
	at, until time.Time
	done      bool
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store that keeps at most so many marks; 0 means 100,000, which
// take about 25 MB. When it is full, the oldest mark of a handled event is forgotten before
// its time, and the event is handled again if it comes again.
func NewMemory(most int) *Memory { return newMemory(most, time.Now) }

func newMemory(most int, now func() time.Time) *Memory {
	if most <= 0 {
		most = 100_000
	}
	return &Memory{
		most: most, now: now, marks: map[Mark]*list.Element{}, order: list.New(), subscriptions: map[string]Row{}, checkpoints: map[string]time.Time{},
	}
}

// Claim implements [Store].
func (s *Memory) Claim(_ context.Context, m Mark, token string, lease time.Duration) (Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e := s.marks[m]; e != nil {
		old := e.Value.(*memoryMark)
		switch {
		case old.done:
			return Handled, nil
		case now.Before(old.until) && !now.Before(old.at.Add(-lease)):
			return Busy, nil
		}
		s.order.Remove(e)
	}
	s.prune(now.Add(-Retention))
	for e := s.order.Front(); e != nil && len(s.marks) >= s.most; {
		next := e.Next()
		if old := e.Value.(*memoryMark); old.done {
			s.order.Remove(e)
			delete(s.marks, old.mark)
		}
		e = next
	}
	s.marks[m] = s.order.PushBack(&memoryMark{mark: m, token: token, at: now, until: now.Add(lease)})
	return Claimed, nil
}

// Finish implements [Store].
func (s *Memory) Finish(_ context.Context, m Mark, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.marks[m]; e != nil {
		s.order.Remove(e)
	}
	s.marks[m] = s.order.PushBack(&memoryMark{mark: m, token: token, at: s.now(), done: true})
	return nil
}

// Release implements [Store].
func (s *Memory) Release(_ context.Context, m Mark, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.marks[m]; e != nil {
		if old := e.Value.(*memoryMark); !old.done && old.token == token {
			s.order.Remove(e)
			delete(s.marks, m)
		}
	}
	return nil
}

// Prune implements [Store].
func (s *Memory) Prune(_ context.Context, before time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prune(before), nil
}

// prune removes from the front of the list what is older than a moment.
func (s *Memory) prune(before time.Time) (n int) {
	for e := s.order.Front(); e != nil; n++ {
		old := e.Value.(*memoryMark)
		if !old.at.Before(before) {
			break
		}
		next := e.Next()
		s.order.Remove(e)
		delete(s.marks, old.mark)
		e = next
	}
	return n
}

// SaveSubscription implements [Store].
func (s *Memory) SaveSubscription(_ context.Context, r Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Sealed = slices.Clone(r.Sealed)
	s.subscriptions[r.ID] = r
	return nil
}

// Subscription implements [Store].
func (s *Memory) Subscription(_ context.Context, id string) (Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.subscriptions[id]
	if !ok {
		return Row{}, ErrNotFound
	}
	r.Sealed = slices.Clone(r.Sealed)
	return r, nil
}

// Subscriptions implements [Store].
func (s *Memory) Subscriptions(_ context.Context, tenant string) ([]Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []Row
	for r := range maps.Values(s.subscriptions) {
		if tenant == "" || r.Tenant == tenant {
			r.Sealed = slices.Clone(r.Sealed)
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	return rows, nil
}

// DeleteSubscription implements [Store].
func (s *Memory) DeleteSubscription(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscriptions, id)
	return nil
}

// Checkpoint implements [Store].
func (s *Memory) Checkpoint(_ context.Context, name string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checkpoints[name], nil
}

// SaveCheckpoint implements [Store].
func (s *Memory) SaveCheckpoint(_ context.Context, name string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(s.checkpoints[name]) {
		s.checkpoints[name] = at.Truncate(time.Microsecond).UTC()
	}
	return nil
}
