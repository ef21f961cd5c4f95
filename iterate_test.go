package closekit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/wire"
)

func TestAll(t *testing.T) {
	t.Parallel()
	without := func(_ int, body string) string {
		return strings.Replace(strings.Replace(body, `"has_more":true,`, "", 1), `"has_more":false,`, "", 1)
	}
	for _, c := range []struct {
		about string
		total int
		edit  func(int, string) string
		p     listParams
		opts  []closekit.CallOption
		want  int
		skips []string
	}{
		{"several pages", 7, nil, listParams{}, nil, 7, []string{"", "3", "6"}},
		{"exactly full pages", 6, nil, listParams{}, nil, 6, []string{"", "3"}},
		{"nothing", 0, nil, listParams{}, nil, 0, []string{""}},
		{"from an offset", 7, nil, listParams{Skip: closekit.Some(2)}, nil, 5, []string{"2", "5"}},
		{"with a limit", 5, nil, listParams{Limit: closekit.Some(2)}, nil, 5, []string{"", "2", "4"}},
		{"without has_more", 7, without, listParams{}, nil, 3, []string{""}},
		{"short pages count rows", 7, func(skip int, _ string) string {
			return fmt.Sprintf(`{"data":[{"id":"item_%d"}],"has_more":%v}`, skip, skip < 3)
		}, listParams{}, nil, 4, []string{"", "1", "2", "3"}},
		{"most items", 7, nil, listParams{}, []closekit.CallOption{closekit.MaxItems(4)}, 4, []string{"", "3"}},
		{"most items at the end of a page", 7, nil, listParams{}, []closekit.CallOption{closekit.MaxItems(3)}, 3, []string{""}},
		{"most pages", 9, nil, listParams{}, []closekit.CallOption{closekit.MaxPages(2)}, 6, []string{"", "3"}},
		{"zero means no bound", 4, nil, listParams{}, []closekit.CallOption{closekit.MaxPages(0), closekit.MaxItems(0)}, 4, []string{"", "3"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			cl, s := book(c.total, 3, c.edit)
			seq := all(t.Context(), cl, c.p, c.opts...)
			if s.count() != 0 {
				t.Error("fetches before it is asked")
			}
			first := c.p.Skip.Or(0)
			for range 2 { // each range over the iterator starts again
				s.seen = nil
				n := 0
				for v, err := range seq {
					if err != nil || v.ID != fmt.Sprintf("item_%d", first+n) {
						t.Fatalf("%d: %+v, %v", n, v, err)
					}
					n++
				}
				if n != c.want || !reflect.DeepEqual(skips(s), c.skips) {
					t.Errorf("%d items by %q", n, skips(s))
				}
			}
		})
	}
}

func TestAllStops(t *testing.T) {
	t.Parallel()
	c, s := book(100, 3, nil)
	n := 0
	for range all(t.Context(), c, listParams{}) {
		if n++; n == 4 {
			break
		}
	}
	if n != 4 || s.count() != 2 {
		t.Errorf("%d items, %d requests", n, s.count())
	}

	// An error is yielded once, after the items before it.
	c, s = book(100, 3, func(skip int, body string) string {
		if skip == 3 {
			return "<html>"
		}
		return body
	})
	var errs []error
	n = 0
	for v, err := range all(t.Context(), c, listParams{}) {
		if err != nil {
			errs = append(errs, err)
			if v != nil {
				t.Error("an item with an error")
			}
			continue
		}
		n++
	}
	var d *closekit.DecodeError
	if n != 3 || len(errs) != 1 || !errors.As(errs[0], &d) || s.count() != 2 {
		t.Errorf("%d items, %v, %d requests", n, errs, s.count())
	}

	// The context ends the iteration.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, _ = book(100, 3, nil)
	n = 0
	var last error
	for _, err := range all(ctx, c, listParams{}) {
		if last = err; err == nil {
			if n++; n == 2 {
				cancel()
			}
		}
	}
	if n != 3 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d items, %v", n, last)
	}

	// Invalid parameters are reported as for a single page.
	for _, err := range all(t.Context(), c, listParams{Limit: closekit.Some(500)}) {
		if !closekit.IsValidation(err) {
			t.Error(err)
		}
	}
}

func TestSkipLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, total, items, requests int }{
		{34998, 36000, 3, 1},  // ends beyond the limit: one request, then the error
		{34997, 36000, 6, 2},  // 35000 itself is allowed
		{34998, 35001, 3, -1}, // ends with the list: no error
	} {
		cl, s := book(c.total, 3, nil)
		var last error
		n := 0
		for _, err := range all(t.Context(), cl, listParams{Skip: closekit.Some(c.from)}) {
			if last = err; err == nil {
				n++
			}
		}
		if c.requests < 0 {
			if last != nil || n != c.items {
				t.Errorf("%+v: %d items, %v", c, n, last)
			}
			continue
		}
		e := as[*closekit.SkipLimitError](t, last)
		if !errors.Is(last, closekit.ErrSkipLimit) || errors.Is(last, closekit.ErrNotFound) || e.Tool != "close_items_list" || e.Skip != 35000 || e.Position <= 35000 || e.Err != nil || n != c.items || s.count() != c.requests {
			t.Errorf("%+v: %d items, %d requests, %v", c, n, s.count(), last)
		}
		if want := "close_items_list: Close pages only through the first 35000 results; read the list in parts, with query"; last.Error() != want {
			t.Error(last)
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	c, s := book(10, 3, nil)
	for limit, want := range map[int]int{0: 10, 4: 4, 3: 3, 100: 10} {
		items, err := closekit.Collect(all(t.Context(), c, listParams{}), limit)
		if err != nil || len(items) != want {
			t.Errorf("%d: %d items, %v", limit, len(items), err)
		}
		for i, v := range items {
			if v.ID != fmt.Sprintf("item_%d", i) {
				t.Errorf("item %d is %s", i, v.ID)
			}
		}
	}
	s.seen = nil
	if _, err := closekit.Collect(all(t.Context(), c, listParams{}), 3); err != nil || s.count() != 1 {
		t.Errorf("%d requests for one page", s.count())
	}
	c, _ = book(10, 3, func(skip int, body string) string {
		if skip > 0 {
			return "{"
		}
		return body
	})
	if items, err := closekit.Collect(all(t.Context(), c, listParams{}), 0); err == nil || len(items) != 3 {
		t.Errorf("%d items, %v", len(items), err)
	}
}

// TestAllByCursor follows cursors, and stops where they lead nowhere.
func TestAllByCursor(t *testing.T) {
	t.Parallel()
	op := &closekit.Operation{Tool: "close_events_list", Method: "GET", Path: "/event/", Cursor: "_cursor", Next: "cursor_next"}
	wired := wire.Operation{Operation: *op, Params: func() any { return new(cursorParams) }}
	pages := map[string]string{
		"":   `{"data":[{"id":"a"},{"id":"b"}],"cursor_next":"p2","cursor_previous":null}`,
		"p2": `{"data":[],"cursor_next":"p3"}`,
		"p3": `{"data":[{"id":"c"}],"cursor_next":null}`,
		"x1": `{"data":[{"id":"a"}],"cursor_next":"x1"}`,
		"y1": `{"data":[{"id":"a"}],"cursor_next":5}`,
		"z1": `{"data":7,"cursor_next":null}`,
	}
	for _, c := range []struct {
		first   string
		options []closekit.CallOption
		ids     string
		sent    int
		reason  string
	}{
		{"", nil, "abc", 3, ""},
		{"p3", nil, "c", 1, ""},
		{"", []closekit.CallOption{closekit.MaxItems(2)}, "ab", 1, ""},
		{"", []closekit.CallOption{closekit.MaxPages(2)}, "ab", 2, ""},
		{"", []closekit.CallOption{closekit.WhileChanging()}, "abc", 3, ""},
		{"x1", nil, "a", 1, "its cursor is that of the next page too"},
		{"y1", nil, "a", 1, "cursor_next is neither a text nor null"},
		{"z1", nil, "", 1, "data is not a list of objects"},
	} {
		cl, s := client(func(r *http.Request) (*http.Response, error) {
			return respond(200, pages[r.URL.Query().Get("_cursor")])(r)
		})
		p := cursorParams{}
		if c.first != "" {
			p.Cursor = closekit.Some(c.first)
		}
		got := ""
		var last error
		for v, err := range wire.CallAllByCursor[item](t.Context(), cl, &wired, &p, &p.Cursor, c.options) {
			if last = err; err == nil {
				got += v.ID
			}
		}
		if got != c.ids || s.count() != c.sent {
			t.Errorf("%q: %q in %d requests", c.first, got, s.count())
		}
		if c.reason == "" && last != nil || c.reason != "" && as[*closekit.PageError](t, last).Reason != c.reason {
			t.Errorf("%q: %v", c.first, last)
		}
		if p.Cursor.Or("") != c.first {
			t.Error("the iterator changed the caller's parameters")
		}
	}
}

type cursorParams struct {
	Cursor closekit.Opt[string] `json:"_cursor" close:"query"`
}

// TestAllDistrusts ends with an error after a page that may hide items.
func TestAllDistrusts(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]struct {
		n      int
		reason string
	}{
		`{"data":[],"has_more":true}`:               {3, "it is empty, but has_more is true"},
		`{"has_more":true}`:                         {3, "it is empty, but has_more is true"},
		`{"data":{"a":1},"has_more":false}`:         {3, "data is not a list of objects"},
		`{"data":[{"id":"x"},5],"has_more":false}`:  {3, "data is not a list of objects"},
		`{"data":[{"id":"item_3"}],"has_more":"y"}`: {4, "has_more is neither true nor false"},
	} {
		c, _ := book(9, 3, func(skip int, body string) string {
			if skip == 3 {
				return page
			}
			return body
		})
		items, err := closekit.Collect(all(t.Context(), c, listParams{}), 0)
		e := as[*closekit.PageError](t, err)
		if len(items) != want.n || e.Tool != "close_items_list" || e.Position != 3 || e.Reason != want.reason {
			t.Errorf("%s: %d items, %+v", page, len(items), e)
		}
		if msg := "close_items_list: the page at offset 3 cannot be trusted: " + want.reason + "; results may be missing from here on"; err.Error() != msg {
			t.Error(err)
		}
	}
}

// shelf is a list from which items can be taken while it is read. Its pages have two
// items.
type shelf struct{ ids, seen []string }

func newShelf(n int) (*shelf, *closekit.Client, *script) {
	s := &shelf{}
	for i := range n {
		s.ids = append(s.ids, fmt.Sprintf("item_%d", i))
	}
	c, sc := client(func(r *http.Request) (*http.Response, error) {
		skip, _ := strconv.Atoi(r.URL.Query().Get("_skip"))
		from := min(skip, len(s.ids))
		to := min(from+2, len(s.ids))
		var items []string
		for _, id := range s.ids[from:to] {
			items = append(items, `{"id":"`+id+`"}`)
		}
		return respond(200, fmt.Sprintf(`{"data":[%s],"has_more":%v}`, strings.Join(items, ","), to < len(s.ids)))(r)
	})
	return s, c, sc
}

func (s *shelf) take(id string) {
	s.ids = slices.DeleteFunc(s.ids, func(x string) bool { return x == id })
}

func TestWhileChanging(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct {
		change   func(s *shelf, n int, id string)
		first    int
		want     int
		requests int
	}{
		"takes all":        {func(s *shelf, _ int, id string) { s.take(id) }, 0, 9, 6},
		"takes none":       {func(*shelf, int, string) {}, 0, 9, 5 + 4 + 5},
		"takes odd ones":   {func(s *shelf, n int, id string) { s.keep(n%2 == 0, id) }, 0, 9, -1},
		"takes the first":  {func(s *shelf, n int, id string) { s.keep(n > 4, id) }, 0, 9, -1},
		"takes the last":   {func(s *shelf, n int, id string) { s.keep(n < 5, id) }, 0, 9, -1},
		"puts it last":     {func(s *shelf, _ int, id string) { s.take(id); s.ids = append(s.ids, id) }, 0, 9, -1},
		"puts it first":    {func(s *shelf, _ int, id string) { s.take(id); s.ids = append([]string{id}, s.ids...) }, 0, 9, -1},
		"takes earlier":    {func(s *shelf, n int, _ string) { s.take(fmt.Sprintf("item_%d", n-3)) }, 0, 9, -1},
		"takes in batches": {func(s *shelf, n int, id string) { s.batch(n, id) }, 0, 9, -1},
		"from an offset":   {func(s *shelf, _ int, id string) { s.take(id) }, 4, 5, -1},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			s, cl, sc := newShelf(9)
			p := listParams{}
			if c.first > 0 {
				p.Skip = closekit.Some(c.first)
			}
			got := map[string]bool{}
			n := 0
			for v, err := range all(t.Context(), cl, p, closekit.WhileChanging()) {
				if err != nil {
					t.Fatal(err)
				}
				if got[v.ID] {
					t.Errorf("%s came twice", v.ID)
				}
				got[v.ID] = true
				c.change(s, n, v.ID)
				n++
			}
			if n != c.want || c.requests >= 0 && sc.count() != c.requests {
				t.Errorf("%d items with %d requests", n, sc.count())
			}
		})
	}

	// Without the option, a loop that takes items off misses some: the reason for it.
	s, c, _ := newShelf(9)
	n := 0
	for v, err := range all(t.Context(), c, listParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		s.take(v.ID)
		n++
	}
	if n == 9 {
		t.Error("offsets do not count what is there")
	}

	// The limits hold, and a breaking loop ends it.
	s, c, _ = newShelf(9)
	items, err := closekit.Collect(all(t.Context(), c, listParams{}, closekit.WhileChanging(), closekit.MaxItems(3)), 0)
	if len(items) != 3 || err != nil {
		t.Errorf("%d items, %v", len(items), err)
	}
	s.ids = []string{"", "item_1"}
	if _, err := closekit.Collect(all(t.Context(), c, listParams{}, closekit.WhileChanging()), 0); err == nil || err.Error() != "close_items_list: WhileChanging needs the id of every item; request the field id" {
		t.Error(err)
	}
}

func (s *shelf) keep(kept bool, id string) {
	if !kept {
		s.take(id)
	}
}

// batch takes three items at once.
func (s *shelf) batch(n int, id string) {
	s.seen = append(s.seen, id)
	if n%3 == 2 {
		for _, id := range s.seen {
			s.take(id)
		}
	}
}

// TestSkipRefused is Close's own limit, which differs between endpoints.
func TestSkipRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"errors":[],"field-errors":{"_skip":"Input should be less than or equal to 10000"}}`:                                              10000,
		`{"field-errors":{"_skip":["Input should be less than or equal to 10,000."],"_limit":"Input should be less than or equal to 200"}}`: 10000,
		`{"error":"The sum of _skip and _limit must not exceed 12000."}`:                                                                    12000,
		`{"errors":["Cannot skip more than 5000 results."]}`:                                                                                5000,
		`{"field-errors":{"_limit":"Input should be less than or equal to 200"}}`:                                                           0,
		`{"field-errors":{"_skip":"Input should be a valid integer"}}`:                                                                      0,
		`{"field-errors":{"lead_id":"No lead with 3 skips"},"error":"bad"}`:                                                                 0,
		`{"error":"Do not skip lead_id"}`:                                                                                                   0,
		`{"error":"Unknown filter 7"}`:                                                                                                      0,
		`<html>`:                                                                                                                            0,
	} {
		c, s := client(respond(400, body))
		_, err := list(t.Context(), c, listParams{Skip: closekit.Some(11950)})
		e := as[*closekit.Error](t, err)
		if e.Status != 400 || !closekit.IsValidation(err) || s.count() != 1 {
			t.Errorf("%s: %v", body, err)
		}
		var limit *closekit.SkipLimitError
		if !errors.As(err, &limit) {
			limit = &closekit.SkipLimitError{}
		} else if limit.Position != 11950 || limit.Tool != "close_items_list" || !errors.Is(err, closekit.ErrSkipLimit) {
			t.Errorf("%s: %+v", body, limit)
		}
		if limit.Skip != want {
			t.Errorf("%s: %v", body, err)
		}
	}
	c, _ := client(respond(400, `{"field-errors":{"_skip":"Input should be less than or equal to 10"}}`))
	if _, err := list(t.Context(), c, listParams{}); errors.Is(err, closekit.ErrSkipLimit) {
		t.Error("without an offset:", err)
	}
	// An iterator yields the items before it.
	i := 0
	c, _ = client(func(r *http.Request) (*http.Response, error) {
		if i++; i == 1 {
			return respond(200, `{"data":[{"id":"a"}],"has_more":true}`)(r)
		}
		return respond(400, `{"field-errors":{"_skip":"Input should be less than or equal to 0"}}`)(r)
	})
	items, err := closekit.Collect(all(t.Context(), c, listParams{}), 0)
	if len(items) != 1 || err == nil {
		t.Errorf("%d items, %v", len(items), err)
	}
}

// TestNarrow checks the advice for lists that are too long: filters that they have.
func TestNarrow(t *testing.T) {
	t.Parallel()
	c, _ := client(respond(400, `{"field-errors":{"_skip":"Input should be less than or equal to 10000"}}`))
	skip := closekit.Some(20000)
	_, contacts := closeapi.ContactsList(t.Context(), c, closeapi.ContactsListParams{Skip: skip})
	_, leads := closeapi.LeadsList(t.Context(), c, closeapi.LeadsListParams{Skip: skip})
	_, notes := closeapi.NotesList(t.Context(), c, closeapi.NotesListParams{Skip: skip})
	_, webhooks := closeapi.WebhooksList(t.Context(), c, closeapi.WebhooksListParams{Skip: skip})
	for text, err := range map[string]error{
		"close_contacts_list: Close pages only through the first 10000 results; read the list in parts, with lead_id":                          contacts,
		"close_leads_list: Close pages only through the first 10000 results; read the list in parts, with query":                               leads,
		"close_notes_list: Close pages only through the first 10000 results; read the list in parts, with date_created__gte, date_created__lt": notes,
		"close_webhooks_list: Close pages only through the first 10000 results; this list has no filter that splits it into shorter ones":      webhooks,
	} {
		if err == nil || err.Error() != text {
			t.Error(err)
		}
	}
}
