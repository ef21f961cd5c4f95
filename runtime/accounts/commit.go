package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// commitFate is what became of a commit.
type commitFate int

const (
	// committed: the row holds what was sent.
	committed commitFate = iota
	// superseded: the row has moved on, and ours was never in it.
	superseded
	// supersededOrCommitted: the row has moved on; ours may have been in it
	// before, since its outcome was unknown at first.
	supersededOrCommitted
	// commitFailed: it could not be stored, or its outcome could not be found
	// out, for a minute.
	commitFailed
)

// commit stores sealed tokens, tries for a minute, and finds out what became of
// a commit whose outcome is unknown. It is the only place that does. It returns
// what the row holds afterwards. The journal forgets tokens whose fate is known.
func (m *Manager) commit(ctx context.Context, q CommitRequest) (row reading, fate commitFate) {
	defer func() {
		if fate != commitFailed {
			m.journal.done(q.Key, q.Generation, time.Now())
		}
	}()
	start := m.now()
	lost := superseded
	for wait := m.cfg.backoff; ; wait *= 2 {
		at := m.now()
		rec, err := m.tryCommit(ctx, q)
		if err == nil {
			return reading{rec, at}, committed
		}
		if !errors.Is(err, ErrConflict) {
			lost = supersededOrCommitted
		}
		row, err := m.load(ctx, q.Key)
		switch {
		case err == nil && row.LastAttempt == q.Attempt && row.Generation == q.Generation+1:
			return row, committed // it was ours
		case err == nil && (row.Generation != q.Generation || row.Epoch != q.Epoch):
			return row, lost
		case m.now().since(start) > commitTime || ctx.Err() != nil:
			return row, commitFailed
		}
		sleep(wait)
		gone := m.now().since(row.at)
		q.ExpiresIn, q.DueIn = max(q.ExpiresIn-gone, 0), max(q.DueIn-gone, 0)
	}
}

// tryCommit makes one statement. Only its own timeout ends it.
func (m *Manager) tryCommit(ctx context.Context, q CommitRequest) (Record, error) {
	if err := failpoint.Hit(ctx, failpoint.Commit); err != nil {
		return Record{}, err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	return m.store.Commit(ctx, q)
}

// sleep waits even while the manager closes, two seconds at most: there are
// tokens to save.
func sleep(d time.Duration) {
	timer := time.NewTimer(min(d, 2*time.Second))
	defer timer.Stop()
	<-timer.C
}
