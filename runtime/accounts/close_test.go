package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

type hangingTouch struct {
	*spyStore
	hang atomic.Bool
}

func (s *hangingTouch) Touch(ctx context.Context, k []Key) error {
	if s.hang.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.spyStore.Touch(ctx, k)
}

// TestCloseWhileTheStoreHangs closes while the store hangs.
func TestCloseWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	var h *hangingTouch
	inWorld(t, func(w *world) {
		for i := range 5001 {
			a := w.account(fmt.Sprint("u", i))
			_, _ = a.Credential(w.Context()) // notes the use
		}
		h.hang.Store(true)
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.m.Close(ctx)
		if took := time.Since(start); took > 40*time.Second {
			w.Errorf("Close with a second of time took %v", took)
		}
		h.hang.Store(false)
	}, func(cfg *Config) {
		h = &hangingTouch{spyStore: cfg.Store.(*spyStore)}
		cfg.Store = h
	})
}

// TestRunEndsWhileTheProviderHangs ends Run while the provider hangs.
func TestRunEndsWhileTheProviderHangs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.p.Always(oauthtest.Hang)
		w.run()
		for w.rec("ada").Attempt == "" {
			time.Sleep(time.Second)
		}
		start := time.Now()
		w.halt()
		if took := time.Since(start); took > 40*time.Second {
			w.Errorf("Run took %v to return after its context had ended", took)
		}
	})
}

// hangingAck is a store that does not answer when events are acknowledged.
type hangingAck struct{ *spyStore }

func (h hangingAck) AckEvents(ctx context.Context, _ []int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestRunEndsWhileTheStoreHangs ends Run while the store hangs.
func TestRunEndsWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(5 * time.Second)
		start := time.Now()
		w.halt()
		if took := time.Since(start); took > storeTimeout {
			w.Errorf("Run took %v to return", took)
		}
	}, func(cfg *Config) {
		cfg.OnEvent = func(context.Context, Event) error { return nil }
		cfg.Store = hangingAck{cfg.Store.(*spyStore)}
	})
}

// TestShutdown stops a manager under load.
func TestShutdown(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 50 {
			w.connect(fmt.Sprint("u", i))
		}
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 5 * time.Second })
		w.run()
		time.Sleep(2 * time.Second)
		w.halt()
		start := time.Now()
		if err := w.m.Close(context.Background()); err != nil || time.Since(start) > 40*time.Second {
			w.Errorf("closing took %v: %v", time.Since(start), err)
		}
		requests, refreshes := w.counts()
		if requests-50 != refreshes {
			w.Errorf("%d requests were sent, %d answered", requests-50, refreshes)
		}
		committed := 0
		for i := range 50 {
			r := w.rec(fmt.Sprint("u", i))
			if r.Attempt != "" {
				w.Errorf("u%d is still claimed", i)
			}
			if r.Generation == 2 {
				committed++
			}
		}
		if committed != refreshes {
			w.Errorf("%d of %d refreshes were committed", committed, refreshes)
		}
		if err := w.get(w.account("u49")); err != nil && !errors.Is(err, ErrTemporarilyUnavailable) {
			w.Errorf("after the end: %v", err)
		}
	})
}
