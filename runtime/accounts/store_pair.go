package accounts

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// storePair is steps 6 and 7: it seals a new pair, journals it and commits it.
// Nothing in here may lose it. Sent is when the request was sent.
func (a *attempt) storePair(ctx context.Context, r tokenResponse, sent instant) (*reading, error) {
	m, rec := a.m, a.rec
	if rec.Failure == GrantRefused || a.c.healthNow().State == HealthConfigError {
		defer m.setHealth(ctx, a.c, HealthOK, "") // after the pair is stored
	}
	if rec.UserID != "" && r.user != "" && r.user != rec.UserID || rec.OrganizationID != "" && r.org != "" && r.org != rec.OrganizationID {
		return nil, a.quarantine(ctx, r)
	}
	tokens, err := a.seal(r.pair, sent)
	if err != nil {
		a.count(OutcomeSealError)
		return nil, &SealError{rec.Key, rec.Tokens.KeyID}
	}
	gone := m.now().since(sent)
	q := CommitRequest{
		Key: rec.Key, Generation: rec.Generation, Epoch: rec.Epoch, Attempt: rec.Attempt, Tokens: tokens, NoRefresh: r.pair.refresh.IsZero(),
		OrganizationID: cmp.Or(r.org, rec.OrganizationID), UserID: cmp.Or(r.user, rec.UserID),
		ExpiresIn: max(r.expiresIn-gone, 0), DueIn: max(m.nextDue(r, a.idle)-gone, 0),
		Note: Note{Type: EventConnected, Actor: "system"},
	}
	synced, err := m.journal.add(rec, q, time.Now())
	if err := a.reach(ctx, failpoint.Sealed); err != nil {
		return nil, err
	}
	if err == nil {
		err = synced()
	}
	if err != nil {
		m.log.ErrorContext(ctx, "the journal cannot be written", "account", rec.Key, "error", err) // the commit may still work
	}
	if err := a.reach(ctx, failpoint.Journaled); err != nil {
		return nil, err
	}
	return a.commitPair(ctx, q)
}

// seal seals a pair for the next generation, and tries for a minute.
func (a *attempt) seal(p pair, since instant) (Sealed, error) {
	ad := AssociatedData(a.rec.Key, a.rec.ID, PurposeTokens, a.rec.Generation+1)
	for wait := a.m.cfg.backoff; ; wait *= 2 {
		s, err := sealPair(a.m.vault, p, ad)
		if err == nil || a.m.now().since(since) > commitTime {
			return s, err
		}
		sleep(wait)
	}
}

// commitPair commits a sealed pair, and deals with one that came too late. It
// returns what the row holds then.
func (a *attempt) commitPair(ctx context.Context, q CommitRequest) (*reading, error) {
	m := a.m
	row, fate := m.commit(ctx, q)
	if fate == commitFailed {
		a.count(OutcomeStoreError)
		m.log.ErrorContext(ctx, "new tokens could not be stored", "account", q.Key, "journal", m.journal != nil)
		return nil, m.unavailable(q.Key, StoreTrouble, time.Second)
	}
	if fate != committed {
		a.keepLate(ctx, q, row.Record, fate)
		a.count(OutcomeAdopted)
		return &row, nil
	}
	if err := a.reach(ctx, failpoint.Committed); err != nil {
		return nil, err
	}
	if a.rec.Doubts > 0 {
		a.count(OutcomeReplayedOK)
	} else {
		a.count(OutcomeRenewed)
	}
	return &row, nil
}

// keepLate does what is right with a pair that was not committed.
func (a *attempt) keepLate(ctx context.Context, q CommitRequest, row Record, fate commitFate) {
	m, rec := a.m, a.rec
	if row.Epoch != q.Epoch { // disconnected: end it at the provider too
		m.queueRevocation(ctx, a.c, rec, q)
		return
	}
	if row.Grant != rec.Grant || fate == supersededOrCommitted && row.Generation != q.Generation+1 {
		return // a newer consent, or perhaps ours and others since
	}
	// Another renewal: keep ours, in case theirs is refused.
	p, err := openPair(m.vault, q.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, q.Generation+1))
	if err != nil {
		return
	}
	s, err := sealPair(m.vault, p, AssociatedData(rec.Key, rec.ID, PurposeFallback, q.Generation+1))
	if err != nil {
		return
	}
	err = m.store.Stash(ctx, q.Key, rec.Grant, Stash{Sealed: s, Purpose: PurposeFallback, Generation: q.Generation + 1, TTL: fallbackTime})
	if err != nil && !errors.Is(err, ErrConflict) {
		m.log.WarnContext(ctx, "a spare pair could not be stored", "account", q.Key)
	}
}

// quarantine keeps the tokens of another Close user or organization aside and
// tells the operator. They are the only copy, so that it tries as long as a
// commit does.
func (a *attempt) quarantine(ctx context.Context, r tokenResponse) error {
	m, rec := a.m, a.rec
	defer a.count(OutcomeMismatch)
	for start := m.now(); ; {
		s, err := sealIdentity(m.vault, r, AssociatedData(rec.Key, rec.ID, PurposeQuarantine, rec.Generation+1))
		if err != nil {
			err = &SealError{rec.Key, rec.Tokens.KeyID}
		} else if _, err = a.tryRelease(ctx, func(q *ReleaseRequest) {
			q.Reason = IdentityMismatch
			q.Stash = &Stash{Sealed: s, Purpose: PurposeQuarantine, Generation: rec.Generation + 1, TTL: 30 * fallbackTime}
			q.Note = Note{Type: EventIdentityMismatch, Actor: "provider", Always: true}
		}); err == nil || errors.Is(err, ErrConflict) {
			break
		}
		if m.now().since(start) > commitTime {
			m.log.ErrorContext(ctx, "received tokens for another Close user or organization, and could not store them", "account", rec.Key)
			return err
		}
		sleep(time.Second)
	}
	m.entry(rec.Key).token.Store(nil)
	m.log.ErrorContext(ctx, "received tokens for another Close user or organization", "account", rec.Key)
	return &IdentityMismatchError{rec.Key}
}
