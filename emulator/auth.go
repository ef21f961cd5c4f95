package emulator

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
)

// authenticate identifies the caller and returns the id of the credential, which
// rate limits count by.
func (s *Server) authenticate(c *rest.Call, h http.Header) (credential string, err error) {
	denied := rest.Refuse(http.StatusUnauthorized, "Unauthorized")
	scheme, rest, _ := strings.Cut(h.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return "", denied
		}
		key, _, colon := strings.Cut(string(raw), ":")
		k := s.st.Keys[key]
		if !colon || k == nil {
			return "", denied
		}
		c.User, c.Organization, c.KeyID = k.User, k.Organization, k.ID
		credential = k.ID
	case "bearer":
		g := s.st.oauth.Access(strings.TrimSpace(rest))
		if g == nil {
			return "", denied
		}
		c.User, c.Organization, c.Client, c.Scope = g.User, g.Organization, g.Client, g.Scope
		credential = g.ID
	default:
		return "", denied
	}
	if !s.st.Member(c.Organization, c.User) {
		return "", denied
	}
	return credential, nil
}
