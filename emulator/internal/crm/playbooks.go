package crm

import (
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func playbookResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "playbooks", Prefix: "convtyp", Short: true, Model: "Playbook", Authors: rest.AuthorIDs, Ascending: true,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
			{Name: "description", Kind: rest.Text},
			{Name: "summary_guidance", Kind: rest.Text},
			{Name: "custom_field_ids", Kind: rest.Texts, NotNull: true},
			{Name: "outcome_ids", Kind: rest.Texts, NotNull: true},
		},
		Filters: map[string]rest.Kind{"position": rest.Whole, "created_at": rest.Instant},
		Narrow: func(c *rest.Call) (func(*store.Record) bool, error) {
			if !c.Query.Has("is_archived") {
				return nil, nil
			}
			archived := c.Query.Get("is_archived") == "true"
			return func(rec *store.Record) bool { return (rec.Data["archived_at"] != nil) == archived }, nil
		},
		Value: func(_ *rest.Call, rec *store.Record, name string) any {
			if name == "created_at" {
				name = "date_created"
			}
			return rec.Data[name]
		},
		Arrange: func(_ *rest.Call, rows []*store.Record) { sortByPosition(rows) },
		Prepare: func(c *rest.Call, o, _ object, _ *rest.Problems) {
			setDefaults(o, object{
				"description": nil, "summary_guidance": nil, "custom_field_ids": []any{}, "outcome_ids": []any{},
				"archived_at": nil, "archived_by_id": nil, "position": nextPlaybook(c),
			})
		},
		Render: func(_ *rest.Call, rec *store.Record, o object) {
			o["created_at"], o["updated_at"] = rec.Data["date_created"], rec.Data["date_updated"]
			dropDates(o)
		},
		Actions: map[string]func(*rest.Call) (any, error){
			"archive":   func(c *rest.Call) (any, error) { return archivePlaybook(c, true) },
			"unarchive": func(c *rest.Call) (any, error) { return archivePlaybook(c, false) },
		},
	}}
}

// nextPlaybook returns the position after the last playbook.
func nextPlaybook(c *rest.Call) int64 {
	next := int64(0)
	for _, rec := range c.State.Table("playbooks").All(c.Organization) {
		if rec.Data["position"] != nil {
			next = max(next, value.Int(rec.Data["position"])+1)
		}
	}
	return next
}

// archivePlaybook archives a playbook or takes it back; what is so already stays.
func archivePlaybook(c *rest.Call, archived bool) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	switch is := rec.Data["archived_at"] != nil; {
	case archived && !is:
		c.Apply(c.Resource, rec, object{"archived_at": value.Stamp(c.Now), "archived_by_id": c.User, "position": nil})
	case !archived && is:
		c.Apply(c.Resource, rec, object{"archived_at": nil, "archived_by_id": nil, "position": nextPlaybook(c)})
	}
	return c.Result(rec), nil
}
