package accounts

import (
	"testing"
	"time"
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
	if wait, ok := l.reserve(now, 30*time.Second); ok || wait != time.Minute {
		t.Errorf("a caller is told to wait %v, %v", wait, ok)
	}
	if wait, ok := l.reserve(now+time.Minute, 0); !ok || wait != 0 {
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

// A caller's slot is taken before the scheduler sees it.
func TestLimiterCallersFirst(t *testing.T) {
	t.Parallel()
	l := newLimiter(20)
	for range 30 {
		l.reserve(time.Hour, time.Minute)
	}
	if l.take(time.Hour + time.Second) {
		t.Error("the scheduler got a turn while callers wait")
	}
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
