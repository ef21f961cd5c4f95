package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// TestFaultR1 lets replicas race.
func TestFaultR1(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{2, 8, 32} {
		for _, n := range []int{1, 50} {
			t.Run(fmt.Sprint(replicas, " replicas ", n, " accounts"), func(t *testing.T) {
				t.Parallel()
				inWorld(t, func(w *world) {
					for i := range n {
						w.connect(fmt.Sprint("u", i))
					}
					idleOut()
					w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 300 * time.Millisecond })
					var wg sync.WaitGroup
					for range replicas {
						m := w.manager()
						for i := range n {
							wg.Go(func() {
								a, err := m.Account(user(fmt.Sprint("u", i)), conName)
								if err != nil {
									w.Error(err)
									return
								}
								w.ok(a)
							})
						}
					}
					wg.Wait()
					if _, refreshes := w.counts(); refreshes != n {
						w.Errorf("%d refreshes for %d accounts", refreshes, n)
					}
				})
			})
		}
	}
}

// TestFaultR2 pauses a replica between answer and commit, while another takes
// over.
func TestFaultR2(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, 24 * time.Hour} {
		t.Run(fmt.Sprint("grace ", grace), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				w.p.Set(func(k *oauthtest.Knobs) { k.Grace = grace })
				idleOut()
				paused, goOn := make(chan struct{}), make(chan struct{})
				once := true
				ctx := failpoint.With(context.Background(), func(s failpoint.Step) error {
					if s == failpoint.Sealed && once {
						once = false
						close(paused)
						<-goOn
					}
					return nil
				})
				first := make(chan error)
				go func() {
					_, err := a.Credential(ctx)
					first <- w.keep(err)
				}()
				<-paused
				time.Sleep(leaseTime + time.Second)
				other, err := w.manager().Account(user("ada"), conName)
				if err != nil {
					w.Fatal(err)
				}
				err = w.get(other)
				if grace == 0 {
					if !errors.Is(err, ErrAuthorizationRequired) {
						w.Errorf("the other replica gets %v", err)
					}
					w.state("ada", Revoked, RotationLost)
				} else if err != nil {
					w.Errorf("the other replica gets %v", err)
				}
				close(goOn)
				if err := <-first; err != nil {
					w.Errorf("the late replica gets %v", err)
				}
				w.state("ada", Active, "")
				w.ok(a)
				if grace == 0 {
					return
				}
				r := w.rec("ada")
				if r.Fallback.IsZero() || r.Fallback.Purpose != PurposeFallback {
					w.Fatalf("the late pair was not kept: %+v", r.Fallback)
				}
				// What the winner holds is refused; the spare pair saves it.
				idleOut()
				w.p.Script(oauthtest.Refuse(400, "invalid_grant"))
				w.ok(a)
				w.state("ada", Active, "")
				if r := w.rec("ada"); !r.Fallback.IsZero() {
					w.Errorf("the spare pair is still there")
				}
			})
		})
	}
}

// TestFaultR3 lets a reconnect finish during a refresh.
func TestFaultR3(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Script(oauthtest.Slow(20 * time.Second))
		done := make(chan error)
		go func() { done <- w.get(a) }()
		time.Sleep(5 * time.Second)
		w.connect("ada")
		grant := w.rec("ada").Grant
		if err := <-done; err != nil {
			w.Errorf("the caller gets %v", err)
		}
		r := w.rec("ada")
		if r.Grant != grant || !r.Fallback.IsZero() || r.Generation != 2 {
			w.Errorf("the old refresh left %+v", r)
		}
		w.ok(a)
		w.wantEvents("ada", EventCreated, EventConnected, EventConnected)
	})
}

// TestFaultR4 disconnects at every step of a refresh.
func TestFaultR4(t *testing.T) {
	t.Parallel()
	for _, step := range []failpoint.Step{
		failpoint.Probe, failpoint.Claim, failpoint.Claimed, failpoint.Unsealed, failpoint.Send, failpoint.Received, failpoint.Sealed,
		failpoint.Journaled, failpoint.Commit, failpoint.Committed, failpoint.Published,
	} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				idleOut()
				once := true
				ctx := failpoint.With(w.Context(), func(s failpoint.Step) error {
					if s == step && once {
						once = false
						if _, err := w.m.Disconnect(context.Background(), user("ada"), conName, AdminDisconnect); err != nil {
							w.Errorf("disconnect: %v", err)
						}
					}
					return nil
				})
				_, err := a.Credential(ctx)
				if w.keep(err); !errors.Is(err, ErrAuthorizationRequired) && step != failpoint.Published {
					w.Errorf("the caller gets %v", err)
				}
				w.state("ada", Disconnected, AdminDisconnect)
				if r := w.rec("ada"); !r.Tokens.IsZero() || !r.Fallback.IsZero() {
					w.Errorf("something was left: %+v", r)
				}
				if err := w.get(a); !errors.Is(err, ErrAuthorizationRequired) {
					w.Errorf("afterwards the caller gets %v", err)
				}
				time.Sleep(time.Minute)
				w.m.revokeQueued(w.Context())
				if n := w.p.GrantsAlive(); n > 0 {
					w.Errorf("%d grants are alive at the provider after %d revocations", n, w.p.Counts().Revocations)
				}
			})
		})
	}
}

// TestFaultR5 cancels the caller right after the send.
func TestFaultR5(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Script(oauthtest.Slow(10 * time.Second))
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := a.Credential(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			w.Errorf("the caller gets %v after %v", err, time.Since(start))
		}
		time.Sleep(10 * time.Second)
		if r := w.rec("ada"); r.Generation != 2 {
			w.Errorf("the refresh did not go on: generation %d", r.Generation)
		}
		w.ok(a)
	})
}

// TestFaultR6 runs two releases with different secrets.
func TestFaultR6(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Set(func(k *oauthtest.Knobs) { k.ClientSecret = "rotated" })
		old := w.m
		w.cfg.Connections = []Connection{testConnection()}
		w.cfg.Connections[0].ClientSecret = NewSecret("rotated")
		fresh := w.manager()
		idleOut()
		if err := w.get(a); !errors.Is(err, ErrConnectionConfig) {
			w.Errorf("the old release gives %v", err)
		}
		w.state("ada", Active, "")
		b, err := fresh.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		w.ok(b)
		w.ok(a) // what one renewed, the other can use
		w.state("ada", Active, "")
		if h, err := old.Health(w.Context()); err != nil || h.Connections[0].State != HealthConfigError {
			w.Errorf("the old release is %+v, %v", h.Connections, err)
		}
		if h, err := fresh.Health(w.Context()); err != nil || h.Connections[0].State != HealthOK {
			w.Errorf("the new release is %+v, %v", h.Connections, err)
		}
	})
}

// TestFaultC1 moves the clocks of the machine.
func TestFaultC1(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]struct{ wall, mono time.Duration }{
		"wall an hour ahead": {wall: time.Hour}, "wall an hour back": {wall: -time.Hour}, "wall ten years ahead": {wall: 10 * 365 * 24 * time.Hour},
		"monotonic stopped": {mono: -45 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var off struct{ wall, mono time.Duration }
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				w.ok(a)
				time.Sleep(10 * time.Minute)
				mu.Lock()
				off = jump
				mu.Unlock()
				w.ok(a)
				if _, refreshes := w.counts(); refreshes != 0 {
					w.Errorf("the jump made %d refreshes of a valid token", refreshes)
				}
				time.Sleep(51 * time.Minute)
				w.ok(a) // not with the token that has ended
				w.state("ada", Active, "")
			}, func(cfg *Config) {
				machine := newClock()
				cfg.clock = func() instant {
					now := machine()
					mu.Lock()
					defer mu.Unlock()
					return instant{now.wall + int64(off.wall), now.mono + int64(off.mono)}
				}
			})
		})
	}
}

// TestFaultC2 has a replica whose clock is off against the store's.
func TestFaultC2(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				machine := newClock()
				w.cfg.clock = func() instant {
					now := machine()
					return instant{now.wall + int64(skew), now.mono}
				}
				m := w.manager()
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = m.Run(ctx)
				}()
				w.run()
				b, err := m.Account(user("ada"), conName)
				if err != nil {
					w.Fatal(err)
				}
				every(3*time.Hour, time.Minute, func() { w.ok(a); w.ok(b) })
				cancel()
				<-done
				if r := w.rec("ada"); r.Generation < 4 || r.Generation > 6 {
					w.Errorf("after three hours the generation is %d", r.Generation)
				}
			})
		})
	}
}

// TestFaultC3 has a provider whose tokens end two minutes early.
func TestFaultC3(t *testing.T) {
	t.Parallel()
	warm(t, func(w *world, a *Account) {
		w.p.Set(func(k *oauthtest.Knobs) { k.ExpiresIn = "3720" }) // we are told two minutes too much
		every(3*time.Hour, 10*time.Second, func() { w.ok(a) })
	})
}

// TestFaultH1 has 10,000 accounts that end in the same second.
func TestFaultH1(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	inWorld(t, func(w *world) {
		ctx := w.Context()
		a := w.connect("u0")
		proto := w.rec("u0")
		p, err := openPair(w.vault, proto.Tokens, AssociatedData(proto.Key, proto.ID, PurposeTokens, 1))
		if err != nil {
			w.Fatal(err)
		}
		for i := 1; i < n; i++ { // without the ceremony
			name := fmt.Sprint("u", i)
			key := user(name).Key(conName)
			r, _, err := w.store.Ensure(ctx, randomID(), key, "host")
			if err != nil {
				w.Fatal(err)
			}
			refresh := w.p.Grant(who(name))
			s, err := sealPair(w.vault, pair{p.access, NewSecret(refresh)}, AssociatedData(key, r.ID, PurposeTokens, 1))
			if err != nil {
				w.Fatal(err)
			}
			if _, err := w.store.MemoryStore.Commit(ctx, CommitRequest{
				Key: key, Attempt: "x", Grant: "g", Tokens: s, OrganizationID: who(name).Organization, UserID: who(name).User,
				ExpiresIn: time.Hour, DueIn: 48 * time.Minute, Note: Note{EventConnected, "user", true},
			}); err != nil {
				w.Fatal(err)
			}
		}
		time.Sleep(48*time.Minute - time.Second)
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 300 * time.Millisecond })
		w.run()
		time.Sleep(11 * time.Minute)
		w.ok(a)
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation != 2 || r.State != Active {
				w.Fatalf("u%d is %s with generation %d before its end", i, r.State, r.Generation)
			}
		}
		if most := oauthtest.MostPerSecond(w.p.Requests()[1:]); most > 220 {
			w.Errorf("%d requests in a second", most)
		}
	})
}

// TestFaultH3 hammers one account.
func TestFaultH3(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 100 {
					if _, err := a.Credential(w.Context()); err != nil {
						w.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if _, refreshes := w.counts(); refreshes != 1 {
			w.Errorf("%d refreshes for 10,000 gets", refreshes)
		}
	})
}

// TestFaultH4 polls an account hard that fails for good.
func TestFaultH4(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.run()
		w.p.Always(oauthtest.Respond(500, nil, ""))
		time.Sleep(2 * time.Hour)
		before, _ := w.counts()
		every(24*time.Hour, 5*time.Second, func() {
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Fatalf("the caller gets %v", err)
			}
		})
		after, _ := w.counts()
		if after-before > 100 {
			w.Errorf("%d attempts in a day, want at most 96", after-before)
		}
	})
}

// TestFaultK11 is a panic inside a refresh.
func TestFaultK11(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
		w.p.Script(func(*http.Request, func() *http.Response) (*http.Response, error) { panic(canary) })
		if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
			w.Errorf("the caller gets %v", err)
		}
		time.Sleep(leaseTime)
		w.ok(a)
		w.state("ada", Active, "")
	})
}

// TestFaultD1 loses answers of the store around the commit.
func TestFaultD1(t *testing.T) {
	t.Parallel()
	down := errors.New("connection lost")
	cut := func(op string, times int) func(string) error {
		var mu sync.Mutex
		return func(o string) error {
			mu.Lock()
			defer mu.Unlock()
			if o == op && times > 0 {
				times--
				return down
			}
			return nil
		}
	}
	for name, run := range map[string]func(w *world, a *Account){
		"commit fails": func(w *world, a *Account) {
			w.store.fails(cut("commit", 5))
			w.ok(a)
		},
		"commit lands and its answer is lost": func(w *world, a *Account) {
			w.store.failsAfter(cut("commit", 1))
			w.ok(a)
			if r := w.rec("ada"); r.Generation != 2 || !r.Fallback.IsZero() {
				w.Errorf("the row is %+v", r)
			}
		},
		"claim fails": func(w *world, a *Account) {
			w.store.fails(cut("claim", 1))
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Errorf("the caller gets %v", err)
			}
			if requests, _ := w.counts(); requests != 1 {
				w.Error("something was sent without a claim")
			}
			w.ok(a)
		},
		"release fails": func(w *world, a *Account) {
			w.p.Script(oauthtest.Respond(503, nil, ""))
			w.store.fails(cut("release", 100))
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Errorf("the caller gets %v", err)
			}
			w.store.fails(nil)
			time.Sleep(leaseTime)
			w.ok(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				idleOut()
				run(w, a)
				w.store.fails(nil)
				w.store.failsAfter(nil)
				w.ok(a)
				w.state("ada", Active, "")
			})
		})
	}
}

// TestFaultD2 takes the store away for ten minutes.
func TestFaultD2(t *testing.T) {
	t.Parallel()
	warm(t, func(w *world, a *Account) {
		time.Sleep(40 * time.Minute)
		w.ok(a)
		w.store.fails(func(string) error { return errors.New("down") })
		before, _ := w.counts()
		every(10*time.Minute, time.Second, func() { w.ok(a) })
		if after, _ := w.counts(); after != before {
			w.Error("something was sent without a store")
		}
		w.store.fails(nil)
		w.hour(a)
	})
}

// TestFaultD8 moves sealed blobs about.
func TestFaultD8(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.connect("ada")
		w.connect("bob")
		good, others := w.rec("ada").Tokens, w.rec("bob").Tokens
		store := func(s Sealed) { w.store.edit(a.key, func(r *Record) { r.Tokens = s }) }
		idleOut()
		requests, _ := w.counts()
		for name, bad := range map[string]Sealed{
			"another row": others, "cut": {good.Blob[:20], 1}, "longer": {append(append([]byte(nil), good.Blob...), 0), 1},
		} {
			store(bad)
			w.m.entry(a.key).token.Store(nil)
			if err := w.get(a); !errors.Is(err, ErrSeal) {
				w.Errorf("%s: the caller gets %v", name, err)
			}
		}
		for i := range good.Blob {
			bad := Sealed{append([]byte(nil), good.Blob...), good.KeyID}
			bad.Blob[i] ^= 1
			store(bad)
			if err := w.get(a); !errors.Is(err, ErrSeal) {
				w.Fatalf("a flipped bit in byte %d gives %v", i, err)
			}
		}
		store(good)
		w.store.edit(a.key, func(r *Record) { r.Generation++ }) // the blob is of another generation
		if err := w.get(a); !errors.Is(err, ErrSeal) {
			w.Errorf("an older blob gives %v", err)
		}
		w.store.edit(a.key, func(r *Record) { r.Generation-- })
		w.state("ada", Active, "")
		if after, _ := w.counts(); after != requests {
			w.Error("something was sent")
		}
		time.Sleep(10 * time.Minute)
		w.ok(a)
		w.end()
	})
}

// TestIsolation is many callers with many identities under faults.
func TestIsolation(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 500
		handles := make([]*Account, n)
		for i := range n {
			handles[i] = w.connect(fmt.Sprint("u", i))
		}
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 50 * time.Millisecond })
		w.run()
		for range 3 {
			for range 40 {
				w.p.Script(oauthtest.ProcessThenRespond(502), oauthtest.Honest, oauthtest.LoseResponse, oauthtest.Respond(429, nil, ""), oauthtest.Mangle(nil, func(s string) (string, error) { return s + "x", nil }))
			}
			idleOut()
			var wg sync.WaitGroup
			for g := range 64 {
				wg.Go(func() {
					for i := range 30 {
						_ = w.get(handles[(g*31+i*7)%n]) // checks whose it is
					}
				})
			}
			wg.Wait()
			time.Sleep(10 * time.Minute)
		}
		for _, a := range handles {
			w.ok(a)
		}
	})
}

// TestShutdown stops a manager under load.
func TestShutdown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 50 {
			w.connect(fmt.Sprint("u", i))
		}
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 5 * time.Second })
		w.run()
		time.Sleep(2 * time.Second)
		w.halt()
		start := time.Now()
		if err := w.m.Close(context.Background()); err != nil || time.Since(start) > 40*time.Second {
			w.Errorf("closing took %v: %v", time.Since(start), err)
		}
		requests, refreshes := w.counts()
		if requests-50 != refreshes {
			w.Errorf("%d requests were sent, %d answered", requests-50, refreshes)
		}
		committed := 0
		for i := range 50 {
			r := w.rec(fmt.Sprint("u", i))
			if r.Attempt != "" {
				w.Errorf("u%d is still claimed", i)
			}
			if r.Generation == 2 {
				committed++
			}
		}
		if committed != refreshes {
			w.Errorf("%d of %d refreshes were committed", committed, refreshes)
		}
		if err := w.get(w.account("u49")); err != nil && !errors.Is(err, ErrTemporarilyUnavailable) {
			w.Errorf("after the end: %v", err)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	key := user("ada").Key(conName)
	for _, c := range []struct {
		err       AccountError
		is        error
		retryable bool
		action    Action
	}{
		{&AuthorizationRequiredError{key, Revoked, InvalidGrant}, ErrAuthorizationRequired, false, Reconnect},
		{&VerificationRequiredError{key}, ErrVerificationRequired, true, Wait},
		{&TemporarilyUnavailableError{key, time.Minute, Busy}, ErrTemporarilyUnavailable, true, Wait},
		{&ConnectionConfigError{conName, "invalid_client"}, ErrConnectionConfig, false, CallOperator},
		{&IdentityMismatchError{key}, ErrIdentityMismatch, false, CallOperator},
		{&ProviderRejectedError{key, 401}, ErrProviderRejected, false, NoAction},
		{&SealError{key, 7}, ErrSeal, false, CallOperator},
	} {
		wrapped := fmt.Errorf("close_me_get: %w", c.err)
		if !errors.Is(wrapped, c.is) || c.err.Retryable() != c.retryable || c.err.UserAction() != c.action {
			t.Errorf("%T: %v, retryable %v, action %v", c.err, wrapped, c.err.Retryable(), c.err.UserAction())
		}
		if text := c.err.Error(); strings.Contains(text, "http") || strings.Contains(text, "ada") || text != strings.ToLower(text[:1])+text[1:] {
			t.Errorf("%T says %q", c.err, text)
		}
	}
}
