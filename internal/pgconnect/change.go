package pgconnect

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tries is how often something that certainly did not happen is tried.
const Tries = 5

// Change makes a change in a transaction, which is on the disk afterwards. A change that
// certainly did not happen is tried again.
func Change(ctx context.Context, pool *pgxpool.Pool, change func(context.Context, pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `select`+Durable); err != nil {
				return err
			}
			return change(ctx, tx)
		})
		if err == nil || try == Tries || ctx.Err() != nil || !Undone(err) || Pause(ctx, try) != nil {
			return err
		}
	}
}

// Pause waits before the next try, longer each time.
func Pause(ctx context.Context, try int) error {
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
