package emulator

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// authenticate identifies the caller and returns the id of the credential, which
// rate limits count by.
func (s *Server) authenticate(c *call, h http.Header) (credential string, err error) {
	denied := refuse(http.StatusUnauthorized, "Unauthorized")
	scheme, rest, _ := strings.Cut(h.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return "", denied
		}
		key, _, colon := strings.Cut(string(raw), ":")
		k := s.st.keys[key]
		if !colon || k == nil {
			return "", denied
		}
		c.user, c.org, c.keyID = k.user, k.org, k.id
		credential = k.id
	case "bearer":
		g := s.st.oauth.access(strings.TrimSpace(rest))
		if g == nil {
			return "", denied
		}
		c.user, c.org, c.client, c.scope = g.user, g.org, g.client, g.scope
		credential = g.id
	default:
		return "", denied
	}
	if !s.st.member(c.org, c.user) {
		return "", denied
	}
	return credential, nil
}
