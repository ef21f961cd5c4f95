package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// stuck queues revocations that this replica cannot make.
func (w *world) stuck(n int) {
	w.Helper()
	pair := w.rec("ada").Tokens
	for i := range n {
		if err := w.store.QueueRevocation(w.Context(), Revocation{
			ID: fmt.Sprintf("%04d", i), Key: user("bob").Key("other"), AccountID: "x", Purpose: PurposeTokens, Generation: 1, Sealed: pair,
		}); err != nil {
			w.Fatal(err)
		}
	}
	if err := w.store.QueueRevocation(w.Context(), Revocation{
		ID: "damaged", Key: user("eve").Key(conName), AccountID: "x", Purpose: PurposeTokens, Generation: 1, Sealed: pair, // of another account
	}); err != nil {
		w.Fatal(err)
	}
}

// storeDisconnect disconnects as a process does that dies before the revocation.
func (w *world) storeDisconnect(name string) {
	w.Helper()
	if _, err := w.store.Disconnect(w.Context(), DisconnectRequest{
		Key: user(name).Key(conName), Reason: HostDisconnect, RevocationIDs: [2]string{randomID(), randomID()},
		Note: Note{Type: EventDisconnected, Actor: "host"},
	}); err != nil {
		w.Fatal(err)
	}
}

// TestRevocationsDoNotBlock revokes while there are revocations in the queue
// that do not work.
func TestRevocationsDoNotBlock(t *testing.T) {
	t.Parallel()
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			w.connect("ada")
			w.stuck(200)
			time.Sleep(time.Second)
			if revoked, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil || !revoked {
				w.Fatal(revoked, err)
			}
			if n := w.p.Counts().Revocations; n != 1 {
				w.Errorf("%d grants are revoked", n)
			}
		})
	})
	t.Run("after a damaged one", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			w.connect("ada")
			w.stuck(0)
			time.Sleep(time.Second)
			w.storeDisconnect("ada")
			w.m.revokeQueued(w.Context())
			if n := w.p.Counts().Revocations; n != 1 {
				w.Errorf("%d grants are revoked", n)
			}
		})
	})
	t.Run("later", func(t *testing.T) {
		t.Parallel()
		away := true
		inWorld(t, func(w *world) {
			w.connect("ada")
			w.stuck(200)
			time.Sleep(time.Second)
			for range 2 {
				if revoked, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil || revoked {
					w.Fatal(revoked, err)
				}
			}
			if n := w.p.Counts().Revocations; n != 0 {
				w.Fatalf("%d grants are revoked at a provider that is away", n)
			}
			away = false
			w.run()
			time.Sleep(7 * time.Minute)
			if n := w.p.Counts().Revocations; n != 1 {
				w.Errorf("%d grants are revoked seven minutes later", n)
			}
		}, func(cfg *Config) {
			base := cfg.Transport
			cfg.Transport = revokeBy{base, func(req *http.Request) (*http.Response, error) {
				if away {
					return oauthtest.Response(503, nil, ""), nil
				}
				return base.RoundTrip(req)
			}}
		})
	})
}

// TestDisconnectIsNobodyElses disconnects while many others wait to be revoked
// at a slow provider.
func TestDisconnectIsNobodyElses(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		for i := range 200 {
			name := fmt.Sprint("u", i)
			w.connect(name)
			w.storeDisconnect(name)
		}
		start := time.Now()
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			w.Errorf("one revocation took %v", took)
		}
		if st, err := w.store.Stats(w.Context()); err != nil || st.Revocations != 200 {
			w.Errorf("%d revocations are queued, %v", st.Revocations, err)
		}
		w.run()
		time.Sleep(5 * time.Minute)
		if st, err := w.store.Stats(w.Context()); err != nil || st.Revocations != 0 {
			w.Errorf("%d revocations are queued in the end, %v", st.Revocations, err)
		}
	}, func(cfg *Config) {
		cfg.Transport = revokeBy{cfg.Transport, func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return oauthtest.Response(200, nil, "{}"), nil
		}}
	})
}

// slowVault opens when it is let.
type slowVault struct {
	Vault
	opening, open chan struct{} // nil until they are wanted
}

func (v *slowVault) Open(sealed, data []byte) ([]byte, error) {
	if open := v.open; open != nil {
		v.open = nil
		close(v.opening)
		<-open
	}
	return v.Vault.Open(sealed, data)
}

// TestPublishAfterDisconnect disconnects while a token is being read: it does
// not leave any more.
func TestPublishAfterDisconnect(t *testing.T) {
	t.Parallel()
	var v *slowVault
	inWorld(t, func(w *world) {
		w.connect("ada")
		m := w.manager() // nothing is in its memory
		a, err := m.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		v.opening, v.open = make(chan struct{}), make(chan struct{})
		opening, open := v.opening, v.open
		first := make(chan error, 1)
		go func() { _, err := a.Credential(context.Background()); first <- err }()
		<-opening
		if _, err := m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		close(open)
		if err := <-first; err == nil {
			w.Error("a token was given out after the disconnect")
		}
		if _, err := a.Credential(w.Context()); err == nil {
			w.Error("a disconnected account gives a token")
		}
	}, func(cfg *Config) { v = &slowVault{Vault: cfg.Vault}; cfg.Vault = v })
}

// revokeBy answers revocations its own way.
type revokeBy struct {
	http.RoundTripper
	do func(*http.Request) (*http.Response, error)
}

func (r revokeBy) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/oauth2/revoke/" && r.do != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		return r.do(req)
	}
	return r.RoundTripper.RoundTrip(req)
}

// TestDisconnectBesideHangingRevocations disconnects while the revocations of others hang.
func TestDisconnectBesideHangingRevocations(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		w.connect("ada")
		for i := range 20 { // what an outage has left in the queue
			ctx, cancel := context.WithTimeout(w.Context(), time.Millisecond)
			_, _ = w.m.Disconnect(ctx, user(fmt.Sprint("u", i)), conName, HostDisconnect)
			cancel()
		}
		time.Sleep(6 * time.Minute)
		start := time.Now()
		long, cancel := context.WithTimeout(context.Background(), 6*time.Hour)
		defer cancel()
		_, _ = w.m.Disconnect(long, user("ada"), conName, HostDisconnect)
		if took := time.Since(start); took > time.Minute {
			w.Errorf("the disconnect of one user took %v", took)
		}
	}, func(cfg *Config) {
		cfg.Transport = revokeBy{cfg.Transport, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}}
	})
}

// TestRevocationRefusedForTheSecret has a revocation refused because of a wrong secret.
func TestRevocationRefusedForTheSecret(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		st, _ := w.store.Stats(w.Context())
		if st.Revocations != 1 {
			w.Errorf("the provider said invalid_client, the grant lives on, and %d revocations are queued; events %v", st.Revocations, w.events("ada"))
		}
	}, func(cfg *Config) {
		cfg.Transport = revokeBy{cfg.Transport, func(req *http.Request) (*http.Response, error) { return oauthtest.Error(400, "invalid_client"), nil }}
	})
}

func TestDisconnectWhileProviderIsAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		var away atomic.Bool
		away.Store(true)
		base := w.m.conns[conName].oauth.base
		w.m.conns[conName].oauth.base = roundTrip(func(r *http.Request) (*http.Response, error) {
			if away.Load() {
				return oauthtest.Response(503, nil, ""), nil
			}
			return base.RoundTrip(r)
		})
		w.run()
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			t.Errorf("again: %v", err)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, InvalidGrant); err == nil {
			t.Error("a foreign reason was taken")
		}
		if _, err := w.m.Disconnect(w.Context(), user("bob"), conName, HostDisconnect); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown account gives %v", err)
		}
		away.Store(false)
		time.Sleep(10 * time.Minute)
		w.halt()
		if n := w.p.Counts().Revocations; n != 1 {
			t.Errorf("revoked %d", n)
		}
		w.connect("ada") // and back
		w.ok(w.account("ada"))
		w.wantEvents("ada", EventCreated, EventConnected, EventDisconnected, EventConnected)
	})
}

// TestRevokedIsBelieved has the provider respond to a revocation.
func TestRevokedIsBelieved(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for name, c := range map[string]struct {
		response func() *http.Response
		want     bool
	}{
		"success":                {func() *http.Response { return oauthtest.Response(200, nil, "") }, true},
		"success with any body":  {func() *http.Response { return oauthtest.Response(200, nil, "{}") }, true},
		"invalid token":          {func() *http.Response { return oauthtest.Error(400, "invalid_token") }, true},
		"invalid grant":          {func() *http.Response { return oauthtest.Error(400, "invalid_grant") }, true},
		"page of a firewall":     {func() *http.Response { return oauthtest.Response(400, html, "<html>Blocked</html>") }, false},
		"error with status 200":  {func() *http.Response { return oauthtest.Error(200, "temporarily_unavailable") }, false},
		"invalid request":        {func() *http.Response { return oauthtest.Error(400, "invalid_request") }, false},
		"unsupported token type": {func() *http.Response { return oauthtest.Error(400, "unsupported_token_type") }, false},
		"our own credentials":    {func() *http.Response { return oauthtest.Error(400, "invalid_client") }, false},
		"empty 400":              {func() *http.Response { return oauthtest.Response(400, nil, "") }, false},
		"redirect to another place": {func() *http.Response {
			return oauthtest.Response(302, http.Header{"Location": {"https://a.example"}}, "")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.connect("ada")
				revoked, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect)
				if err != nil || revoked != c.want {
					w.Errorf("revoked %v, %v", revoked, err)
				}
				stats, err := w.store.Stats(w.Context())
				if err != nil || stats.Revocations == 0 != c.want {
					w.Errorf("%d are left, %v", stats.Revocations, err)
				}
			}, func(cfg *Config) {
				cfg.Transport = revokeBy{cfg.Transport, func(*http.Request) (*http.Response, error) { return c.response(), nil }}
			})
		})
	}
}

// TestDisconnectAtAnotherReplica looks how long a replica hands out a token after
// another has disconnected the account.
func TestDisconnectAtAnotherReplica(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		store func(op string) error // after the disconnect
		most  time.Duration
	}{
		"store responds":         {nil, checkEvery},
		"store is slow":          {func(string) error { time.Sleep(checkBudget - time.Millisecond); return nil }, checkEvery + checkBudget},
		"store does not respond": {func(string) error { return errors.New("away") }, trustTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				w.connect("ada")
				other := w.manager()
				a, err := other.Account(user("ada"), conName)
				if err != nil {
					w.Fatal(err)
				}
				if _, err := a.Credential(w.Context()); err != nil {
					w.Fatal(err)
				}
				time.Sleep(time.Second)
				if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
					w.Fatal(err)
				}
				w.store.fails(c.store)
				start, last := time.Now(), time.Duration(0)
				var mu sync.Mutex
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for time.Since(start) < trustTime+time.Minute {
							if _, err := a.Credential(w.Context()); err == nil {
								mu.Lock()
								last = max(last, time.Since(start))
								mu.Unlock()
							}
							time.Sleep(50 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				w.store.fails(nil)
				if last > c.most {
					w.Errorf("a token was handed out %v after the disconnect, want %v at most", last, c.most)
				}
			})
		})
	}
}
