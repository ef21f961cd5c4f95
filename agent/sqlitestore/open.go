// Package sqlitestore keeps approvals, counters and the audit log of agents in a SQLite
// file: the store for one host, with any number of processes on it. It can be the file
// with the connected accounts; the tables have names of their own, with agent_.
//
//	store, err := sqlitestore.Open("accounts.db")
//	a, err := agent.New(tools.Catalog(), agent.WithApprovals(store), agent.WithVault(v), agent.WithAudit(store.Audit(v)))
//
// Every change is on the disk when its method returns. The file must be on a local
// disk. Bodies of approvals come sealed from package agent; of the other columns, the
// name of the account, the run and the state are in clear.
package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/migrations"
	"github.com/closekit/closekit/internal/sqlitefile"
)

// readers is how many reads can run at once.
const readers = 4

//go:embed migrations/*.sql
var files embed.FS

// Store is an [agent.Store] in a file. Make it with [Open].
type Store struct {
	path           string
	reader, writer *sql.DB
}

// Open opens the database in a file, and makes it if there is none. The folder must
// exist. It refuses files of other programs, and databases of a newer version of this
// package.
func Open(path string) (*Store, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlitestore: the path of a file is needed; agent.NewMemoryStore keeps approvals in memory")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if err := sqlitefile.Create(abs); err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: abs}
	if err := s.open(); err != nil {
		return nil, errors.Join(s.fail(err), s.Close())
	}
	return s, nil
}

// Exists reports whether a file has the tables that [Open] makes. It changes nothing.
func Exists(ctx context.Context, path string) (found bool, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	s := &Store{}
	if s.path, err = filepath.Abs(path); err != nil {
		return false, fmt.Errorf("sqlitestore: %w", err)
	}
	if s.reader, err = sqlitefile.Connect(s.path, 1, "busy_timeout(15000)", "query_only(1)"); err == nil {
		err = s.reader.QueryRowContext(ctx, "select exists (select 1 from sqlite_schema where name = 'agent_version')").Scan(&found)
	}
	return found, errors.Join(s.fail(err), s.Close())
}

func (s *Store) open() (err error) {
	// The writer waits by itself, so that waiting ends with the context.
	s.writer, err = sqlitefile.Connect(s.path, 1, "busy_timeout(0)", "synchronous(full)", "secure_delete(fast)", "journal_size_limit(67108864)")
	if err != nil {
		return err
	}
	if s.reader, err = sqlitefile.Connect(s.path, readers, "busy_timeout(15000)", "query_only(1)"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*sqlitefile.BusyLimit)
	defer cancel()
	var mode string
	err = sqlitefile.Patiently(ctx, func() error {
		return s.writer.QueryRowContext(ctx, "pragma journal_mode = wal").Scan(&mode)
	})
	switch {
	case err != nil:
		return err
	case mode != "wal":
		return fmt.Errorf("the file system cannot hold a database with a write-ahead log (its mode is %q); use a local disk", mode)
	}
	return s.migrate(ctx)
}

// migrate brings our tables to the newest version. The version of the file itself is
// that of the accounts, which may come to be in it later.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations.Steps(files)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var app, tables, version int
		for query, to := range map[string]*int{"pragma application_id": &app, "select count(*) from sqlite_schema": &tables} {
			if err := tx.QueryRowContext(ctx, query).Scan(to); err != nil {
				return err
			}
		}
		if app != sqlitefile.Application && (app != 0 || tables != 0) {
			return errors.New("the file holds the database of another program")
		}
		if _, err := tx.ExecContext(ctx, "create table if not exists agent_version (version integer not null primary key) strict"); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "select coalesce(max(version), 0) from agent_version").Scan(&version); err != nil {
			return err
		}
		if version > len(steps) {
			return fmt.Errorf("the tables of agents are of version %d, and this program knows no version above %d: use a newer release of it", version, len(steps))
		}
		for i, step := range steps[version:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "insert into agent_version (version) values (?)", version+i+1); err != nil {
				return err
			}
		}
		// Values of pragmas cannot be parameters.
		_, err := tx.ExecContext(ctx, fmt.Sprintf("pragma application_id = %d", sqlitefile.Application))
		return err
	})
}

// write makes a change. Waiting for others ends with the context; a change that has
// begun is completed, which takes a moment.
func (s *Store) write(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	going := context.WithoutCancel(ctx)
	var tx *sql.Tx
	err = sqlitefile.Patiently(ctx, func() (err error) {
		tx, err = conn.BeginTx(going, nil) // immediate
		return err
	})
	if err != nil {
		return err
	}
	if err := change(going, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close closes the database.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} { // the writer last: it tidies up
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// fail explains an error.
func (s *Store) fail(err error) error {
	var broken *agent.ChainError
	if err == nil || errors.Is(err, agent.ErrNotFound) || errors.Is(err, agent.ErrConflict) || errors.As(err, &broken) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("sqlitestore: %w", sqlitefile.Explain(s.path, err))
}

var _ agent.Store = (*Store)(nil)
