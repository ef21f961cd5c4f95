package drift

import (
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// member is what one side says about a parameter or a member.
type member struct {
	types    map[string]bool // of JSON: string, integer, number, boolean, array, object; none: any
	enum     []string        // the only values, nil for any
	required bool            // of requests
	always   bool            // of responses
	open     bool            // members that are not listed are allowed
	example  bool            // known from an example only
	said     bool            // its types or values are known
}

// shape is the members of an object and all below it, by path: data[].id. The
// member "" is the object itself.
type shape map[string]*member

// covers reports whether a shape has a member, or accepts any name in its place.
func (s shape) covers(path string) bool {
	if s[path] != nil {
		return true
	}
	for parent, ok := above(path); ok; parent, ok = above(parent) {
		if m := s[parent]; m != nil {
			return m.open
		}
	}
	return false
}

// above returns the path of what a member is in.
func above(path string) (parent string, ok bool) {
	if path == "" {
		return "", false
	}
	if p, list := strings.CutSuffix(path, "[]"); list {
		return p, true
	}
	return path[:max(strings.LastIndexByte(path, '.'), 0)], true
}

// child returns the path of a member.
func child(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// merge adds what is known about a member from one more source. One without types and
// values says nothing, such as a schema that is only a reference.
func (s shape) merge(path string, types []string, enum []string) *member {
	m := s[path]
	if m == nil {
		m = &member{types: map[string]bool{}}
		s[path] = m
	}
	if len(types) == 0 && enum == nil {
		return m
	}
	switch {
	case !m.said:
		m.enum = enum
	case m.enum == nil || enum == nil:
		m.enum = nil
	default:
		m.enum = append(slices.Clip(m.enum), enum...)
	}
	m.said = true
	for _, t := range types {
		m.types[t] = true
	}
	return m
}

// customFields is the path of custom fields, whose members have ids for names.
const customFields = "custom.*"

// isCustom reports whether a member is a custom field: its name begins with custom.
// and may be given as a pattern.
func isCustom(name string) bool {
	name = strings.TrimLeft(name, "~^")
	return strings.HasPrefix(name, "custom.") || strings.HasPrefix(name, `custom\.`)
}

// builder makes the shape of a part of the manifest.
type builder struct {
	shape shape
	use   func(*manifest.Field) bool
}

func (b *builder) field(prefix string, f *manifest.Field, seen []*manifest.Object) {
	name := f.Sent()
	if f.Type.Kind == manifest.CustomFields {
		name = customFields
	}
	path := child(prefix, name)
	b.typ(path, f.Type, seen)
	m := b.shape[path]
	m.required = m.required || f.Required
	m.always = m.always || f.Always
}

// typ adds what is in a type. seen are the objects around it.
func (b *builder) typ(path string, t *manifest.Type, seen []*manifest.Object) {
	var enum []string
	if t.Kind == manifest.EnumType && !t.Enum.Open {
		enum = t.Enum.Orders() // with - in front too, for parameters that sort
	}
	m := b.shape.merge(path, jsonTypes[t.Kind], enum)
	switch t.Kind {
	case manifest.List:
		b.typ(path+"[]", t.Elem, seen)
	case manifest.JSON, manifest.Map, manifest.CustomFields:
		m.open = true
	case manifest.ObjectType:
		if slices.Contains(seen, t.Object) {
			m.open = true
			return
		}
		b.object(path, t.Object, append(slices.Clip(seen), t.Object))
	default:
	}
}

func (b *builder) object(path string, o *manifest.Object, seen []*manifest.Object) {
	for _, f := range o.Fields {
		if b.use(f) {
			b.field(path, f, seen)
		}
	}
	for _, v := range o.Variants {
		if len(v.In) > 0 || slices.Contains(seen, v.Object) {
			continue
		}
		inner := &builder{shape{}, b.use}
		inner.object(path, v.Object, append(slices.Clip(seen), v.Object))
		for p, m := range inner.shape {
			have := b.shape[p]
			if have == nil {
				m.always = false // other variants lack it
				b.shape[p] = m
				continue
			}
			maps.Copy(have.types, m.types)
			if have.enum == nil || m.enum == nil {
				have.enum = nil
			} else {
				have.enum = append(slices.Clip(have.enum), m.enum...)
			}
			have.open = have.open || m.open
		}
	}
}

// jsonTypes are the types of JSON in which values of the manifest travel; a kind that
// is not listed is any.
var jsonTypes = map[manifest.Kind][]string{
	manifest.String: {"string"}, manifest.RichText: {"string"}, manifest.Integer: {"integer"}, manifest.Number: {"number"},
	manifest.Boolean: {"boolean"}, manifest.Date: {"string"}, manifest.DateTime: {"string"}, manifest.DateOrDateTime: {"string"},
	manifest.Cents: {"integer"}, manifest.Email: {"string"}, manifest.Phone: {"string"}, manifest.URL: {"string"}, manifest.Timezone: {"string"},
	manifest.Line: {"string"}, manifest.Address: {"string"}, manifest.Segments: {"string"}, manifest.Secret: {"string"}, manifest.ID: {"string"},
	manifest.EnumType: {"string"}, manifest.List: {"array"}, manifest.Map: {"object"}, manifest.ObjectType: {"object"},
}

// request returns what a tool sends in the query or in the body.
func request(tool *manifest.Tool, in manifest.Place) shape {
	b := &builder{shape{"": {}}, func(f *manifest.Field) bool { return tool.Update && f.Update || !tool.Update && f.Create }}
	for _, p := range tool.Params {
		if p.In == in {
			b.field("", p, nil)
		}
	}
	return b.shape
}

// response returns what a tool receives; nil if it returns nothing.
func response(api *manifest.API, tool *manifest.Tool) shape {
	if tool.Returns == nil {
		return nil
	}
	b := &builder{shape{"": {types: map[string]bool{"object": true}}}, func(f *manifest.Field) bool { return f.Read }}
	if tool.Returns.Kind != manifest.List {
		b.typ("", tool.Returns, nil)
		return b.shape
	}
	b.typ(api.Conventions.Items, tool.Returns, nil)
	b.shape.merge(api.Conventions.More, []string{"boolean"}, nil)
	b.shape.merge(api.Conventions.Total, []string{"integer"}, nil)
	if tool.Next != "" {
		b.shape.merge(tool.Next, []string{"string"}, nil)
	}
	if tool.Totals != nil {
		b.object("", tool.Totals, []*manifest.Object{tool.Totals})
	}
	return b.shape
}
