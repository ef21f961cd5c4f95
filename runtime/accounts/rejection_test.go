package accounts

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/internal/oauthtest"
)

// TestTokenIsRejected (P20) has Close reject a token that looks valid.
func TestTokenIsRejected(t *testing.T) {
	t.Parallel()
	t.Run("a new one is accepted", func(t *testing.T) {
		t.Parallel()
		withAda(t, func(w *world, a *Account) {
			old, _ := a.Credential(w.Context())
			fresh, err := a.Renew(w.Context(), old)
			if err != nil || fresh.Equal(old) {
				w.Fatalf("renewing gives %v", err)
			}
			w.check(a, fresh)
			late, err := a.Renew(w.Context(), old) // another call that was made with the old one
			if err != nil || !late.Equal(fresh) {
				w.Errorf("a late call gets %v", err)
			}
			if _, refreshes := w.counts(); refreshes != 1 {
				w.Errorf("%d refreshes, want 1", refreshes)
			}
		})
	})
	t.Run("the grant has ended", func(t *testing.T) {
		t.Parallel()
		withAda(t, func(w *world, a *Account) {
			w.p.RevokeUser("user_ada")
			old, _ := a.Credential(w.Context())
			_, err := a.Renew(w.Context(), old)
			if w.keep(err); !errors.Is(err, ErrAuthorizationRequired) {
				w.Errorf("renewing gives %v", err)
			}
			w.state("ada", Revoked, InvalidGrant)
		})
	})
	t.Run("the new one is rejected too", func(t *testing.T) {
		t.Parallel()
		withAda(t, func(w *world, a *Account) {
			old, _ := a.Credential(w.Context())
			fresh, err := a.Renew(w.Context(), old)
			if err != nil {
				w.Fatal(err)
			}
			for range 50 {
				_, err = a.Renew(w.Context(), fresh)
				var rejected *ProviderRejectedError
				if w.keep(err); !errors.As(err, &rejected) || rejected.Status != 401 {
					w.Fatalf("the second rejection gives %v", err)
				}
			}
			if _, refreshes := w.counts(); refreshes != 1 {
				w.Errorf("%d refreshes, want 1", refreshes)
			}
			w.state("ada", Active, "")
			time.Sleep(61 * time.Second)
			if _, err = a.Renew(w.Context(), fresh); err != nil {
				w.Errorf("after a minute: %v", err)
			}
		})
	})
}

// TestManyRejectionsOneRenewal (P21) has 500 calls rejected at once.
func TestManyRejectionsOneRenewal(t *testing.T) {
	t.Parallel()
	withAda(t, func(w *world, a *Account) {
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
		old, _ := a.Credential(w.Context())
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				fresh, err := a.Renew(w.Context(), old)
				if err != nil || fresh.Equal(old) {
					w.Errorf("renewing gives %v", err)
				}
			})
		}
		wg.Wait()
		if _, refreshes := w.counts(); refreshes != 1 {
			w.Errorf("%d refreshes, want 1", refreshes)
		}
	})
}

// TestForbiddenIsNotRenewed (P22) is a 403 of the API, which the client does not answer with a
// renewal.
func TestForbiddenIsNotRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.connect("ada")
		calls := 0
		c := closekit.NewClient(a, closekit.BaseURL("https://api.example"), closekit.HTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			calls++
			return oauthtest.Response(403, nil, `{"error":"no"}`), nil
		})}))
		if _, err := closeapi.MeGet(w.Context(), c, closeapi.MeGetParams{}); !errors.Is(err, closekit.ErrForbidden) {
			w.Errorf("the call gives %v", err)
		}
		if _, refreshes := w.counts(); refreshes != 0 || calls != 1 {
			w.Errorf("%d refreshes, %d calls", refreshes, calls)
		}
		w.end()
	})
}

// TestRefusalAfterDoubt has a user take the access away around an outage of the
// network: it is noticed, though two answers never came.
func TestRefusalAfterDoubt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ running, byOthers bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		running, byOthers := c.running, c.byOthers
		t.Run(fmt.Sprintf("running %v, in doubt before %v", running, byOthers), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				cred, err := a.Credential(w.Context())
				if err != nil {
					w.Fatal(err)
				}
				if running {
					w.run()
				}
				time.Sleep(time.Minute)
				w.p.RevokeUser("user_ada")
				w.p.Script(oauthtest.LoseRequest, oauthtest.LoseRequest, oauthtest.LoseRequest)
				if byOthers { // the doubt is older than the refusal
					_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
					time.Sleep(3 * time.Minute)
				}
				for range 31 { // a third try after a quarter of an hour, a fourth after another
					_, err := a.Renew(w.Context(), cred)
					if w.rec("ada").State == Revoked && errors.Is(err, ErrAuthorizationRequired) {
						return
					}
					if !errors.Is(err, ErrTemporarilyUnavailable) {
						w.Errorf("the caller gets %v", err)
					}
					time.Sleep(time.Minute)
				}
				w.Errorf("after half an hour it is %+v", w.rec("ada"))
			})
		})
	}
}
