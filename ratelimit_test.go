package closekit

import (
	"net/http"
	"testing"
	"time"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const date = "Tue, 03 Mar 2026 10:00:00 GMT"
	for _, c := range []struct {
		about string
		h     http.Header
		want  time.Duration
	}{
		{"nothing", header(), 0},
		{"documented", header("RateLimit", "limit=100, remaining=50, reset=5"), 5 * time.Second},
		{"decimal", header("RateLimit", "limit=100, remaining=0, reset=2.75"), 2750 * time.Millisecond},
		{"semicolons", header("ratelimit", "limit=100; remaining=100; reset=1"), time.Second},
		{"spaces and letters", header("RateLimit", " Limit = 1 ;RESET = 3 "), 3 * time.Second},
		{"no spaces", header("RateLimit", "limit=100,remaining=50,reset=0.595956"), 595956 * time.Microsecond},
		{"only a reset", header("RateLimit", "reset=4"), 4 * time.Second},
		{"the header before Retry-After", header("RateLimit", "limit=1, remaining=0, reset=2.5", "Retry-After", "3"), 2500 * time.Millisecond},
		{"no reset in it", header("RateLimit", "limit=1, remaining=0", "Retry-After", "3"), 3 * time.Second},
		{"broken reset", header("RateLimit", "limit=1, remaining=0, reset=soon", "Retry-After", "3"), 3 * time.Second},
		{"empty reset", header("RateLimit", "reset=", "Retry-After", "3"), 3 * time.Second},
		{"negative reset", header("RateLimit", "reset=-5", "Retry-After", "3"), 3 * time.Second},
		{"a clock time", header("RateLimit", "reset=1772532000", "Retry-After", "3"), 3 * time.Second},
		{"not a number", header("RateLimit", "reset=NaN", "Retry-After", "3"), 3 * time.Second},
		{"infinite", header("RateLimit", "reset=Inf", "Retry-After", "3"), 3 * time.Second},
		{"broken header", header("RateLimit", "what, is; this", "Retry-After", "3"), 3 * time.Second},
		{"empty header", header("RateLimit", "", "Retry-After", "3"), 3 * time.Second},
		{"later reset", header("RateLimit", "reset=x, reset=6"), 6 * time.Second},
		{"Retry-After", header("Retry-After", "3"), 3 * time.Second},
		{"decimal Retry-After", header("Retry-After", " 1.5 "), 1500 * time.Millisecond},
		{"Retry-After as a date", header("Retry-After", "Tue, 03 Mar 2026 10:01:30 GMT", "Date", date), 90 * time.Second},
		{"Retry-After in the past", header("Retry-After", "Tue, 03 Mar 2026 09:00:00 GMT", "Date", date), 0},
		{"Retry-After as a date without Date", header("Retry-After", "Tue, 03 Mar 2026 10:01:30 GMT", "RateLimit-Reset", "4"), 4 * time.Second},
		{"Retry-After before RateLimit-Reset", header("Retry-After", "3", "RateLimit-Reset", "4"), 3 * time.Second},
		{"broken Retry-After", header("Retry-After", "soon", "RateLimit-Reset", "4"), 4 * time.Second},
		{"separate headers", header("RateLimit-Limit", "100", "RateLimit-Remaining", "0", "RateLimit-Reset", "1"), time.Second},
		{"separate before legacy", header("RateLimit-Reset", "1", "X-Rate-Limit-Reset", "9"), time.Second},
		{"legacy", header("X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", "0.595956"), 595956 * time.Microsecond},
		{"legacy after a broken one", header("RateLimit-Reset", "x", "X-Rate-Limit-Reset", "9"), 9 * time.Second},
		{"a legacy clock time", header("X-Rate-Limit-Reset", "1772532000"), 0},
		{"a day", header("Retry-After", "86400"), 24 * time.Hour},
		{"more than a day", header("Retry-After", "86401"), 0},
	} {
		if got := retryAfter(http.StatusTooManyRequests, c.h); got != c.want {
			t.Errorf("%s: %v, want %v", c.about, got, c.want)
		}
	}
	if got := retryAfter(503, header("RateLimit", "reset=5", "Retry-After", "3", "RateLimit-Reset", "7")); got != 3*time.Second {
		t.Errorf("503: %v", got)
	}
	if got := retryAfter(503, header("RateLimit", "reset=5", "RateLimit-Reset", "7", "X-Rate-Limit-Reset", "9")); got != 0 {
		t.Errorf("503: %v", got)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("limit=100, remaining=50, reset=5", "3", "1", "0.5", "Tue, 03 Mar 2026 10:00:00 GMT")
	f.Add("limit=100; reset=1e9", "Tue, 03 Mar 2026 10:01:30 GMT", "-1", "x", "Tue, 03 Mar 2026 10:00:00 GMT")
	f.Add("reset=0x1p4", "1_0", "inf", "nan", "")
	f.Fuzz(func(t *testing.T, rate, after, reset, legacy, date string) {
		h := header("RateLimit", rate, "Retry-After", after, "RateLimit-Reset", reset, "X-Rate-Limit-Reset", legacy, "Date", date)
		for _, status := range []int{429, 503} {
			d := retryAfter(status, h)
			if d < 0 {
				t.Fatalf("negative: %v", d)
			}
			// Only a date in Retry-After may be far away.
			if _, err := http.ParseTime(after); err != nil && d > 24*time.Hour {
				t.Fatalf("%v", d)
			}
		}
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	var g gate
	now := time.Now()
	if g.wait(now) != 0 {
		t.Error("a new gate is closed")
	}
	g.close(now.Add(5 * time.Second))
	g.close(now.Add(3 * time.Second)) // a shorter wait does not open the gate earlier
	if d := g.wait(now); d != 5*time.Second {
		t.Error(d)
	}
	if d := g.wait(now.Add(6 * time.Second)); d != 0 {
		t.Error(d)
	}
}
