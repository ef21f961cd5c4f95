package closekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/logging"
	"github.com/closekit/closekit/runtime/wire"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	type seen struct {
		method, uri, body string
		length            int64
		chunked           bool
		header            http.Header
	}
	var got seen
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.Method, r.RequestURI, string(body), r.ContentLength, len(r.TransferEncoding) > 0, r.Header}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"item_1"}`)
	}))
	t.Cleanup(srv.Close)
	base := closekit.NewClient(closekit.APIKey(" "+testKey+"\n"), closekit.BaseURL(srv.URL+"/"), closekit.Location(time.FixedZone("", -150*60)), closekit.UserAgent("crm-sync/2"))
	for method, want := range map[string]seen{
		"GET":    {method: "GET", uri: "/api/v1/item/item_secretid/"},
		"DELETE": {method: "DELETE", uri: "/api/v1/item/item_secretid/"},
		"POST":   {method: "POST", uri: "/api/v1/item/", body: `{"name":"secret name"}`},
		"PUT":    {method: "PUT", uri: "/api/v1/item/item_secretid/", body: `{"name":"secret name"}`},
	} {
		if err := calls[method](t.Context(), base); err != nil {
			t.Fatal(err)
		}
		h := got.header
		got.header = nil
		want.length = int64(len(want.body))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		wantHeader := map[string]string{
			"Authorization": testHeader, "Accept": "application/json", "User-Agent": "crm-sync/2 closekit/" + closekit.Version, "X-Tz-Offset": "-2.5", "X-Http-Method-Override": "", "Cookie": "",
		}
		if want.body != "" {
			wantHeader["Content-Type"] = "application/json"
		} else {
			wantHeader["Content-Type"] = ""
		}
		for k, v := range wantHeader {
			if h.Get(k) != v {
				t.Errorf("%s: %s is %q, want %q", method, k, h.Get(k), v)
			}
		}
	}
	bearer := base.With(closekit.Bearer("tok_en"), closekit.Location(time.UTC), closekit.UserAgent(""))
	if _, err := list(t.Context(), bearer, listParams{Query: closekit.Some("a b&c"), Limit: closekit.Some(5)}); err != nil {
		t.Fatal(err)
	}
	if got.uri != "/api/v1/item/?query=a+b%26c&_limit=5" || got.header.Get("Authorization") != "Bearer tok_en" || got.header.Get("X-Tz-Offset") != "0" || got.header.Get("User-Agent") != "closekit/"+closekit.Version {
		t.Errorf("%+v", got)
	}
	// A long query is sent as a POST with an override to GET.
	p := listParams{Query: closekit.Some("a+b &c"), Skip: closekit.Some(3)}
	for i := range 100 {
		p.IDs = append(p.IDs, fmt.Sprintf("item_%040d", i))
	}
	if _, err := list(t.Context(), base, p); err != nil {
		t.Fatal(err)
	}
	wantBody := `{"_params":{"_skip":"3","id__in":"` + strings.Join(p.IDs, ",") + `","query":"a+b &c"}}`
	if got.method != "POST" || got.uri != "/api/v1/item/" || got.header.Get("X-Http-Method-Override") != "GET" || got.header.Get("Content-Type") != "application/json" || got.length != int64(len(wantBody)) || got.chunked || got.body != wantBody {
		t.Errorf("%s %s %v\n%s", got.method, got.uri, got.header, got.body)
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://api.close.com":              "https://api.close.com/api/v1/item/item_secretid/",
		"https://api.close.com/":             "https://api.close.com/api/v1/item/item_secretid/",
		" https://api.close.com// ":          "https://api.close.com/api/v1/item/item_secretid/",
		"HTTP://LocalHost:8080":              "http://LocalHost:8080/api/v1/item/item_secretid/",
		"http://[::1]:8080":                  "http://[::1]:8080/api/v1/item/item_secretid/",
		"https://gateway.example.com/close":  "https://gateway.example.com/close/api/v1/item/item_secretid/",
		"https://gateway.example.com/a%2Fb":  "https://gateway.example.com/a%2Fb/api/v1/item/item_secretid/",
		"https://api.close.com?":             "https://api.close.com/api/v1/item/item_secretid/",
		"https://api.close.com#":             "https://api.close.com/api/v1/item/item_secretid/",
		"":                                   "",
		"api.close.com":                      "",
		"//api.close.com":                    "",
		"ftp://api.close.com":                "",
		"https://":                           "",
		"https://api.close.com/api/v1":       "",
		"https://api.close.com/api/v1/":      "",
		"https://u:secret@api.close.com":     "",
		"https://api.close.com?a=b":          "",
		"https://api.close.com#x":            "",
		"https://api.close.com:x":            "",
		"https://u:secret@api.close.com:x y": "",
		"https://api.close.com/?key=secret@": "",
		"localhost:8080":                     "",
	} {
		c, s := client(ok)
		c = c.With(nil, closekit.BaseURL(in))
		_, err := get(t.Context(), c)
		if want == "" {
			e := as[*closekit.TransportError](t, err)
			if s.count() != 0 || e.MaybeDone || !strings.Contains(err.Error(), "base URL") || strings.Contains(err.Error(), "secret@") {
				t.Errorf("%q: %v", in, err)
			}
			// A later, valid base URL is used.
			if _, err := get(t.Context(), c.With(nil, closekit.BaseURL("https://api.close.com"))); err != nil {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := s.seen[0].URL.String(); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestWrongHost(t *testing.T) {
	t.Parallel()
	c := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL("https://closekit.invalid"), closekit.MaxRetries(0))
	err := calls["POST"](t.Context(), c)
	if e := as[*closekit.TransportError](t, err); e.MaybeDone || strings.Contains(err.Error(), "may have succeeded") || !strings.Contains(err.Error(), "close_item_create: POST /api/v1/item/: ") {
		t.Errorf("%+v", err)
	}
}

// TestPlainHTTP refuses to send a credential over plain HTTP to another machine,
// unless its name is allowed.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	asked := 0
	source := sourceFunc(func(context.Context) (closekit.Credential, error) {
		asked++
		return closekit.BasicCredential(testKey), nil
	})
	for base, want := range map[string]bool{
		"http://localhost": true, "http://LOCALHOST:80": true, "http://127.0.0.1:1": true, "http://127.9.9.9": true, "http://[::1]:8080": true,
		"https://gateway.example.com": true,
		"http://api.close.com":        false, "http://10.0.0.1": false, "http://0.0.0.0:80": false, "http://localhost.example.com": false, "http://emulator:8080": false,
		"http://[fe80::1]": false, "HTTP://gateway.example.com/close": false,
	} {
		c, s := client(ok)
		c = c.With(source, closekit.BaseURL(base))
		asked = 0
		_, err := get(t.Context(), c)
		if want {
			if err != nil || s.count() != 1 {
				t.Errorf("%s: %v", base, err)
			}
			continue
		}
		if e := as[*closekit.TransportError](t, err); s.count() != 0 || asked != 0 || e.MaybeDone || !strings.Contains(err.Error(), "AllowPlainHTTP") {
			t.Errorf("%s: %v", base, err)
		}
		// Another name does not help, in whichever order; the name of the host does.
		u, _ := url.Parse(base)
		if _, err := get(t.Context(), c.With(nil, closekit.AllowPlainHTTP("other", "example.com", ""))); err == nil {
			t.Errorf("%s is allowed by another name", base)
		}
		for _, c := range []*closekit.Client{c.With(nil, closekit.AllowPlainHTTP(strings.ToUpper(u.Hostname()))), c.With(nil, closekit.AllowPlainHTTP("x", u.Hostname()), closekit.BaseURL(base))} {
			if _, err := get(t.Context(), c); err != nil {
				t.Errorf("%s: %v", base, err)
			}
			if _, err := get(t.Context(), c.With(nil, closekit.BaseURL("http://elsewhere.example.com"))); err == nil {
				t.Error("the permission is for every host")
			}
		}
		if _, err := get(t.Context(), c); err == nil {
			t.Error("a derived client changed its parent")
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Add(1)
		_, _ = io.WriteString(w, `{"id":"x"}`)
	}))
	t.Cleanup(other.Close)
	tlsSrv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(other.URL, "http://", "http://", 1)+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(tlsSrv.Close)
	type hop struct{ method, path, auth, body string }
	for _, c := range []struct {
		method   string
		status   int
		location string // OTHER, SAME, LOOP or a location
		refused  string
		hops     int
	}{
		{"GET", 301, "OTHER", "another host", 1},
		{"POST", 307, "OTHER", "another host", 1},
		{"PUT", 308, "OTHER", "another host", 1},
		{"DELETE", 302, "OTHER", "another host", 1},
		{"GET", 301, "SAME", "", 2},
		{"GET", 308, "SAME", "", 2},
		{"POST", 307, "SAME", "", 2},
		{"PUT", 308, "SAME", "", 2},
		{"DELETE", 307, "SAME", "", 2},
		{"POST", 301, "SAME", "the method from POST to GET", 1},
		{"POST", 302, "SAME", "the method from POST to GET", 1},
		{"POST", 303, "SAME", "the method from POST to GET", 1},
		{"PUT", 302, "SAME", "the method from PUT to GET", 1},
		{"DELETE", 301, "SAME", "the method from DELETE to GET", 1},
		{"GET", 302, "LOOP", "too many", 5},
	} {
		t.Run(fmt.Sprint(c.method, c.status, c.location), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var hops []hop
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				hops = append(hops, hop{r.Method, r.URL.Path, r.Header.Get("Authorization"), string(body)})
				n := len(hops)
				mu.Unlock()
				switch {
				case c.location == "LOOP" || n == 1 && c.location == "SAME":
					w.Header().Set("Location", fmt.Sprintf("/moved/%d", n))
				case n == 1:
					w.Header().Set("Location", other.URL+"/moved")
				default:
					_, _ = io.WriteString(w, `{"id":"item_1"}`)
					return
				}
				w.WriteHeader(c.status)
			}))
			t.Cleanup(srv.Close)
			err := calls[c.method](t.Context(), closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(srv.URL)))
			mu.Lock()
			defer mu.Unlock()
			if len(hops) != c.hops {
				t.Errorf("%d requests, want %d: %+v", len(hops), c.hops, hops)
			}
			if c.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				a, b := hops[0], hops[len(hops)-1]
				if a.method != b.method || a.body != b.body || b.auth != testHeader || b.path != "/moved/1" {
					t.Errorf("%+v", hops)
				}
				return
			}
			e := as[*closekit.TransportError](t, err)
			if !strings.Contains(err.Error(), c.refused) || e.MaybeDone != (c.method != "GET" && c.status < 304) {
				t.Error(err)
			}
		})
	}
	t.Run("from https to http", func(t *testing.T) {
		t.Parallel()
		c := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(tlsSrv.URL), closekit.HTTPClient(tlsSrv.Client()))
		_, err := get(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), "refusing redirect") {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if n := leaked.Load(); n != 0 {
			t.Errorf("%d requests went to another host", n)
		}
	})
}

// TestDowngradeOnTheSameHost redirects from https to http on one host and port.
func TestDowngradeOnTheSameHost(t *testing.T) {
	t.Parallel()
	c, s := client(respond(307, "", "Location", "http://api.close.com/api/v1/item/"))
	err := calls["POST"](t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "refusing redirect") || s.count() != 1 {
		t.Error(err)
	}
	// A redirect without a location is an ordinary response.
	c, _ = client(respond(302, ""))
	if e := as[*closekit.Error](t, calls["GET"](t.Context(), c)); e.Status != 302 {
		t.Error(e)
	}
}

func TestCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, err := get(t.Context(), closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(srv.URL), closekit.MaxRetries(0)))
	if err == nil || !strings.Contains(err.Error(), "the server's certificate is not trusted") {
		t.Error(err)
	}
}

func TestNoCredential(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source closekit.Source
		reason string
	}{
		"empty key":       {closekit.APIKey(""), "no API key is given"},
		"blank key":       {closekit.APIKey(" \n"), "no API key is given"},
		"key with colon":  {closekit.APIKey("api_x:secret"), "characters that no key has"},
		"key with space":  {closekit.APIKey("api_x secret"), "characters that no key has"},
		"two lines":       {closekit.APIKey("api_x\nsecret"), "characters that no key has"},
		"empty token":     {closekit.Bearer(""), "no access token is given"},
		"token, space":    {closekit.Bearer("Bearer secret"), "characters that no token has"},
		"no source":       {nil, "has no source"},
		"zero credential": {sourceFunc(func(context.Context) (closekit.Credential, error) { return closekit.Credential{}, nil }), "returned no credential"},
		"needs its user": {sourceFunc(func(context.Context) (closekit.Credential, error) {
			return closekit.Credential{}, &closekit.AuthorizationError{Reason: "reconnect", Err: errTest}
		}), "reconnect: test error"},
	} {
		s := &script{steps: []step{ok}}
		_, err := get(t.Context(), closekit.NewClient(c.source, closekit.HTTPClient(&http.Client{Transport: s})))
		e := as[*closekit.AuthorizationError](t, err)
		if s.count() != 0 || e.Tool != "close_item_get" || !strings.Contains(err.Error(), "close_item_get: authorization needed: ") || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "needs its user" && !errors.Is(err, errTest) {
			t.Error("the cause is lost")
		}
	}
	// Any other error of a source is returned unchanged.
	s := &script{steps: []step{ok}}
	_, err := get(t.Context(), closekit.NewClient(sourceFunc(func(context.Context) (closekit.Credential, error) { return closekit.Credential{}, errTest }), closekit.HTTPClient(&http.Client{Transport: s})))
	if !errors.Is(err, errTest) || err.Error() != "close_item_get: test error" || s.count() != 0 {
		t.Error(err)
	}
}

var errTest = errors.New("test error")

type sourceFunc func(context.Context) (closekit.Credential, error)

func (f sourceFunc) Credential(ctx context.Context) (closekit.Credential, error) { return f(ctx) }

func TestMiddleware(t *testing.T) {
	t.Parallel()
	var order []string
	mark := func(name string) closekit.Middleware {
		return func(next closekit.RoundTrip) closekit.RoundTrip {
			return func(a *closekit.Attempt) (*http.Response, error) {
				order = append(order, fmt.Sprintf("%s %s %d", name, a.Operation.Tool, a.Number))
				if a.Request.Header.Get("Authorization") != "" {
					t.Error("middleware sees the credential before")
				}
				resp, err := next(a)
				order = append(order, name+" back")
				if a.Request.Header.Get("Authorization") != "" {
					t.Error("middleware sees the credential after")
				}
				if resp != nil && resp.Request.Header.Get("Authorization") != "" {
					t.Error("middleware sees the credential in the response")
				}
				if text := fmt.Sprintf("%v %+v %#v %+v", a, *a, a, resp); containsSecret(text) {
					t.Error("an attempt prints the credential")
				}
				return resp, err
			}
		}
	}
	c, s := client(ok)
	base := c.With(nil, closekit.WithMiddleware(mark("a"), nil, mark("b")))
	derived := base.With(nil, closekit.WithMiddleware(mark("c")))
	other := derived.With(nil, closekit.WithMiddleware(mark("d")))
	_ = derived.With(nil, closekit.WithMiddleware(mark("e"))) // does not affect the others
	other = other.With(nil)
	for _, c := range []struct {
		client *closekit.Client
		want   []string
	}{
		{base, []string{"a close_item_get 1", "b close_item_get 1", "b back", "a back"}},
		{derived, []string{"a close_item_get 1", "b close_item_get 1", "c close_item_get 1", "c back", "b back", "a back"}},
		{other, []string{"a close_item_get 1", "b close_item_get 1", "c close_item_get 1", "d close_item_get 1", "d back", "c back", "b back", "a back"}},
	} {
		order = nil
		if _, err := get(t.Context(), c.client); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(order, c.want) {
			t.Errorf("%q", order)
		}
		if s.seen[len(s.seen)-1].Header.Get("Authorization") != testHeader {
			t.Error("the credential is missing")
		}
	}
}

func TestMiddlewareMisbehaves(t *testing.T) {
	t.Parallel()
	use := func(f func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error)) (*closekit.Client, *script) {
		c, s := client(ok)
		return c.With(nil, closekit.MaxRetries(0), closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
			return func(a *closekit.Attempt) (*http.Response, error) { return f(next, a) }
		})), s
	}
	for name, c := range map[string]struct {
		f    func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error)
		want string
	}{
		"another host": {func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error) {
			a.Request.URL.Host = "evil.example.com"
			return next(a)
		}, "middleware changed the host"},
		"another scheme": {func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error) {
			a.Request.URL.Scheme = "http"
			return next(a)
		}, "middleware changed the host"},
		"nothing": {func(closekit.RoundTrip, *closekit.Attempt) (*http.Response, error) { return nil, nil }, "neither a response nor an error"},
		"own attempt": {func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error) {
			return next(&closekit.Attempt{Operation: a.Operation, Request: a.Request})
		}, "an Attempt that it did not receive"},
		"own error": {func(closekit.RoundTrip, *closekit.Attempt) (*http.Response, error) { return nil, errTest }, "test error"},
		"response, no body": {func(closekit.RoundTrip, *closekit.Attempt) (*http.Response, error) {
			return &http.Response{StatusCode: 200}, nil
		}, "the body is empty"},
		"error, no body": {func(closekit.RoundTrip, *closekit.Attempt) (*http.Response, error) {
			return &http.Response{StatusCode: 500}, nil
		}, "500"},
	} {
		c2, s := use(c.f)
		_, err := get(t.Context(), c2)
		if err == nil || !strings.Contains(err.Error(), c.want) || s.count() != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Middleware may respond itself and set headers, but not the credential.
	c, s := use(func(next closekit.RoundTrip, a *closekit.Attempt) (*http.Response, error) {
		a.Request.Header.Set("X-Trace", "1")
		a.Request.Header.Set("Authorization", "Basic other")
		return next(a)
	})
	if _, err := get(t.Context(), c); err != nil || s.seen[0].Header.Get("X-Trace") != "1" || s.seen[0].Header.Get("Authorization") != testHeader {
		t.Error(err)
	}
}

func TestResponseOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testResponseOptions)
}

func testResponseOptions(t *testing.T) {
	c, _ := client(respond(503, `{"error":"x"}`, "Retry-After", "0"), respond(200, ` {"id":"item_1"} `, "X-Thing", "y"))
	c = c.With(nil, closekit.MaxWait(time.Hour))
	meta, raw := closekit.ResponseInfo{}, []byte("before")
	v, err := get(t.Context(), c, closekit.WithResponseInfo(&meta), closekit.RawResponse(&raw))
	if err != nil || v.ID != "item_1" {
		t.Fatal(err)
	}
	if meta.Status != 200 || meta.Attempts != 2 || meta.Header.Get("X-Thing") != "y" || string(raw) != ` {"id":"item_1"} ` {
		t.Errorf("%+v, %q", meta, raw)
	}
	c, _ = client(notFound)
	if _, err := get(t.Context(), c, closekit.WithResponseInfo(&meta), closekit.RawResponse(&raw)); err == nil || meta.Status != 404 || meta.Attempts != 1 || !strings.Contains(string(raw), "matching query") {
		t.Errorf("%+v, %q", meta, raw)
	}
}

// TestEmptyBody makes typed and raw calls that get an empty response.
func TestEmptyBody(t *testing.T) {
	t.Parallel()
	merge := wire.Operation{Operation: closekit.Operation{Tool: "close_item_merge", Method: "POST", Path: "/item/", Effect: closekit.Destructive}, Params: opCreate.Params}
	named := &createParams{"x"}
	id := &itemParams{"item_secretid", closekit.Some("x")}
	for _, c := range []struct {
		op    *wire.Operation
		p     any
		input string
		fine  bool
	}{
		{&opUpdate, id, `{"item_id":"item_secretid","name":"x"}`, true},
		{&merge, named, `{"name":"x"}`, true},
		{&opCreate, named, `{"name":"x"}`, false}, // its id is missing
		{&opGet, &idParams{"item_secretid"}, `{"item_id":"item_secretid"}`, false},
	} {
		cl, _ := client(respond(200, " \n"))
		v, err := wire.Call[item](t.Context(), cl, c.op, c.p, nil)
		raw, rawErr := byName(c.op).Call(t.Context(), cl, json.RawMessage(c.input))
		if c.fine != (err == nil) || c.fine != (rawErr == nil) || c.fine && (v == nil || string(raw) != "{}") {
			t.Errorf("%s: %v and %s, %v", c.op.Tool, err, raw, rawErr)
		}
		var unread *closekit.DecodeError
		if !c.fine && (!errors.As(err, &unread) || !errors.As(rawErr, &unread)) {
			t.Errorf("%s: %v, %v", c.op.Tool, err, rawErr)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	page := "<!DOCTYPE html><html>secret name</html>"
	long := `{"id":"` + strings.Repeat("x", 4000) + `"}`
	for _, c := range []struct {
		about string
		step  step
		opts  []closekit.Option
		want  string
	}{
		{"a web page", respond(200, page, "Content-Type", "text/html; charset=utf-8"), nil, "close_item_get: cannot decode the response (status 200, text/html; charset=utf-8): invalid JSON at byte 0 (the response is a web page, not JSON; check the base URL and any proxy)"},
		{"nothing", respond(200, ""), nil, "close_item_get: cannot decode the response (status 200, application/json): the body is empty"},
		{"white space", respond(200, " \n"), nil, "close_item_get: cannot decode the response (status 200, application/json): the body is empty"},
		{"204", respond(204, ""), nil, "close_item_get: cannot decode the response (status 204, application/json): the body is empty"},
		{"cut off", respond(200, `{"id":"item_1","na`), nil, "close_item_get: cannot decode the response (status 200, application/json): invalid JSON at byte 18"},
		{"too large", respond(200, long), []closekit.Option{closekit.MaxResponseBytes(1000)}, "close_item_get: cannot decode the response (status 200, application/json): the body is larger than 1000 bytes"},
		{"large", respond(200, `{"id":"item_1"}`), []closekit.Option{closekit.MaxResponseBytes(-5)}, "close_item_get: cannot decode the response (status 200, application/json): the body is larger than 1 bytes"},
		{"a list", respond(200, `[{"id":"x"}]`), nil, "close_item_get: cannot decode the response (status 200, application/json): the body is not a JSON object"},
		{"null", respond(200, `null`), nil, "close_item_get: cannot decode the response (status 200, application/json): the body is not a JSON object"},
		{"two values", respond(200, `{"id":"x"}{"id":"y"}`), nil, "close_item_get: cannot decode the response (status 200, application/json): data after the JSON value at byte 10"},
		{"strict", respond(200, `{"id":5}`), []closekit.Option{closekit.StrictDecoding()}, `close_item_get: cannot decode the response (status 200, application/json): member "id" has an unexpected type (byte 6)`},
		{"lenient", respond(200, `{"id":5}`), nil, ""},
		{"exactly as large as allowed", respond(200, `{"id":"item_1"}`), []closekit.Option{closekit.MaxResponseBytes(15)}, ""},
		{"without limit", respond(200, long), []closekit.Option{closekit.MaxResponseBytes(math.MaxInt64)}, ""},
		{"no type", respond(200, `x`, "Content-Type", ""), nil, "close_item_get: cannot decode the response (status 200): invalid JSON at byte 0"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			cl, s := client(c.step)
			_, err := get(t.Context(), cl.With(nil, c.opts...))
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e := as[*closekit.DecodeError](t, err)
			if err.Error() != c.want || s.count() != 1 {
				t.Errorf("%d requests\ngot  %s\nwant %s", s.count(), err, c.want)
			}
			if errors.Unwrap(e) != e.Err || e.Err == nil || e.Tool != "close_item_get" || e.Status/100 != 2 {
				t.Errorf("%+v", e)
			}
			for _, f := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
				if got := fmt.Sprintf(f, err); strings.Contains(got, "secret") || strings.Contains(got, "<!DOC") || strings.Contains(got, "xxx") {
					t.Errorf("%s prints the body: %.100s", f, got)
				}
			}
			if c.about == "a web page" && string(e.Body()) != page {
				t.Errorf("%q", e.Body())
			}
		})
	}
}

// TestHugeContentLength responds with a length that must not be trusted.
func TestHugeContentLength(t *testing.T) {
	t.Parallel()
	c, _ := client(func(r *http.Request) (*http.Response, error) {
		resp, _ := ok(r)
		resp.ContentLength = math.MaxInt64
		return resp, nil
	})
	if _, err := get(t.Context(), c.With(nil, closekit.MaxResponseBytes(math.MaxInt64))); err != nil {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for body, bad := range map[string]bool{"": false, "{}": false, " ": false, "null": false, `"ok"`: false, "<html>": true, "{": true} {
		c, _ := client(respond(200, body))
		err := del(t.Context(), c)
		var d *closekit.DecodeError
		if bad != errors.As(err, &d) || !bad && err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != testHeader {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		id := strings.Split(r.URL.Path, "/")[4]
		body, _ := io.ReadAll(r.Body)
		if id == "" {
			_, _ = fmt.Fprintf(w, `{"data":[{"id":"item_%s","name":%q}],"has_more":false}`, r.URL.Query().Get("query"), r.URL.Query().Get("query"))
			return
		}
		_, _ = fmt.Fprintf(w, `{"id":%q,"echo":%q,"pad":%q}`, id, body, strings.Repeat(id, 50))
	}))
	t.Cleanup(srv.Close)
	c := closekit.NewClient(closekit.APIKey(testKey), closekit.BaseURL(srv.URL), closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip { return next }))
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			c := c.With(nil, closekit.Location(time.FixedZone("", g*60)))
			for i := range 10 {
				id := fmt.Sprintf("item_%d_%d", g, i)
				v, err := wire.Call[item](t.Context(), c, &opUpdate, &itemParams{id, closekit.Some(id)}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if echo, _ := v.Raw("echo"); v.ID != id || !strings.Contains(string(echo), id) {
					t.Errorf("%s got %s, %s", id, v.ID, echo)
				}
				p, err := list(t.Context(), c, listParams{Query: closekit.Some(id)})
				if err != nil || len(p.Data) != 1 || p.Data[0].Name.Or("") != id {
					t.Errorf("%s: %+v, %v", id, p, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNilAndOddOptions(t *testing.T) {
	t.Parallel()
	s := &script{steps: []step{ok}}
	c := closekit.NewClient(closekit.APIKey(testKey), closekit.HTTPClient(&http.Client{Transport: s}), closekit.HTTPClient(nil), logging.Logger(nil), closekit.WithMiddleware(), closekit.MaxRetries(-1), closekit.AttemptTimeout(0))
	if _, err := get(t.Context(), c, closekit.WithResponseInfo(nil), closekit.RawResponse(nil), closekit.MaxItems(0)); err != nil {
		t.Error(err)
	}
	if _, err := url.Parse(s.seen[0].URL.String()); err != nil {
		t.Error(err)
	}
}
