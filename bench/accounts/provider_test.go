package accounts_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// provider is a token endpoint that rotates refresh tokens and responds after a
// delay.
type provider struct {
	*httptest.Server
	latency time.Duration
	begin   time.Time

	mu          sync.Mutex
	generations []int64 // by account: the current refresh token
	requests    []request
	spent       int // requests with a spent refresh token
}

type request struct {
	at      time.Duration
	account int
}

func newProvider(t *testing.T, n int, latency time.Duration) *provider {
	t.Helper()
	p := &provider{latency: latency, begin: time.Now(), generations: slices.Repeat([]int64{1}, n)}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Since(p.begin)
	var i int
	var generation int64
	_, err := fmt.Sscanf(r.PostFormValue("refresh_token"), "r.%d.%d.", &i, &generation)
	if err != nil || i >= len(p.generations) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.requests = append(p.requests, request{at, i})
	good := p.generations[i] == generation
	if good {
		p.generations[i]++
	} else {
		p.spent++
	}
	p.mu.Unlock()
	select {
	case <-time.After(p.latency - (time.Since(p.begin) - at)):
	case <-r.Context().Done():
	}
	w.Header().Set("Content-Type", "application/json")
	if !good {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error": "invalid_grant"}`)
		return
	}
	fmt.Fprintf(w, `{"token_type": "Bearer", "expires_in": 3600, "access_token": %q, "refresh_token": %q, "organization_id": "orga_%s", "user_id": "user_%s"}`,
		accessToken(i, generation+1), refreshToken(i, generation+1), id(i), id(i))
}

// seen returns the requests so far.
func (p *provider) seen() ([]request, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests), p.spent
}

// mostPerSecond is the largest number of requests in any window of a second.
func mostPerSecond(list []request) int {
	most, first := 0, 0
	for i := range list {
		for list[i].at-list[first].at >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
