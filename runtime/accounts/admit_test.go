package accounts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// exits are ways in which a renewal can end. Each changes a world in which
// ada's token has ended.
var exits = map[string]func(w *world){
	"renewed": func(*world) {},
	"renewed after the response was lost once": func(w *world) {
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
		w.p.Script(oauthtest.LoseResponse)
	},
	"response lost twice":     func(w *world) { w.p.Script(oauthtest.LoseRequest, oauthtest.LoseRequest) },
	"response cut":            func(w *world) { w.p.Script(oauthtest.Respond(200, nil, `{"access_token":"`)) },
	"success without a token": func(w *world) { w.p.Script(oauthtest.Respond(200, nil, "{}"), oauthtest.Respond(200, nil, "{}")) },
	"provider down":           func(w *world) { w.p.Script(oauthtest.Respond(503, nil, "")) },
	"provider asks to wait":   func(w *world) { w.p.Script(oauthtest.Respond(429, http.Header{"Retry-After": {"1"}}, "")) },
	"connection refused":      func(w *world) { w.p.Script(oauthtest.Fail(&net.OpError{Op: "dial", Err: errors.New("refused")})) },
	"grant refused":           func(w *world) { w.p.RevokeUser("user_ada") },
	"client secret refused":   func(w *world) { w.p.Script(oauthtest.Refuse(401, "invalid_client")) },
	"tokens of another user": func(w *world) {
		w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
	},
	"transport panics":    func(w *world) { w.p.Script(oauthtest.Panic(canary)) },
	"vault seals nothing": func(w *world) { w.vault.broken = true },
	"refresh token unreadable": func(w *world) {
		w.store.edit(user("ada").Key(conName), func(r *Record) { r.Tokens.Blob = []byte("no tokens") })
	},
	"no refresh token": func(w *world) { w.store.edit(user("ada").Key(conName), func(r *Record) { r.NoRefresh = true }) },
	"stopped by an identity": func(w *world) {
		w.store.edit(user("ada").Key(conName), func(r *Record) { r.Reason = IdentityMismatch })
	},
	"third try in doubt": func(w *world) {
		w.store.edit(user("ada").Key(conName), func(r *Record) { r.Doubts, r.Expires = 2, r.Now.Add(time.Hour) })
	},
	"disconnected meanwhile":     func(w *world) { w.p.Script(disconnecting(w)) },
	"renewed by another replica": func(w *world) { w.store.fails(once("claim", ErrConflict)) },
	"connection suspect": func(w *world) {
		w.m.setHealth(w.Context(), w.m.conns[conName], HealthSuspect, "invalid_grant")
		w.store.edit(user("ada").Key(conName), func(r *Record) { r.Failure = GrantRefused })
	},
	"connection misconfigured": func(w *world) { w.m.setHealth(w.Context(), w.m.conns[conName], HealthConfigError, "invalid_client") },
}

// disconnecting disconnects ada before it responds.
func disconnecting(w *world) oauthtest.Behavior {
	return func(_ *http.Request, process func() *http.Response) (*http.Response, error) {
		if _, err := w.m.Disconnect(context.Background(), user("ada"), conName, HostDisconnect); err != nil {
			w.Error(err)
		}
		return process(), nil
	}
}

// once makes the first of an operation fail.
func once(op string, err error) func(string) error {
	var done atomic.Bool
	return func(o string) error {
		if o == op && done.CompareAndSwap(false, true) {
			return err
		}
		return nil
	}
}

// steps are the failpoints of a renewal.
var steps = []failpoint.Step{
	failpoint.Probe, failpoint.Claim, failpoint.Claimed, failpoint.Unsealed, failpoint.Send, failpoint.Received, failpoint.Sealed,
	failpoint.Journaled, failpoint.Commit, failpoint.Committed, failpoint.Published, failpoint.Replay,
}

// TestPermitIsGivenBack ends renewals in every way, on demand and by the
// scheduler, and stops each at every step, and looks whether what the renewal took
// from others is back: the probe of the breaker, the turn of the limiter if
// nothing was sent, and the slot. The breaker is tripped, so that the renewal is
// its probe.
func TestPermitIsGivenBack(t *testing.T) {
	t.Parallel()
	storeFails := map[string]func(string) error{"": nil}
	for _, op := range []string{"load", "claim", "claimdue", "extend", "commit", "release"} {
		storeFails[op+" fails once"] = once(op, errors.New("away"))
		storeFails[op+" fails"] = func(o string) error {
			if o == op {
				return errors.New("away")
			}
			return nil
		}
		storeFails[op+" panics"] = func(o string) error {
			if o == op {
				panic("store")
			}
			return nil
		}
	}
	for name, prepare := range exits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, scheduled := range []bool{false, true} {
				checkPermit(t, fmt.Sprintf("scheduled %v", scheduled), prepare, scheduled, nil)
			}
		})
		for _, step := range steps {
			t.Run(fmt.Sprintf("%s, stopped at %s", name, step), func(t *testing.T) {
				t.Parallel()
				for _, panics := range []bool{false, true} {
					hook := func(s failpoint.Step) error {
						switch {
						case s != step:
							return nil
						case panics:
							panic("stopped")
						}
						return errors.New("stopped")
					}
					checkPermit(t, fmt.Sprintf("panics %v", panics), prepare, false, hook)
				}
			})
		}
	}
	for name, fails := range storeFails {
		t.Run("store: "+name, func(t *testing.T) {
			t.Parallel()
			for _, scheduled := range []bool{false, true} {
				checkPermit(t, fmt.Sprintf("scheduled %v", scheduled), func(w *world) { w.store.fails(fails) }, scheduled, nil)
			}
		})
	}
}

// checkPermit makes one renewal.
func checkPermit(t *testing.T, name string, prepare func(*world), scheduled bool, hook func(failpoint.Step) error) {
	t.Helper()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		c := w.m.conns[conName]
		for range tripAfter {
			c.breaker.failed(w.m.now().elapsed())
		}
		time.Sleep(time.Minute) // a probe is due, and the turn is free
		prepare(w)
		before, _ := w.counts()
		ctx := w.Context()
		if hook != nil {
			ctx = failpoint.With(ctx, hook)
		}
		renewal(ctx, w, a, scheduled)
		after, _ := w.counts()
		w.store.fails(nil)
		if n := len(w.m.slots); n != 0 {
			w.Errorf("%s: %d slots are not given back", name, n)
		}
		if c.breaker.probing {
			w.Errorf("%s: the breaker waits for a probe that was not made", name)
		}
		if free := c.limiter.take(w.m.now().elapsed()); !free && after == before {
			w.Errorf("%s: nothing was sent, and the turn is not given back", name)
		} else if free && after > before {
			w.Errorf("%s: something was sent without a turn", name)
		}
	}, func(cfg *Config) { cfg.Connections[0].Rate = 1e-6 }) // a turn in eleven days
}

// renewal makes one renewal and waits for its end, whatever it panics with.
func renewal(ctx context.Context, w *world, a *Account, scheduled bool) {
	defer func() { _ = recover() }()
	if scheduled {
		_, _ = w.m.RunDue(ctx, 1)
		return
	}
	short, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	_, err := a.Credential(short)
	_ = w.keep(err)
}

// TestPermitReleaseTwice releases a permit again.
func TestPermitReleaseTwice(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		p, err := w.m.admit(w.Context(), w.m.conns[conName], w.rec("ada"), byDemand)
		if err != nil || len(w.m.slots) != 1 {
			w.Fatal(err)
		}
		p.release()
		p.release()
		if n := len(w.m.slots); n != 0 {
			w.Errorf("%d slots are taken", n)
		}
	})
}

// TestPermitsForDueAccounts takes no more permits than there is room for.
func TestPermitsForDueAccounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		c := w.m.conns[conName]
		time.Sleep(time.Second)
		first, more := w.m.admitDue(c, 10)
		if len(first) != 2 || !more { // a tenth of a second's worth of 20 per second
			w.Errorf("%d permits, more %v", len(first), more)
		}
		for range tripAfter {
			c.breaker.failed(w.m.now().elapsed())
		}
		if second, more := w.m.admitDue(c, 10); len(second) != 0 || more {
			w.Errorf("%d permits of an open breaker, more %v", len(second), more)
		}
		time.Sleep(time.Minute)
		probe, _ := w.m.admitDue(c, 10)
		if len(probe) != 1 || !probe[0].probe {
			w.Errorf("%d permits for a probe", len(probe))
		}
		for _, p := range slices.Concat(first, probe) {
			p.release()
		}
		if c.breaker.probing || len(w.m.slots) != 0 {
			w.Error("something is not given back")
		}
	})
}

// TestPermitAfterPanicOfTheStore lets the store panic in a claim.
func TestPermitAfterPanicOfTheStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.store.fails(func(op string) error {
			if op == "claim" {
				panic("store")
			}
			return nil
		})
		_ = w.get(a)
		w.store.fails(nil)
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Minute)
		defer cancel()
		_, err := a.Credential(ctx)
		if err != nil {
			w.Errorf("with a working store: %v; slots taken: %d", err, len(w.m.slots))
			<-w.m.slots // so that the test ends
		}
	}, func(cfg *Config) { cfg.MaxConcurrent = 1 })
}
