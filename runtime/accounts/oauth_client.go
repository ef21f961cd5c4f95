package accounts

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

const (
	maxTokenBody = 1 << 20
	// sendTimeout is the hard limit of one request to an OAuth endpoint, from
	// connecting to the last byte.
	sendTimeout = 30 * time.Second
)

// newTransport is the transport for the OAuth endpoints when the host provides
// none: no cookies, bounded in every direction.
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

// oauthClient talks to the endpoints of one connection. x/oauth2 makes the URL
// of the consent page. The requests that spend a code or a refresh token are
// made here: x/oauth2 follows redirects, may send twice, and drops a new pair
// whose response is not to its taste.
type oauthClient struct {
	conn Connection
	base http.RoundTripper
}

// authorizeURL is where the user consents.
func (c *oauthClient) authorizeURL(redirect, state string, verifier Secret) string {
	cfg := oauth2.Config{
		ClientID: c.conn.ClientID, Endpoint: oauth2.Endpoint{AuthURL: c.conn.AuthorizeURL, TokenURL: c.conn.TokenURL},
		RedirectURL: redirect, Scopes: c.conn.Scope,
	}
	return cfg.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier.Reveal()))
}

// exchange redeems a code.
func (c *oauthClient) exchange(ctx context.Context, redirect string, code, verifier Secret) tokenResponse {
	return c.post(ctx, c.conn.TokenURL, url.Values{
		"grant_type": {"authorization_code"}, "code": {code.Reveal()}, "redirect_uri": {redirect},
		"code_verifier": {verifier.Reveal()},
	})
}

// refresh redeems a refresh token. The response holds the new pair; when the
// provider issued no new refresh token, the old one stays.
func (c *oauthClient) refresh(ctx context.Context, token Secret) tokenResponse {
	r := c.post(ctx, c.conn.TokenURL, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}})
	if r.kind == "" && r.pair.refresh.IsZero() {
		r.pair.refresh = token
	}
	return r
}

// revoke ends a grant at the provider (RFC 7009) and reports whether that is
// settled: it succeeded, or the provider says that the token is no longer valid.
// Anything else, such as the page of a firewall, proves nothing, and it is tried
// again.
func (c *oauthClient) revoke(ctx context.Context, token Secret) bool {
	r := c.post(ctx, c.conn.RevokeURL, url.Values{"token": {token.Reveal()}})
	switch {
	case r.status/100 == 2:
		return r.kind == "" || r.kind == BadSuccess || r.kind == InDoubt // the body says nothing, unless it is an error
	case r.status == http.StatusBadRequest:
		return r.code == "invalid_grant" || r.code == "invalid_token"
	}
	return false
}

// post sends a form to an endpoint, once, and classifies what came of it. It
// bounds time and size, follows no redirect, finds out whether bytes were
// written, and reads the response tolerantly.
func (c *oauthClient) post(ctx context.Context, endpoint string, form url.Values) tokenResponse {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	form.Set("client_id", c.conn.ClientID)
	form.Set("client_secret", c.conn.ClientSecret.Reveal())
	var asked, got atomic.Bool // for a connection, and one
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { asked.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { got.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { _ = failpoint.Hit(ctx, failpoint.Sent) }, // too late for an error
	})
	req, err := http.NewRequestWithContext(traced, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return tokenResponse{kind: NotSent} // the URL was checked before
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := c.base.RoundTrip(req)
	if err != nil {
		if !got.Load() && (asked.Load() || httpx.NeverSent(err)) {
			return tokenResponse{kind: NotSent}
		}
		return tokenResponse{kind: InDoubt}
	}
	defer resp.Body.Close() //nolint:errcheck // nothing to do about it
	body, err := readBody(resp.Body)
	defer clear(body)
	return classify(resp.StatusCode, resp.Header, body, err, c.conn.Lifetime, time.Now())
}

var errTooLong = errors.New("accounts: the response of the token endpoint is too long")

// readBody reads at most a mebibyte.
func readBody(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTokenBody+1))
	if err == nil && len(b) > maxTokenBody {
		return b[:maxTokenBody], errTooLong
	}
	return b, err
}
