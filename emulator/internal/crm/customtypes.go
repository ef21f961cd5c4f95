package crm

import (
	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func customTypeResources() []*rest.Resource {
	return []*rest.Resource{
		customType("activity", &rest.Resource{
			Prefix: "actitype", Model: "CustomActivityType", Event: "custom_activity_type",
			Fields: []rest.Field{{Name: "is_archived", Kind: rest.Flag, NotNull: true}},
		}, object{"is_archived": false}),
		customType("custom_object", &rest.Resource{
			Prefix: "cotype", Model: "CustomObjectType", Event: "custom_object_type",
			Fields: []rest.Field{{Name: "name_plural", Kind: rest.Text, Need: true, NotNull: true}},
		}, nil),
	}
}

// customType completes the description of a kind of custom types.
func customType(owner string, r *rest.Resource, defaults object) *rest.Resource {
	kind := fieldOwners[owner]
	r.Name, r.Short, r.Authors, r.Ascending = kind.types, true, rest.AuthorPlain, true
	r.Right = "manage_customizations"
	r.Fields = append([]rest.Field{
		{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
		{Name: "description", Kind: rest.Text},
		{Name: "api_create_only", Kind: rest.Flag, NotNull: true},
		{Name: "editable_with_roles", Kind: rest.Texts},
	}, r.Fields...)
	r.Prepare = func(_ *rest.Call, o, _ object, _ *rest.Problems) {
		emptyRoles(o)
		setDefaults(o, object{"description": nil, "api_create_only": false, "editable_with_roles": []any{}})
		setDefaults(o, defaults)
	}
	r.Change = func(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
		emptyRoles(patch)
		if order, ok := body["fields"]; ok && owner == "activity" {
			orderFields(c, home{owner, rec.ID}, order, p)
		}
	}
	r.Cascade = func(c *rest.Call, rec *store.Record) { dropType(c, home{owner, rec.ID}) }
	r.Render = func(c *rest.Call, rec *store.Record, o object) {
		fields := []any{}
		for _, def := range definitionsOf(c, home{owner, rec.ID}) {
			fields = append(fields, typeField(owner, def))
		}
		o["fields"] = fields
		if owner == "custom_object" {
			o["back_reference_fields"] = backReferences(c, rec.ID)
		}
	}
	r.Actions = map[string]func(*rest.Call) (any, error){"list": listAll}
	return r
}

// dropType deletes the records of a custom type and the fields that only they have.
func dropType(c *rest.Call, h home) {
	kind := fieldOwners[h.owner]
	for _, rec := range c.State.Table(kind.table).All(c.Organization) {
		if rec.Data[kind.typeKey] == h.custom {
			c.Drop(resourceOf(c, kind.table, rec), rec)
		}
	}
	for _, def := range definitionsOf(c, h) {
		if def.Data["associations"] == nil {
			c.Drop(c.Engine.Resources[CustomTable(h.owner)], def.Record)
		} else {
			dropAssociation(c, def.Record, h.association())
		}
	}
}

// typeField is a custom field within its type.
func typeField(owner string, def definition) object {
	o := object{"required": def.required, "editable_with_roles": def.roles}
	if def.roles == nil {
		o["editable_with_roles"] = []any{}
	}
	for _, k := range []string{"id", "name", "type", "description", "accepts_multiple_values"} {
		o[k] = def.Data[k]
	}
	if choices := def.Data["choices"]; choices != nil {
		o["choices"] = choices
	}
	if owner == "activity" {
		o["converting_to_type"] = nil
	}
	if target := def.Data["referenced_custom_type_id"]; target != nil || owner == "custom_object" {
		o["referenced_custom_type_id"], o["back_reference_is_visible"] = target, def.Data["back_reference_is_visible"]
	}
	return o
}

// backReferences are the fields of all kinds that refer to records of a type.
func backReferences(c *rest.Call, custom string) []any {
	out := []any{}
	for _, owner := range CustomOwners {
		for _, rec := range c.State.Table(CustomTable(owner)).All(c.Organization) {
			if rec.Data["referenced_custom_type_id"] == custom {
				out = append(out, typeField("custom_object", definition{
					rec, value.Bool(rec.Data["required"]), value.List(rec.Data["editable_with_roles"]),
				}))
			}
		}
	}
	return out
}

// mayUseType checks whether the caller may write records of a custom type.
func mayUseType(c *rest.Call, owner string, id any) {
	rec := c.State.Find(fieldOwners[owner].types, c.Organization, value.String(id))
	if rec != nil && !hasRole(c, value.List(rec.Data["editable_with_roles"])) {
		c.Failure = c.Denied()
	}
}
