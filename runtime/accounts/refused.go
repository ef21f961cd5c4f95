package accounts

import (
	"context"
	"time"
)

// unreadable ends an attempt whose refresh token cannot be opened. Another
// process may be able to, so nothing is recorded that would hold it back.
func (a *attempt) unreadable(ctx context.Context) error {
	err := a.m.sealError(a.rec)
	a.count(OutcomeSealError)
	a.release(ctx, func(q *ReleaseRequest) { q.DueIn = unreadableFor })
	return err
}

// unreadableFor is how long the scheduler leaves tokens alone that cannot be
// opened.
const unreadableFor = 5 * time.Minute

// backoff is the wait after n failures: a second to two minutes with full
// jitter, later a quarter of an hour.
func (m *Manager) backoff(n int, expired bool) time.Duration {
	if expired && n >= 12 {
		return exhaustedStep
	}
	most := time.Second << min(max(n-1, 0), 7)
	return time.Duration((0.05 + 0.95*m.cfg.jitter()) * float64(min(most, 2*time.Minute)))
}

// failed ends an attempt that failed for a reason that passes.
func (a *attempt) failed(ctx context.Context, r tokenResponse) error {
	left := a.left()
	dead := left <= a.floor()
	kind := r.kind
	if kind == BadSuccess {
		kind = InDoubt
	}
	failures := a.rec.Failures + 1
	after := max(a.m.backoff(failures, dead), r.retryAfter)
	a.count(map[FailureKind]Outcome{NotSent: OutcomeNotSent, InDoubt: OutcomeInDoubt, ProviderTrouble: OutcomeProviderError}[kind])
	if kind == InDoubt && a.rec.Doubts > 1 {
		after = left - a.floor()
		if a.why == byRejection || a.rec.Failure == RejectedInDoubt {
			kind, after = RejectedInDoubt, min(after, exhaustedStep)
		}
		if dead {
			after = exhaustedStep
		}
	}
	if kind == NotSent { // the network of this process; others need not wait
		a.m.entry(a.rec.Key).unsentUntil.Store(a.m.now().add(after).mono)
	}
	a.release(ctx, func(q *ReleaseRequest) {
		q.DueIn, q.Failures, q.Failure = after, failures, kind
		q.Troubled = q.Troubled || r.status >= 500
		if dead {
			q.State, q.Reason, q.Note = Expired, TransientExhausted, Note{Type: EventExpired, Actor: "provider"}
		}
	})
	a.m.log.InfoContext(ctx, "an account was not renewed", "account", a.rec.Key, "kind", r.kind, "status", r.status, "failures", failures, "again_in", after)
	return a.m.unavailable(a.rec.Key, kind, after)
}

// misconfigured ends an attempt that failed because of the connection. The
// account stays as it is.
func (a *attempt) misconfigured(ctx context.Context, r tokenResponse) error {
	a.m.setHealth(ctx, a.c, HealthConfigError, r.code)
	a.count(OutcomeConfigError)
	a.release(ctx, func(q *ReleaseRequest) { q.DueIn = 0 })
	return &ConnectionConfigError{a.c.Name, r.code}
}

// refused deals with invalid_grant, which is believed only after the row was
// read again: another process may have renewed it, or kept a spare pair.
func (a *attempt) refused(ctx context.Context) (*reading, error) {
	m := a.m
	if a.c.healthNow().State == HealthConfigError {
		m.setHealth(ctx, a.c, HealthOK, "") // our own credentials were accepted
	}
	row, err := m.load(ctx, a.rec.Key)
	if err != nil {
		a.count(OutcomeStoreError)
		return nil, m.unavailable(a.rec.Key, StoreTrouble, time.Second) // the lease ends the attempt
	}
	if row.Generation != a.rec.Generation { // we lost a race
		a.count(OutcomeAdopted)
		return &row, nil
	}
	f := row.Fallback
	if f.IsZero() || f.Purpose != PurposeFallback || !row.Now.Before(f.Until) {
		return a.revokeOrSuspect(ctx)
	}
	p, err := openPair(m.vault, f.Sealed, AssociatedData(row.Key, row.ID, PurposeFallback, f.Generation))
	if err != nil || p.refresh.IsZero() || !a.extend(ctx) {
		return a.revokeOrSuspect(ctx)
	}
	return a.redeem(ctx, p.refresh, true)
}

// revokeOrSuspect revokes the account, unless so many are refused that the cause
// must be the connection.
func (a *attempt) revokeOrSuspect(ctx context.Context) (*reading, error) {
	m := a.m
	health := m.freshHealth(ctx, a.c)
	suspicious := false
	if health.believes(a.rec) {
		a.c.breaker.forget() // what was accepted no longer counts
	} else if suspicious = a.c.breaker.refused(m.now().elapsed()); suspicious {
		m.setHealth(ctx, a.c, HealthSuspect, "invalid_grant")
	}
	if suspicious || health.State == HealthSuspect {
		a.count(OutcomeThrottled)
		a.release(ctx, func(q *ReleaseRequest) {
			q.DueIn, q.Failures, q.Failure = probeEvery, a.rec.Failures+1, GrantRefused
		})
		return nil, m.unavailable(a.rec.Key, Suspended, probeEvery)
	}
	reason, outcome := InvalidGrant, OutcomeGrantRefused
	if a.rec.Doubts > 0 || a.rec.Troubled || m.entry(a.rec.Key).newest.Load() > a.rec.Generation { // or the store forgot a commit
		reason, outcome = RotationLost, OutcomeRotationLost
	}
	a.count(outcome)
	row, err := a.tryRelease(ctx, func(q *ReleaseRequest) {
		q.Doubts = 0 // now it is known
		q.State, q.Reason, q.Failure, q.Note = Revoked, reason, GrantRefused, Note{Type: EventReauthorization, Actor: "provider"}
	})
	if err != nil { // nil if another process was faster, and it works
		if row, err = m.load(ctx, a.rec.Key); err != nil {
			return nil, m.unavailable(a.rec.Key, StoreTrouble, 0)
		}
		return &row, nil
	}
	if row.State == Verifying { // it goes on; what it will go back to has changed
		m.note(ctx, Event{Type: EventReauthorization, Key: row.Key, Reason: reason, Actor: "provider"})
	}
	return &row, nil
}
