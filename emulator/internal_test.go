package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/value"
)

// serve makes a request to a handler as the first user.
func serve(s *Server, method, path, body string) (int, object) {
	req := httptest.NewRequest(method, "/api/v1"+path, strings.NewReader(body))
	req.SetBasicAuth(s.APIKey(), "")
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	out := object{}
	_ = json.Unmarshal(rec.Body.Bytes(), &out)
	return rec.Code, out
}

func TestUnknownResourceNeedsNoCode(t *testing.T) {
	t.Parallel()
	s := New(Options{Seed: 1})
	for _, r := range []route{
		{method: "GET", path: "/saved_search/", action: "list", status: 200},
		{method: "GET", path: "/saved_search/{id}/", action: "get", status: 200},
		{method: "POST", path: "/saved_search/", action: "create", status: 201},
		{method: "PUT", path: "/saved_search/{id}/", action: "update", status: 200},
		{method: "DELETE", path: "/saved_search/{id}/", action: "delete", status: 204},
	} {
		r.resource = "saved_searches"
		s.router.add(r)
	}
	s.router.add(route{method: "POST", path: "/saved_search/{id}/share/", resource: "saved_searches", action: "share"})
	s.engine.Resources["saved_searches"] = rest.Ordinary("saved_searches")
	status, o := serve(s, "POST", "/saved_search/", `{"name": "Hot", "query": {"a": [1]}, "id": "mine", "organization_id": "x", "created_by": 5}`)
	if status != 201 || !strings.HasPrefix(value.String(o["id"]), "save_") || o["name"] != "Hot" || o["organization_id"] == "x" {
		t.Fatalf("got %d %v", status, o)
	}
	path := "/saved_search/" + value.String(o["id"]) + "/"
	if status, o = serve(s, "PUT", path, `{"name": null}`); status != 200 || o["name"] != nil || o["query"] == nil {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(s, "GET", "/saved_search/?name=x", ""); status != 200 || len(value.List(o["data"])) != 1 {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(s, "POST", path+"share/", "{}"); status != http.StatusNotImplemented {
		t.Errorf("got %d %v", status, o)
	}
	if status, _ = serve(s, "DELETE", path, ""); status != 204 {
		t.Errorf("got %d", status)
	}
	if status, o = serve(s, "GET", path, ""); status != 404 || !strings.Contains(value.String(o["error"]), "Savedsearche matching") {
		t.Errorf("got %d %v", status, o)
	}
}

func TestEveryToolRouteIsImplemented(t *testing.T) {
	t.Parallel()
	s := New(Options{Seed: 1})
	known := map[string]bool{"list": true, "get": true, "create": true, "update": true, "delete": true}
	names := map[string]bool{}
	last := ""
	for _, r := range toolRoutes {
		if r.tool <= last {
			t.Errorf("%s comes after %s", r.tool, last)
		}
		last = r.tool
		names[r.tool] = true
		n, _ := s.router.find(strings.ReplaceAll(r.path, "{id}", "x"))
		if n == nil || n.methods[r.method].tool != r.tool {
			t.Errorf("%s is not reached at %s %s", r.tool, r.method, r.path)
			continue
		}
		r = n.methods[r.method] // tableNames may name another resource
		res := s.engine.Resources[r.resource]
		if res == nil || !known[r.action] && res.Actions[r.action] == nil {
			t.Errorf("%s: nothing does %s %s", r.tool, r.resource, r.action)
		}
	}
	if len(names) != len(toolRoutes) {
		t.Errorf("%d routes have %d names", len(toolRoutes), len(names))
	}
	for _, r := range extraRoutes {
		if slices.ContainsFunc(toolRoutes[:], func(x route) bool { return x.method == r.method && x.path == r.path }) {
			t.Errorf("%s %s is written by hand, and a tool has it", r.method, r.path)
		}
	}
	for from, to := range tableNames {
		if !slices.ContainsFunc(toolTables[:], func(x table) bool { return x.name == from }) || s.engine.Resources[to] == nil {
			t.Errorf("%s is called %s, and one of them is not there", from, to)
		}
	}
}

func TestMatchPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/", "/a/", true},
		{"/a/", "/a/b", false},
		{"*", "/a", true},
		{"/a*", "/a/b", true},
		{"/a*", "/b", false},
		{"*/x/*", "/a/x/b", true},
		{"/a/*/c/*/e", "/a/b/c/d/e", true},
		{"/a/*/q/*/e", "/a/b/c/d/e", false},
		{"/a*b", "/a", false},
	} {
		if got := matchPath(c.pattern, c.path); got != c.want {
			t.Errorf("matchPath(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestZoneOf(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"NaN", "inf", "-24", "99", "x", "-0.0"} {
		if got := zoneOf(http.Header{"X-Tz-Offset": {zone}}); got != time.UTC {
			t.Errorf("zone %s: got %v", zone, got)
		}
	}
}

// TestRecordingIsBounded checks what the recorded requests hold in memory.
func TestRecordingIsBounded(t *testing.T) {
	t.Parallel()
	s := New(Options{Seed: 1})
	request := func(method, path, body string, authorize func(*http.Request)) Request {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		authorize(req)
		s.ServeHTTP(httptest.NewRecorder(), req)
		all := s.Requests()
		return all[len(all)-1]
	}
	key := func(r *http.Request) { r.SetBasicAuth(s.APIKey(), "") }
	nobody := func(*http.Request) {}
	stranger := func(r *http.Request) { r.SetBasicAuth("api_x", "") }
	form := "grant_type=refresh_token&refresh_token=x&client_secret=y&client_id="
	for name, got := range map[string]bool{
		"key":               request("POST", "/api/v1/lead/", `{}`, key).Body != nil,
		"key, unknown path": request("POST", "/api/v1/x/", `{}`, key).Body != nil,
		"client":            request("POST", "/oauth2/token/", form+s.ClientID(), nobody).Body != nil,
	} {
		if !got {
			t.Errorf("%s: the body is not kept", name)
		}
	}
	for name, got := range map[string]bool{
		"no key":         request("POST", "/api/v1/lead/", `{}`, nobody).Body == nil,
		"wrong key":      request("POST", "/api/v1/lead/", `{}`, stranger).Body == nil,
		"no API":         request("POST", "/x/", `{}`, nobody).Body == nil,
		"no OAuth form":  request("POST", "/oauth2/token/", `{}`, nobody).Body == nil,
		"unknown client": request("POST", "/oauth2/token/", form+"x", nobody).Body == nil,
	} {
		if !got {
			t.Errorf("%s: the body is kept", name)
		}
	}
	s.Fail(Fault{Status: 503})
	if got := request("POST", "/api/v1/lead/", `{"name": "x"}`, key); string(got.Body) != `{"name": "x"}` || got.Status != 503 {
		t.Errorf("the body of a request that failed with a fault: got %+v", got)
	}

	large := strings.Repeat("x", 12<<20)
	for range 8 {
		if got := request("POST", "/api/v1/x/", large, key); len(got.Body) != len(large) {
			t.Fatalf("a large body: got %d bytes", len(got.Body))
		}
	}
	all, total := s.Requests(), 0
	for _, r := range all {
		total += len(r.Body)
	}
	if len(all) != 5 || total > keepBytes {
		t.Errorf("got %d requests with %d bytes, want 5 with at most %d", len(all), total, keepBytes)
	}
	for range 7 {
		request("GET", "/api/v1/me/", "", func(r *http.Request) { r.Header.Set("X-Large", large) })
	}
	if all = s.Requests(); len(all) > 6 {
		t.Errorf("headers are not counted: got %d requests", len(all))
	}
	for range keepRequests + 1 {
		s.record(&rest.Request{Method: "GET", Path: "/api/v1/me/"}, 200)
	}
	if all = s.Requests(); len(all) > keepRequests || s.st.recorded != len(all)*len("/api/v1/me/") {
		t.Errorf("got %d requests with %d bytes", len(all), s.st.recorded)
	}
}
