package codec

import "sync"

// freeList keeps a few values for their next use. A sync.Pool would do, but it
// holds its values as any, and a program that uses reflection then keeps every
// method of their types.
type freeList[T any] struct {
	mu   sync.Mutex
	free []T
}

const mostFree = 16

func (l *freeList[T]) take() (v T, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free) - 1; n >= 0 {
		v, ok = l.free[n], true
		var zero T
		l.free[n] = zero
		l.free = l.free[:n]
	}
	return v, ok
}

func (l *freeList[T]) give(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) < mostFree {
		l.free = append(l.free, v)
	}
}
