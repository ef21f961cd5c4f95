//go:build unix

package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// provider is a server of package oauthtest that also answers /api/v1/me/ with
// whose token was sent. Codes need no consent page: "consent.code.ada" connects
// ada.
type provider struct {
	*oauthtest.Provider
	*httptest.Server

	mu         sync.Mutex
	violations []string
}

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	p := &provider{Provider: oauthtest.New()}
	p.Set(func(k *oauthtest.Knobs) {
		k.AnyCode = func(code string) (oauthtest.Identity, bool) {
			user, ok := strings.CutPrefix(code, "consent.code.")
			return oauthtest.Identity{User: closeUser(user), Organization: "orga_1"}, ok
		}
	})
	mux := http.NewServeMux()
	mux.Handle("POST /oauth2/", p.Provider)
	mux.HandleFunc("GET /api/v1/me/", p.me)
	p.Server = httptest.NewServer(mux)
	tb.Cleanup(p.Close)
	return p
}

// closeUser is the Close user that a user of the tests consents as.
func closeUser(user string) string { return "user_" + user }

// watch has f called at the stages of refreshes.
func (p *provider) watch(f func(ctx context.Context, user string, stage oauthtest.Stage)) {
	p.Set(func(k *oauthtest.Knobs) {
		k.Watch = func(ctx context.Context, user string, stage oauthtest.Stage) {
			f(ctx, strings.TrimPrefix(user, closeUser("")), stage)
		}
	})
}

func (p *provider) me(w http.ResponseWriter, r *http.Request) {
	as, until, revoked := p.Access(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if late := time.Since(until); !until.IsZero() && late > 3*time.Second { // a call may be that long on its way, on a slow machine
		p.mu.Lock()
		p.violations = append(p.violations, fmt.Sprintf("I5: %s called with a token that ended %v ago", as.User, late))
		p.mu.Unlock()
	}
	if revoked || time.Now().After(until) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q}`, as.User)
}

// counts returns how often a user's grant was renewed and refused.
func (p *provider) counts(user string) (renewals, refusals int) { return p.Renewals(closeUser(user)) }

// check reports what must never happen.
func (p *provider) check(tb testing.TB) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range append(p.Violations(), p.violations...) {
		tb.Error(v)
	}
}

// idle waits until no request with a user's token is being processed. What a
// process has sent outlives it for a moment; a lease is long enough for that.
func (p *provider) idle(user string) {
	for p.InFlight(closeUser(user)) > 0 {
		<-time.After(time.Millisecond)
	}
}
