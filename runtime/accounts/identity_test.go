package accounts

import (
	"errors"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestQuarantineWhileTheStoreIsAway takes the store away while a pair goes to quarantine.
func TestQuarantineWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
		start := time.Now()
		w.store.fails(func(op string) error {
			if op == "release" && time.Since(start) < 30*time.Second {
				return errors.New("away")
			}
			return nil
		})
		_ = w.get(a)
		time.Sleep(3 * time.Minute)
		_ = w.get(a)
		w.state("ada", Active, IdentityMismatch)
		if _, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName); err != nil {
			w.Errorf("accept: %v", err)
		}
	})
}

// TestMismatchStopsRenewals calls on an account that is stopped.
func TestMismatchStopsRenewals(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Always(oauthtest.Respond(503, nil, ""))
		idleOut()
		_ = w.get(a)
		w.p.Always(nil)
		time.Sleep(5 * time.Minute)
		w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
		_ = w.get(a)
		writes := 0
		w.store.fails(func(op string) error {
			if op == "claim" || op == "release" {
				writes++
			}
			return nil
		})
		for range 10 {
			_ = w.get(a)
		}
		if writes > 0 {
			w.Errorf("ten calls on a stopped account made %d changes in the store", writes)
		}
	})
}

// TestTokensOfAnotherUser (P23) brings tokens of another Close user or
// organization: they are kept aside until an operator accepts them.
func TestTokensOfAnotherUser(t *testing.T) {
	t.Parallel()
	for name, as := range map[string]oauthtest.Identity{
		"another user": {User: "user_bob", Organization: "orga_1"}, "another organization": {User: "user_ada", Organization: "orga_2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, a *Account) {
				w.p.Set(func(k *oauthtest.Knobs) { k.As = &as })
				time.Sleep(50 * time.Minute)
				w.state("ada", Active, IdentityMismatch)
				w.wantEvents("ada", EventCreated, EventConnected, EventIdentityMismatch)
				if err := w.get(a); !errors.Is(err, ErrIdentityMismatch) {
					w.Errorf("the caller gets %v", err)
				}
				if n := len(w.store.committed[a.key]); n != 1 {
					w.Errorf("%d commits, want only the consent", n)
				}
				w.p.Set(func(k *oauthtest.Knobs) { k.As = nil })
				time.Sleep(3 * time.Hour)
				w.state("ada", Active, IdentityMismatch)
				info, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName)
				if err != nil || info.UserID != as.User || info.OrganizationID != as.Organization || info.Reason != "" {
					w.Errorf("accepting gives %+v, %v", info, err)
				}
				if _, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName); !errors.Is(err, ErrNothingToAccept) {
					w.Errorf("accepting again gives %v", err)
				}
			})
		})
	}
}

// TestAcceptIdentityInDoubt loses the answer of the store to the commit.
func TestAcceptIdentityInDoubt(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world){
		"commit fails":                          func(w *world) { w.store.fails(once("commit", errors.New("away"))) },
		"commit lands, and is not acknowledged": func(w *world) { w.store.failsAfter(once("commit", errors.New("away"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAda(t, func(w *world, _ *Account) {
				w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
				time.Sleep(50 * time.Minute)
				lose(w)
				info, err := w.m.AcceptIdentity(w.Context(), user("ada"), conName)
				if err != nil || info.UserID != "user_eve" || info.Generation != 2 {
					w.Errorf("accepting gives %+v, %v", info, err)
				}
			})
		})
	}
}
