package accounts

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestCommitInDoubt (D1) loses answers of the store around the commit.
func TestCommitInDoubt(t *testing.T) {
	t.Parallel()
	down := errors.New("connection lost")
	cut := func(op string, times int) func(string) error {
		var mu sync.Mutex
		return func(o string) error {
			mu.Lock()
			defer mu.Unlock()
			if o == op && times > 0 {
				times--
				return down
			}
			return nil
		}
	}
	for name, run := range map[string]func(w *world, a *Account){
		"commit fails": func(w *world, a *Account) {
			w.store.fails(cut("commit", 5))
			w.ok(a)
		},
		"commit lands and its answer is lost": func(w *world, a *Account) {
			w.store.failsAfter(cut("commit", 1))
			w.ok(a)
			if r := w.rec("ada"); r.Generation != 2 || !r.Fallback.IsZero() {
				w.Errorf("the row is %+v", r)
			}
		},
		"claim fails": func(w *world, a *Account) {
			w.store.fails(cut("claim", 1))
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Errorf("the caller gets %v", err)
			}
			if requests, _ := w.counts(); requests != 1 {
				w.Error("something was sent without a claim")
			}
			w.ok(a)
		},
		"release fails": func(w *world, a *Account) {
			w.p.Script(oauthtest.Respond(503, nil, ""))
			w.store.fails(cut("release", 100))
			if err := w.get(a); !errors.Is(err, ErrTemporarilyUnavailable) {
				w.Errorf("the caller gets %v", err)
			}
			w.store.fails(nil)
			time.Sleep(leaseTime)
			w.ok(a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				a := w.connect("ada")
				idleOut()
				run(w, a)
				w.store.fails(nil)
				w.store.failsAfter(nil)
				w.ok(a)
				w.state("ada", Active, "")
			})
		})
	}
}

// TestStoreAway (D2) takes the store away for ten minutes.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	withAda(t, func(w *world, a *Account) {
		time.Sleep(40 * time.Minute)
		w.ok(a)
		w.store.fails(func(string) error { return errors.New("down") })
		before, _ := w.counts()
		every(10*time.Minute, time.Second, func() { w.ok(a) })
		if after, _ := w.counts(); after != before {
			w.Error("something was sent without a store")
		}
		w.store.fails(nil)
		w.hour(a)
	})
}

// TestDamagedBlobs (D8) moves sealed blobs about.
func TestDamagedBlobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.connect("ada")
		w.connect("bob")
		good, others := w.rec("ada").Tokens, w.rec("bob").Tokens
		store := func(s Sealed) { w.store.edit(a.key, func(r *Record) { r.Tokens = s }) }
		idleOut()
		requests, _ := w.counts()
		for name, bad := range map[string]Sealed{
			"another row": others, "cut": {good.Blob[:20], 1}, "longer": {append(append([]byte(nil), good.Blob...), 0), 1},
		} {
			store(bad)
			w.m.entry(a.key).token.Store(nil)
			if err := w.get(a); !errors.Is(err, ErrSeal) {
				w.Errorf("%s: the caller gets %v", name, err)
			}
		}
		for i := range good.Blob {
			bad := Sealed{append([]byte(nil), good.Blob...), good.KeyID}
			bad.Blob[i] ^= 1
			store(bad)
			if err := w.get(a); !errors.Is(err, ErrSeal) {
				w.Fatalf("a flipped bit in byte %d gives %v", i, err)
			}
		}
		store(good)
		w.store.edit(a.key, func(r *Record) { r.Generation++ }) // the blob is of another generation
		if err := w.get(a); !errors.Is(err, ErrSeal) {
			w.Errorf("an older blob gives %v", err)
		}
		w.store.edit(a.key, func(r *Record) { r.Generation-- })
		w.state("ada", Active, "")
		if after, _ := w.counts(); after != requests {
			w.Error("something was sent")
		}
		time.Sleep(10 * time.Minute)
		w.ok(a)
		w.end()
	})
}

func TestReseal(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for i := range 20 {
			w.connect(fmt.Sprint("u", i))
		}
		w.vault.add(2)
		idleOut()
		for i := range 5 {
			w.ok(w.account(fmt.Sprint("u", i))) // sealed with the new key by themselves
		}
		w.rec("u19").Tokens.Blob[20] ^= 1
		n, err := w.m.Reseal(w.Context())
		if n != 15 || err == nil || !strings.Contains(err.Error(), "1 stored") {
			t.Errorf("resealed %d: %v", n, err) // 14 accounts and the sentinel
		}
		h, err := w.m.Health(w.Context())
		if err != nil || h.KeyUse[1] != 1 || h.KeyUse[2] != 20 || h.PrimaryKey != 2 {
			t.Errorf("key use is %v, %v", h.KeyUse, err)
		}
		w.rec("u19").Tokens.Blob[20] ^= 1
		if n, err := w.m.Reseal(w.Context()); n != 1 || err != nil {
			t.Errorf("resealed %d: %v", n, err)
		}
		delete(w.vault.keys, 1)
		m := w.manager() // starts with the new key alone
		a, err := m.Account(user("u7"), conName)
		if err != nil {
			t.Fatal(err)
		}
		w.ok(a)
	})
}
