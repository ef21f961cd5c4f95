package accounts

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/accounts/internal/secret"
)

// Account is a handle on the connected account of one principal. It is a
// [closekit.Renewer]: make a client of it with closekit.NewClient, or with
// Client.With from a client whose options it shares, and all calls of that
// client act as that user. Its methods take no identifier, so that
// nothing a model writes can reach another account. A handle is cheap and safe
// for concurrent use; keep it as long as the session.
type Account struct {
	m     *Manager
	key   Key
	min   time.Duration
	entry atomic.Pointer[entry]
}

var _ closekit.Renewer = (*Account)(nil)

// Account returns the handle of a principal's account. It reads nothing;
// whether the account exists and is connected shows with the first use.
func (m *Manager) Account(p Principal, connection string) (*Account, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return nil, err
	}
	return m.handle(key, 0), nil
}

func (m *Manager) handle(key Key, least time.Duration) *Account {
	a := &Account{m: m, key: key, min: least}
	a.entry.Store(m.entry(key))
	return a
}

// MinValidity returns a handle on the same account whose credentials are
// renewed when they have less than d left. It is a wish: a token with less is
// given while renewal fails, as long as it is valid for a minute, and nine
// tenths of a token's life are as much as counts.
func (a *Account) MinValidity(d time.Duration) *Account { return a.m.handle(a.key, d) }

// String names the account and shows no credential.
func (a *Account) String() string { return "account " + a.key.String() }

// GoString is String.
func (a *Account) GoString() string { return a.String() }

// LogValue logs which account it is.
func (a *Account) LogValue() slog.Value { return a.key.LogValue() }

// Info reads what is known about the account.
func (a *Account) Info(ctx context.Context) (Info, error) {
	r, err := a.m.store.Load(ctx, a.key)
	return infoOf(r), err
}

// Credential gives the access token of the account, renewed if it has less
// than a minute left. Trouble with renewal shows only when there is no valid
// token. Errors are an [AccountError] or that of the context.
func (a *Account) Credential(ctx context.Context) (closekit.Credential, error) {
	e := a.entry.Load()
	if t := e.token.Load(); t != nil {
		now := a.m.now()
		if now.before(t.deadline) && now.mono < t.check.Load() && t.lasts(now, a.min) {
			e.use(now)
			return t.cred, nil
		}
	}
	return a.m.credential(ctx, a)
}

// Renew is called by the client when a credential was refused with 401. Each
// generation of tokens is renewed at most once for that reason. A refusal of a
// token that was renewed because of a refusal less than a minute ago is a
// [*ProviderRejectedError].
func (a *Account) Renew(ctx context.Context, refused closekit.Credential) (closekit.Credential, error) {
	return a.m.afterRefusal(ctx, a, refused)
}

// token is a published access token.
type token struct {
	cred       closekit.Credential
	generation int64
	attempt    string  // that brought it; a database that came back older may use a generation twice
	deadline   instant // not given out after
	end        instant // not valid after
	life       time.Duration
	check      atomic.Int64 // monotonic time after which the store is asked again
	checking   atomic.Bool
}

// lasts reports whether the token is valid for as long as a handle wishes.
func (t *token) lasts(now instant, wish time.Duration) bool {
	return wish == 0 || now.until(t.end) >= min(wish, t.life-t.life/10)
}

const (
	floorTime   = time.Minute     // least validity of a token that is given out
	checkEvery  = 5 * time.Second // how long a published token is believed
	checkBudget = 2 * time.Second // how long asking again may take
	idleTime    = 5 * time.Minute // how long an unused token stays in memory
	useEvery    = int64(time.Minute)
)

// entry is what this process knows of one account.
type entry struct {
	key    Key
	token  atomic.Pointer[token]
	used   atomic.Int64 // wall time of the last use that was noted
	dirty  atomic.Bool  // the store does not know of it
	newest atomic.Int64 // newest generation that was seen

	mu        sync.Mutex
	fence     int64 // generation that was seen last; what was read before is not published
	fenceAt   int64 // monotonic time from when on that was so
	flight    *flight
	forced    int64   // generation that a refusal led to
	forcedAt  instant // when
	forgotten bool    // no longer in the manager's map
}

// flight is a renewal that callers wait for.
type flight struct {
	done chan struct{}
	err  error
}

func (m *Manager) entry(key Key) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	if e == nil {
		e = &entry{key: key}
		m.entries[key] = e
	}
	return e
}

// live gives the entry of a handle, a new one if it was forgotten meanwhile.
func (m *Manager) live(a *Account) *entry {
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

// advance moves the fence to a generation that was read, and reports false if
// the reading began before a newer one was seen. A reading that began after
// that and is older still means that the database came back older.
func (e *entry) advance(generation int64, read, now instant) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if generation < e.fence && read.mono <= e.fenceAt {
		return false
	}
	if generation != e.fence {
		e.fence, e.fenceAt = generation, now.mono
	}
	if generation > e.newest.Load() {
		e.newest.Store(generation)
	}
	return true
}

// use notes that the account is in use, once a minute.
func (e *entry) use(now instant) {
	if now.wall-e.used.Load() > useEvery {
		e.used.Store(now.wall)
		e.dirty.Store(true)
	}
}

// credential is the slow path of Account.Credential.
func (m *Manager) credential(ctx context.Context, a *Account) (closekit.Credential, error) {
	e := m.live(a)
	e.use(m.now())
	for range 4 {
		t := m.valid(ctx, e)
		if t != nil && t.lasts(m.now(), a.min) {
			return t.cred, nil
		}
		t, generation, err := m.look(ctx, e)
		if err != nil {
			return m.orValid(e, err)
		}
		if now := m.now(); t != nil && now.before(t.deadline) && t.lasts(now, a.min) {
			return t.cred, nil
		}
		if err := m.renew(ctx, e, generation, byDemand); err != nil {
			return m.orValid(e, err)
		}
		if t := e.token.Load(); t != nil && m.now().before(t.deadline) {
			return t.cred, nil // it has as much as the provider gives
		}
	}
	return m.orValid(e, &TemporarilyUnavailableError{Key: e.key, RetryAfter: time.Second, Kind: Busy})
}

// orValid gives a token that is still valid in spite of an error. An error that
// says what the account is worth is never passed over: look took the token
// away then.
func (m *Manager) orValid(e *entry, err error) (closekit.Credential, error) {
	if t := e.token.Load(); t != nil && m.now().before(t.deadline) {
		return t.cred, nil
	}
	return closekit.Credential{}, err
}

// valid gives the published token if it may be given out. Every few seconds one
// caller asks the store whether it still counts; the others are not held up.
func (m *Manager) valid(ctx context.Context, e *entry) *token {
	t, now := e.token.Load(), m.now()
	if t == nil || !now.before(t.deadline) {
		return nil
	}
	if now.mono < t.check.Load() || !t.checking.CompareAndSwap(false, true) {
		return t
	}
	defer t.checking.Store(false)
	short, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	if _, _, err := m.look(short, e); err != nil && e.token.Load() == t {
		t.check.Store(now.add(checkEvery).mono) // the store is away; the token is as good as before
	}
	if t = e.token.Load(); t == nil || !m.now().before(t.deadline) {
		return nil
	}
	return t
}

// look reads the account, publishes its token and says what it is worth. The
// token may have ended.
func (m *Manager) look(ctx context.Context, e *entry) (*token, int64, error) {
	read := m.now()
	rec, err := m.load(ctx, e.key)
	switch {
	case errors.Is(err, ErrNotFound):
		e.token.Store(nil)
		return nil, 0, &AuthorizationRequiredError{Key: e.key, State: Pending}
	case err != nil && ctx.Err() != nil:
		return nil, 0, context.Cause(ctx)
	case err != nil:
		return nil, 0, &TemporarilyUnavailableError{Key: e.key, Kind: StoreTrouble}
	}
	t, err := m.publish(e, rec, read)
	return t, rec.Generation, err
}

// stateError is what a caller is told about an account that gives no token.
func stateError(r Record) error {
	switch {
	case r.State == Verifying:
		return &VerificationRequiredError{r.Key}
	case (r.State == Active || r.State == Expired) && r.Reason == IdentityMismatch:
		return &IdentityMismatchError{r.Key}
	case r.State == Active, r.State == Expired && r.Reason != NoRefreshToken:
		return nil
	}
	return &AuthorizationRequiredError{r.Key, r.State, r.Reason}
}

// floorOf is the least validity of a token that is given out: a minute, less
// for tokens that live for minutes only.
func floorOf(life time.Duration) time.Duration { return min(floorTime, max(life, 0)/5) }

// publish makes the token of a record the one that callers get. Read is when
// the record was asked for.
func (m *Manager) publish(e *entry, rec Record, read instant) (*token, error) {
	if !e.advance(rec.Generation, read, m.now()) {
		return e.token.Load(), nil // this was read before something newer happened
	}
	if err := stateError(rec); err != nil {
		e.token.Store(nil)
		return nil, err
	}
	left := rec.Expires.Sub(rec.Now)
	life := rec.Expires.Sub(rec.Refreshed)
	deadline := read.add(left - floorOf(life))
	check := m.now().add(checkEvery).mono
	old := e.token.Load()
	t := &token{generation: rec.Generation, attempt: rec.LastAttempt, deadline: deadline, end: read.add(left), life: life}
	t.check.Store(check)
	switch {
	case old != nil && old.generation == rec.Generation && old.attempt == rec.LastAttempt:
		t.cred = old.cred
		t.deadline.mono, t.end.mono = min(t.deadline.mono, old.deadline.mono), min(t.end.mono, old.end.mono)
	default:
		p, err := openPair(m.vault, rec.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation))
		if err != nil {
			m.sealTrouble(rec)
			return nil, &SealError{rec.Key, rec.Tokens.KeyID}
		}
		if p.access.IsZero() {
			return nil, nil //nolint:nilnil // there is nothing to give, and nothing wrong
		}
		t.cred = closekit.BearerCredential(secret.Reveal(p.access))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	cur := e.token.Load()
	if e.fence != rec.Generation || cur != old && cur != nil && cur.generation >= rec.Generation {
		return cur, nil // the vault took its time, and something newer happened
	}
	e.token.Store(t)
	return t, nil
}

func (m *Manager) sealTrouble(rec Record) {
	m.log.Error("stored tokens cannot be opened", "account", rec.Key, "key_id", rec.Tokens.KeyID)
}

// rejectedFor is how long a second refusal bars another renewal.
const rejectedFor = time.Minute

// afterRefusal is Account.Renew.
func (m *Manager) afterRefusal(ctx context.Context, a *Account, refused closekit.Credential) (closekit.Credential, error) {
	e := m.live(a)
	t, generation, err := m.look(ctx, e)
	if err != nil {
		return closekit.Credential{}, err
	}
	if t != nil && !t.cred.Equal(refused) {
		return m.credential(ctx, a) // there is a newer one
	}
	e.mu.Lock()
	barred := e.forced == generation && m.now().since(e.forcedAt) < rejectedFor
	e.mu.Unlock()
	if barred {
		return closekit.Credential{}, &ProviderRejectedError{e.key, 401}
	}
	if err := m.renew(ctx, e, generation, byRefusal); err != nil {
		return closekit.Credential{}, err
	}
	return m.credential(ctx, a)
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
	_, generation, err := m.look(ctx, e)
	if err == nil {
		err = m.renew(ctx, e, generation, byOperator)
	}
	info, loadErr := m.Get(ctx, p, connection)
	if err == nil {
		err = loadErr
	}
	return info, err
}
