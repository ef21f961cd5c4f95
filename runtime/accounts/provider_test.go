package accounts

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/httpx"
)

// canary is in every secret of the tests, so that a leak can be found.
const canary = "CANARY"

const testSecret = canary + "-client-secret"

// provider is a strict authorization server without a network: it rotates
// refresh tokens, ends the old one at once, and notes every redemption.
type provider struct {
	t  testing.TB
	mu sync.Mutex

	secret  string
	life    any           // expires_in as it is sent; nil is 3600
	extra   string        // appended to a token answer
	grace   time.Duration // how long a spent refresh token still works
	same    bool          // refresh tokens do not rotate
	none    bool          // no refresh token in answers to refreshes
	latency time.Duration
	as      *identity // answers as somebody else

	codes  map[string]*code
	grants map[string]*grant // by refresh token, spent ones too
	access map[string]accessOf
	born   map[string]time.Time // when a refresh token was issued
	script []behaviour
	always behaviour // when the script is empty
	serial int

	sends      map[string][]*send
	requests   int
	refreshes  int
	exchanges  int
	revoked    []string
	perSecond  map[int64]int
	violations []string
}

type identity struct{ user, org string }

type code struct {
	identity
	challenge, redirect string
	used                bool
}

type grant struct {
	identity
	refresh string // the live one
	rotated time.Time
	dead    bool
}

type accessOf struct {
	identity
	until time.Time
}

// send is one redemption of a refresh token.
type send struct {
	start, end time.Time
	status     int  // 0: no complete answer
	renewed    bool // whether it was processed with success
	unsent     bool // whether the client can prove that it was not sent
}

// behaviour answers one request to the token endpoint; process does what is
// asked and gives the honest answer.
type behaviour func(req *http.Request, process func() *http.Response) (*http.Response, error)

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	return &provider{
		t: tb, secret: testSecret, codes: map[string]*code{}, grants: map[string]*grant{}, access: map[string]accessOf{},
		born: map[string]time.Time{}, sends: map[string][]*send{}, perSecond: map[int64]int{},
	}
}

func (p *provider) plan(b ...behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = append(p.script, b...)
}

// set changes the provider.
func (p *provider) set(f func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *provider) from(b behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always = b
}

func response(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{
		Status: fmt.Sprint(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func oauthError(status int, code string) *http.Response {
	return response(status, nil, `{"error":"`+code+`"}`)
}

// answer answers without processing.
func answerWith(status int, header http.Header, body string) behaviour {
	return func(*http.Request, func() *http.Response) (*http.Response, error) {
		return response(status, header, body), nil
	}
}

func refuse(status int, code string) behaviour {
	return func(*http.Request, func() *http.Response) (*http.Response, error) {
		return oauthError(status, code), nil
	}
}

// lostAfter processes and loses the answer.
func lostAfter(_ *http.Request, process func() *http.Response) (*http.Response, error) {
	process()
	return nil, errors.New("read: connection reset by peer " + canary)
}

// lostBefore loses the request.
func lostBefore(*http.Request, func() *http.Response) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// statusAfter processes and answers with an error.
func statusAfter(status int) behaviour {
	return func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
		process()
		return response(status, nil, "oops"), nil
	}
}

// stall never answers.
func stall(req *http.Request, _ func() *http.Response) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// slow answers after d, processed first.
func slow(d time.Duration) behaviour {
	return func(req *http.Request, process func() *http.Response) (*http.Response, error) {
		resp := process()
		select {
		case <-time.After(d):
			return resp, nil
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
}

// honest processes.
func honest(_ *http.Request, process func() *http.Response) (*http.Response, error) {
	return process(), nil
}

// mangle processes and changes the body.
func mangle(header http.Header, change func(string) (string, error)) behaviour {
	return func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
		resp := process()
		body, _ := io.ReadAll(resp.Body)
		text, err := change(string(body))
		out := response(resp.StatusCode, header, text)
		if err != nil {
			out.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), failing{err}))
			out.ContentLength = -1
		}
		return out, nil
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// consent answers the page behind an authorize URL as a user who allows.
func (p *provider) consent(authorize string, who identity) (callback string) {
	p.t.Helper()
	u, err := url.Parse(authorize)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("response_type") != "code" || q.Get("client_id") != "client" {
		p.t.Fatalf("the consent page was asked with %v", q)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.next("code")
	p.codes[c] = &code{identity: who, challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri")}
	return q.Get("redirect_uri") + "?code=" + c + "&state=" + url.QueryEscape(q.Get("state"))
}

func (p *provider) next(kind string) string {
	p.serial++
	return fmt.Sprintf("%s.%s.%d", canary, kind, p.serial)
}

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(req *http.Request) (*http.Response, error) {
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
		p.mu.Lock()
		defer p.mu.Unlock()
		p.revoked = append(p.revoked, form.Get("token"))
		if g := p.grants[form.Get("token")]; g != nil {
			g.dead = true
		}
		return response(200, nil, "{}"), nil
	}
	p.mu.Lock()
	p.requests++
	p.perSecond[time.Now().Unix()]++
	token := form.Get("refresh_token")
	s := &send{start: time.Now()}
	if token != "" {
		for _, o := range p.sends[token] {
			if o.end.IsZero() {
				p.violations = append(p.violations, "a refresh token is in flight twice")
			}
		}
		p.sends[token] = append(p.sends[token], s)
	}
	do := p.always
	if len(p.script) > 0 {
		do, p.script = p.script[0], p.script[1:]
	}
	latency := p.latency
	p.mu.Unlock()
	if do == nil {
		do = honest
	}
	if latency > 0 {
		<-time.After(latency)
	}
	defer func() {
		p.mu.Lock()
		s.end = time.Now()
		p.mu.Unlock()
	}()
	resp, err := do(req, func() *http.Response {
		p.mu.Lock()
		defer p.mu.Unlock()
		out := p.process(form)
		s.renewed = out.StatusCode == 200
		return out
	})
	if err == nil {
		s.status = resp.StatusCode
	} else {
		s.unsent = httpx.NeverSent(err)
	}
	return resp, err
}

func (p *provider) process(form url.Values) *http.Response {
	if form.Get("client_id") != "client" || form.Get("client_secret") != p.secret {
		return oauthError(401, "invalid_client")
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		c := p.codes[form.Get("code")]
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if c == nil || c.used || c.redirect != form.Get("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return oauthError(400, "invalid_grant")
		}
		c.used = true
		p.exchanges++
		return p.issue(&grant{identity: c.identity})
	case "refresh_token":
		g := p.grants[form.Get("refresh_token")]
		if g == nil || g.dead || g.refresh != form.Get("refresh_token") && time.Since(g.rotated) >= p.grace {
			return oauthError(400, "invalid_grant")
		}
		p.refreshes++
		return p.issue(g)
	}
	return oauthError(400, "unsupported_grant_type")
}

func (p *provider) issue(g *grant) *http.Response {
	access := p.next("access." + g.user)
	p.access[access] = accessOf{g.identity, time.Now().Add(time.Hour)}
	out := map[string]any{"token_type": "Bearer", "access_token": access, "scope": "all.full_access offline_access", "organization_id": g.org, "user_id": g.user}
	if p.as != nil {
		out["organization_id"], out["user_id"] = p.as.org, p.as.user
	}
	if g.refresh == "" || !p.same && !p.none {
		g.refresh, g.rotated = p.next("refresh"), time.Now()
		p.grants[g.refresh], p.born[g.refresh] = g, time.Now()
	}
	if !p.none {
		out["refresh_token"] = g.refresh
	}
	switch life := p.life.(type) {
	case nil:
		out["expires_in"] = 3600
	case string:
		if life != "missing" {
			out["expires_in"] = json.RawMessage(life)
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		p.t.Error(err)
	}
	return response(200, nil, string(b)+p.extra)
}

// whose says who a credential acts as and whether it still works.
func (p *provider) whose(cred closekit.Credential) (identity, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for text, a := range p.access {
		if closekit.BearerCredential(text).Equal(cred) {
			return a.identity, time.Now().Before(a.until)
		}
	}
	return identity{}, false
}

func (p *provider) counts() (requests, refreshes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests, p.refreshes
}

// revokeUser ends the grants of a user, as the user does at Close.
func (p *provider) revokeUser(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.grants {
		if g.user == user {
			g.dead = true
		}
	}
}
