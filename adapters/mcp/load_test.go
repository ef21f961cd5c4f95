package closemcp_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

var loadTime = flag.Duration("load", 10*time.Second, "how long the load test sends")

// mirror is a Close that answers at once with the user of the credential, so that the
// time of a call is that of our part and of the network on this machine.
type mirror struct{}

func (mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	key, _, _ := r.BasicAuth()
	body := fmt.Sprintf(`{"id":"user_%s","email":"%s@example.com","organizations":[{"id":"orga_1","currency":"USD"}]}`, key, key)
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// stopwatch keeps how long things took that began after it was started.
type stopwatch struct {
	running sync.WaitGroup // requests; a client has its response before the handler returns

	mu    sync.Mutex
	start time.Time
	times []time.Duration
}

func (w *stopwatch) front(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // others are streams, open until the session ends
			w.running.Add(1)
			defer w.running.Done()
		}
		began := time.Now()
		h.ServeHTTP(rw, r)
		w.took(began)
	})
}

func (w *stopwatch) took(began time.Time) {
	took := time.Since(began)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.start.IsZero() && began.After(w.start) {
		w.times = append(w.times, took)
	}
}

func (w *stopwatch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start = time.Now()
}

func (w *stopwatch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.times)
}

// String returns the median, the 99th percentile and the longest time.
func (w *stopwatch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.times)
	if len(w.times) == 0 {
		return "nothing"
	}
	at := func(percent int) time.Duration {
		return w.times[(len(w.times)-1)*percent/100].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s, p99 %s, slowest %s", at(50), at(99), at(100))
}

// TestLoad has 200 sessions of 50 users at 100 calls a second. It reports the times and
// fails on none of them, because they are those of the machine and of what else it does.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	const users, sessions, rate = 50, 200, 100
	calls := int(loadTime.Seconds() * rate)
	if calls < rate {
		t.Fatalf("-load %s is less than a second", loadTime)
	}
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.HTTPClient(&http.Client{Transport: mirror{}}))))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, agent: a}
	m := tokens{}
	for i := range users {
		key := fmt.Sprintf("key%02d", i)
		m["token-"+key] = closemcp.User{ID: key, Account: closekit.APIKey(key)}
	}
	before := heap()
	var ours, whole stopwatch
	url := o.houseBehind(m, closemcp.Config{}, closemcp.HTTP{}, ours.front)
	var open []*mcp.ClientSession
	for i := range sessions {
		open = append(open, o.dial(client(nil), url, fmt.Sprintf("token-key%02d", i%users), []string{oldest, newest}[i/users%2]))
	}
	ours.begin() // from now on requests are calls
	whole.begin()
	var group sync.WaitGroup
	var mixed, failed atomic.Int32
	var halfway float64
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	began := time.Now()
	for n := range calls {
		<-tick.C
		group.Go(func() {
			i := n % sessions
			began := time.Now()
			r, err := open[i].CallTool(context.Background(), &mcp.CallToolParams{Name: "close_me_get"})
			whole.took(began)
			switch {
			case err != nil || r.IsError:
				failed.Add(1)
			case !strings.Contains(textOf(r), fmt.Sprintf("user_key%02d", i%users)):
				mixed.Add(1)
			}
		})
		if n == calls/2 {
			halfway = heap()
		}
	}
	group.Wait()
	took := time.Since(began)
	ours.running.Wait()
	after := heap()
	t.Logf("%d calls in %d sessions of %d users, %.0f/s: %d mixed up, %d failed; our part %s; with the client %s; heap %.0f MB before, %.0f halfway, %.0f after, with the clients",
		calls, sessions, users, float64(calls)/took.Seconds(), mixed.Load(), failed.Load(), &ours, &whole, before, halfway, after)
	if short := missed(float64(calls)/took.Seconds(), rate); short != "" {
		t.Log(short)
	}
	if mixed.Load() > 0 || failed.Load() > 0 {
		t.Errorf("%d answers were of another user, %d calls failed", mixed.Load(), failed.Load())
	}
	if n := ours.count(); n != calls {
		t.Errorf("the handler had %d requests, want %d calls", n, calls)
	}
	// A session is some 100 kB; the bounds leave room for what a slow machine has in flight.
	if after > before+200 || after > halfway+50 {
		t.Errorf("the heap grew from %.0f to %.0f MB, and to %.0f MB in the second half", before, halfway, after)
	}
}

// missed says that a load was slower than it should be, by more than a twentieth: then
// the times are those of less.
func missed(got, want float64) string {
	if got >= want*0.95 {
		return ""
	}
	return fmt.Sprintf("the rate was not reached: %.0f of %.0f per second; the numbers are of a slower load", math.Floor(got), want)
}

func TestMissed(t *testing.T) {
	t.Parallel()
	for got, want := range map[float64]string{
		77.9: "the rate was not reached: 77 of 100 per second; the numbers are of a slower load",
		94.9: "the rate was not reached: 94 of 100 per second; the numbers are of a slower load",
		95:   "",
		100:  "",
	} {
		if text := missed(got, 100); text != want {
			t.Errorf("%v: %q, want %q", got, text, want)
		}
	}
}

// heap returns the megabytes that are in use.
func heap() float64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc) / 1e6
}
