package accounts

import (
	"context"
	"sync"
)

// together lets calls for the same thing that arrive while the first is in
// progress wait for it and share its result. Its zero value is ready for use.
type together[T any] struct {
	mu    sync.Mutex
	calls map[Hash]*sharedCall[T]
}

type sharedCall[T any] struct {
	flow   Flow // that the call is about, which is gone from the store meanwhile
	done   chan struct{}
	result T
}

// flow returns the flow of a call that is in progress.
func (t *together[T]) flow(id Hash) (Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.calls[id]
	if c == nil {
		return Flow{}, false
	}
	return c.flow, true
}

// do runs f, or waits for the one that is in progress. It reports false if ctx
// ended first. If f panics, those who wait get failed.
func (t *together[T]) do(ctx context.Context, id Hash, flow Flow, failed T, f func() T) (result T, ok bool) {
	t.mu.Lock()
	c := t.calls[id]
	if c != nil {
		t.mu.Unlock()
		select {
		case <-c.done:
			return c.result, true
		case <-ctx.Done():
			return failed, false
		}
	}
	c = &sharedCall[T]{flow: flow, done: make(chan struct{}), result: failed}
	if t.calls == nil {
		t.calls = map[Hash]*sharedCall[T]{}
	}
	t.calls[id] = c
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.calls, id)
		t.mu.Unlock()
		close(c.done)
	}()
	c.result = f()
	return c.result, true
}
