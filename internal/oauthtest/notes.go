package oauthtest

import (
	"maps"
	"slices"
	"time"
)

// Redemption is one use of a refresh token.
type Redemption struct {
	Start, End time.Time // End is zero while it is in flight
	Status     int       // 0 without a response
	Renewed    bool      // whether it was processed with success
	Err        error     // what the client got instead of a response

	user string
}

func (r *Redemption) set(p *Provider, change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// Counts are numbers of requests.
type Counts struct {
	Requests    int // to the token endpoint
	Exchanges   int // codes redeemed with success
	Refreshes   int // refresh tokens redeemed with success
	Refusals    int // refresh tokens that were processed and refused
	Revocations int
}

// Counts returns the numbers so far.
func (p *Provider) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Renewals returns how often the grants of a user were renewed and refused.
func (p *Provider) Renewals(user string) (renewed, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.renewals[user], p.refusals[user]
}

// Request is one request to the token endpoint.
type Request struct {
	At           time.Time
	RefreshToken string // empty for a code
}

// Requests returns the requests so far.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// MostPerSecond is the largest number of requests in any window of a second.
func MostPerSecond(list []Request) int {
	most, first := 0, 0
	for i := range list {
		for list[i].At.Sub(list[first].At) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Redemptions returns the uses of each refresh token.
func (p *Provider) Redemptions() map[string][]Redemption {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string][]Redemption, len(p.redemptions))
	for token, list := range p.redemptions {
		for _, r := range list {
			out[token] = append(out[token], *r)
		}
	}
	return out
}

// Issued returns when a refresh token was issued; zero if it was not.
func (p *Provider) Issued(refresh string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.issued[refresh]
}

// InFlight returns how many refreshes of a user are being processed.
func (p *Provider) InFlight(user string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, list := range p.redemptions {
		for _, r := range list {
			if r.user == user && r.End.IsZero() {
				n++
			}
		}
	}
	return n
}

// Violations returns what no client may ever do, such as to use a refresh token
// twice at once.
func (p *Provider) Violations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// GrantsAlive returns how many grants have a refresh token that works.
func (p *Provider) GrantsAlive() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for token, g := range p.grants {
		if g.refresh == token && !g.dead {
			n++
		}
	}
	return n
}

// Access returns whose an access token is, and until when it works. It is
// revoked if its grant has ended.
func (p *Provider) Access(token string) (as Identity, until time.Time, revoked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.access[token]
	if !ok {
		return Identity{}, time.Time{}, true
	}
	return a.Identity, a.until, a.dead
}

// AccessTokens returns all access tokens that were issued.
func (p *Provider) AccessTokens() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.access))
}
