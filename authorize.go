package closekit

import (
	"context"
	"net/http"
	"net/url"
)

// appHost is the host of Close's app, which serves the files of records.
const appHost = "app.close.com"

// Authorize adds the client's credential to a request for a file, which is made with
// another HTTP client, if and only if the request goes to a host of Close: that of the
// base URL, or app.close.com for the API of Close itself. It reports whether it does.
// A request to any other host, or to one of them without TLS, gets no credential and no
// error. Do not let an HTTP client follow redirects with such a request: ask again for
// each of them.
func (c *Client) Authorize(ctx context.Context, req *http.Request) (added bool, err error) {
	switch {
	case c.isZero():
		return false, errNilClient
	case c.core.baseErr != nil:
		return false, c.core.baseErr
	case c.core.plainErr != nil:
		return false, c.core.plainErr
	}
	base, err := url.Parse(c.core.base)
	if err != nil || !trusts(base, req.URL) {
		return false, err
	}
	cred, err := c.core.source.Credential(ctx)
	if err != nil {
		return false, err
	}
	if cred.IsZero() {
		return false, &AuthorizationError{Reason: "the source returned no credential"}
	}
	req.Header["Authorization"], _ = cred.reveal()
	return true, nil
}

// trusts reports whether the credential of a client for base may be sent to u.
func trusts(base, u *url.URL) bool {
	if u.Scheme == base.Scheme && u.Host == base.Host {
		return true
	}
	return base.Scheme+"://"+base.Host == DefaultBaseURL && u.Scheme == "https" && u.Host == appHost
}
