package accounts

import (
	"context"
	"errors"

	"github.com/closekit/closekit"
)

// reading is a record and when it was asked for.
type reading struct {
	Record
	at instant
}

// load reads an account with a timeout of its own.
func (m *Manager) load(ctx context.Context, key Key) (reading, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	at := m.now()
	rec, err := m.store.Load(ctx, key)
	return reading{rec, at}, err
}

// reload reads an account and publishes its token. An error says why the account
// has no token.
func (m *Manager) reload(ctx context.Context, e *entry) (Record, error) {
	r, err := m.load(ctx, e.key)
	switch {
	case errors.Is(err, ErrNotFound):
		e.token.Store(nil)
		return r.Record, &AuthorizationRequiredError{Key: e.key, State: Pending}
	case err != nil && ctx.Err() != nil:
		return r.Record, context.Cause(ctx)
	case err != nil:
		return r.Record, &TemporarilyUnavailableError{Key: e.key, Kind: StoreTrouble}
	}
	return r.Record, m.publish(e, r)
}

// stateError is what a caller is told about an account that has no token for
// it.
func stateError(r Record) error {
	switch {
	case r.State == Verifying:
		return &VerificationRequiredError{r.Key}
	case (r.State == Active || r.State == Expired) && r.Reason == IdentityMismatch:
		return &IdentityMismatchError{r.Key}
	case r.State == Active, r.State == Expired && r.Reason != NoRefreshToken:
		return nil
	}
	return &AuthorizationRequiredError{r.Key, r.State, r.Reason}
}

// publish is step 8: it makes the token of a record the one that callers get.
// The token may have ended. A reading that is older than what was published
// changes nothing.
func (m *Manager) publish(e *entry, r reading) error {
	if !e.advance(r.Generation, r.at, m.now()) {
		return nil
	}
	if err := stateError(r.Record); err != nil {
		e.token.Store(nil)
		return err
	}
	old := e.token.Load()
	left, life := r.Expires.Sub(r.Now), r.Expires.Sub(r.Refreshed)
	t := &token{
		generation: r.Generation, attempt: r.LastAttempt, deadline: r.at.add(left - floorOf(life)), end: r.at.add(left), life: life,
	}
	t.check.Store(r.at.add(checkEvery).mono)
	t.trusted = r.at.add(trustTime).mono
	if old != nil && old.generation == r.Generation && old.attempt == r.LastAttempt {
		t.access, t.cred = old.access, old.cred
		t.deadline.mono, t.end.mono = min(t.deadline.mono, old.deadline.mono), min(t.end.mono, old.end.mono)
	} else {
		p, err := openPair(m.vault, r.Tokens, AssociatedData(r.Key, r.ID, PurposeTokens, r.Generation))
		if err != nil {
			return m.sealError(r.Record)
		}
		if p.access.IsZero() {
			return nil // there is nothing to hand out, and nothing wrong
		}
		t.access, t.cred = p.access, closekit.BearerCredential(p.access.Reveal())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cur := e.token.Load()
	if e.fence != r.Generation || cur != old && cur != nil && cur.generation >= r.Generation {
		return nil // the vault took its time, and something newer happened
	}
	e.token.Store(t)
	return nil
}

// sealError logs that the tokens of a record cannot be opened, and is what
// callers are told.
func (m *Manager) sealError(rec Record) error {
	m.log.Error("stored tokens cannot be opened", "account", rec.Key, "key_id", rec.Tokens.KeyID)
	return &SealError{rec.Key, rec.Tokens.KeyID}
}
