package emulator

import (
	"maps"
	"slices"
	"strings"
	"time"
)

func taskResources() []*resource {
	return []*resource{{
		name: "tasks", prefix: "task", model: "Task", event: "task", total: true,
		fields: []field{
			{name: "lead_id", kind: reference, table: "leads", errKey: "lead", need: true, notNull: true},
			{name: "contact_id", kind: reference, table: "contacts", errKey: "contact"},
			{name: "assigned_to", kind: reference, table: "users"},
			{name: "text", kind: text},
			{name: "date", kind: dayOrInstant},
			{name: "due_date", kind: dayOrInstant},
			{name: "is_complete", kind: flag, notNull: true},
			{name: "is_dateless", kind: flag},
			{name: "priority", kind: choice, choices: []string{"high", "medium"}, notNull: true},
			{name: "resolution", kind: choice, choices: []string{"abandoned", "skipped"}},
			{name: "agent_config_id", kind: text},
			{name: "deduplication_key", kind: text, access: onCreate},
			{name: "created_by", kind: reference, table: "users", access: onCreate},
			{name: "date_created", kind: instant, access: onCreate},
		},
		filters: map[string]kind{
			"id": text, "lead_id": text, "assigned_to": text, "is_complete": flag, "organization_id": text, "contact_id": text,
			"date": dayOrInstant, "due_date": dayOrInstant, "date_created": instant, "date_updated": instant,
		},
		orders:  []string{"date", "date_created"},
		prepare: prepareTask, created: taskCreated, change: changeTask, changed: taskChanged, render: renderTask, narrow: narrowTasks,
		value: func(_ *call, rec *record, name string) any {
			if name == "due_date" {
				return rec.data["date"]
			}
			return rec.data[name]
		},
		removed: func(c *call, rec *record) {
			c.dropComments(func(thread object) bool { return thread["object_id"] == rec.id })
		},
		actions: map[string]func(*call) (any, error){"bulk": updateTasks},
	}}
}

func prepareTask(c *call, o, body object, p *problems) {
	kind, given := body["_type"]
	if kind == nil || !given {
		kind = "lead"
	}
	switch kind {
	case "lead":
		if str(o["text"]) == "" {
			p.add("text", errRequired)
		}
	case "outgoing_call":
		if o["contact_id"] == nil {
			p.add("contact", errRequired)
		}
	default:
		p.add("_type", "Value must be one of lead, outgoing_call.")
	}
	c.checkOwnContact(o, str(o["lead_id"]), p)
	o["_type"] = kind
	dueDate(o)
	if o["assigned_to"] == nil {
		o["assigned_to"] = orNull(c.user)
	}
	if o["date"] == nil {
		o["date"] = c.now.In(c.zone).Format(dayLayout)
		setDefaults(o, object{"is_dateless": true})
	}
	setDefaults(o, object{
		"contact_id": nil, "text": "", "is_complete": false, "is_dateless": false, "priority": "medium", "resolution": nil,
		"agent_config_id": nil, "deduplication_key": nil, "is_primary_lead_notification": true,
		"object_id": nil, "object_type": nil, "sequence_id": nil, "sequence_subscription_id": nil,
	})
}

// dueDate maps the old name of the date.
func dueDate(o object) {
	if due, ok := o["due_date"]; ok {
		setDefaults(o, object{"date": due})
		delete(o, "due_date")
	}
}

func taskCreated(c *call, rec *record, _ object) {
	if truth(rec.data["is_complete"]) {
		c.complete(rec)
	}
}

func changeTask(c *call, rec *record, patch, _ object, p *problems) {
	dueDate(patch)
	if v, ok := patch["text"]; ok && rec.data["_type"] != "lead" && v != rec.data["text"] {
		p.add("text", "Only tasks of type lead have a text that can be changed.")
	}
	if v, ok := patch["assigned_to"]; ok && v == nil {
		p.add("assigned_to", errNotNull)
	}
	c.checkOwnContact(patch, rec.lead, p)
	if v, ok := patch["date"]; ok {
		if v == nil {
			patch["date"] = c.now.In(c.zone).Format(dayLayout)
		}
		setDefaults(patch, object{"is_dateless": v == nil})
	}
}

func taskChanged(c *call, rec *record, before object) {
	was, is := truth(before["is_complete"]), truth(rec.data["is_complete"])
	switch {
	case !was && is:
		c.complete(rec)
	case was && !is:
		done := c.st.find("activities", c.org, str(rec.data["object_id"]))
		rec.data = shallow(rec.data)
		rec.data["object_id"], rec.data["object_type"] = nil, nil
		if done != nil {
			c.drop(c.e.resources["tasks_completed"], done)
		}
	}
}

// complete adds the TaskCompleted activity and links it.
func (c *call) complete(rec *record) {
	if rec.data["_type"] == "lead" || rec.data["_type"] == "outgoing_call" {
		done := c.insert(c.e.resources["tasks_completed"], c.activity(rec.lead, object{
			"task_id": rec.id, "task_text": rec.data["text"], "task_assigned_to": rec.data["assigned_to"],
			"task_assigned_to_name": c.userName(rec.data["assigned_to"]),
		}))
		rec.data = shallow(rec.data)
		rec.data["object_id"], rec.data["object_type"] = done.id, "taskcompleted"
	}
	c.log(c.e.resources["tasks"], rec, "completed", nil, c.snapshot(c.e.resources["tasks"], rec))
}

// systemTask adds a task that the server creates for an activity.
func (c *call) systemTask(kind string, activity *record, more object) {
	o := object{
		"id": c.st.ids.long("noti"), "_type": kind, "lead_id": orNull(activity.lead), "contact_id": activity.data["contact_id"],
		"assigned_to": activity.data["user_id"], "is_complete": false, "is_dateless": false, "priority": "medium",
		"resolution": nil, "object_id": activity.id, "object_type": strings.ToLower(str(activity.data["_type"])),
	}
	maps.Copy(o, more)
	c.insert(c.e.resources["tasks"], o)
}

// view returns the view that a task is in: inbox, future or archive.
func (c *call) view(o object) string {
	if truth(o["is_complete"]) {
		return "archive"
	}
	if truth(o["is_dateless"]) {
		return "inbox"
	}
	t, _, err := parseTime(str(o["date"]), c.zone)
	if err == nil && !t.Before(c.tomorrow()) {
		return "future"
	}
	return "inbox"
}

// tomorrow returns the start of the next day in the caller's time zone.
func (c *call) tomorrow() time.Time {
	y, m, d := c.now.In(c.zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
}

func renderTask(c *call, rec *record, o object) {
	o["view"] = c.view(o)
	o["due_date"] = o["date"]
	if truth(o["is_dateless"]) {
		o["due_date"] = nil
	}
	o["lead_name"] = c.leadName(rec.lead)
	o["contact_name"] = c.contactLabel(o["contact_id"])
	o["assigned_to_name"] = c.userName(o["assigned_to"])
}

// narrowTasks keeps lead tasks unless the query asks for other types, and applies
// the views. The views of open tasks override the filters on the date.
func narrowTasks(c *call) (func(*record) bool, error) {
	kinds := []string{"lead"}
	if raw := c.query.Get("_type__in"); raw != "" {
		kinds = strings.Split(raw, ",")
	} else if raw := c.query.Get("_type"); raw != "" {
		kinds = strings.Split(raw, ",")
	}
	view := c.query.Get("view")
	if view != "" && !slices.Contains([]string{"inbox", "future", "archive"}, view) {
		return nil, fieldError("view", "Value must be one of inbox, future, archive.")
	}
	if view == "inbox" || view == "future" {
		c.query = maps.Clone(c.query)
		for _, name := range []string{"date__lt", "date__gte", "due_date__lt", "due_date__gte"} {
			delete(c.query, name)
		}
	}
	return func(rec *record) bool {
		if !slices.Contains(kinds, "all") && !slices.Contains(kinds, str(rec.data["_type"])) {
			return false
		}
		return view == "" || c.view(rec.data) == view
	}, nil
}

// updateTasks changes all tasks that match the filters.
func updateTasks(c *call) (any, error) {
	rows, err := c.matching(c.r)
	if err != nil {
		return nil, err
	}
	body := shallow(c.body)
	delete(body, "_params")
	if len(rows) > 1000 {
		return nil, fieldError("_params", "Too many tasks, the limit is 1000.")
	}
	for _, rec := range rows {
		if err := c.modify(c.r, rec, body); err != nil {
			return nil, err
		}
	}
	return object{"ok": true}, nil
}
