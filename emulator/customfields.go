package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

var customTypes = []string{"text", "number", "date", "datetime", "choices", "user", "contact", "custom_object", "textarea", "hidden"}

// multiTypes are the types that may hold several values.
var multiTypes = []string{"choices", "user", "contact", "custom_object"}

// customOwners are the objects with custom fields, in the order of the paths.
var customOwners = []string{"lead", "contact", "opportunity"}

func customTable(owner string) string { return "custom_fields_" + owner }

func customFieldResources() []*resource {
	out := []*resource{{
		name: "custom_field_schemas", model: "CustomFieldSchema",
		actions: map[string]func(*call) (any, error){"get": getCustomFieldSchema},
	}}
	for _, owner := range customOwners {
		model := strings.ToUpper(owner[:1]) + owner[1:] + "CustomField"
		out = append(out, &resource{
			name: customTable(owner), prefix: "cf", model: model, event: "custom_fields." + owner,
			right: "manage_customizations", authors: authorPlain, ascending: true,
			fields: []field{
				{name: "name", kind: text, need: true, notNull: true},
				{name: "description", kind: text, max: 280},
				{name: "type", kind: choice, choices: customTypes, need: true, notNull: true},
				{name: "choices", kind: texts},
				{name: "accepts_multiple_values", kind: flag, notNull: true},
				{name: "editable_with_roles", kind: texts},
				{name: "referenced_custom_type_id", kind: text},
				{name: "back_reference_is_visible", kind: flag},
			},
			prepare: prepareDefinition, change: changeDefinition,
			changed: func(c *call, rec *record, _ object) { c.dropInvalid(owner, rec) },
			removed: func(c *call, rec *record) { c.dropValues(owner, rec) },
		})
	}
	return out
}

func prepareDefinition(_ *call, o, _ object, p *problems) {
	setDefaults(o, object{
		"description": nil, "choices": nil, "accepts_multiple_values": false, "editable_with_roles": []any{},
		"referenced_custom_type_id": nil, "back_reference_is_visible": nil, "is_shared": false,
	})
	checkDefinition(o, p)
}

func changeDefinition(_ *call, rec *record, patch, _ object, p *problems) {
	if patch["editable_with_roles"] == nil {
		if _, ok := patch["editable_with_roles"]; ok {
			patch["editable_with_roles"] = []any{}
		}
	}
	now := shallow(rec.data)
	maps.Copy(now, patch)
	if _, ok := patch["type"]; ok && now["type"] != "choices" {
		now["choices"], patch["choices"] = nil, nil
	}
	checkDefinition(now, p)
}

func checkDefinition(o object, p *problems) {
	kind := str(o["type"])
	switch choices := list(o["choices"]); {
	case kind == "choices" && len(choices) == 0:
		p.add("choices", errRequired)
	case kind != "choices" && len(choices) > 0:
		p.add("choices", "Only fields of type choices have choices.")
	default:
		seen := map[any]bool{}
		for _, v := range choices {
			if seen[v] {
				p.add("choices", "Choices must be unique.")
			}
			seen[v] = true
		}
	}
	if truth(o["accepts_multiple_values"]) && kind != "" && !slices.Contains(multiTypes, kind) {
		p.add("accepts_multiple_values", "This type of field holds one value.")
	}
	if kind == "textarea" {
		p.add("type", errNotChoice)
	}
}

func getCustomFieldSchema(c *call) (any, error) {
	if !slices.Contains(customOwners, c.id) {
		return nil, missing("CustomFieldSchema")
	}
	fields := []any{}
	for _, rec := range c.st.table(customTable(c.id)).all(c.org) {
		fields = append(fields, rec.data)
	}
	return object{"object_type": c.id, "fields": fields}, nil
}

// customValues reads the custom fields of a request body into o. rec is the
// object to change, nil for a new one.
func customValues(c *call, owner string, rec *record, body, o object, p *problems) {
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
		c.customValue(owner, rec, key, name, op, v, o, p)
	}
	if named, ok := body["custom"].(object); ok && owner != callFields {
		for name, v := range named {
			c.customValue(owner, rec, "custom."+name, name, "", v, o, p)
		}
	}
}

// callFields owns the custom fields of calls. The emulator does not serve their
// definitions, so it accepts any id and value.
const callFields = "call"

// undefinedValue stores a value of a custom field that has no definition.
func undefinedValue(rec *record, id, op string, v any, o object) {
	key := "custom." + id
	if op != "" && rec != nil {
		v = combine(list(rec.data[key]), op, v)
	}
	switch {
	case v != nil:
		o[key] = v
	case rec != nil:
		o[key] = removeKey
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

// definition returns a custom field by id, or by name, which old clients use.
func (c *call) definition(owner, name string) *record {
	t := customTable(owner)
	if rec := c.st.find(t, c.org, name); rec != nil {
		return rec
	}
	for _, rec := range c.st.table(t).all(c.org) {
		if rec.data["name"] == name {
			return rec
		}
	}
	return nil
}

func (c *call) customValue(owner string, rec *record, key, name, op string, v any, o object, p *problems) {
	def := c.definition(owner, name)
	if def == nil {
		p.add(key, "Custom field does not exist.")
		return
	}
	if !c.mayEdit(def) {
		p.add(key, "You do not have permission to edit this field.")
		return
	}
	flat := "custom." + def.id
	if v == nil && op == "" {
		if rec != nil {
			o[flat] = removeKey
		}
		return
	}
	multi := truth(def.data["accepts_multiple_values"])
	if op != "" {
		if rec == nil || !multi {
			p.add(key, "Values can only be added to or removed from a field that accepts multiple values.")
			return
		}
		v = combine(list(rec.data[flat]), op, v)
	}
	if !multi {
		got, problem := c.customScalar(def, rec, o, v)
		if problem != "" {
			p.add(key, problem)
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
		got, problem := c.customScalar(def, rec, o, e)
		if problem != "" {
			p.add(key, problem)
			return
		}
		if !slices.Contains(out, got) {
			out = append(out, got)
		}
	}
	if len(out) == 0 && rec != nil {
		o[flat] = removeKey
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
		at := slices.IndexFunc(out, func(x any) bool { return compareValues(x, e) == 0 })
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
func (c *call) mayEdit(def *record) bool {
	roles := list(def.data["editable_with_roles"])
	if len(roles) == 0 {
		return true
	}
	u := c.st.user(c.user)
	if u == nil {
		return true
	}
	m, _ := u.in(c.org)
	return slices.Contains(roles, any(m.role))
}

// customScalar checks one value of a custom field.
func (c *call) customScalar(def, rec *record, o object, v any) (any, string) {
	s, isText := v.(string)
	switch def.data["type"] {
	case "number":
		if _, ok := number(v); ok {
			return v, ""
		}
		if n, err := decodeJSON([]byte(s)); err == nil {
			if _, ok := number(n); ok {
				return n, ""
			}
		}
		return nil, errType("number")
	case "date", "datetime":
		k := day
		if def.data["type"] == "datetime" {
			k = instant
		}
		got, problem := c.timeValue(k, v)
		if problem != nil || got == nil {
			return nil, errNotDate
		}
		return got, ""
	}
	if !isText {
		return nil, errType("basestring")
	}
	switch def.data["type"] {
	case "choices":
		if !slices.Contains(list(def.data["choices"]), v) {
			return nil, fmt.Sprintf("%q is not one of the choices.", s)
		}
	case "user":
		for _, u := range c.colleagues() {
			if u.id == s || u.name() == s {
				return u.id, ""
			}
		}
		return nil, errNoObject
	case "contact":
		contact := c.st.find("contacts", c.org, s)
		if contact == nil || contact.lead != c.leadBehind(rec, o) {
			return nil, errNoObject
		}
	}
	return s, ""
}

// leadBehind returns the lead of an object that is being written.
func (c *call) leadBehind(rec *record, o object) string {
	if lead := str(o["lead_id"]); lead != "" {
		return lead
	}
	if rec != nil {
		return rec.lead
	}
	return ""
}

// ownerTable names the table of the objects that have the custom fields of an owner.
func ownerTable(owner string) string {
	return map[string]string{"lead": "leads", "contact": "contacts", "opportunity": "opportunities"}[owner]
}

// dropValues removes the values of a deleted field, without events.
func (c *call) dropValues(owner string, def *record) {
	key := "custom." + def.id
	for _, rec := range c.st.table(ownerTable(owner)).all(c.org) {
		if _, ok := rec.data[key]; ok {
			rec.data = shallow(rec.data)
			delete(rec.data, key)
		}
	}
}

// dropInvalid removes the values that a changed field no longer allows.
func (c *call) dropInvalid(owner string, def *record) {
	key := "custom." + def.id
	multi := truth(def.data["accepts_multiple_values"])
	for _, rec := range c.st.table(ownerTable(owner)).all(c.org) {
		old, ok := rec.data[key]
		if !ok {
			continue
		}
		values, isList := old.([]any)
		if !isList {
			values = []any{old}
		}
		var kept []any
		for _, v := range values {
			if def.data["type"] == "text" {
				if _, isText := v.(string); !isText {
					v = string(encodeJSON(v))
				}
			}
			if got, problem := c.customScalar(def, rec, rec.data, v); problem == "" {
				kept = append(kept, got)
			}
		}
		data := shallow(rec.data)
		switch {
		case len(kept) == 0:
			delete(data, key)
		case multi:
			data[key] = kept
		default:
			data[key] = kept[0]
		}
		rec.data = data
	}
}

// customByName returns the old view of custom fields, keyed by the field's name.
func (c *call) customByName(owner string, rec *record) object {
	out := object{}
	for key, v := range rec.data {
		id, ok := strings.CutPrefix(key, "custom.")
		if !ok {
			continue
		}
		if def := c.st.find(customTable(owner), c.org, id); def != nil {
			out[str(def.data["name"])] = v
		}
	}
	return out
}
