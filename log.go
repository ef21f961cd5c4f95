package closekit

import (
	"context"
	"time"
)

// AttemptLog describes one attempt for logging and metrics, without secrets or
// customer data.
type AttemptLog struct {
	Operation *Operation
	Path      string // path template, /api/v1/lead/{lead_id}/
	Attempt   int    // 1 for the first
	Status    int    // 0 without a response
	Duration  time.Duration
	Err       error // the reason for a missing or unreadable response
}

// Observe calls f after every attempt, for logging and metrics. f must be safe for
// concurrent use; if it is nil, nothing is called. Package runtime/logging has one
// for log/slog, in a package of its own so that programs without logging do not
// link it.
func Observe(f func(context.Context, AttemptLog)) Option {
	return option(func(c *config) {
		if c.logged = nil; f != nil {
			c.logged = func(ctx context.Context, c *client, k *call, status int, start time.Time, err error) {
				f(ctx, AttemptLog{k.op(), c.api.Prefix + k.op().Path, int(k.attempt), status, c.now().Sub(start), err})
			}
		}
	})
}
