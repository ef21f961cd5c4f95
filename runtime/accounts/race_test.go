package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// TestFallbackSurvivesTrouble tries the spare pair while the provider is in trouble.
func TestFallbackSurvivesTrouble(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]oauthtest.Behavior{
		"503": oauthtest.Respond(503, nil, "busy"), "429": oauthtest.Respond(429, nil, "slow down"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.connect("ada")
				r := w.rec("ada")
				// The pair in the row is dead at the provider; a live one is in the fallback.
				p, err := openPair(w.vault, r.Tokens, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
				if err != nil {
					w.Fatal(err)
				}
				s, _ := sealPair(w.vault, p, AssociatedData(r.Key, r.ID, PurposeFallback, r.Generation))
				if err := w.store.Stash(w.Context(), r.Key, r.Grant, Stash{Sealed: s, Purpose: PurposeFallback, Generation: r.Generation, TTL: fallbackTime}); err != nil {
					w.Fatal(err)
				}
				bad, _ := sealPair(w.vault, pair{NewSecret(canary + "dead"), NewSecret(canary + "dead")}, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
				w.store.edit(r.Key, func(r *Record) { r.Tokens = bad })
				w.p.Script(oauthtest.Honest, trouble) // invalid_grant for the row's, trouble for the fallback's
				_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
				time.Sleep(5 * time.Minute)
				_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
				w.state("ada", Active, "")
			})
		})
	}
}

// TestReplicasRace (R1) lets replicas race.
func TestReplicasRace(t *testing.T) {
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

// TestLateWriter (R2) pauses a replica between answer and commit, while another takes
// over.
func TestLateWriter(t *testing.T) {
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

// TestConsentDuringRenewal (R3) lets a reconnect finish during a refresh.
func TestConsentDuringRenewal(t *testing.T) {
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

// TestConsentInDoubtIsRenewed has the commit of a consent not acknowledged, and
// another replica renew the account before that is found out: the consent must
// not bring back the refresh token that was spent since.
func TestConsentInDoubtIsRenewed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		other := w.manager()
		renewed := false
		w.store.failsAfter(func(op string) error {
			if op != "commit" || renewed {
				return nil
			}
			renewed = true
			if _, err := other.Refresh(w.Context(), user("ada"), conName); err != nil {
				w.Error(err)
			}
			return errors.New("connection lost")
		})
		a := w.connect("ada")
		if r := w.rec("ada"); r.Generation != 2 {
			w.Errorf("generation %d", r.Generation)
		}
		w.ok(a)
		idleOut()
		w.ok(a)
		w.state("ada", Active, "")
	})
}

// TestDisconnectAtEachStep (R4) disconnects at every step of a refresh.
func TestDisconnectAtEachStep(t *testing.T) {
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

// TestCallerLeaves (R5) cancels the caller right after the send.
func TestCallerLeaves(t *testing.T) {
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
