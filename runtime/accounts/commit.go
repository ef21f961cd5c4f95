package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// land stores a new pair. Nothing in here may lose it.
func (r *run) land(ctx context.Context, a answer, sent instant) error {
	m, rec := r.m, r.rec
	if r.rec.Failure == GrantRefused || r.c.healthNow().State == HealthConfigError {
		defer m.setHealth(ctx, r.c, HealthOK, "") // after the pair is safe
	}
	if rec.UserID != "" && a.user != "" && a.user != rec.UserID || rec.OrganizationID != "" && a.org != "" && a.org != rec.OrganizationID {
		return r.quarantine(ctx, a)
	}
	q := CommitRequest{
		Key: rec.Key, Generation: rec.Generation, Epoch: rec.Epoch, Attempt: rec.Attempt, NoRefresh: a.pair.refresh.IsZero(),
		OrganizationID: first(a.org, rec.OrganizationID), UserID: first(a.user, rec.UserID),
		Note: Note{Type: EventConnected, Actor: "system"},
	}
	var err error
	for wait := m.cfg.backoff; ; wait *= 2 {
		q.Tokens, err = sealPair(m.vault, a.pair, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1))
		if err == nil || m.now().since(sent) > commitTime || !m.pauseAnyhow(wait) {
			break
		}
	}
	if err != nil {
		m.count(r, OutcomeSealError)
		return &SealError{rec.Key, rec.Tokens.KeyID}
	}
	q.ExpiresIn = max(a.expiresIn-m.now().since(sent), 0)
	q.DueIn = m.nextDue(a, r.idle) - m.now().since(sent)
	q.DueIn = max(q.DueIn, 0)
	synced, err := m.journal.add(rec, q, time.Now())
	if err := failpoint.Hit(ctx, failpoint.Sealed); err != nil {
		return m.unavailable(rec.Key, InDoubt, 0)
	}
	if err == nil {
		err = synced()
	}
	if err != nil {
		m.log.ErrorContext(ctx, "the journal cannot be written", "account", rec.Key, "error", err) // the commit may still work
	}
	if err := failpoint.Hit(ctx, failpoint.Journaled); err != nil {
		return m.unavailable(rec.Key, InDoubt, 0)
	}
	return r.commit(ctx, q)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// commit stores a sealed pair, tries for a minute, and finds out what became of
// a commit whose outcome is unknown.
func (r *run) commit(ctx context.Context, q CommitRequest) error {
	m := r.m
	start := m.now()
	unknown := false
	for wait := m.cfg.backoff; ; wait *= 2 {
		read := m.now()
		rec, err := m.tryCommit(ctx, q)
		if err == nil {
			return r.committed(ctx, q, rec, read)
		}
		read = m.now()
		cur, loadErr := m.load(ctx, q.Key)
		unknown = unknown || !errors.Is(err, ErrConflict)
		switch {
		case loadErr == nil && cur.LastAttempt == q.Attempt && cur.Generation == q.Generation+1:
			return r.committed(ctx, q, cur, read) // it was ours
		case loadErr == nil && (cur.Generation != q.Generation || cur.Epoch != q.Epoch):
			return r.lost(ctx, q, cur, read, unknown)
		}
		if m.now().since(start) > commitTime {
			m.count(r, OutcomeStoreError)
			m.log.ErrorContext(ctx, "new tokens could not be stored", "account", q.Key, "journal", m.journal != nil)
			return m.unavailable(q.Key, StoreTrouble, time.Second)
		}
		m.pauseAnyhow(wait)
		elapsed := m.now().since(read)
		q.ExpiresIn, q.DueIn = max(q.ExpiresIn-elapsed, 0), max(q.DueIn-elapsed, 0)
	}
}

func (m *Manager) tryCommit(ctx context.Context, q CommitRequest) (Record, error) {
	if err := failpoint.Hit(ctx, failpoint.Commit); err != nil {
		return Record{}, err
	}
	// A running commit is not cancelled by anybody but this timeout.
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return m.store.Commit(ctx, q)
}

// committed publishes what is durable now.
func (r *run) committed(ctx context.Context, q CommitRequest, rec Record, read instant) error {
	m := r.m
	m.journal.done(q.Key, q.Generation, time.Now())
	if err := failpoint.Hit(ctx, failpoint.Committed); err != nil {
		return m.unavailable(q.Key, InDoubt, 0)
	}
	outcome := OutcomeRenewed
	if r.rec.Doubts > 0 {
		outcome = OutcomeReplayedOK
	}
	m.count(r, outcome)
	_, err := m.publish(m.entry(q.Key), rec, read)
	_ = failpoint.Hit(ctx, failpoint.Published) // nothing is left to fail
	return err
}

// lost deals with a pair that came too late.
func (r *run) lost(ctx context.Context, q CommitRequest, cur Record, read instant, unknown bool) error {
	m := r.m
	m.journal.done(q.Key, q.Generation, time.Now())
	switch {
	case cur.Epoch != q.Epoch: // disconnected: end it at the provider too
		m.queueRevocation(ctx, r.c, r.rec, q)
	case cur.Grant != r.rec.Grant, unknown && cur.Generation != q.Generation+1: // a newer consent, or perhaps ours and others since
	default: // another renewal: keep ours, in case theirs is refused
		p, err := openPair(m.vault, q.Tokens, AssociatedData(r.rec.Key, r.rec.ID, PurposeTokens, q.Generation+1))
		if err != nil {
			break
		}
		s, err := sealPair(m.vault, p, AssociatedData(r.rec.Key, r.rec.ID, PurposeFallback, q.Generation+1))
		if err != nil {
			break
		}
		err = m.store.Stash(ctx, q.Key, r.rec.Grant, Stash{Sealed: s, Purpose: PurposeFallback, Generation: q.Generation + 1, TTL: fallbackTime})
		if err != nil && !errors.Is(err, ErrConflict) {
			m.log.WarnContext(ctx, "a spare pair could not be stored", "account", q.Key)
		}
	}
	m.count(r, OutcomeAdopted) // the host's code, so after the pair is safe
	_, err := m.publish(m.entry(q.Key), cur, read)
	return err
}

// quarantine keeps tokens of somebody else aside and tells the operator.
func (r *run) quarantine(ctx context.Context, a answer) error {
	m, rec := r.m, r.rec
	defer m.count(r, OutcomeMismatch) // the host's code, so after the pair is safe
	for start := m.now(); ; {         // it is the only copy, as with a commit
		s, err := sealIdentity(m.vault, a, AssociatedData(rec.Key, rec.ID, PurposeQuarantine, rec.Generation+1))
		if err != nil {
			err = &SealError{rec.Key, rec.Tokens.KeyID}
		} else if _, err = r.end(ctx, func(q *ReleaseRequest) {
			q.Reason = IdentityMismatch
			q.Stash = &Stash{Sealed: s, Purpose: PurposeQuarantine, Generation: rec.Generation + 1, TTL: 30 * fallbackTime}
			q.Note = Note{Type: EventIdentityMismatch, Actor: "provider", Always: true}
		}); err == nil || errors.Is(err, ErrConflict) {
			break
		}
		if m.now().since(start) > commitTime {
			m.log.ErrorContext(ctx, "tokens of another Close user or organization came, and could not be stored", "account", rec.Key)
			return err
		}
		m.pauseAnyhow(time.Second)
	}
	m.entry(rec.Key).token.Store(nil)
	m.log.ErrorContext(ctx, "tokens of another Close user or organization came", "account", rec.Key)
	return &IdentityMismatchError{rec.Key}
}

// pauseAnyhow waits even while the manager closes: there is a pair to save.
func (m *Manager) pauseAnyhow(d time.Duration) bool {
	timer := time.NewTimer(min(d, 2*time.Second))
	defer timer.Stop()
	<-timer.C
	return true
}
