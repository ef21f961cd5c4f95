//go:build unix

package faults

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts"
)

// TestTerminate (K9) ends a process with SIGTERM while many renewals are in the
// air: what was sent is committed, what was not sent is given back.
func TestTerminate(t *testing.T) {
	t.Parallel()
	for _, kind := range stores {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind)
			users := names(200)
			w.connect(users...)
			w.expire()
			const some = 20 // so that the end comes in the midst of it
			var n atomic.Int32
			sent := make(chan struct{})
			w.Set(func(k *oauthtest.Knobs) { k.Latency = 300 * time.Millisecond })
			w.watch(func(_ context.Context, _ string, stage oauthtest.Stage) {
				if stage == oauthtest.Processed && n.Add(1) == some {
					close(sent)
				}
			})
			c := w.start(plan{Task: "serve", StateDir: filepath.Join(w.folder, "state")})
			c.goAhead()
			<-sent
			begin := time.Now()
			if err := c.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := <-c.done; err != nil {
				t.Errorf("the worker ended with %v\n%s", err, w.said())
			}
			if took := time.Since(begin); took > 40*time.Second {
				t.Errorf("it took %v to end", took)
			}
			done := 0
			for _, user := range users {
				r := w.rec(user)
				renewals, refusals := w.counts(user)
				if r.Generation != int64(1+renewals) || refusals > 0 || r.State != accounts.Active {
					t.Errorf("%s was renewed %d times and refused %d times, and is %s in generation %d", user, renewals, refusals, r.State, r.Generation)
				}
				if r.Attempt != "" || r.Doubts != 0 || renewals == 0 && r.Due.After(r.Now) {
					t.Errorf("the lease of %s was not given back: %+v", user, r)
				}
				done += renewals
			}
			if done < some || done == len(users) {
				t.Errorf("%d of %d were renewed; the end did not come in the midst of it", done, len(users))
			}
			w.check(t)
			w.scan(t)
		})
	}
}

// TestFreeze (K10) stops a process between the answer of the provider and its
// commit, lets another one take over when the lease has ended, and lets the
// first one go on.
func TestFreeze(t *testing.T) {
	t.Parallel()
	for _, kind := range stores {
		for _, grace := range []bool{true, false} {
			t.Run(kind+map[bool]string{true: ",grace", false: ",strict"}[grace], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, kind)
				w.connect("ada")
				w.expire("ada")
				c := w.start(plan{Task: "once", Users: []string{"ada"}})
				stopped := make(chan struct{})
				var once sync.Once
				if grace {
					w.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
				}
				w.watch(func(_ context.Context, _ string, stage oauthtest.Stage) {
					if stage != oauthtest.Processed {
						return
					}
					once.Do(func() {
						_ = c.Process.Signal(syscall.SIGSTOP)
						var status syscall.WaitStatus // the signal is only a request
						if _, err := syscall.Wait4(c.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
							t.Errorf("the worker was not stopped: %v, %v", status, err)
						}
						close(stopped)
					})
				})
				c.goAhead()
				<-stopped
				w.idle("ada")  // the answer has left the provider
				w.lapse("ada") // a minute and a half later
				m := w.manager("")
				defer w.close(m)
				a, err := m.Account(principal("ada"), conName)
				if err != nil {
					t.Fatal(err)
				}
				_, err = a.Credential(t.Context())
				if (err == nil) != grace {
					t.Errorf("after the take-over: %v", err)
				}
				if err := c.Process.Signal(syscall.SIGCONT); err != nil {
					t.Fatal(err)
				}
				if err := <-c.done; err != nil {
					t.Errorf("the first process ended with %v\n%s", err, w.said())
				}
				// With a provider that is strict the late answer is the only good one,
				// and heals what was condemned.
				r := w.rec("ada")
				if r.State != accounts.Active || r.Generation != 2 || r.Attempt != "" {
					t.Errorf("in the end it is %s (%s), generation %d", r.State, r.Reason, r.Generation)
				}
				want := []accounts.EventType{accounts.EventCreated, accounts.EventConnected}
				if !grace {
					want = append(want, accounts.EventReauthorization, accounts.EventConnected)
				} else if r.Fallback.IsZero() {
					t.Error("the pair that came late was not kept")
				}
				if got := w.events("ada"); !slices.Equal(got, want) {
					t.Errorf("events %v, want %v", got, want)
				}
				w.expire("ada") // and it goes on working
				m2 := w.manager("")
				defer w.close(m2)
				if err := whoami(t.Context(), m2, w.URL, "ada"); err != nil {
					t.Error(err)
				}
				w.check(t)
			})
		}
	}
}
