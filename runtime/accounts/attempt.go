package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// run is one attempt that holds a claim.
type run struct {
	m       *Manager
	c       *conn
	rec     Record
	claimed instant // when the lease began
	why     cause
	start   instant
	outcome Outcome // what was counted last
	idle    bool    // not to be kept warm
}

// attempt makes a claimed attempt. It always ends it, unless the outcome is
// unknown.
func (m *Manager) attempt(ctx context.Context, c *conn, rec Record, claimed instant, why cause) error {
	r := &run{m: m, c: c, rec: rec, claimed: claimed, why: why, start: m.now(), outcome: OutcomeNotSent}
	r.idle = why == bySchedule && !m.warm(rec) // the host's code, so before anything is sent
	ctx, end := m.cfg.Tracer.Start(ctx, OpRefresh, c.Name)
	defer func() { end(string(r.outcome)) }()
	if err := failpoint.Hit(ctx, failpoint.Claimed); err != nil {
		return r.giveBack(ctx)
	}
	if q, ok := m.journal.find(rec); ok {
		if _, err := openPair(m.vault, q.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1)); err == nil {
			c.breaker.unused()
			return r.commit(ctx, q) // the answer is here already
		}
	}
	switch {
	case rec.Reason == IdentityMismatch:
		c.breaker.unused()
		r.release(ctx, func(q *ReleaseRequest) { q.DueIn = -1 })
		return &IdentityMismatchError{rec.Key}
	case rec.NoRefresh:
		c.breaker.unused()
		return r.withoutRefresh(ctx)
	case rec.Doubts > 1 && why != byOperator && rec.Failure != RejectedInDoubt && r.left() > r.floor():
		c.breaker.unused()
		return r.hold(ctx)
	}
	p, err := openPair(m.vault, rec.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation))
	if err != nil {
		c.breaker.unused()
		m.sealTrouble(rec)
		m.count(r, OutcomeSealError)
		r.release(ctx, func(q *ReleaseRequest) { q.Failure, q.Failures, q.DueIn = SealTrouble, rec.Failures+1, 5*time.Minute })
		return &SealError{rec.Key, rec.Tokens.KeyID}
	}
	if err := failpoint.Hit(ctx, failpoint.Unsealed); err != nil {
		return r.giveBack(ctx)
	}
	return r.redeem(ctx, p.refresh, false)
}

// left is how long the access token is still valid.
func (r *run) left() time.Duration {
	return r.rec.Expires.Sub(r.rec.Now) - r.m.now().since(r.claimed)
}

func (r *run) floor() time.Duration { return floorOf(r.rec.Expires.Sub(r.rec.Refreshed)) }

// redeem sends a refresh token and deals with what comes back.
func (r *run) redeem(ctx context.Context, token Secret, fallback bool) error {
	m, c := r.m, r.c
	for {
		if !m.pause(ctx, c.limiter.spread(time.Duration(m.now().mono))) || m.now().atMost(r.claimed) > leaseTime-sendReserve {
			return r.giveBack(ctx)
		}
		if err := failpoint.Hit(ctx, failpoint.Send); err != nil {
			return r.giveBack(ctx)
		}
		sent := m.now()
		a := c.oauth.refresh(ctx, token)
		now := time.Duration(m.now().mono)
		if err := failpoint.Hit(ctx, failpoint.Received); err != nil {
			return m.unavailable(r.rec.Key, InDoubt, 0)
		}
		r.watch(a, now)
		switch a.kind {
		case "":
			err := r.land(ctx, a, sent)
			for _, o := range a.oddities { // the host's code, so after the pair is safe
				m.metrics.Oddity(c.Name, o)
			}
			return err
		case GrantRefused:
			if fallback {
				return r.condemn(ctx)
			}
			return r.refused(ctx)
		case ConfigTrouble:
			return r.misconfigured(ctx, a)
		case InDoubt, BadSuccess:
			r.rec.Doubts++
			if r.rec.Doubts > 1 || fallback || c.breaker.tripped() || m.stopping() || !r.extend(ctx, false) {
				return r.trouble(ctx, a)
			}
			if err := failpoint.Hit(ctx, failpoint.Replay); err != nil {
				return r.trouble(ctx, a)
			}
		default:
			return r.trouble(ctx, a)
		}
	}
}

// watch tells limiter and breaker what came.
func (r *run) watch(a answer, now time.Duration) {
	switch a.kind {
	case "", GrantRefused, ConfigTrouble:
		r.c.breaker.answered()
		r.c.limiter.good(now)
		if a.kind == "" {
			r.c.breaker.granted(now)
		}
	case ProviderTrouble:
		if a.status == 429 {
			r.c.breaker.answered()
		} else {
			r.c.breaker.failed(now)
		}
		r.c.limiter.bad(now, a.retryAfter)
	default:
		r.c.breaker.failed(now)
		r.c.limiter.bad(now, 0)
	}
}

// extend goes on with the attempt under a fresh lease.
func (r *run) extend(ctx context.Context, dropFallback bool) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now := r.m.now()
	rec, err := r.m.store.Extend(ctx, ExtendRequest{r.rec.Key, r.rec.Generation, r.rec.Attempt, leaseTime, r.rec.Doubts, dropFallback})
	if err != nil {
		return false
	}
	r.rec, r.claimed = rec, now
	return true
}

// release ends the attempt. Whoever it goes wrong for decides then: another
// process that has it, or the end of the lease.
func (r *run) release(ctx context.Context, change func(*ReleaseRequest)) {
	if _, err := r.end(ctx, change); err != nil && !errors.Is(err, ErrConflict) {
		r.m.log.WarnContext(ctx, "the end of an attempt could not be stored", "account", r.rec.Key)
	}
}

// end is release with its result. The request begins as what the account is.
func (r *run) end(ctx context.Context, change func(*ReleaseRequest)) (rec Record, err error) {
	q := ReleaseRequest{
		Key: r.rec.Key, Generation: r.rec.Generation, Attempt: r.rec.Attempt, State: r.rec.State, Reason: r.rec.Reason,
		DueIn: -1, Failures: r.rec.Failures, Failure: r.rec.Failure, Doubts: r.rec.Doubts, Troubled: r.rec.Troubled,
	}
	change(&q)
	for wait := r.m.cfg.backoff; ; wait *= 2 {
		try, cancel := context.WithTimeout(ctx, storeTimeout)
		rec, err = r.m.store.Release(try, q)
		cancel()
		if err == nil || errors.Is(err, ErrConflict) || wait > 2*time.Second || !r.m.pause(ctx, wait) {
			return rec, err
		}
	}
}

// giveBack ends an attempt that was not sent.
func (r *run) giveBack(ctx context.Context) error {
	r.c.breaker.unused()
	r.release(ctx, func(q *ReleaseRequest) { q.DueIn = 0 }) // the lease ends it otherwise
	return r.m.unavailable(r.rec.Key, Suspended, 0)
}

// withoutRefresh deals with a grant that cannot be renewed.
func (r *run) withoutRefresh(ctx context.Context) error {
	if left := r.left(); left > r.floor() {
		r.release(ctx, func(q *ReleaseRequest) { q.DueIn = left - r.floor() })
		return nil
	}
	r.release(ctx, func(q *ReleaseRequest) {
		q.State, q.Reason, q.Note = Expired, NoRefreshToken, Note{Type: EventReauthorization, Actor: "provider"}
	})
	return &AuthorizationRequiredError{r.rec.Key, Expired, NoRefreshToken}
}

// hold puts off a third try in doubt until the access token has ended, when
// there is nothing left to lose; for a quarter of an hour at most if the
// provider refuses that token already, which may be for a missing permission.
func (r *run) hold(ctx context.Context) error {
	kind, after := InDoubt, r.left()-r.floor()
	if r.why == byRefusal {
		kind, after = RejectedInDoubt, min(after, exhaustedStep)
	}
	r.release(ctx, func(q *ReleaseRequest) { q.DueIn, q.Failure, q.Failures = after, kind, max(q.Failures, 1) })
	return r.m.unavailable(r.rec.Key, kind, after)
}

// held reports whether a third try in doubt was put off until the access token
// has ended.
func (r Record) held() bool { return r.Failure == InDoubt && r.Doubts > 1 }

// step is the backoff after n failures: a second to two minutes with full
// jitter, later a quarter of an hour.
func (m *Manager) step(n int, expired bool) time.Duration {
	if expired && n >= 12 {
		return exhaustedStep
	}
	most := time.Second << min(max(n-1, 0), 7)
	return time.Duration((0.05 + 0.95*m.cfg.jitter()) * float64(min(most, 2*time.Minute)))
}

// trouble ends an attempt that failed for a reason that passes.
func (r *run) trouble(ctx context.Context, a answer) error {
	m := r.m
	left := r.left()
	dead := left <= r.floor()
	kind := a.kind
	if kind == BadSuccess {
		kind = InDoubt
	}
	failures := r.rec.Failures + 1
	after := max(m.step(failures, dead), a.retryAfter)
	m.count(r, map[FailureKind]Outcome{NotSent: OutcomeNotSent, InDoubt: OutcomeInDoubt, ProviderTrouble: OutcomeProviderError}[kind])
	if kind == InDoubt && r.rec.Doubts > 1 {
		after = left - r.floor()
		if r.why == byRefusal || r.rec.Failure == RejectedInDoubt {
			kind, after = RejectedInDoubt, min(after, exhaustedStep)
		}
		if dead {
			after = exhaustedStep
		}
	}
	r.release(ctx, func(q *ReleaseRequest) {
		q.DueIn, q.Failures, q.Failure = after, failures, kind
		q.Troubled = q.Troubled || a.status >= 500
		if dead {
			q.State, q.Reason, q.Note = Expired, TransientExhausted, Note{Type: EventExpired, Actor: "provider"}
		}
	})
	m.log.InfoContext(ctx, "an account was not renewed", "account", r.rec.Key, "kind", a.kind, "status", a.status, "failures", failures, "again_in", after)
	return m.unavailable(r.rec.Key, kind, after)
}

// misconfigured ends an attempt that the connection is to blame for. The
// account stays as it is.
func (r *run) misconfigured(ctx context.Context, a answer) error {
	r.m.setHealth(ctx, r.c, HealthConfigError, a.code)
	r.m.count(r, OutcomeConfigError)
	r.release(ctx, func(q *ReleaseRequest) { q.DueIn = 0 })
	return &ConnectionConfigError{r.c.Name, a.code}
}

// refused deals with invalid_grant, which is believed only after a second look.
func (r *run) refused(ctx context.Context) error {
	m := r.m
	if r.c.healthNow().State == HealthConfigError {
		m.setHealth(ctx, r.c, HealthOK, "") // our own credentials were accepted
	}
	read := m.now()
	cur, err := m.load(ctx, r.rec.Key)
	if err != nil {
		m.count(r, OutcomeStoreError)
		return m.unavailable(r.rec.Key, StoreTrouble, time.Second) // the lease ends the attempt
	}
	if cur.Generation != r.rec.Generation { // we lost a race
		m.count(r, OutcomeAdopted)
		_, err := m.publish(m.entry(cur.Key), cur, read)
		return err
	}
	f := cur.Fallback
	if f.IsZero() || f.Purpose != PurposeFallback || !cur.Now.Before(f.Until) {
		return r.condemn(ctx)
	}
	p, err := openPair(m.vault, f.Sealed, AssociatedData(cur.Key, cur.ID, PurposeFallback, f.Generation))
	if err != nil || p.refresh.IsZero() || !r.extend(ctx, false) {
		return r.condemn(ctx)
	}
	return r.redeem(ctx, p.refresh, true)
}

// condemn ends the account, unless so many are refused that it cannot be their
// fault.
func (r *run) condemn(ctx context.Context) error {
	m := r.m
	health := m.freshHealth(ctx, r.c)
	suspicious := false
	if health.believes(r.rec) {
		r.c.breaker.forget() // what was accepted counts no more
	} else if suspicious = r.c.breaker.refused(time.Duration(m.now().mono)); suspicious {
		m.setHealth(ctx, r.c, HealthSuspect, "invalid_grant")
	}
	if suspicious || health.State == HealthSuspect {
		m.count(r, OutcomeThrottled)
		r.release(ctx, func(q *ReleaseRequest) {
			q.DueIn, q.Failures, q.Failure = probeEvery, r.rec.Failures+1, GrantRefused
		})
		return m.unavailable(r.rec.Key, Suspended, probeEvery)
	}
	reason, outcome := InvalidGrant, OutcomeGrantRefused
	if r.rec.Doubts > 0 || r.rec.Troubled || m.entry(r.rec.Key).newest.Load() > r.rec.Generation { // or the store forgot a commit
		reason, outcome = RotationLost, OutcomeRotationLost
	}
	m.count(r, outcome)
	rec, err := r.end(ctx, func(q *ReleaseRequest) {
		q.Doubts = 0 // now it is known
		q.State, q.Reason, q.Failure, q.Note = Revoked, reason, GrantRefused, Note{Type: EventReauthorization, Actor: "provider"}
	})
	e := m.entry(r.rec.Key)
	if err == nil {
		if rec.State == Verifying { // it goes on; what it will go back to has changed
			m.note(ctx, Event{Type: EventReauthorization, Key: rec.Key, Reason: reason, Actor: "provider"})
		}
		if err := stateError(rec); err != nil {
			e.token.Store(nil)
			return err
		}
	}
	_, _, err = m.look(ctx, e)
	return err // nil if somebody else was faster, and it works
}

func (m *Manager) count(r *run, o Outcome) {
	r.outcome = o
	m.metrics.Refreshed(r.c.Name, o, m.now().since(r.start))
}
