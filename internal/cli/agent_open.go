package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/pgstore"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// agentLog is an audit log in a database.
type agentLog interface {
	agent.Log
	Verify(ctx context.Context) (agent.ChainReport, error)
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
	a, err := openAgents(ctx, db, v, create)
	if err != nil {
		return err
	}
	err = work(a)
	if closing := a.store.Close(); err == nil && closing != nil {
		err = fmt.Errorf("close the database of agents: %w", closing)
	}
	return err
}

func openAgents(ctx context.Context, db string, v *vault.Vault, create bool) (*agentDB, error) {
	none := &hinted{
		errors.New("there are no approvals or records of agents in this database"),
		[]string{"a program with agents creates the tables; is " + envDB + " or --db right?"},
		exitFailure,
	}
	if isPostgres(db) {
		found, err := pgstore.Exists(ctx, db)
		if err == nil && !found && !create {
			return nil, none
		}
		var s *pgstore.Store
		if err == nil {
			s, err = pgstore.Open(ctx, db)
		}
		if err != nil {
			return nil, &hinted{
				fmt.Errorf("the database of agents cannot be opened: %w", err),
				[]string{"check the PostgreSQL URL in " + envDB + " or --db, and the server"},
				exitFailure,
			}
		}
		return &agentDB{s, s.Audit(v), v}, nil
	}
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) && !create {
		return nil, none
	}
	s, err := sqlitestore.Open(db)
	if err != nil {
		return nil, &hinted{fmt.Errorf("the database of agents cannot be opened: %w", err), []string{sqliteHint(err)}, exitFailure}
	}
	return &agentDB{s, s.Audit(v), v}, nil
}
