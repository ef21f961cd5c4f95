package closekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// TestDo calls endpoints without a function: credential, retries and errors are the
// same as for those that have one.
func TestDo(t *testing.T) {
	t.Parallel()
	c, s := client(respond(503, "", "Retry-After", "0"), respond(200, `{"data":[1]}`))
	var seen closekit.AttemptLog
	c = c.With(nil, closekit.Observe(func(_ context.Context, a closekit.AttemptLog) { seen = a }))
	var got struct{ Data []int }
	var info closekit.ResponseInfo
	req := closekit.Request{Method: "GET", Path: "/api/v1/report/orga_1/", Query: url.Values{"q": {"a b"}}.Encode()}
	err := c.Do(t.Context(), req, func(r closekit.Response) error { return json.Unmarshal(r.Body, &got) }, closekit.WithResponseInfo(&info))
	if err != nil || len(got.Data) != 1 || info.Attempts != 2 {
		t.Fatalf("%v, %+v, %+v", err, got, info)
	}
	if r := s.seen[1]; r.URL.String() != "https://api.close.com/api/v1/report/orga_1/?q=a+b" || r.Header.Get("Authorization") != testHeader {
		t.Error(r.URL)
	}
	if seen.Path != "/api/v1/report/orga_1/" || seen.Operation.Effect != closekit.Read || seen.Operation.Tool != "" {
		t.Errorf("%+v", seen)
	}

	c, s = client(respond(201, `{"id":"x_1"}`))
	post := closekit.Request{Method: "POST", Path: "/thing/", Body: []byte(`{"a":1}`)}
	if err := c.Do(t.Context(), post, nil); err != nil || s.body[0] != `{"a":1}` || s.seen[0].Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v, %q", err, s.body)
	}

	c, s = client(respond(502, ""))
	err = c.Do(t.Context(), post, nil)
	if !errors.Is(err, closekit.ErrServer) || s.count() != 1 || !strings.HasPrefix(err.Error(), "POST /api/v1/thing/: 502") {
		t.Errorf("a POST was repeated, or its error is wrong: %v", err)
	}

	c, _ = client(respond(204, ""))
	err = c.Do(t.Context(), closekit.Request{Method: "DELETE", Path: "/thing/x_1/"}, func(r closekit.Response) error {
		if string(r.Body) != "{}" || r.Status != 204 {
			t.Errorf("%d %q", r.Status, r.Body)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	c, _ = client(respond(200, "<html>"))
	err = c.Do(t.Context(), req, func(r closekit.Response) error { return json.Unmarshal(r.Body, &got) })
	if as[*closekit.DecodeError](t, err).Status != 200 {
		t.Error(err)
	}
}

// TestDoStaysOnHost passes paths that would lead away from the API: no request is
// sent, and the credential is not requested.
func TestDoStaysOnHost(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request went to another host") }))
	defer other.Close()
	host := strings.TrimPrefix(other.URL, "http://")
	c, s := client(ok)
	c = c.With(sourceFunc(func(context.Context) (closekit.Credential, error) {
		t.Error("the credential was read")
		return closekit.BasicCredential(testKey), nil
	}))
	for _, path := range []string{
		"", "lead/", "//" + host + "/", "/api/v1//" + host + "/", other.URL + "/", "http:" + host, "@" + host + "/", "/\\" + host + "/", "/lead/../../x/", "/lead/%2e%2e/x/", "/./x/",
		"/lead/?_limit=1", "/lead/#x", "/lead /", "/lead\r\nX: y/", "/%zz/", "?x", "\x00",
	} {
		if err := c.Do(t.Context(), closekit.Request{Method: "GET", Path: path}, nil); err == nil {
			t.Errorf("%q passes", path)
		}
	}
	for _, req := range []closekit.Request{
		{Path: "/lead/"}, {Method: "get", Path: "/lead/"}, {Method: "CONNECT", Path: "/lead/"}, {Method: "GET", Path: "/lead/", Query: "a b"}, {Method: "GET", Path: "/lead/", Query: "a#b"}, {Method: "GET", Path: "/lead/", Query: "a\r\n"},
	} {
		if err := c.Do(t.Context(), req, nil); err == nil {
			t.Errorf("%+v passes", req)
		}
	}
	if s.count() != 0 {
		t.Error("something was sent")
	}
	for _, path := range []string{"/lead/%2F/", "/a.b/", "/a:b/", "/x_1%20/"} {
		c, s := client(ok)
		if err := c.Do(t.Context(), closekit.Request{Method: "GET", Path: path}, nil); err != nil || s.seen[0].URL.EscapedPath() != "/api/v1"+path {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestNilClient expects an error, not a panic.
func TestNilClient(t *testing.T) {
	t.Parallel()
	for _, c := range []*closekit.Client{nil, {}} {
		for _, c := range []*closekit.Client{c, c.With(nil), c.With(closekit.APIKey(testKey), closekit.MaxRetries(1))} {
			if _, err := get(t.Context(), c); err == nil || !strings.Contains(err.Error(), "closekit.NewClient") {
				t.Error(err)
			}
			if err := c.Get(t.Context(), "/me/", nil); err == nil || !strings.Contains(err.Error(), "closekit.NewClient") {
				t.Error(err)
			}
			if _, err := list(t.Context(), c, listParams{}); err == nil {
				t.Error("no error of a list")
			}
			if got := fmt.Sprintf("%v %s %#v %+v", c, c, c, c); !strings.Contains(got, "close client without a source") {
				t.Error(got)
			}
		}
	}
}

func FuzzOverride(f *testing.F) {
	f.Add("a b", "x,y")
	f.Add("\xff&=+%", "\"\\")
	f.Fuzz(func(t *testing.T, query, ids string) {
		b, err := closekit.OverrideParams(url.Values{"query": {query}, "ids": {ids}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var over struct {
			Params map[string]string `json:"_params"`
		}
		valid := func(s string) string { return string([]rune(s)) }
		if err := json.Unmarshal(b, &over); err != nil || len(over.Params) != 2 || over.Params["query"] != valid(query) || over.Params["ids"] != valid(ids) {
			t.Fatalf("%s: %v", b, err)
		}
	})
}
