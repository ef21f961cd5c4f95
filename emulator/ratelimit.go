package emulator

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
)

// RateLimitStyle selects the rate limit headers.
type RateLimitStyle int

// The styles that the service has used.
const (
	// RateLimitNone sends no rate headers.
	RateLimitNone RateLimitStyle = iota
	// RateLimitComma sends "RateLimit: limit=100, remaining=50, reset=5", and
	// Retry-After with a 429.
	RateLimitComma
	// RateLimitSemicolon sends "ratelimit: limit=100; remaining=50; reset=5" and
	// the three values in headers of their own.
	RateLimitSemicolon
	// RateLimitLegacy sends X-Rate-Limit-Limit, -Remaining and -Reset.
	RateLimitLegacy
	// RateLimitRetryAfter sends only Retry-After, and only with a 429.
	RateLimitRetryAfter
)

// RateLimit configures limits per credential and group of endpoints (the
// resource and the method). The limit of an organization is three times as high.
type RateLimit struct {
	// Style of the headers.
	Style RateLimitStyle
	// Requests per Window; 0 means no limit, with 100 in the headers.
	Requests int
	// Window is the time after which the count restarts; 0 means one second.
	Window time.Duration
}

// SetRateLimit changes the limits and the style of the headers, and restarts all
// counts.
func (s *Server) SetRateLimit(rl RateLimit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = rl
	clear(s.st.limits)
}

// bucket counts the requests of one window.
type bucket struct {
	start time.Time
	n     int
}

func (b *bucket) take(now time.Time, window time.Duration) {
	if now.Sub(b.start) >= window || now.Before(b.start) {
		b.start, b.n = now, 0
	}
	b.n++
}

func (rl RateLimit) window() time.Duration {
	if rl.Window <= 0 {
		return time.Second
	}
	return rl.Window
}

func (st *content) bucket(key string) *bucket {
	b := st.limits[key]
	if b == nil {
		b = &bucket{}
		st.limits[key] = b
	}
	return b
}

// limit counts the request and returns the headers, and an error if it exceeds
// the limit.
func (s *Server) limit(c *rest.Call, credential string, route route) (http.Header, error) {
	rl := s.rate
	if rl.Style == RateLimitNone && rl.Requests <= 0 {
		return nil, nil
	}
	limit := rl.Requests
	if limit <= 0 {
		limit = 100
	}
	group := c.Method + " " + route.resource
	key := s.st.bucket(credential + " " + group)
	org := s.st.bucket(c.Organization + " " + group)
	key.take(c.Now, rl.window())
	org.take(c.Now, rl.window())
	nearest, left := key, limit-key.n
	if orgLeft := 3*limit - org.n; orgLeft < left {
		nearest, left, limit = org, orgLeft, 3*limit
	}
	reset := nearest.start.Add(rl.window()).Sub(c.Now)
	over := left < 0 && rl.Requests > 0
	header := rl.header(limit, max(left, 0), reset, over)
	if over {
		return header, rest.Refuse(http.StatusTooManyRequests, "API call count exceeded for this time window.")
	}
	return header, nil
}

// header formats the state of a limit.
func (rl RateLimit) header(limit, remaining int, reset time.Duration, refused bool) http.Header {
	h := http.Header{}
	seconds := max(reset, 0).Seconds()
	decimal := strconv.FormatFloat(math.Round(seconds*1000)/1000, 'f', -1, 64)
	switch rl.Style {
	case RateLimitComma:
		h.Set("RateLimit", fmt.Sprintf("limit=%d, remaining=%d, reset=%s", limit, remaining, decimal))
	case RateLimitSemicolon:
		h.Set("RateLimit", fmt.Sprintf("limit=%d; remaining=%d; reset=%s", limit, remaining, decimal))
		h.Set("RateLimit-Limit", strconv.Itoa(limit))
		h.Set("RateLimit-Remaining", strconv.Itoa(remaining))
		h.Set("RateLimit-Reset", decimal)
	case RateLimitLegacy:
		h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
		h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
		h.Set("X-Rate-Limit-Reset", decimal)
	}
	if refused && (rl.Style == RateLimitComma || rl.Style == RateLimitSemicolon || rl.Style == RateLimitRetryAfter) {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(seconds))))
	}
	return h
}

// rateHeader returns the rate headers of a fault with status 429. They show some
// remaining quota, because the limit that it simulates is a hidden one.
func (s *Server) rateHeader(f *fault) http.Header {
	if f.Kind != FaultResponse || f.Status != http.StatusTooManyRequests {
		return nil
	}
	s.mu.Lock()
	rl := s.rate
	s.mu.Unlock()
	limit := rl.Requests
	if limit <= 0 {
		limit = 100
	}
	return rl.header(limit, limit/2, rl.window(), true)
}
