package accounts

import "time"

// dueIn is when a token that lives for d is renewed: a fifth before its end, at
// least a minute and at most a quarter of an hour, with jitter before that.
func (m *Manager) dueIn(d time.Duration) time.Duration {
	margin := min(max(d/5, time.Minute), 15*time.Minute)
	if d < 5*time.Minute {
		margin = d / 3
	}
	return max(d-margin-time.Duration(m.cfg.jitter()*float64(d)/10), 0)
}

// keepAlive is how often an unused account is renewed.
const keepAlive = 24 * time.Hour

// nextDue is when to renew after a success: well before the end for accounts in
// use, at the end for those that cannot be renewed, once a day for others.
func (m *Manager) nextDue(r tokenResponse, idle bool) time.Duration {
	switch {
	case r.pair.refresh.IsZero():
		return r.expiresIn - floorOf(r.expiresIn)
	case idle:
		return m.idleDue()
	}
	return m.dueIn(r.expiresIn)
}

func (m *Manager) idleDue() time.Duration {
	return keepAlive - time.Duration(m.cfg.jitter()*float64(keepAlive)/10)
}

// isWarm reports whether an account is renewed ahead of time. It calls the
// host's code.
func (m *Manager) isWarm(rec Record) bool {
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
