package accounts

import (
	"context"
	"time"
)

// healthNow returns the health of the connection as this process knows it.
func (c *conn) healthNow() ConnectionHealth {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

func (m *Manager) loadHealth(ctx context.Context, c *conn) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	h, err := m.store.LoadHealth(ctx, c.Name, c.fingerprint)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.health = h
	c.mu.Unlock()
	return nil
}

// freshHealth asks the store first.
func (m *Manager) freshHealth(ctx context.Context, c *conn) ConnectionHealth {
	_ = m.loadHealth(ctx, c) // on an error the last known health counts
	return c.healthNow()
}

func (m *Manager) setHealth(ctx context.Context, c *conn, state HealthState, code string) {
	c.mu.Lock()
	same := c.health.State == state
	if same && state == HealthOK {
		code = c.health.Code
	}
	c.health = ConnectionHealth{Connection: c.Name, Fingerprint: c.fingerprint, State: state, Code: code, Since: c.health.Since}
	h := c.health
	c.mu.Unlock()
	if state == HealthOK {
		c.breaker.forget()
	}
	if same {
		return
	}
	level := m.log.WarnContext
	if state == HealthOK {
		level = m.log.InfoContext
	}
	level(ctx, "the health of a connection changed", "connection", c.Name, "state", state, "code", code)
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := m.store.SetHealth(ctx, h, probeEvery); err != nil {
		m.log.WarnContext(ctx, "the health of a connection could not be stored", "connection", c.Name)
	}
}

// mayProbe asks the store whether this process may try the connection now.
func (m *Manager) mayProbe(ctx context.Context, c *conn) bool {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ok, err := m.store.ClaimProbe(ctx, c.Name, c.fingerprint, probeEvery)
	return ok && err == nil
}

// refusalsAccepted is the code of a connection whose refusals are believed.
const refusalsAccepted = "refusals_accepted"

// AcceptRefusals ends the suspicion against a connection: for ten minutes all
// replicas believe the provider's refusals, and the accounts that were refused
// are revoked as they are tried again. For operators who have made sure that the
// refusals are real. It does nothing to a connection that is not SUSPECT.
func (m *Manager) AcceptRefusals(ctx context.Context, connection string) error {
	c, err := m.conn(connection)
	if err != nil {
		return err
	}
	if err := m.loadHealth(ctx, c); err != nil || c.healthNow().State != HealthSuspect {
		return err
	}
	m.log.WarnContext(ctx, "refusals are accepted", "connection", c.Name)
	h := ConnectionHealth{Connection: c.Name, Fingerprint: c.fingerprint, State: HealthOK, Code: refusalsAccepted}
	short, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := m.store.SetHealth(short, h, probeEvery); err != nil {
		return err
	}
	return m.loadHealth(ctx, c)
}

// believes reports whether refusals are accepted at the time of a record.
func (h ConnectionHealth) believes(rec Record) bool {
	return h.State == HealthOK && h.Code == refusalsAccepted && rec.Now.Sub(h.Since) < refusalWindow
}

// Health is a snapshot of stores, connections and key usage.
type Health struct {
	Stats       Stats
	Connections []ConnectionReport
	KeyUse      map[uint32]int64 // sealed blobs by the id of their key
	PrimaryKey  uint32
}

// ConnectionReport is the health of one connection, as this process sees it.
type ConnectionReport struct {
	Name  string
	State HealthState
	Code  string        // why it is not OK
	Since time.Time     // zero if it never changed
	Rate  float64       // renewals per second that the limiter allows now
	Pause time.Duration // how much longer the provider asked to wait
}

// Health returns a snapshot. It reads the whole table of accounts: call it once a
// minute, not per request.
func (m *Manager) Health(ctx context.Context) (Health, error) {
	stats, err := m.store.Stats(ctx)
	if err != nil {
		return Health{}, err
	}
	use, err := m.store.KeyUse(ctx)
	if err != nil {
		return Health{}, err
	}
	h := Health{Stats: stats, KeyUse: use}
	h.PrimaryKey, _ = m.vault.KeyIDs()
	now := m.now().elapsed()
	for _, cfg := range m.cfg.Connections {
		c := m.conns[cfg.Name]
		known := m.freshHealth(ctx, c)
		r := ConnectionReport{Name: c.Name, State: known.State, Code: known.Code, Since: known.Since}
		if r.State == HealthOK {
			r.Code = "" // it may say why it is so
		}
		r.Rate, r.Pause = c.limiter.state(now)
		if r.State == HealthOK && (c.breaker.tripped() || r.Pause > 0) {
			r.State = HealthThrottled
		}
		h.Connections = append(h.Connections, r)
	}
	return h, nil
}
