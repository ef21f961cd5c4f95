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

// members is what processes know of each other: until when each paces calls.
type members struct {
	mu    sync.Mutex
	until map[string]time.Time
	fails bool
}

// join is the function share of a process.
func (m *members) join(process string) func(context.Context) (int, error) {
	return func(context.Context) (n int, err error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.fails {
			return 0, errors.New("the store is away")
		}
		m.until[process] = time.Now().Add(closekit.SharedFor)
		for _, at := range m.until {
			if at.After(time.Now()) {
				n++
			}
		}
		return n, nil
	}
}

// TestBudgetOfProcesses has four processes call for 20 seconds, at 20 requests per
// second for all of them. Every process learns of the limit by the refusal of what it
// had under way; after that, there are hardly any.
func TestBudgetOfProcesses(t *testing.T) {
	t.Parallel()
	const processes, workers, limit = 4, 10, 20
	for style := emulator.RateLimitNone; style <= emulator.RateLimitRetryAfter; style++ {
		bubble(t, fmt.Sprintf("style %d", style), func(t *testing.T) {
			srv := emulator.New(emulator.Options{RateLimit: emulator.RateLimit{Style: style, Requests: limit}})
			var done, refused atomic.Int32
			transport := roundTrip(func(r *http.Request) (*http.Response, error) {
				<-time.After(30 * time.Millisecond)
				resp, err := srv.Transport().RoundTrip(r)
				if err == nil && resp.StatusCode == http.StatusTooManyRequests {
					refused.Add(1)
				}
				return resp, err
			})
			m := &members{until: map[string]time.Time{}}
			var wg sync.WaitGroup
			start := time.Now()
			for i := range processes {
				b := closekit.NewSharedBudget(m.join(fmt.Sprint(i)))
				c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.WithBudget(b), closekit.HTTPClient(&http.Client{Transport: transport}))
				for range workers {
					wg.Go(func() {
						for time.Since(start) < 20*time.Second {
							if err := c.Do(t.Context(), closekit.Request{Method: "GET", Path: "/me/"}, nil); err != nil {
								t.Error(err)
							}
							done.Add(1)
						}
					})
				}
			}
			wg.Wait()
			if n := refused.Load(); n > processes*workers*3/2 {
				t.Errorf("%d requests were refused", n)
			}
			if n := done.Load(); n < 20*limit*9/10 {
				t.Errorf("%d calls in 20 seconds", n)
			}
		})
	}
}

// TestIdleProcess lets a process have what the others leave, also while it is unknown
// how many there are.
func TestIdleProcess(t *testing.T) {
	t.Parallel()
	const limit = 20
	bubble(t, "rate", func(t *testing.T) {
		srv := emulator.New(emulator.Options{RateLimit: emulator.RateLimit{Style: emulator.RateLimitComma, Requests: limit}})
		m := &members{until: map[string]time.Time{"other": time.Now().Add(time.Hour)}}
		c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.HTTPClient(&http.Client{Transport: srv.Transport()}),
			closekit.WithBudget(closekit.NewSharedBudget(m.join("this"))))
		var done atomic.Int32
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range limit + 1 {
			wg.Go(func() {
				for ctx.Err() == nil {
					if c.Do(ctx, closekit.Request{Method: "GET", Path: "/me/"}, nil) == nil {
						done.Add(1)
					}
				}
			})
		}
		<-time.After(5 * time.Second) // it has been refused, and knows of the other
		for _, fails := range []bool{false, true} {
			m.mu.Lock()
			m.fails = fails
			m.mu.Unlock()
			done.Store(0)
			<-time.After(10 * time.Second)
			if n := done.Load() / 10; n < limit*4/5 {
				t.Errorf("%d per second, want %d; the store is away: %t", n, limit, fails)
			}
		}
		stop()
		wg.Wait()
	})
}
