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
