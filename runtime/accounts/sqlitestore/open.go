// Package sqlitestore keeps connected accounts in a SQLite file: the store for
// one host, with any number of processes on it. It needs no server and no C
// compiler.
//
// Every change is on the disk when its method returns. The file is made
// readable for its owner alone, and so are the files beside it that SQLite
// makes (-wal and -shm). It must be on a local disk, not on a network file
// system.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// readers is how many reads can run at once.
const readers = 8

// Store is an [accounts.Store] in a file. Make it with [Open].
type Store struct {
	accounts.Store // the rules, over txStore
	skipped        sqlrow.Skipped

	path   string
	file   os.FileInfo      // the file as it was opened
	clock  func() time.Time // that of the host, which all processes share
	reader *sql.DB
	reads  sync.Map // prepared statements by their text
	writer *sql.DB

	turn    chan struct{}        // held by the goroutine that uses the rest
	conn    *sql.Conn            // the only one of writer
	writes  map[string]*sql.Stmt // prepared statements by their text
	updates map[uint64]string    // statements of PutAccount
}

// OnUnreadable implements [accounts.UnreadableReporter].
func (s *Store) OnUnreadable(f func(row string, err error)) { s.skipped.OnUnreadable(f) }

// Open opens the database in a file, and makes it if there is none. The folder
// must exist. It refuses files that hold something else, and databases of a
// newer version of this package.
func Open(path string) (*Store, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlitestore: the path of a file is needed; package memstore keeps accounts in memory")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if err := sqlitefile.Create(abs); err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: abs, clock: time.Now, turn: make(chan struct{}, 1), writes: map[string]*sql.Stmt{}, updates: map[uint64]string{}}
	s.Store = accounts.NewStore(txStore{s})
	if err := s.open(); err != nil {
		return nil, errors.Join(s.fail(err), s.Close())
	}
	return s, nil
}

func (s *Store) open() error {
	var err error
	if s.file, err = os.Stat(s.path); err != nil {
		return err
	}
	for _, beside := range []string{s.path + "-wal", s.path + "-shm"} {
		// They have the mode that the database had when SQLite made them. A user
		// who has made it writable since does not know of them.
		if info, err := os.Stat(beside); err == nil && info.Mode().Perm() != s.file.Mode().Perm() {
			_ = os.Chmod(beside, s.file.Mode().Perm()) // the next statement says if it matters
		}
	}
	// The writer waits by itself, so that waiting ends with the context.
	s.writer, err = sqlitefile.Connect(s.path, 1, "busy_timeout(0)", "synchronous(full)", "secure_delete(fast)", "journal_size_limit(67108864)")
	if err != nil {
		return err
	}
	s.reader, err = sqlitefile.Connect(s.path, readers, "busy_timeout(15000)", "query_only(1)")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*sqlitefile.BusyLimit)
	defer cancel()
	var mode string
	err = sqlitefile.Patiently(ctx, func() (err error) {
		if s.conn == nil {
			if s.conn, err = s.writer.Conn(ctx); err != nil {
				return err
			}
		}
		return s.conn.QueryRowContext(ctx, "pragma journal_mode = wal").Scan(&mode)
	})
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system cannot hold a database with a write-ahead log (its mode is %q); use a local disk", mode)
	}
	return s.migrate(ctx)
}

// Close closes the database. It waits for the change that is being made.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.conn != nil {
		for _, st := range s.writes {
			errs = append(errs, st.Close())
		}
		if err := s.conn.Close(); !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close()) // last: it tidies up the files
	}
	clear(s.writes)
	return errors.Join(errs...)
}

var _ accounts.Store = (*Store)(nil)
