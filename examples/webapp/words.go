package main

import (
	"errors"

	"github.com/closekit/closekit/runtime/accounts"
)

// describe says what the state of an account means to its user.
func describe(info accounts.Info) string {
	switch info.State {
	case accounts.Pending:
		return "No Close account is connected yet."
	case accounts.Verifying:
		return "The connection was allowed from a link. Confirm it in that browser within ten minutes, or begin again here."
	case accounts.Active:
		return "Your Close account is connected."
	case accounts.Expired:
		if info.Reason == accounts.NoRefreshToken {
			return "The connection has ended, and Close gave nothing to renew it with. Connect again."
		}
		return "The connection is interrupted. It is being tried again; there is nothing you need to do."
	case accounts.Revoked:
		return "Close has ended the connection, or a user revoked it there. Connect again."
	case accounts.Disconnected:
		return "You disconnected your Close account. Nothing is kept of it here."
	}
	return "The state of the connection is not known."
}

// explain says what an error of a call to Close means to the user, and what to
// do about it.
func explain(err error) string {
	var away *accounts.TemporarilyUnavailableError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, accounts.ErrAuthorizationRequired):
		return "To see your leads, connect your Close account."
	case errors.Is(err, accounts.ErrVerificationRequired):
		return "Your leads are shown as soon as the connection is confirmed."
	case errors.As(err, &away) && away.RetryAfter > 0:
		return "Close does not answer right now. Try again in " + away.RetryAfter.String() + "."
	case errors.Is(err, accounts.ErrTemporarilyUnavailable):
		return "Close does not answer right now. Try again in a moment."
	case errors.Is(err, accounts.ErrConnectionConfig):
		return "Close refuses this program as a whole. Connecting again does not help; its operator must act."
	case errors.Is(err, accounts.ErrIdentityMismatch):
		return "Close answered as another user than the one who is connected. The operator must look at it."
	case errors.Is(err, accounts.ErrProviderRejected):
		return "Close refused this, although the connection works. Perhaps you may not see leads there."
	case errors.Is(err, accounts.ErrSeal):
		return "What is stored of your connection cannot be read. The operator must look at it."
	}
	return "Your leads could not be fetched from Close. Try again in a moment."
}

// returned says how a consent ended. Any page can write this parameter into an
// address, so it must not be taken for the state of the account.
func returned(status string, state accounts.State) string {
	switch {
	case status == "connected" && state == accounts.Active:
		return "That worked."
	case status == "denied":
		return "You did not allow the connection. Nothing was changed."
	case status == "mismatch":
		return "You signed in to Close as a different user than before, so nothing was changed. To connect that account, disconnect this one first."
	case status == "failed":
		return "The connection was not completed, and nothing was changed. Try again."
	}
	return ""
}
