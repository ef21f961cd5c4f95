package accounts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// backFromConsent is a browser that is back from the consent page, and the
// callback that it is sent to.
func backFromConsent(w *world) (*browser, string) {
	w.Helper()
	b := &browser{w: w, user: "ada"}
	return b, w.consent(w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther), who("ada"))
}

// wantNothing wants no code to have been exchanged.
func (w *world) wantNothing(want ...EventType) {
	w.Helper()
	if n := w.p.Counts().Requests; n != 0 {
		w.Errorf("%d codes were sent", n)
	}
	w.state("ada", Pending, "")
	w.wantEvents("ada", append([]EventType{EventCreated}, want...)...)
}

// attacks are what may come to the callback.
var attacks = map[string]func(w *world){
	"no cookie": func(w *world) {
		b, callback := backFromConsent(w)
		for _, other := range []*browser{{w: w, user: "ada"}, {w: w}} { // no browser of mallory's
			w.wantStatus(other.open(callback), http.StatusBadRequest)
			w.wantNothing()
		}
		w.wantStatus(b.open(callback), http.StatusOK) // the right one still works
		w.state("ada", Active, "")
	},
	"no cookie, another user": func(w *world) {
		b, callback := backFromConsent(w)
		w.wantStatus((&browser{w: w, user: "mallory"}).open(callback), http.StatusBadRequest)
		w.wantNothing(EventLinkMisused)
		w.wantStatus(b.open(callback), http.StatusOK)
	},
	"foreign cookie": func(w *world) {
		b, callback := backFromConsent(w)
		forged := *b.cookies[0]
		forged.Value = randomToken()
		w.wantStatus((&browser{w: w, user: "ada", cookies: []*http.Cookie{&forged}}).open(callback), http.StatusBadRequest)
		w.wantNothing(EventLinkMisused)
		w.wantStatus(b.open(callback), http.StatusOK)
	},
	"foreign state": func(w *world) {
		b, callback := backFromConsent(w)
		u, _ := url.Parse(callback)
		q := u.Query()
		state := q.Get("state")
		forge := func(state string) string {
			q.Set("state", state)
			u.RawQuery = q.Encode()
			return u.String()
		}
		for _, forged := range []string{randomToken(), randomToken() + state[tokenLength:], "*" + state[1:], state + "x"} { // name no flow
			w.wantStatus(b.open(forge(forged)), http.StatusBadRequest)
			w.wantNothing()
		}
		w.wantStatus(b.open(forge(state[:tokenLength]+randomToken())), http.StatusBadRequest) // names this flow, for another browser
		w.wantNothing(EventLinkMisused)
		w.wantStatus(b.open(callback), http.StatusOK) // the right one still works
		w.state("ada", Active, "")
	},
	"used state": func(w *world) {
		b, callback := backFromConsent(w)
		w.wantStatus(b.open(callback), http.StatusOK)
		b.user = "mallory"
		w.wantStatus(b.open(callback), http.StatusBadRequest)
		if w.p.Counts().Exchanges != 1 {
			w.Errorf("%d exchanges", w.p.Counts().Exchanges)
		}
	},
	"lapsed": func(w *world) {
		b, callback := backFromConsent(w)
		time.Sleep(flowTime)
		w.wantStatus(b.open(callback), http.StatusGone)
		w.wantNothing()
	},
	"link lapsed": func(w *world) {
		link := w.link("ada")
		time.Sleep(flowTime)
		w.wantStatus((&browser{w: w, user: "ada"}).open(link), http.StatusGone)
		w.wantNothing()
	},
	"opened twice": func(w *world) {
		b := &browser{w: w, user: "ada"}
		link := w.link("ada")
		first := w.consent(w.wantStatus(b.open(link), http.StatusSeeOther), who("ada"))
		second := w.consent(w.wantStatus(b.open(link), http.StatusSeeOther), who("ada"))
		w.wantStatus(b.open(first), http.StatusOK) // two tabs, either of which may finish
		w.wantStatus(b.open(second), http.StatusOK)
		if w.p.Counts().Requests != 1 {
			w.Errorf("%d codes were sent", w.p.Counts().Requests)
		}
	},
	"parameters": func(w *world) {
		b, callback := backFromConsent(w)
		for _, q := range []string{
			"", "code=x", "state=x", "code=&state=x", "code=x&state=", "code=x&code=y&state=z", "code=x&state=y&state=z", "error=a&error=b&state=x",
			"code=x&error=y&state=z", "code=x&state=%zz", "code=" + strings.Repeat("x", maxCode+1) + "&state=y", "code=x&state=" + strings.Repeat("y", maxState+1),
			"code=x&state=y&iss=a&iss=b", "pad=" + strings.Repeat("x", maxQuery), "code=x;state=y",
		} {
			w.wantStatus(b.open("https://app.example/connect/close/callback?"+q), http.StatusBadRequest)
		}
		w.wantNothing()
		w.wantStatus(b.open(callback), http.StatusOK)
	},
	"issuer": func(w *world) {
		b, callback := backFromConsent(w)
		w.wantStatus(b.open(callback+"&iss=https%3A%2F%2Fevil.example"), http.StatusBadRequest)
		w.wantNothing(EventLinkMisused)
		b, callback = backFromConsent(w)
		w.wantStatus(b.open(callback+"&iss=https%3A%2F%2Fapi.close.com"), http.StatusOK)
	},
	"another connection": func(w *world) {
		b, callback := backFromConsent(w)
		w.wantStatus(b.open(strings.Replace(callback, "/close/", "/second/", 1)), http.StatusBadRequest)
		w.wantNothing(EventLinkMisused)
		w.wantStatus(b.open(strings.Replace(callback, "/close/", "/third/", 1)), http.StatusNotFound)
		w.wantStatus(b.open(strings.Replace(w.link("ada"), "/close/", "/second/", 1)), http.StatusGone)
	},
	"methods": func(w *world) {
		_, callback := backFromConsent(w)
		for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut} {
			rec := httptest.NewRecorder()
			w.m.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.Context(), method, callback, nil))
			w.wantStatus(rec.Result(), http.StatusMethodNotAllowed)
		}
		w.wantNothing()
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
		w.wantNothing(EventDenied)
	},
	"other error is not shown": func(w *world) {
		b := &browser{w: w, user: "ada"}
		u, _ := url.Parse(w.wantStatus(b.open(w.link("ada")), http.StatusSeeOther))
		resp := b.open("https://app.example/connect/close/callback?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=zzz&error_uri=https://evil.example&state=" + u.Query().Get("state"))
		if body := readAll(resp); resp.StatusCode != http.StatusBadGateway || strings.Contains(body, "script") || strings.Contains(body, "zzz") || strings.Contains(body, "evil") {
			w.Errorf("%d %q", resp.StatusCode, body)
		}
		w.wantNothing()
	},
	"code refused": func(w *world) {
		a := w.connect("ada")
		b, callback := backFromConsent(w)
		w.p.Script(oauthtest.Refuse(400, "invalid_grant"))
		w.wantStatus(b.open(callback), http.StatusBadGateway)
		w.state("ada", Active, "")
		w.ok(a)
		w.wantEvents("ada", EventCreated, EventConnected)
	},
	"code without an answer": func(w *world) {
		b, callback := backFromConsent(w)
		w.p.Script(oauthtest.LoseResponse)
		w.wantStatus(b.open(callback), http.StatusBadGateway)
		if w.p.Counts().Requests != 1 {
			w.Errorf("the code was sent %d times", w.p.Counts().Requests)
		}
		w.state("ada", Pending, "")
	},
	"foreign code": func(w *world) { // of another flow: PKCE fails
		b, callback := backFromConsent(w)
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
		b, callback := backFromConsent(w)
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		w.wantStatus(b.open(callback), http.StatusGone)
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
			w.Error("the zero principal got a link")
		}
		if _, err := w.m.AuthorizationLink(w.Context(), user("ada"), "nowhere"); err == nil {
			w.Error("an unknown connection got a link")
		}
	},
}

// TestAttacksOnTheCallback (F1) goes through the table of attacks.
func TestAttacksOnTheCallback(t *testing.T) {
	t.Parallel()
	for name, run := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, run, func(cfg *Config) {
				second := testConnection()
				second.Name = "second"
				cfg.Connections = append(cfg.Connections, second)
			})
		})
	}
}

// TestCallbackHundredTimes (F1) opens a callback a hundred times at once.
func TestCallbackHundredTimes(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		b, callback := backFromConsent(w)
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
		if w.p.Counts().Exchanges != 1 || good.Load() != 100 {
			w.Errorf("%d exchanges, %d pages of success", w.p.Counts().Exchanges, good.Load())
		}
		w.wantEvents("ada", EventCreated, EventConnected)
	})
}

// TestLinkOfAnotherUser (F2) has another user open a link.
func TestLinkOfAnotherUser(t *testing.T) {
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
