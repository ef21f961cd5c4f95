package webhooks

import (
	"context"
	"sync"
)

// Fanout hands deliveries to channels within the process: the user interface that shows
// changes live, a cache that forgets. The zero value has no readers and is ready to use. It
// is safe for concurrent use.
//
// A reader has a buffer. When it is full, further deliveries are dropped for this reader and
// it is told how many: waiting for it would keep other readers and Close waiting, and Close
// would repeat what others have already. What may not be lost belongs into the function of
// the [Once].
type Fanout struct {
	mu      sync.Mutex
	readers map[*Reader]struct{}
}

// Notice is a delivery for a reader.
type Notice struct {
	*Delivery
	// Missed is how many deliveries were dropped since the notice before, because the buffer
	// was full.
	Missed int
}

// Reader is one reader of a [Fanout]. Make it with [Fanout.Subscribe].
type Reader struct {
	c      chan Notice
	wants  func(*Delivery) bool
	f      *Fanout
	missed int // since the last notice; guarded by f.mu
	total  int
}

// Subscribe adds a reader of the deliveries that wants accepts; nil accepts all. The
// function must return at once. The buffer holds at least one delivery. Close the reader
// when it is no longer read.
func (f *Fanout) Subscribe(buffer int, wants func(*Delivery) bool) *Reader {
	r := &Reader{c: make(chan Notice, max(buffer, 1)), wants: wants, f: f}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers == nil {
		f.readers = map[*Reader]struct{}{}
	}
	f.readers[r] = struct{}{}
	return r
}

// C returns the channel. It is closed by Close, after what is in the buffer.
func (r *Reader) C() <-chan Notice { return r.c }

// Missed returns how many deliveries were dropped in all.
func (r *Reader) Missed() int {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	return r.total
}

// Close removes the reader and closes its channel. Closing again does nothing.
func (r *Reader) Close() {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if _, ok := r.f.readers[r]; ok {
		delete(r.f.readers, r)
		close(r.c)
	}
}

// Publish hands a delivery to all readers that want it. It never waits.
func (f *Fanout) Publish(d *Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r := range f.readers {
		if r.wants != nil && !r.wants(d) {
			continue
		}
		select {
		case r.c <- Notice{d, r.missed}:
			r.missed = 0
		default:
			r.missed++
			r.total++
		}
	}
}

// Once returns a [Once] that publishes what another one has handled for the first time.
func (f *Fanout) Once(once Once) Once {
	return func(ctx context.Context, d *Delivery) (bool, error) {
		first, err := once(ctx, d)
		if first {
			f.Publish(d)
		}
		return first, err
	}
}
