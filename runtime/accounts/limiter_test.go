package accounts

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	l := newLimiter(200)
	now := time.Duration(0)
	second := func() (sent int) {
		for end := now + time.Second; now < end; now += 10 * time.Millisecond {
			for l.take(now) {
				sent++
			}
			l.good(now)
		}
		return sent
	}
	for range 6 {
		second()
	}
	if rate, _ := l.state(now); rate != 200 {
		t.Errorf("after six seconds without a complaint the rate is %v, want 200", rate)
	}
	most := 0
	for range 300 {
		most = max(most, second())
	}
	if most > 220 {
		t.Errorf("%d in one second, at most 200 and a tenth are allowed", most)
	}
	if got := second(); got < 180 {
		t.Errorf("in the long run only %d a second", got)
	}
	for range 20 {
		l.bad(now, 0)
		now += 2 * time.Second
	}
	if rate, _ := l.state(now); rate > 1 {
		t.Errorf("after a storm the rate is %v", rate)
	}
	for range 300 {
		second()
	}
	if rate, _ := l.state(now); rate < 160 {
		t.Errorf("five minutes after the storm the rate is %v, want 80 %% of 200", rate)
	}
	l.bad(now, time.Minute)
	if l.take(now + 59*time.Second) {
		t.Error("a turn while the provider asked to wait")
	}
	if wait, ok := l.wait(t.Context(), clockAt(now), 30*time.Second, nil); ok || wait != time.Minute {
		t.Errorf("a caller is told to wait %v, %v", wait, ok)
	}
	if wait, ok := l.wait(t.Context(), clockAt(now+time.Minute), 0, nil); !ok || wait != 0 {
		t.Errorf("afterwards a caller waits %v, %v", wait, ok)
	}
}

// Requests that were held up after they had their slots are not sent at once.
func TestLimiterSpreads(t *testing.T) {
	t.Parallel()
	l := newLimiter(400)
	now := time.Hour
	var sent []time.Duration
	for range 100 {
		for range 40 { // every 100 ms, in one lump
			sent = append(sent, now+l.spread(now))
		}
		now += 100 * time.Millisecond
	}
	for i, at := range sent {
		n := 0
		for _, other := range sent[i:] {
			if other < at+time.Second {
				n++
			}
		}
		if n > 420 {
			t.Fatalf("%d requests in the second from %v on", n, at)
		}
	}
	if last := sent[len(sent)-1]; last > now {
		t.Errorf("the last one is held up until %v, at %v", last, now)
	}
}

// clockAt is a clock that stands.
func clockAt(at time.Duration) clock {
	return func() instant { return instant{int64(at), int64(at)} }
}

// The scheduler gets no turn that a caller waits for.
func TestLimiterCallersFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, now := newLimiter(20), newClock()
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if _, ok := l.wait(t.Context(), now, time.Minute, nil); !ok {
					t.Error("a caller got no turn")
				}
			})
		}
		synctest.Wait()
		time.Sleep(time.Second + time.Millisecond)
		if l.take(now().elapsed()) {
			t.Error("the scheduler got a turn while callers wait")
		}
		wg.Wait()
		time.Sleep(time.Second)
		if !l.take(now().elapsed()) {
			t.Error("the scheduler got no turn although no caller waits")
		}
	})
}

// Callers are served in the order in which they came, and those that give up
// hold no other up.
func TestLimiterQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, now := newLimiter(20), newClock()
		var mu sync.Mutex
		var served []int
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%3 == 1 {
					time.AfterFunc(50*time.Millisecond, cancel)
				}
				if _, ok := l.wait(ctx, now, time.Minute, nil); ok {
					mu.Lock()
					defer mu.Unlock()
					served = append(served, i)
				}
			})
			synctest.Wait()
		}
		start := time.Now()
		wg.Wait()
		if took := time.Since(start); took > 2200*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if !slices.IsSorted(served) || len(served) < 40 || len(l.queue) != 0 {
			t.Errorf("served are %v, %d are left", served, len(l.queue))
		}
	})
}

// TestColdProcess has five hundred users in the first second of a process whose
// tokens have all ended.
func TestColdProcess(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const users = 500
		list := make([]*Account, users)
		for i := range list {
			list[i] = w.connect(fmt.Sprintf("user%03d", i))
		}
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 100 * time.Millisecond })
		w.m = w.manager()
		for i := range list {
			list[i] = w.account(fmt.Sprintf("user%03d", i))
		}
		waits := make([]time.Duration, users)
		var wg sync.WaitGroup
		for i, a := range list {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second / users)
				start := time.Now()
				w.ok(a)
				waits[i] = time.Since(start)
			})
		}
		wg.Wait()
		slices.Sort(waits)
		if p50, worst := waits[users/2], waits[users-1]; worst > 6*time.Second {
			t.Errorf("callers wait %v, half of them %v", worst, p50)
		}
		most := 0
		var sent []time.Time
		for _, uses := range w.p.Redemptions() {
			for _, r := range uses {
				sent = append(sent, r.Start)
			}
		}
		slices.SortFunc(sent, time.Time.Compare)
		for i, at := range sent {
			n := 0
			for _, other := range sent[i:] {
				if other.Before(at.Add(time.Second)) {
					n++
				}
			}
			most = max(most, n)
		}
		if most > 210 {
			t.Errorf("%d requests in one second", most)
		}
		t.Logf("half of them wait %v, the last %v; %d requests in the busiest second", waits[users/2], waits[users-1], most)
	})
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	b := &breaker{}
	for range tripAfter {
		if ok, _, _ := b.allow(0); !ok {
			t.Fatal("closed too early")
		}
		b.failed(0)
	}
	if ok, _, wait := b.allow(0); ok || wait <= 0 {
		t.Errorf("open after %d failures: %v, %v", tripAfter, ok, wait)
	}
	if ok, _, _ := b.allow(2 * time.Second); !ok {
		t.Error("no probe after the wait")
	}
	if ok, _, _ := b.allow(2 * time.Second); ok {
		t.Error("two probes at once")
	}
	b.answered()
	if ok, _, _ := b.allow(2 * time.Second); !ok || b.tripped() {
		t.Error("not closed after an answer")
	}

	at := time.Hour
	for range 1000 {
		b.granted(at)
	}
	for i := range 51 {
		if suspicious := b.refused(at); suspicious && i < 50 {
			t.Fatalf("suspicious after %d of 1000", i+1)
		}
	}
	for range 30 {
		b.refused(at)
	}
	if !b.refused(at) {
		t.Error("not suspicious after 8 % refusals")
	}
	if b.refused(at + 11*time.Minute) {
		t.Error("the window does not move on")
	}
	for range refusalsToTrip - 1 {
		b.refused(2 * time.Hour)
	}
	b.forget()
	if b.refused(2 * time.Hour) {
		t.Error("suspicious although all was forgotten")
	}
}
