package crm

import (
	"github.com/closekit/closekit/emulator/internal/rest"
)

// AddDefaults adds the statuses, the pipeline and the sequences of a new
// organization, and deletes the events.
func AddDefaults(c *rest.Call) {
	for i, label := range []string{"Potential", "Bad Fit", "Qualified", "Customer", "Interested", "Not Interested"} {
		c.Insert(c.Engine.Resources["lead_statuses"], object{"label": label, "color": nil, "position": int64(i)})
	}
	pipeline := c.Insert(c.Engine.Resources["pipelines"], object{"name": "Sales", "position": int64(0)})
	for i, status := range [...][2]string{
		{"Demo Completed", "active"}, {"Proposal Sent", "active"}, {"Contract Sent", "active"}, {"Won", "won"}, {"Lost", "lost"},
	} {
		c.Insert(c.Engine.Resources["opportunity_statuses"], object{
			"label": status[0], "type": status[1], "pipeline_id": pipeline.ID, "position": int64(i),
		})
	}
	for _, u := range c.State.Users {
		if _, ok := u.In(c.Organization); ok {
			c.User = u.ID
			break
		}
	}
	day := int64(86400)
	for _, q := range []struct {
		name  string
		steps []any
	}{
		{"Welcome", []any{
			object{"step_type": "email", "delay": int64(0), "threading": nil},
			object{"step_type": "email", "delay": 3 * day, "threading": "old_thread"},
		}},
		{"Call and follow up", []any{
			object{"step_type": "call", "delay": int64(0), "required": true},
			object{"step_type": "email", "delay": day, "threading": nil},
		}},
	} {
		o := object{"name": q.name}
		var p rest.Problems
		prepareSequence(c, o, object{"steps": q.steps}, &p)
		c.Insert(c.Engine.Resources["sequences"], o)
	}
	c.State.Events = nil // a fresh organization has no history
}
