package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// call makes a request to a handler as the first user.
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
	for _, r := range crudRoutes("/saved_search/", "saved_searches", 201, 204) {
		s.router.add(r)
	}
	s.router.add(route{method: "POST", path: "/saved_search/{id}/share/", resource: "saved_searches", action: "share"})
	s.engine.resources["saved_searches"] = ordinary("saved_searches")
	status, o := serve(s, "POST", "/saved_search/", `{"name": "Hot", "query": {"a": [1]}, "id": "mine", "organization_id": "x", "created_by": 5}`)
	if status != 201 || !strings.HasPrefix(str(o["id"]), "save_") || o["name"] != "Hot" || o["organization_id"] == "x" {
		t.Fatalf("got %d %v", status, o)
	}
	path := "/saved_search/" + str(o["id"]) + "/"
	if status, o = serve(s, "PUT", path, `{"name": null}`); status != 200 || o["name"] != nil || o["query"] == nil {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(s, "GET", "/saved_search/?name=x", ""); status != 200 || len(list(o["data"])) != 1 {
		t.Errorf("got %d %v", status, o)
	}
	if status, o = serve(s, "POST", path+"share/", "{}"); status != http.StatusNotImplemented {
		t.Errorf("got %d %v", status, o)
	}
	if status, _ = serve(s, "DELETE", path, ""); status != 204 {
		t.Errorf("got %d", status)
	}
	if status, o = serve(s, "GET", path, ""); status != 404 || !strings.Contains(str(o["error"]), "Savedsearche matching") {
		t.Errorf("got %d %v", status, o)
	}
}

func TestGuesses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"groups": "group", "policies": "policy", "SMS templates": "smstemplate", "": "obj", "!": "obj", "s": "obj"} {
		if got := guessPrefix(name); got != want {
			t.Errorf("guessPrefix(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestEveryToolRouteHasBehaviour(t *testing.T) {
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
		res := s.engine.resources[r.resource]
		if res == nil || !known[r.action] && res.actions[r.action] == nil {
			t.Errorf("%s: nothing does %s %s", r.tool, r.resource, r.action)
		}
		n, _ := s.router.find(strings.ReplaceAll(r.path, "{id}", "x"))
		if n == nil || n.methods[r.method].tool != r.tool {
			t.Errorf("%s is not reached at %s %s", r.tool, r.method, r.path)
		}
	}
	if len(names) != len(toolRoutes) {
		t.Errorf("%d routes have %d names", len(toolRoutes), len(names))
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	west := time.FixedZone("", -5*3600)
	for in, want := range map[string]string{
		"2026-01-02":                    "2026-01-02T05:00:00+00:00",
		"2026-01-02T03:04:05Z":          "2026-01-02T03:04:05+00:00",
		"2026-01-02T03:04:05.25+01:00":  "2026-01-02T02:04:05.250000+00:00",
		"2026-01-02T03:04:05 01:00":     "2026-01-02T02:04:05+00:00",
		"2026-01-02T03:04:05+0100":      "2026-01-02T02:04:05+00:00",
		"2026-01-02T03:04:05":           "2026-01-02T03:04:05+00:00",
		"2026-01-02 03:04:05":           "2026-01-02T03:04:05+00:00",
		"2026-01-02T03:04":              "2026-01-02T03:04:00+00:00",
		"2026-01-02T03:04:05.999999999": "2026-01-02T03:04:05.999999+00:00",
		"2026-13-02":                    "",
		"":                              "",
		"now":                           "",
		"-0001-01-01T00:00:00Z":         "",
	} {
		got, _, err := parseTime(in, west)
		switch {
		case want == "" && err == nil:
			t.Errorf("parseTime(%q) = %v, want an error", in, got)
		case want != "" && (err != nil || stamp(got) != want):
			t.Errorf("parseTime(%q) = %s, %v, want %s", in, stamp(got), err, want)
		}
	}
	if got := naive(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)); got != "2026-01-02T03:04:05.000006" {
		t.Errorf("got %s", got)
	}
}

func TestE164(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"8004445555": "+18004445555", "18004445555": "+18004445555", "+49 (30) 1234-56": "+4930123456", "12345": "+12345", "1234": "", "x": "",
		"+": "", "1234567890123456": "", "80+04445555": "",
	} {
		got, ok := e164(in)
		if got != want || ok != (want != "") {
			t.Errorf("e164(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	if got := phoneCountry("+999123"); got != "" {
		t.Errorf("got country %q", got)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	tab := newTable()
	var rows []*record
	for i := range 300 {
		r := &record{seq: uint64(i), org: "o", id: strconv.Itoa(i), lead: "l"}
		rows = append(rows, r)
		tab.insert(r)
	}
	for _, r := range rows[:250] {
		tab.remove(r)
		tab.remove(r)
	}
	tab.move(rows[260], "m")
	tab.move(rows[260], "l")
	tab.move(rows[251], "")
	if len(tab.all("o")) != 50 || len(tab.of("l")) != 49 || len(tab.rows) > 200 || tab.of("l")[9].id != "260" {
		t.Errorf("got %d rows, %d of the lead, %d in memory", len(tab.all("o")), len(tab.of("l")), len(tab.rows))
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

func TestSignDocumentedWay(t *testing.T) {
	t.Parallel()
	if got := sign("zz", "1", nil); got != "" {
		t.Errorf("a key that is not hex signs: %q", got)
	}
	// echo -n '1{}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00ff
	if got, want := sign("00ff", "1", []byte("{}")), "bd5fe7fdf8cc14314491ebffc0b599c9908c33463ea0ac1677d6b73925b65e03"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFallbackBranches(t *testing.T) {
	t.Parallel()
	if got := failed(errNotObject); got.status != 500 || !strings.Contains(string(got.body), "JSON object") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := (&apiError{status: 404}).Error(); got != "Not Found" {
		t.Errorf("got %q", got)
	}
	if got := string(encodeJSON(func() {})); !strings.Contains(got, "could not encode") {
		t.Errorf("got %s", got)
	}
	if got := percent(-333, 50); got != -167 {
		t.Errorf("got %d", got)
	}
	if got := formatMoney(-9223372036854775808, "CHF"); got != "-CHF 92,233,720,368,547,758.08" {
		t.Errorf("got %s", got)
	}
	for _, zone := range []string{"NaN", "inf", "-24", "99", "x", "-0.0"} {
		if got := zoneOf(http.Header{"X-Tz-Offset": {zone}}); got != time.UTC {
			t.Errorf("zone %s: got %v", zone, got)
		}
	}
}
