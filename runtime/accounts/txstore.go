package accounts

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// TxStore is a place with transactions that can keep rows: the small interface
// for a store of one's own. It knows no rules; [NewStore] makes a [Store] of it
// that does. A store for which single statements matter implements [Store]
// itself, or embeds what NewStore returns and overrides some methods.
type TxStore interface {
	// Update runs f in a transaction: what f reads does not change until it
	// ends, because of locks or because a transaction in conflict starts over.
	// All that f wrote is durable when Update returns nil, and none of it
	// happened if f returns an error, which Update returns so that [errors.Is]
	// finds it. Update may call f again after a failed try. It returns an error
	// if ctx is done; a commit that has begun should not be canceled.
	Update(ctx context.Context, f func(Tx) error) error

	// View runs f, which only reads. Each call on the Tx sees one state, but two
	// calls may see different ones.
	View(ctx context.Context, f func(Tx) error) error
}

// Tx reads and writes rows in a transaction of a [TxStore]. It is used by one
// goroutine and only until the function returns that was called with it.
//
// A method that reads one row returns [ErrNotFound] if there is none. A method
// that reads many selects what matches the whole query, in the query's order; a
// store may use the Match and Compare methods of the query, or say the same in
// its own language. A method that writes replaces the row of the same name,
// and deleting a missing row is no error. Times are kept to the microsecond or
// better, texts and the parts of a [Key] byte for byte; the Now field of a row
// is not kept.
type Tx interface {
	// Now reads the clock that all users of the store share.
	Now() time.Time

	// Account reads an account by its whole key.
	Account(key Key) (Record, error)
	// Accounts reads accounts.
	Accounts(q AccountQuery) ([]Record, error)
	// PutAccount writes an account. Its ID and Key never change, and no two
	// accounts have the same of either. Accounts are never deleted.
	PutAccount(r Record) error

	// Flows reads flows.
	Flows(q FlowQuery) ([]Flow, error)
	// PutFlow writes a flow, named by its ID.
	PutFlow(f Flow) error
	// DeleteFlow deletes a flow.
	DeleteFlow(id Hash) error

	// Revocations reads revocations.
	Revocations(q RevocationQuery) ([]Revocation, error)
	// PutRevocation writes a revocation, named by its ID.
	PutRevocation(r Revocation) error
	// DeleteRevocation deletes a revocation.
	DeleteRevocation(id string) error

	// Events reads events.
	Events(q EventQuery) ([]StoredEvent, error)
	// PutEvent appends an event if its ID is zero: under an ID that is larger
	// than all before, deleted ones included, in the order in which readers can
	// see them. Otherwise it sets Acked and Claimed of the event with that ID.
	PutEvent(e StoredEvent) error
	// DeleteEvent deletes an event.
	DeleteEvent(id int64) error

	// Health reads the health of a configuration of a connection, and when the
	// next probe is due.
	Health(connection, fingerprint string) (h ConnectionHealth, probe time.Time, err error)
	// PutHealth writes it, named by its Connection and Fingerprint.
	PutHealth(h ConnectionHealth, probe time.Time) error

	// Sentinel reads the sentinel.
	Sentinel() (Sealed, error)
	// PutSentinel writes the sentinel, of which there is one.
	PutSentinel(s Sealed) error
}

// Deadline is a time of an account at which something has to be done.
type Deadline string

// The deadlines.
const (
	// RenewalDue is Due, of accounts that are Active or Expired and have no live
	// attempt.
	RenewalDue Deadline = "renewal due"
	// VerificationEnds is VerifyUntil, of accounts that are Verifying.
	VerificationEnds Deadline = "verification ends"
	// FallbackEnds is Until of a fallback.
	FallbackEnds Deadline = "fallback ends"
	// RevokedSince is Changed, of accounts that are Revoked and hold tokens.
	RevokedSince Deadline = "revoked since"
)

// of returns the time, which is zero if an account has no such deadline.
func (d Deadline) of(r *Record) time.Time {
	switch {
	case d == RenewalDue && (r.State == Active || r.State == Expired):
		return r.Due
	case d == VerificationEnds && r.State == Verifying:
		return r.VerifyUntil
	case d == FallbackEnds:
		return r.Fallback.Until
	case d == RevokedSince && r.State == Revoked && !r.Tokens.IsZero():
		return r.Changed
	}
	return time.Time{}
}

// AccountQuery selects accounts. Empty fields select all.
type AccountQuery struct {
	Tenant     string
	Identifier string
	Connection string
	State      State
	After      string // only larger IDs

	// Deadline selects accounts by a time: those that have it, not later than
	// By. For RenewalDue, an attempt is live if it ends after By.
	Deadline Deadline
	By       time.Time

	Limit int // 0 means no limit
}

// Match reports whether q selects r.
func (q AccountQuery) Match(r *Record) bool {
	return r.ID > q.After && match(q.Connection, r.Key.connection) && match(q.Tenant, r.Key.tenant) &&
		match(q.Identifier, r.Key.identifier) && match(q.State, r.State) &&
		(q.Deadline == "" || by(q.Deadline.of(r), q.By) && (q.Deadline != RenewalDue || claimable(*r, q.By)))
}

// Compare orders accounts by the deadline, if there is one, and by ID.
func (q AccountQuery) Compare(a, b *Record) int {
	if q.Deadline != "" {
		if c := q.Deadline.of(a).Compare(q.Deadline.of(b)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.ID, b.ID)
}

// FlowQuery selects flows, in any order. Empty fields select all.
type FlowQuery struct {
	ID        Hash
	State     Hash
	Key       Key
	ExpiredBy time.Time // only flows that have lapsed by then
	Limit     int       // 0 means no limit
}

// Match reports whether q selects f.
func (q FlowQuery) Match(f *Flow) bool {
	return match(q.ID, f.ID) && match(q.State, f.State) && match(q.Key, f.Key) && (q.ExpiredBy.IsZero() || by(f.Expires, q.ExpiredBy))
}

// RevocationQuery selects revocations. Empty fields select all.
type RevocationQuery struct {
	ID        string
	Key       Key
	DueBy     time.Time
	CreatedBy time.Time
	Limit     int // 0 means no limit
}

// Match reports whether q selects r.
func (q RevocationQuery) Match(r *Revocation) bool {
	return match(q.ID, r.ID) && match(q.Key, r.Key) && (q.DueBy.IsZero() || by(r.Due, q.DueBy)) &&
		(q.CreatedBy.IsZero() || by(r.Created, q.CreatedBy))
}

// Compare orders revocations by Due and by ID.
func (RevocationQuery) Compare(a, b *Revocation) int {
	return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
}

// StoredEvent is an event as a store keeps it.
type StoredEvent struct {
	Event
	Acked   bool      // whether it was acknowledged
	Claimed time.Time // end of the lease of a reader; zero means none
}

// EventQuery selects events. Empty fields select all.
type EventQuery struct {
	Tenant     string
	Identifier string
	Connection string
	After      int64   // only larger IDs
	IDs        []int64 // only these, unless nil

	Pending     bool      // only events that are not acknowledged
	ClaimableBy time.Time // only events whose lease has ended by then
	AckedBy     time.Time // only acknowledged events, from then or before

	Limit int // 0 means no limit
}

// Match reports whether q selects e.
func (q EventQuery) Match(e *StoredEvent) bool {
	return e.ID > q.After && match(q.Connection, e.Key.connection) && match(q.Tenant, e.Key.tenant) &&
		match(q.Identifier, e.Key.identifier) && (q.IDs == nil || slices.Contains(q.IDs, e.ID)) &&
		(!q.Pending || !e.Acked) && (q.ClaimableBy.IsZero() || !e.Claimed.After(q.ClaimableBy)) &&
		(q.AckedBy.IsZero() || e.Acked && by(e.At, q.AckedBy))
}

// Compare orders events by ID.
func (EventQuery) Compare(a, b *StoredEvent) int { return cmp.Compare(a.ID, b.ID) }

// match reports whether a field of a query, if it is set, is what a row has.
func match[T comparable](want, got T) bool { return want == *new(T) || want == got }

// by reports whether a row has a time, not later than end.
func by(at, end time.Time) bool { return !at.IsZero() && !at.After(end) }
