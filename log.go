package closekit

import (
	"context"
	"time"
)

// AttemptLog is what is worth logging of an attempt: nothing that could hold a
// secret or a customer's data.
type AttemptLog struct {
	Operation *Operation
	Path      string // path template, /api/v1/lead/{lead_id}/
	Attempt   int    // 1 for the first
	Status    int    // 0 without an answer
	Duration  time.Duration
	Err       error // why there is no answer, or why it could not be read
}

// Observe calls f after every attempt, for logging and metrics; nil calls
// nothing. It must be safe for concurrent use. Package runtime/logging has one
// for log/slog, apart so that programs that do not log do not link it.
func Observe(f func(context.Context, AttemptLog)) Option {
	return option(func(c *config) { c.logged = f })
}
