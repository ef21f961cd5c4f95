package closekit

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/closekit/closekit/internal/words"
)

// Source provides the credentials of calls: an API key, a fixed token, or a
// connected account that refreshes its token. The client calls Credential before
// every attempt: it must be fast when no refresh is needed, safe for concurrent
// use, and respect ctx.
type Source interface {
	Credential(ctx context.Context) (Credential, error)
}

// Renewer is a Source that can replace a rejected credential. After a 401 the client
// calls Renew with the rejected credential, at most once per call, and repeats the
// call if Renew returns another one.
type Renewer interface {
	Source
	Renew(ctx context.Context, rejected Credential) (Credential, error)
}

// Credential authorizes one request. Formatting or encoding it, or a struct that
// contains it, never reveals the secret. The zero value authorizes nothing.
type Credential struct {
	// reveal returns the values of the Authorization header, and the API key or
	// token in it. They are in a closure, because neither fmt nor a printer that
	// follows pointers through unexported fields can look into one.
	reveal func() (header []string, secret string)
}

func credential(header, secret string) Credential {
	values := []string{header}
	return Credential{func() ([]string, string) { return values, secret }}
}

const redacted = "[redacted]"

// BasicCredential returns the credential for an API key: HTTP Basic with the key as
// the user name.
func BasicCredential(apiKey string) Credential {
	return credential("Basic "+base64.StdEncoding.EncodeToString([]byte(apiKey+":")), apiKey)
}

// BearerCredential returns the credential for an OAuth access token.
func BearerCredential(token string) Credential {
	return credential("Bearer "+token, token)
}

// IsZero reports whether c is the zero value, which authorizes nothing.
func (c Credential) IsZero() bool { return c.reveal == nil }

// isAPIKey reports whether c, which is not the zero value, is an API key, whichever
// source it comes from.
func (c Credential) isAPIKey() bool {
	header, _ := c.reveal()
	return strings.HasPrefix(header[0], "Basic ")
}

// Equal reports whether two credentials are the same.
func (c Credential) Equal(o Credential) bool {
	if c.IsZero() || o.IsZero() {
		return c.IsZero() && o.IsZero()
	}
	a, _ := c.reveal()
	b, _ := o.reveal()
	return a[0] == b[0]
}

// redact removes the credential from text of a peer that may have echoed it: the
// header, its value without the scheme, and the API key in it.
func (c Credential) redact(text string) string {
	if c.IsZero() {
		return text
	}
	header, secret := c.reveal()
	_, value, _ := strings.Cut(header[0], " ")
	return words.Redact(text, value, secret)
}

// String returns a placeholder.
func (c Credential) String() string { return redacted }

// GoString returns a placeholder.
func (c Credential) GoString() string { return redacted }

// MarshalText returns a placeholder.
func (c Credential) MarshalText() ([]byte, error) { return []byte(redacted), nil }

type static struct {
	cred   Credential
	reason string
}

// APIKey returns a Source for one API key, from Settings > Developer > API Keys in
// Close. The key acts as its user in its organization.
func APIKey(key string) Source {
	key = strings.TrimSpace(key)
	switch {
	case key == "":
		return &static{reason: "no API key is given"}
	case strings.ContainsAny(key, ": \r\n\t"):
		return &static{reason: "the API key has characters that no key has; copy it again"}
	}
	return &static{cred: BasicCredential(key)}
}

// Bearer returns a Source for one OAuth access token, which is valid for about an
// hour.
func Bearer(token string) Source {
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return &static{reason: "no access token is given"}
	case strings.ContainsAny(token, " \r\n\t"):
		return &static{reason: "the access token has characters that no token has; copy it again"}
	}
	return &static{cred: BearerCredential(token)}
}

// Credential returns the fixed credential, or an [*AuthorizationError] without one.
func (s *static) Credential(context.Context) (Credential, error) {
	if s.reason != "" {
		return Credential{}, &AuthorizationError{Reason: s.reason}
	}
	return s.cred, nil
}

// String returns a placeholder, so that printing a client shows no secret.
func (s *static) String() string { return redacted }

// GoString returns a placeholder.
func (s *static) GoString() string { return redacted }
