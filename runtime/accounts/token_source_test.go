package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/closekit/closekit"
)

// TestTokenSource uses an account from another library.
func TestTokenSource(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		source := a.TokenSource(w.Context())
		first, err := source.Token()
		if err != nil {
			w.Fatal(err)
		}
		w.check(a, closekit.BearerCredential(first.AccessToken))
		left := time.Until(first.Expiry)
		if first.Type() != "Bearer" || first.RefreshToken != "" || !first.Valid() || left < 58*time.Minute || left > 59*time.Minute {
			w.Errorf("type %q, refresh token %q, %v left", first.Type(), first.RefreshToken, left)
		}
		cached := oauth2.ReuseTokenSource(nil, source)
		for range 300 { // five hours: the cache asks again before each token ends
			token, err := cached.Token()
			if err != nil {
				w.Fatal(err)
			}
			w.check(a, closekit.BearerCredential(token.AccessToken))
			time.Sleep(time.Minute)
		}
		if _, refreshes := w.counts(); refreshes < 5 {
			w.Errorf("%d refreshes in five hours", refreshes)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		if _, err := source.Token(); !errors.Is(w.keep(err), ErrAuthorizationRequired) {
			w.Errorf("a disconnected account gives %v", err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if _, err := w.account("bob").TokenSource(ctx).Token(); !errors.Is(err, context.Canceled) && !errors.Is(err, ErrAuthorizationRequired) {
			w.Errorf("with a context that has ended: %v", err)
		}
	})
}

// TestTokenSourceInClient sends the token with a client of x/oauth2.
func TestTokenSourceInClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.connect("ada")
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := oauth2.NewClient(t.Context(), a.TokenSource(t.Context())).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	w.check(a, closekit.BearerCredential(strings.TrimPrefix(got, "Bearer ")))
	w.end()
}

func TestTokenSourcePrintsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.connect("ada")
	source := a.TokenSource(t.Context())
	if _, err := source.Token(); err != nil {
		t.Fatal(err)
	}
	type holder struct{ Source oauth2.TokenSource }
	for _, v := range []any{source, holder{source}, &holder{source}} {
		if text := fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v); strings.Contains(text, canary) {
			t.Errorf("%T prints a token: %s", v, text)
		}
	}
	if text := fmt.Sprint(source); text != `token source of account "acme"/"close"/"ada"` {
		t.Errorf("it prints %s", text)
	}
	w.end()
}
