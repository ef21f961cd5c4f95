//go:build unix

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// canary is in every secret, so that a leak can be found.
	canary       = "CaNaRyZq7"
	clientID     = "client"
	clientSecret = canary + "-client-secret"
)

// provider is a strict authorization server: it rotates refresh tokens, ends
// the old one at once (or after the grace time), and notes every redemption. It
// also answers /api/v1/me/ with whose token was sent.
type provider struct {
	*httptest.Server

	mu      sync.Mutex
	life    int           // seconds of an access token
	grace   time.Duration // how long a spent refresh token still works
	latency time.Duration
	watch   func(ctx context.Context, user, stage string) // "arrived", "processed"
	trouble func() trouble

	serial     int
	grants     map[string]*grant // by refresh token, spent ones too
	access     map[string]accessToken
	sends      map[string]int // requests by refresh token
	flying     map[string]int
	renewals   map[string]int // successful refreshes by user
	refusals   map[string]int
	violations []string
}

type grant struct {
	user    string
	refresh string
	rotated time.Time
	dead    bool
}

type accessToken struct {
	*grant
	until time.Time
}

// trouble is how an answer goes wrong.
type trouble int

const (
	none    trouble = iota
	away            // 503, nothing was done
	broken          // 500, nothing was done
	busy            // 429
	cut             // the connection is cut before anything was done
	lost            // the connection is cut after it was done
	strange         // 200 with a page
)

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	p := &provider{
		life: 3600, grants: map[string]*grant{}, access: map[string]accessToken{}, sends: map[string]int{}, flying: map[string]int{},
		renewals: map[string]int{}, refusals: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token/", p.token)
	mux.HandleFunc("POST /oauth2/revoke/", p.revoke)
	mux.HandleFunc("GET /api/v1/me/", p.me)
	p.Server = httptest.NewServer(mux)
	tb.Cleanup(p.Close)
	return p
}

func (p *provider) set(change func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q}`, code)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if r.PostForm.Get("client_id") != clientID || r.PostForm.Get("client_secret") != clientSecret {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if code, ok := strings.CutPrefix(r.PostForm.Get("code"), "consent.code."); ok {
		p.mu.Lock()
		body := p.issue(&grant{user: code})
		p.mu.Unlock()
		_, _ = w.Write(body)
		return
	}
	token := r.PostForm.Get("refresh_token")
	p.mu.Lock()
	p.sends[token]++
	if p.flying[token]++; p.flying[token] > 1 {
		p.violations = append(p.violations, fmt.Sprintf("I1: a refresh token is in flight %d times", p.flying[token]))
	}
	user := ""
	if g := p.grants[token]; g != nil {
		user = g.user
	}
	watch, latency, kind := p.watch, p.latency, none
	if p.trouble != nil {
		kind = p.trouble()
	}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.flying[token]--
		p.mu.Unlock()
	}()
	if watch != nil {
		watch(r.Context(), user, "arrived")
	}
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-r.Context().Done():
			return
		}
	}
	if r.Context().Err() != nil {
		return // whoever asked is gone; a strict server that never got to it
	}
	switch kind {
	case away:
		refuse(w, http.StatusServiceUnavailable, "")
		return
	case broken:
		http.Error(w, "oops", http.StatusInternalServerError)
		return
	case busy:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case cut:
		panic(http.ErrAbortHandler)
	case strange:
		_, _ = w.Write([]byte("<html>welcome</html>"))
		return
	case none, lost: // processed
	}
	p.mu.Lock()
	g := p.grants[token]
	if g == nil || g.dead || g.refresh != token && time.Since(g.rotated) >= p.grace {
		p.refusals[user]++
		p.mu.Unlock()
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	p.renewals[user]++
	body := p.issue(g)
	p.mu.Unlock()
	if watch != nil {
		watch(r.Context(), user, "processed")
	}
	if kind == lost {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// issue makes a new pair and the answer that holds it.
func (p *provider) issue(g *grant) []byte {
	p.serial++
	access := fmt.Sprintf("%s.access.%s.%d", canary, g.user, p.serial)
	g.refresh, g.rotated = fmt.Sprintf("%s.refresh.%d", canary, p.serial), time.Now()
	p.grants[g.refresh], p.access[access] = g, accessToken{g, time.Now().Add(time.Duration(p.life) * time.Second)}
	body, _ := json.Marshal(map[string]any{
		"token_type": "Bearer", "access_token": access, "refresh_token": g.refresh, "expires_in": p.life,
		"scope": "all.full_access offline_access", "user_id": "user_" + g.user, "organization_id": "orga_1",
	})
	return body
}

func (p *provider) revoke(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[r.PostForm.Get("token")]; g != nil {
		g.dead = true
	}
	w.WriteHeader(http.StatusOK)
}

func (p *provider) me(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if ok && time.Since(a.until) > 3*time.Second { // a call may be that long on its way, on a slow machine
		p.violations = append(p.violations, fmt.Sprintf("I5: %s called with a token that ended %v ago", a.user, time.Since(a.until)))
	}
	if !ok || a.dead || time.Now().After(a.until) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q}`, "user_"+a.user)
}

// counts gives how often a user's grant was renewed and refused.
func (p *provider) counts(user string) (renewals, refusals int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.renewals[user], p.refusals[user]
}

// check reports what must never happen.
func (p *provider) check(tb testing.TB) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range p.violations {
		tb.Error(v)
	}
}

// idle waits until no request with a user's token is being answered. What a
// process has sent outlives it for a moment; a lease is long enough for that.
func (p *provider) idle(user string) {
	for {
		p.mu.Lock()
		n := 0
		for token, flying := range p.flying {
			if g := p.grants[token]; g != nil && g.user == user {
				n += flying
			}
		}
		p.mu.Unlock()
		if n == 0 {
			return
		}
		<-time.After(time.Millisecond)
	}
}
