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
		if why != byOperator && rec.Attempt == "" && rec.Failures > 0 && rec.Due.After(rec.Now) {
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
	case rec.Doubts > 1 && why != byOperator && r.left() > r.floor():
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
// there is nothing left to lose.
func (r *run) hold(ctx context.Context) error {
	after := r.left() - r.floor()
	r.release(ctx, func(q *ReleaseRequest) { q.DueIn, q.Failure, q.Failures = after, InDoubt, max(q.Failures, 1) })
	return r.m.unavailable(r.rec.Key, InDoubt, after)
}

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
	if kind == InDoubt && r.rec.Doubts > 1 {
		after = max(left-r.floor(), 0)
		if dead {
			after = exhaustedStep
		}
	}
	m.count(r, map[FailureKind]Outcome{NotSent: OutcomeNotSent, InDoubt: OutcomeInDoubt, ProviderTrouble: OutcomeProviderError}[kind])
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
	now := time.Duration(m.now().mono)
	suspicious := r.c.breaker.refused(now)
	if suspicious {
		m.setHealth(ctx, r.c, HealthSuspect, "invalid_grant")
	}
	if suspicious || m.freshHealth(ctx, r.c).State == HealthSuspect {
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

// dueIn is when a token that lives for d is renewed: a fifth before its end, at
// least a minute and at most a quarter of an hour, with jitter before that.
func (m *Manager) dueIn(d time.Duration) time.Duration {
	margin := min(max(d/5, time.Minute), 15*time.Minute)
	if d < 5*time.Minute {
		margin = d / 3
	}
	return max(d-margin-time.Duration(m.cfg.jitter()*float64(d)/10), 0)
}

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

// keepAlive is how often an account is renewed that nobody uses.
const keepAlive = 24 * time.Hour

// nextDue is when to renew after a success: well before the end for accounts in
// use, at the end for those that cannot be renewed, once a day for others.
func (m *Manager) nextDue(a answer, idle bool) time.Duration {
	switch {
	case a.pair.refresh.IsZero():
		return a.expiresIn - floorOf(a.expiresIn)
	case idle:
		return m.idleDue()
	}
	return m.dueIn(a.expiresIn)
}

func (m *Manager) idleDue() time.Duration {
	return keepAlive - time.Duration(m.cfg.jitter()*float64(keepAlive)/10)
}

// warm reports whether an account is renewed ahead of time.
func (m *Manager) warm(rec Record) bool {
	used := rec.Used
	if used.Before(rec.Created) {
		used = rec.Created
	}
	since := rec.Now.Sub(used)
	m.mu.Lock()
	e := m.entries[rec.Key]
	m.mu.Unlock()
	if e != nil {
		if at := e.used.Load(); at != 0 {
			since = min(since, time.Duration(m.now().wall-at))
		}
	}
	return m.cfg.KeepWarm(max(since, 0))
}

// pauseAnyhow waits even while the manager closes: there is a pair to save.
func (m *Manager) pauseAnyhow(d time.Duration) bool {
	timer := time.NewTimer(min(d, 2*time.Second))
	defer timer.Stop()
	<-timer.C
	return true
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
	m.count(r, OutcomeAdopted)
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
	_, err := m.publish(m.entry(q.Key), cur, read)
	return err
}

// quarantine keeps tokens of somebody else aside and tells the operator.
func (r *run) quarantine(ctx context.Context, a answer) error {
	m, rec := r.m, r.rec
	m.count(r, OutcomeMismatch)
	for start := m.now(); ; { // it is the only copy, as with a commit
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

func (m *Manager) count(r *run, o Outcome) {
	r.outcome = o
	m.metrics.Refreshed(r.c.Name, o, m.now().since(r.start))
}
