package accounts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/closekit/closekit/internal/httpx"
)

// Close's OAuth endpoints, the defaults of a [Connection].
const (
	DefaultAuthorizeURL = "https://app.close.com/oauth2/authorize/"
	DefaultTokenURL     = "https://api.close.com/oauth2/token/" //nolint:gosec // an address, no credential
	DefaultRevokeURL    = "https://api.close.com/oauth2/revoke/"
)

// Connection is one OAuth application of the host at Close, to which accounts
// are connected. Name, ClientID, ClientSecret and RedirectURL are required.
type Connection struct {
	// Name identifies it in the host, such as "close". It is part of every
	// account's key and of the paths of [Manager.Handler].
	Name string

	ClientID     string
	ClientSecret Secret

	// RedirectURL is registered with the application and leads to the callback
	// of [Manager.Handler]: https, or http on the local machine. It is sent as it
	// is; nothing is taken from requests.
	RedirectURL string

	// The endpoints; empty means Close's. They are used as they are, including
	// a trailing slash, and redirects are never followed.
	AuthorizeURL, TokenURL, RevokeURL string

	// Issuer is compared with the iss parameter of a callback (RFC 9207) if
	// there is one. Empty accepts https://api.close.com only.
	Issuer string

	// Scope is requested on the consent page; empty requests nothing, which is
	// right for Close, where the application has a fixed scope.
	Scope []string

	// Lifetime is the assumed lifetime of access tokens when the provider does
	// not say; zero means an hour.
	Lifetime time.Duration

	// Rate bounds renewals per second; the limiter adapts below it. Zero means
	// 200.
	Rate float64
}

const maxURLBytes = 2048

// fill checks the connection and sets what is empty.
func (c Connection) fill() (Connection, error) {
	switch {
	case c.Name == "":
		return c, errors.New("accounts: a connection has no name")
	case len(c.Name) > MaxNameBytes, url.PathEscape(c.Name) != c.Name, c.Name == ".", c.Name == "..":
		return c, fmt.Errorf("accounts: the connection name %q must be short and fit into a path as it is", c.Name)
	case c.ClientID == "":
		return c, fmt.Errorf("accounts: connection %q has no client id", c.Name)
	case c.ClientSecret.IsZero():
		return c, fmt.Errorf("accounts: connection %q has no client secret", c.Name)
	case c.Rate < 0, c.Lifetime < 0:
		return c, fmt.Errorf("accounts: connection %q has a negative rate or lifetime", c.Name)
	}
	for _, u := range []struct {
		what string
		at   *string
		def  string
	}{
		{"redirect URL", &c.RedirectURL, ""},
		{"authorize URL", &c.AuthorizeURL, DefaultAuthorizeURL},
		{"token URL", &c.TokenURL, DefaultTokenURL},
		{"revoke URL", &c.RevokeURL, DefaultRevokeURL},
	} {
		if *u.at == "" {
			*u.at = u.def
		}
		if err := checkURL(*u.at); err != nil {
			return c, fmt.Errorf("accounts: the %s of connection %q %w", u.what, c.Name, err)
		}
	}
	if c.Issuer == "" {
		c.Issuer = "https://api.close.com"
	}
	if c.Lifetime == 0 {
		c.Lifetime = time.Hour
	}
	if c.Rate == 0 {
		c.Rate = 200
	}
	return c, nil
}

// checkURL requires https, or http on the local machine.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return errors.New("is missing")
	case err != nil, len(s) > maxURLBytes, u.Host == "":
		return errors.New("is not an absolute URL")
	case u.User != nil, u.Fragment != "":
		return errors.New("must have neither user nor fragment")
	case u.Scheme == "https", u.Scheme == "http" && httpx.IsLocal(u.Hostname()):
		return nil
	}
	return errors.New("must be https (http only on the local machine)")
}

// fingerprintOf names a configuration without revealing it.
func fingerprintOf(c Connection) string {
	var b []byte
	for _, s := range []string{c.Name, c.ClientID, c.ClientSecret.Reveal(), c.TokenURL} {
		b = appendField(b, s)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
