package sqlitestore

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// TestUnreadableRows damages some rows in ways that no version writes: they are
// left out and reported, and stop nothing else.
func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "accounts.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var good accounts.Key
	for _, name := range []string{"a", "b", "good", "y", "z"} {
		p, err := accounts.NewPrincipal("tenant", name)
		if err != nil {
			t.Fatal(err)
		}
		key := p.Key("close")
		if name == "good" {
			good = key
		}
		r, _, err := s.Ensure(t.Context(), "id-"+name, key, "test")
		if err == nil {
			_, err = s.Commit(t.Context(), accounts.CommitRequest{
				Key: key, Generation: r.Generation, Epoch: r.Epoch, Attempt: "consent", Grant: "g",
				Tokens: accounts.Sealed{Blob: []byte("x"), KeyID: 7}, Note: accounts.Note{Type: accounts.EventConnected, Actor: "user"},
			})
		}
		if err == nil {
			err = s.QueueRevocation(t.Context(), accounts.Revocation{ID: "r-" + name, Key: key, Sealed: accounts.Sealed{Blob: []byte("x"), KeyID: 7}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, damage := range []string{
		`update accounts set tokens_key = -1 where id in ('id-a', 'id-y')`,
		`update accounts set fallback = tokens, fallback_key = 1099511627776 where id = 'id-z'`,
		`update accounts set identifier = x'' where id = 'id-b'`,
		`update revocations set sealed_key = -1 where id <> 'r-good'`,
		`update events set identifier = x'' where account_id in ('id-a', 'id-b')`,
	} {
		if err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(damage); return err }); err != nil {
			t.Fatal(err)
		}
	}
	var reported []string
	s.OnUnreadable(func(row string, _ error) { reported = append(reported, row) })
	only := func(what string, list []accounts.Record, err error) {
		t.Helper()
		if err != nil || len(list) != 1 || list[0].Key != good {
			t.Errorf("%s: %v, %v", what, list, err)
		}
	}
	list, err := s.List(t.Context(), accounts.ListFilter{})
	only("a page", list, err)
	list, err = s.List(t.Context(), accounts.ListFilter{Limit: 1})
	only("a short page", list, err)
	if use, err := s.KeyUse(t.Context()); err != nil || use[7] == 0 {
		t.Errorf("the use of keys is %v, %v", use, err)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Accounts["close"][accounts.Active] != 5 {
		t.Errorf("the numbers are %+v, %v", st, err)
	}
	list, err = s.ClaimDue(t.Context(), accounts.DueRequest{Connection: "close", Attempt: "a", Owner: "me", Lease: time.Minute, Limit: 10})
	only("due", list, err)
	if revocations, err := s.ClaimRevocations(t.Context(), accounts.RevocationRequest{Lease: time.Minute, Limit: 10}); err != nil || len(revocations) != 1 {
		t.Errorf("revocations: %v, %v", revocations, err)
	}
	if events, err := s.ClaimEvents(t.Context(), time.Minute, 100); err != nil || len(events) != 6 {
		t.Errorf("events: %v, %v", events, err)
	}
	if events, err := s.ListEvents(t.Context(), accounts.EventFilter{}); err != nil || len(events) != 6 {
		t.Errorf("events: %v, %v", events, err)
	}
	if _, err := s.SealedBy(t.Context(), 1, "", 100); err != nil {
		t.Error(err)
	}
	bad, err := accounts.NewPrincipal("tenant", "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), bad.Key("close")); err == nil || errors.Is(err, accounts.ErrNotFound) {
		t.Errorf("loading one of them gives %v", err)
	}
	for _, row := range []string{"account/id-a", "account/id-b", "account/id-y", "account/id-z", "revocation/r-a"} {
		if !slices.Contains(reported, row) {
			t.Errorf("%s is not reported: %v", row, reported)
		}
	}
}
