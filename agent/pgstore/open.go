// Package pgstore keeps approvals, counters and the audit log of agents in PostgreSQL
// (14 or newer): the store for programs that run as several replicas. It can be the
// database with the connected accounts; the tables have names of their own, with
// closekit_agent_.
//
//	store, err := pgstore.Open(ctx, databaseURL)
//	a, err := agent.New(tools.Catalog(), agent.WithApprovals(store), agent.WithVault(v), agent.WithAudit(store.Audit(v)))
//
// It needs nothing of a session: every method is a transaction of its own, and no lock
// outlives one. A pooler in transaction mode is fine. Bodies of approvals come sealed
// from package agent; of the other columns, the name of the account, the run and the
// state are in clear.
package pgstore

import (
	"context"
	"embed"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/pgconnect"
)

//go:embed migrations/*.sql
var files embed.FS

var tables = pgconnect.Tables{Files: files, Version: "closekit_agent_version", Lock: 0x636c6f73656b6167, Are: "the tables of agents are"}

// Store is an [agent.Store] in PostgreSQL. Make it with [Open].
type Store struct{ pool *pgxpool.Pool }

// Open connects to a database and brings its tables to the newest version. It refuses
// databases of a newer version. Context bounds the opening only. The URL is that of
// libpq, with the options of pgx.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	pool, err := pgconnect.Pool(ctx, databaseURL)
	if err != nil {
		return nil, fail("open", err)
	}
	s := &Store{pool}
	if err := tables.Migrate(ctx, s.pool); err != nil {
		pool.Close()
		return nil, fail("open", err)
	}
	return s, nil
}

// Exists reports whether a database has the tables that [Open] makes. It changes
// nothing.
func Exists(ctx context.Context, databaseURL string) (found bool, err error) {
	pool, err := pgconnect.Pool(ctx, databaseURL)
	if err != nil {
		return false, fail("open", err)
	}
	defer pool.Close()
	err = pool.QueryRow(ctx, `select to_regclass('closekit_agent_version') is not null`).Scan(&found)
	return found, fail("open", err)
}

// write makes a change; see [pgconnect.Change].
func (s *Store) write(ctx context.Context, op string, change func(context.Context, pgx.Tx) error) error {
	return fail(op, pgconnect.Change(ctx, s.pool, change))
}

// Close closes all connections. It waits for changes that are being made.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// storeError is an error as the caller sees it: without what pgx knows of the
// connection, which has a password.
type storeError struct {
	op, text string
	cause    error
}

func (e *storeError) Error() string {
	if e.op == "" {
		return e.text
	}
	return "pgstore: " + e.op + ": " + e.text
}
func (e *storeError) Unwrap() error { return e.cause }

func fail(op string, err error) error {
	var own *storeError
	var broken *agent.ChainError
	var invalid *pgconnect.URLError
	switch {
	case err == nil, errors.Is(err, agent.ErrNotFound), errors.Is(err, agent.ErrConflict), errors.As(err, &broken):
		return err
	case errors.As(err, &own) && own.op != "":
		return err
	case errors.As(err, &own), errors.As(err, &invalid):
		return &storeError{op, err.Error(), nil}
	case errors.Is(err, context.Canceled):
		return &storeError{op, "canceled by the caller", context.Canceled}
	}
	text, cause := pgconnect.Explain(err)
	return &storeError{op, text, cause}
}

var _ agent.Store = (*Store)(nil)
