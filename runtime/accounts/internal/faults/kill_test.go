//go:build unix

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// What must become of an account whose process was killed.
type fate int

const (
	renewed  fate = iota // by the next process
	sure                 // with the journal renewed, without it a matter of the provider
	chance               // the provider has spent the token, and the new one is lost
	anything             // killed at a random moment
)

// deaths are where a process is killed, in the order of a renewal. Those with
// a stage are killed by the provider.
var deaths = []struct {
	name  string
	step  failpoint.Step
	stage oauthtest.Stage
	fate  fate
}{
	{"K0 probe", failpoint.Probe, "", renewed},
	{"K1 claim", failpoint.Claim, "", renewed},
	{"K2 claimed", failpoint.Claimed, "", renewed},
	{"K3 unsealed", failpoint.Unsealed, "", renewed},
	{"K4 send", failpoint.Send, "", renewed},
	{"K4 arrived", "", oauthtest.Arrived, renewed},
	{"K4 processed", "", oauthtest.Processed, chance},
	{"K5 received", failpoint.Received, "", chance},
	{"K6 sealed", failpoint.Sealed, "", sure},
	{"K6 journaled", failpoint.Journaled, "", sure},
	{"K7 commit", failpoint.Commit, "", sure},
	{"K7 committed", failpoint.Committed, "", renewed},
	{"K8 published", failpoint.Published, "", renewed},
	{"random", "", "random", anything},
}

// TestKill kills processes at each step of a renewal, with SIGKILL, and looks
// what the next process makes of it.
func TestKill(t *testing.T) {
	t.Parallel()
	each := number("CLOSEKIT_KILLS", 20)
	for _, kind := range stores {
		for _, journal := range []bool{true, false} {
			for _, grace := range []bool{false, true} {
				n := each
				if (!journal || grace) && each < 50 {
					n = 5 // the usual run is about what is the default
				}
				if testing.Short() {
					n = 1
				}
				name := fmt.Sprintf("%s,journal=%v,grace=%v", kind, journal, grace)
				t.Run(name, func(t *testing.T) { killAll(t, kind, journal, grace, n) })
			}
		}
	}
}

func killAll(t *testing.T, kind string, journal, grace bool, n int) {
	w := newWorld(t, kind)
	var mu sync.Mutex
	victims := map[string]*worker{} // by user, who is killed by the provider
	stages := map[string]oauthtest.Stage{}
	if grace {
		w.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
	}
	w.watch(func(ctx context.Context, user string, stage oauthtest.Stage) {
		mu.Lock()
		v := victims[user]
		if v == nil || stages[user] != stage {
			mu.Unlock()
			return
		}
		delete(victims, user)
		mu.Unlock()
		_ = v.Process.Kill()
		<-ctx.Done() // until it is gone
	})
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			lost := 0
			var wg sync.WaitGroup
			slots := make(chan struct{}, 3)
			for i := range n {
				slots <- struct{}{}
				wg.Go(func() {
					defer func() { <-slots }()
					user, dir := fmt.Sprintf("%s-%d", strings.ReplaceAll(d.name, " ", "-"), i), ""
					if journal {
						dir = filepath.Join(w.folder, "state", user)
					}
					w.connect(user)
					w.expire(user)
					c := w.start(plan{Task: "once", Users: []string{user}, StateDir: dir, Step: d.step})
					if d.stage != "" && d.stage != "random" {
						mu.Lock()
						victims[user], stages[user] = c, d.stage
						mu.Unlock()
					}
					c.goAhead()
					if d.stage == "random" {
						<-time.After(rand.N(12 * time.Millisecond))
						_ = c.Process.Kill()
					}
					if err := <-c.done; !killed(err) && (d.stage != "random" || err != nil) {
						t.Errorf("%s: the worker ended with %v\n%s", user, err, w.said())
					}
					w.gone(c)
					if w.next(t, user, dir, d.fate, journal, grace) {
						mu.Lock()
						lost++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if lost > 0 {
				t.Logf("%d of %d grants were lost", lost, n)
			}
			if d.fate == sure && journal && lost > 0 {
				t.Errorf("%d of %d grants were lost in spite of the journal", lost, n)
			}
		})
	}
	w.check(t)
	w.scan(t)
}

// next is the process after one that was killed. It reports whether the grant
// was lost.
func (w *world) next(t *testing.T, user, dir string, f fate, journal, grace bool) bool {
	t.Helper()
	before := w.rec(user)
	if left := before.AttemptUntil.Sub(before.Now); left > 90*time.Second {
		t.Errorf("%s: the next attempt would have to wait for %v", user, left)
	}
	w.idle(user)
	w.lapse(user)
	m := w.manager(dir)
	defer w.close(m)
	a, err := m.Account(principal(user), conName)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Credential(t.Context())
	after := w.rec(user)
	renewals, refusals := w.counts(user)
	events := w.events(user)
	good := []accounts.EventType{accounts.EventCreated, accounts.EventConnected}
	mayLose := !grace && (f == chance || f == anything || f == sure && !journal)
	switch {
	case err == nil:
		if after.State != accounts.Active || after.Generation != 2 || after.Attempt != "" || !slices.Equal(events, good) {
			t.Errorf("%s is %s in generation %d with events %v", user, after.State, after.Generation, events)
		}
		if !mayLose && !grace && renewals != 1 {
			t.Errorf("%s was renewed %d times", user, renewals)
		}
	case mayLose && errors.Is(err, accounts.ErrAuthorizationRequired):
		if after.State != accounts.Revoked || after.Reason != accounts.RotationLost || refusals != 1 || renewals != 1 ||
			!slices.Equal(events, append(good, accounts.EventReauthorization)) {
			t.Errorf("%s is %s (%s) after %d renewals and %d refusals, with events %v", user, after.State, after.Reason, renewals, refusals, events)
		}
		return true
	default:
		t.Errorf("%s: %v; it is %s (%s), generation %d", user, err, after.State, after.Reason, after.Generation)
	}
	if renewals+refusals > 2 {
		t.Errorf("I1: the token of %s was redeemed %d times", user, renewals+refusals)
	}
	return false
}
