package accounts

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Store]. Any other error of a method that writes leaves open
// whether the change happened.
var (
	// ErrNotFound means that no such row exists, or that it has expired.
	ErrNotFound = errors.New("accounts: not found")
	// ErrConflict means that the guard of a request no longer held; nothing was
	// changed.
	ErrConflict = errors.New("accounts: conflict")
)

// Store keeps accounts, flows and events. All replicas of a program share it.
//
// The simple way to write one is to implement [TxStore] and call [NewStore],
// which knows the rules below. A store that wants single statements implements
// Store itself. Either must pass storetest.Run; the second should also be
// compared with package memstore by storetest.Compare.
//
// Rules that hold for all methods:
//
//   - Each method is atomic, events included, and durable when it returns nil.
//     A database can implement each with single statements, without a session.
//   - Times are read from the store's clock, never from the caller's. Durations
//     count from the call on that clock; a negative lease or lifetime counts as
//     zero. Every [Record] and [Flow] carries the time at which it was read.
//   - Texts in keys are opaque bytes. Blobs are sealed; a store never sees a
//     secret in the clear.
//   - Rows are found by the whole [Key]. A method never returns the row of
//     another key.
//   - All methods are safe for concurrent use and return when their context is
//     done, but a write may happen although an error was returned.
type Store interface {
	AccountStore
	FlowStore
	EventStore
	ConnectionStore
	AdminStore
}

// UnreadableReporter is implemented by stores that leave out, where they read many
// rows, those that they cannot read, so that one does not stop all. A [Manager]
// logs them.
type UnreadableReporter interface {
	// OnUnreadable calls f once for each row that was left out, or will be. Row
	// names the kind and the id.
	OnUnreadable(f func(row string, err error))
}

// BudgetStore is implemented by stores through which the replicas of a program share
// the rate limit of an organization. See [Manager.Budget].
type BudgetStore interface {
	// ShareBudget records that owner paces calls of an organization of Close from
	// now until ttl has passed, and returns how many owners do, this one included.
	// What it records may be lost when the store fails.
	ShareBudget(ctx context.Context, organizationID, owner string, ttl time.Duration) (int, error)
}

// AccountStore is the part of a [Store] that holds accounts.
type AccountStore interface {
	// Ensure returns the account of key, and inserts it as [Pending] with the
	// given id and an event of type [EventCreated] if there is none. It reports
	// whether it did.
	Ensure(ctx context.Context, id string, key Key, actor string) (Record, bool, error)

	// Load reads an account. ErrNotFound if there is none.
	Load(ctx context.Context, key Key) (Record, error)

	// List reads accounts in the order of their ids.
	List(ctx context.Context, f ListFilter) ([]Record, error)

	// Touch sets Used of accounts to now. Keys without an account are ignored.
	Touch(ctx context.Context, keys []Key) error

	// Claim begins an attempt to renew. Guard: the generation is still the
	// given one, the state is Active or Expired, and there is no attempt or its
	// lease has ended or ends later than [MaxLease] from now. Effect: Attempt and
	// Owner are set, AttemptUntil and Due become now plus Lease, and Doubts grows
	// by one if an attempt was still recorded. ErrConflict if the guard fails,
	// ErrNotFound if there is no account.
	Claim(ctx context.Context, r ClaimRequest) (Record, error)

	// ClaimDue is Claim for up to Limit accounts of a connection whose Due has
	// come, the longest due first. Concurrent callers never get the same
	// account. Its work must grow with what is due, not with what exists.
	ClaimDue(ctx context.Context, r DueRequest) ([]Record, error)

	// Extend continues an attempt. Guard: generation and attempt are still
	// the given ones. Effect: AttemptUntil and Due become now plus Lease,
	// Doubts is set, the fallback is dropped if asked. ErrConflict if the guard
	// fails.
	Extend(ctx context.Context, r ExtendRequest) (Record, error)

	// Commit stores new tokens. It need not find out whether it happened after
	// an error that leaves it open; the manager does. Guard: generation and epoch are still the
	// given ones, and nothing else: an unrelated write must not make it fail.
	// Effect: the generation grows by one, tokens, times and identity are set,
	// state becomes Active without a reason, the attempt ends and becomes
	// LastAttempt, Refreshed is now, and Failures, Failure, Doubts, Troubled and
	// the fallback are cleared, a running verification ends; Grant is set if
	// the request has one. The event is appended as [Note] says. ErrConflict if
	// the guard fails.
	Commit(ctx context.Context, r CommitRequest) (Record, error)

	// Release ends an attempt without new tokens. Guard: generation and attempt
	// are still the given ones. Effect: the attempt ends (LastAttempt stays),
	// and the fields of the request are set; a Stash that is not nil becomes the
	// fallback. In a Verifying account, State and Reason are set as those that it
	// returns to. The event is appended as [Note] says. ErrConflict if the guard
	// fails.
	Release(ctx context.Context, r ReleaseRequest) (Record, error)

	// Stash keeps a pair of tokens that lost the race for Commit. Guard: the
	// grant is still the given one, which is not empty. ErrConflict if the
	// guard fails.
	Stash(ctx context.Context, key Key, grant string, s Stash) error

	// Disconnect ends an account in any state. Effect: the tokens and the
	// fallback move into the queue of revocations, with RevocationIDs and the
	// purposes [PurposeTokens] and that of the fallback; the state becomes
	// Disconnected with the reason; generation and epoch grow by one; identity,
	// grant, attempt, verification, Expires, Due and counters are cleared; and
	// all flows of the account are deleted. A Disconnected account does not
	// change, and there is no event. ErrNotFound if there is no account.
	Disconnect(ctx context.Context, r DisconnectRequest) (Record, error)

	// EndVerification returns a Verifying account to its former state and
	// reason, and appends an event with the given reason if the note has a type.
	// In any other state only the event is appended. ErrNotFound if there is no
	// account.
	EndVerification(ctx context.Context, key Key, reason Reason, n Note) error

	// QueueRevocation adds tokens to the queue for revocation at the provider.
	// It replaces an entry with the same id, as Disconnect does.
	QueueRevocation(ctx context.Context, r Revocation) error

	// ClaimRevocations takes up to Limit revocations that are due, the longest
	// due first, and makes them due again after the lease; see [LongestLease].
	// With a key it takes those of that account, due or not.
	ClaimRevocations(ctx context.Context, r RevocationRequest) ([]Revocation, error)

	// FinishRevocation removes a revocation. An unknown id is no error.
	FinishRevocation(ctx context.Context, id string) error
}

// FlowStore is the part of a [Store] that holds authorization flows.
type FlowStore interface {
	// CreateFlow adds a flow that expires after ttl, and replaces one with the
	// same id.
	CreateFlow(ctx context.Context, f Flow, ttl time.Duration) error

	// LoadFlow reads a flow by its id. ErrNotFound if there is none or it has
	// expired.
	LoadFlow(ctx context.Context, id Hash) (Flow, error)

	// ConsumeFlow removes a flow of a kind and returns it, in one step, so that of
	// many concurrent callers exactly one gets it. ErrNotFound if there is none or it
	// has expired.
	ConsumeFlow(ctx context.Context, kind FlowKind, id Hash) (Flow, error)

	// Hold adds a flow of kind HeldFlow and makes its account Verifying, with
	// an event of type [EventVerifying], for ttl. Guard: the epoch of the
	// account is that of the flow. An Active account stays Active, without an
	// event. A Verifying account keeps the state that it returns to, and there is
	// no other event. ErrConflict if the guard fails.
	Hold(ctx context.Context, f Flow, ttl time.Duration, actor string) error
}

// EventStore is the part of a [Store] that holds events: an outbox, and an
// audit trail.
type EventStore interface {
	// AppendEvent adds an event that belongs to no other change. The store sets
	// ID and At and, if there is an account, its id and state.
	AppendEvent(ctx context.Context, e Event) error

	// ClaimEvents takes up to limit events that are not acknowledged and not
	// claimed, oldest first, for the length of the lease. See [LongestLease].
	ClaimEvents(ctx context.Context, lease time.Duration, limit int) ([]Event, error)

	// AckEvents acknowledges events. They remain readable until they are swept.
	AckEvents(ctx context.Context, ids []int64) error

	// ListEvents reads events, acknowledged or not, oldest first.
	ListEvents(ctx context.Context, f EventFilter) ([]Event, error)
}

// ConnectionStore is the part of a [Store] that holds the health of
// connections. Health belongs to one configuration of a connection, named by
// its fingerprint, so that releases with different client secrets do not affect
// each other.
type ConnectionStore interface {
	// LoadHealth reads the health of a configuration. One that was never set
	// is OK.
	LoadHealth(ctx context.Context, connection, fingerprint string) (ConnectionHealth, error)

	// SetHealth sets state and code. If the state differs from what it was, an
	// event of type [EventHealth] is appended that names the connection, From
	// and To hold the health states and Reason the code; the next probe is
	// then due after probe.
	SetHealth(ctx context.Context, h ConnectionHealth, probe time.Duration) error

	// ClaimProbe reports whether the caller may send a probe now: at most one
	// caller per every, over all replicas. See [LongestLease].
	ClaimProbe(ctx context.Context, connection, fingerprint string, every time.Duration) (bool, error)
}

// AdminStore is the part of a [Store] for operation.
type AdminStore interface {
	// Now reads the store's clock.
	Now(ctx context.Context) (time.Time, error)

	// Sentinel stores a sealed sentinel if there is none yet, and returns the
	// stored one. It serves to detect a wrong key.
	Sentinel(ctx context.Context, s Sealed) (Sealed, error)

	// Stats returns counts over all accounts.
	Stats(ctx context.Context) (Stats, error)

	// KeyUse counts all sealed blobs by the id of their key: tokens, fallbacks,
	// flows, revocations, the sentinel.
	KeyUse(ctx context.Context) (map[uint32]int64, error)

	// SealedBy lists up to limit blobs that are sealed with another key than
	// the given one: tokens, fallbacks, revocations and the sentinel. Flows are
	// left out, they expire in minutes. The order is that of Ref, beginning after
	// the given one.
	SealedBy(ctx context.Context, not uint32, after string, limit int) ([]SealedRow, error)

	// Reseal replaces a blob. Guard: the row still holds the blob of row,
	// under the same generation. ErrConflict if not. It changes nothing else.
	Reseal(ctx context.Context, row SealedRow, s Sealed) error

	// Sweep removes expired things and reports how many rows it changed:
	// flows; verifications (back to the former state, with an event of type
	// [EventVerificationFailed] and the reason [VerificationTimeout]); fallbacks;
	// the tokens of accounts that have been Revoked for longer than
	// r.RevokedFor; revocations and acknowledged events that are older than
	// r.RevocationsFor and r.EventsFor. A removed revocation leaves an event of
	// type [EventRevocationFailed]. Each kind is bounded by r.Limit.
	Sweep(ctx context.Context, r SweepRequest) (int, error)
}

// MaxLease bounds the leases of attempts. A lease that ends later than that from
// now was given before the store's clock was set back, and is none. It is longer
// than any lease that a [Manager] asks for, so that the clocks of a database and
// of its standby may differ a little.
const MaxLease = 3 * time.Minute

// LongestLease bounds the other leases, those of events and of revocations, and
// the wait for the next probe. One that ends later than that from now, and later
// than the lease that a caller asks for, is none.
const LongestLease = 90 * time.Minute

// Hash is the SHA-256 of a random value that a store must not know, such as what
// opens a link.
type Hash [32]byte

// Sealed is a blob from a [Vault], with the id of its key.
type Sealed struct {
	Blob  []byte // nil means nothing
	KeyID uint32
}

// IsZero reports whether there is no blob.
func (s Sealed) IsZero() bool { return len(s.Blob) == 0 }

// Record is an account as a store keeps it. It holds no secret in the clear.
type Record struct {
	ID     string // random, made by the manager
	Key    Key
	State  State
	Reason Reason

	Generation int64  // number of the tokens; only grows
	Epoch      int64  // grows with every disconnect
	Grant      string // names the consent that the tokens come from; empty without tokens

	Tokens    Sealed // access and refresh token, sealed for Generation
	NoRefresh bool   // the provider issued no refresh token
	Fallback  Stash  // a pair that lost a race, or one in quarantine

	OrganizationID string // Close's, as the tokens are bound to it
	UserID         string

	Expires   time.Time // end of the access token
	Due       time.Time // next renewal; zero means none
	Refreshed time.Time // last commit
	Used      time.Time // last use that was recorded

	Attempt      string // live or lapsed attempt; empty means none
	Owner        string // the process that makes it
	AttemptUntil time.Time
	LastAttempt  string // the attempt that was committed last

	Doubts   int         // attempts with this generation whose outcome is unknown
	Troubled bool        // an attempt with this generation ended in a 5xx
	Failures int         // failed attempts in a row
	Failure  FailureKind // of the last attempt

	VerifyUntil    time.Time // end of a verification, in state Verifying
	PreviousState  State     // the state that a verification returns to
	PreviousReason Reason

	Created time.Time
	Changed time.Time // last change of State
	Now     time.Time // the store's clock when this was read
}

// Live reports whether an attempt is in progress and its lease has not ended. A
// lease that ends later than [MaxLease] from now is none.
func (r Record) Live() bool { return r.live(r.Now) }

func (r Record) live(now time.Time) bool {
	return r.Attempt != "" && now.Before(r.AttemptUntil) && !r.AttemptUntil.After(now.Add(MaxLease))
}

// Stash is a sealed pair of tokens beside the current one.
type Stash struct {
	Sealed     Sealed
	Purpose    string        // part of the associated data
	Generation int64         // part of the associated data
	TTL        time.Duration // how long to keep it from now on, when written
	Until      time.Time     // when it expires, when read
}

// IsZero reports whether there is none.
func (s Stash) IsZero() bool { return s.Sealed.IsZero() }

// Note is the event that goes with a change. A store appends it exactly if the
// state of the account changes, or if Always is set. From and To are the states
// before and after, Reason is that of the account after the change.
type Note struct {
	Type   EventType // empty means no event at all
	Actor  string
	Always bool
}

// ListFilter selects accounts. Empty fields select all.
type ListFilter struct {
	Tenant     string
	Identifier string
	Connection string
	State      State
	After      string // id of the last account of the page before
	Limit      int    // 0 means 100
}

// ClaimRequest is for [AccountStore.Claim].
type ClaimRequest struct {
	Key        Key
	Generation int64
	Attempt    string // random
	Owner      string
	Lease      time.Duration
}

// DueRequest is for [AccountStore.ClaimDue].
type DueRequest struct {
	Connection string
	Attempt    string // random; the same for all accounts of the batch
	Owner      string
	Lease      time.Duration
	Limit      int
	Keys       []uint32 // only accounts whose tokens are sealed with one of these keys, unless nil
}

// ExtendRequest is for [AccountStore.Extend].
type ExtendRequest struct {
	Key          Key
	Generation   int64
	Attempt      string
	Lease        time.Duration
	Doubts       int
	DropFallback bool
}

// CommitRequest is for [AccountStore.Commit].
type CommitRequest struct {
	Key        Key
	Generation int64 // before the commit; Tokens are sealed for the next one
	Epoch      int64
	Attempt    string // becomes LastAttempt
	Grant      string // the consent, when the tokens come from one; empty keeps it

	Tokens         Sealed
	NoRefresh      bool
	OrganizationID string
	UserID         string
	ExpiresIn      time.Duration
	DueIn          time.Duration // negative means never

	Note Note
}

// ReleaseRequest is for [AccountStore.Release].
type ReleaseRequest struct {
	Key        Key
	Generation int64
	Attempt    string

	State    State
	Reason   Reason
	DueIn    time.Duration // negative means never
	Failures int
	Failure  FailureKind
	Doubts   int
	Troubled bool
	Stash    *Stash // nil leaves the fallback as it is

	Note Note
}

// DisconnectRequest is for [AccountStore.Disconnect].
type DisconnectRequest struct {
	Key           Key
	Reason        Reason
	RevocationIDs [2]string // random: for the tokens and for the fallback
	Note          Note
}

// RevocationRequest is for [AccountStore.ClaimRevocations].
type RevocationRequest struct {
	Key   Key // zero for those of all accounts
	Lease time.Duration
	Limit int
}

// Revocation is a sealed pair of tokens to be revoked at the provider.
type Revocation struct {
	ID         string
	Key        Key
	AccountID  string
	Purpose    string // part of the associated data of the pair
	Generation int64
	Sealed     Sealed
	Created    time.Time // set by the store
	Due        time.Time // next try to revoke it; set by the store
}

// FlowKind tells the two kinds of flows apart.
type FlowKind string

// The kinds of flows.
const (
	LinkFlow FlowKind = "link" // a link that leads to the consent page
	HeldFlow FlowKind = "held" // a code that waits for the host to confirm
)

// Flow is an authorization in progress.
type Flow struct {
	ID          Hash
	Kind        FlowKind
	Key         Key
	AccountID   string
	Epoch       int64  // of the account when the flow began
	OutOfBand   bool   // whether the host confirms afterwards
	ReturnTo    string // id of the page that the browser returns to
	NewIdentity bool   // whether another Close user than before is allowed
	Sealed      Sealed // what states and PKCE verifiers are made of; code and verifier, in a HeldFlow
	Expires     time.Time
	Now         time.Time // the store's clock when this was read
}

// ConnectionHealth is the health of one configuration of a connection.
type ConnectionHealth struct {
	Connection  string
	Fingerprint string
	State       HealthState
	Code        string // the provider's error code, from a fixed list
	Since       time.Time
}

// Stats are numbers over all accounts.
type Stats struct {
	Accounts      map[string]map[State]int64 // by connection and state
	Due           int64                      // Active and Expired accounts whose renewal is due and not claimed
	Lag           time.Duration              // how long the oldest of them has been due
	InDoubt       int64                      // accounts with an attempt in doubt
	Flows         int64
	Revocations   int64
	PendingEvents int64 // not acknowledged
}

// SealedRow is a blob and the parts of its associated data.
type SealedRow struct {
	Ref        string // names the row and the blob in it; opaque, ordered
	Key        Key    // zero for the sentinel
	AccountID  string
	Purpose    string
	Generation int64
	Sealed     Sealed
}

// SweepRequest is for [AdminStore.Sweep].
type SweepRequest struct {
	Limit          int
	RevokedFor     time.Duration
	RevocationsFor time.Duration
	EventsFor      time.Duration
}
