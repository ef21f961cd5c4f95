package accounts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestRunDueWaitsForTheLimiter waits for slots of the limiter.
func TestRunDueWaitsForTheLimiter(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		time.Sleep(53 * time.Minute)
		start := time.Now()
		got, err := w.m.RunDue(w.Context(), 1000)
		if took := time.Since(start); err != nil || got != 20 || took < 9*time.Second || took > 11*time.Second {
			w.Errorf("%d in %v, %v", got, took, err)
		}
	}, func(cfg *Config) { cfg.Connections[0].Rate = 2 })
}

// TestRunDue renews from a scheduler of the host.
func TestRunDue(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		const n = 300
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
		time.Sleep(53 * time.Minute)
		start := time.Now()
		got, err := w.m.RunDue(w.Context(), 100)
		if err != nil || got != 100 {
			w.Errorf("100 of %d: %d, %v", n, got, err)
		}
		got, err = w.m.RunDue(w.Context(), 1000)
		if took := time.Since(start); err != nil || got != n-100 || took > 15*time.Second {
			w.Errorf("the rest: %d in %v, %v", got, took, err)
		}
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation != 2 {
				w.Errorf("account %d is in generation %d", i, r.Generation)
			}
		}
		// It ends whatever happens.
		time.Sleep(time.Hour)
		w.p.Always(oauthtest.Respond(503, nil, ""))
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || got > 100 {
			w.Errorf("while the provider is in trouble: %d, %v", got, err)
		}
		time.Sleep(time.Hour)
		w.p.Always(oauthtest.Respond(429, http.Header{"Retry-After": {"3600"}}, ""))
		start = time.Now()
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || time.Since(start) > time.Minute {
			w.Errorf("while the provider asks to wait: %d after %v, %v", got, time.Since(start), err)
		}
		time.Sleep(2 * time.Hour)
		w.p.Always(oauthtest.Respond(401, nil, `{"error":"invalid_client"}`))
		start = time.Now()
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || time.Since(start) > time.Minute {
			w.Errorf("with a wrong secret: %d after %v, %v", got, time.Since(start), err)
		}
		if got, err = w.m.RunDue(w.Context(), 1000); err != nil || got > 1 {
			w.Errorf("again with a wrong secret: %d, %v", got, err)
		}
		ctx, cancel := context.WithCancel(w.Context())
		cancel()
		if got, err = w.m.RunDue(ctx, 1000); !errors.Is(err, context.Canceled) || got != 0 {
			w.Errorf("without time: %d, %v", got, err)
		}
	})
}

// TestThousandsEndAtOnce (H1) has 10,000 accounts that end in the same second.
func TestThousandsEndAtOnce(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	inWorld(t, func(w *world) {
		ctx := w.Context()
		a := w.connect("u0")
		proto := w.rec("u0")
		p, err := openPair(w.vault, proto.Tokens, AssociatedData(proto.Key, proto.ID, PurposeTokens, 1))
		if err != nil {
			w.Fatal(err)
		}
		for i := 1; i < n; i++ { // without the ceremony
			name := fmt.Sprint("u", i)
			key := user(name).Key(conName)
			r, _, err := w.store.Ensure(ctx, randomID(), key, "host")
			if err != nil {
				w.Fatal(err)
			}
			refresh := w.p.Grant(who(name))
			s, err := sealPair(w.vault, pair{p.access, NewSecret(refresh)}, AssociatedData(key, r.ID, PurposeTokens, 1))
			if err != nil {
				w.Fatal(err)
			}
			if _, err := w.store.MemoryStore.Commit(ctx, CommitRequest{
				Key: key, Attempt: "x", Grant: "g", Tokens: s, OrganizationID: who(name).Organization, UserID: who(name).User,
				ExpiresIn: time.Hour, DueIn: 48 * time.Minute, Note: Note{EventConnected, "user", true},
			}); err != nil {
				w.Fatal(err)
			}
		}
		time.Sleep(48*time.Minute - time.Second)
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 300 * time.Millisecond })
		w.run()
		time.Sleep(11 * time.Minute)
		w.ok(a)
		for i := range n {
			if r := w.rec(fmt.Sprint("u", i)); r.Generation != 2 || r.State != Active {
				w.Fatalf("u%d is %s with generation %d before its end", i, r.State, r.Generation)
			}
		}
		if most := oauthtest.MostPerSecond(w.p.Requests()[1:]); most > 220 {
			w.Errorf("%d requests in a second", most)
		}
	})
}

// TestPollingAnAccountThatFails (H4) polls an account hard that fails for good.
func TestPollingAnAccountThatFails(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.run()
		w.p.Always(oauthtest.Respond(500, nil, ""))
		time.Sleep(2 * time.Hour)
		before, _ := w.counts()
		every(24*time.Hour, 5*time.Second, func() {
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Fatalf("the caller gets %v", err)
			}
		})
		after, _ := w.counts()
		if after-before > 100 {
			w.Errorf("%d attempts in a day, want at most 96", after-before)
		}
	})
}

func TestIdleAccounts(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.run()
		time.Sleep(50 * time.Hour)
		_, refreshes := w.counts()
		if refreshes < 28 || refreshes > 40 { // a day of warmth, then once a day
			t.Errorf("%d refreshes in two idle days", refreshes)
		}
		w.ok(a)
		before := refreshes
		every(5*time.Hour, time.Minute, func() { w.ok(a) })
		if _, refreshes = w.counts(); refreshes-before < 6 {
			t.Errorf("%d refreshes in five hours of use", refreshes-before)
		}
	}, func(cfg *Config) { cfg.KeepWarm = nil })
}

func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.p.Script(oauthtest.Mangle(nil, func(s string) (string, error) { return strings.Replace(s, `"refresh_token"`, `"nothing"`, 1), nil }))
		a := w.connect("ada")
		w.run()
		every(55*time.Minute, time.Minute, func() { w.ok(a) })
		time.Sleep(5 * time.Minute)
		w.state("ada", Expired, NoRefreshToken)
		if err := w.get(a); !errors.Is(err, ErrAuthorizationRequired) {
			t.Errorf("the caller gets %v", err)
		}
		w.wantEvents("ada", EventCreated, EventConnected, EventReauthorization)
	})
}
