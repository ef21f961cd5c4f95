package closekit

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit/internal/httpx"
)

// Budget is what Close's rate limit leaves to the calls that share it. Every client
// has one for its Source. Close counts the requests of all credentials of one
// organization together, so clients of the same organization in one process should
// share a Budget; see [WithBudget]. Processes that work for the same organization
// each have their own; see [NewSharedBudget].
//
// A Budget does nothing until Close responds with a 429. It then lets no call through
// for as long as Close asks, but at most a minute. After that, one call goes first,
// and if it succeeds, the others follow one after the other, at the pace of the
// rate limit headers. If there are none, it finds the pace by trial. After some
// seconds without a 429 and without a waiting call, it does nothing again.
//
// The zero value is ready for use. A Budget is safe for concurrent use and must not
// be copied after first use.
type Budget struct {
	limited atomic.Bool // calls are paced

	mu       sync.Mutex
	base     time.Time     // of the times below; set by the first 429
	until    time.Duration // no call goes before
	closed   time.Duration // when it was closed last
	refusals int           // 429s since the last success, one per closing
	interval time.Duration // between two calls
	bound    time.Duration // the interval that was too short last
	passed   int           // responses since the last closing
	next     time.Duration // when the next call may go
	waiting  int
	unproven bool          // no call has succeeded since it was closed
	probe    chan struct{} // closed when the outcome of the first call is known; nil without one
	probed   time.Duration // when that call went
	turn     chan struct{} // held by the one call that waits until next; the others wait for it

	share     func(ctx context.Context) (int, error) // nil without other processes
	shared    time.Duration                          // when share was called last
	processes int                                    // that pace calls, by share; 0 before its first answer
}

// NewSharedBudget returns a Budget for an organization that other processes work for
// too. While the Budget paces calls, it calls share about once a second, which is to
// record that this process does, for [SharedFor], and to return how many processes do,
// this one included. Each of them then sends its part of what the rate limit leaves.
// share is called on a goroutine of its own, never twice at once, with a context that
// ends after some seconds; after an error the last number counts.
//
// Package accounts makes such budgets for the replicas of one program.
func NewSharedBudget(share func(ctx context.Context) (processes int, err error)) *Budget {
	return &Budget{share: share}
}

// SharedFor is how long a process counts as one that paces calls after share of
// [NewSharedBudget] was called.
const SharedFor = 5 * time.Second

const (
	longestPause = time.Minute           // after which a call goes, whatever Close has asked for
	shortestWait = 50 * time.Millisecond // doubled with every 429 in a row
	defaultPause = time.Second           // after a 429 without headers; doubled with every 429 in a row
	probeTime    = 5 * time.Second       // how long the others wait for the outcome of the first call
	calmTime     = 5 * time.Second       // without a 429, after which calls are not paced
	window       = time.Second           // Close counts requests by the second, or longer
	firstPace    = 50 * time.Millisecond // if the headers do not say the limit
	fastestPace  = time.Millisecond
	slowestPace  = 2 * time.Second
	shareEvery   = time.Second     // how often other processes are counted
	shareTime    = 2 * time.Second // how long that may take
)

// admission is the outcome of [Budget.enter].
type admission struct {
	probe   bool          // the call must report its outcome to settle
	waited  time.Duration // by the call
	refused bool          // the wait would be too long
	wait    time.Duration // that wait
}

// enter waits until the next call may go, but at most for the given time and not
// beyond the deadline of ctx. If it knows that the wait would be longer, it returns
// at once.
func (b *Budget) enter(ctx context.Context, most time.Duration, now func() time.Time) (a admission) {
	if !b.limited.Load() {
		return a
	}
	b.mu.Lock()
	start := now().Sub(b.base)
	limit := start + most
	if at, ok := ctx.Deadline(); ok {
		limit = min(limit, at.Sub(b.base))
	}
	if b.calm(start) {
		b.limited.Store(false)
		b.mu.Unlock()
		return a
	}
	if b.turn == nil {
		b.turn = make(chan struct{}, 1)
	}
	if a.wait = b.until - start; b.until > limit {
		b.mu.Unlock()
		a.refused = true
		return a
	}
	b.waiting++
	b.mu.Unlock()
	timer := time.NewTimer(limit - start)
	select {
	case b.turn <- struct{}{}:
		b.proceed(ctx, limit, now, &a)
		<-b.turn
	case <-timer.C:
		a.refused, a.wait = true, time.Second
	case <-ctx.Done():
	}
	timer.Stop()
	b.mu.Lock()
	b.waiting--
	b.mu.Unlock()
	a.waited = now().Sub(b.base) - start
	return a
}

// proceed waits for the call whose turn it is.
func (b *Budget) proceed(ctx context.Context, limit time.Duration, now func() time.Time, a *admission) {
	for ctx.Err() == nil {
		at := now().Sub(b.base)
		b.mu.Lock()
		probe, wait, outcome := b.take(at)
		b.mu.Unlock()
		a.probe, a.wait = probe, wait
		if wait <= 0 {
			return
		}
		if at+wait > limit && outcome == nil {
			a.refused = true
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-outcome:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// calm reports whether calls need not be paced any longer. The caller holds the lock.
func (b *Budget) calm(now time.Duration) bool {
	return b.waiting == 0 && b.probe == nil && !b.unproven && now > b.next && now > b.until && now-b.closed > calmTime
}

// due returns how long the next call must wait, and a channel that may end the wait
// early. The caller holds the lock.
func (b *Budget) due(now time.Duration) (wait time.Duration, outcome <-chan struct{}) {
	switch {
	case now < b.until:
		return b.until - now, nil
	case b.probe != nil && (now-b.probed) < probeTime:
		return probeTime - (now - b.probed), b.probe
	case b.unproven:
		return 0, nil
	}
	return b.next - now, nil
}

// take lets one call go if it is due. Otherwise it returns what due returns. The caller
// holds the lock.
func (b *Budget) take(now time.Duration) (probe bool, wait time.Duration, outcome <-chan struct{}) {
	if wait, outcome = b.due(now); wait > 0 {
		return false, wait, outcome
	}
	b.next = now + b.interval
	b.count(now)
	if b.unproven {
		b.endProbe()
		b.probe, b.probed = make(chan struct{}), now
		return true, 0, nil
	}
	return false, 0, nil
}

func (b *Budget) endProbe() {
	if b.probe != nil {
		close(b.probe)
		b.probe = nil
	}
}

// close holds back all calls after a 429 that asks to wait, in response to a request
// that was sent at the given time. It returns how long they are held back.
func (b *Budget) close(sent, at time.Time, wait time.Duration, h http.Header) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.base.IsZero() {
		b.base = at
	}
	now := at.Sub(b.base)
	if !b.limited.Load() || sent.Sub(b.base) > b.closed { // otherwise the request belongs to the calls before
		b.refusals++
		switch {
		case !b.limited.Load():
			b.interval, b.bound = pace(wait, h)
			b.interval *= b.parts()
			b.bound *= b.parts()
		case b.passed == 0: // far too fast
			b.bound, b.interval = b.interval, min(b.interval*2, slowestPace)
		default:
			if b.bound = b.interval; sent.Sub(b.base)-b.probed < window {
				b.bound = window / time.Duration(b.passed) // that many were let through
			}
			b.interval = min(b.bound*17/16, slowestPace)
		}
		b.passed = 0
		b.closed = now
		b.endProbe()
		b.unproven = true
	}
	if wait <= 0 {
		wait = defaultPause << min(b.refusals-1, 5)
	}
	wait = min(max(wait, shortestWait<<min(b.refusals-1, 5)), longestPause)
	b.until = max(b.until, now+wait)
	b.count(now)
	b.limited.Store(true)
	return b.until - now
}

// pace guesses the interval between calls from a 429, and which is too short. The
// latter is zero if nothing says it: it is found by trial.
func pace(reset time.Duration, h http.Header) (interval, bound time.Duration) {
	if q, ok := httpx.ReadQuota(h); ok && q.Limit > 0 && reset > 0 {
		interval = min(max(reset/time.Duration(q.Limit), fastestPace), slowestPace)
		return interval, interval
	}
	return firstPace, 0
}

// parts is the number of processes that share the limit. The caller holds the lock.
func (b *Budget) parts() time.Duration { return time.Duration(max(b.processes, 1)) }

// count asks how many processes share the limit, unless it has just done so, and
// adapts the pace to the answer. The caller holds the lock.
func (b *Budget) count(now time.Duration) {
	if b.share == nil || b.shared > 0 && now-b.shared < shareEvery {
		return
	}
	b.shared = max(now, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), shareTime)
		defer cancel()
		n, err := b.share(ctx)
		if err != nil || n < 1 {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		before := b.parts()
		b.processes = n
		b.interval = b.interval / before * b.parts()
		b.bound = b.bound / before * b.parts()
	}()
}

// settle is told the outcome of a call other than a 429: the headers of the
// response, or nil.
func (b *Budget) settle(a admission, h http.Header, at time.Time) {
	if !b.limited.Load() {
		return
	}
	b.mu.Lock()
	if a.probe {
		b.endProbe()
		b.unproven = false
		b.refusals = 0
	}
	if now := at.Sub(b.base); h != nil && now >= b.until {
		b.passed++
		switch q, ok := httpx.ReadQuota(h); {
		case ok && q.Remaining > 0:
			b.interval = min(max(q.Reset/time.Duration(q.Remaining), fastestPace), slowestPace) * b.parts()
			b.next = min(b.next, now+min(b.interval, q.Reset))
		case ok:
			b.next = max(b.next, now+min(q.Reset, longestPause))
		case b.interval > b.bound*9/8: // below the pace that was too fast
			b.interval -= b.interval / 50
		default: // feel the way
			b.interval = max(b.interval-b.interval/4000, fastestPace)
		}
	}
	b.mu.Unlock()
}

// WithBudget makes the client use b, which other clients of the same organization use
// too. If b is nil, the client gets a new one. [Client.With] keeps the budget unless
// it sets another source.
func WithBudget(b *Budget) Option {
	return option(func(c *config) {
		if b == nil {
			b = &Budget{}
		}
		c.budget = b
	})
}
