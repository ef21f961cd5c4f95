package emulator_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

func strict(o *emulator.Options) { o.Strict = true }

func TestAuthentication(t *testing.T) {
	t.Parallel()
	a := start(t)
	key := a.srv.APIKey()
	for name, header := range map[string]string{
		"nothing":    "",
		"no colon":   "Basic " + base64.StdEncoding.EncodeToString([]byte(key)),
		"unknown":    "Basic " + base64.StdEncoding.EncodeToString([]byte("api_x:")),
		"no base64":  "Basic !",
		"bearer":     "Bearer x",
		"key bearer": "Bearer " + key,
		"scheme":     "Token " + key,
	} {
		b := a.with("Authorization", header)
		b.auth = nil
		equal(t, b.want(401, "GET", "/me/", nil), "Unauthorized", "error")
		_ = name
	}
	lower := a.with("Authorization", "basic "+base64.StdEncoding.EncodeToString([]byte(key+":")))
	lower.auth = nil
	lower.get("/me/")
	u := a.srv.Users()[0]
	second, err := a.srv.AddAPIKey(u.ID, u.Organizations[0])
	if err != nil {
		t.Fatal(err)
	}
	a.key(second).get("/me/")
	if !a.srv.RevokeAPIKey(second) || a.srv.RevokeAPIKey(second) {
		t.Error("RevokeAPIKey reports wrongly")
	}
	a.key(second).want(401, "GET", "/me/", nil)
	if _, err := a.srv.AddAPIKey("user_x", u.Organizations[0]); err == nil {
		t.Error("a stranger got a key")
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 401} {
		a := start(t, func(o *emulator.Options) { o.PermissionDenied = status })
		u, err := a.srv.AddUser(emulator.User{FirstName: "Rita", Role: "restricteduser"})
		if err != nil {
			t.Fatal(err)
		}
		if u.Role != "restricteduser" {
			t.Errorf("got role %q", u.Role)
		}
		rita := a.key(a.srv.APIKeyOf(u.ID, u.Organizations[0]))
		lead, other := a.lead("Acme"), a.lead("Globex")
		want := max(status, 403)
		if status == 401 {
			want = 401
		}
		rita.want(want, "DELETE", "/lead/"+lead+"/", nil)
		rita.want(want, "POST", "/lead/merge/", object{"source": lead, "destination": other})
		rita.want(want, "PUT", "/pipeline/"+text(at(a.get("/pipeline/"), "data", 0, "id"))+"/", object{})
		rita.want(want, "DELETE", "/status/lead/"+text(at(a.get("/status/lead/"), "data", 1, "id"))+"/", nil)
		own := id(rita.post("/activity/note/", object{"lead_id": lead, "note": "mine"}))
		rita.del("/activity/note/" + own + "/")
	}
}

func TestTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	a := start(t)
	org, err := a.srv.AddOrganization(emulator.Organization{Name: "Other", Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.srv.AddOrganization(emulator.Organization{ID: org.ID}); err == nil {
		t.Error("an organization id was taken twice")
	}
	u, err := a.srv.AddUser(emulator.User{FirstName: "Olga", Organizations: []string{org.ID}, Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.srv.AddUser(emulator.User{Organizations: []string{"orga_x"}}); err == nil {
		t.Error("a user joined an unknown organization")
	}
	b := a.key(a.srv.APIKeyOf(u.ID, org.ID))
	if a.srv.APIKeyOf("user_x", org.ID) != "" {
		t.Error("a stranger has a key")
	}
	lead := a.lead("Acme")
	b.want(404, "GET", "/lead/"+lead+"/", nil)
	b.want(404, "PUT", "/lead/"+lead+"/", object{})
	b.want(404, "DELETE", "/lead/"+lead+"/", nil)
	b.refused("POST", "/activity/note/", object{"lead_id": lead}, "lead")
	b.refused("POST", "/lead/", object{"status_id": at(a.get("/status/lead/"), "data", 0, "id")}, "status")
	for _, path := range []string{"/lead/", "/lead/?lead_id=" + lead, "/contact/?lead_id=" + lead, "/event/?lead_id=" + lead, "/task/", "/activity/?lead_id=" + lead} {
		equal(t, b.get(path), "[]", "data")
	}
	equal(t, b.get("/user/"), "Olga", "data", 0, "first_name")
	equal(t, b.get("/user/"), "null", "data", 1)
	b.want(404, "GET", "/user/"+a.srv.Users()[0].ID+"/", nil)
	equal(t, b.post("/opportunity/", object{"value": 100}), "€1", "value_formatted")
	if got := len(a.srv.Objects("leads")); got != 2 {
		t.Errorf("Objects shows %d leads of all organizations, want 2", got)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	a := start(t)
	res, _ := a.send("POST", "/lead?x=1", object{"name": "x"})
	if res.StatusCode != 308 || res.Header.Get("Location") != "/api/v1/lead/?x=1" {
		t.Errorf("got %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	// A client that follows the redirect posts the same body.
	req, _ := http.NewRequest("POST", a.srv.URL()+"/api/v1/lead", strings.NewReader(`{"name": "kept"}`))
	req.SetBasicAuth(a.srv.APIKey(), "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	equal(t, a.get("/lead/"), "kept", "data", 0, "name")

	for _, path := range []string{"/nothing/", "/lead/x/y/", "/", "", "//", "/lead//"} {
		got := a.want(404, "GET", path, nil)
		if !strings.Contains(text(got["error"]), "not found") {
			t.Errorf("%s: got %v", path, got)
		}
	}
	res, body := a.send("PATCH", "/lead/", object{})
	if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, POST" {
		t.Errorf("PATCH: got %d %q %s", res.StatusCode, res.Header.Get("Allow"), body)
	}
	if res, _ := a.send("HEAD", "/me/", nil); res.StatusCode != 200 {
		t.Errorf("HEAD: got %d", res.StatusCode)
	}
	equal(t, a.want(404, "GET", "/lead/lead_x/", nil), "Empty query: Lead matching query does not exist.", "error")
	equal(t, a.want(404, "GET", "/custom_field/lead/cf_x/", nil), "Empty query: LeadCustomField matching query does not exist.", "error")
	root, err := http.Get(a.srv.URL() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = root.Body.Close()
	if root.StatusCode != 404 {
		t.Errorf("root: got %d", root.StatusCode)
	}
	s := start(t, strict)
	s.want(404, "POST", "/lead", object{"name": "x"})
	s.want(404, "GET", "/me", nil)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	a := start(t)
	for body, want := range map[string]string{
		"":               "The request contains invalid JSON.",
		"{":              "The request contains invalid JSON.",
		`{"name": NaN}`:  "The request contains invalid JSON.",
		`{} {}`:          "The request contains invalid JSON.",
		`[]`:             "JSON data must be a dict.",
		`5`:              "JSON data must be a dict.",
		`"x"`:            "JSON data must be a dict.",
		"\x00":           "The request contains invalid JSON.",
		"null":           "JSON data must be a dict.",
		`{"a": 1e99999}`: "",
	} {
		if want == "" {
			a.post("/lead/", body)
			continue
		}
		equal(t, a.want(400, "POST", "/lead/", body), want, "error")
	}
	a.want(200, "GET", "/lead/", `{}`)
	a.want(200, "GET", "/lead/", `not json`)
	a.with("Content-Type", "text/plain").post("/lead/", `{}`)
	created := a.want(201, "POST", "/pipeline/", object{"name": "x"})
	res, _ := a.send("POST", "/pipeline/", object{"name": "y"})
	if !strings.HasPrefix(res.Header.Get("Location"), "/api/v1/pipeline/pipe_") || id(created) == "" {
		t.Errorf("got Location %q", res.Header.Get("Location"))
	}
	if res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got content type %q", res.Header.Get("Content-Type"))
	}

	s := start(t, strict)
	s.post("/lead/", object{})
	s.with("Content-Type", "text/plain").want(400, "POST", "/lead/", `{}`)
	s.with("Content-Type", "application/json; charset=utf-8").post("/lead/", `{}`)
	for srv, want := range map[*emulator.Server]int{s.srv: 400, a.srv: 200} {
		req, _ := http.NewRequest("POST", srv.URL()+"/api/v1/lead/", io.MultiReader(strings.NewReader(`{}`)))
		req.SetBasicAuth(srv.APIKey(), "")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("chunked body: got %d, want %d", res.StatusCode, want)
		}
	}
	rec := httptest.NewRecorder()
	a.srv.ServeHTTP(rec, httptest.NewRequest("POST", "/api/v1/lead/", io.LimitReader(zeros{}, 17<<20)))
	if rec.Code != 413 {
		t.Errorf("huge body: got %d", rec.Code)
	}
	rec = httptest.NewRecorder()
	a.srv.ServeHTTP(rec, httptest.NewRequest("POST", "/api/v1/lead/", broken{}))
	if rec.Code != 400 {
		t.Errorf("broken body: got %d", rec.Code)
	}
	rec = httptest.NewRecorder()
	bare, _ := http.NewRequest("GET", "/api/v1/lead/", nil)
	a.srv.ServeHTTP(rec, bare)
	if rec.Code != 401 {
		t.Errorf("request without body: got %d", rec.Code)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestMethodOverride(t *testing.T) {
	t.Parallel()
	a := start(t)
	one, two := a.lead("one"), a.lead("two")
	b := a.with("X-HTTP-Method-Override", "GET")
	long := strings.Repeat("lead_x,", 700) + one
	got := b.post("/lead/", object{"_params": object{"id__in": long, "_limit": 5, "_fields": []any{"name", "id"}}})
	equal(t, got, `[{"id":"`+one+`","name":"one"}]`, "data")
	equal(t, b.post("/lead/?_limit=1", object{}), "true", "has_more")
	b.want(200, "POST", "/me/", "")
	b.want(400, "POST", "/lead/", "{")
	b.post("/task/", object{"_params": object{"is_complete": false, "lead_id": nil}})
	a.with("X-HTTP-Method-Override", "put").post("/lead/"+two+"/", object{"name": "three"})
	equal(t, a.get("/lead/"+two+"/"), "three", "name")
	a.with("X-HTTP-Method-Override", "DELETE").want(200, "POST", "/lead/"+two+"/", nil)
	if last := a.srv.Requests(); last[2].Method != "GET" || last[2].Tool != "close_leads_list" {
		t.Errorf("got %+v", last[2])
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	a := start(t)
	for i := range 5 {
		a.lead(strconv.Itoa(i))
	}
	for query, want := range map[string]string{
		"":                                "4 3 2 1 0",
		"_limit=2":                        "4 3",
		"_limit=2&_skip=2":                "2 1",
		"_limit=200":                      "4 3 2 1 0",
		"_limit=0":                        "",
		"_skip=99":                        "",
		"_skip=35000":                     "",
		"_order_by=name":                  "0 1 2 3 4",
		"_order_by=-date_updated":         "4 3 2 1 0",
		"_order_by=nonsense":              "4 3 2 1 0",
		"_order_by=name&query=sort:-name": "4 3 2 1 0",
		"date_updated__gt=2030-01-01":     "4 3 2 1 0",
	} {
		got := a.get("/lead/?" + query)
		if column(got, "name") != want || text(got["total_results"]) != "5" {
			t.Errorf("%s: got %q of %v, want %q", query, column(got, "name"), got["total_results"], want)
		}
	}
	s := start(t, strict)
	s.lead("b")
	s.lead("a")
	if got := column(s.get("/lead/?_order_by=-name"), "name"); got != "a b" {
		t.Errorf("_order_by in strict mode: got %q", got)
	}
	equal(t, a.get("/lead/?_limit=2&_skip=2"), "true", "has_more")
	equal(t, a.get("/lead/?_limit=2&_skip=3"), "false", "has_more")
	got := a.want(400, "GET", "/lead/?_limit=201&_skip=35001", nil)
	equal(t, got, "Input should be less than or equal to 200", "field-errors", "_limit")
	equal(t, got, "Input should be less than or equal to 35000", "field-errors", "_skip")
	a.refused("GET", "/lead/?_limit=-1", nil, "_limit")
	a.refused("GET", "/lead/?_limit=many", nil, "_limit")
	a.refused("GET", "/user/?_limit=many", nil, "_limit")
	equal(t, a.get("/contact/"), "null", "total_results")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	a := start(t)
	a.srv.Fail(emulator.Fault{Status: 503, Times: 2, Skip: 1, Path: "/api/v1/lead/*", Header: http.Header{"x-test": {"1"}}})
	a.get("/lead/")
	a.get("/me/")
	for range 2 {
		res, body := a.send("GET", "/lead/?x=1", nil)
		if res.StatusCode != 503 || res.Header.Get("X-Test") != "1" || !strings.Contains(string(body), "Service Unavailable") {
			t.Errorf("got %d %s", res.StatusCode, body)
		}
	}
	a.get("/lead/")
	a.srv.Fail(emulator.Fault{Tool: "close_lead_create", Method: "POST", Status: 400, Body: `{"field-errors":{"name":"no"}}`})
	a.get("/lead/")
	a.want(400, "POST", "/lead/", object{"name": "x"})
	a.srv.Fail(emulator.Fault{Tool: "close_leads_list", Status: 500})
	a.with("X-HTTP-Method-Override", "GET").want(500, "POST", "/lead/", object{})
	a.srv.Fail(emulator.Fault{Times: -1, Status: 500, AfterAction: true, Method: "POST"})
	a.want(500, "POST", "/lead/", object{"name": "made anyway"})
	a.want(500, "POST", "/lead/", object{"name": "made again"})
	a.srv.ClearFaults()
	equal(t, a.get("/lead/"), "2", "total_results")

	for _, c := range []struct {
		kind        emulator.FaultKind
		status      int
		contentType string
	}{
		{emulator.FaultMalformed, 200, "application/json"},
		{emulator.FaultHTML, 502, "text/html; charset=utf-8"},
		{emulator.FaultEmpty, 200, ""},
	} {
		a.srv.Fail(emulator.Fault{Kind: c.kind})
		res, body := a.send("GET", "/me/", nil)
		if res.StatusCode != c.status || res.Header.Get("Content-Type") != c.contentType || (len(body) == 0) != (c.kind == emulator.FaultEmpty) {
			t.Errorf("kind %d: got %d %q %q", c.kind, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
	client := &http.Client{}
	for _, kind := range []emulator.FaultKind{emulator.FaultCut, emulator.FaultShort} {
		a.srv.Fail(emulator.Fault{Kind: kind, Times: -1})
		res, err := client.Get(a.srv.URL() + "/api/v1/me/")
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			t.Errorf("kind %d: got no error", kind)
		}
		a.srv.ClearFaults()
	}
	a.srv.Fail(emulator.Fault{Kind: emulator.FaultEndless})
	res, err := client.Get(a.srv.URL() + "/api/v1/me/")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	_ = res.Body.Close()
	if n != 1<<20 {
		t.Errorf("endless: got %d bytes", n)
	}
	gone, leave := context.WithCancel(context.Background())
	leave()
	a.srv.Fail(emulator.Fault{Delay: time.Hour})
	a.srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(gone, "GET", "/api/v1/me/", nil))
	if got := a.srv.Requests(); got[len(got)-1].Status != 0 || got[len(got)-1].Tool != "close_me_get" {
		t.Errorf("a request whose client left: got %+v", got[len(got)-1])
	}
	a.srv.Fail(emulator.Fault{Header: http.Header{"Ratelimit": {"nonsense"}}})
	if res, _ := a.send("GET", "/me/", nil); res.StatusCode != 200 || res.Header.Get("RateLimit") != "nonsense" {
		t.Errorf("got %d %v", res.StatusCode, res.Header)
	}
	a.srv.Fail(emulator.Fault{Method: "POST", Delay: time.Hour, AfterAction: true})
	late, stop := context.WithCancel(context.Background())
	defer stop()
	held := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(late, "POST", a.srv.URL()+"/api/v1/lead/", strings.NewReader(`{"name": "timed out"}`))
		req.SetBasicAuth(a.srv.APIKey(), "")
		_, err := client.Do(req)
		held <- err
	}()
	for at(a.get("/lead/"), "data", 0, "name") != "timed out" { // until it was done
		select {
		case err := <-held:
			t.Fatalf("the response was not held: %v", err)
		default:
		}
	}
	stop()
	if err := <-held; !errors.Is(err, context.Canceled) {
		t.Errorf("a held response: %v", err)
	}
	equal(t, a.get("/lead/"), "timed out", "data", 0, "name")
}

func TestAbortWithoutConnection(t *testing.T) {
	t.Parallel()
	s := emulator.New(emulator.Options{})
	s.Fail(emulator.Fault{Kind: emulator.FaultCut})
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("got %v", got)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/me/", nil))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		style  emulator.RateLimitStyle
		ok     map[string]string
		denied map[string]string
	}{
		{emulator.RateLimitNone, map[string]string{"RateLimit": ""}, map[string]string{"Retry-After": ""}},
		{emulator.RateLimitComma, map[string]string{"RateLimit": "limit=2, remaining=1, reset=1.5"}, map[string]string{"RateLimit": "limit=2, remaining=0, reset=1.5", "Retry-After": "2"}},
		{emulator.RateLimitSemicolon, map[string]string{"RateLimit": "limit=2; remaining=1; reset=1.5", "RateLimit-Remaining": "1", "RateLimit-Limit": "2"}, map[string]string{"RateLimit-Reset": "1.5", "Retry-After": "2"}},
		{emulator.RateLimitLegacy, map[string]string{"X-Rate-Limit-Limit": "2", "X-Rate-Limit-Remaining": "1"}, map[string]string{"X-Rate-Limit-Reset": "1.5", "Retry-After": ""}},
		{emulator.RateLimitRetryAfter, map[string]string{"Retry-After": "", "RateLimit": ""}, map[string]string{"Retry-After": "2"}},
	} {
		a := start(t, func(o *emulator.Options) {
			o.RateLimit = emulator.RateLimit{Style: c.style, Requests: 2, Window: 1500 * time.Millisecond}
		})
		check := func(status int, want map[string]string) {
			t.Helper()
			res, body := a.send("GET", "/user/", nil)
			if res.StatusCode != status {
				t.Errorf("style %d: got %d %s", c.style, res.StatusCode, body)
			}
			for k, v := range want {
				if got := res.Header.Get(k); got != v {
					t.Errorf("style %d: %s is %q, want %q", c.style, k, got, v)
				}
			}
		}
		check(200, c.ok)
		check(200, nil)
		check(429, c.denied)
		a.get("/lead/") // another group of endpoints counts on its own
		a.srv.Advance(2 * time.Second)
		check(200, c.ok)
		a.srv.Fail(emulator.Fault{Status: 429})
		check(429, nil)
	}
	a := start(t)
	a.srv.SetRateLimit(emulator.RateLimit{Style: emulator.RateLimitComma})
	res, _ := a.send("GET", "/me/", nil)
	if got := res.Header.Get("RateLimit"); got != "limit=100, remaining=99, reset=1" {
		t.Errorf("got %q", got)
	}
	a.srv.Fail(emulator.Fault{Status: 429})
	res, _ = a.send("GET", "/me/", nil)
	if res.Header.Get("RateLimit") != "limit=100, remaining=50, reset=1" || res.Header.Get("Retry-After") != "1" {
		t.Errorf("got %v", res.Header)
	}
}

func TestOrganizationLimit(t *testing.T) {
	t.Parallel()
	a := start(t, func(o *emulator.Options) {
		o.RateLimit = emulator.RateLimit{Style: emulator.RateLimitComma, Requests: 1}
	})
	u := a.srv.Users()[0]
	for i := range 5 {
		key, err := a.srv.AddAPIKey(u.ID, u.Organizations[0])
		if err != nil {
			t.Fatal(err)
		}
		want := 200
		if i >= 3 {
			want = 429
		}
		a.key(key).want(want, "GET", "/me/", nil)
	}
	token, err := a.srv.Grant(u.ID, u.Organizations[0])
	if err != nil {
		t.Fatal(err)
	}
	a.bearer(token.AccessToken).want(429, "GET", "/me/", nil)
}

func TestServer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := emulator.New(emulator.Options{Seed: 3, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), ExtraFields: true})
	if s.URL() != "" {
		t.Errorf("got URL %q before it listens", s.URL())
	}
	h := httptest.NewServer(s)
	defer h.Close()
	req, _ := http.NewRequest("GET", h.URL+"/api/v1/connected_account/", nil)
	req.SetBasicAuth(s.APIKey(), "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.Contains(string(body), "x_unknown") {
		t.Errorf("got %s", body)
	}
	if got := log.String(); !strings.Contains(got, "path=/api/v1/connected_account/") || strings.Contains(got, s.APIKey()) {
		t.Errorf("got log %s", got)
	}
	meta, err := http.Get(h.URL + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(meta.Body)
	_ = meta.Body.Close()
	if !strings.Contains(string(body), h.URL+"/oauth2/token/") {
		t.Errorf("got %s", body)
	}
	if err := s.Listen("256.0.0.1:0"); err == nil {
		t.Error("listening on nonsense worked")
	}
	if err := s.Listen(":0"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("got URL %q", s.URL())
	}
	if err := s.Listen(":0"); err == nil {
		t.Error("listening twice worked")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if time.Since(s.Now()) > time.Minute {
		t.Errorf("got time %v", s.Now())
	}
	if got := emulator.New(emulator.Options{BaseURL: "https://x.example"}).TokenURL(); got != "https://x.example/oauth2/token/" {
		t.Errorf("got %q", got)
	}
}

func TestSeedsRepeat(t *testing.T) {
	t.Parallel()
	one, two := emulator.New(emulator.Options{Seed: 5}), emulator.New(emulator.Options{Seed: 5})
	if one.APIKey() != two.APIKey() || one.ClientSecret() != two.ClientSecret() || one.Users()[0].ID != two.Users()[0].ID {
		t.Error("equal seeds give different ids")
	}
	first, second := emulator.New(emulator.Options{}), emulator.New(emulator.Options{})
	if first.APIKey() == second.APIKey() {
		t.Error("random seeds give equal keys")
	}
}

func TestChosenKey(t *testing.T) {
	t.Parallel()
	srv := emulator.New(emulator.Options{APIKey: "api_chosen"})
	for range 2 {
		req := httptest.NewRequest(http.MethodGet, "/api/v1/me/", nil)
		req.SetBasicAuth("api_chosen", "")
		rec := httptest.NewRecorder()
		srv.ServeHTTP(rec, req)
		if rec.Code != http.StatusOK || srv.APIKey() != "api_chosen" || srv.APIKeyOf(srv.Users()[1].ID, srv.Users()[1].Organizations[0]) == "api_chosen" {
			t.Errorf("status %d, key %s", rec.Code, srv.APIKey())
		}
		srv.Reset()
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{0, 9} {
		a := start(t, func(o *emulator.Options) { o.Seed = seed })
		key, lead := a.srv.APIKey(), a.lead("Acme")
		a.srv.Fail(emulator.Fault{Status: 500, Times: -1})
		a.srv.Reset()
		if a.srv.APIKey() != key || len(a.srv.Requests()) != 0 || len(a.srv.Objects("leads")) != 0 || len(a.srv.Objects("events")) != 0 {
			t.Error("the reset left something, or changed the key")
		}
		if again := a.lead("Acme"); again != lead {
			t.Errorf("got id %s after the reset, want %s", again, lead)
		}
	}
}

type fakeTB struct {
	clean  []func()
	failed string
}

func (f *fakeTB) Helper()                        {}
func (f *fakeTB) Cleanup(g func())               { f.clean = append(f.clean, g) }
func (f *fakeTB) Fatalf(format string, _ ...any) { f.failed = format }

func TestStart(t *testing.T) {
	t.Parallel()
	f := &fakeTB{}
	s := emulator.Start(f)
	res, err := http.Get(s.URL() + "/api/v1/me/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	for _, g := range f.clean {
		g()
	}
	if _, err := http.Get(s.URL() + "/api/v1/me/"); err == nil {
		t.Error("the server outlived its test")
	}
}
