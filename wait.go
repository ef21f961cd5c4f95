package closekit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Waits describes a job that Close works on in the background: the operation that
// fetches it is repeated until a member of the response has one of these words. Any
// other word means that the job is not ready.
type Waits struct {
	Field  string   // status
	Done   []string // the job is done
	Failed []string // it will never be
}

// JobError reports a job that failed.
type JobError struct {
	Tool   string // close_export_lead_get
	State  string // error
	Result any    // the job: what the typed function returns, or JSON of a [Tool]
}

// Error describes the job.
func (e *JobError) Error() string {
	return fmt.Sprintf("%sthe job failed: its state is %q", prefix(e.Tool), e.State)
}

// Intervals between two looks at a job.
const (
	firstLook = time.Second
	lastLook  = 30 * time.Second
)

// WaitFor calls fetch until the job that op fetches is done: after one second, then in
// intervals that double up to half a minute. fetch returns the state of the job, and the
// job for the error. A job that failed is a [*JobError]. The context ends the wait; its
// error wraps that of the context and tells the last state.
//
// Generated packages have a function for every job, such as closeapi.ExportLeadWait.
func (c *Client) WaitFor(ctx context.Context, op *Operation, fetch func() (state string, job any, err error)) error {
	if c.isZero() {
		return errNilClient
	}
	if op.Waits == nil {
		return fmt.Errorf("%s: it fetches no job to wait for", op.name())
	}
	for interval := firstLook; ; interval = min(2*interval, lastLook) {
		state, job, err := fetch()
		switch {
		case err != nil:
			return err
		case slices.Contains(op.Waits.Done, state):
			return nil
		case slices.Contains(op.Waits.Failed, state):
			return &JobError{Tool: op.Tool, State: state, Result: job}
		}
		if !sleep(ctx, time.Duration(float64(interval)*(0.75+0.5*c.core.jitter()))) {
			err := context.Cause(ctx)
			if err == nil {
				err = context.DeadlineExceeded // it would pass before the next look
			}
			return fmt.Errorf("%s: the job is not done, but %s: %w", op.name(), strings.TrimSpace("its state is "+state), err)
		}
	}
}
