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
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/migrations"
	"github.com/closekit/closekit/internal/pgconnect"
)

// tries is how often something that certainly did not happen is tried.
const tries = 5

//go:embed migrations/*.sql
var files embed.FS

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
	if err := s.migrate(ctx); err != nil {
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

// migrationLock keeps two replicas from migrating at once. It ends with the
// transaction.
const migrationLock = 0x636c6f73656b6167

// migrate brings the tables to the newest version. Users without the right to make
// tables can open a database that is up to date.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations.Steps(files)
	if err != nil {
		return err
	}
	v, err := version(ctx, s.pool)
	if err != nil || v == len(steps) {
		return err
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1::bigint)`, int64(migrationLock)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `create table if not exists closekit_agent_version (version bigint not null primary key, at timestamptz not null default now())`); err != nil {
			return err
		}
		v, err := version(ctx, tx) // another replica may have been first
		if err != nil {
			return err
		}
		if v > len(steps) {
			return &storeError{text: fmt.Sprintf("the tables of agents are of version %d, and this program knows no version above %d: use a newer release of it", v, len(steps))}
		}
		for i := v; i < len(steps); i++ {
			// Several statements at once need the simple protocol.
			if _, err := tx.Exec(ctx, steps[i], pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `insert into closekit_agent_version (version) values ($1::bigint)`, int64(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
}

// version reads the version of the tables, 0 if there are none.
func version(ctx context.Context, q interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
},
) (v int, err error) {
	var there bool
	if err = q.QueryRow(ctx, `select to_regclass('closekit_agent_version') is not null`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, `select coalesce(max(version), 0) from closekit_agent_version`).Scan(&v)
	return v, err
}

// write makes a change in a transaction, which is on the disk afterwards. A change that
// certainly did not happen is tried again.
func (s *Store) write(ctx context.Context, op string, change func(context.Context, pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `select`+pgconnect.Durable); err != nil {
				return err
			}
			return change(ctx, tx)
		})
		if err == nil || try == tries || ctx.Err() != nil || !pgconnect.Undone(err) || pause(ctx, try) != nil {
			return fail(op, err)
		}
	}
}

// pause waits before the next try, longer each time.
func pause(ctx context.Context, try int) error {
	wait := 10 * time.Millisecond << (2 * (try - 1)) // 10 ms to 640 ms
	timer := time.NewTimer(wait/2 + rand.N(wait/2))  //nolint:gosec // nothing depends on it
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
