package accounts

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// scan opens a page as a program does that looks at the links in an email: without
// cookies or a session, and following where it leads.
func (w *world) scan(method, address string) int {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), method, address, nil)
	rec := httptest.NewRecorder()
	w.m.Handler().ServeHTTP(rec, r)
	return rec.Code
}

// TestLinkOpenedByOthers opens an out-of-band link in several places, in every
// order. The first browser that returns from the consent page counts.
func TestLinkOpenedByOthers(t *testing.T) {
	t.Parallel()
	open := func(w *world, b *browser, link string) string {
		w.Helper()
		return w.wantStatus(b.open(link), http.StatusSeeOther)
	}
	// finish comes back from the consent page and confirms.
	finish := func(w *world, b *browser, consent string) {
		w.Helper()
		to := w.wantStatus(b.open(w.consent(consent, who("ada"))), http.StatusSeeOther)
		u, err := url.Parse(to)
		if err != nil || !strings.HasPrefix(to, "https://app.example/verify?confirm=") {
			w.Fatalf("it leads to %q, %v", to, err)
		}
		if info, err := w.m.ConfirmUser(w.Context(), u.Query().Get("confirm"), user("ada")); err != nil || info.State != Active {
			w.Errorf("confirming gives %v, %v", info.State, err)
		}
		w.ok(w.account("ada"))
		w.wantEvents("ada", EventCreated, EventVerifying, EventConnected)
	}
	// late comes back after another has.
	late := func(w *world, b *browser, consent string) {
		w.Helper()
		resp := b.open(w.consent(consent, who("ada")))
		w.wantStatus(resp, http.StatusGone)
		if body := readAll(resp); !strings.Contains(body, "This link has been used") {
			w.Errorf("the page says %q", body)
		}
		if n := w.p.Counts().Exchanges; n != 1 {
			w.Errorf("%d codes were exchanged", n)
		}
		w.wantEvents("ada", EventCreated, EventVerifying, EventConnected)
	}
	for name, run := range map[string]func(w *world, b *browser, link string){
		"a scanner, then the person": func(w *world, b *browser, link string) {
			w.scan(http.MethodGet, link)
			finish(w, b, open(w, b, link))
		},
		"the person, then a scanner": func(w *world, b *browser, link string) {
			consent := open(w, b, link)
			for range 3 {
				if got := w.scan(http.MethodGet, link); got != http.StatusSeeOther {
					w.Errorf("the scanner gets %d", got)
				}
			}
			finish(w, b, consent)
		},
		"a scanner of the callback": func(w *world, b *browser, link string) {
			callback := w.consent(open(w, b, link), who("ada"))
			if got := w.scan(http.MethodGet, callback); got != http.StatusBadRequest {
				w.Errorf("the scanner gets %d", got)
			}
			w.wantNothing()
			w.wantStatus(b.open(callback), http.StatusSeeOther)
			w.state("ada", Verifying, "")
		},
		"prefetched before and after": func(w *world, b *browser, link string) {
			if got := b.prefetch(link, "Sec-Purpose", "prefetch"); got != http.StatusServiceUnavailable {
				w.Errorf("before: %d", got)
			}
			consent := open(w, b, link)
			if got := b.prefetch(link, "Purpose", "prefetch"); got != http.StatusServiceUnavailable {
				w.Errorf("after: %d", got)
			}
			finish(w, b, consent)
		},
		"HEAD and OPTIONS before and after": func(w *world, b *browser, link string) {
			w.scan(http.MethodHead, link)
			consent := open(w, b, link)
			for _, method := range []string{http.MethodHead, http.MethodOptions, http.MethodPost} {
				if got := w.scan(method, link); got != http.StatusMethodNotAllowed {
					w.Errorf("%s gives %d", method, got)
				}
			}
			finish(w, b, consent)
		},
		"a second browser, the first finishes": func(w *world, b *browser, link string) {
			other := &browser{w: w}
			first, second := open(w, b, link), open(w, other, link)
			finish(w, b, first)
			late(w, other, second)
		},
		"a second browser, which finishes": func(w *world, b *browser, link string) {
			other := &browser{w: w}
			first, second := open(w, b, link), open(w, other, link)
			finish(w, other, second)
			late(w, b, first)
		},
		"twice in one browser": func(w *world, b *browser, link string) {
			first, second := open(w, b, link), open(w, b, link)
			if first != second {
				w.Error("the second tab takes the first one's place")
			}
			finish(w, b, first)
		},
		"a browser brings back what another got": func(w *world, b *browser, link string) {
			other := &browser{w: w}
			first := open(w, b, link)
			open(w, other, link)
			callback := w.consent(first, who("ada"))
			w.wantStatus(other.open(callback), http.StatusBadRequest)
			w.wantNothing(EventLinkMisused)
			w.wantStatus(b.open(callback), http.StatusSeeOther)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) { run(w, &browser{w: w}, w.link("ada", OutOfBand())) })
		})
	}
}

// TestBindingsDiffer looks at the states and challenges of a link in two browsers.
func TestBindingsDiffer(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		link := w.link("ada", OutOfBand())
		seen := map[string]bool{}
		for range 2 {
			u, err := url.Parse(w.wantStatus((&browser{w: w}).open(link), http.StatusSeeOther))
			if err != nil {
				w.Fatal(err)
			}
			for _, name := range []string{"state", "code_challenge"} {
				v := u.Query().Get(name)
				if len(v) < tokenLength || len(v) > maxState || seen[v] || strings.Contains(link, v[:tokenLength]) {
					w.Errorf("%s is %q", name, v)
				}
				seen[v] = true
			}
		}
	})
}
