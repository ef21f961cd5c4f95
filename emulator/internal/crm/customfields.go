package crm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var customTypes = []string{"text", "number", "date", "datetime", "choices", "user", "contact", "custom_object", "textarea", "hidden"}

// multiTypes are the types that may hold several values.
var multiTypes = []string{"choices", "user", "contact", "custom_object"}

// CustomOwners are the objects with custom fields, in the order of the paths.
var CustomOwners = []string{"lead", "contact", "opportunity"}

// CustomTable returns the table of the custom fields of an owner.
func CustomTable(owner string) string { return "custom_fields_" + owner }

func customFieldResources() []*rest.Resource {
	out := []*rest.Resource{{
		Name: "custom_field_schemas", Model: "CustomFieldSchema",
		Actions: map[string]func(*rest.Call) (any, error){"get": getCustomFieldSchema},
	}}
	for _, owner := range CustomOwners {
		model := strings.ToUpper(owner[:1]) + owner[1:] + "CustomField"
		out = append(out, &rest.Resource{
			Name: CustomTable(owner), Prefix: "cf", Model: model, Event: "custom_fields." + owner,
			Right: "manage_customizations", Authors: rest.AuthorPlain, Ascending: true,
			Fields: []rest.Field{
				{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
				{Name: "description", Kind: rest.Text, Max: 280},
				{Name: "type", Kind: rest.Choice, Choices: customTypes, Need: true, NotNull: true},
				{Name: "choices", Kind: rest.Texts},
				{Name: "accepts_multiple_values", Kind: rest.Flag, NotNull: true},
				{Name: "editable_with_roles", Kind: rest.Texts},
				{Name: "referenced_custom_type_id", Kind: rest.Text},
				{Name: "back_reference_is_visible", Kind: rest.Flag},
			},
			Prepare: prepareDefinition, Change: changeDefinition,
			Changed: func(c *rest.Call, rec *store.Record, _ object) { dropInvalid(c, owner, rec) },
			Removed: func(c *rest.Call, rec *store.Record) { dropValues(c, owner, rec) },
		})
	}
	return out
}

func prepareDefinition(_ *rest.Call, o, _ object, p *rest.Problems) {
	setDefaults(o, object{
		"description": nil, "choices": nil, "accepts_multiple_values": false, "editable_with_roles": []any{},
		"referenced_custom_type_id": nil, "back_reference_is_visible": nil, "is_shared": false,
	})
	checkDefinition(o, p)
}

func changeDefinition(_ *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
	if patch["editable_with_roles"] == nil {
		if _, ok := patch["editable_with_roles"]; ok {
			patch["editable_with_roles"] = []any{}
		}
	}
	now := value.Shallow(rec.Data)
	maps.Copy(now, patch)
	if _, ok := patch["type"]; ok && now["type"] != "choices" {
		now["choices"], patch["choices"] = nil, nil
	}
	checkDefinition(now, p)
}

func checkDefinition(o object, p *rest.Problems) {
	kind := value.String(o["type"])
	switch choices := value.List(o["choices"]); {
	case kind == "choices" && len(choices) == 0:
		p.Add("choices", rest.MsgRequired)
	case kind != "choices" && len(choices) > 0:
		p.Add("choices", "Only fields of type choices have choices.")
	default:
		seen := map[any]bool{}
		for _, v := range choices {
			if seen[v] {
				p.Add("choices", "Choices must be unique.")
			}
			seen[v] = true
		}
	}
	if value.Bool(o["accepts_multiple_values"]) && kind != "" && !slices.Contains(multiTypes, kind) {
		p.Add("accepts_multiple_values", "This type of field holds one value.")
	}
	if kind == "textarea" {
		p.Add("type", rest.MsgNotChoice)
	}
}

func getCustomFieldSchema(c *rest.Call) (any, error) {
	if !slices.Contains(CustomOwners, c.ID) {
		return nil, rest.Missing("CustomFieldSchema")
	}
	fields := []any{}
	for _, rec := range c.State.Table(CustomTable(c.ID)).All(c.Organization) {
		fields = append(fields, rec.Data)
	}
	return object{"object_type": c.ID, "fields": fields}, nil
}

// customValues reads the custom fields of a request body into o. rec is the
// object to change, nil for a new one.
func customValues(c *rest.Call, owner string, rec *store.Record, body, o object, p *rest.Problems) {
	for key, v := range body {
		name, ok := strings.CutPrefix(key, "custom.")
		if !ok {
			continue
		}
		name, op := cutOperation(name)
		if owner == callFields {
			undefinedValue(rec, name, op, v, o)
			continue
		}
		customValue(c, owner, rec, key, name, op, v, o, p)
	}
	if named, ok := body["custom"].(object); ok && owner != callFields {
		for name, v := range named {
			customValue(c, owner, rec, "custom."+name, name, "", v, o, p)
		}
	}
}

// callFields owns the custom fields of calls. The emulator does not serve their
// definitions, so it accepts any id and value.
const callFields = "call"

// undefinedValue stores a value of a custom field that has no definition.
func undefinedValue(rec *store.Record, id, op string, v any, o object) {
	key := "custom." + id
	if op != "" && rec != nil {
		v = combine(value.List(rec.Data[key]), op, v)
	}
	switch {
	case v != nil:
		o[key] = v
	case rec != nil:
		o[key] = rest.RemoveKey
	}
}

func cutOperation(name string) (string, string) {
	for _, op := range []string{"add", "remove"} {
		if rest, ok := strings.CutSuffix(name, "."+op); ok {
			return rest, op
		}
	}
	return name, ""
}

// definitionOf returns a custom field by id, or by name, which old clients use.
func definitionOf(c *rest.Call, owner, name string) *store.Record {
	t := CustomTable(owner)
	if rec := c.State.Find(t, c.Organization, name); rec != nil {
		return rec
	}
	for _, rec := range c.State.Table(t).All(c.Organization) {
		if rec.Data["name"] == name {
			return rec
		}
	}
	return nil
}

func customValue(c *rest.Call, owner string, rec *store.Record, key, name, op string, v any, o object, p *rest.Problems) {
	def := definitionOf(c, owner, name)
	if def == nil {
		p.Add(key, "Custom field does not exist.")
		return
	}
	if !mayEdit(c, def) {
		p.Add(key, "You do not have permission to edit this field.")
		return
	}
	flat := "custom." + def.ID
	if v == nil && op == "" {
		if rec != nil {
			o[flat] = rest.RemoveKey
		}
		return
	}
	multi := value.Bool(def.Data["accepts_multiple_values"])
	if op != "" {
		if rec == nil || !multi {
			p.Add(key, "Values can only be added to or removed from a field that accepts multiple values.")
			return
		}
		v = combine(value.List(rec.Data[flat]), op, v)
	}
	if !multi {
		got, problem := customScalar(c, def, rec, o, v)
		if problem != "" {
			p.Add(key, problem)
			return
		}
		o[flat] = got
		return
	}
	values, ok := v.([]any)
	if !ok {
		values = []any{v}
	}
	out := []any{}
	for _, e := range values {
		got, problem := customScalar(c, def, rec, o, e)
		if problem != "" {
			p.Add(key, problem)
			return
		}
		if !slices.Contains(out, got) {
			out = append(out, got)
		}
	}
	if len(out) == 0 && rec != nil {
		o[flat] = rest.RemoveKey
	} else if len(out) > 0 {
		o[flat] = out
	}
}

// combine adds a value to a list, or removes it.
func combine(old []any, op string, v any) []any {
	given, ok := v.([]any)
	if !ok {
		given = []any{v}
	}
	out := slices.Clone(old)
	for _, e := range given {
		at := slices.IndexFunc(out, func(x any) bool { return rest.CompareValues(x, e) == 0 })
		switch {
		case op == "add" && at < 0:
			out = append(out, e)
		case op == "remove" && at >= 0:
			out = slices.Delete(out, at, at+1)
		}
	}
	return out
}

// mayEdit applies editable_with_roles; an empty list allows every role.
func mayEdit(c *rest.Call, def *store.Record) bool {
	roles := value.List(def.Data["editable_with_roles"])
	if len(roles) == 0 {
		return true
	}
	u := c.State.User(c.User)
	if u == nil {
		return true
	}
	m, _ := u.In(c.Organization)
	return slices.Contains(roles, any(m.Role))
}

// customScalar checks one value of a custom field.
func customScalar(c *rest.Call, def, rec *store.Record, o object, v any) (any, string) {
	s, isText := v.(string)
	switch def.Data["type"] {
	case "number":
		if _, ok := value.Float(v); ok {
			return v, ""
		}
		if n, err := value.Decode([]byte(s)); err == nil {
			if _, ok := value.Float(n); ok {
				return n, ""
			}
		}
		return nil, rest.MsgType("number")
	case "date", "datetime":
		k := rest.Day
		if def.Data["type"] == "datetime" {
			k = rest.Instant
		}
		got, problem := c.TimeValue(k, v)
		if problem != nil || got == nil {
			return nil, rest.MsgNotDate
		}
		return got, ""
	}
	if !isText {
		return nil, rest.MsgType("basestring")
	}
	switch def.Data["type"] {
	case "choices":
		if !slices.Contains(value.List(def.Data["choices"]), v) {
			return nil, fmt.Sprintf("%q is not one of the choices.", s)
		}
	case "user":
		for _, u := range c.Colleagues() {
			if u.ID == s || u.Name() == s {
				return u.ID, ""
			}
		}
		return nil, rest.MsgNoObject
	case "contact":
		contact := c.State.Find("contacts", c.Organization, s)
		if contact == nil || contact.Lead != leadBehind(rec, o) {
			return nil, rest.MsgNoObject
		}
	}
	return s, ""
}

// leadBehind returns the lead of an object that is being written.
func leadBehind(rec *store.Record, o object) string {
	if lead := value.String(o["lead_id"]); lead != "" {
		return lead
	}
	if rec != nil {
		return rec.Lead
	}
	return ""
}

// ownerTable names the table of the objects that have the custom fields of an owner.
func ownerTable(owner string) string {
	return map[string]string{"lead": "leads", "contact": "contacts", "opportunity": "opportunities"}[owner]
}

// dropValues removes the values of a deleted field, without events.
func dropValues(c *rest.Call, owner string, def *store.Record) {
	key := "custom." + def.ID
	for _, rec := range c.State.Table(ownerTable(owner)).All(c.Organization) {
		if _, ok := rec.Data[key]; ok {
			rec.Data = value.Shallow(rec.Data)
			delete(rec.Data, key)
		}
	}
}

// dropInvalid removes the values that a changed field no longer allows.
func dropInvalid(c *rest.Call, owner string, def *store.Record) {
	key := "custom." + def.ID
	multi := value.Bool(def.Data["accepts_multiple_values"])
	for _, rec := range c.State.Table(ownerTable(owner)).All(c.Organization) {
		old, ok := rec.Data[key]
		if !ok {
			continue
		}
		values, isList := old.([]any)
		if !isList {
			values = []any{old}
		}
		var kept []any
		for _, v := range values {
			if def.Data["type"] == "text" {
				if _, isText := v.(string); !isText {
					v = string(value.Encode(v))
				}
			}
			if got, problem := customScalar(c, def, rec, rec.Data, v); problem == "" {
				kept = append(kept, got)
			}
		}
		data := value.Shallow(rec.Data)
		switch {
		case len(kept) == 0:
			delete(data, key)
		case multi:
			data[key] = kept
		default:
			data[key] = kept[0]
		}
		rec.Data = data
	}
}

// customByName returns the old view of custom fields, keyed by the field's name.
func customByName(c *rest.Call, owner string, rec *store.Record) object {
	out := object{}
	for key, v := range rec.Data {
		id, ok := strings.CutPrefix(key, "custom.")
		if !ok {
			continue
		}
		if def := c.State.Find(CustomTable(owner), c.Organization, id); def != nil {
			out[value.String(def.Data["name"])] = v
		}
	}
	return out
}
