package accounts

import (
	"errors"
	"fmt"
	"time"
)

// What can go wrong, for errors.Is. Each error type below is one of them.
var (
	ErrAuthorizationRequired  = errors.New("authorization required")
	ErrVerificationRequired   = errors.New("verification required")
	ErrTemporarilyUnavailable = errors.New("temporarily unavailable")
	ErrConnectionConfig       = errors.New("connection misconfigured")
	ErrIdentityMismatch       = errors.New("identity mismatch")
	ErrProviderRejected       = errors.New("provider rejected a fresh token")
	ErrSeal                   = errors.New("stored tokens cannot be opened")
)

// AccountError is what all errors about an account have in common. None of
// them holds a secret, a link or a text of the provider in any field, so that
// they may be logged and shown to a model.
type AccountError interface {
	error
	// Retryable reports whether the same call may work later without anybody
	// doing anything.
	Retryable() bool
	// UserAction says what somebody can do about it.
	UserAction() Action
}

// AuthorizationRequiredError says that the user must authorize: the account is
// Pending, Revoked or Disconnected, or Expired without a way to renew it. Get a
// link with [Manager.AuthorizationLink] and give it to that user only.
type AuthorizationRequiredError struct {
	Key    Key
	State  State
	Reason Reason
}

// Error says which connection needs its user, and why.
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

// VerificationRequiredError says that somebody consented and that the host has
// not confirmed yet that it was the right person (see [Manager.ConfirmUser]).
type VerificationRequiredError struct{ Key Key }

// Error says which connection waits.
func (e *VerificationRequiredError) Error() string {
	return fmt.Sprintf("the connection at %q waits for its user to be verified", e.Key.connection)
}

// Is matches [ErrVerificationRequired].
func (e *VerificationRequiredError) Is(target error) bool { return target == ErrVerificationRequired }

// Retryable is true: the host may confirm at any time.
func (e *VerificationRequiredError) Retryable() bool { return true }

// UserAction is [Wait].
func (e *VerificationRequiredError) UserAction() Action { return Wait }

// TemporarilyUnavailableError says that there is no valid token, and that it
// could not be renewed for a reason that passes.
type TemporarilyUnavailableError struct {
	Key        Key
	RetryAfter time.Duration // zero if nobody knows
	Kind       FailureKind
}

// Error says what kind of trouble it is and how long to wait.
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

// ConnectionConfigError says that the provider refuses the connection's own
// client id or secret. Users can do nothing about it, and no account changes.
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

// IdentityMismatchError says that tokens of another Close user or organization
// came than the account is bound to, and are not used. Those of a renewal are
// kept aside until somebody decides (see [Manager.AcceptIdentity]). Those of a
// consent are not kept; with [NewIdentity] another consent makes the account that
// of the other user.
type IdentityMismatchError struct{ Key Key }

// Error names the connection.
func (e *IdentityMismatchError) Error() string {
	return fmt.Sprintf("tokens of another Close user or organization came than the account at %q is bound to; they are not used until somebody decides", e.Key.connection)
}

// Is matches [ErrIdentityMismatch].
func (e *IdentityMismatchError) Is(target error) bool { return target == ErrIdentityMismatch }

// Retryable is false.
func (e *IdentityMismatchError) Retryable() bool { return false }

// UserAction is [CallOperator].
func (e *IdentityMismatchError) UserAction() Action { return CallOperator }

// ProviderRejectedError says that a token which was renewed a moment ago was
// refused again. With Close it may mean that the user is not permitted to do
// what was asked. If the user has ended the access since, that shows a minute
// after the renewal.
type ProviderRejectedError struct {
	Key    Key
	Status int
}

// Error names the connection and the status.
func (e *ProviderRejectedError) Error() string {
	return fmt.Sprintf("a freshly renewed token of the account at %q was refused with status %d; the user may lack the permission, or has just ended the access, which shows within a minute", e.Key.connection, e.Status)
}

// Is matches [ErrProviderRejected].
func (e *ProviderRejectedError) Is(target error) bool { return target == ErrProviderRejected }

// Retryable is false.
func (e *ProviderRejectedError) Retryable() bool { return false }

// UserAction is [NoAction].
func (e *ProviderRejectedError) UserAction() Action { return NoAction }

// SealError says that what is stored for an account cannot be opened: the key
// is missing or wrong, or the row was tampered with. It is never taken for a
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

// FlowFailedError says that an authorization led to no tokens. The account is as
// it was; the user begins again.
type FlowFailedError struct {
	Key Key
	// Reason is [UserDenied] if the user said no, [HostDisconnect] if the account
	// was disconnected meanwhile, and empty otherwise.
	Reason Reason
	// Kind says what came of the exchange of the code: [GrantRefused] for a code
	// that was used, has lapsed or belongs to somebody else, [NotSent],
	// [InDoubt] or [ProviderTrouble] if there was no proper answer. Empty if the
	// code was never exchanged.
	Kind FailureKind
}

// Error names the connection and what went wrong.
func (e *FlowFailedError) Error() string {
	why := "the provider sent no code"
	switch {
	case e.Reason == UserDenied:
		why = "the user did not allow it"
	case e.Reason == HostDisconnect:
		why = "it was disconnected meanwhile"
	case e.Kind == GrantRefused:
		why = "the code is not valid any more"
	case e.Kind != "":
		why = "the provider could not be asked (" + string(e.Kind) + ")"
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
