package emulator

import (
	"maps"
	"slices"
	"strings"
)

// activityFilters are common to all activity lists.
var activityFilters = map[string]kind{
	"lead_id": text, "contact_id": text, "user_id": text, "organization_id": text, "_type": text,
	"date_created": instant, "activity_at": instant,
}

// activityFields are common to the activities that clients create.
var activityFields = []field{
	{name: "lead_id", kind: reference, table: "leads", errKey: "lead", need: true},
	{name: "contact_id", kind: reference, table: "contacts", errKey: "contact"},
	{name: "user_id", kind: reference, table: "users", errKey: "user"},
	{name: "activity_at", kind: instant},
	{name: "created_by", kind: reference, table: "users", access: onCreate},
	{name: "date_created", kind: instant, access: onCreate},
}

// activityType completes the description of an activity.
func activityType(r *resource) *resource {
	own := r.render
	r.table, r.prefix, r.filters, r.commas = "activities", "acti", activityFilters, true
	if r.model == "" {
		r.model = r.typ
	}
	r.render = func(c *call, rec *record, o object) {
		o["user_name"] = c.userName(o["user_id"])
		if own != nil {
			own(c, rec, o)
		}
	}
	removed := r.removed
	r.removed = func(c *call, rec *record) {
		c.dropComments(func(thread object) bool { return thread["object_id"] == rec.id })
		if removed != nil {
			removed(c, rec)
		}
	}
	if r.release == nil {
		r.release = releaseActivity
	}
	return r
}

// releaseActivity checks the permission to delete an activity.
func releaseActivity(c *call, rec *record) error {
	if rec.data["user_id"] == c.user {
		return c.allowed("delete_own_activities")
	}
	return c.allowed("manage_others_activities")
}

// activity returns the common part of an activity on a lead.
func (c *call) activity(lead string, more object) object {
	o := object{
		"lead_id": orNull(lead), "contact_id": nil, "user_id": orNull(c.user), "users": []any{}, "activity_at": stamp(c.now),
	}
	maps.Copy(o, more)
	return o
}

// prepareActivity fills in the fields that every activity has.
func (c *call) prepareActivity(o object, p *problems) {
	c.checkOwnContact(o, str(o["lead_id"]), p)
	user := o["user_id"]
	if user == nil {
		user = orNull(c.user)
	}
	at := o["activity_at"]
	if at == nil {
		if at = o["date_created"]; at == nil {
			at = stamp(c.now)
		}
	}
	setDefaults(o, c.activity("", nil))
	o["user_id"], o["activity_at"] = user, at
}

func activityResources() []*resource {
	return []*resource{
		{
			name: "activities", model: "Activity", filters: activityFilters, commas: true,
			orders:  []string{"date_created", "activity_at"},
			actions: map[string]func(*call) (any, error){"list": listActivities},
		},
		activityType(&resource{
			name: "notes", typ: "Note", event: "activity.note",
			fields: slices.Concat(onlyOnCreate(activityFields, "lead_id", "user_id"), noteFields, []field{
				{name: "title", kind: text},
				{name: "pinned", kind: flag},
				{name: "attachments", kind: objects, max: 1000},
			}),
			prepare: func(c *call, o, _ object, p *problems) {
				c.prepareActivity(o, p)
				pairNotes(o)
				setDefaults(o, object{"note": "", "note_html": "", "title": nil, "pinned": false, "attachments": []any{}, "source": "api"})
				c.pin(o)
			},
			change: func(c *call, rec *record, patch, _ object, p *problems) {
				c.patchActivity(rec, patch, p)
				pairNotes(patch)
				c.pin(patch)
			},
			render: func(_ *call, _ *record, o object) { o["note_mentions"] = mentioned(str(o["note_html"])) },
		}),
		activityType(&resource{
			name: "calls", typ: "Call", event: "activity.call", custom: callFields,
			fields: slices.Concat(optionalLead(activityFields), noteFields, []field{
				{name: "status", kind: choice, choices: callStatuses, notNull: true},
				{name: "direction", kind: choice, choices: []string{"inbound", "outbound"}, access: onCreate},
				{name: "duration", kind: whole, bounded: true, max: 604800},
				{name: "phone", kind: text},
				{name: "recording_url", kind: text},
				{name: "voicemail_url", kind: text},
				{name: "outcome_id", kind: text},
				{name: "quality_info", kind: text},
				{name: "conversation_type_id", kind: text},
				{name: "playbook_id", kind: text},
				{name: "source", kind: choice, choices: []string{"Close.io", "External"}, access: onCreate, notNull: true},
			}),
			prepare: prepareCall, created: callCreated, change: changeCall, render: renderCall, changed: callChanged,
			onDemand: func(*call, *record) object {
				return object{"recording_transcript": nil, "voicemail_transcript": nil}
			},
		}),
		activityType(&resource{name: "created", typ: "Created", model: "Created"}),
		activityType(&resource{
			name: "lead_status_changes", typ: "LeadStatusChange", model: "LeadStatusChangeActivity", event: "activity.lead_status_change",
			fields: slices.Concat(activityFields, []field{
				{name: "old_status_id", kind: reference, table: "lead_statuses", need: true},
				{name: "new_status_id", kind: reference, table: "lead_statuses", need: true},
			}),
			prepare: func(c *call, o, _ object, p *problems) {
				c.prepareActivity(o, p)
				o["old_status_label"] = c.statusLabel("lead_statuses", str(o["old_status_id"]))
				o["new_status_label"] = c.statusLabel("lead_statuses", str(o["new_status_id"]))
			},
		}),
		activityType(&resource{
			name: "opportunity_status_changes", typ: "OpportunityStatusChange", model: "OpportunityStatusChangeActivity",
			event: "activity.opportunity_status_change",
			fields: slices.Concat(activityFields, []field{
				{name: "opportunity_id", kind: reference, table: "opportunities", need: true},
				{name: "old_status_id", kind: reference, table: "opportunity_statuses", need: true},
				{name: "new_status_id", kind: reference, table: "opportunity_statuses", need: true},
			}),
			prepare: func(c *call, o, _ object, p *problems) {
				c.prepareActivity(o, p)
				o["old_status_label"] = c.statusLabel("opportunity_statuses", str(o["old_status_id"]))
				o["new_status_label"] = c.statusLabel("opportunity_statuses", str(o["new_status_id"]))
			},
		}),
		activityType(&resource{
			name: "tasks_completed", typ: "TaskCompleted", model: "TaskCompletedActivity", event: "activity.task_completed",
			render: func(_ *call, _ *record, o object) { delete(o, "contact_id") },
		}),
		activityType(&resource{name: "lead_merges", typ: "LeadMerge", model: "LeadMergeActivity", event: "activity.lead_merge"}),
	}
}

// optionalLead returns a copy of fields in which lead_id is not required.
func optionalLead(in []field) []field {
	out := slices.Clone(in)
	out[0].need = false
	return out
}

// onlyOnCreate returns a copy of fields in which the named ones cannot be changed.
func onlyOnCreate(in []field, names ...string) []field {
	out := slices.Clone(in)
	for i := range out {
		if slices.Contains(names, out[i].name) {
			out[i].access = onCreate
		}
	}
	return out
}

// pin sets pinned_at according to pinned.
func (c *call) pin(o object) {
	pinned, ok := o["pinned"]
	if !ok {
		return
	}
	o["pinned"], o["pinned_at"] = truth(pinned), nil
	if truth(pinned) {
		o["pinned_at"] = stamp(c.now)
	}
}

// patchActivity checks the common part of a patch.
func (c *call) patchActivity(rec *record, patch object, p *problems) {
	if v, ok := patch["lead_id"]; ok && v == nil {
		delete(patch, "lead_id")
	}
	lead := rec.lead
	if moved := str(patch["lead_id"]); moved != "" {
		lead = moved
	}
	c.checkOwnContact(patch, lead, p)
}

// listActivities lists activities of all types. Without exactly one lead, it
// refuses filters on contacts, users and types, and the order by activity_at.
func listActivities(c *call) (any, error) {
	lead := c.query.Get("lead_id")
	if lead == "" {
		lead = c.query.Get("lead_id__in")
	}
	oneLead := lead != "" && !strings.Contains(lead, ",")
	byActivity := strings.TrimPrefix(c.query.Get("_order_by"), "-") == "activity_at"
	var p problems
	for name := range c.query {
		base, _, _ := strings.Cut(name, "__")
		if !oneLead && (base == "contact_id" || base == "user_id" || base == "_type") {
			p.add(name, "This filter needs exactly one lead_id.")
		}
		if !byActivity && base == "activity_at" {
			p.add(name, "This filter needs _order_by=-activity_at.")
		}
		if byActivity && base == "date_created" {
			p.add(name, "This filter needs the order by date_created.")
		}
	}
	if byActivity && !oneLead {
		p.add("_order_by", "This order needs exactly one lead_id.")
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	rows, err := c.matching(c.e.resources["activities"])
	if err != nil {
		return nil, err
	}
	threads := c.query.Get("thread_emails")
	rows = slices.DeleteFunc(rows, func(rec *record) bool {
		switch rec.data["_type"] {
		case "EmailThread":
			return threads != "true" && threads != "only" && !strings.Contains(c.query.Get("_type")+c.query.Get("_type__in"), "EmailThread")
		case "Email":
			return threads == "only"
		}
		return false
	})
	pg, err := c.page(maxLimit)
	if err != nil {
		return nil, err
	}
	c.sortRows(c.e.resources["activities"], rows)
	part, more := cut(rows, pg)
	data, sel := []object{}, c.selection()
	for _, rec := range part {
		o := c.render(c.e.activityResource(str(rec.data["_type"])), rec)
		if threads == "true" && rec.data["_type"] == "Email" {
			for _, k := range []string{"body_text", "body_html", "body_text_quoted", "body_html_quoted", "attachments"} {
				delete(o, k)
			}
		}
		data = append(data, sel.pick(o, nil))
	}
	return object{"data": data, "has_more": more}, nil
}

var callStatuses = []string{"created", "in-progress", "completed", "cancel", "no-answer", "busy", "failed", "timeout"}

// dispositions maps the status of a logged call to its disposition.
var dispositions = map[string]string{
	"completed": "answered", "no-answer": "no-answer", "busy": "busy", "failed": "error", "timeout": "no-answer", "cancel": "abandoned",
}

func prepareCall(c *call, o, _ object, p *problems) {
	if o["lead_id"] == nil {
		if contact := c.st.find("contacts", c.org, str(o["contact_id"])); contact != nil {
			o["lead_id"] = contact.lead
		} else {
			p.add("lead", errRequired)
		}
	}
	c.prepareActivity(o, p)
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
func checkCall(o object, p *problems) {
	if phone := str(o["phone"]); phone != "" {
		if number, ok := e164(phone); ok {
			o["phone"] = number
		} else {
			p.add("phone", "Not a valid phone number.")
		}
	}
	for _, k := range []string{"recording_url", "voicemail_url"} {
		if u := str(o[k]); u != "" && !strings.HasPrefix(u, "https://") {
			p.add(k, "Not a valid https URL.")
		}
	}
}

func callCreated(c *call, rec *record, _ object) {
	if rec.data["status"] == "completed" {
		c.log(c.e.resources["calls"], rec, "completed", nil, c.snapshot(c.e.resources["calls"], rec))
	}
}

func callChanged(c *call, rec *record, before object) {
	if before["status"] != "completed" {
		callCreated(c, rec, nil)
	}
}

func changeCall(c *call, rec *record, patch, body object, p *problems) {
	c.patchActivity(rec, patch, p)
	pairNotes(patch)
	checkCall(patch, p)
	if rec.data["source"] != "Close.io" {
		if direction := str(body["direction"]); direction == "inbound" || direction == "outbound" {
			patch["direction"] = direction
		}
		return
	}
	for _, k := range []string{"status", "duration", "direction"} {
		if v, ok := body[k]; ok && v != rec.data[k] {
			p.add(k, "This cannot be changed for a call made through Close.")
		}
	}
}

func renderCall(_ *call, _ *record, o object) {
	phone := str(o["phone"])
	o["remote_phone"], o["remote_phone_formatted"], o["local_phone_formatted"] = orNull(phone), nil, nil
	if phone != "" {
		o["remote_phone_formatted"] = formatPhone(phone)
	}
	o["remote_country_iso"], o["local_country_iso"] = phoneCountry(phone), ""
	o["has_recording"] = str(o["recording_url"]) != ""
	o["disposition"] = orNull(dispositions[str(o["status"])])
}

// dropComments deletes the comment threads that match, with their comments.
func (c *call) dropComments(match func(thread object) bool) {
	threads := c.e.resources["comment_threads"]
	for _, thread := range c.st.table("comment_threads").all(c.org) {
		if !match(thread.data) {
			continue
		}
		for _, comment := range c.st.table("comments").all(c.org) {
			if comment.data["thread_id"] == thread.id {
				c.drop(c.e.resources["comments"], comment)
			}
		}
		c.drop(threads, thread)
	}
}
