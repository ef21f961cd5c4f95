package accounts

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// TxStore reads and writes rows in transactions: implement it to write a store
// of your own. It knows no rules; [NewStore] makes a [Store] of it, which does.
type TxStore interface {
	// Update runs f in a transaction. Nothing that f reads may change until the
	// transaction ends: the store locks it, or starts over after a conflict, so
	// f may be called more than once. When Update returns nil, all that f wrote
	// is durable. When f returns an error, nothing was written, and Update
	// returns an error for which [errors.Is] finds it. Update fails if ctx is
	// done, but does not cancel a commit that has begun.
	Update(ctx context.Context, f func(Tx) error) error

	// View runs f, which only reads. Each call of a method of Tx sees one
	// consistent state; two calls may see different ones.
	View(ctx context.Context, f func(Tx) error) error
}

// Tx reads and writes the rows of a [TxStore] in a transaction. One goroutine
// uses it, until the function that it was passed to returns.
//
// A method that reads one row returns [ErrNotFound] if there is none. A method
// that reads many returns the rows that match all fields of its query, in the
// query's order: the Match and Compare methods of the query say which they are,
// and a database may say the same in its own language. A method that writes
// replaces the row with the same name. Deleting a missing row is no error.
//
// Times are kept to the microsecond or better. Texts are kept byte for byte, and
// need not be valid UTF-8 in a [Key]: it is kept as its three parts and made
// again with [NewPrincipal] and [Principal.Key]. The key of an event about a
// connection as a whole has no other parts: it is the key of Principal{}. The
// Now fields of rows are not kept.
type Tx interface {
	// Now returns the time on the clock that all users of the store share. In an
	// Update it is the same with every call.
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
	// PutEvent appends an event if its ID is zero, and assigns an ID that is
	// larger than those of all events before, deleted ones included. A reader
	// that has seen an ID must never see a smaller one appear. If the ID is not
	// zero, PutEvent sets Acked and Claimed of the event with that ID.
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

// Deadline names a time at which an account needs attention.
type Deadline string

// The deadlines of an account.
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
	// By. For RenewalDue, an attempt is live if it ends after By, and
	// not later than [MaxLease] after it.
	Deadline Deadline
	By       time.Time

	Keys []uint32 // only accounts whose tokens are sealed with one of these keys, unless nil

	Limit int // 0 means no limit
}

// Match reports whether q selects r.
func (q AccountQuery) Match(r *Record) bool {
	return r.ID > q.After && match(q.Connection, r.Key.connection) && match(q.Tenant, r.Key.tenant) &&
		match(q.Identifier, r.Key.identifier) && match(q.State, r.State) &&
		(q.Keys == nil || slices.Contains(q.Keys, r.Tokens.KeyID)) &&
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
	Key       Key
	ExpiredBy time.Time // only flows that have lapsed by then
	Limit     int       // 0 means no limit
}

// Match reports whether q selects f.
func (q FlowQuery) Match(f *Flow) bool {
	return match(q.ID, f.ID) && match(q.Key, f.Key) && (q.ExpiredBy.IsZero() || by(f.Expires, q.ExpiredBy))
}

// RevocationQuery selects revocations. Empty fields select all.
type RevocationQuery struct {
	ID        string
	Key       Key
	DueBy     time.Time
	Beyond    time.Time // with DueBy, also those due later than this: no lease is so long
	CreatedBy time.Time
	Limit     int // 0 means no limit
}

// Match reports whether q selects r.
func (q RevocationQuery) Match(r *Revocation) bool {
	return match(q.ID, r.ID) && match(q.Key, r.Key) && (q.DueBy.IsZero() || by(r.Due, q.DueBy) || !q.Beyond.IsZero() && r.Due.After(q.Beyond)) &&
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
	Beyond      time.Time // with ClaimableBy, also those whose lease ends later than this: none is so long
	AckedBy     time.Time // only acknowledged events, from then or before

	Limit int // 0 means no limit
}

// Match reports whether q selects e.
func (q EventQuery) Match(e *StoredEvent) bool {
	return e.ID > q.After && match(q.Connection, e.Key.connection) && match(q.Tenant, e.Key.tenant) &&
		match(q.Identifier, e.Key.identifier) && (q.IDs == nil || slices.Contains(q.IDs, e.ID)) &&
		(!q.Pending || !e.Acked) && (q.ClaimableBy.IsZero() || !e.Claimed.After(q.ClaimableBy) || !q.Beyond.IsZero() && e.Claimed.After(q.Beyond)) &&
		(q.AckedBy.IsZero() || e.Acked && by(e.At, q.AckedBy))
}

// Compare orders events by ID.
func (EventQuery) Compare(a, b *StoredEvent) int { return cmp.Compare(a.ID, b.ID) }

// match reports whether a field of a query, if it is set, is what a row has.
func match[T comparable](want, got T) bool { return want == *new(T) || want == got }

// by reports whether a row has a time, not later than end.
func by(at, end time.Time) bool { return !at.IsZero() && !at.After(end) }
