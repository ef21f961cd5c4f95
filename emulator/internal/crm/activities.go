package crm

import (
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// activityFilters are common to all activity lists.
var activityFilters = map[string]rest.Kind{
	"lead_id": rest.Text, "contact_id": rest.Text, "user_id": rest.Text, "organization_id": rest.Text, "_type": rest.Text,
	"date_created": rest.Instant, "activity_at": rest.Instant,
}

// activityFields are common to the activities that clients create.
var activityFields = []rest.Field{
	{Name: "lead_id", Kind: rest.Reference, Table: "leads", ErrorKey: "lead", Need: true},
	{Name: "contact_id", Kind: rest.Reference, Table: "contacts", ErrorKey: "contact"},
	{Name: "user_id", Kind: rest.Reference, Table: "users", ErrorKey: "user"},
	{Name: "activity_at", Kind: rest.Instant},
	{Name: "created_by", Kind: rest.Reference, Table: "users", Access: rest.OnCreate},
	{Name: "date_created", Kind: rest.Instant, Access: rest.OnCreate},
}

// activityType completes the description of an activity.
func activityType(r *rest.Resource) *rest.Resource {
	own := r.Render
	r.Table, r.Prefix, r.Filters, r.Commas = "activities", "acti", activityFilters, true
	if r.Model == "" {
		r.Model = r.Type
	}
	r.Render = func(c *rest.Call, rec *store.Record, o object) {
		o["user_name"] = c.UserName(o["user_id"])
		if own != nil {
			own(c, rec, o)
		}
	}
	removed := r.Removed
	r.Removed = func(c *rest.Call, rec *store.Record) {
		dropComments(c, func(thread object) bool { return thread["object_id"] == rec.ID })
		if removed != nil {
			removed(c, rec)
		}
	}
	if r.Release == nil {
		r.Release = releaseActivity
	}
	return r
}

// releaseActivity checks the permission to delete an activity.
func releaseActivity(c *rest.Call, rec *store.Record) error {
	if rec.Data["user_id"] == c.User {
		return c.Allowed("delete_own_activities")
	}
	return c.Allowed("manage_others_activities")
}

// newActivity returns the common part of an activity on a lead.
func newActivity(c *rest.Call, lead string, more object) object {
	o := object{
		"lead_id": value.OrNull(lead), "contact_id": nil, "user_id": value.OrNull(c.User), "users": []any{}, "activity_at": value.Stamp(c.Now),
	}
	maps.Copy(o, more)
	return o
}

// prepareActivity fills in the fields that every activity has.
func prepareActivity(c *rest.Call, o object, p *rest.Problems) {
	checkOwnContact(c, o, value.String(o["lead_id"]), p)
	user := o["user_id"]
	if user == nil {
		user = value.OrNull(c.User)
	}
	at := o["activity_at"]
	if at == nil {
		if at = o["date_created"]; at == nil {
			at = value.Stamp(c.Now)
		}
	}
	setDefaults(o, newActivity(c, "", nil))
	o["user_id"], o["activity_at"] = user, at
}

func activityResources() []*rest.Resource {
	return []*rest.Resource{
		{
			Name: "activities", Model: "Activity", Filters: activityFilters, Commas: true,
			Orders:  []string{"date_created", "activity_at"},
			Actions: map[string]func(*rest.Call) (any, error){"list": listActivities},
		},
		activityType(&rest.Resource{
			Name: "notes", Type: "Note", Event: "activity.note",
			Fields: slices.Concat(onlyOnCreate(activityFields, "lead_id", "user_id"), noteFields, []rest.Field{
				{Name: "title", Kind: rest.Text},
				{Name: "pinned", Kind: rest.Flag},
				{Name: "attachments", Kind: rest.Objects, Max: 1000},
			}),
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				prepareActivity(c, o, p)
				pairNotes(o)
				setDefaults(o, object{"note": "", "note_html": "", "title": nil, "pinned": false, "attachments": []any{}, "source": "api"})
				pin(c, o)
			},
			Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
				patchActivity(c, rec, patch, p)
				pairNotes(patch)
				pin(c, patch)
			},
			Render: func(_ *rest.Call, _ *store.Record, o object) {
				o["note_mentions"] = mentioned(value.String(o["note_html"]))
			},
		}),
		activityType(&rest.Resource{
			Name: "calls", Type: "Call", Event: "activity.call", Custom: callFields,
			Fields: slices.Concat(optionalLead(activityFields), noteFields, []rest.Field{
				{Name: "status", Kind: rest.Choice, Choices: callStatuses, NotNull: true},
				{Name: "direction", Kind: rest.Choice, Choices: []string{"inbound", "outbound"}, Access: rest.OnCreate},
				{Name: "duration", Kind: rest.Whole, Bounded: true, Max: 604800},
				{Name: "phone", Kind: rest.Text},
				{Name: "recording_url", Kind: rest.Text},
				{Name: "voicemail_url", Kind: rest.Text},
				{Name: "outcome_id", Kind: rest.Text},
				{Name: "quality_info", Kind: rest.Text},
				{Name: "conversation_type_id", Kind: rest.Text},
				{Name: "playbook_id", Kind: rest.Text},
				{Name: "source", Kind: rest.Choice, Choices: []string{"Close.io", "External"}, Access: rest.OnCreate, NotNull: true},
			}),
			Prepare: prepareCall, Created: callCreated, Change: changeCall, Render: renderCall, Changed: callChanged,
			OnDemand: func(*rest.Call, *store.Record) object {
				return object{"recording_transcript": nil, "voicemail_transcript": nil}
			},
		}),
		activityType(&rest.Resource{Name: "created", Type: "Created", Model: "Created"}),
		activityType(&rest.Resource{
			Name: "lead_status_changes", Type: "LeadStatusChange", Model: "LeadStatusChangeActivity", Event: "activity.lead_status_change",
			Fields: slices.Concat(activityFields, []rest.Field{
				{Name: "old_status_id", Kind: rest.Reference, Table: "lead_statuses", Need: true},
				{Name: "new_status_id", Kind: rest.Reference, Table: "lead_statuses", Need: true},
			}),
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				prepareActivity(c, o, p)
				o["old_status_label"] = statusLabel(c, "lead_statuses", value.String(o["old_status_id"]))
				o["new_status_label"] = statusLabel(c, "lead_statuses", value.String(o["new_status_id"]))
			},
		}),
		activityType(&rest.Resource{
			Name: "opportunity_status_changes", Type: "OpportunityStatusChange", Model: "OpportunityStatusChangeActivity",
			Event: "activity.opportunity_status_change",
			Fields: slices.Concat(activityFields, []rest.Field{
				{Name: "opportunity_id", Kind: rest.Reference, Table: "opportunities", Need: true},
				{Name: "old_status_id", Kind: rest.Reference, Table: "opportunity_statuses", Need: true},
				{Name: "new_status_id", Kind: rest.Reference, Table: "opportunity_statuses", Need: true},
			}),
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				prepareActivity(c, o, p)
				o["old_status_label"] = statusLabel(c, "opportunity_statuses", value.String(o["old_status_id"]))
				o["new_status_label"] = statusLabel(c, "opportunity_statuses", value.String(o["new_status_id"]))
			},
		}),
		activityType(&rest.Resource{
			Name: "tasks_completed", Type: "TaskCompleted", Model: "TaskCompletedActivity", Event: "activity.task_completed",
			Render: func(_ *rest.Call, _ *store.Record, o object) { delete(o, "contact_id") },
		}),
		activityType(&rest.Resource{Name: "lead_merges", Type: "LeadMerge", Model: "LeadMergeActivity", Event: "activity.lead_merge"}),
	}
}

// optionalLead returns a copy of fields in which lead_id is not required.
func optionalLead(in []rest.Field) []rest.Field {
	out := slices.Clone(in)
	out[0].Need = false
	return out
}

// onlyOnCreate returns a copy of fields in which the named ones cannot be changed.
func onlyOnCreate(in []rest.Field, names ...string) []rest.Field {
	out := slices.Clone(in)
	for i := range out {
		if slices.Contains(names, out[i].Name) {
			out[i].Access = rest.OnCreate
		}
	}
	return out
}

// pin sets pinned_at according to pinned.
func pin(c *rest.Call, o object) {
	pinned, ok := o["pinned"]
	if !ok {
		return
	}
	o["pinned"], o["pinned_at"] = value.Bool(pinned), nil
	if value.Bool(pinned) {
		o["pinned_at"] = value.Stamp(c.Now)
	}
}

// patchActivity checks the common part of a patch.
func patchActivity(c *rest.Call, rec *store.Record, patch object, p *rest.Problems) {
	if v, ok := patch["lead_id"]; ok && v == nil {
		delete(patch, "lead_id")
	}
	lead := rec.Lead
	if moved := value.String(patch["lead_id"]); moved != "" {
		lead = moved
	}
	checkOwnContact(c, patch, lead, p)
}

// listActivities lists activities of all types. Without exactly one lead, it
// refuses filters on contacts, users and types, and the order by activity_at.
func listActivities(c *rest.Call) (any, error) {
	lead := c.Query.Get("lead_id")
	if lead == "" {
		lead = c.Query.Get("lead_id__in")
	}
	oneLead := lead != "" && !strings.Contains(lead, ",")
	byActivity := strings.TrimPrefix(c.Query.Get("_order_by"), "-") == "activity_at"
	var p rest.Problems
	for name := range c.Query {
		base, _, _ := strings.Cut(name, "__")
		if !oneLead && (base == "contact_id" || base == "user_id" || base == "_type") {
			p.Add(name, "This filter needs exactly one lead_id.")
		}
		if !byActivity && base == "activity_at" {
			p.Add(name, "This filter needs _order_by=-activity_at.")
		}
		if byActivity && base == "date_created" {
			p.Add(name, "This filter needs the order by date_created.")
		}
	}
	if byActivity && !oneLead {
		p.Add("_order_by", "This order needs exactly one lead_id.")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	rows, err := c.Matching(c.Engine.Resources["activities"])
	if err != nil {
		return nil, err
	}
	threads := c.Query.Get("thread_emails")
	rows = slices.DeleteFunc(rows, func(rec *store.Record) bool {
		switch rec.Data["_type"] {
		case "EmailThread":
			return threads != "true" && threads != "only" && !strings.Contains(c.Query.Get("_type")+c.Query.Get("_type__in"), "EmailThread")
		case "Email":
			return threads == "only"
		}
		return false
	})
	pg, err := c.Page(rest.MaxLimit)
	if err != nil {
		return nil, err
	}
	c.SortRows(c.Engine.Resources["activities"], rows)
	part, more := rest.Cut(rows, pg)
	data, sel := []object{}, c.Selection()
	for _, rec := range part {
		o := c.Render(c.Engine.ActivityResource(value.String(rec.Data["_type"])), rec)
		if threads == "true" && rec.Data["_type"] == "Email" {
			for _, k := range []string{"body_text", "body_html", "body_text_quoted", "body_html_quoted", "attachments"} {
				delete(o, k)
			}
		}
		data = append(data, sel.Pick(o, nil))
	}
	return object{"data": data, "has_more": more}, nil
}

var callStatuses = []string{"created", "in-progress", "completed", "cancel", "no-answer", "busy", "failed", "timeout"}

// dispositions maps the status of a logged call to its disposition.
var dispositions = map[string]string{
	"completed": "answered", "no-answer": "no-answer", "busy": "busy", "failed": "error", "timeout": "no-answer", "cancel": "abandoned",
}

func prepareCall(c *rest.Call, o, _ object, p *rest.Problems) {
	if o["lead_id"] == nil {
		if contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"])); contact != nil {
			o["lead_id"] = contact.Lead
		} else {
			p.Add("lead", rest.MsgRequired)
		}
	}
	prepareActivity(c, o, p)
	pairNotes(o)
	setDefaults(o, object{
		"status": "completed", "direction": "outbound", "duration": int64(0), "note": "", "note_html": "", "source": "External",
		"phone": nil, "recording_url": nil, "voicemail_url": nil, "outcome_id": nil,
		"voicemail_duration": int64(0), "cost": nil, "local_phone": nil, "dialer_id": nil, "dialer_saved_search_id": nil,
		"coach_legs": []any{}, "transferred_from": nil, "transferred_to": nil, "transferred_from_user_id": nil,
		"transferred_to_user_id": nil, "forwarded_to": nil, "is_forwarded": false, "is_joinable": false,
		"is_to_group_number": false, "recording_expires_at": nil, "recording_duration": nil, "parent_meeting_id": nil,
		"sequence_id": nil, "sequence_name": nil, "sequence_subscription_id": nil, "date_answered": nil,
	})
	if o["direction"] == nil {
		o["direction"] = "outbound"
	}
	checkCall(o, p)
	o["call_method"] = "external"
	if o["source"] == "Close.io" {
		o["call_method"] = "regular"
	}
}

// checkCall checks the values of a call and normalizes its phone number.
func checkCall(o object, p *rest.Problems) {
	if phone := value.String(o["phone"]); phone != "" {
		if number, ok := e164(phone); ok {
			o["phone"] = number
		} else {
			p.Add("phone", "Not a valid phone number.")
		}
	}
	for _, k := range []string{"recording_url", "voicemail_url"} {
		if u := value.String(o[k]); u != "" && !strings.HasPrefix(u, "https://") {
			p.Add(k, "Not a valid https URL.")
		}
	}
}

func callCreated(c *rest.Call, rec *store.Record, _ object) {
	if rec.Data["status"] == "completed" {
		c.Log(c.Engine.Resources["calls"], rec, "completed", nil, c.Snapshot(c.Engine.Resources["calls"], rec))
	}
}

func callChanged(c *rest.Call, rec *store.Record, before object) {
	if before["status"] != "completed" {
		callCreated(c, rec, nil)
	}
}

func changeCall(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	patchActivity(c, rec, patch, p)
	pairNotes(patch)
	checkCall(patch, p)
	if rec.Data["source"] != "Close.io" {
		if direction := value.String(body["direction"]); direction == "inbound" || direction == "outbound" {
			patch["direction"] = direction
		}
		return
	}
	for _, k := range []string{"status", "duration", "direction"} {
		if v, ok := body[k]; ok && v != rec.Data[k] {
			p.Add(k, "This cannot be changed for a call made through Close.")
		}
	}
}

func renderCall(_ *rest.Call, _ *store.Record, o object) {
	phone := value.String(o["phone"])
	o["remote_phone"], o["remote_phone_formatted"], o["local_phone_formatted"] = value.OrNull(phone), nil, nil
	if phone != "" {
		o["remote_phone_formatted"] = formatPhone(phone)
	}
	o["remote_country_iso"], o["local_country_iso"] = phoneCountry(phone), ""
	o["has_recording"] = value.String(o["recording_url"]) != ""
	o["disposition"] = value.OrNull(dispositions[value.String(o["status"])])
}

// dropComments deletes the comment threads that match, with their comments.
func dropComments(c *rest.Call, match func(thread object) bool) {
	threads := c.Engine.Resources["comment_threads"]
	for _, thread := range c.State.Table("comment_threads").All(c.Organization) {
		if !match(thread.Data) {
			continue
		}
		for _, comment := range c.State.Table("comments").All(c.Organization) {
			if comment.Data["thread_id"] == thread.ID {
				c.Drop(c.Engine.Resources["comments"], comment)
			}
		}
		c.Drop(threads, thread)
	}
}
