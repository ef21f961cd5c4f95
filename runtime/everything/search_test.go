package everything_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/everything"
)

// grow seeds leads with children, of which batches share an instant, and the next batch
// comes a moment later.
func (w *world) grow(leads, batch int, apart time.Duration, children string) {
	w.Helper()
	for at := 0; at < leads; at += batch {
		var b strings.Builder
		for i := at; i < min(leads, at+batch); i++ {
			fmt.Fprintf(&b, `,{"name": "Company %d"%s}`, i, children)
		}
		if err := w.srv.Seed(strings.NewReader(`{"leads": [` + b.String()[1:] + "]}")); err != nil {
			w.Fatal(err)
		}
		w.srv.Advance(apart)
	}
}

// inParts reads a tool in three runs, each of which goes on at the position after the
// page with which the one before was killed, and returns the ids.
func (w *world) inParts(tool, input string, first, second int) []string {
	w.Helper()
	var ids []string
	var stored everything.Position
	for _, stop := range []int{first, second, 1 << 30} {
		for page, err := range everything.Tool(w.Context(), w.c, lookup(w.T, tool), json.RawMessage(input), everything.From(stored), everything.Prefetch(2), everything.PageSize(20)) {
			if err != nil {
				w.Fatal(err)
			}
			for _, r := range page.Items {
				ids = append(ids, r.ID)
			}
			b, err := json.Marshal(page.Next) // as a program stores it
			if err != nil || json.Unmarshal(b, &stored) != nil {
				w.Fatalf("position %s: %v", b, err)
			}
			if len(ids) >= stop {
				break
			}
		}
	}
	return ids
}

// TestSearch reads what a search finds past the number of records that one search
// reaches, in three runs, while records are created and deleted and cursors expire.
func TestSearch(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ resource, path, body string }{
		"contact":     {"contacts", "/contact/", `{"lead_id": "%s", "name": "new"}`},
		"opportunity": {"opportunities", "/opportunity/", `{"lead_id": "%s", "note": "new"}`},
		"lead":        {"leads", "/lead/", `{"name": "new", "description": "%s"}`},
	} {
		for _, apart := range []time.Duration{time.Second, 300 * time.Millisecond, time.Hour} {
			t.Run(fmt.Sprintf("%s/%s", kind, apart), func(t *testing.T) {
				t.Parallel()
				w := newWorldOf(t, emulator.Options{Seed: 1, MaxFound: 90, Clock: func() time.Time { return start }})
				w.grow(400, 7, apart, `, "contacts": [{"name": "Ann"}], "opportunities": [{"note": "n"}]`)
				lead := w.send("POST", "/lead/", `{"name": "Other"}`)["id"].(string)
				w.change(c.resource, c.path, func() string { return fmt.Sprintf(c.body, lead) })
				churn, n := w.churn, 0
				w.churn = func() {
					churn()
					if n++; n%5 == 0 {
						w.srv.Advance(31 * time.Second) // the cursor expires
					}
				}
				input := fmt.Sprintf(`{"query": {"type": "object_type", "object_type": %q}, "_fields": {%[1]q: ["lead_id"]}}`, kind)
				w.check(w.inParts("close_search", input, 130, 260))
			})
		}
	}
}

// TestSearchExpiresTwice lets the cursor expire before any two pages that are not next to
// each other: a search that has come further may lose its cursor again.
func TestSearchExpiresTwice(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, emulator.Options{Seed: 1, MaxFound: 90, Clock: func() time.Time { return start }})
	w.grow(240, 14, 300*time.Millisecond, "") // some 46 share a second, more than two pages
	const most = 20
	step := 1
	if testing.Short() {
		step = 3
	}
	for first := 0; first < most; first += step {
		for second := first + 3; second < most; second += step {
			n, at := 0, map[string]int{}
			w.churn = func() {
				if n == first || n == second {
					w.srv.Advance(31 * time.Second)
				}
				n++
			}
			for page, err := range everything.Tool(t.Context(), w.c, lookup(t, "close_search"), json.RawMessage(`{"query": {"type": "object_type", "object_type": "lead"}}`), everything.PageSize(20)) {
				if err != nil {
					t.Fatalf("expired before pages %d and %d: %v", first, second, err)
				}
				for _, r := range page.Items {
					at[r.ID]++
				}
			}
			if len(at) != 240 || slices.Max(slices.Collect(maps.Values(at))) > 1 {
				t.Fatalf("expired before pages %d and %d: %d leads", first, second, len(at))
			}
		}
	}
}

// TestSearchRequests counts the requests for many contacts: those of full pages, and few
// more for the searches that follow the first.
func TestSearchRequests(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, emulator.Options{Seed: 1, MaxFound: 1000, Clock: func() time.Time { return start }})
	w.grow(2000, 5, time.Second, `, "contacts": [{"name": "Ann", "title": "CEO"}]`)
	w.grow(10, 1, time.Second, `, "contacts": [{"name": "Bob"}]`)
	n := 0
	var left closekit.Opt[int]
	p := closeapi.SearchParams{Query: query.Contacts(query.Field("title").Is("CEO")), Fields: &closeapi.SearchSelection{Contact: []string{"name"}}}
	for page, err := range everything.Pages(t.Context(), w.c, closeapi.Search, p) {
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			contact, ok := r.AsContact()
			if !ok || contact.Name.Or("") != "Ann" || contact.ID == "" || contact.Title.Or("") != "" {
				t.Fatalf("got %v", r)
			}
		}
		n += len(page.Items)
		left = page.Left
	}
	if n != 2000 || left != closekit.Some(0) {
		t.Errorf("got %d contacts, and %v are left", n, left)
	}
	if w.pages > 20*105/100 {
		t.Errorf("%d requests for 20 full pages", w.pages)
	}
	// All of one second, and more of them than a search reaches.
	w = newWorldOf(t, emulator.Options{Seed: 1, MaxFound: 100, Clock: func() time.Time { return start }})
	w.grow(150, 150, time.Second, `, "contacts": [{"name": "Ann"}]`)
	n = 0
	var last error
	for _, err := range everything.All(t.Context(), w.c, closeapi.Search, closeapi.SearchParams{Query: query.Contacts()}) {
		if last = err; err == nil {
			n++
		}
	}
	var limit *closekit.SkipLimitError
	if !errors.As(last, &limit) || limit.Skip != 100 || n != 100 {
		t.Errorf("contacts of one second: %d, then %v", n, last)
	}
}

// TestSearchRefusals are searches that cannot be read as a whole, and pages that lose
// something.
func TestSearchRefusals(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, emulator.Options{Seed: 1, Clock: func() time.Time { return start }})
	w.grow(30, 3, time.Second, "")
	read := func(input string, opts ...everything.Option) (string, everything.Position) {
		var at everything.Position
		for page, err := range everything.Tool(t.Context(), w.c, lookup(t, "close_search"), json.RawMessage(input), opts...) {
			if err != nil {
				return err.Error(), at
			}
			at = page.Next
		}
		return "", at
	}
	const leads = `"query": {"type": "and", "queries": [{"type": "object_type", "object_type": "lead"}]}`
	_, end := read(`{` + leads + `}`)
	if end == "" {
		t.Fatal("no position")
	}
	for input, want := range map[string]string{
		`{"query": {"type": "match_all"}}`:                                          "no object_type node",
		`{"query": {"type": "object_type", "object_type": "lead", "negate": true}}`: "no object_type node",
		`{` + leads + `, "cursor": "x"}`:                                            "leave out the cursor",
		`{` + leads + `, "results_limit": 10}`:                                      "leave out results_limit",
		`{` + leads + `, "_limit": 1}`:                                              "at least 2",
		`{` + leads + `, "sort": [{"direction": "asc", "field": {"type": "regular_field", "object_type": "lead", "field_name": "name"}}]}`: "leave out the order",
	} {
		if got, _ := read(input); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", input, got, want)
		}
	}
	if got, _ := read(`{"query": {"type": "object_type", "object_type": "lead"}}`, everything.From(end)); !strings.Contains(got, "not one of this list") {
		t.Errorf("a position of another search: %q", got)
	}
	if got, at := read(`{`+leads+`, "_limit": 7}`, everything.From(end)); got != "" || at != "" {
		t.Errorf("the last position, with other pages: %q, and a page follows", got)
	}
	item := func(id, at string) string { return fmt.Sprintf(`{"id": "%s", "date_created": "%s"}`, id, at) }
	day := func(n int) string { return start.AddDate(0, 0, n).Format(time.RFC3339) }
	for body, want := range map[string]string{
		`{"data": 1}`:                                "data is not a list",
		`{"data": [], "cursor": 3}`:                  "cursor is neither",
		`{"data": [{"date_created": "2026-01-01"}]}`: "a result has no id",
		`{"data": [{"id": "a"}]}`:                    "a result has no date_created",
		`{"data": [` + item("a", day(2)) + `,` + item("b", day(1)) + `]}`:                         "not sorted by date_created",
		`{"data": [` + item("a", day(8)) + `], "cursor": "c", "count": 3}`:                        "that of the next page too",
		`{"data": [` + item("a", day(-9)) + `,` + item("b", day(1)) + `], "count": {"total": 9}}`: "has no effect",
	} {
		w.srv.Fail(emulator.Fault{Tool: "close_search", Times: -1, Status: 200, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
		got, _ := read(`{` + leads + `}`)
		if !strings.Contains(got, want) || !strings.Contains(got, "cannot be trusted") {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		w.srv.ClearFaults()
	}
	// Without a count, the end is where a search finds nothing more.
	w.srv.Fail(emulator.Fault{Tool: "close_search", Times: -1, Status: 200, Body: `{"data": [` + item("a", day(1)) + `]}`, Header: http.Header{"Content-Type": {"application/json"}}})
	if got, _ := read(`{` + leads + `}`); got != "" {
		t.Errorf("without a count: %q", got)
	}
}

// TestActivities reads every list that search does not return and that has dates, with a
// ceiling far below its length, in three runs, while records are created and deleted.
func TestActivities(t *testing.T) {
	t.Parallel()
	const children = `, "notes": [{"note": "n"}], "tasks": [{"text": "t"}], "calls": [{"note": "n"}], "sms": [{"text": "t", "status": "inbox"}],
		"emails": [{"subject": "s", "status": "inbox", "sender": "a@b.example"}], "contacts": [{"name": "Ann"}],
		"whatsapp_messages": [{"message_markdown": "m", "external_whatsapp_message_id": "x", "contact": "Ann", "direction": "incoming",
			"activity_at": "2026-03-01", "local_phone": "+15105550199", "remote_phone": "+15105550100"}],
		"meetings": [{"title": "m", "starts_at": "2026-03-01T10:00:00Z", "ends_at": "2026-03-01T11:00:00Z"}], "custom_activities": [{"custom_activity_type_id": "actitype_visit"}]`
	for resource, c := range map[string]struct{ list, path, body, input string }{
		"notes":               {path: "/activity/note/", body: `{"lead_id": "%s", "note": "new"}`},
		"calls":               {path: "/activity/call/", body: `{"lead_id": "%s", "note": "new"}`},
		"emails":              {path: "/activity/email/", body: `{"lead_id": "%s", "subject": "new", "status": "inbox", "sender": "a@b.example"}`},
		"email_threads":       {path: "/activity/emailthread/", body: `{"lead_id": "%s", "subject": "new", "status": "inbox", "sender": "a@b.example"}`},
		"sms":                 {path: "/activity/sms/", body: `{"lead_id": "%s", "text": "new", "status": "inbox"}`},
		"whatsapp_messages":   {path: "/activity/whatsapp_message/"},
		"meetings":            {path: "/activity/meeting/"},
		"custom_activities":   {path: "/activity/custom/", body: `{"lead_id": "%s", "custom_activity_type_id": "actitype_visit"}`},
		"tasks":               {path: "/task/", body: `{"_type": "lead", "lead_id": "%s", "text": "new"}`, input: `{"_type": "all"}`},
		"lead_status_changes": {path: "/activity/status_change/lead/"},
		"activities":          {path: "/activity/note/", body: `{"lead_id": "%s", "note": "new"}`},
	} {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			maxSkip := 50
			if resource == "activities" {
				maxSkip = 120 // more of them are of one moment
			}
			w := newWorldOf(t, emulator.Options{Seed: 1, MaxSkip: maxSkip, Clock: func() time.Time { return start }})
			if err := w.srv.Seed(strings.NewReader(`{"custom_activity_types": [{"id": "actitype_visit", "name": "Visit"}]}`)); err != nil {
				t.Fatal(err)
			}
			w.grow(240, 4, 1500*time.Millisecond, children)
			if resource == "lead_status_changes" {
				statuses := w.srv.Objects("lead_statuses")
				for i, lead := range w.srv.Objects("leads") {
					w.send("PUT", "/lead/"+lead["id"].(string)+"/", fmt.Sprintf(`{"status_id": %q}`, statuses[1]["id"]))
					if i%3 == 0 {
						w.srv.Advance(time.Second)
					}
				}
			}
			lead := w.send("POST", "/lead/", `{"name": "Other"}`)["id"].(string)
			w.change(cmp.Or(map[string]string{"activities": "notes"}[resource], resource), c.path, nil)
			remove, created := w.churn, 0
			w.churn = func() {
				remove()
				if c.body == "" {
					return
				}
				path := c.path
				if resource == "email_threads" {
					path = "/activity/email/"
				}
				if created++; created%4 == 0 {
					w.srv.Advance(time.Second)
				}
				w.send("POST", path, fmt.Sprintf(c.body, lead))
			}
			ids := w.inParts("close_"+resource+"_list", cmp.Or(c.input, "{}"), 80, 160)
			if len(ids) < 200 {
				t.Fatalf("only %d", len(ids))
			}
			w.check(ids)
			if resource == "activities" && len(slices.Compact(slices.Sorted(slices.Values(ids)))) < 240*5 {
				t.Errorf("%d activities of 240 leads", len(ids))
			}
		})
	}
}
