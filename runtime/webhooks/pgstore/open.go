// Package pgstore keeps the marks, subscriptions and checkpoints of package webhooks in
// PostgreSQL (14 or newer): the store for programs that run as several replicas.
//
//	store, err := pgstore.Open(ctx, databaseURL)
//	once := store.Transactional(0, func(ctx context.Context, tx pgx.Tx, d *webhooks.Delivery) error {
//		_, err := tx.Exec(ctx, "insert into changes …")
//		return err
//	})
//
// It can be the database with your own tables; the tables of this package have names of
// their own, with closekit_webhook_. It needs nothing of a session, so a pooler in
// transaction mode is fine. Times are those of the server.
package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/migrations"
	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/webhooks"
)

// tries is how often something that certainly did not happen is tried.
const tries = 5

//go:embed migrations/*.sql
var files embed.FS

// Store is a [webhooks.Store] in PostgreSQL. Make it with [Open] or [Use].
type Store struct {
	pool   *pgxpool.Pool
	owned  bool         // the pool is closed with the store
	pruned atomic.Int64 // when, in nanoseconds since 1970 by the clock of this process
}

var _ webhooks.Store = (*Store)(nil)

// Open connects to a database and brings its tables to the newest version. It refuses
// tables of a newer version. The context bounds the opening only. The URL is that of libpq,
// with the options of pgx.
func Open(ctx context.Context, databaseURL string) (*Store, error) {
	pool, err := pgconnect.Pool(ctx, databaseURL)
	if err != nil {
		return nil, fail("open", err)
	}
	s, err := Use(ctx, pool)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s.owned = true
	return s, nil
}

// Use is like [Open] with a pool of the host, which Close leaves open.
func Use(ctx context.Context, pool *pgxpool.Pool) (*Store, error) {
	s := &Store{pool: pool}
	if err := s.migrate(ctx); err != nil {
		return nil, fail("open", err)
	}
	return s, nil
}

// migrationLock keeps two replicas from migrating at once. It ends with the transaction.
const migrationLock = 0x636c6f7365686f6b

// migrate brings the tables to the newest version. Users without the right to make tables
// can open a database that is up to date.
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
		if _, err := tx.Exec(ctx, `create table if not exists closekit_webhook_version (version bigint not null primary key, at timestamptz not null default now())`); err != nil {
			return err
		}
		v, err := version(ctx, tx) // another replica may have been first
		if err != nil {
			return err
		}
		if v > len(steps) {
			return &storeError{text: fmt.Sprintf("the tables of webhooks are of version %d, and this program knows no version above %d: use a newer release of it", v, len(steps))}
		}
		for i := v; i < len(steps); i++ {
			// Several statements at once need the simple protocol.
			if _, err := tx.Exec(ctx, steps[i], pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `insert into closekit_webhook_version (version) values ($1::bigint)`, int64(i+1)); err != nil {
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
	if err = q.QueryRow(ctx, `select to_regclass('closekit_webhook_version') is not null`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = q.QueryRow(ctx, `select coalesce(max(version), 0) from closekit_webhook_version`).Scan(&v)
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

// Close closes the connections that [Open] made, after the changes that are being made.
func (s *Store) Close() error {
	if s.owned {
		s.pool.Close()
	}
	return nil
}

// storeError is an error as the caller sees it: without what pgx knows of the connection,
// which has a password.
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
	var host *webhooks.HandleError
	var invalid *pgconnect.URLError
	switch {
	case err == nil, errors.Is(err, webhooks.ErrNotFound), errors.Is(err, webhooks.ErrBusy), errors.As(err, &host):
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
