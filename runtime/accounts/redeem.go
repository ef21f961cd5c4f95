package accounts

import (
	"context"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// renew makes a claimed attempt: steps 3 to 8. It always ends the attempt,
// unless its outcome is unknown.
func (a *attempt) renew(ctx context.Context) error {
	a.idle = a.why == bySchedule && !a.m.isWarm(a.rec) // the host's code, so before anything is sent
	ctx, end := a.m.cfg.Tracer.Start(ctx, OpRefresh, a.c.Name)
	defer func() { end(string(a.outcome)) }()
	row, err := a.newTokens(ctx)
	if row == nil {
		return err
	}
	err = a.m.publish(a.m.entry(row.Key), *row)
	_ = failpoint.Hit(ctx, failpoint.Published) // nothing is left to fail
	return err
}

// newTokens makes an attempt up to its end. It returns what the row holds then,
// if that is to be published: new tokens, ours or another process's, or a state
// that has none.
func (a *attempt) newTokens(ctx context.Context) (*reading, error) {
	if err := a.reach(ctx, failpoint.Claimed); err != nil {
		return nil, err
	}
	m, rec := a.m, a.rec
	if q, ok := m.journal.find(rec); ok {
		if _, err := openPair(m.vault, q.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1)); err == nil {
			a.sent = true // by a process that is gone; the response is here already
			return a.commitPair(ctx, q)
		}
	}
	switch {
	case rec.Reason == IdentityMismatch:
		a.release(ctx, func(q *ReleaseRequest) { q.DueIn = -1 })
		return nil, &IdentityMismatchError{rec.Key}
	case rec.NoRefresh:
		return nil, a.withoutRefreshToken(ctx)
	case rec.Doubts > 1 && a.why != byOperator && rec.Failure != RejectedInDoubt && a.left() > a.floor():
		return nil, a.postpone(ctx)
	}
	p, err := openPair(m.vault, rec.Tokens, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation))
	if err != nil {
		return nil, a.unreadable(ctx)
	}
	if err := a.reach(ctx, failpoint.Unsealed); err != nil {
		return nil, err
	}
	return a.redeem(ctx, p.refresh, false)
}

// redeem is steps 4 and 5: it sends a refresh token and deals with what comes
// back. A response that got lost is asked for once more. The fallback is a
// second token that is redeemed when the first was refused.
func (a *attempt) redeem(ctx context.Context, token Secret, fallback bool) (*reading, error) {
	m := a.m
	for {
		if !m.pause(ctx, a.c.limiter.spread(m.now().elapsed())) || m.now().atMost(a.claimed) > leaseTime-sendReserve {
			return nil, a.giveBack(ctx)
		}
		if err := a.reach(ctx, failpoint.Send); err != nil {
			return nil, err
		}
		a.permit.used()
		a.sent = true
		at := m.now()
		r := a.c.oauth.refresh(ctx, token)
		if err := a.reach(ctx, failpoint.Received); err != nil {
			return nil, err
		}
		a.permit.report(r)
		switch r.kind {
		case "":
			row, err := a.storePair(ctx, r, at)
			m.countOddities(a.c, r) // after the pair is stored
			return row, err
		case GrantRefused:
			if fallback {
				return a.revokeOrSuspect(ctx)
			}
			return a.refused(ctx)
		case ConfigTrouble:
			return nil, a.misconfigured(ctx, r)
		case InDoubt, BadSuccess:
			a.rec.Doubts++
			again := a.rec.Doubts == 1 && !fallback && !a.c.breaker.tripped() && !m.stopping() && a.extend(ctx)
			if !again || failpoint.Hit(ctx, failpoint.Replay) != nil {
				return nil, a.failed(ctx, r)
			}
		default:
			return nil, a.failed(ctx, r)
		}
	}
}

// countOddities reports what was strange about a response. It is the host's
// code.
func (m *Manager) countOddities(c *conn, r tokenResponse) {
	for _, o := range r.oddities {
		m.metrics.Oddity(c.Name, o)
	}
}
