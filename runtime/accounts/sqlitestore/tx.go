package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/accounts"
)

// txStore is the store as an [accounts.TxStore].
type txStore struct{ *Store }

// Update implements [accounts.TxStore].
func (r txStore) Update(ctx context.Context, f func(accounts.Tx) error) error {
	return r.write(ctx, func(t *tx) error { return f(t) })
}

// View implements [accounts.TxStore].
func (r txStore) View(ctx context.Context, f func(accounts.Tx) error) error {
	return f(&tx{ctx: ctx, s: r.Store})
}

// tx implements [accounts.Tx]. Nothing else is written while one that writes
// runs, by any process, so that it can read, decide and write. One that only
// reads is no transaction, only a way to the readers.
type tx struct {
	ctx     context.Context
	s       *Store
	writing bool
	now     time.Time                   // when it began to write
	read    map[string]*accounts.Record // what it read and wrote, if it writes, by id
}

// Now implements [accounts.Tx].
func (t *tx) Now() time.Time {
	if t.writing {
		return t.now
	}
	return t.s.now()
}

// now reads the clock of the store as times are stored.
func (s *Store) now() time.Time { return time.Unix(0, s.clock().UnixNano()).UTC() }

// write makes a change. Waiting ends with the context; a change that has begun
// is completed, which takes a moment.
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
	t := &tx{ctx: context.WithoutCancel(ctx), s: s, writing: true, read: map[string]*accounts.Record{}}
	// Immediate, because a change that begins as a read cannot wait for others.
	if err := sqlitefile.Patiently(ctx, func() error { _, err := t.exec("begin immediate"); return err }); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed {
			_, _ = t.exec("rollback") // SQLite may have done so already
		}
	}()
	t.now = s.now()
	if err := change(t); err != nil {
		return err
	}
	_, err = t.exec("commit")
	committed = err == nil
	return err
}

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// query visits the rows of a query.
func (t *tx) query(query string, visit func(scanner) error, args ...any) error {
	if !t.writing {
		return t.s.read(t.ctx, query, visit, args...)
	}
	st, err := t.statement(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(t.ctx, args...)
	return each(rows, err, visit)
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

// read visits the rows of a query beside whatever is written.
func (s *Store) read(ctx context.Context, query string, visit func(scanner) error, args ...any) error {
	return s.fail(sqlitefile.Patiently(ctx, func() error {
		st, err := s.prepared(ctx, query)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(ctx, args...)
		return each(rows, err, visit)
	}))
}

// prepared returns the statement of a query for the readers. There are few
// texts.
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

// statement returns the statement of a query for the writer.
func (t *tx) statement(query string) (*sql.Stmt, error) {
	if st := t.s.writes[query]; st != nil {
		return st, nil
	}
	st, err := t.s.conn.PrepareContext(t.ctx, query)
	if err == nil {
		t.s.writes[query] = st
	}
	return st, err
}

// exec reports how many rows it changed.
func (t *tx) exec(query string, args ...any) (int, error) {
	if !t.writing {
		return 0, errors.New("a view cannot write")
	}
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
