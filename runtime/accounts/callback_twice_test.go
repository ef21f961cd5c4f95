package accounts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// prefetch asks for a page as a browser does that loads it in case its user
// opens it.
func (b *browser) prefetch(address, header, value string) int {
	r := httptest.NewRequestWithContext(b.w.Context(), http.MethodGet, address, nil)
	r.Header.Set("X-Test-User", b.user)
	r.Header.Set(header, value)
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	b.w.m.Handler().ServeHTTP(rec, r)
	if len(rec.Result().Cookies()) > 0 {
		b.w.Error("a prefetched page sets cookies")
	}
	return rec.Code
}

// TestPrefetch loads the pages of a consent in advance.
func TestPrefetch(t *testing.T) {
	t.Parallel()
	for header, value := range map[string]string{"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Moz": "prefetch", "X-Purpose": "preview"} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				b, link := &browser{w: w, user: "ada"}, w.link("ada")
				consent := w.wantStatus(b.open(link), http.StatusSeeOther)
				if got := b.prefetch(link, header, value); got != http.StatusServiceUnavailable { // it would bind the link anew
					w.Errorf("the link: status %d", got)
				}
				callback := w.consent(consent, who("ada"))
				if got := b.prefetch(callback, header, value); got != http.StatusServiceUnavailable {
					w.Errorf("the callback: status %d", got)
				}
				w.wantNothing()
				w.wantStatus(b.open(callback), http.StatusOK)
				w.state("ada", Active, "")
				w.wantEvents("ada", EventCreated, EventConnected)
			})
		})
	}
}

// TestSessionEndsBeforeTheCallback does what the page advises.
func TestSessionEndsBeforeTheCallback(t *testing.T) {
	t.Parallel()
	for advice, follow := range map[string]func(b *browser, link, callback string) *http.Response{
		"reload this page": func(b *browser, _, callback string) *http.Response { return b.open(callback) },
		"the link again": func(b *browser, link, _ string) *http.Response {
			return b.open(b.w.consent(b.open(link).Header.Get("Location"), who("ada")))
		},
	} {
		t.Run(advice, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				b, link := &browser{w: w, user: "ada"}, w.link("ada")
				callback := w.consent(w.wantStatus(b.open(link), http.StatusSeeOther), who("ada"))
				b.user = ""
				resp := b.open(callback)
				w.wantStatus(resp, http.StatusUnauthorized)
				if body := readAll(resp); !strings.Contains(body, "reload this page") {
					w.Errorf("the page says %q", body)
				}
				w.wantNothing()
				b.user = "ada"
				w.wantStatus(follow(b, link, callback), http.StatusOK)
				w.state("ada", Active, "")
			})
		})
	}
}

// TestSecondArrivalWaits opens a callback again while it is being completed, by
// this replica and by another.
func TestSecondArrivalWaits(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]bool{"same replica": false, "another replica": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				b, callback := backFromConsent(w)
				w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 2 * time.Second })
				again := &browser{w: w, user: "ada", cookies: append([]*http.Cookie(nil), b.cookies...)}
				var wg sync.WaitGroup
				wg.Go(func() { w.wantStatus(b.open(callback), http.StatusOK) })
				time.Sleep(time.Second)
				if other {
					w.m = w.manager()
				}
				resp := again.open(callback)
				w.wantStatus(resp, http.StatusOK)
				if body := readAll(resp); !strings.Contains(body, "onnected") {
					w.Errorf("the page says %q", body)
				}
				wg.Wait()
				w.wantEvents("ada", EventCreated, EventConnected)
			})
		})
	}
}

// TestConfirmTwice confirms a consent twice at once, and once without a session.
func TestConfirmTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		b := &browser{w: w}
		to := w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("ada", OutOfBand())), http.StatusSeeOther), who("ada"))), http.StatusSeeOther)
		u, _ := url.Parse(to)
		id := u.Query().Get("confirm")
		if _, err := w.m.ConfirmUser(w.Context(), id, Principal{}); !errors.Is(err, ErrWrongUser) {
			w.Errorf("without a session: %v", err)
		}
		w.state("ada", Verifying, "")
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = time.Second })
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if info, err := w.m.ConfirmUser(w.Context(), id, user("ada")); err != nil || info.State != Active {
					w.Errorf("confirming gives %v, %v", info.State, err)
				}
			})
		}
		wg.Wait()
		w.wantEvents("ada", EventCreated, EventVerifying, EventConnected)
	})
}
