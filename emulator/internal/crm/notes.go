package crm

import (
	"slices"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func noteResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "notes", Type: "Note", Event: "activity.note",
		Fields: slices.Concat(onlyOnCreate(activityFields, "lead_id", "user_id"), noteFields, []rest.Field{
			{Name: "title", Kind: rest.Text},
			{Name: "pinned", Kind: rest.Flag},
			{Name: "attachments", Kind: rest.Attachments, Max: 1000},
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
	})
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
