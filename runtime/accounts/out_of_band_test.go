package accounts

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

func TestOutOfBand(t *testing.T) {
	t.Parallel()
	held := func(w *world) string {
		b := &browser{w: w}
		to := w.wantStatus(b.open(w.consent(w.wantStatus(b.open(w.link("ada", OutOfBand())), http.StatusSeeOther), who("ada"))), http.StatusSeeOther)
		u, _ := url.Parse(to)
		return u.Query().Get("confirm")
	}
	t.Run("confirmed", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			id := held(w)
			info, err := w.m.ConfirmUser(w.Context(), id, user("ada"))
			if err != nil || info.State != Active || info.UserID != "user_ada" {
				w.Fatalf("confirming gives %+v, %v", info, err)
			}
			w.ok(w.account("ada"))
			if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
				w.Errorf("confirming again gives %v", err)
			}
			w.wantEvents("ada", EventCreated, EventVerifying, EventConnected)
		})
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			w.run()
			id := held(w)
			time.Sleep(flowTime + 2*time.Minute)
			if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
				w.Errorf("confirming gives %v", err)
			}
			w.state("ada", Pending, "")
			w.wantEvents("ada", EventCreated, EventVerifying, EventVerificationFailed)
		})
	})
	t.Run("exchange fails", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			id := held(w)
			w.p.Script(oauthtest.Refuse(400, "invalid_grant"))
			_, err := w.m.ConfirmUser(w.Context(), id, user("ada"))
			var failed *FlowFailedError
			if !errors.Is(err, ErrFlowFailed) || !errors.As(err, &failed) || failed.Kind != GrantRefused {
				w.Errorf("confirming gives %v", err)
			}
			w.state("ada", Pending, "")
		})
	})
	t.Run("active stays active", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			id := held(w)
			w.ok(a)
			w.state("ada", Active, "")
			if _, err := w.m.ConfirmUser(w.Context(), id, user("eve")); !errors.Is(err, ErrWrongUser) {
				w.Errorf("eve confirms: %v", err)
			}
			w.ok(a)
		})
	})
	t.Run("garbage", func(t *testing.T) {
		t.Parallel()
		inWorld(t, func(w *world) {
			for _, id := range []string{"", "x", randomToken(), strings.Repeat("y", 1000)} {
				if _, err := w.m.ConfirmUser(w.Context(), id, user("ada")); !errors.Is(err, ErrNotFound) {
					w.Errorf("%q gives %v", id, err)
				}
			}
		})
	})
}

// TestRefusalDuringVerification has a grant refused while a consent is being verified.
func TestRefusalDuringVerification(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Always(oauthtest.Respond(503, nil, ""))
		idleOut()
		_ = w.get(a)
		w.state("ada", Expired, TransientExhausted)
		w.p.Always(nil)
		w.p.RevokeUser("user_ada")
		time.Sleep(5 * time.Minute)
		r := w.rec("ada")
		ctx := failpoint.With(context.Background(), func(s failpoint.Step) error {
			if s == failpoint.Send { // an out-of-band consent comes while the request is in the air
				_ = w.store.Hold(w.Context(), Flow{ID: Hash{1}, Kind: HeldFlow, Key: r.Key, AccountID: r.ID, Epoch: r.Epoch}, flowTime, "user")
			}
			return nil
		})
		_ = w.keep(second(a.Credential(ctx)))
		time.Sleep(11 * time.Minute)
		w.m.sweep(w.Context())
		w.state("ada", Revoked, RotationLost) // a 503 came before
		n := 0
		for _, e := range w.events("ada") {
			if e == EventReauthorization {
				n++
			}
		}
		if n != 1 {
			w.Errorf("%d events reauthorization_required; all: %v", n, w.events("ada"))
		}
	})
}
