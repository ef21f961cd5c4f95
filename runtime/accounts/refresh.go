package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
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
	// slotTime is how long a renewal on demand waits for its turn.
	slotTime = 30 * time.Second
	// exhaustedStep is the backoff of an account that has been failing for long.
	exhaustedStep = 15 * time.Minute
	probeEvery    = time.Minute
)

// cause is why an account is renewed.
type cause int

const (
	byDemand   cause = iota // a caller has no valid token
	byRefusal               // the provider refused a token that looked valid
	byOperator              // somebody said so
	bySchedule              // it is due
)

// A renewal, step by step; the numbers are those of package failpoint.
//
//	0  decide that it is needed
//	1  prove that the vault can seal
//	2  claim: a durable mark that an attempt is made, with a lease
//	3  open the refresh token
//	4  send it, once, without redirects, within 30 seconds
//	5  receive: read what can be read, keep every complete token
//	6  seal the new pair for the next generation; journal it
//	7  commit, guarded by the generation; tried for a minute; an error means
//	   that the outcome is unknown, so that the row is read again
//	8  publish: only now does the new token leave
//
// Until step 8 everybody gets the old token, which is still valid.

// renew renews the tokens of a generation, or waits for whoever does. The work
// goes on when the caller's context ends.
func (m *Manager) renew(ctx context.Context, e *entry, generation int64, why cause) error {
	if !m.begin() { // before e.mu is taken; forget takes both in this order
		return &TemporarilyUnavailableError{Key: e.key, Kind: Suspended}
	}
	e.mu.Lock()
	f := e.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		e.flight = f
		go m.fly(context.WithoutCancel(ctx), e, f, generation, why)
	} else {
		m.work.Done()
	}
	e.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Manager) fly(ctx context.Context, e *entry, f *flight, generation int64, why cause) {
	defer m.work.Done()
	f.err = m.safely(e.key, func() error { return m.demand(ctx, e, generation, why) })
	e.mu.Lock()
	e.flight = nil
	if why == byRefusal && f.err == nil {
		if t := e.token.Load(); t != nil && t.generation > generation {
			e.forced, e.forcedAt = t.generation, m.now()
		}
	}
	e.mu.Unlock()
	close(f.done)
}

// safely turns a panic into an error. The attempt, if there was one, stays in
// doubt. What was panicked with is not printed; it may hold anything.
func (m *Manager) safely(key Key, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			m.log.Error("a renewal panicked", "account", key, "type", fmt.Sprintf("%T", p))
			err = &TemporarilyUnavailableError{Key: key, Kind: InDoubt}
		}
	}()
	return f()
}

// pause waits, or reports false when the manager closes or the context ends.
func (m *Manager) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return !m.stopping() && ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.closing:
		return false
	case <-ctx.Done():
		return false
	}
}

func (m *Manager) unavailable(key Key, kind FailureKind, after time.Duration) error {
	return &TemporarilyUnavailableError{Key: key, RetryAfter: max(after, 0), Kind: kind}
}

// anyhow is a context for one statement that is made even if its caller is
// gone.
func anyhow(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// load reads an account with a timeout of its own.
func (m *Manager) load(ctx context.Context, key Key) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return m.store.Load(ctx, key)
}

// demand renews on behalf of a caller who waits.
func (m *Manager) demand(ctx context.Context, e *entry, generation int64, why cause) error {
	c, err := m.conn(e.key.connection)
	if err != nil {
		return err
	}
	wait := 50 * time.Millisecond
	for {
		read := m.now()
		rec, err := m.load(ctx, e.key)
		if err != nil {
			return m.unavailable(e.key, StoreTrouble, time.Second)
		}
		if rec.Generation != generation {
			_, err := m.publish(e, rec, read)
			return err
		}
		if err := stateError(rec); err != nil {
			e.token.Store(nil)
			return err
		}
		if rec.Live() { // somebody else is at it
			if !m.pause(ctx, wait) {
				return m.unavailable(e.key, Busy, rec.AttemptUntil.Sub(rec.Now))
			}
			wait = min(2*wait, 500*time.Millisecond)
			continue
		}
		if why != byOperator && rec.Attempt == "" && rec.Failures > 0 && rec.Due.After(rec.Now) && (why != byRefusal || !rec.held()) {
			return m.backedOff(c, rec)
		}
		if err := m.gate(ctx, c, rec, why); err != nil {
			return err
		}
		if again, err := m.turn(ctx, c, rec, why); !again {
			return err
		}
	}
}

// turn claims and makes the attempt with the slot that gate took. It reports
// whether somebody else was faster.
func (m *Manager) turn(ctx context.Context, c *conn, rec Record, why cause) (again bool, err error) {
	defer func() { <-m.slots }()
	claimed := m.now()
	got, err := m.claim(ctx, rec)
	if err != nil {
		c.limiter.give(1)
		c.breaker.unused()
		if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
			return true, nil
		}
		return false, m.unavailable(rec.Key, StoreTrouble, time.Second)
	}
	return false, m.attempt(ctx, c, got, claimed, why)
}

// backedOff is what a caller is told whose account failed a moment ago.
func (m *Manager) backedOff(c *conn, rec Record) error {
	after := rec.Due.Sub(rec.Now)
	switch rec.Failure {
	case ConfigTrouble:
		return &ConnectionConfigError{c.Name, c.healthNow().Code}
	case SealTrouble:
		return &SealError{rec.Key, rec.Tokens.KeyID}
	case GrantRefused:
		return m.unavailable(rec.Key, Suspended, after)
	default:
		return m.unavailable(rec.Key, rec.Failure, after)
	}
}

// gate waits until a renewal may be made: health, breaker, rate, concurrency
// and the vault. On success the caller holds a slot.
func (m *Manager) gate(ctx context.Context, c *conn, rec Record, why cause) error {
	if err := failpoint.Hit(ctx, failpoint.Probe); err != nil {
		return m.unavailable(rec.Key, StoreTrouble, time.Second)
	}
	if !m.canSeal() {
		return &SealError{rec.Key, rec.Tokens.KeyID}
	}
	h := c.healthNow()
	if why != byOperator && (h.State == HealthConfigError || h.State == HealthSuspect && rec.Failure == GrantRefused) && !m.mayProbe(ctx, c) {
		if h.State == HealthConfigError {
			return &ConnectionConfigError{c.Name, h.Code}
		}
		return m.unavailable(rec.Key, Suspended, probeEvery)
	}
	if ok, after := c.breaker.allow(time.Duration(m.now().mono)); !ok {
		return m.unavailable(rec.Key, ProviderTrouble, after)
	}
	after, ok := c.limiter.reserve(time.Duration(m.now().mono), slotTime)
	if !ok {
		c.breaker.unused()
		return m.unavailable(rec.Key, Suspended, after)
	}
	if !m.pause(ctx, after) {
		c.breaker.unused()
		return m.unavailable(rec.Key, Suspended, 0)
	}
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-m.closing:
		c.breaker.unused()
		return m.unavailable(rec.Key, Suspended, 0)
	}
}

// canSeal proves that the vault seals, before anything is spent.
func (m *Manager) canSeal() bool {
	_, err := seal(m.vault, []byte("probe"), []byte("probe"))
	return err == nil
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
