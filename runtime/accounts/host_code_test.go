package accounts

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

type panickyMetrics struct {
	Metrics
	on *atomic.Bool
}

func (p panickyMetrics) Oddity(string, string) {
	if p.on.Load() {
		panic("host code")
	}
}

func (p panickyMetrics) Refreshed(c string, o Outcome, d time.Duration) {
	if p.on.Load() {
		panic("host code")
	}
	p.Metrics.Refreshed(c, o, d)
}

// TestPanicOfTheHostKeepsThePair lets code of the host panic around a renewal.
func TestPanicOfTheHostKeepsThePair(t *testing.T) {
	t.Parallel()
	t.Run("Metrics", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			idleOut()
			on.Store(true)
			w.p.Script(oauthtest.Mangle(http.Header{}, func(s string) (string, error) { return s + "x", nil }))
			w.p.Set(func(k *oauthtest.Knobs) { k.ExpiresIn = oauthtest.Absent })
			_ = w.get(a)
			on.Store(false)
			time.Sleep(2 * time.Minute)
			w.ok(a)
			w.state("ada", Active, "")
		}, func(cfg *Config) { cfg.Metrics = panickyMetrics{cfg.Metrics, &on} })
	})
	t.Run("Metrics, another user", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			w.connect("ada")
			on.Store(true)
			w.p.Set(func(k *oauthtest.Knobs) { k.As = &oauthtest.Identity{User: "user_eve", Organization: "orga_1"} })
			_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
			if got := w.rec("ada").Fallback.Purpose; got != PurposeQuarantine {
				w.Errorf("what came for another user is kept as %q", got)
			}
		}, func(cfg *Config) { cfg.Metrics = panickyMetrics{cfg.Metrics, &on} })
	})
	t.Run("KeepWarm", func(t *testing.T) {
		var on atomic.Bool
		inWorld(t, func(w *world) {
			a := w.connect("ada")
			w.ok(a)
			calls := 0
			w.m.cfg.KeepWarm = func(time.Duration) bool {
				if on.Load() {
					if calls++; calls == 2 {
						panic("host code")
					}
				}
				return true
			}
			time.Sleep(49 * time.Minute)
			on.Store(true)
			_, _ = w.m.RunDue(w.Context(), 10)
			on.Store(false)
			time.Sleep(2 * time.Minute)
			_, _ = w.m.RunDue(w.Context(), 10)
			w.state("ada", Active, "")
		})
	})
}

// TestPanicInRenewal (K11) is a panic inside a refresh.
func TestPanicInRenewal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Grace = time.Hour })
		w.p.Script(func(*http.Request, func() *http.Response) (*http.Response, error) { panic(canary) })
		if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
			w.Errorf("the caller gets %v", err)
		}
		time.Sleep(leaseTime)
		w.ok(a)
		w.state("ada", Active, "")
	})
}

func TestEventsAreDelivered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []EventType
	failing := true
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(10 * time.Second)
		mu.Lock()
		if len(got) != 0 {
			t.Errorf("delivered in spite of errors: %v", got)
		}
		failing = false
		mu.Unlock()
		time.Sleep(2 * time.Minute)
		w.p.RevokeUser("user_ada")
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, []EventType{EventCreated, EventConnected, EventReauthorization}) {
			t.Errorf("delivered %v", got)
		}
		if st, err := w.store.Stats(w.Context()); err != nil || st.PendingEvents != 0 {
			t.Errorf("%d events are pending, %v", st.PendingEvents, err)
		}
	}, func(cfg *Config) {
		cfg.OnEvent = func(_ context.Context, e Event) error {
			mu.Lock()
			defer mu.Unlock()
			if failing {
				if e.Type == EventConnected {
					panic(canary)
				}
				return errors.New("away")
			}
			got = append(got, e.Type)
			return nil
		}
	})
}
