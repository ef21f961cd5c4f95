package closekit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
)

// TestFarRetryAfter asks to wait for a day or longer, once. No call waits for more
// than a minute, and nothing more than one call goes first.
func TestFarRetryAfter(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{
		"a date next year":     {"Retry-After", "Fri, 01 Jan 2027 00:00:00 GMT", "Date", "Thu, 01 Jan 2026 00:00:00 GMT"},
		"a date, no Date":      {"Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT"},
		"a day":                {"Retry-After", "86400"},
		"25 hours":             {"Retry-After", "90000"},
		"a reset":              {"RateLimit", "limit=100, remaining=0, reset=86400"},
		"a reset, old headers": {"X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", "3600"},
	} {
		bubble(t, name, func(t *testing.T) {
			c, s := client(respond(429, "", headers...), ok)
			start := time.Now()
			if err := calls["POST"](t.Context(), c); err != nil || s.count() != 2 || time.Since(start) != time.Minute {
				t.Errorf("%v after %v, %d requests", err, time.Since(start), s.count())
			}
			// A call that may not wait fails, and so do derived clients, but not for longer
			// than a minute.
			c, s = client(respond(429, "", headers...), ok)
			c = c.With(nil, closekit.MaxWait(10*time.Second))
			for range 2 {
				if err := calls["POST"](t.Context(), c); !closekit.IsRateLimited(err) || s.count() != 1 {
					t.Errorf("%v, %d requests", err, s.count())
				}
			}
			<-time.After(time.Minute)
			if err := calls["POST"](t.Context(), c.With(nil, closekit.UserAgent("x"))); err != nil || s.count() != 2 {
				t.Errorf("%v, %d requests", err, s.count())
			}
		})
	}
}

// TestOneProbe lets one call go after the pause, while the others wait for its
// outcome.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]step{"success": ok, "not found": notFound, "no connection": reset, "another 429": respond(429, "", "Retry-After", "10")} {
		bubble(t, name, func(t *testing.T) {
			var n, early atomic.Int32
			start := time.Now()
			c := closekit.NewClient(closekit.APIKey(testKey), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				switch n.Add(1) {
				case 1:
					return respond(429, "", "Retry-After", "10")(r)
				case 2:
					if d := time.Since(start); d != 10*time.Second {
						t.Errorf("the first call goes after %v", d)
					}
					<-time.After(2 * time.Second)
					early.Store(n.Load() - 2)
					return outcome(r)
				}
				return ok(r)
			})}))
			_ = calls["GET"](t.Context(), c, closekit.NoRetry())
			var wg sync.WaitGroup
			var failed atomic.Int32
			for range 10 {
				wg.Go(func() {
					if calls["POST"](t.Context(), c) != nil {
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			want, after := int32(0), 13*time.Second
			switch name {
			case "not found", "no connection":
				want = 1
			case "another 429":
				after += 10 * time.Second
			}
			if early.Load() != 0 || failed.Load() != want || time.Since(start) > after {
				t.Errorf("%d early, %d failed, after %v", early.Load(), failed.Load(), time.Since(start))
			}
		})
	}
	// A first call that hangs does not hold the others forever.
	bubble(t, "a hanging one", func(t *testing.T) {
		hang := func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		var n atomic.Int32
		c := closekit.NewClient(closekit.APIKey(testKey), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch n.Add(1) {
			case 1:
				return respond(429, "", "Retry-After", "10")(r)
			case 2:
				return hang(r)
			}
			return ok(r)
		})}))
		_ = calls["GET"](t.Context(), c, closekit.NoRetry())
		start := time.Now()
		var wg sync.WaitGroup
		var succeeded atomic.Int32
		for range 5 {
			wg.Go(func() {
				if calls["POST"](t.Context(), c) == nil {
					succeeded.Add(1)
					if d := time.Since(start); d > 17*time.Second {
						t.Errorf("after %v", d)
					}
				}
			})
		}
		wg.Wait()
		if succeeded.Load() != 4 {
			t.Errorf("%d succeeded", succeeded.Load())
		}
	})
}

// TestPace makes at once the calls of 7.5 seconds, such as 150 against 20 per second, in every
// form of headers:
// all succeed, and it takes little longer than the limit requires, even if nothing says
// how long to wait and how much is allowed.
func TestPace(t *testing.T) {
	t.Parallel()
	type limit struct {
		style    emulator.RateLimitStyle
		requests int
	}
	limits := []limit{{emulator.RateLimitNone, 5}, {emulator.RateLimitNone, 10}, {emulator.RateLimitNone, 100}, {emulator.RateLimitRetryAfter, 5}}
	for style := emulator.RateLimitNone; style <= emulator.RateLimitRetryAfter; style++ {
		limits = append(limits, limit{style, 20})
	}
	for _, l := range limits {
		for _, latency := range []time.Duration{0, 80 * time.Millisecond} {
			bubble(t, fmt.Sprintf("style %d, limit %d, latency %v", l.style, l.requests, latency), func(t *testing.T) {
				srv := emulator.New(emulator.Options{RateLimit: emulator.RateLimit{Style: l.style, Requests: l.requests}})
				var refused atomic.Int32
				c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					<-time.After(latency)
					resp, err := srv.Transport().RoundTrip(r)
					if err == nil && resp.StatusCode == http.StatusTooManyRequests {
						refused.Add(1)
					}
					return resp, err
				})}))
				start := time.Now()
				var wg sync.WaitGroup
				for range l.requests * 15 / 2 {
					wg.Go(func() {
						if err := c.Do(t.Context(), closekit.Request{Method: "GET", Path: "/me/"}, nil); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				d := time.Since(start)
				most := 10 * time.Second
				if l.requests == 100 {
					most = 11 * time.Second // it takes longer to find out
				}
				if d > most {
					t.Errorf("took %v, %d refused", d, refused.Load())
				}
			})
		}
	}
}

// TestPaceIsForgotten sends calls at once again after some seconds without a 429.
func TestPaceIsForgotten(t *testing.T) {
	t.Parallel()
	bubble(t, "calm", func(t *testing.T) {
		c, _ := client(respond(429, "", "Retry-After", "1"), ok)
		if err := calls["GET"](t.Context(), c); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		start := time.Now()
		for range 100 {
			if err := calls["GET"](t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("took %v", d)
		}
	})
}

// TestSharedBudget holds back a client after a 429 of another one.
func TestSharedBudget(t *testing.T) {
	t.Parallel()
	bubble(t, "two clients", func(t *testing.T) {
		var b closekit.Budget
		one, _ := client(respond(429, "", "Retry-After", "20"))
		two, s := client(ok)
		one, two = one.With(nil, closekit.WithBudget(&b)), two.With(closekit.APIKey("other"), closekit.WithBudget(&b))
		start := time.Now()
		_ = calls["GET"](t.Context(), one, closekit.NoRetry())
		if err := calls["GET"](t.Context(), two.With(nil)); err != nil || time.Since(start) != 20*time.Second || s.count() != 1 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// Another source has another budget, unless it is given.
		_ = calls["GET"](t.Context(), one, closekit.NoRetry())
		start = time.Now()
		for _, c := range []*closekit.Client{two.With(closekit.APIKey("third")), two.With(nil, closekit.WithBudget(nil))} {
			if err := calls["GET"](t.Context(), c); err != nil || time.Since(start) != 0 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		}
	})
}

// TestWaitingEnds ends the wait of a paced call with its context.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	bubble(t, "canceled in the queue", func(t *testing.T) {
		c, s := client(respond(429, "", "Retry-After", "30"), ok)
		_ = calls["GET"](t.Context(), c, closekit.NoRetry())
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				err := calls["POST"](ctx, c)
				if e := as[*closekit.TransportError](t, err); !errors.Is(err, context.Canceled) || e.MaybeDone {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := calls["GET"](t.Context(), c); err != nil || s.count() != 2 {
			t.Errorf("%v, %d requests", err, s.count())
		}
	})
	bubble(t, "the limit never ends", func(t *testing.T) {
		c, s := client(respond(429, `{"error":"slow down"}`, "RateLimit", "limit=1, remaining=0, reset=0"))
		start := time.Now()
		err := calls["POST"](t.Context(), c)
		if e := as[*closekit.Error](t, err); e.Message != "slow down" || e.MaybeDone || time.Since(start) > time.Minute || s.count() > 50 {
			t.Errorf("%v after %v, %d requests", err, time.Since(start), s.count())
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
