package everything_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/everything"
)

var start = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// world is an emulated Close with many records, some of which change while they are read.
type world struct {
	*testing.T
	srv      *emulator.Server
	c        *closekit.Client
	rng      *rand.Rand
	existing []string // ids of the records that stay
	mu       sync.Mutex
	pages    int
	churn    func() // runs before every page
}

func newWorld(t *testing.T, maxSkip int, seed string) *world {
	t.Helper()
	w := newWorldOf(t, emulator.Options{Seed: 1, MaxSkip: maxSkip, Clock: func() time.Time { return start.AddDate(1, 0, 0) }})
	if err := w.srv.Seed(strings.NewReader(seed)); err != nil {
		t.Fatal(err)
	}
	return w
}

func newWorldOf(t *testing.T, o emulator.Options) *world {
	t.Helper()
	w := &world{T: t, rng: rand.New(rand.NewPCG(3, 5)), srv: emulator.New(o)}
	t.Cleanup(func() { _ = w.srv.Close() })
	w.c = closekit.NewClient(closekit.APIKey(w.srv.APIKey()), closekit.BaseURL("http://127.0.0.1"), closekit.HTTPClient(&http.Client{Transport: w.srv.Transport()}),
		closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
			return func(a *closekit.Attempt) (*http.Response, error) {
				w.mu.Lock()
				w.pages++
				if w.churn != nil {
					w.churn()
				}
				w.mu.Unlock()
				return next(a)
			}
		}))
	return w
}

func (w *world) send(method, path, body string) map[string]any {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, "http://127.0.0.1/api/v1"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(w.srv.APIKey(), "")
	resp, err := w.srv.Transport().RoundTrip(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, out, err)
	}
	var o map[string]any
	if err := json.Unmarshal(out, &o); err != nil {
		w.Fatal(err)
	}
	return o
}

// leadsSeed is a seed with n leads, of which groups of size share a date, and one note,
// task and opportunity each.
func leadsSeed(n, size int, children string) string {
	var b strings.Builder
	b.WriteString(`{"leads": [`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		at := start.Add(time.Duration(i/size) * 1500 * time.Microsecond).Format("2006-01-02T15:04:05.999999Z07:00")
		fmt.Fprintf(&b, `{"name": "Company %d", "date_created": "%s"%s}`, i, at, strings.ReplaceAll(children, "AT", at))
	}
	return b.String() + "]}"
}

// change deletes some records of a resource and creates others before every page.
// Records whose number is a multiple of 7 are the ones that may be deleted.
func (w *world) change(resource, path string, create func() string) {
	var doomed []string
	for i, o := range w.srv.Objects(resource) {
		id := o["id"].(string)
		if i%7 == 0 {
			doomed = append(doomed, id)
		} else {
			w.existing = append(w.existing, id)
		}
	}
	w.churn = func() {
		for range 6 {
			if len(doomed) > 0 {
				at := w.rng.IntN(len(doomed))
				w.send("DELETE", path+doomed[at]+"/", "")
				doomed = slices.Delete(doomed, at, at+1)
			}
		}
		if create == nil {
			return
		}
		for range 3 {
			w.send("POST", path, create())
		}
	}
}

// check wants every record that exists throughout once, and no record twice.
func (w *world) check(ids []string) {
	w.Helper()
	count := map[string]int{}
	for _, id := range ids {
		if count[id]++; count[id] == 2 {
			w.Errorf("%s came twice", id)
		}
	}
	missing := 0
	for _, id := range w.existing {
		if count[id] == 0 {
			missing++
		}
	}
	if missing > 0 || len(w.existing) == 0 {
		w.Errorf("%d of %d records that existed throughout are missing", missing, len(w.existing))
	}
}

// TestLists reads lists of all kinds, with a ceiling far below their length, while records
// are deleted and created.
func TestLists(t *testing.T) {
	t.Parallel()
	const children = `, "notes": [{"note": "n", "date_created": "AT"}], "tasks": [{"text": "t"}], "opportunities": [{"date_created": "AT"}]`
	for _, size := range []int{1, 3, 90} { // records of one date
		for tool, resource := range map[string]string{
			"close_leads_list": "leads", "close_opportunities_list": "opportunities", "close_tasks_list": "tasks", "close_notes_list": "notes", "close_activities_list": "notes",
		} {
			t.Run(fmt.Sprintf("%s/%d", tool, size), func(t *testing.T) {
				t.Parallel()
				maxSkip := 120
				if tool == "close_tasks_list" || tool == "close_activities_list" {
					maxSkip = 1000 // many are of one moment: their date cannot be chosen
				}
				w := newWorld(t, maxSkip, leadsSeed(400, size, children))
				lead := w.send("POST", "/lead/", `{"name": "Other"}`)["id"].(string)
				path := map[string]string{"leads": "/lead/", "opportunities": "/opportunity/", "tasks": "/task/", "notes": "/activity/note/"}[resource]
				w.change(resource, path, func() string {
					at := start.Add(time.Duration(w.rng.IntN(600_000)) * time.Microsecond).Format(time.RFC3339Nano)
					if resource == "tasks" {
						return fmt.Sprintf(`{"_type": "lead", "lead_id": "%s", "text": "new"}`, lead)
					}
					return fmt.Sprintf(`{"lead_id": "%s", "name": "new", "note": "new", "date_created": "%s"}`, lead, at)
				})
				var ids []string
				for page, err := range everything.Tool(t.Context(), w.c, lookup(t, tool), nil, everything.PageSize(30)) {
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range page.Items {
						ids = append(ids, r.ID)
					}
				}
				w.check(ids)
			})
		}
	}
}

func lookup(t *testing.T, name string) *closekit.Tool {
	t.Helper()
	tool, err := tools.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return tool
}

// TestPastTheCeiling reads 12,000 leads with a ceiling of 2,000, stops twice, goes on from
// the stored position, and counts the requests.
func TestPastTheCeiling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2000, leadsSeed(12_000, 1, ""))
	w.change("leads", "/lead/", func() string {
		return fmt.Sprintf(`{"name": "new", "date_created": "%s"}`, start.Add(time.Duration(w.rng.IntN(18_000_000))*time.Microsecond).Format(time.RFC3339Nano))
	})
	var ids []string
	var stored everything.Position
	for _, stop := range []int{4000, 8000, 1 << 30} {
		for page, err := range everything.Pages(t.Context(), w.c, closeapi.LeadsList, closeapi.LeadsListParams{Fields: []string{"name"}}, everything.From(stored), everything.Prefetch(3)) {
			if err != nil {
				t.Fatal(err)
			}
			for _, lead := range page.Items {
				if lead.DisplayName != "" || lead.Name.Or("") == "" {
					t.Fatalf("fields are not as chosen: %+v", lead)
				}
				ids = append(ids, string(lead.ID))
			}
			if stored = page.Next; len(ids) >= stop {
				break
			}
		}
	}
	w.check(ids)
	// An ideal reader has full pages and reads none twice; what was read ahead when the
	// reader stopped is read again.
	const readAhead = 2 * 4
	if ideal := (len(ids) + 99) / 100; w.pages-readAhead > ideal*105/100 {
		t.Errorf("%d requests for %d leads, want at most 1.05 times %d", w.pages, len(ids), ideal)
	}
	for _, err := range everything.Pages(t.Context(), w.c, closeapi.LeadsList, closeapi.LeadsListParams{Fields: []string{"name"}}, everything.From(stored)) {
		t.Errorf("a page follows the last position: %v", err)
	}
}

// TestWithoutDates reads contacts, which nothing bounds: exactly once up to the ceiling,
// and then a typed error.
func TestWithoutDates(t *testing.T) {
	t.Parallel()
	const children = `, "contacts": [{"name": "Ann"}]`
	w := newWorld(t, 1500, leadsSeed(1200, 1, children))
	lead := w.send("POST", "/lead/", `{"name": "Other"}`)["id"].(string)
	w.change("contacts", "/contact/", func() string { return fmt.Sprintf(`{"lead_id": "%s", "name": "new"}`, lead) })
	var ids []string
	for contact, err := range everything.All(t.Context(), w.c, closeapi.ContactsList, closeapi.ContactsListParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(contact.ID))
	}
	w.check(ids)

	w = newWorld(t, 1000, leadsSeed(1200, 1, children))
	n := 0
	var last error
	for _, err := range everything.All(t.Context(), w.c, closeapi.ContactsList, closeapi.ContactsListParams{}) {
		if last = err; err == nil {
			n++
		}
	}
	var limit *closekit.SkipLimitError
	if !errors.As(last, &limit) || limit.Skip != 1000 || n < 1000 {
		t.Errorf("%d contacts, then %v", n, last)
	}
	// So do records of one moment.
	w = newWorld(t, 500, leadsSeed(1200, 1200, ""))
	for _, err := range everything.All(t.Context(), w.c, closeapi.LeadsList, closeapi.LeadsListParams{}) {
		last = err
	}
	if !errors.As(last, &limit) || limit.Skip != 500 {
		t.Errorf("leads of one moment: %v", last)
	}
}

// TestSelection keeps what the caller selects by.
func TestSelection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, leadsSeed(500, 1, ""))
	n := 0
	for lead, err := range everything.All(t.Context(), w.c, closeapi.LeadsList, closeapi.LeadsListParams{
		Query: closekit.Some(`name:"Company 1*" or name:"Company 2*"`), Limit: closekit.Some(20),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if name := lead.Name.Or(""); !strings.HasPrefix(name, "Company 1") && !strings.HasPrefix(name, "Company 2") {
			t.Errorf("got %s", name)
		}
		n++
	}
	if n != 222 {
		t.Errorf("got %d leads, want 222", n)
	}
	n = 0
	since, before := closekit.DateTimeOf(start.Add(150*time.Millisecond)), closekit.DateTimeOf(start.Add(450*time.Millisecond))
	w = newWorld(t, 60, leadsSeed(500, 1, `, "opportunities": [{"date_created": "AT"}], "notes": [{"note": "n", "date_created": "AT"}]`))
	for _, err := range everything.All(t.Context(), w.c, closeapi.OpportunitiesList, closeapi.OpportunitiesListParams{
		DateCreatedGte: closekit.Some(since), DateCreatedLt: closekit.Some(before), Limit: closekit.Some(20),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	for _, err := range everything.All(t.Context(), w.c, closeapi.NotesList, closeapi.NotesListParams{
		DateCreatedGte: closekit.Some(since), DateCreatedLt: closekit.Some(before), Limit: closekit.Some(20),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 400 {
		t.Errorf("got %d records of the window, want twice 200", n)
	}
}

// TestRefusals are calls that cannot be read as a whole, and pages that lose something.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, leadsSeed(300, 1, ""))
	read := func(tool, input string, opts ...everything.Option) (string, everything.Position) {
		var at everything.Position
		for page, err := range everything.Tool(t.Context(), w.c, lookup(t, tool), json.RawMessage(input), opts...) {
			if err != nil {
				return err.Error(), at
			}
			at = page.Next
		}
		return "", at
	}
	_, end := read("close_leads_list", `{}`)
	for _, c := range []struct{ tool, input, want string }{
		{"close_leads_list", `{"_skip": 10}`, "leave out the offset"},
		{"close_leads_list", `{"_order_by": "name"}`, "leave out the order"},
		{"close_leads_list", `{"query": "sort:name"}`, "leave out the order"},
		{"close_opportunities_list", `{"_group_by": "user_id"}`, "leave out the groups"},
		{"close_leads_list", `{"_limit": 1}`, "at least 2"},
		{"close_leads_list", `{"nope": 1}`, "nope"},
		{"close_lead_create", `{"name": "x"}`, "not a list"},
	} {
		if got, _ := read(c.tool, c.input); !strings.Contains(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.tool, c.input, got, c.want)
		}
	}
	for _, p := range []everything.Position{"x", "e30", end} {
		if got, _ := read("close_leads_list", `{"query": "x"}`, everything.From(p)); !strings.Contains(got, "not one of this list") {
			t.Errorf("position %q: %q", p, got)
		}
	}
	if len(w.srv.Objects("leads")) != 300 {
		t.Error("a refused call was sent")
	}
	item := func(id, at string) string { return fmt.Sprintf(`{"id": "%s", "date_created": "%s"}`, id, at) }
	day := func(n int) string { return start.AddDate(0, 0, n).Format(time.RFC3339) }
	for body, want := range map[string]string{
		`{"data": 1, "has_more": true}`:                                                     "data is not a list",
		`{"data": [], "has_more": true}`:                                                    "it has 0 results, but has_more is true",
		`{"data": [], "has_more": 3}`:                                                       "has_more is neither",
		`{"data": [{"date_created": "2026-01-01"}]}`:                                        "a result has no id",
		`{"data": [{"id": "a"}]}`:                                                           "a result has no date_created",
		`{"data": [` + item("a", day(2)) + `,` + item("b", day(1)) + `]}`:                   "not sorted by date_created",
		`{"has_more": true, "data": [` + item("a", day(1)) + `,` + item("b", day(8)) + `]}`: "has no effect",
	} {
		w.srv.Fail(emulator.Fault{Tool: "close_leads_list", Times: -1, Status: 200, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
		got, _ := read("close_leads_list", `{}`)
		if !strings.Contains(got, want) || !strings.Contains(got, "cannot be trusted") {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		w.srv.ClearFaults()
	}
}

// TestPrefetch reads ahead as far as it may, and stops when the loop does.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, leadsSeed(1000, 1, ""))
	requested := make(chan struct{}, 100)
	w.churn = func() { requested <- struct{}{} }
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for _, err := range everything.Pages(ctx, w.c, closeapi.LeadsList, closeapi.LeadsListParams{}, everything.Prefetch(3)) {
		if err != nil {
			t.Fatal(err)
		}
		for range 4 { // the page itself and three ahead
			<-requested
		}
		break
	}
	if n := len(requested); n > 1 { // one may have started when the page was taken
		t.Errorf("%d more requests", n)
	}
	why := errors.New("enough")
	var got error
	for _, err := range everything.Pages(ctx, w.c, closeapi.LeadsList, closeapi.LeadsListParams{}, everything.Prefetch(1)) {
		if got = err; err == nil {
			cancel(why)
		}
	}
	if !errors.Is(got, why) && !errors.Is(got, context.Canceled) {
		t.Errorf("got %v", got)
	}
}
