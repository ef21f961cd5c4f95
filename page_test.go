package closekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// book serves items from 0 to total by _skip and _limit; edit changes a page.
func book(total, limit int, edit func(skip int, body string) string) (*closekit.Client, *script) {
	return client(func(r *http.Request) (*http.Response, error) {
		q, _ := url.ParseQuery(r.URL.RawQuery)
		skip, _ := strconv.Atoi(q.Get("_skip"))
		n := limit
		if l, err := strconv.Atoi(q.Get("_limit")); err == nil {
			n = l
		}
		var items []string
		for i := skip; i < min(total, skip+n); i++ {
			items = append(items, fmt.Sprintf(`{"id":"item_%d"}`, i))
		}
		body := fmt.Sprintf(`{"data":[%s],"has_more":%v,"total_results":%d,"count_by":{"a":1}}`, strings.Join(items, ","), skip+n < total, total)
		if edit != nil {
			body = edit(skip, body)
		}
		return respond(200, body)(r)
	})
}

func all(ctx context.Context, c *closekit.Client, p listParams, opts ...closekit.CallOption) iter.Seq2[*item, error] {
	return closekit.All(opList.Describe(), p.Skip, func(skip closekit.Opt[int]) (*closekit.Page[item], error) {
		p := p
		p.Skip = skip
		return list(ctx, c, p, opts...)
	}, opts...)
}

func skips(s *script) []string {
	var list []string
	for _, r := range s.seen {
		list = append(list, r.URL.Query().Get("_skip"))
	}
	return list
}

func TestPage(t *testing.T) {
	t.Parallel()
	c, _ := book(7, 3, nil)
	p, err := list(t.Context(), c, listParams{Skip: closekit.Some(3)})
	if err != nil || len(p.Data) != 3 || p.Data[0].ID != "item_3" || !p.HasMore || p.Total != closekit.Some(7) || p.NextSkip != 6 {
		t.Errorf("%+v, %v", p, err)
	}
	if raw, ok := p.Raw("count_by"); !ok || string(raw) != `{"a":1}` {
		t.Errorf("%s", raw)
	}
	for body, want := range map[string]struct {
		n          int
		more       bool
		mismatches []string
	}{
		`{"data":[]}`:                   {0, false, nil},
		`{"data":[{"id":"x"}]}`:         {1, false, nil},
		`{}`:                            {0, false, nil},
		`{"data":null,"has_more":null}`: {0, false, []string{"data", "has_more"}},
		`{"data":{},"has_more":"yes"}`:  {0, false, []string{"data", "has_more"}},
		`{"data":[{"id":"x"},5],"has_more":true}`:                              {0, true, []string{"data"}},
		`{"has_more":true,"data":[{"id":"a"},{"id":"b"}],"total_results":2.5}`: {2, true, []string{"total_results"}},
		`{"data":[{"id":"a"}],"data":[]}`:                                      {0, false, nil},
		`{"has_more":true,"has_more":5}`:                                       {0, false, []string{"has_more"}},
	} {
		c, _ := client(respond(200, body))
		p, err := list(t.Context(), c, listParams{})
		if err != nil || len(p.Data) != want.n || p.HasMore != want.more || !reflect.DeepEqual(p.Mismatches(), want.mismatches) {
			t.Errorf("%s: %+v, %v", body, p, err)
		}
	}
	for _, body := range []string{`[]`, `{"data":[`, `{"data":[{"id":"x"}`, `{"data":[{"id":"x"},]}`, ``} {
		c, _ := client(respond(200, body))
		if p, err := list(t.Context(), c, listParams{}); p != nil || err == nil {
			t.Errorf("%s: %+v, %v", body, p, err)
		}
	}
}

// TestPageJSON encodes pages: no member of the envelope is lost.
func TestPageJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, `{"data":[]}`, `{"has_more":false}`, `{"data":[{"id":"item_1","new":1.0},{"name":null}],"has_more":true,"total_results":2,"total_value":5.0,"by":{"a":[]}}`,
		`{"data":null,"has_more":null,"total_results":null}`, `{"data":{"a":1},"has_more":"yes","total_results":2.5}`, `{"data":[{"id":5},7]}`,
	} {
		c, _ := client(respond(200, body))
		p, err := list(t.Context(), c, listParams{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal(out, &got), json.Unmarshal([]byte(body), &want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %s, %v", body, out, err)
		}
		// What a page was encoded as, it can be read from.
		back := &closekit.Page[item]{Data: []item{{ID: "old"}}, Total: closekit.Some(9)}
		if err := json.Unmarshal(out, back); err != nil {
			t.Errorf("%s: %v", out, err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(out) || back.HasMore != p.HasMore || back.Total != p.Total || len(back.Data) != len(p.Data) ||
			!reflect.DeepEqual(back.Mismatches(), p.Mismatches()) || back.NextSkip != len(p.Data) {
			t.Errorf("%s was read as %s, %+v, %v", out, again, back, err)
		}
	}
	for _, body := range []string{`[]`, `5`, `{"data":[`, `{"data":[{"id":"x"},]}`, `{"data":[{"id":"x"}]}}`} {
		back := closekit.Page[item]{Data: []item{{ID: "old"}}}
		if err := json.Unmarshal([]byte(body), &back); err == nil || len(back.Data) != 1 {
			t.Errorf("%s was read as %+v, %v", body, back, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"data":[{}]}`), &closekit.Page[func()]{}); err == nil {
		t.Error("an object is a function")
	}
	p := closekit.Page[item]{Data: []item{{ID: "x"}}, HasMore: true, Total: closekit.Some(1)}
	if out, err := json.Marshal(p); err != nil || string(out) != `{"data":[{"id":"x"}],"has_more":true,"total_results":1}` {
		t.Errorf("%s, %v", out, err)
	}
	bad := closekit.Page[func()]{Data: []func(){nil}}
	if _, err := bad.MarshalJSON(); err == nil {
		t.Error("a function is JSON")
	}
}

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
		{"an empty page that promises more", 7, func(skip int, body string) string {
			if skip == 3 {
				return `{"data":[],"has_more":true}`
			}
			return body
		}, listParams{}, nil, 3, []string{"", "3"}},
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
		if !errors.Is(last, closekit.ErrSkipLimit) || errors.Is(last, closekit.ErrNotFound) || e.Tool != "close_items_list" || e.Skip != 35000 || n != c.items || s.count() != c.requests {
			t.Errorf("%+v: %d items, %d requests, %v", c, n, s.count(), last)
		}
		if want := "close_items_list: Close pages only through the first 35000 results; narrow the list, for example by date_created ranges or a query, and go on from there"; last.Error() != want {
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
