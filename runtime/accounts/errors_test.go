package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	key := user("ada").Key(conName)
	for _, c := range []struct {
		err       AccountError
		is        error
		retryable bool
		action    Action
	}{
		{&AuthorizationRequiredError{key, Revoked, InvalidGrant}, ErrAuthorizationRequired, false, Reconnect},
		{&VerificationRequiredError{key}, ErrVerificationRequired, true, Wait},
		{&TemporarilyUnavailableError{key, time.Minute, Busy}, ErrTemporarilyUnavailable, true, Wait},
		{&ConnectionConfigError{conName, "invalid_client"}, ErrConnectionConfig, false, CallOperator},
		{&IdentityMismatchError{key}, ErrIdentityMismatch, false, CallOperator},
		{&ProviderRejectedError{key, 401}, ErrProviderRejected, false, NoAction},
		{&SealError{key, 7}, ErrSeal, false, CallOperator},
	} {
		wrapped := fmt.Errorf("close_me_get: %w", c.err)
		if !errors.Is(wrapped, c.is) || c.err.Retryable() != c.retryable || c.err.UserAction() != c.action {
			t.Errorf("%T: %v, retryable %v, action %v", c.err, wrapped, c.err.Retryable(), c.err.UserAction())
		}
		if text := c.err.Error(); strings.Contains(text, "http") || strings.Contains(text, "ada") || text != strings.ToLower(text[:1])+text[1:] {
			t.Errorf("%T says %q", c.err, text)
		}
	}
}
