package accounts

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

const (
	pollEvery = time.Second           // when nothing was due
	pollAgain = 50 * time.Millisecond // when more may be due
	maxBatch  = 200
)

// RunDue renews up to limit accounts that are due, at the rate that their
// connections allow, and waits until that is done: a thousand accounts at 200
// per second take five seconds and a few to get up to speed. It leaves out a
// connection that does not work or asks to wait for long. It reports how many
// it took. When the context ends, it begins nothing more. It is for hosts with
// a scheduler of their own; [Manager.Run] does it all the time.
func (m *Manager) RunDue(ctx context.Context, limit int) (int, error) {
	var wg sync.WaitGroup
	defer wg.Wait()
	total := 0
	for _, cfg := range m.cfg.Connections {
		c := m.conns[cfg.Name]
		for more := true; more && total < limit; {
			if _, paused := c.limiter.state(m.now().elapsed()); paused > admissionTime {
				break
			}
			var n int
			var err error
			n, more, err = m.renewDue(ctx, c, limit-total, &wg)
			total += n
			if err != nil {
				return total, err
			}
			if more && !m.pause(ctx, pollAgain) {
				return total, ctx.Err()
			}
		}
	}
	return total, nil
}

// renewDue claims what is due at one connection and starts to renew it. It
// reports how many accounts it took, and whether more may be due.
func (m *Manager) renewDue(ctx context.Context, c *conn, limit int, wg *sync.WaitGroup) (taken int, more bool, err error) {
	if m.stopping() || ctx.Err() != nil {
		return 0, false, ctx.Err()
	}
	limit = min(limit, maxBatch)
	probe := c.healthNow().State == HealthConfigError
	if probe {
		limit = min(limit, 1)
	}
	permits, more := m.admitDue(c, limit)
	defer func() { // those that no account needed
		for _, p := range permits {
			p.release()
		}
	}()
	if len(permits) == 0 {
		return 0, more, nil
	}
	if err := failpoint.Hit(ctx, failpoint.Probe); err != nil || !m.vaultWorks() {
		m.log.ErrorContext(ctx, "the vault cannot seal and open; nothing is renewed")
		return 0, false, err
	}
	claimed := m.now()
	list, err := m.claimDue(ctx, c, len(permits))
	if err != nil {
		return 0, false, err
	}
	more = len(list) == len(permits) && !probe
	free := context.WithoutCancel(ctx)
	for _, rec := range list {
		a := newAttempt(permits[0], rec, claimed, bySchedule)
		if !m.begin() {
			_ = a.giveBack(free) // says nothing new
			continue
		}
		taken++
		permits = permits[1:]
		wg.Go(func() {
			defer m.work.Done()
			defer a.permit.release()
			// What it came to is in the row, the log and the metrics.
			_ = m.safely(rec.Key, func() error { return a.renewIfWanted(free, probe) })
		})
	}
	return taken, more, nil
}

func (m *Manager) claimDue(ctx context.Context, c *conn, limit int) ([]Record, error) {
	if err := failpoint.Hit(ctx, failpoint.Claim); err != nil {
		return nil, err
	}
	ctx, cancel := detached(ctx) // what was claimed must be known, to be given back
	defer cancel()
	_, keys := m.vault.KeyIDs() // what is sealed with others is left to replicas that know them
	return m.store.ClaimDue(ctx, DueRequest{c.Name, randomID(), m.owner, leaseTime, limit, keys})
}

// renewIfWanted makes the attempt of a due account, unless there is a reason not
// to.
func (a *attempt) renewIfWanted(ctx context.Context, probe bool) error {
	if after := a.notNow(ctx, probe); after > 0 {
		a.release(ctx, func(q *ReleaseRequest) { q.DueIn = after })
		return nil
	}
	return a.renew(ctx)
}

// notNow returns how long to wait with a due account; 0 if it is to be renewed.
func (a *attempt) notNow(ctx context.Context, probe bool) time.Duration {
	m, rec := a.m, a.rec
	switch {
	case rec.State == Active && rec.Failures == 0 && rec.Doubts == 0 && !rec.NoRefresh && !m.isWarm(rec):
		if idle := m.idleDue() - rec.Now.Sub(rec.Refreshed); idle > keepAlive/20 {
			return idle
		}
	case rec.Failure == GrantRefused && a.c.healthNow().State == HealthSuspect && !m.mayProbe(ctx, a.c):
		return 5 * probeEvery
	}
	if probe && !m.mayProbe(ctx, a.c) {
		return probeEvery / 4
	}
	return 0
}

// Run renews accounts ahead of time, delivers events, revokes what was
// disconnected and cleans up, until the context ends. It may run in every
// replica. Call [Manager.Close] afterwards, which waits for what was sent.
func (m *Manager) Run(ctx context.Context) error {
	var wg, attempts sync.WaitGroup // Close waits for the attempts
	for _, c := range m.conns {
		wg.Go(func() { m.schedule(ctx, c, &attempts) })
	}
	for _, job := range []struct {
		every time.Duration
		do    func(context.Context)
	}{
		{time.Second, m.deliver},
		{5 * time.Second, m.refreshHealth},
		{30 * time.Second, m.flushUsed},
		{30 * time.Second, m.retryJournal},
		{30 * time.Second, m.revokeQueued},
		{time.Minute, m.sweep},
		{time.Minute, func(context.Context) { m.forgetIdle() }},
	} {
		wg.Go(func() {
			for m.pause(ctx, time.Duration((0.75+0.5*m.cfg.jitter())*float64(job.every))) {
				job.do(ctx)
			}
		})
	}
	<-ctx.Done()
	wg.Wait()
	return context.Cause(ctx)
}

func (m *Manager) schedule(ctx context.Context, c *conn, wg *sync.WaitGroup) {
	for wait := time.Duration(0); m.pause(ctx, wait); {
		_, more, err := m.renewDue(ctx, c, maxBatch, wg)
		wait = pollAgain
		if !more {
			wait = time.Duration((0.75 + 0.5*m.cfg.jitter()) * float64(pollEvery))
		}
		if err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "due accounts could not be claimed", "connection", c.Name)
			wait = 5 * pollEvery
		}
	}
}

func (m *Manager) refreshHealth(ctx context.Context) {
	for _, c := range m.conns {
		if err := m.loadHealth(ctx, c); err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "the health of a connection could not be read", "connection", c.Name)
		}
	}
}

// flushUsed tells the store which accounts were used.
func (m *Manager) flushUsed(ctx context.Context) {
	m.mu.Lock()
	var used []*entry
	for _, e := range m.entries {
		if e.dirty.CompareAndSwap(true, false) {
			used = append(used, e)
		}
	}
	m.mu.Unlock()
	for batch := range slices.Chunk(used, 500) {
		keys := make([]Key, len(batch))
		for i, e := range batch {
			keys[i] = e.key
		}
		short, cancel := context.WithTimeout(ctx, storeTimeout)
		err := m.store.Touch(short, keys)
		cancel()
		if err != nil {
			for _, e := range batch {
				e.dirty.Store(true) // next time
			}
		}
	}
}

func (m *Manager) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n, err := m.store.Sweep(ctx, SweepRequest{Limit: 1000, RevokedFor: 24 * time.Hour, RevocationsFor: 24 * time.Hour, EventsFor: 90 * 24 * time.Hour})
	if err != nil {
		m.log.WarnContext(ctx, "the store could not be cleaned up")
	} else if n > 0 {
		m.log.DebugContext(ctx, "the store was cleaned up", "rows", n)
	}
}
