package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgconnect"
	"github.com/closekit/closekit/runtime/webhooks"
)

// How often and how many old marks are removed.
const (
	pruneEach = 10 * time.Minute
	pruneMost = 5000
)

// now is the server's clock in microseconds. It moves within a transaction.
const now = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`

// Transactional returns a [webhooks.Once] that calls the function with the transaction that
// marks the event as handled: what the function writes through it and the mark are committed
// together, or neither is. The function must not end the transaction. Its context ends after
// the timeout; 0 means [webhooks.DefaultTimeout]. The delivery has a connection of the pool
// as long as the function runs.
//
// If another replica is handling the same event, the error is [webhooks.ErrBusy] at once.
func (s *Store) Transactional(timeout time.Duration, handle func(ctx context.Context, tx pgx.Tx, d *webhooks.Delivery) error) webhooks.Once {
	if timeout <= 0 {
		timeout = webhooks.DefaultTimeout
	}
	return func(ctx context.Context, d *webhooks.Delivery) (first bool, err error) {
		m := d.Mark()
		going := context.WithoutCancel(ctx)
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := lock(going, tx, m); err != nil {
				return err
			}
			claim, err := claimIn(going, tx, m, "", 0, true)
			switch {
			case err != nil:
				return err
			case claim == webhooks.Busy:
				return webhooks.ErrBusy
			case claim == webhooks.Handled:
				return nil
			}
			first = true
			return webhooks.Run(going, timeout, func(ctx context.Context) error { return handle(ctx, tx, d) })
		})
		if err == nil {
			s.tidy(going)
		}
		return first && err == nil, fail("handle", err)
	}
}

// lock locks an event for the transaction, without waiting for another one that has it.
func lock(ctx context.Context, tx pgx.Tx, m webhooks.Mark) error {
	sum := sha256.Sum256([]byte("closekit webhook\x00" + m.Tenant + "\x00" + m.Event))
	var got bool
	err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1::bigint) and`+pgconnect.Durable, int64(binary.BigEndian.Uint64(sum[:]))).Scan(&got) //nolint:gosec // any bits do
	if err == nil && !got {
		return webhooks.ErrBusy
	}
	return err
}

// Claim implements [webhooks.Store].
func (s *Store) Claim(ctx context.Context, m webhooks.Mark, token string, lease time.Duration) (claim webhooks.Claim, err error) {
	err = s.write(ctx, "claim", func(ctx context.Context, tx pgx.Tx) error {
		claim, err = claimIn(ctx, tx, m, token, lease, false)
		return err
	})
	if err == nil {
		s.tidy(context.WithoutCancel(ctx))
	}
	return claim, err
}

// claimIn claims an event, or marks it as handled at once.
func claimIn(ctx context.Context, tx pgx.Tx, m webhooks.Mark, token string, lease time.Duration, done bool) (webhooks.Claim, error) {
	// A claim of the future is one of a clock that was set back.
	tag, err := tx.Exec(ctx, `insert into closekit_webhook_marks as old (tenant, event, done, token, at, until)
		select $1::bytea, $2::bytea, $3::boolean, $4::bytea, t, t + $5::bigint from (select `+now+` t) clock
		on conflict (tenant, event) do update set done = excluded.done, token = excluded.token, at = excluded.at, until = excluded.until
		where not old.done and (old.until <= excluded.at or old.at > excluded.at + (old.until - old.at))`,
		[]byte(m.Tenant), []byte(m.Event), done, []byte(token), lease.Microseconds())
	if err != nil || tag.RowsAffected() == 1 {
		return webhooks.Claimed, err
	}
	var handled bool
	err = tx.QueryRow(ctx, `select done from closekit_webhook_marks where tenant = $1::bytea and event = $2::bytea`, []byte(m.Tenant), []byte(m.Event)).Scan(&handled)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // released a moment ago
		return webhooks.Busy, nil
	case handled:
		return webhooks.Handled, err
	}
	return webhooks.Busy, err
}

// Finish implements [webhooks.Store].
func (s *Store) Finish(ctx context.Context, m webhooks.Mark, token string) error {
	return s.write(ctx, "finish", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into closekit_webhook_marks (tenant, event, done, token, at, until)
			select $1::bytea, $2::bytea, true, $3::bytea, t, t from (select `+now+` t) clock
			on conflict (tenant, event) do update set done = true, at = excluded.at, until = excluded.until`, []byte(m.Tenant), []byte(m.Event), []byte(token))
		return err
	})
}

// Release implements [webhooks.Store].
func (s *Store) Release(ctx context.Context, m webhooks.Mark, token string) error {
	return s.write(ctx, "release", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from closekit_webhook_marks where tenant = $1::bytea and event = $2::bytea and token = $3::bytea and not done`,
			[]byte(m.Tenant), []byte(m.Event), []byte(token))
		return err
	})
}

// Prune implements [webhooks.Store].
func (s *Store) Prune(ctx context.Context, before time.Time) (total int, err error) {
	for {
		n, err := s.prune(ctx, `$1::bigint`, before.UnixMicro())
		total += n
		if err != nil || n < pruneMost {
			return total, err
		}
	}
}

// tidy removes old marks now and then. A failure is made up for the next time.
func (s *Store) tidy(ctx context.Context) {
	last, at := s.pruned.Load(), time.Now().UnixNano()
	if age := at - last; age >= 0 && age < int64(pruneEach) || !s.pruned.CompareAndSwap(last, at) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if n, err := s.prune(ctx, now+` - $1::bigint`, webhooks.Retention.Microseconds()); err == nil && n == pruneMost {
		s.pruned.Store(0) // there are more
	}
}

// prune removes at most pruneMost marks that are older than a moment.
func (s *Store) prune(ctx context.Context, before string, arg int64) (n int, err error) {
	err = s.write(ctx, "prune", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from closekit_webhook_marks where (tenant, event) in (
			select tenant, event from closekit_webhook_marks where at < `+before+` order by at limit $2::bigint for update skip locked)`, arg, int64(pruneMost))
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

// Checkpoint implements [webhooks.Store].
func (s *Store) Checkpoint(ctx context.Context, name string) (time.Time, error) {
	var at int64
	err := s.pool.QueryRow(ctx, `select at from closekit_webhook_checkpoints where name = $1::bytea`, []byte(name)).Scan(&at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fail("checkpoint", err)
	}
	return time.UnixMicro(at).UTC(), nil
}

// SaveCheckpoint implements [webhooks.Store].
func (s *Store) SaveCheckpoint(ctx context.Context, name string, at time.Time) error {
	return s.write(ctx, "checkpoint", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into closekit_webhook_checkpoints as old (name, at) values ($1::bytea, $2::bigint)
			on conflict (name) do update set at = greatest(old.at, excluded.at)`, []byte(name), at.UnixMicro())
		return err
	})
}
