package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// Disconnect ends an account: its tokens are erased from the store, renewals in
// flight are fenced off, and the grant is revoked at Close, at once if Close can
// be reached and by [Manager.Run] for a day if not; revoked reports which. The
// reason is [HostDisconnect] or [AdminDisconnect]. It may be repeated. This
// manager returns no token of the account afterwards. Others that share the store
// may return one for up to 7 seconds, or for 15 minutes if they cannot reach the
// store. The error
// is [ErrNotFound] if there is no account.
func (m *Manager) Disconnect(ctx context.Context, p Principal, connection string, reason Reason) (revoked bool, err error) {
	key, err := m.key(p, connection)
	if err != nil {
		return false, err
	}
	actor := "host"
	switch reason {
	case HostDisconnect:
	case AdminDisconnect:
		actor = "admin"
	default:
		return false, fmt.Errorf("accounts: %q is not a reason to disconnect", reason)
	}
	if err := failpoint.Hit(ctx, failpoint.Disconnect); err != nil {
		return false, err
	}
	rec, err := m.store.Disconnect(ctx, DisconnectRequest{
		Key: key, Reason: reason, RevocationIDs: [2]string{randomID(), randomID()}, Note: Note{Type: EventDisconnected, Actor: actor},
	})
	e := m.entry(key)
	if err == nil {
		now := m.now()
		e.advance(rec.Generation, now, now) // whatever is in flight stays unpublished
	}
	e.token.Store(nil)
	if err != nil {
		return false, err
	}
	return m.revokeOf(ctx, key), nil
}

// queueRevocation revokes a pair that arrived after its account was disconnected.
func (m *Manager) queueRevocation(ctx context.Context, c *conn, rec Record, q CommitRequest) {
	ctx, cancel := detached(ctx)
	defer cancel()
	err := m.store.QueueRevocation(ctx, Revocation{
		ID: randomID(), Key: rec.Key, AccountID: rec.ID, Purpose: PurposeTokens, Generation: q.Generation + 1, Sealed: q.Tokens,
	})
	if err == nil {
		m.revokeOf(ctx, rec.Key)
		return
	}
	// The store cannot be reached: try once without it.
	p, err := openPair(m.vault, q.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, q.Generation+1))
	if err != nil || !c.oauth.revoke(ctx, p.refresh) {
		m.log.WarnContext(ctx, "a grant could not be revoked at the provider", "account", rec.Key)
	}
}

const (
	revocationLease   = 5 * time.Minute // between two tries of one
	revocationBatch   = 10
	revocationsPerRun = 1000
)

// revokeQueued works through the queue of revocations. One that fails waits for
// the next time and delays no other, except at a connection that does not
// respond.
func (m *Manager) revokeQueued(ctx context.Context) {
	silent := map[string]bool{}
	for n := 0; n < revocationsPerRun && !m.stopping(); n += revocationBatch {
		list, err := m.claimRevocations(ctx, RevocationRequest{Lease: revocationLease, Limit: revocationBatch})
		if err != nil || len(list) == 0 {
			return
		}
		m.revokeAll(ctx, list, silent)
	}
}

// revokeOf works through the queued revocations of one account, and reports
// whether none is left.
func (m *Manager) revokeOf(ctx context.Context, key Key) bool {
	list, err := m.claimRevocations(ctx, RevocationRequest{Key: key, Lease: revocationLease, Limit: revocationsPerRun})
	return err == nil && m.revokeAll(ctx, list, map[string]bool{}) == 0
}

func (m *Manager) claimRevocations(ctx context.Context, r RevocationRequest) ([]Revocation, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return m.store.ClaimRevocations(ctx, r)
}

// revokeAll works through a list, notes the connections that do not respond, and
// reports how many are left.
func (m *Manager) revokeAll(ctx context.Context, list []Revocation, silent map[string]bool) (left int) {
	left = len(list)
	for _, v := range list {
		if m.stopping() || ctx.Err() != nil || failpoint.Hit(ctx, failpoint.Revoke) != nil {
			return left
		}
		if silent[v.Key.connection] {
			continue
		}
		settled, responds := m.revoke(ctx, v)
		if !responds {
			silent[v.Key.connection] = true
		}
		if settled {
			left--
			short, cancel := detached(ctx)
			_ = m.store.FinishRevocation(short, v.ID) // it is tried again otherwise
			cancel()
		}
	}
	return left
}

// revoke revokes one pair. It reports whether that is settled, and whether the
// provider may respond for others.
func (m *Manager) revoke(ctx context.Context, v Revocation) (settled, responds bool) {
	c, err := m.conn(v.Key.connection)
	if err != nil {
		return false, false // another replica may know it
	}
	p, err := openPair(m.vault, v.Sealed, AssociatedData(v.Key, v.AccountID, v.Purpose, v.Generation))
	if err != nil {
		m.log.ErrorContext(ctx, "stored tokens cannot be opened", "account", v.Key, "key_id", v.Sealed.KeyID)
		return false, true
	}
	token := p.refresh
	if token.IsZero() {
		token = p.access
	}
	if token.IsZero() {
		return true, true
	}
	ctx, end := m.cfg.Tracer.Start(ctx, OpRevoke, c.Name)
	ok := c.oauth.revoke(ctx, token)
	end(resultOf(ok))
	if !ok {
		m.log.WarnContext(ctx, "the provider did not confirm a revocation; it is tried again later", "account", v.Key)
	}
	return ok, ok
}
