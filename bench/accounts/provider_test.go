package accounts_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// provider is a server of package oauthtest that knows the refresh tokens of a
// table without having issued them.
type provider struct {
	*oauthtest.Provider
	*httptest.Server
	begin time.Time
}

func newProvider(t *testing.T, n int, latency time.Duration) *provider {
	t.Helper()
	p := &provider{Provider: oauthtest.New()}
	p.Set(func(k *oauthtest.Knobs) {
		k.Latency = latency
		k.AnyToken = func(refresh string) (oauthtest.Identity, bool) {
			i, _, err := parseToken(refresh)
			return oauthtest.Identity{User: "user_" + id(i), Organization: "orga_" + id(i)}, err == nil && i < n
		}
		k.NewPair = func(_ oauthtest.Identity, spent string) (access, refresh string) {
			i, generation, _ := parseToken(spent) // AnyToken took it
			return accessToken(i, generation+1), refreshToken(i, generation+1)
		}
	})
	p.Server = httptest.NewServer(p.Provider)
	t.Cleanup(p.Close)
	return p
}

// parseToken reads what refreshToken wrote.
func parseToken(refresh string) (i int, generation int64, err error) {
	_, err = fmt.Sscanf(refresh, "r.%d.%d.", &i, &generation)
	return i, generation, err
}

// seen returns the requests so far, and how many of them used a refresh token
// that was spent.
func (p *provider) seen() (requests []oauthtest.Request, spent int) {
	return p.Requests(), p.Counts().Refusals
}
