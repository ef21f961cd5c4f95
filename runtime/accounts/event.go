package accounts

import (
	"log/slog"
	"time"
)

// EventType is the kind of an event.
type EventType string

// The types of events. There is exactly one event of the first group for each
// transition of an account; the second group reports what changed no account.
const (
	EventCreated            EventType = "created"
	EventConnected          EventType = "connected" // also a consent to an account that was active
	EventVerifying          EventType = "verifying"
	EventVerificationFailed EventType = "verification_failed"
	EventExpired            EventType = "expired"
	EventReauthorization    EventType = "reauthorization_required"
	EventDisconnected       EventType = "disconnected"

	EventDenied           EventType = "denied"            // the user denied access; nothing changed
	EventIdentityMismatch EventType = "identity_mismatch" // security: tokens for a different Close user
	EventLinkMisused      EventType = "link_misused"      // security: another user opened or finished a link
	EventRevocationFailed EventType = "revocation_failed" // a grant could not be ended at Close in time; end it there
	EventHealth           EventType = "connection_health"
)

// Event reports a change of an account or a connection.
type Event struct {
	ID        int64 // grows with time; set by the store
	At        time.Time
	Type      EventType
	Key       Key // only the connection is set when it is about a whole connection
	AccountID string
	From, To  State // equal when the state did not change
	Reason    Reason
	Actor     string // who caused it: "host", "admin", "user", "provider", "system"
}

// LogValue logs the parts.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(slog.String("type", string(e.Type)), slog.Any("account", e.Key), slog.String("from", string(e.From)),
		slog.String("to", string(e.To)), slog.String("reason", string(e.Reason)), slog.String("actor", e.Actor))
}

// EventFilter selects events. Empty fields select all.
type EventFilter struct {
	Tenant     string
	Identifier string
	Connection string
	After      int64 // id of the last event of the page before
	Limit      int   // 0 means 100
}
