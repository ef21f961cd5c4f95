package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

type object = map[string]any

// noon is the time of most tests.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// api is a small HTTP client that knows nothing about Close.
type api struct {
	t      *testing.T
	srv    *emulator.Server
	auth   func(*http.Request)
	header http.Header
}

func start(t *testing.T, opts ...emulator.Option) *api {
	t.Helper()
	opts = append([]emulator.Option{func(o *emulator.Options) {
		o.Seed = 7
		o.Clock = func() time.Time { return noon }
	}}, opts...)
	srv := emulator.Start(t, opts...)
	return (&api{t: t, srv: srv, header: http.Header{}}).key(srv.APIKey())
}

// key returns a client with another API key.
func (a *api) key(key string) *api {
	b := *a
	b.auth = func(r *http.Request) { r.SetBasicAuth(key, "") }
	return &b
}

// bearer returns a client with an access token.
func (a *api) bearer(token string) *api {
	b := *a
	b.auth = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	return &b
}

// with returns a client that sends a header.
func (a *api) with(name, value string) *api {
	b := *a
	b.header = a.header.Clone()
	b.header.Set(name, value)
	return &b
}

var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send makes a request below /api/v1. A body that is not a string is encoded.
func (a *api) send(method, path string, body any) (*http.Response, []byte) {
	a.t.Helper()
	var raw []byte
	switch v := body.(type) {
	case nil:
	case string:
		raw = []byte(v)
	default:
		var err error
		if raw, err = json.Marshal(v); err != nil {
			a.t.Fatal(err)
		}
	}
	root := a.srv.URL()
	if !strings.HasPrefix(path, "/oauth2/") && !strings.HasPrefix(path, "/.well-known/") {
		root += "/api/v1"
	}
	req, err := http.NewRequest(method, root+path, bytes.NewReader(raw))
	if err != nil {
		a.t.Fatal(err)
	}
	maps.Copy(req.Header, a.header)
	if len(raw) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.auth != nil {
		a.auth(req)
	}
	res, err := noRedirect.Do(req)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, data
}

// want makes a request, checks the status and returns the JSON response.
func (a *api) want(status int, method, path string, body any) object {
	a.t.Helper()
	res, data := a.send(method, path, body)
	if res.StatusCode != status {
		a.t.Fatalf("%s %s: got status %d, want %d: %s", method, path, res.StatusCode, status, data)
	}
	out := object{}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &out); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, data)
		}
	}
	return out
}

func (a *api) get(path string) object { a.t.Helper(); return a.want(200, "GET", path, nil) }

func (a *api) post(path string, body any) object {
	a.t.Helper()
	return a.want(200, "POST", path, body)
}

func (a *api) put(path string, body any) object { a.t.Helper(); return a.want(200, "PUT", path, body) }

func (a *api) del(path string) object { a.t.Helper(); return a.want(200, "DELETE", path, nil) }

// refused makes a request that must fail with a 400 and returns the error of a
// field.
func (a *api) refused(method, path string, body any, field string) {
	a.t.Helper()
	got := a.want(400, method, path, body)
	if at(got, "field-errors", field) == nil {
		a.t.Errorf("%s %s: got %v, want a field error for %q", method, path, got, field)
	}
}

// at returns a member of a JSON value by its path, or nil.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(object)
			v = o[p]
		case int:
			l, _ := v.([]any)
			if p < 0 {
				p += len(l)
			}
			if p < 0 || p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func id(o object) string { s, _ := o["id"].(string); return s }

// equal checks a value inside a JSON response against its text.
func equal(t *testing.T, v any, want string, path ...any) {
	t.Helper()
	if got := text(at(v, path...)); got != want {
		t.Errorf("%v: got %s, want %s", path, got, want)
	}
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// column lists one member of the rows of a list response.
func column(list object, name string) string {
	var out []string
	rows, _ := list["data"].([]any)
	for _, row := range rows {
		out = append(out, text(at(row, name)))
	}
	return strings.Join(out, " ")
}

func (a *api) lead(name string) string {
	a.t.Helper()
	return id(a.post("/lead/", object{"name": name}))
}

func (a *api) contact(lead, name string) string {
	a.t.Helper()
	return id(a.post("/contact/", object{"lead_id": lead, "name": name, "emails": []any{object{"email": strings.ToLower(name) + "@example.com"}}}))
}

// second returns a client of the second user.
func (a *api) second() *api {
	u := a.srv.Users()[1]
	return a.key(a.srv.APIKeyOf(u.ID, u.Organizations[0]))
}

func events(a *api, filter string) string {
	a.t.Helper()
	var out []string
	for _, row := range a.get("/event/?" + filter)["data"].([]any) {
		out = append(out, fmt.Sprint(at(row, "object_type"), ".", at(row, "action")))
	}
	return strings.Join(out, " ")
}
