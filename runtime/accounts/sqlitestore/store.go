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
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/closekit/closekit/runtime/accounts"
)

const (
	// busyLimit is how long a change waits for other processes.
	busyLimit = 15 * time.Second
	// readers is how many reads can run at once.
	readers = 8
)

// Store is an [accounts.Store] in a file. Make it with [Open].
type Store struct {
	path   string
	file   os.FileInfo // the file as it was opened
	reader *sql.DB
	reads  sync.Map // prepared statements by their text
	writer *sql.DB

	turn   chan struct{} // held by who uses the rest
	conn   *sql.Conn     // the only one of writer
	writes map[string]*sql.Stmt
}

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
	if err := create(abs); err != nil {
		return nil, err
	}
	s := &Store{path: abs, turn: make(chan struct{}, 1), writes: map[string]*sql.Stmt{}}
	if err := s.open(); err != nil {
		return nil, errors.Join(s.fail(err), s.Close())
	}
	return s, nil
}

// create makes an empty file that only its owner can read. The file is never
// opened under its own name, because closing it would take away the locks that
// this process may hold on it.
func create(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("sqlitestore: %s is a directory, a file is needed", path)
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("sqlitestore: %s is not a regular file", path)
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("sqlitestore: cannot reach the database: %w", err)
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("sqlitestore: cannot create the database %s: %w", path, err)
	}
	tmp, err := os.CreateTemp(dir, ".closekit-*") // mode 0600
	if err != nil {
		return fmt.Errorf("sqlitestore: cannot create the database %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("sqlitestore: cannot create the database %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err == nil || errors.Is(err, os.ErrExist) {
		return nil
	}
	// A file system without hard links.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // that is the file asked for
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sqlitestore: cannot create the database %s: %w", path, err)
	}
	return f.Close()
}

func (s *Store) open() error {
	var err error
	if s.file, err = os.Stat(s.path); err != nil {
		return err
	}
	for _, beside := range []string{s.path + "-wal", s.path + "-shm"} {
		// SQLite gave them the mode that the database had then. Who has made it
		// writable since does not know of them.
		if info, err := os.Stat(beside); err == nil && info.Mode().Perm() != s.file.Mode().Perm() {
			_ = os.Chmod(beside, s.file.Mode().Perm()) // the next statement says if it matters
		}
	}
	// The writer waits by itself, so that waiting ends with the context.
	s.writer, err = connect(s.path, 1, "busy_timeout(0)", "synchronous(full)", "secure_delete(fast)", "journal_size_limit(67108864)")
	if err != nil {
		return err
	}
	s.reader, err = connect(s.path, readers, "busy_timeout(15000)", "query_only(1)")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*busyLimit)
	defer cancel()
	var mode string
	err = patiently(ctx, func() (err error) {
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

func connect(path string, conns int, pragmas ...string) (*sql.DB, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Path: path}
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "mode": {"rw"}}
	db, err := sql.Open("sqlite", "file:"+u.EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
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

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// read visits the rows of a query.
func (s *Store) read(ctx context.Context, query string, visit func(scanner) error, args ...any) error {
	return s.fail(patiently(ctx, func() error {
		st, err := s.prepared(ctx, query)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(ctx, args...)
		return each(rows, err, visit)
	}))
}

// prepared gives the statement of a query. There are few texts.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.reads.Load(query); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := s.reader.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if old, ok := s.reads.LoadOrStore(query, st); ok {
		return old.(*sql.Stmt), st.Close()
	}
	return st, nil
}

func each(rows *sql.Rows, err error, visit func(scanner) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// tx is a change. Nothing else is written while it runs, by any process, so
// that it can read, decide and write.
type tx struct {
	ctx context.Context
	*Store
	now time.Time
}

// write makes a change. Waiting ends with the context; what has begun is
// brought to its end, which takes a moment.
func (s *Store) write(ctx context.Context, change func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(now, s.file) {
		return fmt.Errorf("sqlitestore: the database %s was removed or replaced while it was open; restart the program", s.path)
	}
	return s.fail(s.change(ctx, change))
}

func (s *Store) change(ctx context.Context, change func(*tx) error) (err error) {
	t := &tx{ctx: context.WithoutCancel(ctx), Store: s}
	// Immediate, because a change that begins as a read cannot wait for others.
	if err := patiently(ctx, func() error { _, err := t.exec("begin immediate"); return err }); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed {
			_, _ = t.exec("rollback") // SQLite may have done so already
		}
	}()
	t.now = now()
	if err := change(t); err != nil {
		return err
	}
	_, err = t.exec("commit")
	committed = err == nil
	return err
}

// patiently tries again as long as another process is in the way.
func patiently(ctx context.Context, try func() error) error {
	limit := time.Now().Add(busyLimit)
	for wait := 200 * time.Microsecond; ; wait = min(2*wait, 8*time.Millisecond) {
		err := try()
		if code(err) != sqlite3.SQLITE_BUSY || time.Now().After(limit) {
			return err
		}
		timer := time.NewTimer(wait/2 + rand.N(wait)) //nolint:gosec // nothing depends on it
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

func (t *tx) statement(query string) (*sql.Stmt, error) {
	if st := t.writes[query]; st != nil {
		return st, nil
	}
	st, err := t.conn.PrepareContext(t.ctx, query)
	if err == nil {
		t.writes[query] = st
	}
	return st, err
}

// exec reports how many rows it changed.
func (t *tx) exec(query string, args ...any) (int, error) {
	st, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

func (t *tx) query(query string, visit func(scanner) error, args ...any) error {
	st, err := t.statement(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	return each(rows, err, visit)
}

// one reads one row and reports whether there is one.
func (t *tx) one(query string, visit func(scanner) error, args ...any) (found bool, err error) {
	err = t.query(query, func(sc scanner) error {
		found = true
		return visit(sc)
	}, args...)
	return found, err
}

// now reads the clock of the host, which is the clock of the store.
func now() time.Time { return time.Unix(0, time.Now().UnixNano()).UTC() }

// after gives the moment in d, or none for a negative d.
func (t *tx) after(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	const last = 1<<63 - 1
	if n := t.now.UnixNano(); int64(d) > last-n {
		return time.Unix(0, last).UTC()
	}
	return t.now.Add(d)
}

// nanos is how a time is stored.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// moment reads a time.
type moment struct{ t *time.Time }

// Scan implements [sql.Scanner].
func (m moment) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.Unix(0, n).UTC()
	}
	return nil
}

// code gives the primary code of an error from SQLite.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}

// fail says what an error means.
func (s *Store) fail(err error) error {
	if err == nil || errors.Is(err, accounts.ErrNotFound) || errors.Is(err, accounts.ErrConflict) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var what string
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		what = "is held by another process"
	case sqlite3.SQLITE_FULL:
		what = "cannot grow, the disk is full"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		what = "cannot be written; file and folder must be writable"
	case sqlite3.SQLITE_CANTOPEN:
		what = "cannot be opened; file and folder must be readable and writable"
	case sqlite3.SQLITE_NOTADB:
		what = "is not a database"
	case sqlite3.SQLITE_CORRUPT:
		what = "is damaged"
	case sqlite3.SQLITE_IOERR:
		what = "cannot be read or written"
	default:
		return fmt.Errorf("sqlitestore: %s: %w", s.path, err)
	}
	return fmt.Errorf("sqlitestore: the file %s %s: %w", s.path, what, err)
}
