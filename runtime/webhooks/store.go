package webhooks

import (
	"context"
	"errors"
	"time"
)

// Retention is how long marks are kept: Close repeats a delivery for 72 hours.
const Retention = 73 * time.Hour

// Errors of stores and of [Once] functions.
var (
	// ErrBusy reports that the event is being handled at this moment, by this or another
	// process. The receiver responds with 503, and Close repeats the delivery.
	ErrBusy = errors.New("webhooks: the event is being handled already")
	// ErrNotFound reports that a store does not have a subscription.
	ErrNotFound = errors.New("webhooks: the subscription is not known")
)

// Mark names an event in a store; see [Delivery.Mark].
type Mark struct{ Tenant, Event string }

// Claim is the answer of [Store.Claim].
type Claim int

// The answers.
const (
	Claimed Claim = iota // the caller handles the event
	Handled              // it was handled before
	Busy                 // another claim of it is in force
)

// Row is a subscription in a store.
type Row struct {
	ID           string // whsub_…
	Tenant       string
	Organization string // id of the organization in Close
	URL          string
	Sealed       []byte // the signature key, sealed by the vault
	KeyID        uint32 // id of the vault's key that sealed it
}

// Store keeps marks, subscriptions and checkpoints. [NewMemory] is one, the packages
// sqlitestore and pgstore have others, and package storetest checks a store of your own.
// Implementations are safe for concurrent use, and a change is durable when its method
// returns.
type Store interface {
	// Claim claims an event for the time of the lease. The token tells claims apart: a claim
	// that ran out can be taken over. One that was made in the future, by a clock that was
	// set back since, has run out.
	Claim(ctx context.Context, m Mark, token string, lease time.Duration) (Claim, error)
	// Finish marks a claimed event as handled. If the claim with the token is gone, it
	// does nothing but marking: the function did run.
	Finish(ctx context.Context, m Mark, token string) error
	// Release removes a claim: the function failed. It does nothing if the claim with the
	// token is not in force.
	Release(ctx context.Context, m Mark, token string) error
	// Prune removes the marks that are older than a moment, and returns how many. Stores
	// also do this by themselves, with [Retention].
	Prune(ctx context.Context, before time.Time) (int, error)

	// SaveSubscription inserts or replaces a subscription by its id.
	SaveSubscription(ctx context.Context, r Row) error
	// Subscription returns a subscription, or ErrNotFound.
	Subscription(ctx context.Context, id string) (Row, error)
	// Subscriptions returns those of a tenant, or all if the tenant is empty, in the order
	// of their ids.
	Subscriptions(ctx context.Context, tenant string) ([]Row, error)
	// DeleteSubscription removes a subscription, if it is there.
	DeleteSubscription(ctx context.Context, id string) error

	// Checkpoint returns how far the event log was read, and the zero time if it never was.
	Checkpoint(ctx context.Context, name string) (time.Time, error)
	// SaveCheckpoint keeps a checkpoint, unless a later one is there.
	SaveCheckpoint(ctx context.Context, name string, at time.Time) error
}
