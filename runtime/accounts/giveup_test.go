package accounts

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestNothingPollsForCallersThatGaveUp has callers give up while another process
// renews.
func TestNothingPollsForCallersThatGaveUp(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		r := w.rec("ada")
		if _, err := w.store.Claim(w.Context(), ClaimRequest{r.Key, r.Generation, "theirs", "another", leaseTime}); err != nil {
			w.Fatal(err)
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(w.Context(), 2*time.Second)
			if _, err := a.Credential(ctx); !errors.Is(err, context.DeadlineExceeded) {
				w.Errorf("the caller gets %v", err)
			}
			cancel()
		}
		time.Sleep(time.Second)
		loads := func() int {
			w.store.mu.Lock()
			defer w.store.mu.Unlock()
			return w.store.loads
		}
		before := loads()
		time.Sleep(30 * time.Second)
		if n := loads() - before; n > 0 {
			w.Errorf("the account was read %d times although no caller waits", n)
		}
		w.ok(a) // waits for the end of the lease
	})
}

// TestLeaseOfAnotherTime sets the clock of the store back while an account is
// being renewed by a process that is gone.
func TestLeaseOfAnotherTime(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.store.edit(user("ada").Key(conName), func(r *Record) {
			r.Expires, r.Attempt, r.Owner = r.Now.Add(-time.Minute), "theirs", "another"
			r.AttemptUntil = r.Now.Add(6 * time.Hour)
			r.Due = r.AttemptUntil
		})
		time.Sleep(6 * time.Second)
		start := time.Now()
		w.ok(a)
		if waited := time.Since(start); waited > time.Second {
			w.Errorf("the caller waits %v", waited)
		}
	})
}
