// Package oauthtest is a strict OAuth provider for tests. It rotates refresh
// tokens, ends the old one at once, and notes every redemption. Knobs make it
// lenient, slow or strange, and behaviors make single responses go wrong.
//
// A [Provider] is an http.RoundTripper, for tests without a network and in a
// bubble of testing/synctest, and an http.Handler for servers. Package emulator
// has a provider for users of this module; this one is for tests of failures
// that no emulator should offer.
package oauthtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Canary is in every secret that the provider makes, and in [ClientSecret], so
// that a leak can be found.
const Canary = "CaNaRyZq7"

// The application that the provider knows. Knobs may change the secret.
const (
	ClientID     = "client"
	ClientSecret = Canary + "-client-secret"
)

// Identity is a user of the provider in an organization.
type Identity struct{ User, Organization string }

// Knobs change how the provider works. The zero value is strict and honest.
type Knobs struct {
	// ClientSecret is the secret of [ClientID]; empty means [ClientSecret].
	ClientSecret string
	// Lifetime is how long access tokens live; zero means an hour.
	Lifetime time.Duration
	// ExpiresIn is the JSON text of expires_in, [Absent] to leave it out; empty
	// means what Lifetime says.
	ExpiresIn string
	// Grace is how long a refresh token that was spent still works.
	Grace time.Duration
	// KeepRefreshToken makes refresh tokens not rotate.
	KeepRefreshToken bool
	// NoRefreshToken leaves the refresh token out of responses to refreshes.
	NoRefreshToken bool
	// As puts another identity into responses.
	As *Identity
	// Latency is how long the provider takes to look at a request.
	Latency time.Duration
	// AnyCode returns the identity of a code that no consent made.
	AnyCode func(code string) (Identity, bool)
	// AnyToken returns the identity of a refresh token that was not issued
	// here, so that tests need not connect many accounts first.
	AnyToken func(refresh string) (Identity, bool)
	// NewPair makes the tokens that replace a refresh token, which is empty
	// after a consent. The default makes tokens that say what they are.
	NewPair func(id Identity, spent string) (access, refresh string)
	// Watch is called when a request for a refresh arrived and when it was
	// processed, before the response leaves.
	Watch func(ctx context.Context, user string, stage Stage)
	// Behavior decides about requests that no script has a behavior for.
	Behavior Behavior
}

// Absent is an expires_in that is left out.
const Absent = "absent"

// Stage is how far a refresh got.
type Stage string

// The stages.
const (
	Arrived   Stage = "arrived"
	Processed Stage = "processed"
)

// Provider is the provider. Make it with [New].
type Provider struct {
	mu     sync.Mutex
	knobs  Knobs
	script []Behavior

	codes  map[string]*code
	grants map[string]*grant // by refresh token, spent ones too
	access map[string]accessToken
	issued map[string]time.Time // by refresh token
	serial int

	redemptions map[string][]*Redemption // by refresh token
	counts      Counts
	renewals    map[string]int // successful refreshes by user
	refusals    map[string]int
	requests    []Request
	violations  []string
}

type code struct {
	Identity
	challenge, redirect string
	used                bool
}

type grant struct {
	Identity
	refresh string // the one that works
	rotated time.Time
	dead    bool
}

type accessToken struct {
	*grant
	until time.Time
}

// New makes a provider.
func New() *Provider {
	return &Provider{
		codes: map[string]*code{}, grants: map[string]*grant{}, access: map[string]accessToken{}, issued: map[string]time.Time{},
		redemptions: map[string][]*Redemption{}, renewals: map[string]int{}, refusals: map[string]int{},
	}
}

// Set changes knobs.
func (p *Provider) Set(change func(*Knobs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.knobs)
}

// Script appends behaviors for the next requests to the token endpoint, one
// each.
func (p *Provider) Script(b ...Behavior) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, b...)
}

// ClearScript drops what is left of the script.
func (p *Provider) ClearScript() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = nil
}

// Always sets [Knobs].Behavior.
func (p *Provider) Always(b Behavior) { p.Set(func(k *Knobs) { k.Behavior = b }) }

// Consent allows on the consent page behind an authorize URL, and returns where
// the browser is sent.
func (p *Provider) Consent(authorize string, as Identity) (callback string, err error) {
	u, err := url.Parse(authorize)
	if err != nil {
		return "", err
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("response_type") != "code" || q.Get("client_id") != ClientID {
		return "", fmt.Errorf("the consent page was asked with %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.next("code")
	p.codes[c] = &code{Identity: as, challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri")}
	return q.Get("redirect_uri") + "?code=" + c + "&state=" + url.QueryEscape(q.Get("state")), nil
}

// Grant issues a refresh token without a consent.
func (p *Provider) Grant(as Identity) (refresh string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refresh = p.next("refresh")
	p.grants[refresh] = &grant{Identity: as, refresh: refresh}
	return refresh
}

// RevokeUser ends the grants of a user, as the user does at the provider.
func (p *Provider) RevokeUser(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.grants {
		if g.User == user {
			g.dead = true
		}
	}
}

func (p *Provider) next(kind string) string {
	p.serial++
	return fmt.Sprintf("%s.%s.%d", Canary, kind, p.serial)
}

// ServeHTTP serves the token and the revocation endpoint, told apart by their
// paths.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := p.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler) // cuts the connection
	}
	defer resp.Body.Close() //nolint:errcheck // it is made here
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		panic(http.ErrAbortHandler) // a behavior cuts the body
	}
}

// RoundTrip is ServeHTTP without a network.
func (p *Provider) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasSuffix(req.URL.Path, "/revoke/") {
		return p.revoke(form.Get("token")), nil
	}
	do, k, r := p.begin(form)
	defer p.end(r)
	user := r.user
	if user != "" && k.Watch != nil {
		k.Watch(req.Context(), user, Arrived)
	}
	if k.Latency > 0 {
		select {
		case <-time.After(k.Latency):
		case <-req.Context().Done():
		}
	}
	if err := req.Context().Err(); err != nil {
		return nil, err // the client is gone, and a strict server never got to it
	}
	req = req.WithContext(req.Context()) // a copy
	req.PostForm = form
	resp, err := do(req, func() *http.Response {
		resp := p.process(form, r)
		if user != "" && resp.StatusCode == http.StatusOK && k.Watch != nil {
			k.Watch(req.Context(), user, Processed)
		}
		return resp
	})
	r.set(p, func() {
		if r.Err = err; err == nil {
			r.Status = resp.StatusCode
		}
	})
	return resp, err
}

// begin notes a request and returns what is to be done with it.
func (p *Provider) begin(form url.Values) (Behavior, Knobs, *Redemption) {
	p.mu.Lock()
	defer p.mu.Unlock()
	token := form.Get("refresh_token")
	r := &Redemption{Start: time.Now()}
	if g := p.grant(token); g != nil {
		r.user = g.User
	}
	p.counts.Requests++
	p.requests = append(p.requests, Request{r.Start, token})
	if token != "" {
		for _, o := range p.redemptions[token] {
			if o.End.IsZero() {
				p.violations = append(p.violations, "a refresh token is in flight twice")
			}
		}
		p.redemptions[token] = append(p.redemptions[token], r)
	}
	do := p.knobs.Behavior
	if len(p.script) > 0 {
		do, p.script = p.script[0], p.script[1:]
	}
	if do == nil {
		do = Honest
	}
	return do, p.knobs, r
}

func (p *Provider) end(r *Redemption) { r.set(p, func() { r.End = time.Now() }) }

// grant finds the grant of a refresh token, spent or not.
func (p *Provider) grant(refresh string) *grant {
	g := p.grants[refresh]
	if g == nil && refresh != "" && p.knobs.AnyToken != nil {
		if as, ok := p.knobs.AnyToken(refresh); ok {
			g = &grant{Identity: as, refresh: refresh}
			p.grants[refresh] = g
		}
	}
	return g
}

func (p *Provider) process(form url.Values, r *Redemption) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	secret := p.knobs.ClientSecret
	if secret == "" {
		secret = ClientSecret
	}
	if form.Get("client_id") != ClientID || form.Get("client_secret") != secret {
		return Error(http.StatusUnauthorized, "invalid_client")
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		as, ok := p.useCode(form)
		if !ok {
			return Error(http.StatusBadRequest, "invalid_grant")
		}
		p.counts.Exchanges++
		return p.issue(&grant{Identity: as})
	case "refresh_token":
		g := p.grant(form.Get("refresh_token"))
		if g == nil || g.dead || g.refresh != form.Get("refresh_token") && time.Since(g.rotated) >= p.knobs.Grace {
			p.counts.Refusals++
			p.refusals[r.user]++
			return Error(http.StatusBadRequest, "invalid_grant")
		}
		p.counts.Refreshes++
		p.renewals[r.user]++
		r.Renewed = true
		return p.issue(g)
	}
	return Error(http.StatusBadRequest, "unsupported_grant_type")
}

// useCode redeems a code, once.
func (p *Provider) useCode(form url.Values) (Identity, bool) {
	text := form.Get("code")
	if p.knobs.AnyCode != nil {
		if as, ok := p.knobs.AnyCode(text); ok {
			return as, true
		}
	}
	c := p.codes[text]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if c == nil || c.used || c.redirect != form.Get("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return Identity{}, false
	}
	c.used = true
	return c.Identity, true
}

// issue makes a new pair and the response that holds it.
func (p *Provider) issue(g *grant) *http.Response {
	life := p.knobs.Lifetime
	if life == 0 {
		life = time.Hour
	}
	newPair := p.knobs.NewPair
	if newPair == nil {
		newPair = func(as Identity, _ string) (access, refresh string) {
			return p.next("access." + as.User), p.next("refresh")
		}
	}
	access, refresh := newPair(g.Identity, g.refresh)
	p.access[access] = accessToken{g, time.Now().Add(life)}
	if g.refresh == "" || !p.knobs.KeepRefreshToken && !p.knobs.NoRefreshToken {
		g.refresh, g.rotated = refresh, time.Now()
		p.grants[g.refresh], p.issued[g.refresh] = g, g.rotated
	}
	as := g.Identity
	if p.knobs.As != nil {
		as = *p.knobs.As
	}
	out := map[string]any{
		"token_type": "Bearer", "access_token": access, "refresh_token": g.refresh, "scope": "all.full_access offline_access",
		"organization_id": as.Organization, "user_id": as.User, "expires_in": int64(life / time.Second),
	}
	if p.knobs.NoRefreshToken {
		delete(out, "refresh_token")
	}
	switch p.knobs.ExpiresIn {
	case "":
	case Absent:
		delete(out, "expires_in")
	default:
		out["expires_in"] = json.RawMessage(p.knobs.ExpiresIn)
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic(fmt.Sprintf("the knob ExpiresIn is no JSON: %v", err))
	}
	return Response(http.StatusOK, nil, string(body))
}

func (p *Provider) revoke(token string) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Revocations++
	if g := p.grants[token]; g != nil {
		g.dead = true
	}
	return Response(http.StatusOK, nil, "{}")
}

// ErrLost is what a client gets whose response is lost. It holds [Canary].
var ErrLost = errors.New("read: connection reset by peer " + Canary)

// Response makes a response; without a header it is JSON.
func Response(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{
		Status: fmt.Sprint(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}
}

// Error makes an error of RFC 6749.
func Error(status int, code string) *http.Response {
	return Response(status, nil, `{"error":"`+code+`"}`)
}
