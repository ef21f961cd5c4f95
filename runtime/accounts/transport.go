package accounts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
	"github.com/closekit/closekit/runtime/accounts/internal/secret"
)

const (
	maxTokenBody = 1 << 20
	// sendTimeout is the hard limit of one request to the token endpoint, from
	// connecting to the last byte.
	sendTimeout = 30 * time.Second
)

var (
	errTooLong = errors.New("accounts: the answer of the token endpoint is too long")
	errOutcome = errors.New("accounts: the token endpoint gave no token")
)

// newTransport is the transport for the OAuth endpoints when the host brings
// none: no cookies, no HTTP/2 surprises, bounded in every direction.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   32,
		MaxConnsPerHost:       256,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: sendTimeout,
	}
}

// guard is the one way to the token endpoint. x/oauth2 builds the request and
// reads the answer; the guard sends it once, bounds time and size, refuses
// redirects, finds out whether bytes were written, reads the answer
// tolerantly, keeps the tokens, and hands x/oauth2 a canonical body. What
// happened is in out, whatever x/oauth2 makes of it. A guard is for one request.
type guard struct {
	base    http.RoundTripper
	assumed time.Duration // life of an access token
	used    atomic.Bool
	out     answer
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if g.used.Swap(true) {
		return nil, errOutcome // one request per attempt, whatever asks for more
	}
	ctx := req.Context()
	var asked, got atomic.Bool
	req = req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { asked.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { got.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { _ = failpoint.Hit(ctx, failpoint.Sent) }, // too late for an error
	}))
	req.Header.Set("Accept", "application/json")
	resp, err := g.base.RoundTrip(req)
	if err != nil {
		g.out = answer{kind: InDoubt}
		if !got.Load() && (asked.Load() || httpx.NeverSent(err)) {
			g.out.kind = NotSent
		}
		return nil, errOutcome
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to do about it
	body, err := readBody(resp.Body)
	defer clear(body)
	g.out = classify(resp.StatusCode, resp.Header, body, err, g.assumed, time.Now())
	if g.out.kind != "" {
		return nil, errOutcome
	}
	canonical := g.out.canonical(secret.Reveal)
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(canonical)),
		ContentLength: int64(len(canonical)), Request: req,
	}, nil
}

// oauthClient talks to the endpoints of one connection.
type oauthClient struct {
	conn Connection
	base http.RoundTripper
}

func (c *oauthClient) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.conn.ClientID, ClientSecret: secret.Reveal(c.conn.ClientSecret),
		Endpoint:    oauth2.Endpoint{AuthURL: c.conn.AuthorizeURL, TokenURL: c.conn.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
		RedirectURL: c.conn.RedirectURL, Scopes: c.conn.Scope,
	}
}

// call runs one exchange of x/oauth2 behind a guard, and drops whatever error
// it gives: its texts may hold tokens and the client secret.
func (c *oauthClient) call(ctx context.Context, f func(context.Context) (*oauth2.Token, error)) answer {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	g := &guard{base: c.base, assumed: c.conn.Lifetime}
	client := &http.Client{Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	// What x/oauth2 returns adds nothing to what the guard kept, and an error
	// of it must not make us lose tokens.
	_, _ = f(context.WithValue(ctx, oauth2.HTTPClient, client))
	if !g.used.Load() {
		return answer{kind: NotSent}
	}
	return g.out
}

// refresh redeems a refresh token. The answer holds the new pair; when the
// provider issued no new refresh token, the old one stays.
func (c *oauthClient) refresh(ctx context.Context, token Secret) answer {
	a := c.call(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		return c.config().TokenSource(ctx, &oauth2.Token{RefreshToken: secret.Reveal(token)}).Token()
	})
	if a.kind == "" && a.pair.refresh.IsZero() {
		a.pair.refresh = token
	}
	return a
}

// exchange redeems a code.
func (c *oauthClient) exchange(ctx context.Context, redirect string, code, verifier Secret) answer {
	return c.call(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		cfg := c.config()
		cfg.RedirectURL = redirect
		return cfg.Exchange(ctx, secret.Reveal(code), oauth2.VerifierOption(secret.Reveal(verifier)))
	})
}

// authorizeURL is where the user consents.
func (c *oauthClient) authorizeURL(redirect, state string, verifier Secret) string {
	cfg := c.config()
	cfg.RedirectURL = redirect
	return cfg.AuthCodeURL(state, oauth2.S256ChallengeOption(secret.Reveal(verifier)))
}

// revoke ends a grant at the provider (RFC 7009) and reports whether that is
// settled; if not, it may be tried again.
func (c *oauthClient) revoke(ctx context.Context, token Secret) bool {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	form := url.Values{
		"client_id": {c.conn.ClientID}, "client_secret": {secret.Reveal(c.conn.ClientSecret)},
		"token": {secret.Reveal(token)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.conn.RevokeURL, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		return true // the URL was checked before
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.base.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to do about it
	body, _ := readBody(resp.Body)
	defer clear(body)
	m, _, _ := readMembers(body)
	switch m.text("error") {
	case "invalid_client", "unauthorized_client":
		return false // our own credentials; the grant lives on
	}
	return resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusBadRequest
}
