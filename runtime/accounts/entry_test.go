package accounts

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestForgettingDuringRenewals forgets idle accounts while they are renewed, and
// many others are in memory.
func TestForgettingDuringRenewals(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	w := newWorld(t, wallOff(&later))
	const n = 64
	for i := range n {
		w.connect(fmt.Sprint("u", i))
	}
	w.m.flushUsed(t.Context())
	later.Store(int64(2 * idleTime)) // the accounts are idle
	for i := range 100_000 {         // the others are in use
		w.account(fmt.Sprint("x", i)).entry.Load().use(w.m.now())
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.m.forgetIdle()
				}
			}
		})
		for i := range 8 {
			wg.Go(func() {
				for k := 0; ; k++ {
					select {
					case <-stop:
						return
					default:
					}
					ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
					_, _ = w.m.Refresh(ctx, user(fmt.Sprint("u", (i*8+k)%n)), conName) // as an operator
					cancel()
				}
			})
		}
		wg.Wait()
	}()
	<-time.After(time.Second)
	close(stop)
	select {
	case <-done:
	case <-time.After(time.Minute):
		got := make(chan struct{})
		go func() { _, _ = w.m.Account(user("new"), conName); close(got) }()
		select {
		case <-got:
			t.Fatal("workers do not end")
		case <-time.After(3 * time.Second):
			t.Fatal("deadlock: Manager.Account does not return any more")
		}
	}
}

// TestMinValidityBeyondLife asks for more than a token can have.
func TestMinValidityBeyondLife(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada").MinValidity(2 * time.Hour)
		for range 1200 { // twenty minutes
			w.ok(a)
			time.Sleep(time.Second)
		}
		if _, n := w.counts(); n != 3 {
			w.Errorf("1,200 calls made %d refreshes", n)
		}
	})
}

type hangingLoad struct {
	*spyStore
	hang atomic.Bool
}

func (s *hangingLoad) Load(ctx context.Context, k Key) (Record, error) {
	if s.hang.Load() {
		<-ctx.Done()
		return Record{}, ctx.Err()
	}
	return s.spyStore.Load(ctx, k)
}

// TestMinValidityWhileTheStoreHangs lets the store hang while there is a valid token.
func TestMinValidityWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	var h *hangingLoad
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.ok(a)
		time.Sleep(40 * time.Minute) // twenty are left
		w.ok(a)
		h.hang.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := a.MinValidity(30 * time.Minute).Credential(ctx)
		if took := time.Since(start); took > time.Minute || err != nil {
			w.Errorf("with a token valid for 20 minutes it took %v: %v", took, err)
		}
		h.hang.Store(false)
	}, func(cfg *Config) { h = &hangingLoad{spyStore: cfg.Store.(*spyStore)}; cfg.Store = h })
}

// TestManyCallersOneRenewal (H3) hammers one account.
func TestManyCallersOneRenewal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		w.p.Set(func(k *oauthtest.Knobs) { k.Latency = 200 * time.Millisecond })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 100 {
					if _, err := a.Credential(w.Context()); err != nil {
						w.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if _, refreshes := w.counts(); refreshes != 1 {
			w.Errorf("%d refreshes for 10,000 gets", refreshes)
		}
	})
}

func TestMinValidity(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		time.Sleep(50 * time.Minute)
		w.ok(a)
		long := a.MinValidity(30 * time.Minute)
		w.p.Script(oauthtest.Respond(503, nil, ""))
		w.ok(long) // the old one, since renewing failed
		time.Sleep(2 * time.Second)
		w.ok(long)
		if r := w.rec("ada"); r.Generation != 2 {
			t.Errorf("generation %d", r.Generation)
		}
	})
}

// TestHotPath measures the cached way to a credential.
func TestHotPath(t *testing.T) {
	w := newWorld(t)
	a := w.connect("ada")
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = a.Credential(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	w.end()
}

func BenchmarkCredential(b *testing.B) {
	p := oauthtest.New()
	m, err := New(b.Context(), Config{Store: NewMemoryStore(), Vault: newTestVault(1), Connections: []Connection{testConnection()}, Transport: p})
	if err != nil {
		b.Fatal(err)
	}
	f, err := m.PasteLocal(b.Context(), user("ada"), conName)
	if err != nil {
		b.Fatal(err)
	}
	callback, err := p.Consent(f.URL(), who("ada"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Finish(b.Context(), callback); err != nil {
		b.Fatal(err)
	}
	a, err := m.Account(user("ada"), conName)
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Credential(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
