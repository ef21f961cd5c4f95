package crm

import (
	"slices"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// jobStep is the time that a job takes for each step.
const jobStep = time.Second

// job is what a resource does in the background for each of its records.
type job struct {
	statuses [3]string // after created
	// count finds the records that the job is about; run works on them.
	count func(c *rest.Call, j *store.Job) (object, error)
	run   func(c *rest.Call, j *store.Job) (object, error)
}

// startJob begins the work of a new record.
func startJob(c *rest.Call, rec *store.Record, _ object) {
	c.State.Jobs = append(c.State.Jobs, &store.Job{Record: rec, Resource: c.Resource.Name, Due: c.Now.Add(jobStep)})
}

// RunJobs takes the steps that are due, in the order of their times.
func RunJobs(e *rest.Engine, st *store.State, now time.Time) {
	for len(st.Jobs) > 0 {
		j := slices.MinFunc(st.Jobs, func(a, b *store.Job) int { return a.Due.Compare(b.Due) })
		if j.Due.After(now) {
			return
		}
		step(e, st, j)
		if j.Step == 3 {
			st.Jobs = slices.DeleteFunc(st.Jobs, func(other *store.Job) bool { return other == j })
		}
		j.Due = j.Due.Add(jobStep)
	}
}

// step takes one step of a job, as the user who began it.
func step(e *rest.Engine, st *store.State, j *store.Job) {
	r := e.Resources[j.Resource]
	work := jobOf(j.Resource)
	c := e.System(st, j.Record.Organization, j.Due)
	c.User, c.Resource = value.String(j.Record.Data["created_by"]), r
	patch := object{}
	var err error
	c.Meta = object{"bulk_action_id": j.Record.ID} // of the events that the work causes
	switch j.Step {
	case 1:
		patch, err = work.count(c, j)
	case 2:
		patch, err = work.run(c, j)
	}
	c.Meta = nil
	status := work.statuses[j.Step]
	j.Step++
	if err != nil {
		status, j.Step, patch = "error", 3, object{}
	}
	patch["status"] = status
	c.Apply(r, j.Record, patch)
	if j.Step == 3 && err == nil {
		c.Log(r, j.Record, "completed", nil, c.Snapshot(r, j.Record))
	}
}
