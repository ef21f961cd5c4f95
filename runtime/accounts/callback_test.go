package accounts

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// browser keeps cookies and has a session of the host.
type browser struct {
	w       *world
	user    string
	cookies []*http.Cookie
}

func (b *browser) open(address string) *http.Response {
	b.w.Helper()
	r := httptest.NewRequestWithContext(b.w.Context(), http.MethodGet, address, nil)
	if b.user != "" {
		r.Header.Set("X-Test-User", b.user)
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	b.w.m.Handler().ServeHTTP(rec, r)
	resp := rec.Result()
	for _, c := range resp.Cookies() {
		b.cookies = slices.DeleteFunc(b.cookies, func(o *http.Cookie) bool { return o.Name == c.Name })
		if c.MaxAge >= 0 {
			b.cookies = append(b.cookies, c)
		}
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := resp.Header.Get(name); got != want {
			b.w.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	return resp
}

func (w *world) link(name string, opts ...LinkOption) string {
	w.Helper()
	l, err := w.m.AuthorizationLink(w.Context(), user(name), conName, opts...)
	if err != nil {
		w.Fatal(err)
	}
	return l.URL
}

// wantStatus checks a status and gives where it leads.
func (w *world) wantStatus(resp *http.Response, status int) string {
	w.Helper()
	if resp.StatusCode != status {
		w.Errorf("status %d, want %d", resp.StatusCode, status)
	}
	return resp.Header.Get("Location")
}

func TestCallback(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		b := &browser{w: w, user: "ada"}
		link := w.link("ada", ReturnTo("home"))
		w.state("ada", Pending, "")
		consent := w.wantStatus(b.open(link), http.StatusSeeOther)
		if len(b.cookies) != 1 {
			w.Fatalf("cookies are %v", b.cookies)
		}
		c := b.cookies[0]
		if !strings.HasPrefix(c.Name, "__Host-cflow-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 600 {
			w.Errorf("the cookie is %+v", c)
		}
		callback := w.consent(consent, who("ada"))
		if to := w.wantStatus(b.open(callback), http.StatusSeeOther); to != "/settings?connection_status=connected&tab=crm" {
			w.Errorf("it leads to %q", to)
		}
		if len(b.cookies) != 0 {
			w.Error("the cookie was not removed")
		}
		w.ok(w.account("ada"))
		w.state("ada", Active, "")
		w.wantEvents("ada", EventCreated, EventConnected)
		resp := b.open(callback) // pressed twice
		w.wantStatus(resp, http.StatusOK)
		if body := readAll(resp); !strings.Contains(body, `<a href="/login?next=a&amp;b">`) {
			w.Errorf("the page does not lead on: %s", body)
		}
		w.wantStatus(b.open(link), http.StatusGone)
		// A reconnect of an active account changes nothing until it is complete.
		consent = w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther)
		w.ok(w.account("ada"))
		resp = b.open(w.consent(consent, who("ada")))
		w.wantStatus(resp, http.StatusOK)
		body := readAll(resp)
		if !strings.Contains(body, "user_ada") || !strings.Contains(body, "orga_1") {
			w.Errorf("the page says %q", body)
		}
		w.wantEvents("ada", EventCreated, EventConnected, EventConnected)
	}, func(cfg *Config) { cfg.HomeURL = "/login?next=a&b" })
}

func readAll(resp *http.Response) string {
	b, _ := readBody(resp.Body)
	return string(b)
}

func FuzzCallback(f *testing.F) {
	f.Add("code=x&state=y")
	f.Add("error=access_denied&state=<script>")
	f.Fuzz(func(t *testing.T, query string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, func(cfg *Config) { cfg.HomeURL = "/login?next=a&b" })
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example/connect/close/callback", nil)
			r.URL.RawQuery = query
			rec := httptest.NewRecorder()
			w.m.Handler().ServeHTTP(rec, r)
			if rec.Code != http.StatusBadRequest || rec.Header().Get("Location") != "" || rec.Body.String() != pageText(textBroken) && rec.Body.Len() > 300 {
				t.Errorf("%d %q", rec.Code, rec.Body)
			}
			w.end()
		})
	})
}

func pageText(text string) string {
	rec := httptest.NewRecorder()
	page(rec, 200, text, "/login?next=a&b")
	return rec.Body.String()
}
