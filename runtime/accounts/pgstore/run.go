package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgconnect"
)

// sender is a connection.
type sender interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// read runs f, which only reads, so that it can be tried again after any error.
func read[T any](ctx context.Context, s *Store, op string, run func(context.Context, sender) (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := run(ctx, s.pool)
		if err == nil {
			return v, nil
		}
		if try == pgconnect.Tries || ctx.Err() != nil || !pgconnect.Undone(err) && !lost(err) || pgconnect.Pause(ctx, try) != nil {
			return *new(T), fail(op, err)
		}
	}
}

// write runs a change. The context bounds the waiting, and never cancels a
// change that was sent: the server would forget it at best, and at worst keep
// it without telling its standby. A change that certainly did not happen is tried
// again.
func write[T any](ctx context.Context, s *Store, op string, run func(context.Context, sender) (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := once(ctx, s, run)
		if err == nil {
			return v, nil
		}
		if lost(err) {
			s.pool.Reset() // the other connections are hardly better
		}
		if try == pgconnect.Tries || ctx.Err() != nil || !pgconnect.Undone(err) || pgconnect.Pause(ctx, try) != nil {
			return *new(T), fail(op, err)
		}
	}
}

func once[T any](ctx context.Context, s *Store, run func(context.Context, sender) (T, error)) (T, error) {
	var none T
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		conn.Release()
		return none, err
	}
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadAfter)
		defer cancel()
		v, err := run(ctx, conn)
		conn.Release()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// durable is a condition that is always true, at the end of all changes.
const durable = pgconnect.Durable

// rows visits the rows of a query.
func rows(ctx context.Context, c sender, query string, args []any, visit func(pgx.Row) error) error {
	r, err := c.Query(ctx, query, args...)
	return each(r, err, visit)
}

func each(r pgx.Rows, err error, visit func(pgx.Row) error) error {
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := visit(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// exec runs a change whose query returns a row for each changed thing, and
// reports how many there were.
func (s *Store) exec(ctx context.Context, op, query string, args ...any) (int, error) {
	return write(ctx, s, op, func(ctx context.Context, c sender) (n int, err error) {
		err = rows(ctx, c, query, args, func(pgx.Row) error { n++; return nil })
		return n, err
	})
}
