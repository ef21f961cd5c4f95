package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/emulator"
)

func TestTransport(t *testing.T) {
	t.Parallel()
	s := emulator.New(emulator.Options{Seed: 1, Strict: true})
	client := &http.Client{Transport: s.Transport()}
	do := func(method, path string, body io.Reader) (*http.Response, error) {
		req, err := http.NewRequest(method, "https://api.close.com"+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(s.APIKey(), "")
		req.Header.Set("Content-Type", "application/json")
		return client.Do(req)
	}
	res, err := do("POST", "/api/v1/lead/", strings.NewReader(`{"name": "Acme"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || res.Status != "200 OK" || int64(len(body)) != res.ContentLength || !strings.Contains(string(body), "Acme") {
		t.Errorf("got %s, %v, %s", res.Status, err, body)
	}
	if res, err = do("POST", "/api/v1/lead/", io.MultiReader(strings.NewReader(`{}`))); err != nil || res.StatusCode != 400 {
		t.Errorf("chunked: got %v, %v", res, err)
	}
	if res, err = do("GET", "/.well-known/oauth-authorization-server", nil); err != nil {
		t.Fatal(err)
	}
	if body, _ = io.ReadAll(res.Body); !strings.Contains(string(body), "api.close.com/oauth2/token/") {
		t.Errorf("got %s", body)
	}
	s.Fail(emulator.Fault{Kind: emulator.FaultCut})
	if _, err = do("GET", "/api/v1/me/", nil); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("cut: got %v", err)
	}
	s.Fail(emulator.Fault{Kind: emulator.FaultShort, Body: `{"a":`})
	if res, err = do("GET", "/api/v1/me/", nil); err != nil {
		t.Fatal(err)
	}
	if body, err = io.ReadAll(res.Body); err == nil || string(body) != `{"a":` {
		t.Errorf("short: got %s, %v", body, err)
	}
	s.Fail(emulator.Fault{Kind: emulator.FaultEndless})
	if res, err = do("GET", "/api/v1/me/", nil); err != nil {
		t.Fatal(err)
	}
	if n, _ := io.CopyN(io.Discard, res.Body, 1<<20); n != 1<<20 {
		t.Errorf("endless: got %d bytes", n)
	}
	_ = res.Body.Close()
	s.Fail(emulator.Fault{Kind: emulator.FaultEmpty, Status: 204})
	if res, err = do("GET", "/api/v1/me/", nil); err != nil || res.StatusCode != 204 {
		t.Errorf("empty: got %v, %v", res, err)
	}
}

func TestTransportInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := emulator.New(emulator.Options{Seed: 1})
		client := &http.Client{Transport: s.Transport()}
		u := s.Users()[0]
		token, err := s.Grant(u.ID, u.Organizations[0])
		if err != nil {
			t.Fatal(err)
		}
		get := func(ctx context.Context) (int, error) {
			req, _ := http.NewRequestWithContext(ctx, "GET", "https://api.close.com/api/v1/me/", nil)
			req.Header.Set("Authorization", "Bearer "+token.AccessToken)
			res, err := client.Do(req)
			if err != nil {
				return 0, err
			}
			return res.StatusCode, res.Body.Close()
		}
		s.Fail(emulator.Fault{Delay: 59 * time.Minute})
		if status, err := get(t.Context()); status != 200 || err != nil {
			t.Errorf("after 59 minutes: got %d, %v", status, err)
		}
		s.Fail(emulator.Fault{Delay: time.Minute})
		if status, err := get(t.Context()); status != 401 || err != nil {
			t.Errorf("after an hour: got %d, %v", status, err)
		}
		s.Fail(emulator.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
	})
}

// A panic of a handler must reach the client as an error.
func TestTransportReportsPanics(t *testing.T) {
	t.Parallel()
	s := emulator.New(emulator.Options{Clock: func() time.Time { return time.Now() }})
	client := &http.Client{Transport: s.Transport()}
	req, _ := http.NewRequest("GET", "https://x.example/api/v1/me/", panics{})
	if _, err := client.Do(req); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %v", err)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("on purpose") }

func Example() {
	srv := emulator.New(emulator.Options{Seed: 1})
	if err := srv.Seed(strings.NewReader(`{"leads": [{"name": "Acme"}, {"name": "Globex"}]}`)); err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: srv.Transport()}
	q := url.Values{"query": {"acme"}, "_fields": {"name"}}
	req, err := http.NewRequest("GET", "https://api.close.com/api/v1/lead/?"+q.Encode(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth(srv.APIKey(), "")
	res, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(string(body), err)
	fmt.Println(srv.Requests()[0].Tool)
	// Output:
	// {"data":[{"name":"Acme"}],"has_more":false,"total_results":1} <nil>
	// close_leads_list
}
