package emulator

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/emulator/internal/value"
)

// fuzzBodies are bodies that reach deep into the handlers.
var fuzzBodies = []string{
	``, `{}`, `[]`, `null`, `{"name": "x", "contacts": [{"emails": [{"email": "a@b.c"}], "phones": [{"phone": "8004445555"}]}]}`,
	`{"lead_id": "LEAD", "text": "t", "_type": "lead", "date": "2026-01-01"}`, `{"lead_id": "LEAD", "note": "n", "status": "draft", "to": ["a@b.c"]}`,
	`{"lead_id": "LEAD", "value": 100, "value_period": "monthly", "confidence": 5, "status": "Won"}`,
	`{"source": "LEAD", "destination": "LEAD"}`, `{"object_id": "LEAD", "body": "b"}`, `{"custom": {"x": {}}, "custom.y.add": [[]]}`,
	`{"name": "n", "type": "choices", "choices": ["a", {}]}`, `{"url": "http://127.0.0.1:1/", "events": [{"object_type": "lead", "action": "x", "extra_filter": {"type": "and", "filters": [{}]}}]}`,
	`{"statuses": [{"id": {}}], "steps": [{"id": []}], "addresses": [[]], "emails": [{}], "is_complete": true}`, `{"_params": {"lead_id": [{}, 1], "_limit": 1e9}}`,
	`{"name": {}, "date": [], "status": {}, "status_id": 1, "note_html": 5, "send_in": {}, "_type": [], "events": {}, "choices": 1}`,
}

// nowhere is a network that fails every request.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network")
}

func FuzzHandler(f *testing.F) {
	for i, r := range slices.Concat(toolRoutes[:], extraRoutes) {
		f.Add(r.method, apiRoot+r.path, "lead_id=LEAD&query=a:b -\"c\"&_order_by=-value&_fields=id,custom&view=inbox", fuzzBodies[i%len(fuzzBodies)])
	}
	f.Add("POST", "/oauth2/token/", "", "grant_type=refresh_token&refresh_token=x&client_id=CLIENT&client_secret=SECRET")
	f.Add("GET", "/oauth2/authorize/", "client_id=CLIENT&response_type=code&redirect_uri=https://x/", "")
	f.Add("POST", "/oauth2/authorize/", "", "csrf=x&decision=allow")
	f.Add("GET", "/.well-known/oauth-authorization-server", "", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		s := New(Options{Seed: 1, WebhookClient: &http.Client{Transport: nowhere{}}})
		defer func() { _ = s.Close() }()
		_, o := serve(s, "POST", "/lead/", `{"name": "Acme", "contacts": [{"name": "Bob"}]}`)
		lead := value.String(o["id"])
		place := strings.NewReplacer("LEAD", lead, "{id}", lead, "CLIENT", s.ClientID(), "SECRET", s.ClientSecret())
		u, err := url.Parse(place.Replace(path))
		if err != nil || method == "" {
			return
		}
		u.RawQuery = place.Replace(query)
		for _, header := range []string{"", "GET", "PUT"} {
			req, err := http.NewRequest(method, u.String(), strings.NewReader(place.Replace(body)))
			if err != nil {
				return
			}
			req.SetBasicAuth(s.APIKey(), "")
			req.Header.Set("X-Http-Method-Override", header)
			if strings.HasPrefix(path, "/oauth2/") {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Del("Authorization")
			}
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, req)
			if rec.Code < 200 || rec.Code == http.StatusInternalServerError {
				t.Fatalf("%s %s %s: got %d %s", method, u, body, rec.Code, rec.Body)
			}
		}
		if status, _ := serve(s, "GET", "/lead/", ""); status != http.StatusOK {
			t.Fatalf("afterwards: got %d", status)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{`acme "x y" sort:-name`, `name:`, `-`, `"`, `custom."a b">5`, `a:"`, `not not x`, "created>=\t1"} {
		f.Add(s)
	}
	s := New(Options{Seed: 1})
	serve(s, "POST", "/lead/", `{"name": "Acme"}`)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/lead/?query=", "/opportunity/?query=", "/opportunity/?lead_query="} {
			status, o := serve(s, "GET", path+url.QueryEscape(query), "")
			if fields, _ := o["field-errors"].(object); status != http.StatusOK && (status != http.StatusBadRequest || len(fields) != 1) {
				t.Fatalf("%s: got %d %v", path, status, o)
			}
		}
	})
}

func FuzzSeed(f *testing.F) {
	f.Add(`{"leads": [{"name": "x", "tasks": [{"text": "y"}], "notes": [{"contact": {}}]}], "custom_fields": {"lead": [{}]}}`)
	f.Fuzz(func(_ *testing.T, seed string) {
		_ = New(Options{Seed: 1}).Seed(strings.NewReader(seed)) // must not panic
	})
}
