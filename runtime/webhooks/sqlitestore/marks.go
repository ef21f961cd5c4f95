package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/webhooks"
)

// DefaultTimeout bounds the function of [Store.Transactional]. All changes of the store
// wait for it, so it is short.
const DefaultTimeout = 5 * time.Second

// Transactional returns a [webhooks.Once] that calls the function with the transaction that
// marks the event as handled: what the function writes through it and the mark are committed
// together, or neither is. If the function returns an error, only its own writes are undone.
//
// The function must not end the transaction, and must write to this database through it
// only: another connection would wait for the lock that the transaction has. Deliveries
// that come at the same time share a transaction and wait for each other, so the function
// should do nothing but write; do slower work from what it has written, or use
// [webhooks.Leased]. Its context ends after the timeout; 0 means [DefaultTimeout].
func (s *Store) Transactional(timeout time.Duration, handle func(ctx context.Context, tx *sql.Tx, d *webhooks.Delivery) error) webhooks.Once {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return func(ctx context.Context, d *webhooks.Delivery) (first bool, err error) {
		m := d.Mark()
		err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			claim, err := s.claim(ctx, tx, m, "", 0, true)
			switch {
			case err != nil:
				return err
			case claim == webhooks.Busy:
				return webhooks.ErrBusy
			case claim == webhooks.Handled:
				return nil
			}
			first = true
			return webhooks.Run(ctx, timeout, func(ctx context.Context) error { return handle(ctx, tx, d) })
		})
		return first && err == nil, err
	}
}

// Claim implements [webhooks.Store].
func (s *Store) Claim(ctx context.Context, m webhooks.Mark, token string, lease time.Duration) (claim webhooks.Claim, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		claim, err = s.claim(ctx, tx, m, token, lease, false)
		return err
	})
	return claim, err
}

// claim claims an event, or marks it as handled at once.
func (s *Store) claim(ctx context.Context, tx *sql.Tx, m webhooks.Mark, token string, lease time.Duration, done bool) (webhooks.Claim, error) {
	now := s.now()
	// A claim of the future is one of a clock that was set back.
	res, err := tx.ExecContext(ctx, `insert into closekit_webhook_marks (tenant, event, done, token, at, until) values (?1, ?2, ?3, ?4, ?5, ?6)
		on conflict (tenant, event) do update set done = ?3, token = ?4, at = ?5, until = ?6
		where not done and (until <= ?5 or at > ?5 + (until - at))`,
		[]byte(m.Tenant), []byte(m.Event), done, []byte(token), now.UnixMicro(), now.Add(lease).UnixMicro())
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return webhooks.Claimed, err
	}
	var handled bool
	err = tx.QueryRowContext(ctx, "select done from closekit_webhook_marks where tenant = ? and event = ?", []byte(m.Tenant), []byte(m.Event)).Scan(&handled)
	if handled {
		return webhooks.Handled, err
	}
	return webhooks.Busy, err
}

// Finish implements [webhooks.Store].
func (s *Store) Finish(ctx context.Context, m webhooks.Mark, token string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now().UnixMicro()
		_, err := tx.ExecContext(ctx, `insert into closekit_webhook_marks (tenant, event, done, token, at, until) values (?1, ?2, 1, ?3, ?4, ?4)
			on conflict (tenant, event) do update set done = 1, at = ?4, until = ?4`, []byte(m.Tenant), []byte(m.Event), []byte(token), now)
		return err
	})
}

// Release implements [webhooks.Store].
func (s *Store) Release(ctx context.Context, m webhooks.Mark, token string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "delete from closekit_webhook_marks where tenant = ? and event = ? and token = ? and not done",
			[]byte(m.Tenant), []byte(m.Event), []byte(token))
		return err
	})
}

// Prune implements [webhooks.Store].
func (s *Store) Prune(ctx context.Context, before time.Time) (total int, err error) {
	for {
		n := 0
		err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			n, err = prune(ctx, tx, before)
			return err
		})
		total += n
		if err != nil || n < pruneMost {
			return total, err
		}
	}
}

// Checkpoint implements [webhooks.Store].
func (s *Store) Checkpoint(ctx context.Context, name string) (time.Time, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, "select at from closekit_webhook_checkpoints where name = ?", []byte(name)).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, s.fail(err)
	}
	return time.UnixMicro(at).UTC(), nil
}

// SaveCheckpoint implements [webhooks.Store].
func (s *Store) SaveCheckpoint(ctx context.Context, name string, at time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into closekit_webhook_checkpoints (name, at) values (?1, ?2)
			on conflict (name) do update set at = max(at, ?2)`, []byte(name), at.UnixMicro())
		return err
	})
}
