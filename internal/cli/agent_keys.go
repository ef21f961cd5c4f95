package cli

import (
	"context"

	"github.com/closekit/closekit/agent"
)

// keyUsage is how many sealed things of a database need which key.
type keyUsage struct {
	primary uint32
	use     map[uint32]int64 // of accounts and agents
}

func (p *program) keyUse(ctx context.Context, m *session, f *accountFlags) (keyUsage, error) {
	h, err := m.Health(ctx)
	if err != nil {
		return keyUsage{}, err
	}
	u := keyUsage{h.PrimaryKey, map[uint32]int64{}}
	add := func(use map[uint32]int64, err error) error {
		for id, n := range use {
			u.use[id] += n
		}
		return err
	}
	_ = add(h.KeyUse, nil)
	return u, p.besideAccounts(ctx, m, f, func(db *agentDB) error {
		if err := add(db.store.KeyUse(ctx)); err != nil {
			return err
		}
		return add(db.log.KeyUse(ctx))
	})
}

// resealAgents seals again what agents keep beside the accounts.
func (p *program) resealAgents(ctx context.Context, m *session, f *accountFlags) (changed int, err error) {
	err = p.besideAccounts(ctx, m, f, func(db *agentDB) error {
		a, err := agent.New(p.catalog, agent.WithApprovals(db.store), agent.WithVault(db.vault))
		if err != nil {
			return err
		}
		if changed, err = a.Reseal(ctx); err != nil {
			return err
		}
		n, err := db.log.Reseal(ctx)
		changed += n
		return err
	})
	return changed, err
}

// besideAccounts does the work with what agents keep in the database of accounts, if
// there is anything.
func (p *program) besideAccounts(ctx context.Context, m *session, f *accountFlags, work func(*agentDB) error) error {
	db, err := p.database(f)
	if err != nil {
		return err
	}
	found, err := agentsExist(ctx, db)
	if err != nil || !found {
		return err
	}
	a, err := openAgents(ctx, db, m.vault)
	if err != nil {
		return err
	}
	return a.closed(work(a))
}
