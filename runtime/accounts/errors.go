package accounts

import (
	"errors"
	"fmt"
	"time"
)

// Sentinel errors for errors.Is. Each error type below matches one of them.
var (
	ErrAuthorizationRequired  = errors.New("authorization required")
	ErrVerificationRequired   = errors.New("verification required")
	ErrTemporarilyUnavailable = errors.New("temporarily unavailable")
	ErrConnectionConfig       = errors.New("connection misconfigured")
	ErrIdentityMismatch       = errors.New("identity mismatch")
	ErrProviderRejected       = errors.New("provider rejected a fresh token")
	ErrSeal                   = errors.New("stored tokens cannot be opened")
)

// AccountError is implemented by all errors about an account. None of them
// contains a link, a token or provider text in any field, so all are safe to log
// and to show to a model.
type AccountError interface {
	error
	// Retryable reports whether the same call may succeed later without any
	// action.
	Retryable() bool
	// UserAction returns how to recover.
	UserAction() Action
}

// AuthorizationRequiredError means that the user must authorize: the account is
// Pending, Revoked or Disconnected, or Expired without a way to renew it. Get a
// link with [Manager.AuthorizationLink] and give it to that user only.
type AuthorizationRequiredError struct {
	Key    Key
	State  State
	Reason Reason
}

// Error names the connection, the state and the reason.
func (e *AuthorizationRequiredError) Error() string {
	msg := fmt.Sprintf("the user must connect the account at %q: it is %s", e.Key.connection, e.State)
	if e.Reason != "" {
		msg += " (" + string(e.Reason) + ")"
	}
	return msg
}

// Is matches [ErrAuthorizationRequired].
func (e *AuthorizationRequiredError) Is(target error) bool { return target == ErrAuthorizationRequired }

// Retryable is false.
func (e *AuthorizationRequiredError) Retryable() bool { return false }

// UserAction is [Reconnect].
func (e *AuthorizationRequiredError) UserAction() Action { return Reconnect }

// VerificationRequiredError means that a user consented and the host has not yet
// confirmed that it was the right user (see [Manager.ConfirmUser]).
type VerificationRequiredError struct{ Key Key }

// Error names the connection.
func (e *VerificationRequiredError) Error() string {
	return fmt.Sprintf("the account at %q waits for the host to confirm its user", e.Key.connection)
}

// Is matches [ErrVerificationRequired].
func (e *VerificationRequiredError) Is(target error) bool { return target == ErrVerificationRequired }

// Retryable is true: the host may confirm at any time.
func (e *VerificationRequiredError) Retryable() bool { return true }

// UserAction is [Wait].
func (e *VerificationRequiredError) UserAction() Action { return Wait }

// TemporarilyUnavailableError means that there is no valid token, and that
// renewing it failed for a temporary reason.
type TemporarilyUnavailableError struct {
	Key        Key
	RetryAfter time.Duration // zero if unknown
	Kind       FailureKind
}

// Error names the kind of failure and how long to wait.
func (e *TemporarilyUnavailableError) Error() string {
	msg := fmt.Sprintf("the account at %q is temporarily unavailable (%s)", e.Key.connection, e.Kind)
	if e.RetryAfter >= time.Second/2 {
		msg += fmt.Sprintf("; try again in %v", e.RetryAfter.Round(time.Second))
	}
	return msg
}

// Is matches [ErrTemporarilyUnavailable].
func (e *TemporarilyUnavailableError) Is(target error) bool {
	return target == ErrTemporarilyUnavailable
}

// Retryable is true.
func (e *TemporarilyUnavailableError) Retryable() bool { return true }

// UserAction is [Wait].
func (e *TemporarilyUnavailableError) UserAction() Action { return Wait }

// ConnectionConfigError means that the provider refuses the connection's client
// id or secret. Users cannot recover from it, and no account changes.
type ConnectionConfigError struct {
	Connection string
	Code       string // an error code of RFC 6749, from a fixed list
}

// Error names the connection and the code.
func (e *ConnectionConfigError) Error() string {
	return fmt.Sprintf("the provider refuses the configuration of connection %q (%s); the operator must check its client id and secret", e.Connection, e.Code)
}

// Is matches [ErrConnectionConfig].
func (e *ConnectionConfigError) Is(target error) bool { return target == ErrConnectionConfig }

// Retryable is false.
func (e *ConnectionConfigError) Retryable() bool { return false }

// UserAction is [CallOperator].
func (e *ConnectionConfigError) UserAction() Action { return CallOperator }

// IdentityMismatchError means that the provider issued tokens for a different
// Close user or organization than the account is bound to. They are not used.
// Those of a renewal are kept until an operator accepts them (see
// [Manager.AcceptIdentity]) or the user connects again. Those of a consent are
// not kept; with [NewIdentity] another consent binds the account to the other
// user.
type IdentityMismatchError struct{ Key Key }

// Error names the connection.
func (e *IdentityMismatchError) Error() string {
	return fmt.Sprintf("received tokens for a different Close user or organization than account %q is bound to; an operator must accept or reject them", e.Key.connection)
}

// Is matches [ErrIdentityMismatch].
func (e *IdentityMismatchError) Is(target error) bool { return target == ErrIdentityMismatch }

// Retryable is false.
func (e *IdentityMismatchError) Retryable() bool { return false }

// UserAction is [CallOperator].
func (e *IdentityMismatchError) UserAction() Action { return CallOperator }

// ProviderRejectedError means that a token which was just renewed was rejected
// again. Close may do that when the user lacks the permission for a call. If the
// user has ended the access since, that is detected a minute after the renewal.
type ProviderRejectedError struct {
	Key    Key
	Status int
}

// Error names the connection and the status.
func (e *ProviderRejectedError) Error() string {
	return fmt.Sprintf("a freshly renewed token of the account at %q was rejected with status %d; the user may lack the permission, or has just ended the access, which is detected within a minute", e.Key.connection, e.Status)
}

// Is matches [ErrProviderRejected].
func (e *ProviderRejectedError) Is(target error) bool { return target == ErrProviderRejected }

// Retryable is false.
func (e *ProviderRejectedError) Retryable() bool { return false }

// UserAction is [NoAction].
func (e *ProviderRejectedError) UserAction() Action { return NoAction }

// SealError means that the stored tokens of an account cannot be opened: the key
// is missing or wrong, or the row was tampered with. It is never treated as a
// revocation.
type SealError struct {
	Key   Key
	KeyID uint32
}

// Error names the connection and the id of the key.
func (e *SealError) Error() string {
	return fmt.Sprintf("the stored tokens of the account at %q cannot be opened or sealed with key %08x; the operator must check the vault", e.Key.connection, e.KeyID)
}

// Is matches [ErrSeal].
func (e *SealError) Is(target error) bool { return target == ErrSeal }

// Retryable is false.
func (e *SealError) Retryable() bool { return false }

// UserAction is [CallOperator].
func (e *SealError) UserAction() Action { return CallOperator }

// FlowFailedError means that an authorization led to no tokens. The account is
// unchanged; the user starts again.
type FlowFailedError struct {
	Key Key
	// Reason is [UserDenied] if the user denied access, [HostDisconnect] if the
	// account was disconnected meanwhile, and empty otherwise.
	Reason Reason
	// Kind is how the exchange of the code failed: [GrantRefused] for a code that
	// was used, has lapsed or belongs to another authorization, [NotSent],
	// [InDoubt] or [ProviderTrouble] without a proper response. Empty if the code
	// was never exchanged.
	Kind FailureKind
}

// Error names the connection and what went wrong.
func (e *FlowFailedError) Error() string {
	why := "the provider sent no code"
	switch {
	case e.Reason == UserDenied:
		why = "the user denied access"
	case e.Reason == HostDisconnect:
		why = "the account was disconnected meanwhile"
	case e.Kind == GrantRefused:
		why = "the code is no longer valid"
	case e.Kind != "":
		why = "the provider could not be reached (" + string(e.Kind) + ")"
	}
	return fmt.Sprintf("the authorization of the account at %q could not be completed: %s", e.Key.connection, why)
}

// Is matches [ErrFlowFailed].
func (e *FlowFailedError) Is(target error) bool { return target == ErrFlowFailed }

// Retryable is false: a code works once.
func (e *FlowFailedError) Retryable() bool { return false }

// UserAction is [Reconnect].
func (e *FlowFailedError) UserAction() Action { return Reconnect }

var (
	_ AccountError = (*FlowFailedError)(nil)
	_ AccountError = (*AuthorizationRequiredError)(nil)
	_ AccountError = (*VerificationRequiredError)(nil)
	_ AccountError = (*TemporarilyUnavailableError)(nil)
	_ AccountError = (*ConnectionConfigError)(nil)
	_ AccountError = (*IdentityMismatchError)(nil)
	_ AccountError = (*ProviderRejectedError)(nil)
	_ AccountError = (*SealError)(nil)
)
