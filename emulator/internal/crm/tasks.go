package crm

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func taskResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "tasks", Prefix: "task", Model: "Task", Event: "task", Total: true,
		Fields: []rest.Field{
			{Name: "lead_id", Kind: rest.Reference, Table: "leads", ErrorKey: "lead", Need: true, NotNull: true},
			{Name: "contact_id", Kind: rest.Reference, Table: "contacts", ErrorKey: "contact"},
			{Name: "assigned_to", Kind: rest.Reference, Table: "users"},
			{Name: "text", Kind: rest.Text},
			{Name: "date", Kind: rest.DayOrInstant},
			{Name: "due_date", Kind: rest.DayOrInstant},
			{Name: "is_complete", Kind: rest.Flag, NotNull: true},
			{Name: "is_dateless", Kind: rest.Flag},
			{Name: "priority", Kind: rest.Choice, Choices: []string{"high", "medium"}, NotNull: true},
			{Name: "resolution", Kind: rest.Choice, Choices: []string{"abandoned", "skipped"}},
			{Name: "agent_config_id", Kind: rest.Text},
			{Name: "deduplication_key", Kind: rest.Text, Access: rest.OnCreate},
			{Name: "created_by", Kind: rest.Reference, Table: "users", Access: rest.OnCreate},
			{Name: "date_created", Kind: rest.Instant, Access: rest.OnCreate},
		},
		Filters: map[string]rest.Kind{
			"id": rest.Text, "lead_id": rest.Text, "assigned_to": rest.Text, "is_complete": rest.Flag, "organization_id": rest.Text, "contact_id": rest.Text,
			"date": rest.DayOrInstant, "due_date": rest.DayOrInstant, "date_created": rest.Instant, "date_updated": rest.Instant,
		},
		Orders:  []string{"date", "date_created"},
		Prepare: prepareTask, Created: taskCreated, Change: changeTask, Changed: taskChanged, Render: renderTask, Snapshot: taskSnapshot, Narrow: narrowTasks,
		Value: func(_ *rest.Call, rec *store.Record, name string) any {
			if name == "due_date" {
				return rec.Data["date"]
			}
			return rec.Data[name]
		},
		Removed: func(c *rest.Call, rec *store.Record) {
			dropComments(c, func(thread object) bool { return thread["object_id"] == rec.ID })
		},
		Actions: map[string]func(*rest.Call) (any, error){"bulk": updateTasks},
	}}
}

func prepareTask(c *rest.Call, o, body object, p *rest.Problems) {
	kind, given := body["_type"]
	if kind == nil || !given {
		kind = "lead"
	}
	switch kind {
	case "lead":
		if value.String(o["text"]) == "" {
			p.Add("text", rest.MsgRequired)
		}
	case "outgoing_call":
		if o["contact_id"] == nil {
			p.Add("contact", rest.MsgRequired)
		}
	default:
		p.Add("_type", "Value must be one of lead, outgoing_call.")
	}
	checkOwnContact(c, o, value.String(o["lead_id"]), p)
	o["_type"] = kind
	dueDate(o)
	if o["assigned_to"] == nil {
		o["assigned_to"] = value.OrNull(c.User)
	}
	if o["date"] == nil {
		o["date"] = c.Now.In(c.Zone).Format(value.DayLayout)
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

func taskCreated(c *rest.Call, rec *store.Record, _ object) {
	if value.Bool(rec.Data["is_complete"]) {
		completeTask(c, rec)
	}
}

func changeTask(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
	dueDate(patch)
	if v, ok := patch["text"]; ok && rec.Data["_type"] != "lead" && v != rec.Data["text"] {
		p.Add("text", "Only tasks of type lead have a text that can be changed.")
	}
	if v, ok := patch["assigned_to"]; ok && v == nil {
		p.Add("assigned_to", rest.MsgNotNull)
	}
	checkOwnContact(c, patch, rec.Lead, p)
	if v, ok := patch["date"]; ok {
		if v == nil {
			patch["date"] = c.Now.In(c.Zone).Format(value.DayLayout)
		}
		setDefaults(patch, object{"is_dateless": v == nil})
	}
}

func taskChanged(c *rest.Call, rec *store.Record, before object) {
	was, is := value.Bool(before["is_complete"]), value.Bool(rec.Data["is_complete"])
	switch {
	case !was && is:
		completeTask(c, rec)
	case was && !is:
		done := c.State.Find("activities", c.Organization, value.String(rec.Data["object_id"]))
		rec.Data = value.Shallow(rec.Data)
		rec.Data["object_id"], rec.Data["object_type"] = nil, nil
		if done != nil {
			c.Drop(c.Engine.Resources["tasks_completed"], done)
		}
	}
}

// completeTask adds the TaskCompleted activity and links it.
func completeTask(c *rest.Call, rec *store.Record) {
	if rec.Data["_type"] == "lead" || rec.Data["_type"] == "outgoing_call" {
		done := c.Insert(c.Engine.Resources["tasks_completed"], newActivity(c, rec.Lead, object{
			"task_id": rec.ID, "task_text": rec.Data["text"], "task_assigned_to": rec.Data["assigned_to"],
			"task_assigned_to_name": c.UserName(rec.Data["assigned_to"]),
		}))
		rec.Data = value.Shallow(rec.Data)
		rec.Data["object_id"], rec.Data["object_type"] = done.ID, "taskcompleted"
	}
	c.Log(c.Engine.Resources["tasks"], rec, "completed", nil, c.Snapshot(c.Engine.Resources["tasks"], rec))
}

// systemTask adds a task that the server creates for an activity.
func systemTask(c *rest.Call, kind string, activity *store.Record, more object) {
	o := object{
		"id": c.State.IDs.Long("noti"), "_type": kind, "lead_id": value.OrNull(activity.Lead), "contact_id": activity.Data["contact_id"],
		"assigned_to": activity.Data["user_id"], "is_complete": false, "is_dateless": false, "priority": "medium",
		"resolution": nil, "object_id": activity.ID, "object_type": strings.ToLower(value.String(activity.Data["_type"])),
	}
	maps.Copy(o, more)
	c.Insert(c.Engine.Resources["tasks"], o)
}

// viewOf returns the view that a task is in: inbox, future or archive.
func viewOf(c *rest.Call, o object) string {
	if value.Bool(o["is_complete"]) {
		return "archive"
	}
	if value.Bool(o["is_dateless"]) {
		return "inbox"
	}
	t, _, err := value.ParseTime(value.String(o["date"]), c.Zone)
	if err == nil && !t.Before(tomorrowOf(c)) {
		return "future"
	}
	return "inbox"
}

// tomorrowOf returns the start of the next day in the caller's time zone.
func tomorrowOf(c *rest.Call) time.Time {
	y, m, d := c.Now.In(c.Zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, c.Zone)
}

func renderTask(c *rest.Call, rec *store.Record, o object) {
	o["view"] = viewOf(c, o)
	o["due_date"] = o["date"]
	if value.Bool(o["is_dateless"]) {
		o["due_date"] = nil
	}
	o["lead_name"] = leadName(c, rec.Lead)
	o["contact_name"] = contactLabel(c, o["contact_id"])
	o["assigned_to_name"] = c.UserName(o["assigned_to"])
}

// taskSnapshot returns a task for the event log, which knows no views.
func taskSnapshot(c *rest.Call, rec *store.Record) object {
	o := value.Shallow(rec.Data)
	o["created_by_name"] = c.UserName(o["created_by"])
	o["updated_by_name"] = c.UserName(o["updated_by"])
	renderTask(c, rec, o)
	o["is_new"], o["view"] = !value.Bool(o["is_complete"]), nil
	return o
}

// narrowTasks keeps lead tasks unless the query asks for other types, and applies
// the views. The views of open tasks override the filters on the date.
func narrowTasks(c *rest.Call) (func(*store.Record) bool, error) {
	kinds := []string{"lead"}
	if raw := c.Query.Get("_type__in"); raw != "" {
		kinds = strings.Split(raw, ",")
	} else if raw := c.Query.Get("_type"); raw != "" {
		kinds = strings.Split(raw, ",")
	}
	view := c.Query.Get("view")
	if view != "" && !slices.Contains([]string{"inbox", "future", "archive"}, view) {
		return nil, rest.FieldError("view", "Value must be one of inbox, future, archive.")
	}
	if view == "inbox" || view == "future" {
		c.Query = maps.Clone(c.Query)
		for _, name := range []string{"date__lt", "date__gte", "due_date__lt", "due_date__gte"} {
			delete(c.Query, name)
		}
	}
	return func(rec *store.Record) bool {
		if !slices.Contains(kinds, "all") && !slices.Contains(kinds, value.String(rec.Data["_type"])) {
			return false
		}
		return view == "" || viewOf(c, rec.Data) == view
	}, nil
}

// updateTasks changes all tasks that match the filters.
func updateTasks(c *rest.Call) (any, error) {
	rows, err := c.Matching(c.Resource)
	if err != nil {
		return nil, err
	}
	body := value.Shallow(c.Body)
	delete(body, "_params")
	if len(rows) > 1000 {
		return nil, rest.FieldError("_params", "Too many tasks, the limit is 1000.")
	}
	for _, rec := range rows {
		if err := c.Modify(c.Resource, rec, body); err != nil {
			return nil, err
		}
	}
	return object{"ok": true}, nil
}
