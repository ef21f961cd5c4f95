package crm

import (
	"strconv"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// formResource describes forms, which only a seed makes.
func formResource() *rest.Resource {
	return &rest.Resource{
		Name: "forms", Prefix: "form", Short: true, Model: "Form", Authors: rest.AuthorNone, Ascending: true,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text, Need: true},
			{Name: "field_definitions", Kind: rest.Objects},
			{Name: "is_archived", Kind: rest.Flag},
		},
		Filters: map[string]rest.Kind{"is_archived": rest.Flag},
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			setDefaults(o, object{"field_definitions": []any{}, "is_archived": false})
			defs := []any{}
			for i, e := range value.List(o["field_definitions"]) {
				def := value.Shallow(e.(object))
				if value.String(def["name"]) == "" {
					p.Add("field_definitions", object{"errors": object{strconv.Itoa(i): object{"name": rest.MsgRequired}}})
				}
				if value.String(def["id"]) == "" {
					def["id"] = c.State.IDs.Short("formfld")
				}
				setDefaults(def, object{"type": "text", "choices": []any{}})
				defs = append(defs, def)
			}
			o["field_definitions"] = defs
		},
	}
}

// submissionResource describes what visitors filled in, which only a seed makes.
func submissionResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "form_submissions", Type: "FormSubmission", Event: "activity.form_submission", Authors: rest.AuthorNone,
		Fields: append(onlyOnCreate(activityFields, "lead_id"),
			rest.Field{Name: "form_id", Kind: rest.Reference, Table: "forms", Need: true},
			rest.Field{Name: "values", Kind: rest.Dict},
			rest.Field{Name: "ip_address", Kind: rest.Text},
			rest.Field{Name: "origin", Kind: rest.Text},
			rest.Field{Name: "source_url", Kind: rest.Text},
			rest.Field{Name: "source_url_normalized", Kind: rest.Text},
			rest.Field{Name: "form_configuration_id", Kind: rest.Text},
		),
		Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
			prepareActivity(c, o, p)
			setDefaults(o, object{
				"values": object{}, "ip_address": nil, "origin": nil, "source_url": nil, "source_url_normalized": nil, "form_configuration_id": nil,
			})
			for _, k := range []string{"user_id", "created_by", "created_by_name", "updated_by", "updated_by_name"} { // a visitor is no user
				o[k] = nil
			}
		},
		Render: func(c *rest.Call, _ *store.Record, o object) {
			named := object{}
			if form := c.State.Find("forms", c.Organization, value.String(o["form_id"])); form != nil {
				values, _ := o["values"].(object)
				for _, e := range value.List(form.Data["field_definitions"]) {
					def := e.(object)
					if v, ok := values[value.String(def["id"])]; ok {
						named[value.String(def["name"])] = v
					}
				}
			}
			o["values_by_name"] = named
		},
	}, "form_id")
}
