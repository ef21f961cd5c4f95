package accounts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestStateMachine does random things and checks what must always hold.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	seeds := 40
	if n, err := strconv.Atoi(os.Getenv("CLOSEKIT_SEEDS")); err == nil {
		seeds = n // to explore by hand
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomLife(t, seed) })
		})
	}
}

func randomLife(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	jitter := rand.New(rand.NewPCG(seed, 2))
	w := newWorld(t, func(cfg *Config) {
		cfg.jitter = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return jitter.Float64()
		}
	})
	if r.IntN(2) == 0 {
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
	}
	replicas := []*Manager{w.m, w.manager(), w.manager()}
	names := []string{"ada", "bob"}
	for _, n := range names {
		w.connect(n)
	}
	w.run()
	troubles := []oauthtest.Behavior{
		oauthtest.ProcessThenRespond(500), oauthtest.Respond(503, nil, ""), oauthtest.LoseResponse, oauthtest.LoseRequest, oauthtest.Respond(429, nil, ""), oauthtest.Refuse(401, "invalid_client"),
		oauthtest.Respond(200, nil, "<html>"), oauthtest.Slow(10 * time.Second), oauthtest.Slow(31 * time.Second), oauthtest.Respond(403, nil, "blocked"), oauthtest.Honest,
		oauthtest.Mangle(nil, func(s string) (string, error) { return s[:len(s)/2], errors.New("cut") }),
	}
	var wg sync.WaitGroup
	for range 60 {
		name := names[r.IntN(len(names))]
		m := replicas[r.IntN(len(replicas))]
		a, err := m.Account(user(name), conName)
		if err != nil {
			t.Fatal(err)
		}
		switch r.IntN(10) {
		case 0, 1:
			w.p.Script(troubles[r.IntN(len(troubles))])
		case 2:
			wg.Go(func() {
				if cred, err := a.Credential(t.Context()); err == nil {
					_, err = a.Renew(t.Context(), cred)
					_ = w.keep(err)
				}
			})
		case 3:
			if r.IntN(3) == 0 {
				w.p.RevokeUser("user_" + name)
			}
		case 4:
			if r.IntN(3) == 0 {
				wg.Go(func() {
					_, err := m.Disconnect(t.Context(), user(name), conName, HostDisconnect)
					_ = w.keep(err)
				})
			}
		case 5:
			wg.Go(func() {
				f, err := m.PasteLocal(t.Context(), user(name), conName)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = f.Finish(t.Context(), w.consent(f.URL(), who(name)))
				_ = w.keep(err)
			})
		case 6:
			time.Sleep(time.Duration(r.IntN(90)) * time.Minute)
		default:
			wg.Go(func() {
				cred, err := a.Credential(t.Context())
				if w.keep(err) == nil {
					if got, _ := w.whose(cred); got.User != "user_"+name {
						t.Errorf("I3: %s got the token of %q", name, got.User)
					}
				}
			})
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Second)
	}
	wg.Wait()
	// With a healthy provider everything comes to rest: it works, or the
	// error says what to do.
	w.p.ClearScript()
	time.Sleep(2 * time.Hour)
	for _, name := range names {
		err := w.get(w.account(name))
		rec := w.rec(name)
		if err != nil && !errors.Is(err, ErrAuthorizationRequired) || err == nil && rec.State != Active {
			t.Errorf("in the end %s is %s (%s) and gives %v", name, rec.State, rec.Reason, err)
		}
	}
	w.end()
}

func TestLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.account("ada")
		var need *AuthorizationRequiredError
		if err := w.get(a); !errors.As(err, &need) || need.State != Pending {
			w.Fatalf("an unknown account gives %v", err)
		}
		a = w.connect("ada")
		w.ok(a)
		w.run()
		every(5*time.Hour, time.Minute, func() { w.ok(a) })
		if r := w.rec("ada"); r.Generation < 6 || r.Generation > 8 {
			w.Errorf("after five hours the generation is %d", r.Generation)
		}
		w.state("ada", Active, "")
		w.wantEvents("ada", EventCreated, EventConnected)
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		if err := w.get(a); !errors.As(err, &need) || need.State != Disconnected || need.Reason != HostDisconnect {
			w.Errorf("after the disconnect: %v", err)
		}
		if n := w.p.Counts().Revocations; n != 1 {
			w.Errorf("%d revocations at the provider", n)
		}
		w.wantEvents("ada", EventCreated, EventConnected, EventDisconnected)
	})
}
