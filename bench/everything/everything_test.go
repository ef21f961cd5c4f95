// Package everything measures reading all leads of an organization past the ceiling of
// offsets, while leads are created and deleted.
package everything

import (
	"flag"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/everything"
)

var leads = flag.Int("leads", 12_000, "how many leads there are")

const (
	ceiling = 2000
	size    = 100
)

// TestEverything reads all leads, stops twice and goes on. What exists throughout must
// come once, everything else at most once, with at most 1.05 times the requests of a
// reader that reads full pages and none twice.
func TestEverything(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	srv := emulator.New(emulator.Options{MaxSkip: ceiling})
	defer srv.Close()
	before := heap()
	for at := 0; at < *leads; at += 1000 {
		var b strings.Builder
		for i := at; i < min(*leads, at+1000); i++ {
			fmt.Fprintf(&b, `,{"name": "Company %d", "date_created": "%s"}`, i, start.Add(time.Duration(i)*time.Second).Format(time.RFC3339))
		}
		if err := srv.Seed(strings.NewReader(`{"leads": [` + b.String()[1:] + "]}")); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("a lead costs the emulator %d bytes", (heap()-before)/uint64(*leads))
	requests := 0
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL("http://127.0.0.1"), closekit.HTTPClient(&http.Client{Transport: srv.Transport()}),
		closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
			return func(a *closekit.Attempt) (*http.Response, error) {
				if a.Operation.Tool == "close_leads_list" {
					requests++
				}
				return next(a)
			}
		}))
	seen := make(map[closeapi.LeadID]bool, *leads)
	deleted := map[closeapi.LeadID]bool{}
	var stored everything.Position
	began := time.Now()
	var pages []time.Duration
	for _, stop := range []int{*leads / 3, *leads * 2 / 3, 1 << 30} {
		last := time.Now()
		for page, err := range everything.Pages(t.Context(), c, closeapi.LeadsList, closeapi.LeadsListParams{Fields: []string{"id"}}, everything.From(stored), everything.PageSize(size)) {
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, time.Since(last))
			for _, lead := range page.Items {
				if seen[lead.ID] {
					t.Fatalf("%s came twice", lead.ID)
				}
				seen[lead.ID] = true
			}
			// A lead that was read is deleted, one is created in the past, and one now.
			id := page.Items[len(page.Items)/2].ID
			if err := closeapi.LeadDelete(t.Context(), c, closeapi.LeadDeleteParams{LeadID: id}); err != nil {
				t.Fatal(err)
			}
			deleted[id] = true
			if _, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{Name: "new"}); err != nil {
				t.Fatal(err)
			}
			if err := srv.Seed(strings.NewReader(fmt.Sprintf(`{"leads": [{"name": "old", "date_created": "%s"}]}`, start.Add(time.Duration(len(seen)/2)*time.Second).Format(time.RFC3339)))); err != nil {
				t.Fatal(err)
			}
			stored = page.Next
			if len(seen) >= stop {
				break
			}
			last = time.Now()
		}
	}
	missing := 0
	for _, o := range srv.Objects("leads") {
		if name := o["name"].(string); strings.HasPrefix(name, "Company") && !seen[closeapi.LeadID(o["id"].(string))] {
			missing++
		}
	}
	ideal := (len(seen) + size - 1) / size
	t.Logf("%d leads, %d deleted meanwhile, %d requests, %.3f times those of an ideal reader, in %s", len(seen), len(deleted), requests, float64(requests)/float64(ideal), time.Since(began).Round(time.Second))
	third := len(pages) / 3
	t.Logf("a page takes %s in the first third and %s in the last, by the median", median(pages[:third]), median(pages[2*third:]))
	if missing > 0 || len(seen) < *leads*99/100 {
		t.Errorf("%d of %d leads are missing", missing, *leads)
	}
	if requests > ideal*105/100 {
		t.Errorf("%d requests, want at most 1.05 times %d", requests, ideal)
	}
}

func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(list))[len(list)/2].Round(time.Microsecond)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
