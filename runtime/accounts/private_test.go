package accounts

import (
	"crypto/cipher"
	"errors"
	"maps"
	"net"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// olderKeys returns a vault that does not know the primary key of v.
func olderKeys(v *testVault) *testVault {
	old := &testVault{keys: map[uint32]cipher.AEAD{}, primary: 1}
	maps.Copy(old.keys, v.keys)
	delete(old.keys, v.primary)
	return old
}

// TestOlderKeysetChangesNoRow has a replica whose keyset is older meet accounts
// that are sealed with a newer key.
func TestOlderKeysetChangesNoRow(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		behind := w.m
		w.vault.add(2) // the healthy replica
		healthy := w.manager()
		if _, err := healthy.Reseal(w.Context()); err != nil {
			w.Fatal(err)
		}
		behind.vault = olderKeys(w.vault)
		theirs, err := behind.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		ours, err := healthy.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		idleOut()
		before := w.rec("ada")
		for range 3 {
			if err := w.get(theirs); !errors.Is(err, ErrSeal) {
				w.Errorf("the caller of the replica that is behind gets %v", err)
			}
			if n, err := behind.RunDue(w.Context(), 10); n != 0 || err != nil {
				w.Errorf("it renews %d: %v", n, err)
			}
		}
		after := w.rec("ada")
		if after.Failures != 0 || after.Failure != "" || after.Attempt != "" || !after.Due.Equal(before.Due) || after.State != Active {
			w.Errorf("the row became %+v", after)
		}
		w.ok(ours)
		time.Sleep(50 * time.Minute)
		if n, err := healthy.RunDue(w.Context(), 10); n != 1 || err != nil {
			w.Errorf("the healthy replica renews %d ahead of time: %v", n, err)
		}
		w.state("ada", Active, "")
	})
}

// TestVaultThatCannotOpen has the vault of one replica fail to open anything.
func TestVaultThatCannotOpen(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.connect("ada")
		behind, healthy := w.m, w.manager()
		behind.vault = sealOnly{w.vault}
		idleOut()
		before := w.rec("ada")
		if n, _ := behind.RunDue(w.Context(), 10); n != 0 {
			w.Errorf("it renews %d", n)
		}
		if after := w.rec("ada"); after.Failures != 0 || after.Attempt != "" || !after.Due.Equal(before.Due) {
			w.Errorf("the row became %+v", after)
		}
		ours, err := healthy.Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		w.ok(ours)
	})
}

type sealOnly struct{ *testVault }

func (sealOnly) Open(_, _ []byte) ([]byte, error) { return nil, errors.New("away") }

// TestBackoffOfOneNetwork has one replica without a network: what it could not
// send does not keep callers of others waiting.
func TestBackoffOfOneNetwork(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		w.p.Always(oauthtest.Fail(&net.OpError{Op: "dial", Err: errors.New("refused")}))
		idleOut()
		for range 10 {
			_ = w.keep(w.get(a))
			time.Sleep(10 * time.Second)
		}
		w.p.Always(nil)
		_ = w.keep(w.get(a)) // it may back off
		healthy, err := w.manager().Account(user("ada"), conName)
		if err != nil {
			w.Fatal(err)
		}
		w.ok(healthy)
	})
}
