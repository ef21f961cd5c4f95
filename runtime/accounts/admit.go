package accounts

import (
	"bytes"
	"context"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// permit allows one attempt to send a refresh token. It holds what others cannot
// have meanwhile: a slot among the renewals in flight, a turn of the connection's
// limiter, and the probe of a breaker that lets one request through. Each
// function that gets a permit defers its release, which returns what was not
// used. A permit is for one goroutine.
type permit struct {
	m     *Manager
	c     *conn
	slot  bool // held until the end
	turn  bool // held until something is sent
	probe bool // held until an outcome is reported
}

// admit is step 1: it waits until a renewal may be made, as health, breaker,
// rate and concurrency allow, and proves that the vault works before
// anything is spent.
func (m *Manager) admit(ctx context.Context, c *conn, rec Record, why cause) (*permit, error) {
	if failpoint.Hit(ctx, failpoint.Probe) != nil {
		return nil, m.unavailable(rec.Key, StoreTrouble, time.Second)
	}
	if !m.vaultWorks() {
		return nil, &SealError{rec.Key, rec.Tokens.KeyID}
	}
	if err := m.admittedByHealth(ctx, c, rec, why); err != nil {
		return nil, err
	}
	p := &permit{m: m, c: c}
	if kind, after := p.wait(ctx); kind != "" {
		p.release()
		return nil, m.unavailable(rec.Key, kind, after)
	}
	return p, nil
}

// admittedByHealth refuses while the connection is known not to work, but for a
// probe now and then.
func (m *Manager) admittedByHealth(ctx context.Context, c *conn, rec Record, why cause) error {
	h := c.healthNow()
	bad := h.State == HealthConfigError || h.State == HealthSuspect && rec.Failure == GrantRefused
	switch {
	case !bad || why == byOperator || m.mayProbe(ctx, c):
		return nil
	case h.State == HealthConfigError:
		return &ConnectionConfigError{c.Name, h.Code}
	default:
		return m.unavailable(rec.Key, Suspended, probeEvery)
	}
}

// wait takes what a permit holds, or reports why it cannot and how long to wait.
func (p *permit) wait(ctx context.Context) (why FailureKind, after time.Duration) {
	m, c := p.m, p.c
	ok, probe, after := c.breaker.allow(m.now().elapsed())
	if !ok {
		return ProviderTrouble, after
	}
	p.probe = probe
	if after, p.turn = c.limiter.wait(ctx, m.now, admissionTime, m.closing); !p.turn {
		return Suspended, after
	}
	select {
	case m.slots <- struct{}{}:
		p.slot = true
		return "", 0
	case <-m.closing:
		return Suspended, 0
	}
}

// admitDue returns up to limit permits that are free at once, for accounts that
// are due. It reports whether there may be more in a moment, which a breaker
// that is open denies.
func (m *Manager) admitDue(c *conn, limit int) (permits []*permit, more bool) {
	for range limit {
		p := &permit{m: m, c: c}
		if ok, more := p.take(); !ok {
			p.release()
			return permits, more || len(permits) > 0
		}
		permits = append(permits, p)
	}
	return permits, true
}

// take is wait for a permit that is free at once.
func (p *permit) take() (ok, more bool) {
	if ok, p.probe, _ = p.c.breaker.allow(p.m.now().elapsed()); !ok {
		return false, false
	}
	select {
	case p.m.slots <- struct{}{}:
		p.slot = true
	default:
		return false, true
	}
	p.turn = p.c.limiter.take(p.m.now().elapsed())
	return p.turn, true
}

// used is called when a request is sent.
func (p *permit) used() { p.turn = false }

// report tells limiter and breaker the outcome of a request.
func (p *permit) report(r tokenResponse) {
	now, c := p.m.now().elapsed(), p.c
	p.probe = false
	switch r.kind {
	case "", GrantRefused, ConfigTrouble:
		c.breaker.answered()
		c.limiter.good(now)
		if r.kind == "" {
			c.breaker.granted(now)
		}
	case ProviderTrouble:
		if r.status == 429 {
			c.breaker.answered()
		} else {
			c.breaker.failed(now)
		}
		c.limiter.bad(now, r.retryAfter)
	default:
		c.breaker.failed(now)
		c.limiter.bad(now, 0)
	}
}

// release returns what the permit still holds. It may be called again.
func (p *permit) release() {
	if p.probe {
		p.c.breaker.unused()
	}
	if p.turn {
		p.c.limiter.putBack()
	}
	if p.slot {
		<-p.m.slots
	}
	p.probe, p.turn, p.slot = false, false, false
}

// vaultWorks proves that the vault seals, and opens what it sealed.
func (m *Manager) vaultWorks() bool {
	probe := []byte("probe")
	s, err := seal(m.vault, probe, probe)
	if err != nil {
		return false
	}
	plain, err := m.vault.Open(s.Blob, probe)
	return err == nil && bytes.Equal(plain, probe)
}
