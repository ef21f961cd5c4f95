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
		activityType(&rest.Resource{Name: "created", Type: "Created", Model: "Created", Event: "activity.created"}),
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

// listActivities lists activities of all types. Filters on contacts, users and
// types, and the order by activity_at, are documented for exactly one lead only;
// whether the service refuses them otherwise is unknown. A strict server does.
func listActivities(c *rest.Call) (any, error) {
	lead := c.Query.Get("lead_id")
	if lead == "" {
		lead = c.Query.Get("lead_id__in")
	}
	oneLead := lead != "" && !strings.Contains(lead, ",") || !c.Engine.Options.Strict
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
	threads := c.Query.Get("thread_emails")
	listed, err := c.List(c.Engine.Resources["activities"], func(rec *store.Record) bool {
		switch rec.Data["_type"] {
		case "EmailThread":
			return threads == "true" || threads == "only" || strings.Contains(c.Query.Get("_type")+c.Query.Get("_type__in"), "EmailThread")
		case "Email":
			return threads != "only"
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	data, sel := []object{}, c.Selection()
	for _, rec := range listed.Rows {
		o := c.Render(c.Engine.ActivityResource(value.String(rec.Data["_type"])), rec)
		if threads == "true" && rec.Data["_type"] == "Email" {
			for _, k := range []string{"body_text", "body_html", "body_text_quoted", "body_html_quoted", "attachments"} {
				delete(o, k)
			}
		}
		data = append(data, sel.Pick(o, nil))
	}
	return object{"data": data, "has_more": listed.More}, nil
}
