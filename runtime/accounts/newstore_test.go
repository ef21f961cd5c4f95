package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
)

var errBroken = errors.New("the disk is broken")

// brokenRows are rows of which one access fails.
type brokenRows struct {
	accounts.TxStore
	left int // accesses that succeed
}

func (s *brokenRows) Update(ctx context.Context, f func(accounts.Tx) error) error {
	return s.TxStore.Update(ctx, func(tx accounts.Tx) error { return f(brokenTx{tx, s}) })
}

func (s *brokenRows) View(ctx context.Context, f func(accounts.Tx) error) error {
	return s.TxStore.View(ctx, func(tx accounts.Tx) error { return f(brokenTx{tx, s}) })
}

// access fails when it is the turn of the one that does.
func (s *brokenRows) access() error {
	s.left--
	if s.left == -1 {
		return errBroken
	}
	return nil
}

type brokenTx struct {
	accounts.Tx
	s *brokenRows
}

func one[T any](t brokenTx, v T, err error) (T, error) {
	if broken := t.s.access(); broken != nil {
		return *new(T), broken
	}
	return v, err
}

func (t brokenTx) Account(key accounts.Key) (accounts.Record, error) {
	r, err := t.Tx.Account(key)
	return one(t, r, err)
}

func (t brokenTx) Accounts(q accounts.AccountQuery) ([]accounts.Record, error) {
	list, err := t.Tx.Accounts(q)
	return one(t, list, err)
}

func (t brokenTx) PutAccount(r accounts.Record) error {
	return errors.Join(t.Tx.PutAccount(r), t.s.access())
}

func (t brokenTx) Flows(q accounts.FlowQuery) ([]accounts.Flow, error) {
	list, err := t.Tx.Flows(q)
	return one(t, list, err)
}

func (t brokenTx) PutFlow(f accounts.Flow) error { return errors.Join(t.Tx.PutFlow(f), t.s.access()) }

func (t brokenTx) DeleteFlow(id accounts.Hash) error {
	return errors.Join(t.Tx.DeleteFlow(id), t.s.access())
}

func (t brokenTx) Revocations(q accounts.RevocationQuery) ([]accounts.Revocation, error) {
	list, err := t.Tx.Revocations(q)
	return one(t, list, err)
}

func (t brokenTx) PutRevocation(r accounts.Revocation) error {
	return errors.Join(t.Tx.PutRevocation(r), t.s.access())
}

func (t brokenTx) DeleteRevocation(id string) error {
	return errors.Join(t.Tx.DeleteRevocation(id), t.s.access())
}

func (t brokenTx) Events(q accounts.EventQuery) ([]accounts.StoredEvent, error) {
	list, err := t.Tx.Events(q)
	return one(t, list, err)
}

func (t brokenTx) PutEvent(e accounts.StoredEvent) error {
	return errors.Join(t.Tx.PutEvent(e), t.s.access())
}

func (t brokenTx) DeleteEvent(id int64) error {
	return errors.Join(t.Tx.DeleteEvent(id), t.s.access())
}

func (t brokenTx) Health(connection, fingerprint string) (accounts.ConnectionHealth, time.Time, error) {
	h, probe, err := t.Tx.Health(connection, fingerprint)
	h, err = one(t, h, err)
	return h, probe, err
}

func (t brokenTx) PutHealth(h accounts.ConnectionHealth, probe time.Time) error {
	return errors.Join(t.Tx.PutHealth(h, probe), t.s.access())
}

func (t brokenTx) Sentinel() (accounts.Sealed, error) {
	b, err := t.Tx.Sentinel()
	return one(t, b, err)
}

func (t brokenTx) PutSentinel(s accounts.Sealed) error {
	return errors.Join(t.Tx.PutSentinel(s), t.s.access())
}

// TestErrorsOfRowsArrive makes each access of each method fail in turn: the
// error reaches the caller, and nothing is written.
func TestErrorsOfRowsArrive(t *testing.T) {
	t.Parallel()
	rows := memstore.New()
	p, err := accounts.NewPrincipal("acme", "ada")
	if err != nil {
		t.Fatal(err)
	}
	key, other := p.Key("close"), p.Key("other")
	pair := accounts.Sealed{Blob: []byte("pair"), KeyID: 1}
	note := accounts.Note{Type: accounts.EventConnected, Always: true}
	link := accounts.Flow{ID: accounts.Hash{1}, Kind: accounts.LinkFlow, Key: key, Sealed: pair}
	held := accounts.Flow{ID: accounts.Hash{3}, Kind: accounts.HeldFlow, Key: other}
	bad := accounts.ConnectionHealth{Connection: "close", State: accounts.HealthConfigError}
	only := func(err error) (any, error) { return nil, err }
	// One after the other, so that each finds what it needs.
	for _, c := range []struct {
		name string
		call func(ctx context.Context, s accounts.Store) (any, error)
	}{
		{"Ensure", ensure("id", key)},
		{"Ensure another", ensure("id2", other)},
		{"Ensure again", ensure("id3", key)},
		{"Commit", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.Commit(ctx, accounts.CommitRequest{Key: key, Attempt: "a", Grant: "g", Tokens: pair, Note: note})
		}},
		{"Load", func(ctx context.Context, s accounts.Store) (any, error) { return s.Load(ctx, key) }},
		{"List", func(ctx context.Context, s accounts.Store) (any, error) { return s.List(ctx, accounts.ListFilter{}) }},
		{"Touch", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.Touch(ctx, []accounts.Key{key}))
		}},
		{"ClaimDue", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.ClaimDue(ctx, accounts.DueRequest{Connection: "close", Attempt: "b", Limit: 1})
		}},
		{"Claim", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.Claim(ctx, accounts.ClaimRequest{Key: key, Generation: 1, Attempt: "b", Lease: time.Minute})
		}},
		{"Extend", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.Extend(ctx, accounts.ExtendRequest{Key: key, Generation: 1, Attempt: "b", Lease: time.Minute})
		}},
		{"Release", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.Release(ctx, accounts.ReleaseRequest{Key: key, Generation: 1, Attempt: "b", State: accounts.Expired, Note: note})
		}},
		{"Stash", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.Stash(ctx, key, "g", accounts.Stash{Sealed: pair, Purpose: accounts.PurposeFallback, TTL: time.Hour}))
		}},
		{"Hold", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.Hold(ctx, held, time.Hour, "user"))
		}},
		{"EndVerification", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.EndVerification(ctx, other, accounts.VerificationFailed, note))
		}},
		{"CreateFlow", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.CreateFlow(ctx, link, time.Hour))
		}},
		{"LoadFlow", func(ctx context.Context, s accounts.Store) (any, error) { return s.LoadFlow(ctx, link.ID) }},
		{"Sentinel", func(ctx context.Context, s accounts.Store) (any, error) { return s.Sentinel(ctx, pair) }},
		{"QueueRevocation", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.QueueRevocation(ctx, accounts.Revocation{ID: "r", Key: key, Sealed: pair}))
		}},
		{"Stats", func(ctx context.Context, s accounts.Store) (any, error) { return s.Stats(ctx) }},
		{"KeyUse", func(ctx context.Context, s accounts.Store) (any, error) { return s.KeyUse(ctx) }},
		{"SealedBy", func(ctx context.Context, s accounts.Store) (any, error) { return s.SealedBy(ctx, 0, "", 100) }},
		{"Reseal the sentinel", reseal("sentinel")},
		{"Reseal a revocation", reseal("revocation/r")},
		{"Reseal tokens", reseal("account/id")},
		{"ConsumeFlow", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.ConsumeFlow(ctx, accounts.LinkFlow, link.ID)
		}},
		{"CreateFlow again", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.CreateFlow(ctx, link, time.Hour))
		}},
		{"Disconnect", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.Disconnect(ctx, accounts.DisconnectRequest{Key: key, RevocationIDs: [2]string{"a", "b"}, Note: note})
		}},
		{"ClaimRevocations", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.ClaimRevocations(ctx, accounts.RevocationRequest{Limit: 10})
		}},
		{"FinishRevocation", func(ctx context.Context, s accounts.Store) (any, error) { return only(s.FinishRevocation(ctx, "a")) }},
		{"AppendEvent", func(ctx context.Context, s accounts.Store) (any, error) {
			return only(s.AppendEvent(ctx, accounts.Event{Type: accounts.EventDenied, Key: key}))
		}},
		{"ClaimEvents", func(ctx context.Context, s accounts.Store) (any, error) { return s.ClaimEvents(ctx, time.Hour, 10) }},
		{"AckEvents", func(ctx context.Context, s accounts.Store) (any, error) { return only(s.AckEvents(ctx, []int64{1, 2})) }},
		{"ListEvents", func(ctx context.Context, s accounts.Store) (any, error) {
			return s.ListEvents(ctx, accounts.EventFilter{})
		}},
		{"SetHealth", func(ctx context.Context, s accounts.Store) (any, error) { return only(s.SetHealth(ctx, bad, 0)) }},
		{"LoadHealth", func(ctx context.Context, s accounts.Store) (any, error) { return s.LoadHealth(ctx, "close", "") }},
		{"ClaimProbe", func(ctx context.Context, s accounts.Store) (any, error) { return s.ClaimProbe(ctx, "close", "", 0) }},
		{"Hold for the sweep", func(ctx context.Context, s accounts.Store) (any, error) { return only(s.Hold(ctx, held, 0, "user")) }},
		{"Sweep", func(ctx context.Context, s accounts.Store) (any, error) { return s.Sweep(ctx, accounts.SweepRequest{}) }},
	} {
		for accesses := 0; ; accesses++ {
			before := dump(t, rows)
			broken := &brokenRows{TxStore: rows, left: accesses}
			_, err := c.call(t.Context(), accounts.NewStore(broken))
			if broken.left >= 0 { // it needs no more
				if err != nil || accesses == 0 {
					t.Fatalf("%s, after %d accesses: %v", c.name, accesses, err)
				}
				break
			}
			if !errors.Is(err, errBroken) {
				t.Errorf("%s, when access %d fails: the error is %v", c.name, accesses+1, err)
			}
			if after := dump(t, rows); after != before {
				t.Errorf("%s, when access %d fails: it left\n%s, instead of\n%s", c.name, accesses+1, after, before)
			}
		}
	}
}

// dump shows all rows.
func dump(t *testing.T, rows accounts.TxStore) (text string) {
	t.Helper()
	err := rows.View(t.Context(), func(tx accounts.Tx) error {
		list, err1 := tx.Accounts(accounts.AccountQuery{})
		flows, err2 := tx.Flows(accounts.FlowQuery{})
		revocations, err3 := tx.Revocations(accounts.RevocationQuery{})
		events, err4 := tx.Events(accounts.EventQuery{})
		h, probe, _ := tx.Health("close", "")
		sentinel, _ := tx.Sentinel()
		text = fmt.Sprint(list, flows, revocations, events, h, probe, sentinel)
		return errors.Join(err1, err2, err3, err4)
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func ensure(id string, key accounts.Key) func(context.Context, accounts.Store) (any, error) {
	return func(ctx context.Context, s accounts.Store) (any, error) {
		r, _, err := s.Ensure(ctx, id, key, "host")
		return r, err
	}
}

// reseal seals a blob again, with what it is sealed with.
func reseal(ref string) func(context.Context, accounts.Store) (any, error) {
	return func(ctx context.Context, s accounts.Store) (any, error) {
		list, err := s.SealedBy(ctx, 0, "", 100)
		for _, row := range list {
			if row.Ref == ref {
				return nil, s.Reseal(ctx, row, row.Sealed)
			}
		}
		return nil, err
	}
}
