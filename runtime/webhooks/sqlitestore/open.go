// Package sqlitestore keeps the marks, subscriptions and checkpoints of package webhooks in
// a SQLite file: the store for one host, with any number of processes on it.
//
//	store, err := sqlitestore.Open("app.db")
//	once := store.Transactional(0, func(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error {
//		_, err := tx.ExecContext(ctx, "insert into changes …")
//		return err
//	})
//
// It can be the file with your own tables; the tables of this package have names of their
// own, with closekit_webhook_. A file that is shared should be in WAL mode already, because
// Open changes it. The file must be on a local disk.
//
// A change is on the disk when its method returns, even if the machine loses power:
// changes that come at the same time are committed together (synchronous = FULL), so that
// one write to the disk serves many deliveries.
package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/migrations"
	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/webhooks"
)

// readers is how many reads can run at once.
const readers = 2

//go:embed migrations/*.sql
var files embed.FS

// Store is a [webhooks.Store] in a file. Make it with [Open].
type Store struct {
	path           string
	reader, writer *sql.DB
	now            func() time.Time

	changes chan *change
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	pruned  time.Time // of the writing goroutine
}

var _ webhooks.Store = (*Store)(nil)

// Open opens the database in a file, makes it if there is none, and creates the tables. The
// folder must exist. It refuses tables of a newer version of this package.
func Open(path string) (*Store, error) { return open(path, time.Now) }

func open(path string, now func() time.Time) (*Store, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlitestore: the path of a file is needed; webhooks.NewMemory keeps marks in memory")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if err := sqlitefile.Create(abs); err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	s := &Store{path: abs, now: now, changes: make(chan *change, most), stop: make(chan struct{}), stopped: make(chan struct{})}
	if err := s.connect(); err != nil {
		return nil, errors.Join(s.fail(err), s.disconnect())
	}
	go s.run()
	return s, nil
}

func (s *Store) connect() (err error) {
	// The writer waits by itself, so that waiting ends with the context.
	s.writer, err = sqlitefile.Connect(s.path, 1, "busy_timeout(0)", "synchronous(full)", "journal_size_limit(67108864)")
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

// migrate brings our tables to the newest version. The version of the file itself is that of
// its owner.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := migrations.Steps(files)
	if err != nil {
		return err
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	if err := migrate(ctx, tx, steps); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func migrate(ctx context.Context, tx *sql.Tx, steps []string) error {
	if _, err := tx.ExecContext(ctx, "create table if not exists closekit_webhook_version (version integer not null primary key) strict"); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRowContext(ctx, "select coalesce(max(version), 0) from closekit_webhook_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("the tables of webhooks are of version %d, and this program knows no version above %d: use a newer release of it", version, len(steps))
	}
	for i, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into closekit_webhook_version (version) values (?)", version+i+1); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for the changes that are being made, and closes the database. Changes that
// come later fail.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.stop) })
	<-s.stopped
	return s.disconnect()
}

func (s *Store) disconnect() error {
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
	var host *webhooks.HandleError
	if err == nil || errors.Is(err, webhooks.ErrNotFound) || errors.Is(err, webhooks.ErrBusy) || errors.As(err, &host) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("sqlitestore: %w", sqlitefile.Explain(s.path, err))
}
