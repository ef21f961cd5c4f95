package storetest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
)

// keys counts and lists rows by their keys, in pages, while one of them is sealed anew.
func keys(s *suite) {
	var want []string
	for i := range 25 {
		r := row(fmt.Sprintf("apr_%02d\xff", i))
		r.Key = []uint32{0, 5, 1<<32 - 1, 7, 5}[i%5]
		s.create(r)
		if r.Key != 0 && r.Key != 7 {
			want = append(want, r.ID)
		}
	}
	s.keyUse(map[uint32]int64{5: 10, 7: 5, 1<<32 - 1: 5})
	var got []string
	for after := ""; ; {
		page, err := s.b.SealedBy(s.ctx, 7, after, 4)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		if len(page) > 4 {
			s.Fatalf("a page has %d rows, want 4 at most", len(page))
		}
		for _, r := range page {
			after = r.ID
			got = append(got, r.ID)
			r.Key, r.Body = 7, []byte("again")
			s.ok(s.a.Swap(s.ctx, r))
		}
	}
	if !slices.Equal(got, want) {
		s.Errorf("got %q, want %q", got, want)
	}
	s.keyUse(map[uint32]int64{7: 20})
}

func (s *suite) keyUse(want map[uint32]int64) {
	s.Helper()
	use, err := s.b.KeyUse(s.ctx)
	s.ok(err)
	if !maps.Equal(use, want) {
		s.Errorf("the keys are used %v, want %v", use, want)
	}
}

// ring is an [agent.Vault] of AES keys, the last of which seals.
type ring []aesKey

type aesKey struct {
	id  uint32
	gcm cipher.AEAD
}

func newKey(t *testing.T, id uint32) aesKey {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return aesKey{id, gcm}
}

func (r ring) Seal(plain, associated []byte) (sealed []byte, id uint32, err error) {
	k := r[len(r)-1]
	return k.gcm.Seal(nil, nil, plain, associated), k.id, nil //nolint:gosec // its nonce is random
}

func (r ring) Open(sealed, associated []byte) ([]byte, error) {
	for _, k := range r {
		if plain, err := k.gcm.Open(nil, nil, sealed, associated); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("no key opens it")
}

func (r ring) KeyIDs() (primary uint32, all []uint32) {
	for _, k := range r {
		primary, all = k.id, append(all, k.id)
	}
	return primary, all
}

// Sealing is a log whose snapshots are sealed.
type Sealing interface {
	agent.Log
	KeyUse(ctx context.Context) (map[uint32]int64, error)
	Reseal(ctx context.Context) (int, error)
}

// RunKeys replaces the key of an empty log. Open returns the log with a vault, and closes
// what it has returned before; verify is nil if all is as it was written.
func RunKeys(t *testing.T, open func(t *testing.T, v agent.Vault) Sealing, verify func() error) {
	t.Helper()
	ctx := t.Context()
	before, after := newKey(t, 5), newKey(t, 1<<32-1)
	uses := func(log Sealing, want map[uint32]int64) {
		t.Helper()
		if use, err := log.KeyUse(ctx); err != nil || !maps.Equal(use, want) {
			t.Errorf("the keys are used %v, %v, want %v", use, err, want)
		}
	}
	const many = 230 // several pages
	log := open(t, ring{before})
	for i := range many {
		r := Record(i)
		if i%2 == 1 {
			r.Before, r.After = nil, nil
		}
		if err := log.Record(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	uses(log, map[uint32]int64{before.id: many / 2})
	log = open(t, ring{after})
	if n, err := log.Reseal(ctx); n != 0 || err == nil || !strings.Contains(err.Error(), fmt.Sprint(many/2, " records")) {
		t.Errorf("without the old key, %d were sealed, and the error is %v", n, err)
	}
	log = open(t, ring{before, after})
	if err := log.Record(ctx, Record(many)); err != nil {
		t.Fatal(err)
	}
	if n, err := log.Reseal(ctx); n != many/2 || err != nil {
		t.Errorf("%d were sealed, %v", n, err)
	}
	if n, err := log.Reseal(ctx); n != 0 || err != nil {
		t.Errorf("again, %d were sealed, %v", n, err)
	}
	uses(log, map[uint32]int64{after.id: many/2 + 1})
	log = open(t, ring{after})
	records, err := log.Records(ctx, agent.RunQuery{})
	if err != nil || len(records) != many+1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for i, r := range records {
		want := Record(i)
		if i%2 == 1 {
			want.Before, want.After = nil, nil
		}
		if recordText(r) != recordText(want) {
			t.Fatalf("record %d is\n%s\nwant\n%s", i, recordText(r), recordText(want))
		}
	}
	if err := verify(); err != nil {
		t.Error(err)
	}
}
