package accounts

import (
	"context"
	"time"

	"github.com/closekit/closekit"
)

// validToken is the slow path of Account.token: it asks the store, and renews
// if it must.
func (m *Manager) validToken(ctx context.Context, a *Account) (*token, error) {
	e := m.currentEntry(a)
	e.use(m.now())
	for range 4 {
		if t := m.publishedToken(ctx, e); t != nil && t.lasts(m.now(), a.min) {
			return t, nil
		}
		rec, err := m.reload(ctx, e)
		if err != nil {
			return m.validOr(e, err)
		}
		if t := e.unexpired(m.now()); t != nil && t.lasts(m.now(), a.min) {
			return t, nil
		}
		if err := m.renew(ctx, e, rec.Generation, byDemand); err != nil {
			return m.validOr(e, err)
		}
		if t := e.unexpired(m.now()); t != nil {
			return t, nil // it lasts as long as the provider allows
		}
	}
	return m.validOr(e, &TemporarilyUnavailableError{Key: e.key, RetryAfter: time.Second, Kind: Busy})
}

// currentEntry returns the entry of a handle, a new one if it was forgotten
// meanwhile.
func (m *Manager) currentEntry(a *Account) *entry {
	e := a.entry.Load()
	e.mu.Lock()
	forgotten := e.forgotten
	e.mu.Unlock()
	if forgotten {
		e = m.entry(a.key)
		a.entry.Store(e)
	}
	return e
}

// validOr returns a token that is still valid in spite of an error. An error
// about the state of the account is never passed over: publish took the token
// away then.
func (m *Manager) validOr(e *entry, err error) (*token, error) {
	if t := e.unexpired(m.now()); t != nil {
		return t, nil
	}
	return nil, err
}

// publishedToken returns the published token if it may be handed out. Every few
// seconds one caller asks the store whether it still counts; the others do not
// wait for that.
func (m *Manager) publishedToken(ctx context.Context, e *entry) *token {
	now := m.now()
	t := e.unexpired(now)
	if t == nil || now.mono < t.check.Load() || !t.checking.CompareAndSwap(false, true) {
		return t
	}
	defer t.checking.Store(false)
	short, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	if _, err := m.reload(short, e); err != nil && e.token.Load() == t {
		t.check.Store(min(now.add(checkEvery).mono, t.trusted)) // the store cannot be reached; the token is as good as before, for a while
	}
	return e.unexpired(m.now())
}

// rejectedFor is how long a second rejection bars another renewal.
const rejectedFor = time.Minute

// afterRejection is Account.Renew.
func (m *Manager) afterRejection(ctx context.Context, a *Account, rejected closekit.Credential) (*token, error) {
	e := m.currentEntry(a)
	rec, err := m.reload(ctx, e)
	if err != nil {
		return nil, err
	}
	if t := e.token.Load(); t != nil && !t.cred.Equal(rejected) {
		return m.validToken(ctx, a) // there is a newer one
	}
	e.mu.Lock()
	barred := e.forced == rec.Generation && m.now().since(e.forcedAt) < rejectedFor
	e.mu.Unlock()
	if barred {
		return nil, &ProviderRejectedError{e.key, 401}
	}
	if err := m.renew(ctx, e, rec.Generation, byRejection); err != nil {
		return nil, err
	}
	return m.validToken(ctx, a)
}

// Refresh renews the tokens of an account now, whether they are due or not. It
// waits for no backoff and may replay an attempt in doubt once more, but never
// joins in while another process renews. Meant for operators.
func (m *Manager) Refresh(ctx context.Context, p Principal, connection string) (Info, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Info{}, err
	}
	e := m.entry(key)
	rec, err := m.reload(ctx, e)
	if err == nil {
		err = m.renew(ctx, e, rec.Generation, byOperator)
	}
	info, loadErr := m.Get(ctx, p, connection)
	if err == nil {
		err = loadErr
	}
	return info, err
}
