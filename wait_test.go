package closekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// job is an export or the like.
type job struct {
	closekit.Object
	ID     string               `json:"id"`
	Status closekit.Opt[string] `json:"status"`
}

func (v job) MarshalJSON() ([]byte, error) { return wire.Marshal(&v) }

type jobParams struct {
	ID string `json:"id" close:"path,required"`
}

var opJob = wire.Operation{
	Operation: closekit.Operation{
		Tool: "close_job_get", Method: "GET", Path: "/job/{id}/", Effect: closekit.Read, Idempotent: true,
		Waits: &closekit.Waits{Field: "status", Done: []string{"done"}, Failed: []string{"error"}},
	},
	Params: func() any { return new(jobParams) },
}

// TestWait looks at a job until it is done, in longer and longer intervals.
func TestWait(t *testing.T) {
	state := func(s string) step { return respond(200, `{"id":"job_1","status":`+s+`}`) }
	for _, c := range []struct {
		about    string
		steps    []step
		looks    int
		min, max time.Duration
		check    func(*testing.T, *job, error)
	}{
		{"done at once", []step{state(`"done"`)}, 1, 0, 0, nil},
		{"done later", []step{state(`"created"`), state(`null`), state(`"new word"`), state(`"done"`)}, 4, 5 * time.Second, 9 * time.Second, nil},
		{"half a minute at most", append(make([]step, 0), state(`"a"`), state(`"a"`), state(`"a"`), state(`"a"`), state(`"a"`), state(`"a"`), state(`"a"`), state(`"done"`)), 8, 68 * time.Second, 115 * time.Second, nil},
		{"failed", []step{state(`"created"`), state(`"error"`)}, 2, 0, 2 * time.Second, func(t *testing.T, v *job, err error) {
			t.Helper()
			e := as[*closekit.JobError](t, err)
			if got, ok := e.Result.(*job); v != nil || !ok || got.ID != "job_1" || e.State != "error" || err.Error() != `close_job_get: the job failed: its state is "error"` {
				t.Errorf("%v, %+v", v, e)
			}
		}},
		{"gone", []step{state(`"created"`), notFound}, 2, 0, 2 * time.Second, func(t *testing.T, _ *job, err error) {
			t.Helper()
			if !closekit.IsNotFound(err) {
				t.Error(err)
			}
		}},
	} {
		bubble(t, c.about, func(t *testing.T) {
			cl, s := client(c.steps...)
			start := time.Now()
			v, err := wire.Wait[job](t.Context(), cl, &opJob, &jobParams{ID: "job_1"}, nil)
			if took := time.Since(start); s.count() != c.looks || took < c.min || took > c.max {
				t.Errorf("%d looks in %v", s.count(), took)
			}
			if c.check != nil {
				c.check(t, v, err)
			} else if err != nil || v.Status.Or("") != "done" {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
}

// TestWaitEnds ends with the context, and says how far the job was.
func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, _ := client(respond(200, `{"id":"job_1","status":"created"}`))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := wire.Wait[job](ctx, cl, &opJob, &jobParams{ID: "job_1"}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "close_job_get: the job is not done, but its state is created: context deadline exceeded" {
			t.Error(err)
		}
		if err := cl.WaitFor(t.Context(), opList.Describe(), nil); err == nil || err.Error() != "close_items_list: it fetches no job to wait for" {
			t.Error(err)
		}
		if err := (*closekit.Client)(nil).WaitFor(t.Context(), opJob.Describe(), nil); err == nil {
			t.Error("a nil client waits")
		}
		var missing jobParams
		if _, err := wire.Wait[json.RawMessage](t.Context(), cl, &opJob, &missing, nil); err == nil {
			t.Error("a result that is no struct passes")
		}
	})
}
