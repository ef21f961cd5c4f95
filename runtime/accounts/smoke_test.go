package accounts

import (
	"errors"
	"testing"
	"time"
)

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
