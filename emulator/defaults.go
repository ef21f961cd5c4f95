package emulator

// addDefaults adds the statuses, the pipeline and the sequences of a new
// organization, and deletes the events.
func addDefaults(c *call) {
	for i, label := range []string{"Potential", "Bad Fit", "Qualified", "Customer", "Interested", "Not Interested"} {
		c.insert(c.e.resources["lead_statuses"], object{"label": label, "color": nil, "position": int64(i)})
	}
	pipeline := c.insert(c.e.resources["pipelines"], object{"name": "Sales", "position": int64(0)})
	for i, status := range [...][2]string{
		{"Demo Completed", "active"}, {"Proposal Sent", "active"}, {"Contract Sent", "active"}, {"Won", "won"}, {"Lost", "lost"},
	} {
		c.insert(c.e.resources["opportunity_statuses"], object{
			"label": status[0], "type": status[1], "pipeline_id": pipeline.id, "position": int64(i),
		})
	}
	for _, u := range c.st.users {
		if _, ok := u.in(c.org); ok {
			c.user = u.id
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
		var p problems
		prepareSequence(c, o, object{"steps": q.steps}, &p)
		c.insert(c.e.resources["sequences"], o)
	}
	c.st.events = nil // a fresh organization has no history
}
