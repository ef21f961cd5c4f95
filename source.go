package closekit

import (
	"context"
	"encoding/base64"
	"strings"
)

// Source gives the credential for a call: an API key, a fixed token, or a
// connected account that refreshes its token. A Source is asked before every
// attempt, so it must be fast when nothing is due, safe for concurrent use, and
// done when the context is.
type Source interface {
	Credential(ctx context.Context) (Credential, error)
}

// Renewer is a Source that can do something about a refused credential. After
// a 401 the client calls Renew once per call with the credential that was
// refused, and repeats the call when Renew gives another one.
type Renewer interface {
	Source
	Renew(ctx context.Context, refused Credential) (Credential, error)
}

// Credential is what authorizes one request. It cannot be printed: every way
// of formatting or encoding it, or a struct it is in, shows no secret. The zero
// value authorizes nothing.
type Credential struct {
	// A pointer, because fmt prints the fields of structs that it cannot call
	// String on, but no further than to an address.
	header *string
}

const redacted = "[redacted]"

// BasicCredential authorizes with an API key, as HTTP Basic with the key as the
// user name.
func BasicCredential(apiKey string) Credential {
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte(apiKey+":"))
	return Credential{&header}
}

// BearerCredential authorizes with an OAuth access token.
func BearerCredential(token string) Credential {
	header := "Bearer " + token
	return Credential{&header}
}

// IsZero reports whether the credential authorizes nothing.
func (c Credential) IsZero() bool { return c.header == nil }

// Equal reports whether two credentials are the same; == does not.
func (c Credential) Equal(o Credential) bool {
	if c.header == nil || o.header == nil {
		return c.header == o.header
	}
	return *c.header == *o.header
}

// String gives a placeholder.
func (c Credential) String() string { return redacted }

// GoString gives a placeholder.
func (c Credential) GoString() string { return redacted }

// MarshalText gives a placeholder.
func (c Credential) MarshalText() ([]byte, error) { return []byte(redacted), nil }

type static struct {
	cred   Credential
	reason string
}

// APIKey is a Source for one API key, from Settings > Developer > API Keys in
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

// Bearer is a Source for one OAuth access token, which works for about an hour.
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

// Credential gives the fixed credential.
func (s *static) Credential(context.Context) (Credential, error) {
	if s.reason != "" {
		return Credential{}, &AuthorizationError{Reason: s.reason}
	}
	return s.cred, nil
}

// String gives a placeholder, so that a printed client shows no secret.
func (s *static) String() string { return redacted }

// GoString gives a placeholder.
func (s *static) GoString() string { return redacted }
