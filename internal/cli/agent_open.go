package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/pgstore"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// agentLog is an audit log in a database.
type agentLog interface {
	agent.Log
	Verify(ctx context.Context) (agent.ChainReport, error)
	Prune(ctx context.Context, before time.Time) (int, error)
	Erase(ctx context.Context, account string) (int, error)
	KeyUse(ctx context.Context) (map[uint32]int64, error)
	Reseal(ctx context.Context) (int, error)
}

// agentDB is a database with approvals and an audit log of agents.
type agentDB struct {
	store interface {
		agent.Store
		io.Closer
	}
	log   agentLog
	vault *vault.Vault
}

// withAgents opens the database of agents, does the work, and closes it again. It is
// named as that of the accounts is, and can be the same. If create is true, it is made
// if there is none.
func (p *program) withAgents(ctx context.Context, f *accountFlags, create bool, work func(*agentDB) error) error {
	db, err := p.database(f)
	if err != nil {
		return err
	}
	_, v, _, err := p.keyset(f)
	if err != nil {
		return err
	}
	if !create {
		switch found, err := agentsExist(ctx, db); {
		case err != nil:
			return err
		case !found:
			return &hinted{
				errors.New("there are no approvals or records of agents in this database"),
				[]string{"a program with agents creates the tables; is " + envDB + " or --db right?"},
				exitFailure,
			}
		}
	}
	a, err := openAgents(ctx, db, v)
	if err != nil {
		return err
	}
	return a.closed(work(a))
}

// closed closes the database after work that returned err.
func (a *agentDB) closed(err error) error {
	if closing := a.store.Close(); err == nil && closing != nil {
		return fmt.Errorf("close what agents keep: %w", closing)
	}
	return err
}

// agentsExist reports whether a database has the tables of agents.
func agentsExist(ctx context.Context, db string) (bool, error) {
	exists := sqlitestore.Exists
	if isPostgres(db) {
		exists = pgstore.Exists
	}
	found, err := exists(ctx, db)
	return found, unopened(db, err)
}

func openAgents(ctx context.Context, db string, v *vault.Vault) (*agentDB, error) {
	if isPostgres(db) {
		s, err := pgstore.Open(ctx, db)
		if err != nil {
			return nil, unopened(db, err)
		}
		return &agentDB{s, s.Audit(v), v}, nil
	}
	s, err := sqlitestore.Open(db)
	if err != nil {
		return nil, unopened(db, err)
	}
	return &agentDB{s, s.Audit(v), v}, nil
}

// unopened explains an error of opening the database of agents.
func unopened(db string, err error) error {
	if err == nil {
		return nil
	}
	hint := "check the PostgreSQL URL in " + envDB + " or --db, and the server"
	if !isPostgres(db) {
		hint = sqliteHint(err)
	}
	return &hinted{fmt.Errorf("the database of agents cannot be opened: %w", err), []string{hint}, exitFailure}
}
