package accounts

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/closekit/closekit"
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
// whether the account exists and is connected shows at the first use.
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
// renewed when they have less than d left. Best effort: if renewal fails, a
// token valid for at least a minute is still returned. d is capped at 90 % of
// the token's lifetime.
func (a *Account) MinValidity(d time.Duration) *Account { return a.m.handle(a.key, d) }

// String names the account and shows no credential.
func (a *Account) String() string { return "account " + a.key.String() }

// GoString is String.
func (a *Account) GoString() string { return a.String() }

// LogValue logs which account it is.
func (a *Account) LogValue() slog.Value { return a.key.LogValue() }

// Info describes the account.
func (a *Account) Info(ctx context.Context) (Info, error) {
	r, err := a.m.store.Load(ctx, a.key)
	return infoOf(r), err
}

// Credential returns the access token of the account, renewed if it has less
// than a minute left. A failed renewal is reported only when there is no valid
// token. Errors are an [AccountError] or that of the context.
func (a *Account) Credential(ctx context.Context) (closekit.Credential, error) {
	t, err := a.token(ctx)
	if err != nil {
		return closekit.Credential{}, err
	}
	return t.cred, nil
}

// token returns the published token without asking anyone, and takes the slow
// path only if that is not possible.
func (a *Account) token(ctx context.Context) (*token, error) {
	e := a.entry.Load()
	if t := e.token.Load(); t != nil {
		now := a.m.now()
		if now.before(t.deadline) && now.mono < t.check.Load() && t.lasts(now, a.min) {
			e.use(now)
			return t, nil
		}
	}
	return a.m.validToken(ctx, a)
}

// Renew is called by the client when a credential was rejected with 401. Each
// generation of tokens is renewed at most once for that reason. A rejection of
// a token that was renewed because of a rejection less than a minute ago is a
// [*ProviderRejectedError].
func (a *Account) Renew(ctx context.Context, rejected closekit.Credential) (closekit.Credential, error) {
	t, err := a.m.afterRejection(ctx, a, rejected)
	if err != nil {
		return closekit.Credential{}, err
	}
	return t.cred, nil
}

// AccountName returns the name of the account for logs and approvals: tenant,
// connection and identifier, each quoted. It identifies the account.
func (a *Account) AccountName() string { return a.key.String() }
