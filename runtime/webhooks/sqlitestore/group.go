package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit/internal/sqlitefile"
	"github.com/closekit/closekit/runtime/webhooks"
)

// most is how many changes one transaction has at most.
const most = 128

// How often and how many old marks are removed.
const (
	pruneEach = 10 * time.Minute
	pruneMost = 5000
)

var errClosed = errors.New("the store is closed")

// change is one change, which is committed together with others.
type change struct {
	ctx  context.Context //nolint:containedctx // of the caller who waits
	do   func(ctx context.Context, tx *sql.Tx) error
	err  error
	done chan struct{}
}

// write makes a change. Waiting for its turn ends with the context; a change that has begun
// is completed.
func (s *Store) write(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	c := &change{ctx: ctx, do: do, done: make(chan struct{})}
	select {
	case s.changes <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return s.fail(errClosed)
	}
	select {
	case <-c.done:
	case <-s.stopped:
		select {
		case <-c.done:
		default:
			return s.fail(errClosed) // it came after the last group
		}
	}
	return s.fail(c.err)
}

// run commits changes in groups until the store is closed: all that have come while the
// group before was being committed.
func (s *Store) run() {
	defer close(s.stopped)
	for {
		var group []*change
		select {
		case c := <-s.changes:
			group = append(group, c)
		case <-s.stop:
			select {
			case c := <-s.changes:
				group = append(group, c)
			default:
				return
			}
		}
	more:
		for len(group) < most {
			select {
			case c := <-s.changes:
				group = append(group, c)
			default:
				break more
			}
		}
		s.commit(group)
		s.tidy()
	}
}

// commit makes the changes of a group in one transaction, each in a savepoint, so that one
// which fails leaves the others alone.
func (s *Store) commit(group []*change) {
	defer func() {
		for _, c := range group {
			close(c.done)
		}
	}()
	ctx := context.Background() // the transaction belongs to all
	tx, err := s.begin(ctx)
	if err == nil {
		if err = apply(ctx, tx, group); err != nil {
			err = errors.Join(err, undo(tx))
		} else {
			err = tx.Commit()
		}
	}
	for _, c := range group {
		if err != nil && c.err == nil {
			c.err = err
		}
	}
}

// undo rolls back. That there is nothing left to roll back is the error before.
func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) && sqlitefile.Code(err) == 0 {
		return err
	}
	return nil
}

// apply makes the changes. An error is one of the whole transaction; those of single
// changes are in them.
func apply(ctx context.Context, tx *sql.Tx, group []*change) error {
	for _, c := range group {
		if c.err = c.ctx.Err(); c.err != nil {
			continue // the caller does not wait any more
		}
		if _, err := tx.ExecContext(ctx, "savepoint closekit_webhook"); err != nil {
			return err
		}
		end := "release closekit_webhook"
		if c.err = c.do(context.WithoutCancel(c.ctx), tx); c.err != nil {
			end = "rollback to closekit_webhook; release closekit_webhook"
		}
		if _, err := tx.ExecContext(ctx, end); err != nil {
			return fmt.Errorf("the transaction was ended by one of the functions that write in it: %w", err)
		}
	}
	return nil
}

// begin begins an immediate transaction.
func (s *Store) begin(ctx context.Context) (tx *sql.Tx, err error) {
	err = sqlitefile.Patiently(ctx, func() (err error) {
		tx, err = s.writer.BeginTx(ctx, nil)
		return err
	})
	return tx, err
}

// tidy removes old marks now and then. A failure is made up for the next time.
func (s *Store) tidy() {
	now := s.now()
	if age := now.Sub(s.pruned); age >= 0 && age < pruneEach {
		return
	}
	n, err := s.prune(context.Background(), now.Add(-webhooks.Retention))
	if err != nil || n < pruneMost {
		s.pruned = now
	}
}

// prune removes at most pruneMost marks.
func (s *Store) prune(ctx context.Context, before time.Time) (int, error) {
	tx, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	n, err := prune(ctx, tx, before)
	if err != nil {
		return 0, errors.Join(err, tx.Rollback())
	}
	return n, tx.Commit()
}

func prune(ctx context.Context, tx *sql.Tx, before time.Time) (int, error) {
	res, err := tx.ExecContext(ctx, `delete from closekit_webhook_marks where (tenant, event) in (
		select tenant, event from closekit_webhook_marks where at < ? order by at limit ?)`, before.UnixMicro(), pruneMost)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}
