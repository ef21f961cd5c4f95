package crm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var customTypes = []string{"text", "number", "date", "datetime", "choices", "user", "contact", "custom_object", "textarea", "hidden"}

// multiTypes are the types that may hold several values.
var multiTypes = []string{"choices", "user", "contact", "custom_object"}

// fieldOwner is a kind of records with custom fields of their own.
type fieldOwner struct {
	table   string // of the records
	typeKey string // the member of records and definitions that names the custom type, if they have types
	types   string // table of the types
	shares  string // name in the associations of shared fields
}

var fieldOwners = map[string]fieldOwner{
	"lead":          {table: "leads", shares: "lead"},
	"contact":       {table: "contacts", shares: "contact"},
	"opportunity":   {table: "opportunities", shares: "opportunity"},
	"activity":      {table: "activities", typeKey: "custom_activity_type_id", types: "custom_activity_types", shares: "custom_activity_type"},
	"custom_object": {table: "custom_objects", typeKey: "custom_object_type_id", types: "custom_object_types", shares: "custom_object_type"},
}

// CustomOwners are the kinds of records with custom fields of their own, in the order of the paths.
var CustomOwners = []string{"lead", "contact", "opportunity", "activity", "custom_object"}

// CustomTable returns the table of the custom fields of an owner.
func CustomTable(owner string) string { return "custom_fields_" + owner }

// definitionFields are the members of all definitions.
var definitionFields = []rest.Field{
	{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
	{Name: "description", Kind: rest.Text, Max: 280},
	{Name: "type", Kind: rest.Choice, Choices: customTypes, Need: true, NotNull: true},
	{Name: "choices", Kind: rest.Texts},
	{Name: "accepts_multiple_values", Kind: rest.Flag, NotNull: true},
	{Name: "referenced_custom_type_id", Kind: rest.Text},
	{Name: "back_reference_is_visible", Kind: rest.Flag},
}

func customFieldResources() []*rest.Resource {
	out := []*rest.Resource{{
		Name: "custom_field_schemas", Model: "CustomFieldSchema", Right: "manage_customizations",
		Actions: map[string]func(*rest.Call) (any, error){"get": getCustomFieldSchema, "update": updateCustomFieldSchema},
	}, sharedFieldResource()}
	for _, owner := range CustomOwners {
		kind := fieldOwners[owner]
		r := &rest.Resource{
			Name: CustomTable(owner), Prefix: "cf", Model: camel(owner) + "CustomField", Event: "custom_fields." + owner,
			Right: "manage_customizations", Authors: rest.AuthorPlain, Ascending: true,
			Fields:  append(slices.Clone(definitionFields), rest.Field{Name: "editable_with_roles", Kind: rest.Texts}),
			Prepare: func(_ *rest.Call, o, _ object, p *rest.Problems) { prepareDefinition(owner, o, p) },
			Change: func(_ *rest.Call, rec *store.Record, patch, _ object, p *rest.Problems) {
				changeDefinition(owner, rec, patch, p)
			},
			Changed: func(c *rest.Call, rec *store.Record, _ object) { dropInvalid(c, kind.table, rec) },
			Removed: func(c *rest.Call, rec *store.Record) { dropValues(c, kind.table, rec.ID, nil) },
		}
		if kind.types != "" {
			r.Fields = append(onlyOnCreate(r.Fields, "type"),
				rest.Field{Name: kind.typeKey, Kind: rest.Reference, Table: kind.types, Access: rest.OnCreate, Need: true},
				rest.Field{Name: "required", Kind: rest.Flag, NotNull: true})
			r.Render = func(_ *rest.Call, _ *store.Record, o object) { renderTyped(owner, o) }
		}
		if owner == "custom_object" {
			r.Actions = map[string]func(*rest.Call) (any, error){"list": listAll}
		}
		out = append(out, r)
	}
	return out
}

// camel returns a name such as custom_object in the form of a type.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// listAll lists all records of a resource, without pages.
func listAll(c *rest.Call) (any, error) {
	rows, err := c.Matching(c.Resource)
	if err != nil {
		return nil, err
	}
	c.SortRows(c.Resource, rows)
	data := make([]object, 0, len(rows))
	for _, rec := range rows {
		data = append(data, c.Result(rec))
	}
	return object{"data": data}, nil
}

func prepareDefinition(owner string, o object, p *rest.Problems) {
	setDefaults(o, object{
		"description": nil, "choices": nil, "accepts_multiple_values": false, "editable_with_roles": []any{},
		"referenced_custom_type_id": nil, "back_reference_is_visible": nil, "is_shared": false,
	})
	if fieldOwners[owner].types != "" {
		setDefaults(o, object{"required": false})
	}
	checkDefinition(owner, o, p)
}

// renderTyped leaves out what definitions of custom activities and objects do not have.
func renderTyped(owner string, o object) {
	delete(o, "is_shared")
	if o["choices"] == nil {
		delete(o, "choices")
	}
	if owner == "activity" && o["referenced_custom_type_id"] == nil {
		delete(o, "referenced_custom_type_id")
		delete(o, "back_reference_is_visible")
	}
}

func changeDefinition(owner string, rec *store.Record, patch object, p *rest.Problems) {
	emptyRoles(patch)
	now := value.Shallow(rec.Data)
	maps.Copy(now, patch)
	if _, ok := patch["type"]; ok && now["type"] != "choices" {
		now["choices"], patch["choices"] = nil, nil
	}
	checkDefinition(owner, now, p)
}

// emptyRoles stores null for roles as the empty list, which allows all.
func emptyRoles(patch object) {
	if roles, ok := patch["editable_with_roles"]; ok && roles == nil {
		patch["editable_with_roles"] = []any{}
	}
}

func checkDefinition(owner string, o object, p *rest.Problems) {
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
	if kind == "textarea" && owner != "activity" {
		p.Add("type", rest.MsgNotChoice)
	}
}

// definition is a custom field as the records of one kind have it.
type definition struct {
	*store.Record
	required bool
	roles    []any
}

// home names records that have the same custom fields: those of an owner, or those of
// one custom type of it.
type home struct{ owner, custom string }

// homeOf returns the home of a record, or of a new one with the members of o.
func homeOf(owner string, rec *store.Record, o object) home {
	h, key := home{owner: owner}, fieldOwners[owner].typeKey
	if key == "" {
		return h
	}
	if h.custom = value.String(o[key]); h.custom == "" && rec != nil {
		h.custom = value.String(rec.Data[key])
	}
	return h
}

// path is the name of a home in schemas, such as lead or activity/actitype_….
func (h home) path() string { return joined(h.owner, h.custom) }

// association is the name of a home in the associations of shared fields.
func (h home) association() string { return joined(fieldOwners[h.owner].shares, h.custom) }

func joined(kind, id string) string {
	if id == "" {
		return kind
	}
	return kind + "/" + id
}

// has reports whether a record belongs to the home.
func (h home) has(rec *store.Record) bool {
	return h.custom == "" || rec.Data[fieldOwners[h.owner].typeKey] == h.custom
}

// definitionsOf returns the custom fields of a home in their order, shared ones too.
func definitionsOf(c *rest.Call, h home) []definition {
	var out []definition
	for _, rec := range c.State.Table(CustomTable(h.owner)).All(c.Organization) {
		if rec.Data[fieldOwners[h.owner].typeKey] == h.custom || h.custom == "" {
			out = append(out, definition{rec, value.Bool(rec.Data["required"]), value.List(rec.Data["editable_with_roles"])})
		}
	}
	for _, rec := range c.State.Table(sharedFields).All(c.Organization) {
		if a := associationOf(rec, h.association()); a != nil {
			out = append(out, definition{rec, value.Bool(a["required"]), value.List(a["editable_with_roles"])})
		}
	}
	sortFields(c, h, out)
	return out
}

// customValues reads the custom fields of a request body into o. rec is the
// object to change, nil for a new one.
func customValues(c *rest.Call, owner string, rec *store.Record, body, o object, p *rest.Problems) {
	defs := sync.OnceValue(func() []definition { return definitionsOf(c, homeOf(owner, rec, o)) })
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
		customValue(c, defs(), rec, key, name, op, v, o, p)
	}
	if named, ok := body["custom"].(object); ok && owner != callFields {
		for name, v := range named {
			customValue(c, defs(), rec, "custom."+name, name, "", v, o, p)
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
func definitionOf(defs []definition, name string) *definition {
	for _, key := range []string{"id", "name"} {
		for i, def := range defs {
			if def.Data[key] == name {
				return &defs[i]
			}
		}
	}
	return nil
}

func customValue(c *rest.Call, defs []definition, rec *store.Record, key, name, op string, v any, o object, p *rest.Problems) {
	def := definitionOf(defs, name)
	if def == nil {
		p.Add(key, "Custom field does not exist.")
		return
	}
	if !hasRole(c, def.roles) {
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
		got, problem := customScalar(c, def.Record, rec, o, v)
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
		got, problem := customScalar(c, def.Record, rec, o, e)
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

// hasRole reports whether the caller has one of some roles; no roles allow everyone.
func hasRole(c *rest.Call, roles []any) bool {
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
	case "custom_object":
		target := c.State.Find("custom_objects", c.Organization, s)
		if kind := def.Data["referenced_custom_type_id"]; target == nil || kind != nil && target.Data["custom_object_type_id"] != kind {
			return nil, rest.MsgNoObject
		}
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

// dropValues removes the values of a field from the records of a table, without events.
// A nil function means all records.
func dropValues(c *rest.Call, table, field string, of func(*store.Record) bool) {
	key := "custom." + field
	for _, rec := range c.State.Table(table).All(c.Organization) {
		if _, ok := rec.Data[key]; ok && (of == nil || of(rec)) {
			rec.Data = value.Shallow(rec.Data)
			delete(rec.Data, key)
		}
	}
}

// dropInvalid removes the values that a changed field no longer allows.
func dropInvalid(c *rest.Call, table string, def *store.Record) {
	key := "custom." + def.ID
	multi := value.Bool(def.Data["accepts_multiple_values"])
	for _, rec := range c.State.Table(table).All(c.Organization) {
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
	out, defs := object{}, definitionsOf(c, home{owner: owner})
	for key, v := range rec.Data {
		id, ok := strings.CutPrefix(key, "custom.")
		if !ok {
			continue
		}
		if def := definitionOf(defs, id); def != nil {
			out[value.String(def.Data["name"])] = v
		}
	}
	return out
}

// needValues reports the required fields without a value in a new record, or in one
// with a patch.
func needValues(c *rest.Call, owner string, rec *store.Record, o object, p *rest.Problems) {
	for _, def := range definitionsOf(c, homeOf(owner, rec, o)) {
		key := "custom." + def.ID
		v, given := o[key]
		if !given && rec != nil {
			v = rec.Data[key]
		}
		if def.required && (v == nil || v == rest.RemoveKey) {
			p.Add(key, rest.MsgRequired)
		}
	}
}
