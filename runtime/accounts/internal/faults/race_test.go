//go:build unix

package faults

import (
	"fmt"
	"testing"
)

// TestRace (R1) lets processes race for the same accounts: each refresh token
// is redeemed once, and all callers get the result.
func TestRace(t *testing.T) {
	t.Parallel()
	type size struct{ processes, accounts int }
	sizes := []size{{2, 1}, {8, 1}, {32, 1}, {8, 100}, {32, 1000}}
	if testing.Short() {
		sizes = []size{{4, 1}, {4, 20}}
	}
	for _, kind := range stores {
		for _, c := range sizes {
			t.Run(fmt.Sprintf("%s,%d processes,%d accounts", kind, c.processes, c.accounts), func(t *testing.T) {
				w := newWorld(t, kind)
				users := names(c.accounts)
				w.connect(users...)
				w.expire()
				var workers []*worker
				for range c.processes {
					workers = append(workers, w.start(plan{Task: "race", Users: users}))
				}
				for _, p := range workers {
					p.goAhead()
				}
				for _, p := range workers {
					if err := <-p.done; err != nil {
						t.Errorf("a worker ended with %v\n%s", err, tail(w.said()))
					}
				}
				for _, user := range users {
					renewals, refusals := w.counts(user)
					if r := w.rec(user); renewals != 1 || refusals != 0 || r.Generation != 2 {
						t.Errorf("%s was renewed %d times, refused %d times, and is in generation %d", user, renewals, refusals, r.Generation)
					}
				}
				w.check(t)
				w.scan(t)
			})
		}
	}
}

// tail is the end of a long text.
func tail(s string) string { return s[max(0, len(s)-4000):] }
