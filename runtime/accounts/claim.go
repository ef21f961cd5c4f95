package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// attempt is a renewal that holds a claim.
type attempt struct {
	m       *Manager
	c       *conn
	permit  *permit
	rec     Record
	claimed instant // when the lease began
	why     cause
	start   instant
	sent    bool    // whether an end without a release leaves it in doubt
	idle    bool    // whether the account is not to be kept warm
	outcome Outcome // what was counted last
}

func newAttempt(p *permit, rec Record, claimed instant, why cause) *attempt {
	return &attempt{m: p.m, c: p.c, permit: p, rec: rec, claimed: claimed, why: why, start: p.m.now(), outcome: OutcomeNotSent}
}

// claimAndRenew is step 2 and what follows. It reports false if the account
// cannot be claimed any more: another process was faster.
func (m *Manager) claimAndRenew(ctx context.Context, p *permit, rec Record, why cause) (claimed bool, err error) {
	defer p.release()
	at := m.now()
	got, err := m.claim(ctx, rec)
	switch {
	case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, m.unavailable(rec.Key, StoreTrouble, time.Second)
	}
	return true, newAttempt(p, got, at, why).renew(ctx)
}

// claim marks the beginning of an attempt.
func (m *Manager) claim(ctx context.Context, rec Record) (Record, error) {
	if err := failpoint.Hit(ctx, failpoint.Claim); err != nil {
		return Record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return m.store.Claim(ctx, ClaimRequest{rec.Key, rec.Generation, randomID(), m.owner, leaseTime})
}

// reach is called at each step of an attempt. Where a test ends the attempt, it
// is given back as long as nothing was sent, and in doubt afterwards.
func (a *attempt) reach(ctx context.Context, step failpoint.Step) error {
	switch {
	case failpoint.Hit(ctx, step) == nil:
		return nil
	case a.sent:
		return a.m.unavailable(a.rec.Key, InDoubt, 0)
	default:
		return a.giveBack(ctx)
	}
}

// left is how long the access token is still valid.
func (a *attempt) left() time.Duration {
	return a.rec.Expires.Sub(a.rec.Now) - a.m.now().since(a.claimed)
}

// floor is the least validity of an access token that is handed out.
func (a *attempt) floor() time.Duration { return floorOf(a.rec.Expires.Sub(a.rec.Refreshed)) }

// extend goes on with the attempt under a fresh lease.
func (a *attempt) extend(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now := a.m.now()
	rec, err := a.m.store.Extend(ctx, ExtendRequest{Key: a.rec.Key, Generation: a.rec.Generation, Attempt: a.rec.Attempt, Lease: leaseTime, Doubts: a.rec.Doubts})
	if err != nil {
		return false
	}
	a.rec, a.claimed = rec, now
	return true
}

// release ends the attempt without new tokens. If that cannot be stored,
// another process that has taken over decides, or the end of the lease.
func (a *attempt) release(ctx context.Context, change func(*ReleaseRequest)) {
	if _, err := a.tryRelease(ctx, change); err != nil && !errors.Is(err, ErrConflict) {
		a.m.log.WarnContext(ctx, "the end of an attempt could not be stored", "account", a.rec.Key)
	}
}

// tryRelease is release with its result. The request starts as what the account
// is.
func (a *attempt) tryRelease(ctx context.Context, change func(*ReleaseRequest)) (r reading, err error) {
	q := ReleaseRequest{
		Key: a.rec.Key, Generation: a.rec.Generation, Attempt: a.rec.Attempt, State: a.rec.State, Reason: a.rec.Reason,
		DueIn: -1, Failures: a.rec.Failures, Failure: a.rec.Failure, Doubts: a.rec.Doubts, Troubled: a.rec.Troubled,
	}
	change(&q)
	for wait := a.m.cfg.backoff; ; wait *= 2 {
		try, cancel := context.WithTimeout(ctx, storeTimeout)
		r.at = a.m.now()
		r.Record, err = a.m.store.Release(try, q)
		cancel()
		if err == nil || errors.Is(err, ErrConflict) || wait > 2*time.Second || !a.m.pause(ctx, wait) {
			return r, err
		}
	}
}

// giveBack ends an attempt that was not sent. If that cannot be stored, the
// lease ends it.
func (a *attempt) giveBack(ctx context.Context) error {
	a.release(ctx, func(q *ReleaseRequest) { q.DueIn = 0 })
	return a.m.unavailable(a.rec.Key, Suspended, 0)
}

// withoutRefreshToken ends an attempt on a grant that cannot be renewed.
func (a *attempt) withoutRefreshToken(ctx context.Context) error {
	if left := a.left(); left > a.floor() {
		a.release(ctx, func(q *ReleaseRequest) { q.DueIn = left - a.floor() })
		return nil
	}
	a.release(ctx, func(q *ReleaseRequest) {
		q.State, q.Reason, q.Note = Expired, NoRefreshToken, Note{Type: EventReauthorization, Actor: "provider"}
	})
	return &AuthorizationRequiredError{a.rec.Key, Expired, NoRefreshToken}
}

// postpone puts off a third try in doubt until the access token has ended, when
// there is nothing left to lose; for a quarter of an hour at most if the
// provider rejects that token already, which may be for a missing permission.
func (a *attempt) postpone(ctx context.Context) error {
	kind, after := InDoubt, a.left()-a.floor()
	if a.why == byRejection {
		kind, after = RejectedInDoubt, min(after, exhaustedStep)
	}
	a.release(ctx, func(q *ReleaseRequest) { q.DueIn, q.Failure, q.Failures = after, kind, max(q.Failures, 1) })
	return a.m.unavailable(a.rec.Key, kind, after)
}

// postponed reports whether a third try in doubt was put off until the access
// token has ended.
func (r Record) postponed() bool { return r.Failure == InDoubt && r.Doubts > 1 }

// count reports an outcome. It is the host's code, which may panic: a new pair
// is stored before.
func (a *attempt) count(o Outcome) {
	a.outcome = o
	a.m.metrics.Refreshed(a.c.Name, o, a.m.now().since(a.start))
}
