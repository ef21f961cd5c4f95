package crm

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// customActivity is the _type of activities of custom types.
const customActivity = "CustomActivity"

func customActivityResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "custom_activities", Type: customActivity, Event: "activity.custom_activity", Custom: "activity",
		Fields: slices.Concat(onlyOnCreate(activityFields, "lead_id", "user_id"), []rest.Field{
			{Name: "custom_activity_type_id", Kind: rest.Reference, Table: "custom_activity_types", Access: rest.OnCreate, Need: true},
			{Name: "status", Kind: rest.Choice, Choices: []string{"draft", "published"}, NotNull: true},
			{Name: "pinned", Kind: rest.Flag},
		}),
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			prepareActivity(c, o, p)
			setDefaults(o, object{
				"status": "published", "pinned": false, "source": "api", "mentions": []any{}, "mentions_updated_at": nil, "last_published_at": nil,
			})
			pin(c, o)
			if t := c.State.Find("custom_activity_types", c.Organization, value.String(o["custom_activity_type_id"])); t != nil && value.Bool(t.Data["is_archived"]) {
				p.Add("custom_activity_type_id", "This type is archived.")
			}
			mayUseType(c, "activity", o["custom_activity_type_id"])
			publish(c, nil, o, p)
		},
		Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			patchActivity(c, rec, patch, p)
			pin(c, patch)
			mayUseType(c, "activity", rec.Data["custom_activity_type_id"])
			publish(c, rec, patch, p)
		},
		Narrow: narrowCustomActivities, Value: activityValue,
	}, "custom_activity_type_id")
}

// publish checks that a published activity has all required values, and notes the time
// at which it becomes one.
func publish(c *rest.Call, rec *store.Record, o object, p *rest.Problems) {
	status, given := o["status"]
	if rec != nil && !given {
		status = rec.Data["status"]
	}
	if status != "published" {
		return
	}
	needValues(c, "activity", rec, o, p)
	if rec == nil || rec.Data["status"] != "published" {
		o["last_published_at"] = value.Stamp(c.Now)
	}
}

// narrowCustomActivities refuses a filter by type without exactly one lead.
func narrowCustomActivities(c *rest.Call) (func(*store.Record) bool, error) {
	lead := c.Query.Get("lead_id")
	for _, name := range []string{"custom_activity_type_id", "custom_activity_type_id__in"} {
		if c.Query.Get(name) != "" && (lead == "" || strings.Contains(lead, ",")) {
			return nil, rest.FieldError(name, "This filter needs exactly one lead_id.")
		}
	}
	return nil, nil
}

// activityValue returns the value of an activity for filters. Custom activities are
// found by Custom and by the id of their type too.
func activityValue(_ *rest.Call, rec *store.Record, name string) any {
	if name == "_type" && rec.Data["_type"] == customActivity {
		return []any{customActivity, "Custom", rec.Data["custom_activity_type_id"]}
	}
	return rec.Data[name]
}

func customObjectResource() *rest.Resource {
	return &rest.Resource{
		Name: "custom_objects", Prefix: "custobj", Short: true, Model: "CustomObject", Event: "custom_object", Custom: "custom_object",
		Authors: rest.AuthorPlain, Ascending: true,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "lead_id", Kind: rest.Reference, Table: "leads", Access: rest.OnCreate, Need: true},
			{Name: "custom_object_type_id", Kind: rest.Reference, Table: "custom_object_types", Access: rest.OnCreate, Need: true},
		},
		Filters: map[string]rest.Kind{"lead_id": rest.Text, "custom_object_type_id": rest.Text},
		Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
			if c.Query.Get("lead_id") == "" {
				return nil, rest.FieldError("lead_id", rest.MsgRequired)
			}
			return nil, nil
		},
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			mayUseType(c, "custom_object", o["custom_object_type_id"])
			needValues(c, "custom_object", nil, o, p)
		},
		Change: func(c *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			mayUseType(c, "custom_object", rec.Data["custom_object_type_id"])
			needValues(c, "custom_object", rec, patch, p)
		},
		Actions: map[string]func(*rest.Call) (any, error){"list": listObjects},
	}
}

// listObjects lists all custom objects of a lead.
func listObjects(c *rest.Call) (any, error) {
	v, err := listAll(c)
	if out, ok := v.(object); ok {
		out["has_more"] = false
	}
	return v, err
}
