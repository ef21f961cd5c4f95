package closemcp_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
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

// TestLoad has 200 sessions of 50 users at 100 calls a second.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	const users, sessions, rate = 50, 200, 100
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
	url := o.house(m, closemcp.Config{}, closemcp.HTTP{})
	var open []*mcp.ClientSession
	for i := range sessions {
		open = append(open, o.dial(client(nil), url, fmt.Sprintf("token-key%02d", i%users), []string{oldest, newest}[i/users%2]))
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	mixed, failed := 0, 0
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for n := range int(loadTime.Seconds() * rate) {
		<-tick.C
		group.Go(func() {
			i := n % sessions
			began := time.Now()
			r, err := open[i].CallTool(context.Background(), &mcp.CallToolParams{Name: "close_me_get"})
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, took)
			switch {
			case err != nil || r.IsError:
				failed++
			case !strings.Contains(textOf(r), fmt.Sprintf("user_key%02d", i%users)):
				mixed++
			}
		})
	}
	group.Wait()
	slices.Sort(times)
	p99 := times[len(times)*99/100]
	after := heap()
	t.Logf("%d calls in %d sessions of %d users: p50 %s, p99 %s, slowest %s; heap %.1f MB before, %.1f MB after, clients included",
		len(times), sessions, users, times[len(times)/2], p99, times[len(times)-1], before, after)
	if mixed > 0 || failed > 0 {
		t.Errorf("%d answers were of another user, %d calls failed", mixed, failed)
	}
	if p99 > time.Second {
		t.Errorf("p99 is %s", p99)
	}
	if after > before+200 {
		t.Errorf("the heap grew by %.0f MB", after-before)
	}
}

func heap() float64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc) / 1e6
}
