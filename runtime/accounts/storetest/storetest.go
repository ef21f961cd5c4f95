// Package storetest checks that a store of connected accounts does what
// [accounts.Store] asks for. Run it over a store of your own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) accounts.Store { return openEmptyStore(t) })
//	}
//
// [Run] is the conformance suite. [RunReplicas] has several stores work on the
// same data. [Compare] makes random requests to a store and to one of package
// memstore, and wants the same results.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// Run runs the suite as subtests. Open is called once or more per subtest and
// returns an empty store of its own each time; it closes it with t.Cleanup. The
// suite runs on the store's own clock and waits for fractions of a second.
func Run(t *testing.T, open func(t *testing.T) accounts.Store) {
	t.Helper()
	for _, group := range []map[string]func(*suite){accountCases, refreshCases, flowCases, eventCases, adminCases, budgetCases} {
		for name, run := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(&suite{T: t, Store: open(t), ctx: t.Context()})
			})
		}
	}
}

// suite is the store of a case, with helpers.
type suite struct {
	*testing.T
	accounts.Store
	ctx context.Context
}

const (
	connection = "close"
	// lease is a lease or life that no case outlives, however slow the machine:
	// use it for what must not have ended yet.
	lease = 30 * time.Minute
	// held is a lease of an attempt that no case outlives. It is shorter than the
	// longest that there can be: a claim whose transaction began before the one that
	// gave the lease would take that for none.
	held = accounts.MaxLease - time.Minute
	// short is a lease or life that a case waits for. It may have ended before
	// the next call, so no case relies on it to be running.
	short = 60 * time.Millisecond
)

func (s *suite) principal(tenant, identifier string) accounts.Principal {
	s.Helper()
	p, err := accounts.NewPrincipal(tenant, identifier)
	s.ok(err)
	return p
}

func (s *suite) key(identifier string) accounts.Key {
	s.Helper()
	return s.principal("tenant", identifier).Key(connection)
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

func (s *suite) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("the error is %v, want %v", err, want)
	}
}

func (s *suite) want(holds bool, format string, args ...any) {
	s.Helper()
	if !holds {
		s.Errorf(format, args...)
	}
}

// clock reads the store's clock.
func (s *suite) clock() time.Time {
	s.Helper()
	now, err := s.Now(s.ctx)
	s.ok(err)
	return now
}

// wait lets time pass on the store's clock.
func (s *suite) wait(d time.Duration) {
	s.Helper()
	for start := s.clock(); s.clock().Sub(start) < d; {
		<-time.After(5 * time.Millisecond)
	}
}

// wantLeft checks how much is left of a time that began at start or later.
func (s *suite) wantLeft(left, whole time.Duration, start time.Time) {
	s.Helper()
	const rounded = time.Millisecond
	passed := s.clock().Sub(start)
	s.want(left <= whole && left >= whole-passed-rounded, "%v are left of %v after %v", left, whole, passed)
}

func (s *suite) load(key accounts.Key) accounts.Record {
	s.Helper()
	r, err := s.Load(s.ctx, key)
	s.ok(err)
	return r
}

// ensure makes an account.
func (s *suite) ensure(key accounts.Key) accounts.Record {
	s.Helper()
	r, _, err := s.Ensure(s.ctx, "id-"+key.String(), key, "test")
	s.ok(err)
	return r
}

func sealed(text string) accounts.Sealed { return accounts.Sealed{Blob: []byte(text), KeyID: 7} }

func hash(text string) (h accounts.Hash) {
	copy(h[:], text)
	return h
}

// connect makes an active account whose renewal is due after due.
func (s *suite) connect(key accounts.Key, due time.Duration) accounts.Record {
	s.Helper()
	r := s.ensure(key)
	r, err := s.Commit(s.ctx, accounts.CommitRequest{
		Key: key, Generation: r.Generation, Epoch: r.Epoch, Attempt: "consent-" + key.String(), Grant: "grant-" + key.String(),
		Tokens: sealed("pair of " + key.String()), OrganizationID: "orga_1", UserID: "user_1",
		ExpiresIn: time.Hour, DueIn: due, Note: accounts.Note{Type: accounts.EventConnected, Actor: "user", Always: true},
	})
	s.ok(err)
	return r
}

func (s *suite) claim(r accounts.Record, attempt string, lease time.Duration) accounts.Record {
	s.Helper()
	r, err := s.Claim(s.ctx, accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: attempt, Owner: "owner", Lease: lease})
	s.ok(err)
	return r
}

// events lists the events of an account, of which there should be n.
func (s *suite) events(key accounts.Key, n int) []accounts.Event {
	s.Helper()
	return s.listEvents(accounts.EventFilter{Tenant: key.Tenant(), Identifier: key.Identifier(), Connection: key.Connection()}, n)
}

// listEvents lists events, of which there should be n.
func (s *suite) listEvents(f accounts.EventFilter, n int) []accounts.Event {
	s.Helper()
	list, err := visibleEvents(s.ctx, s.Store, f, n)
	s.ok(err)
	return list
}

func (s *suite) wantEvents(key accounts.Key, types ...accounts.EventType) {
	s.Helper()
	list := s.events(key, len(types))
	var got []accounts.EventType
	for _, e := range list {
		got = append(got, e.Type)
		s.want(e.Key == key, "an event is about %v, want %v", e.Key, key)
	}
	same := len(got) == len(types)
	for i := range min(len(got), len(types)) {
		same = same && got[i] == types[i]
	}
	s.want(same, "events are %v, want %v", got, types)
}
