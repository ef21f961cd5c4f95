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
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/webhooks"
)

//go:embed migrations/*.sql
var files embed.FS

var tables = pgconnect.Tables{Files: files, Version: "closekit_webhook_version", Lock: 0x636c6f7365686f6b, Are: "the tables of webhooks are"}

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
	if err := tables.Migrate(ctx, s.pool); err != nil {
		return nil, fail("open", err)
	}
	return s, nil
}

// write makes a change; see [pgconnect.Change].
func (s *Store) write(ctx context.Context, op string, change func(context.Context, pgx.Tx) error) error {
	return fail(op, pgconnect.Change(ctx, s.pool, change))
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
