package closekit

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// retryAfter reads how long an answer asks to wait, from all the headers that
// Close has used over the years, in the order in which they can be trusted. The
// rate limit's own headers come with most answers and ask for nothing unless it
// is used up.
func retryAfter(status int, h http.Header) time.Duration {
	limited := status == http.StatusTooManyRequests
	if v := h.Get("RateLimit"); limited && v != "" {
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
			name, val, ok := strings.Cut(part, "=")
			if ok && strings.EqualFold(strings.TrimSpace(name), "reset") {
				if d, ok := seconds(val); ok {
					return d
				}
			}
		}
	}
	if v := h.Get("Retry-After"); v != "" {
		if d, ok := seconds(v); ok {
			return d
		}
		if at, err := http.ParseTime(v); err == nil {
			if now, err := http.ParseTime(h.Get("Date")); err == nil {
				return max(0, at.Sub(now))
			}
		}
	}
	if !limited {
		return 0
	}
	for _, name := range []string{"RateLimit-Reset", "X-Rate-Limit-Reset"} {
		if d, ok := seconds(h.Get(name)); ok {
			return d
		}
	}
	return 0
}

// seconds reads a number of seconds, with or without a fraction. Numbers that
// can only be clock times, or nothing sensible, are refused.
func seconds(s string) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 86400 {
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// gate holds back all calls of one credential after a 429.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

// wait returns how long to wait.
func (g *gate) wait(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until.IsZero() {
		return 0
	}
	return max(0, g.until.Sub(now))
}

func (g *gate) close(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}
