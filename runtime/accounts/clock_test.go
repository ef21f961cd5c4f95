package accounts

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// wallOff moves the wall clock of the machine and of the store, and leaves the
// monotonic one alone.
func wallOff(by *atomic.Int64) func(*Config) {
	return func(cfg *Config) {
		machine := newClock()
		cfg.clock = func() instant {
			n := machine()
			return instant{n.wall + by.Load(), n.mono}
		}
		store := cfg.Store.(*spyStore).MemoryStore
		store.now = func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
	}
}

// TestMachineSleepsBeforeTheRequest lets the machine sleep between the claim and the request, until
// the lease is long over.
func TestMachineSleepsBeforeTheRequest(t *testing.T) {
	t.Parallel()
	var asleep atomic.Int64
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		sent := 0
		ctx := failpoint.With(context.Background(), func(s failpoint.Step) error {
			if s == failpoint.Unsealed {
				asleep.Store(int64(10 * time.Minute)) // wall goes on, monotonic does not, nor does our lease wait
				// another replica takes over meanwhile
				other := w.cfg
				other.clock = newClock()
				m, err := New(w.Context(), other)
				if err != nil {
					w.Fatal(err)
				}
				b, _ := m.Account(user("ada"), conName)
				w.p.Set(func(k *oauthtest.Knobs) { k.Latency = time.Second })
				go func() { _, _ = b.Credential(context.Background()) }()
				synctest.Wait()
			}
			if s == failpoint.Send {
				sent++
			}
			return nil
		})
		_ = w.keep(second(a.Credential(ctx)))
		if sent > 0 {
			w.Errorf("a refresh token was sent 10 minutes after its lease of 90 s had begun")
		}
		time.Sleep(10 * time.Minute)
	}, wallOff(&asleep))
}

// TestClockSetBack sets back the only clock there is by an hour.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	var off atomic.Int64
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		time.Sleep(10 * time.Minute)
		off.Store(-int64(time.Hour))
		for range 60 {
			time.Sleep(time.Minute)
			w.ok(a)
		}
	}, wallOff(&off))
}

// TestClockJumps (C1) moves the clocks of the machine.
func TestClockJumps(t *testing.T) {
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

// TestClockOffAgainstTheStore (C2) has a replica whose clock is off against the store's.
func TestClockOffAgainstTheStore(t *testing.T) {
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

// TestTokensEndEarly (C3) has a provider whose tokens end two minutes early.
func TestTokensEndEarly(t *testing.T) {
	t.Parallel()
	withAda(t, func(w *world, a *Account) {
		w.p.Set(func(k *oauthtest.Knobs) { k.ExpiresIn = "3720" }) // we are told two minutes too much
		every(3*time.Hour, 10*time.Second, func() { w.ok(a) })
	})
}
