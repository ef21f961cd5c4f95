package accounts

import (
	"sync"
	"time"
)

const (
	startRate = 20 // renewals per second, to begin with
	minRate   = 0.5
)

// limiter paces the requests to one token endpoint: the rate doubles every
// second until the provider asks to slow down or fails, which halves it, and
// grows steadily after that. Callers on demand reserve turns ahead, the
// scheduler only gets turns that are free at once, so that callers go first.
type limiter struct {
	mu     sync.Mutex
	max    float64
	rate   float64
	next   time.Duration // when the next turn is free, on the monotonic clock
	sent   time.Duration // when the next request may be sent, whatever the rate
	paused time.Duration // nothing before
	eager  bool          // the provider has not complained yet
	halved time.Duration
	grown  time.Duration
}

func newLimiter(most float64) *limiter {
	return &limiter{max: most, rate: min(startRate, most), eager: true, halved: -time.Hour}
}

func (l *limiter) interval() time.Duration { return time.Duration(float64(time.Second) / l.rate) }

// burst is how far behind now the next turn may be: a tenth of a second.
func (l *limiter) burst() time.Duration { return max(time.Second/10-l.interval(), 0) }

// reserve takes the next turn and returns how long to wait for it. It takes
// nothing if that is longer than most.
func (l *limiter) reserve(now, most time.Duration) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := max(l.next, now-l.burst(), l.paused)
	wait := max(at-now, 0)
	if wait > most {
		return wait, false
	}
	l.next = at + l.interval()
	return wait, true
}

// take takes a turn if one is free now.
func (l *limiter) take(now time.Duration) bool {
	_, ok := l.reserve(now, 0)
	return ok
}

// putBack returns a turn that was not used.
func (l *limiter) putBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next -= l.interval()
}

// spread returns how long to wait with a request that has its turn. What was
// held up between the two, since a claim takes its time, would come in one lump
// otherwise: it never sends more than 5 % above the limit in any second.
func (l *limiter) spread(now time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	step := time.Duration(float64(time.Second) / l.max)
	at := max(l.sent, now-max(time.Second/20-step, 0))
	l.sent = at + step
	return max(at-now, 0)
}

// good notes a complete response. In the beginning each makes the rate grow by
// one, so that it doubles every second; later, for every second, and for at most
// ten of them without a response, the rate grows by a hundredth of the most, and
// by one at least.
func (l *limiter) good(now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.eager && now >= l.paused {
		l.rate = min(l.rate+1, l.max)
		l.grown = now
		return
	}
	if passed := now - l.grown; passed >= time.Second && now >= l.paused {
		l.grown = now
		l.rate = min(l.rate+max(l.max/100, 1)*min(passed.Seconds(), 10), l.max)
	}
}

// bad notes that the provider is in trouble, and how long it asks to wait. A
// burst of refusals counts once.
func (l *limiter) bad(now, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.eager = false
	if now-l.halved >= time.Second {
		l.halved, l.grown = now, now
		l.rate = max(l.rate/2, min(minRate, l.max))
	}
	l.paused = max(l.paused, now+wait)
}

// state returns the rate and how much longer nothing may be sent.
func (l *limiter) state(now time.Duration) (rate float64, paused time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate, max(l.paused-now, 0)
}
