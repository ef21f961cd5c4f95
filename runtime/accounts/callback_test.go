package accounts

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
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

// TestFaultF1 goes through the table of attacks on the callback.
func TestFaultF1(t *testing.T) {
	t.Parallel()
	// prepared gives a browser that is back from the consent page.
	prepared := func(w *world) (*browser, string) {
		b := &browser{w: w, user: "ada"}
		return b, w.consent(w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther), who("ada"))
	}
	nothing := func(w *world, want ...EventType) {
		w.Helper()
		if w.p.Counts().Exchanges != 0 || w.p.Counts().Requests != 0 {
			w.Error("a code was exchanged")
		}
		w.state("ada", Pending, "")
		w.wantEvents("ada", append([]EventType{EventCreated}, want...)...)
	}
	for name, run := range map[string]func(w *world){
		"no cookie": func(w *world) {
			b, callback := prepared(w)
			b.cookies = nil
			w.wantStatus(b.open(callback), http.StatusBadRequest)
			nothing(w, EventLinkMisused)
		},
		"foreign cookie": func(w *world) {
			b, callback := prepared(w)
			b.cookies[0].Value = randomToken()
			w.wantStatus(b.open(callback), http.StatusBadRequest)
			nothing(w, EventLinkMisused)
		},
		"foreign state": func(w *world) {
			b, callback := prepared(w)
			u, _ := url.Parse(callback)
			q := u.Query()
			q.Set("state", randomToken())
			u.RawQuery = q.Encode()
			w.wantStatus(b.open(u.String()), http.StatusBadRequest)
			nothing(w)
			w.wantStatus(b.open(callback), http.StatusOK) // the right one still works
			w.state("ada", Active, "")
		},
		"used state": func(w *world) {
			b, callback := prepared(w)
			w.wantStatus(b.open(callback), http.StatusOK)
			b.user = "mallory"
			w.wantStatus(b.open(callback), http.StatusBadRequest)
			if w.p.Counts().Exchanges != 1 {
				w.Errorf("%d exchanges", w.p.Counts().Exchanges)
			}
		},
		"lapsed": func(w *world) {
			b, callback := prepared(w)
			time.Sleep(flowTime)
			w.wantStatus(b.open(callback), http.StatusBadRequest)
			nothing(w)
		},
		"link lapsed": func(w *world) {
			link := w.link("ada")
			time.Sleep(flowTime)
			w.wantStatus((&browser{w: w, user: "ada"}).open(link), http.StatusGone)
			nothing(w)
		},
		"opened twice": func(w *world) {
			b := &browser{w: w, user: "ada"}
			link := w.link("ada")
			first := w.consent(w.wantStatus(b.open(link), http.StatusSeeOther), who("ada"))
			second := w.consent(w.wantStatus(b.open(link), http.StatusSeeOther), who("ada"))
			w.wantStatus(b.open(first), http.StatusBadRequest)
			w.wantStatus(b.open(second), http.StatusOK)
		},
		"parameters": func(w *world) {
			b, callback := prepared(w)
			for _, q := range []string{
				"", "code=x", "state=x", "code=&state=x", "code=x&state=", "code=x&code=y&state=z", "code=x&state=y&state=z", "error=a&error=b&state=x",
				"code=x&error=y&state=z", "code=x&state=%zz", "code=" + strings.Repeat("x", maxCode+1) + "&state=y", "code=x&state=" + strings.Repeat("y", maxState+1),
				"code=x&state=y&iss=a&iss=b", "pad=" + strings.Repeat("x", maxQuery), "code=x;state=y",
			} {
				w.wantStatus(b.open("https://app.example/connect/close/callback?"+q), http.StatusBadRequest)
			}
			nothing(w)
			w.wantStatus(b.open(callback), http.StatusOK)
		},
		"issuer": func(w *world) {
			b, callback := prepared(w)
			w.wantStatus(b.open(callback+"&iss=https%3A%2F%2Fevil.example"), http.StatusBadRequest)
			nothing(w, EventLinkMisused)
			b, callback = prepared(w)
			w.wantStatus(b.open(callback+"&iss=https%3A%2F%2Fapi.close.com"), http.StatusOK)
		},
		"another connection": func(w *world) {
			b, callback := prepared(w)
			w.wantStatus(b.open(strings.Replace(callback, "/close/", "/second/", 1)), http.StatusBadRequest)
			nothing(w, EventLinkMisused)
			w.wantStatus(b.open(strings.Replace(callback, "/close/", "/third/", 1)), http.StatusNotFound)
			w.wantStatus(b.open(strings.Replace(w.link("ada"), "/close/", "/second/", 1)), http.StatusGone)
		},
		"methods": func(w *world) {
			_, callback := prepared(w)
			for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut} {
				rec := httptest.NewRecorder()
				w.m.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.Context(), method, callback, nil))
				w.wantStatus(rec.Result(), http.StatusMethodNotAllowed)
			}
			nothing(w)
		},
		"spoofed host": func(w *world) {
			r := httptest.NewRequestWithContext(w.Context(), http.MethodGet, w.link("ada"), nil)
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("X-Test-User", "ada")
			rec := httptest.NewRecorder()
			w.m.Handler().ServeHTTP(rec, r)
			if to := rec.Result().Header.Get("Location"); strings.Contains(to, "evil") || !strings.Contains(to, url.QueryEscape("https://app.example/connect/close/callback")) {
				w.Errorf("it leads to %q", to)
			}
		},
		"denied": func(w *world) {
			b := &browser{w: w, user: "ada"}
			consent := w.wantStatus(b.open(w.link("ada", ReturnTo("out"))), http.StatusSeeOther)
			u, _ := url.Parse(consent)
			to := w.wantStatus(b.open("https://app.example/connect/close/callback?error=access_denied&error_description=%3Cscript%3E&state="+u.Query().Get("state")), http.StatusSeeOther)
			if to != "https://app.example/done?connection_status=denied" {
				w.Errorf("it leads to %q", to)
			}
			nothing(w, EventDenied)
		},
		"other error is not shown": func(w *world) {
			b := &browser{w: w, user: "ada"}
			u, _ := url.Parse(w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther))
			resp := b.open("https://app.example/connect/close/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=zzz&error_uri=https://evil.example&state=" + u.Query().Get("state"))
			if body := readAll(resp); resp.StatusCode != http.StatusBadGateway || strings.Contains(body, "script") || strings.Contains(body, "zzz") || strings.Contains(body, "evil") {
				w.Errorf("%d %q", resp.StatusCode, body)
			}
			nothing(w)
		},
		"code refused": func(w *world) {
			a := w.connect("ada")
			b, callback := prepared(w)
			w.p.Script(oauthtest.Refuse(400, "invalid_grant"))
			w.wantStatus(b.open(callback), http.StatusBadGateway)
			w.state("ada", Active, "")
			w.ok(a)
			w.wantEvents("ada", EventCreated, EventConnected)
		},
		"code without an answer": func(w *world) {
			b, callback := prepared(w)
			w.p.Script(oauthtest.LoseResponse)
			w.wantStatus(b.open(callback), http.StatusBadGateway)
			if w.p.Counts().Requests != 1 {
				w.Errorf("the code was sent %d times", w.p.Counts().Requests)
			}
			w.state("ada", Pending, "")
		},
		"foreign code": func(w *world) { // of another flow: PKCE fails
			b, callback := prepared(w)
			other := w.consent(w.wantStatus((&browser{w: w, user: "bob"}).open(w.link("bob")), http.StatusSeeOther), who("bob"))
			foreign, _ := url.Parse(other)
			mine, _ := url.Parse(callback)
			q := mine.Query()
			q.Set("code", foreign.Query().Get("code"))
			mine.RawQuery = q.Encode()
			w.wantStatus(b.open(mine.String()), http.StatusBadGateway)
			w.state("ada", Pending, "")
		},
		"another close user": func(w *world) {
			a := w.connect("ada")
			b := &browser{w: w, user: "ada"}
			w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther), who("eve"))), http.StatusConflict)
			w.ok(a)
			w.wantEvents("ada", EventCreated, EventConnected, EventIdentityMismatch)
			w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("ada", NewIdentity())), http.StatusSeeOther), who("eve"))), http.StatusOK)
			if r := w.rec("ada"); r.UserID != "user_eve" {
				w.Errorf("bound to %s", r.UserID)
			}
		},
		"disconnect kills links": func(w *world) {
			b, callback := prepared(w)
			if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
				w.Fatal(err)
			}
			w.wantStatus(b.open(callback), http.StatusBadRequest)
			w.state("ada", Disconnected, HostDisconnect)
			if w.p.Counts().Exchanges != 0 {
				w.Error("a code was exchanged")
			}
		},
		"bad link requests": func(w *world) {
			if _, err := w.m.AuthorizationLink(w.Context(), user("ada"), conName, ReturnTo("https://evil.example")); err == nil {
				w.Error("a foreign place to return to was taken")
			}
			if _, err := w.m.AuthorizationLink(w.Context(), Principal{}, conName); err == nil {
				w.Error("nobody got a link")
			}
			if _, err := w.m.AuthorizationLink(w.Context(), user("ada"), "nowhere"); err == nil {
				w.Error("an unknown connection got a link")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, run, func(cfg *Config) {
				second := testConnection()
				second.Name = "second"
				cfg.Connections = append(cfg.Connections, second)
			})
		})
	}
	t.Run("100 at once", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			b, callback := prepared(w)
			w.p.Set(func(k *oauthtest.Knobs) { k.Latency = time.Second })
			var wg sync.WaitGroup
			var good atomic.Int32
			for range 100 {
				wg.Go(func() {
					c := &browser{w: w, user: "ada", cookies: slices.Clone(b.cookies)}
					if c.open(callback).StatusCode == http.StatusOK {
						good.Add(1)
					}
				})
			}
			wg.Wait()
			if w.p.Counts().Exchanges != 1 || good.Load() != 1 {
				w.Errorf("%d exchanges, %d pages of success", w.p.Counts().Exchanges, good.Load())
			}
			w.wantEvents("ada", EventCreated, EventConnected)
		})
	})
}

// TestFaultF2 has another user open a link.
func TestFaultF2(t *testing.T) {
	t.Parallel()
	t.Run("at the start", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			link := w.link("mallory")
			w.wantStatus((&browser{w: w, user: "bob"}).open(link), http.StatusForbidden)
			w.wantStatus((&browser{w: w}).open(link), http.StatusUnauthorized)
			w.wantEvents("mallory", EventCreated, EventLinkMisused)
			w.wantStatus((&browser{w: w, user: "mallory"}).open(link), http.StatusSeeOther)
		})
	})
	t.Run("at the callback", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			b := &browser{w: w, user: "mallory"}
			consent := w.wantStatus(b.open(w.link("mallory")), http.StatusSeeOther)
			b.user = "bob" // the same browser, another session
			w.wantStatus(b.open(w.consent(consent, who("bob"))), http.StatusForbidden)
			w.state("mallory", Pending, "")
			if w.p.Counts().Requests != 0 {
				w.Error("something was sent to the token endpoint")
			}
			w.wantEvents("mallory", EventCreated, EventLinkMisused)
		})
	})
	t.Run("out of band", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			b := &browser{w: w} // no session here
			to := w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("mallory", OutOfBand())), http.StatusSeeOther), who("bob"))), http.StatusSeeOther)
			w.state("mallory", Verifying, "")
			u, _ := url.Parse(to)
			id := u.Query().Get("confirm")
			if !strings.HasPrefix(to, "https://app.example/verify?confirm=") || len(id) != tokenLength {
				w.Fatalf("it leads to %q", to)
			}
			if err := w.get(w.account("mallory")); !errors.Is(err, ErrVerificationRequired) {
				w.Errorf("meanwhile a caller gets %v", err)
			}
			if _, err := w.m.ConfirmUser(w.Context(), id, user("bob")); !errors.Is(err, ErrWrongUser) {
				w.Errorf("bob confirms: %v", err)
			}
			if w.p.Counts().Requests != 0 {
				w.Error("something was sent to the token endpoint")
			}
			w.state("mallory", Pending, "")
			if _, err := w.m.ConfirmUser(w.Context(), id, user("mallory")); !errors.Is(err, ErrNotFound) {
				w.Errorf("after that mallory confirms: %v", err)
			}
			w.wantEvents("mallory", EventCreated, EventVerifying, EventLinkMisused, EventVerificationFailed)
		})
	})
}

func TestOutOfBand(t *testing.T) {
	t.Parallel()
	held := func(w *world) string {
		b := &browser{w: w}
		to := w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("ada", OutOfBand())), http.StatusSeeOther), who("ada"))), http.StatusSeeOther)
		u, _ := url.Parse(to)
		return u.Query().Get("confirm")
	}
	t.Run("confirmed", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			id := held(w)
			info, err := w.m.ConfirmUser(w.Context(), id, user("ada"))
			if err != nil || info.State != Active || info.UserID != "user_ada" {
				w.Fatalf("confirming gives %+v, %v", info, err)
			}
			w.ok(w.account("ada"))
			if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
				w.Errorf("confirming again gives %v", err)
			}
			w.wantEvents("ada", EventCreated, EventVerifying, EventConnected)
		})
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			w.run()
			id := held(w)
			time.Sleep(flowTime + 2*time.Minute)
			if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
				w.Errorf("confirming gives %v", err)
			}
			w.state("ada", Pending, "")
			w.wantEvents("ada", EventCreated, EventVerifying, EventVerificationFailed)
		})
	})
	t.Run("exchange fails", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			id := held(w)
			w.p.Script(oauthtest.Refuse(400, "invalid_grant"))
			_, err := w.m.ConfirmUser(w.Context(), id, user("ada"))
			var failed *FlowFailedError
			if !errors.Is(err, ErrFlowFailed) || !errors.As(err, &failed) || failed.Kind != GrantRefused {
				w.Errorf("confirming gives %v", err)
			}
			w.state("ada", Pending, "")
		})
	})
	t.Run("active stays active", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			id := held(w)
			w.ok(a)
			w.state("ada", Active, "")
			if _, err := w.m.ConfirmUser(w.Context(), id, user("eve")); !errors.Is(err, ErrWrongUser) {
				w.Errorf("eve confirms: %v", err)
			}
			w.ok(a)
		})
	})
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			for _, id := range []string{"", "x", randomToken(), strings.Repeat("y", 1000)} {
				if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
					w.Errorf("%q gives %v", id, err)
				}
			}
		})
	})
}

func TestLocalFlow(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) { // paste
		f, err := w.m.PasteLocal(w.Context(), user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		callback := w.consent(f.URL(), who("ada"))
		for _, bad := range []string{"", "two words", "https://app.example/?code=x&state=y", "https://app.example/?code=x", "https://app.example/callback", "hello", "code=abcdefghijkl", "abcdefghijkl\x1b"} {
			if _, err := f.Finish(w.Context(), bad); err == nil {
				w.Errorf("%q was taken", bad)
			}
		}
		info, err := f.Finish(w.Context(), " "+callback+"\n")
		if err != nil || info.State != Active {
			w.Errorf("finishing gives %+v, %v", info, err)
		}
		if _, err := f.Finish(w.Context(), callback); !errors.Is(err, ErrNotFound) {
			w.Errorf("finishing again gives %v", err)
		}
		if text := fmt.Sprintf("%v %+v %#v", f, f, f); strings.Contains(text, f.state) {
			w.Errorf("printing a flow gives %q", text)
		}
		g, err := w.m.PasteLocal(w.Context(), user("bob"), conName)
		if err != nil {
			w.Fatal(err)
		}
		u, _ := url.Parse(w.consent(g.URL(), who("bob")))
		if _, err := g.Finish(w.Context(), u.Query().Get("code")); err != nil { // only the code
			w.Errorf("finishing with the code gives %v", err)
		}
	})
	t.Run("loopback", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		f, err := w.m.ListenLocal(w.Context(), user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		callback := w.consent(f.URL(), who("ada"))
		if !strings.HasPrefix(callback, "http://127.0.0.1:") {
			w.Fatalf("the callback is %s", callback)
		}
		for _, c := range []struct {
			address string
			status  int
		}{{strings.Replace(callback, "state=", "state=x", 1), 400}, {callback, 200}, {callback, 410}} {
			req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, c.address, nil)
			if err != nil {
				w.Fatal(err)
			}
			resp, err := (&http.Client{}).Do(req)
			if err != nil {
				w.Fatal(err)
			}
			_ = resp.Body.Close()
			w.wantStatus(resp, c.status)
		}
		if info, err := f.Wait(w.Context()); err != nil || info.State != Active {
			w.Errorf("waiting gives %+v, %v", info, err)
		}
		if err := f.Close(); err != nil {
			w.Error(err)
		}
		w.end()
	})
	t.Run("registered loopback", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		registered := "http://" + l.Addr().String() + "/oauth/back"
		w := newWorld(t, func(cfg *Config) { cfg.Connections[0].RedirectURL = registered })
		if _, err := w.m.ListenLocal(w.Context(), user("ada"), conName); err == nil || !strings.Contains(err.Error(), "address already in use") {
			w.Errorf("on a port that is taken: %v", err)
		}
		_ = l.Close()
		f, err := w.m.ListenLocal(w.Context(), user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		callback := w.consent(f.URL(), who("ada"))
		if !strings.HasPrefix(callback, registered+"?") {
			w.Errorf("the callback is %s", callback)
		}
		state := callback[strings.Index(callback, "state="):]
		for range 3 { // neither code nor error: nobody waits for the second of these
			resp, err := http.Get(registered + "?" + state)
			if err != nil {
				w.Fatal(err)
			}
			_ = resp.Body.Close()
			w.wantStatus(resp, http.StatusBadRequest)
		}
		if _, err := f.Wait(w.Context()); err == nil {
			w.Error("an answer without a code connected the account")
		}
		if err := f.Close(); err != nil {
			w.Error(err)
		}
		w.end()
	})
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
