package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestStormOf429 (P4) is a storm of refusals over many accounts.
func TestStormOf429(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 1500
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		time.Sleep(10 * time.Minute)
		w.p.Always(oauthtest.Respond(429, http.Header{"Retry-After": {"2"}}, ""))
		w.run()
		time.Sleep(41 * time.Minute)
		c := w.m.conns[conName]
		if rate, _ := c.limiter.state(time.Duration(w.m.now().mono)); rate > 2 {
			w.Errorf("the limiter allows %v/s in the storm", rate)
		}
		w.p.Always(nil)
		for i := range n {
			w.state(fmt.Sprint("u", i), Active, "")
		}
		time.Sleep(5 * time.Minute)
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation < 2 {
				w.Fatalf("five minutes after the storm u%d is not renewed", i)
			}
		}
	})
}

// TestWrongClientSecret (P17) is an hour of a wrong client secret.
func TestWrongClientSecret(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 1000
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		before := map[string]Record{}
		for i := range n {
			before[fmt.Sprint("u", i)] = w.rec(fmt.Sprint("u", i))
		}
		w.p.Set(func(k *oauthtest.Knobs) { k.ClientSecret = "rotated" })
		w.run()
		time.Sleep(41 * time.Minute)
		start, _ := w.counts()
		time.Sleep(time.Hour)
		probes, _ := w.counts()
		if probes -= start; probes < 40 || probes > 120 {
			w.Errorf("%d requests in an hour, want about 60", probes)
		}
		for name, old := range before {
			r := w.rec(name)
			if r.State != old.State || r.Reason != old.Reason || r.Generation != old.Generation || r.Doubts != 0 {
				w.Fatalf("I8: %s became %s (%s), doubts %d", name, r.State, r.Reason, r.Doubts)
			}
		}
		var config *ConnectionConfigError
		if err := w.get(w.account("u5")); !errors.As(err, &config) || config.Code != "invalid_client" || config.UserAction() != CallOperator {
			w.Errorf("a caller gets %v", err)
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.Connections[0].State != HealthConfigError {
			w.Errorf("health is %+v, %v", h.Connections, err)
		}
		// The operator corrects it: a new process with the new secret.
		w.halt()
		w.cfg.Connections[0].ClientSecret = NewSecret("rotated")
		w.m = w.manager()
		w.run()
		time.Sleep(time.Minute)
		left := 0
		for i := range n {
			if w.rec(fmt.Sprint("u", i)).Generation < 2 {
				left++
			}
		}
		if left > 0 {
			w.Errorf("a minute later %d accounts are not renewed", left)
		}
	})
}

// TestMassRevocation (P18) is a mass revocation.
func TestMassRevocation(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 400
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		for i := range n {
			if i%10 < 3 {
				w.p.RevokeUser(fmt.Sprint("user_u", i))
			}
		}
		w.run()
		time.Sleep(3 * time.Hour)
		revoked := func() (refused, good int) {
			for i := range n {
				switch r := w.rec(fmt.Sprint("u", i)); {
				case r.State == Revoked:
					refused++
				case i%10 >= 3 && r.State == Active && r.Expires.After(r.Now):
					good++
				}
			}
			return refused, good
		}
		refused, good := revoked()
		if refused >= refusalsToTrip || good != n*7/10 {
			w.Errorf("%d accounts are revoked, %d of %d others are fine", refused, good, n*7/10)
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.Connections[0].State != HealthSuspect {
			w.Errorf("health is %+v, %v", h.Connections, err)
		}
		if err := w.m.AcceptRefusals(w.Context(), conName); err != nil {
			w.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if refused, good = revoked(); refused != n*3/10 || good != n*7/10 {
			w.Errorf("after accepting %d are revoked and %d fine", refused, good)
		}
	})
}

// TestAcceptRefusalsEverywhere accepts a mass revocation at one of two
// replicas.
func TestAcceptRefusalsEverywhere(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 120
		for i := range n {
			w.connect(fmt.Sprint("u", i))
			w.p.RevokeUser(fmt.Sprint("user_u", i))
		}
		other := w.manager()
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() { done <- other.Run(ctx) }()
		w.run()
		revoked := func() (sum int) {
			for i := range n {
				if w.rec(fmt.Sprint("u", i)).State == Revoked {
					sum++
				}
			}
			return sum
		}
		time.Sleep(55 * time.Minute)
		if got := revoked(); got >= 2*refusalsToTrip {
			w.Errorf("%d accounts are revoked before it was accepted", got)
		}
		if err := w.m.AcceptRefusals(w.Context(), conName); err != nil {
			w.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if got := revoked(); got != n {
			w.Errorf("%d of %d accounts are revoked after it was accepted", got, n)
		}
		for _, m := range []*Manager{w.m, other} {
			if h, err := m.Health(w.Context()); err != nil || h.Connections[0].State != HealthOK || h.Connections[0].Code != "" {
				w.Errorf("health is %+v, %v", h.Connections, err)
			}
		}
		cancel()
		<-done
	})
}

// TestTwoReleasesWithDifferentSecrets (R6) runs two releases with different secrets.
func TestTwoReleasesWithDifferentSecrets(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Set(func(k *oauthtest.Knobs) { k.ClientSecret = "rotated" })
		old := w.m
		w.cfg.Connections = []Connection{testConnection()}
		w.cfg.Connections[0].ClientSecret = NewSecret("rotated")
		fresh := w.manager()
		idleOut()
		if err := w.get(a); !errors.Is(err, ErrConnectionConfig) {
			w.Errorf("the old release gives %v", err)
		}
		w.state("ada", Active, "")
		b, err := fresh.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		w.ok(b)
		w.ok(a) // what one renewed, the other can use
		w.state("ada", Active, "")
		if h, err := old.Health(w.Context()); err != nil || h.Connections[0].State != HealthConfigError {
			w.Errorf("the old release is %+v, %v", h.Connections, err)
		}
		if h, err := fresh.Health(w.Context()); err != nil || h.Connections[0].State != HealthOK {
			w.Errorf("the new release is %+v, %v", h.Connections, err)
		}
	})
}

// TestOneOfManyIsRevoked (P19) has one of 300 users end the access: the others
// are not suspected.
func TestOneOfManyIsRevoked(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 300
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		w.run()
		w.p.RevokeUser("user_u17")
		time.Sleep(50 * time.Minute)
		for i := range n {
			want, reason := Active, Reason("")
			if i == 17 {
				want, reason = Revoked, InvalidGrant
			}
			w.state(fmt.Sprint("u", i), want, reason)
		}
	})
}
