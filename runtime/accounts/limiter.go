package accounts

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	startRate = 20 // renewals per second, to begin with
	minRate   = 0.5
)

// limiter paces the requests to one token endpoint: the rate doubles every
// second until the provider asks to slow down or fails, which halves it, and
// grows steadily after that. Callers on demand wait in a queue, and the first of
// it takes a turn when the rate that holds then allows one. The scheduler only
// gets turns that are free at once and that no caller waits for.
type limiter struct {
	mu     sync.Mutex
	max    float64
	rate   float64
	last   time.Duration   // when the last turn was taken or would have been, on the monotonic clock
	queue  []chan struct{} // callers; the first is woken when its turn may have come nearer
	sent   time.Duration   // when the next request may be sent, whatever the rate
	paused time.Duration   // nothing before
	eager  bool            // the provider has not complained yet
	halved time.Duration
	grown  time.Duration
}

func newLimiter(most float64) *limiter {
	l := &limiter{max: most, rate: min(startRate, most), eager: true, halved: -time.Hour}
	l.last = -l.interval()
	return l
}

func (l *limiter) interval() time.Duration { return time.Duration(float64(time.Second) / l.rate) }

// burst is how far behind now the next turn may be: a tenth of a second.
func (l *limiter) burst() time.Duration { return max(time.Second/10-l.interval(), 0) }

// turn returns when the next turn is free at the rate that holds now.
func (l *limiter) turn(now time.Duration) time.Duration {
	return max(l.last+l.interval(), now-l.burst(), l.paused)
}

// wait waits in the queue until it can take a turn. It reports false if none
// is to be had within most, together with how long that may take, or if stop
// is closed or ctx ends.
func (l *limiter) wait(ctx context.Context, now clock, most time.Duration, stop <-chan struct{}) (after time.Duration, ok bool) {
	start := now().elapsed()
	wake, after := l.enqueue(start, most)
	if wake == nil {
		return after, false
	}
	defer l.leave(wake)
	for {
		at := now().elapsed()
		after, ok := l.serve(wake, at)
		left := start + most - at
		if ok || left < 0 {
			return after, ok
		}
		timer := time.NewTimer(max(min(after, left)+1, 0))
		select {
		case <-wake:
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return 0, false
		case <-ctx.Done():
			timer.Stop()
			return 0, false
		}
		timer.Stop()
	}
}

// enqueue appends a caller to the queue. It returns nil, and how long it would
// take, if no turn can come within most.
func (l *limiter) enqueue(now, most time.Duration) (wake chan struct{}, after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rate := l.rate
	if l.eager {
		rate = l.max // it may grow to that
	}
	if l.turn(now)+time.Duration(float64(len(l.queue))/rate*float64(time.Second)) > now+most {
		return nil, l.estimate(now, len(l.queue))
	}
	wake = make(chan struct{}, 1)
	l.queue = append(l.queue, wake)
	return wake, 0
}

// estimate returns how long the caller behind n others waits at the rate that
// holds now.
func (l *limiter) estimate(now time.Duration, n int) time.Duration {
	return max(l.turn(now)-now, 0) + time.Duration(n)*l.interval()
}

// serve takes the turn of a caller if it is the first and one is free. If not,
// it returns about how long to wait.
func (l *limiter) serve(wake chan struct{}, now time.Duration) (after time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := slices.Index(l.queue, wake)
	if at := l.turn(now); n == 0 && at <= now {
		l.last = at
		return 0, true
	}
	return l.estimate(now, n), false
}

// leave takes a caller out of the queue.
func (l *limiter) leave(wake chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := slices.Index(l.queue, wake)
	l.queue = slices.Delete(l.queue, n, n+1)
	if n == 0 {
		l.wakeFirst()
	}
}

// wakeFirst makes the first caller look again.
func (l *limiter) wakeFirst() {
	if len(l.queue) > 0 {
		select {
		case l.queue[0] <- struct{}{}:
		default: // it is about to
		}
	}
}

// take takes a turn if one is free now and no caller waits for it.
func (l *limiter) take(now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.turn(now)
	if len(l.queue) > 0 || at > now {
		return false
	}
	l.last = at
	return true
}

// putBack returns a turn that was not used.
func (l *limiter) putBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last -= l.interval()
	l.wakeFirst()
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
	defer l.wakeFirst()
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
