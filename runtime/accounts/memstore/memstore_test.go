package memstore_test

import (
	"errors"
	"testing"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
	"github.com/closekit/closekit/runtime/accounts/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) accounts.Store { return memstore.New() })
}

func key(t *testing.T, identifier string) accounts.Key {
	t.Helper()
	p, err := accounts.NewPrincipal("tenant", identifier)
	if err != nil {
		t.Fatal(err)
	}
	return p.Key("close")
}

// TestFailedUpdateChangesNothing writes every kind of row and then fails.
func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	ada, failure := key(t, "ada"), errors.New("it failed")
	other := map[string]accounts.Hash{"first": {2}, "second": {3}}
	write := func(version string, fail error) error {
		return s.Update(t.Context(), func(tx accounts.Tx) error {
			old := accounts.StoredEvent{Event: accounts.Event{ID: 1}, Acked: version == "second"}
			return errors.Join(
				tx.PutAccount(accounts.Record{ID: "id", Key: ada, Owner: version}),
				tx.PutFlow(accounts.Flow{ID: accounts.Hash{1}, ReturnTo: version}),
				tx.PutFlow(accounts.Flow{ID: other[version]}),
				tx.PutRevocation(accounts.Revocation{ID: "r", Purpose: version}),
				tx.PutEvent(old), // none at first
				tx.PutEvent(accounts.StoredEvent{Event: accounts.Event{Actor: version}}),
				tx.PutEvent(accounts.StoredEvent{Event: accounts.Event{Actor: version}}),
				tx.PutHealth(accounts.ConnectionHealth{Connection: "close", Code: version}, tx.Now()),
				tx.PutSentinel(accounts.Sealed{Blob: []byte(version)}),
				tx.DeleteRevocation(map[string]string{"second": "r"}[version]),
				tx.DeleteFlow(map[string]accounts.Hash{"second": {1}}[version]),
				tx.DeleteEvent(map[string]int64{"second": 1}[version]),
				fail,
			)
		})
	}
	if err := write("first", nil); err != nil {
		t.Fatal(err)
	}
	if err := write("second", failure); !errors.Is(err, failure) {
		t.Fatalf("the error is %v", err)
	}
	err := s.View(t.Context(), func(tx accounts.Tx) error {
		r, err1 := tx.Account(ada)
		flows, err2 := tx.Flows(accounts.FlowQuery{ID: accounts.Hash{1}})
		all, err3 := tx.Flows(accounts.FlowQuery{})
		revocations, err4 := tx.Revocations(accounts.RevocationQuery{})
		events, err5 := tx.Events(accounts.EventQuery{})
		h, _, err6 := tx.Health("close", "")
		sentinel, err7 := tx.Sentinel()
		if r.Owner != "first" || len(flows) != 1 || flows[0].ReturnTo != "first" || len(all) != 2 || len(revocations) != 1 ||
			revocations[0].Purpose != "first" || len(events) != 2 || events[0].ID != 1 || events[0].Acked || h.Code != "first" || string(sentinel.Blob) != "first" {
			t.Errorf("left: %+v, %+v, %d flows, %+v, %+v, %+v, %s", r, flows, len(all), revocations, events, h, sentinel.Blob)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
	if err != nil {
		t.Error(err)
	}
}
