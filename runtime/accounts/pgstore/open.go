// Package pgstore keeps connected accounts in PostgreSQL (14 or newer): the
// store for programs that run as several replicas.
//
// It needs nothing of a session: every method is one statement or one batch
// that is a transaction of its own, nothing is prepared on the server, and no
// lock outlives a transaction. A pooler in transaction mode is fine.
package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// deadAfter is how long a connection may leave a change unanswered.
const deadAfter = 5 * time.Minute

//go:embed migrations/*.sql
var files embed.FS

var tables = pgconnect.Tables{Files: files, Version: "closekit_version", Lock: 0x636c6f73656b6974, Are: "the database is"}

// Store is an [accounts.Store] in PostgreSQL. Make it with [Open].
type Store struct {
	skipped sqlrow.Skipped
	pool    *pgxpool.Pool
}

// OnUnreadable implements [accounts.UnreadableReporter].
func (s *Store) OnUnreadable(f func(row string, err error)) { s.skipped.OnUnreadable(f) }

// Open connects to a database and brings its tables, whose names begin with
// closekit_, to the newest version. It refuses databases of a newer version.
// Context bounds the opening only.
//
// The URL (or the key=value form) is that of libpq, with the options of pgx:
// pool_max_conns sets the number of connections; default_query_exec_mode says
// how statements are sent. Its default here is exec, which suits every pooler;
// cache_statement is faster where connections are direct.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	s, err := connect(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	if err := tables.Migrate(ctx, s.pool); err != nil {
		s.pool.Close()
		return nil, fail("open", err)
	}
	return s, nil
}

// Exists reports whether a database has the tables that [Open] makes. It changes
// nothing.
func Exists(ctx context.Context, databaseURL string) (found bool, err error) {
	s, err := connect(ctx, databaseURL)
	if err != nil {
		return false, err
	}
	defer s.pool.Close()
	err = s.pool.QueryRow(ctx, `select to_regclass('closekit_version') is not null`).Scan(&found)
	return found, fail("open", err)
}

func connect(ctx context.Context, databaseURL string) (*Store, error) {
	pool, err := pgconnect.Pool(ctx, databaseURL)
	var invalid *pgconnect.URLError
	switch {
	case errors.As(err, &invalid):
		return nil, fmt.Errorf("pgstore: %w", err)
	case err != nil:
		return nil, fail("open", err)
	}
	return &Store{pool: pool}, nil
}

// Close closes all connections. It waits for changes that are being made.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}
