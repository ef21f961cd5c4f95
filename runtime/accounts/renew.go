package accounts

import (
	"context"
	"fmt"
	"time"
)

const (
	// leaseTime is how long an attempt keeps others away: longer than the
	// request and its commit can take.
	leaseTime = 90 * time.Second
	// sendReserve is what must be left of the lease when a request is sent.
	sendReserve = 35 * time.Second
	// storeTimeout bounds one statement.
	storeTimeout = 10 * time.Second
	// commitTime is how long a commit is tried again.
	commitTime = 60 * time.Second
	// fallbackTime is how long a pair that lost a race is kept.
	fallbackTime = 24 * time.Hour
	// admissionTime is how long a renewal on demand waits to be admitted.
	admissionTime = 30 * time.Second
	// exhaustedStep is the backoff of an account that has been failing for long.
	exhaustedStep = 15 * time.Minute
	probeEvery    = time.Minute
)

// cause is why an account is renewed.
type cause int

const (
	byDemand    cause = iota // a caller has no valid token
	byRejection              // the provider rejected a token that looked valid
	byOperator               // an operator asked for it
	bySchedule               // it is due
)

// A renewal, step by step, with the file that holds the step. The numbers are
// those of package failpoint.
//
//	0  credential.go, schedule.go  decide that it is needed
//	1  admit.go       get the permit to send, and prove that the vault works
//	2  claim.go       claim: a durable mark that an attempt is made, with a lease
//	3  redeem.go      open the refresh token
//	4  redeem.go      send it, once, without redirects, within 30 seconds
//	5  redeem.go      receive: read what can be read, keep every complete token
//	6  store_pair.go  seal the new pair for the next generation; journal it
//	7  commit.go      commit, guarded by the generation; tried for a minute; an
//	                  error means that the outcome is unknown, so that the row is
//	                  read again
//	8  publish.go     only now is the new token handed to callers
//
// Until step 8 all callers get the old token, which is still valid. What ends
// an attempt otherwise is in claim.go (nothing was sent) and refused.go (the
// provider said no, or nothing).

// inFlight is a renewal that callers wait for.
type inFlight struct {
	done    chan struct{}
	err     error
	callers int // that wait; under the entry's lock
}

// renew renews the tokens of a generation, or waits for the renewal that is in
// flight. The work goes on when the caller's context ends.
func (m *Manager) renew(ctx context.Context, e *entry, generation int64, why cause) error {
	if !m.begin() { // before e.mu is taken; forgetIdle takes both in this order
		return m.unavailable(e.key, Suspended, 0)
	}
	e.mu.Lock()
	f := e.inFlight
	if f == nil {
		f = &inFlight{done: make(chan struct{})}
		e.inFlight = f
		go m.startRenewal(context.WithoutCancel(ctx), e, f, generation, why)
	} else {
		m.work.Done()
	}
	f.callers++
	e.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		e.mu.Lock()
		f.callers--
		e.mu.Unlock()
		return context.Cause(ctx)
	}
}

// abandon ends a renewal that only waits for another process, if all its callers
// gave up. A caller who comes later begins anew.
func (e *entry) abandon(f *inFlight) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f.callers > 0 {
		return false
	}
	if e.inFlight == f {
		e.inFlight = nil
	}
	return true
}

func (m *Manager) startRenewal(ctx context.Context, e *entry, f *inFlight, generation int64, why cause) {
	defer m.work.Done()
	f.err = m.safely(e.key, func() error { return m.renewOnDemand(ctx, e, f, generation, why) })
	e.mu.Lock()
	if e.inFlight == f {
		e.inFlight = nil
	}
	if why == byRejection && f.err == nil {
		if t := e.token.Load(); t != nil && t.generation > generation {
			e.forced, e.forcedAt = t.generation, m.now()
		}
	}
	e.mu.Unlock()
	close(f.done)
}

// canOpen reports whether the vault opens the tokens of a record, as far as a
// renewal needs them.
func (m *Manager) canOpen(rec Record) bool {
	if _, ok := m.journal.find(rec); ok || rec.NoRefresh {
		return true
	}
	_, err := openPair(m.vault, rec.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation))
	return err == nil
}

// safely turns a panic into an error. The attempt, if there was one, stays in
// doubt. What was panicked with is not printed; it may hold anything.
func (m *Manager) safely(key Key, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("a renewal panicked", "account", key, "type", fmt.Sprintf("%T", p))
			err = m.unavailable(key, InDoubt, 0)
		}
	}()
	return f()
}

// renewOnDemand renews the tokens of a generation on behalf of a caller who
// waits. If another process renews them, it waits for that, as long as a caller
// does.
func (m *Manager) renewOnDemand(ctx context.Context, e *entry, f *inFlight, generation int64, why cause) error {
	c, err := m.conn(e.key.connection)
	if err != nil {
		return err
	}
	for wait := 50 * time.Millisecond; ; {
		rec, err := m.reload(ctx, e)
		switch {
		case err != nil || rec.Generation != generation:
			return err
		case rec.Live(): // another process renews it
			if e.abandon(f) || !m.pause(ctx, wait) {
				return m.unavailable(e.key, Busy, rec.AttemptUntil.Sub(rec.Now))
			}
			wait = min(2*wait, 500*time.Millisecond)
		case !m.canOpen(rec): // a trouble of this process, or of the row: it claims nothing
			return m.sealError(rec)
		case rec.backsOff(why) && (rec.Failure != NotSent || e.unsent(m.now())):
			return m.backoffError(c, rec)
		default:
			p, err := m.admit(ctx, c, rec, why)
			if err != nil {
				return err
			}
			if claimed, err := m.claimAndRenew(ctx, p, rec, why); claimed || err != nil {
				return err
			}
		}
	}
}

// backsOff reports whether an account that has just failed waits for its next
// attempt.
func (r Record) backsOff(why cause) bool {
	return why != byOperator && r.Attempt == "" && r.Failures > 0 && r.Due.After(r.Now) && (why != byRejection || !r.postponed())
}

// backoffError is what a caller is told whose account has just failed.
func (m *Manager) backoffError(c *conn, rec Record) error {
	after := rec.Due.Sub(rec.Now)
	switch rec.Failure {
	case ConfigTrouble:
		return &ConnectionConfigError{c.Name, c.healthNow().Code}
	case GrantRefused:
		return m.unavailable(rec.Key, Suspended, after)
	default:
		return m.unavailable(rec.Key, rec.Failure, after)
	}
}

func (m *Manager) unavailable(key Key, kind FailureKind, after time.Duration) error {
	return &TemporarilyUnavailableError{Key: key, RetryAfter: max(after, 0), Kind: kind}
}
