package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

// many returns a server with n leads, a second apart, and how many bytes of memory a
// lead costs.
func many(tb testing.TB, n int) (*emulator.Server, int) {
	tb.Helper()
	srv := emulator.New(emulator.Options{Seed: 1, MaxSkip: 1 << 30, Clock: func() time.Time { return noon.AddDate(1, 0, 0) }})
	before := heap()
	const part = 1000
	for at := 0; at < n; at += part {
		var b strings.Builder
		b.WriteString(`{"leads": [`)
		for i := at; i < min(n, at+part); i++ {
			if i > at {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"name": "Company %d", "date_created": "%s"}`, i, noon.Add(time.Duration(i)*time.Second).Format(time.RFC3339))
		}
		b.WriteString("]}")
		if err := srv.Seed(strings.NewReader(b.String())); err != nil {
			tb.Fatal(err)
		}
	}
	return srv, int(heap()-before) / n
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// direct sends a request without a network.
func direct(tb testing.TB, srv *emulator.Server, method, target, body string) (int, []byte) {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, "http://127.0.0.1"+target, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(srv.APIKey(), "")
	resp, err := srv.Transport().RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, out
}

// deepPages are pages in the middle of n leads.
func deepPages(n int) map[string]string {
	middle := noon.Add(time.Duration(n/2) * time.Second).UTC().Format(time.RFC3339)
	query := url.QueryEscape(fmt.Sprintf(`date_created>="%s" sort:date_created`, middle))
	return map[string]string{
		"first":  "/api/v1/lead/?_limit=100",
		"offset": fmt.Sprintf("/api/v1/lead/?_limit=100&_skip=%d", n/2),
		"window": "/api/v1/lead/?_limit=100&query=" + query,
	}
}

// BenchmarkPage is the time of a page of 100 leads, which must not grow with the table.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1000, 10_000, 120_000} {
		srv, each := many(b, n)
		for name, path := range deepPages(n) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if status, out := direct(b, srv, http.MethodGet, path, ""); status != http.StatusOK {
						b.Fatalf("%d %s", status, out)
					}
				}
				b.ReportMetric(float64(each), "B/lead")
			})
		}
		runtime.KeepAlive(srv)
	}
}

// TestScale checks what a lead costs, and that a page costs no more with more leads.
func TestScale(t *testing.T) {
	const most = 4 << 10
	small, _ := many(t, 1000)
	large, each := many(t, 12_000)
	if each > most {
		t.Errorf("a lead costs %d bytes, want at most %d", each, most)
	}
	for name, path := range deepPages(1000) {
		few, many := pageCost(t, small, path), pageCost(t, large, deepPages(12_000)[name])
		if many > few*3/2 {
			t.Errorf("%s: a page costs %d bytes of 1,000 leads and %d of 12,000", name, few, many)
		}
	}
	runtime.KeepAlive(large)
}

// pageCost returns the bytes that a page allocates; a copy of the table would show.
func pageCost(t *testing.T, srv *emulator.Server, path string) int {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const pages = 20
	for range pages {
		status, out := direct(t, srv, http.MethodGet, path, "")
		var page struct {
			Data  []object
			More  bool `json:"has_more"`
			Total int  `json:"total_results"`
		}
		if err := json.Unmarshal(out, &page); err != nil || status != http.StatusOK || len(page.Data) != 100 || !page.More || page.Total < 500 {
			t.Fatalf("%s: %d, %d leads of %d, more %v: %v", path, status, len(page.Data), page.Total, page.More, err)
		}
	}
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc-before.TotalAlloc) / pages
}

// TestMaxSkip refuses an offset above the option.
func TestMaxSkip(t *testing.T) {
	t.Parallel()
	a := start(t, func(o *emulator.Options) { o.MaxSkip = 50 })
	for skip, want := range map[int]int{50: 200, 51: 400} {
		if resp, out := a.send("GET", fmt.Sprintf("/lead/?_skip=%d", skip), nil); resp.StatusCode != want {
			t.Errorf("%d: got %d %s", skip, resp.StatusCode, out)
		}
	}
}
