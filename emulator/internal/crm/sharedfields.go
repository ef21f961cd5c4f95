package crm

import (
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// sharedFields is the table of the custom fields that several kinds of records share.
const sharedFields = "custom_fields_shared"

func sharedFieldResource() *rest.Resource {
	return &rest.Resource{
		Name: sharedFields, Prefix: "cf", Model: "SharedCustomField", Event: "custom_fields.shared",
		Right: "manage_customizations", Authors: rest.AuthorPlain, Ascending: true,
		Fields: onlyOnCreate(definitionFields, "type"),
		Prepare: func(_ *rest.Call, o, _ object, p *rest.Problems) {
			setDefaults(o, object{"description": nil, "choices": nil, "accepts_multiple_values": false, "associations": []any{}})
			checkDefinition("", o, p)
		},
		Change: func(_ *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
			changeDefinition("", rec, patch, p)
		},
		Changed: func(c *rest.Call, rec *store.Record, _ object) {
			for _, kind := range fieldOwners {
				dropInvalid(c, kind.table, rec)
			}
		},
		Removed: func(c *rest.Call, rec *store.Record) {
			for _, kind := range fieldOwners {
				dropValues(c, kind.table, rec.ID, nil)
			}
		},
		Render: func(_ *rest.Call, _ *store.Record, o object) {
			shown := []any{}
			for _, a := range value.List(o["associations"]) {
				shown = append(shown, renderAssociation(a.(object)))
			}
			o["associations"] = shown
		},
		Actions: map[string]func(*rest.Call) (any, error){
			"associate": associate, "get_association": getAssociation, "update_association": updateAssociation, "dissociate": dissociate,
		},
	}
}

// associationFields are the members of an association that a client may set later too.
var associationFields = &rest.Resource{Fields: []rest.Field{
	{Name: "required", Kind: rest.Flag, NotNull: true},
	{Name: "editable_with_roles", Kind: rest.Texts},
}}

// associationOf returns the association of a shared field with a home, or nil.
func associationOf(field *store.Record, name string) object {
	for _, e := range value.List(field.Data["associations"]) {
		if a := e.(object); a["name"] == name {
			return a
		}
	}
	return nil
}

// renderAssociation hides the full name, by which associations are told apart.
func renderAssociation(a object) object {
	o := value.Shallow(a)
	delete(o, "name")
	return o
}

// homeNamed returns the home with a name in associations.
func homeNamed(c *rest.Call, name string) (home, bool) {
	kind, id, typed := strings.Cut(name, "/")
	for owner, o := range fieldOwners {
		if o.shares == kind && typed == (o.types != "") {
			return home{owner, id}, !typed || c.State.Find(o.types, c.Organization, id) != nil
		}
	}
	return home{}, false
}

func associate(c *rest.Call) (any, error) {
	field, err := writableField(c)
	if err != nil {
		return nil, err
	}
	var p rest.Problems
	o := c.Accept(associationFields, c.Body, true, &p)
	name := value.String(c.Body["object_type"])
	h, ok := homeNamed(c, name)
	switch {
	case name == "":
		p.Add("object_type", rest.MsgRequired)
	case !ok:
		p.Add("object_type", rest.MsgNotChoice)
	case associationOf(field, name) != nil:
		p.Add("object_type", "The field is associated with this type already.")
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	emptyRoles(o)
	setDefaults(o, object{"required": false, "editable_with_roles": []any{}})
	o["name"], o["object_type"] = name, fieldOwners[h.owner].shares
	if key := fieldOwners[h.owner].typeKey; key != "" {
		o[key] = h.custom
	}
	c.Apply(c.Resource, field, object{"associations": append(slices.Clone(value.List(field.Data["associations"])), o)})
	return renderAssociation(o), nil
}

// writableField returns the shared field of the path, if the caller may change it.
func writableField(c *rest.Call) (*store.Record, error) {
	field, err := c.Target()
	if err != nil {
		return nil, err
	}
	return field, c.Allowed(c.Resource.Right)
}

// pathAssociation returns the association that the path names.
func pathAssociation(c *rest.Call, field *store.Record) (object, error) {
	if a := associationOf(field, c.IDs[1]); a != nil {
		return a, nil
	}
	return nil, rest.Missing("SharedCustomFieldAssociation")
}

func getAssociation(c *rest.Call) (any, error) {
	field, err := c.Target()
	if err != nil {
		return nil, err
	}
	a, err := pathAssociation(c, field)
	if err != nil {
		return nil, err
	}
	return renderAssociation(a), nil
}

func updateAssociation(c *rest.Call) (any, error) {
	field, err := writableField(c)
	if err != nil {
		return nil, err
	}
	old, err := pathAssociation(c, field)
	if err != nil {
		return nil, err
	}
	var p rest.Problems
	patch := c.Accept(associationFields, c.Body, false, &p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	emptyRoles(patch)
	a := value.Shallow(old)
	maps.Copy(a, patch)
	replaceAssociation(c, field, a)
	return renderAssociation(a), nil
}

// replaceAssociation stores an association in place of the one with its name.
func replaceAssociation(c *rest.Call, field *store.Record, a object) {
	all := slices.Clone(value.List(field.Data["associations"]))
	for i, e := range all {
		if e.(object)["name"] == a["name"] {
			all[i] = a
		}
	}
	c.Apply(c.Resource, field, object{"associations": all})
}

// dissociate takes a shared field from a home, with the values there.
func dissociate(c *rest.Call) (any, error) {
	field, err := writableField(c)
	if err != nil {
		return nil, err
	}
	if _, err := pathAssociation(c, field); err != nil {
		return nil, err
	}
	dropAssociation(c, field, c.IDs[1])
	if h, ok := homeNamed(c, c.IDs[1]); ok {
		dropValues(c, fieldOwners[h.owner].table, field.ID, h.has)
	}
	return object{}, nil
}

func dropAssociation(c *rest.Call, field *store.Record, name string) {
	all := slices.DeleteFunc(slices.Clone(value.List(field.Data["associations"])), func(e any) bool { return e.(object)["name"] == name })
	c.Apply(c.Engine.Resources[sharedFields], field, object{"associations": all})
}
