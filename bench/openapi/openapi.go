// Package openapi writes a manifest as an OpenAPI document, so that generators of other
// clients make theirs of the same operations and types. The document has what costs a
// client code: operations, parameters, bodies, responses, objects, enums, null and bounds.
// What it leaves out is listed in the README; each omission spares the peer code.
package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// object is a JSON object; encoding/json sorts its members.
type object = map[string]any

// Document returns the OpenAPI 3.1 document of an API as JSON. Equal manifests give equal
// bytes.
func Document(api *manifest.API) ([]byte, error) {
	d := document{api: api, schemas: object{}}
	paths := object{}
	for _, t := range api.Tools() {
		path, ok := paths[t.Path].(object)
		if !ok {
			path = object{}
			paths[t.Path] = path
		}
		method := strings.ToLower(t.Method)
		if path[method] != nil {
			return nil, fmt.Errorf("%s: OpenAPI has one operation for %s %s, and the manifest a second", t.Name, t.Method, t.Path)
		}
		path[method] = d.operation(t)
	}
	return json.MarshalIndent(object{
		"openapi":    "3.1.0",
		"info":       object{"title": api.Name, "version": "1"},
		"servers":    []object{{"url": api.BaseURL + api.Prefix}},
		"security":   []object{{"ApiKeyAuth": []string{}}},
		"paths":      paths,
		"components": object{"securitySchemes": object{"ApiKeyAuth": object{"type": "http", "scheme": "basic"}}, "schemas": d.schemas},
	}, "", " ")
}

// document collects the schemas that operations refer to.
type document struct {
	api     *manifest.API
	schemas object
}

func (d *document) operation(t *manifest.Tool) object {
	op := object{"operationId": strings.TrimPrefix(t.Name, "close_"), "responses": object{strconv.Itoa(t.Status): d.response(t)}}
	var parameters []object
	var body []*manifest.Field
	for _, p := range t.Params {
		if p.In == manifest.InBody {
			body = append(body, p)
			continue
		}
		q := object{"name": p.Sent(), "in": string(p.In), "schema": d.sent(p)}
		if p.In == manifest.InPath || mustSend(p) {
			q["required"] = true
		}
		if p.In == manifest.InQuery && p.Type.Kind == manifest.List && !d.api.Conventions.RepeatLists {
			q["style"], q["explode"] = "form", false
		}
		parameters = append(parameters, q)
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if body != nil {
		op["requestBody"] = object{"required": slices.ContainsFunc(body, mustSend), "content": jsonOf(d.body(body))}
	}
	return op
}

func mustSend(p *manifest.Field) bool { return p.Required && p.Preset == nil }

func jsonOf(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

// body is the schema of what an operation sends.
func (d *document) body(params []*manifest.Field) object {
	s, properties := object{"type": "object"}, object{}
	var required []string
	for _, p := range params {
		if p.Type.Kind == manifest.CustomFields {
			s["additionalProperties"] = true // they are sent beside the others
			continue
		}
		properties[p.Sent()] = d.sent(p)
		if mustSend(p) && !endless(p.Type) {
			required = append(required, p.Sent())
		}
	}
	return members(s, properties, required)
}

// endless reports whether a type holds others of itself. ogen refuses a required member
// of such a type.
func endless(t *manifest.Type) bool {
	return t.Object != nil && holds(t.Object, t.Object, map[*manifest.Object]bool{})
}

func holds(in, o *manifest.Object, seen map[*manifest.Object]bool) bool {
	if seen[in] {
		return false
	}
	seen[in] = true
	return slices.ContainsFunc(in.Fields, func(f *manifest.Field) bool {
		return f.Type.Object != nil && (f.Type.Object == o || holds(f.Type.Object, o, seen))
	})
}

func members(s, properties object, required []string) object {
	if len(properties) > 0 {
		s["properties"] = properties
	}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func (d *document) response(t *manifest.Tool) object {
	r := object{"description": t.Does}
	switch {
	case t.Returns == nil:
	case t.Returns.Kind == manifest.List:
		r["content"] = jsonOf(d.page(t))
	default:
		r["content"] = jsonOf(d.object(t.Returns.Object))
	}
	return r
}

// page refers to the schema of a page; lists with equal pages share it.
func (d *document) page(t *manifest.Tool) object {
	conv, name := d.api.Conventions, t.Returns.Elem.Object.Name+"Page"
	properties := object{conv.Items: object{"type": "array", "items": d.object(t.Returns.Elem.Object)}, conv.Total: object{"type": "integer"}}
	if t.Cursor == "" {
		properties[conv.More] = object{"type": "boolean"}
	} else {
		properties[t.Next] = object{"type": []string{"string", "null"}}
		name += "By" + t.Next
	}
	if t.Totals != nil {
		name += "With" + t.Totals.Name
		for _, f := range t.Totals.Fields {
			properties[f.Name] = d.field(f)
		}
	}
	d.schemas[name] = members(object{"type": "object"}, properties, []string{conv.Items})
	return ref(name)
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// object refers to the schema of a type: one for reading and writing, with what is only
// read or only written marked as such.
func (d *document) object(o *manifest.Object) object {
	if d.schemas[o.Name] != nil {
		return ref(o.Name)
	}
	s := object{}
	d.schemas[o.Name] = s // before the fields: types hold each other
	if by := discriminator(o); by != "" {
		mapping := map[string]string{}
		var oneOf []object
		for _, v := range o.Variants {
			variant := d.object(v.Object)
			oneOf = append(oneOf, variant)
			for _, value := range v.Is {
				mapping[value] = variant["$ref"].(string)
			}
		}
		s["oneOf"], s["discriminator"] = oneOf, object{"propertyName": by, "mapping": mapping}
		return ref(o.Name)
	}
	fields := slices.Clone(o.Fields)
	for _, v := range o.Variants {
		if v.Has == "" {
			continue
		}
		for _, f := range v.Object.Fields { // nothing says beforehand which one it is
			if !slices.ContainsFunc(fields, func(g *manifest.Field) bool { return g.Name == f.Name }) {
				fields = append(fields, f)
			}
		}
	}
	s["type"] = "object"
	properties := object{}
	var required []string
	for _, f := range fields {
		if f.Type.Kind == manifest.CustomFields {
			s["additionalProperties"] = true
			continue
		}
		properties[f.Name] = d.field(f)
		if (f.Always && o.Field(f.Name) == f || f.Required) && !endless(f.Type) {
			required = append(required, f.Name)
		}
	}
	members(s, properties, required)
	return ref(o.Name)
}

// discriminator names the member that says which type an object is, or is empty.
func discriminator(o *manifest.Object) string {
	by := ""
	for _, v := range o.Variants {
		if v.By == "" || v.In != nil {
			return ""
		}
		by = v.By
	}
	return by
}

// field is the schema of a member of an object.
func (d *document) field(f *manifest.Field) object {
	if !f.Read {
		s := d.sent(f)
		return marked(s, "writeOnly")
	}
	s := d.typ(f.Type, f)
	if !f.Always || f.Nullable {
		s = nullable(s)
	}
	if !f.Create && !f.Update {
		return marked(s, "readOnly")
	}
	return s
}

// marked adds a keyword to a schema that is not a reference, as generators ignore one
// beside a reference.
func marked(s object, keyword string) object {
	if s["$ref"] == nil {
		s[keyword] = true
	}
	return s
}

// sent is the schema of a value that is sent, with its bounds.
func (d *document) sent(f *manifest.Field) object {
	s := d.typ(f.Type, f)
	one := s
	if f.Type.Kind == manifest.List {
		one = s["items"].(object)
		set(s, "minItems", f.MinItems)
		set(s, "maxItems", f.MaxItems)
	}
	if f.Min != nil {
		one["minimum"] = *f.Min
	}
	if f.Max != nil {
		one["maximum"] = *f.Max
	}
	set(one, "maxLength", f.MaxLength)
	if f.Nullable {
		return nullable(s)
	}
	return s
}

func set(s object, keyword string, n int) {
	if n > 0 {
		s[keyword] = n
	}
}

func nullable(s object) object {
	switch one := s["type"].(type) {
	case string:
		s["type"] = []string{one, "null"}
	case nil:
		if s["$ref"] != nil {
			return object{"oneOf": []object{s, {"type": "null"}}}
		}
	}
	return s
}

func (d *document) typ(t *manifest.Type, f *manifest.Field) object {
	switch t.Kind {
	case manifest.Integer, manifest.Cents:
		return object{"type": "integer"}
	case manifest.Number:
		return object{"type": "number"}
	case manifest.Boolean:
		return object{"type": "boolean"}
	case manifest.Date:
		return object{"type": "string", "format": "date"}
	case manifest.DateTime:
		return object{"type": "string", "format": "date-time"}
	case manifest.EnumType:
		if !t.Enum.Open { // an open one is a text
			return d.enum(t.Enum, f.Sort)
		}
	case manifest.JSON:
		return object{} // anything
	case manifest.List:
		return object{"type": "array", "items": d.typ(t.Elem, f)}
	case manifest.Map:
		return object{"type": "object", "additionalProperties": d.typ(t.Elem, f)}
	case manifest.CustomFields:
		return object{"type": "object", "additionalProperties": true}
	case manifest.ObjectType:
		return d.object(t.Object)
	case manifest.String, manifest.RichText, manifest.DateOrDateTime, manifest.Email, manifest.Phone, manifest.URL, manifest.Timezone,
		manifest.Line, manifest.Address, manifest.Segments, manifest.Secret, manifest.ID:
	}
	return object{"type": "string"}
}

// enum refers to the schema of an enum, or to that of what to sort by.
func (d *document) enum(e *manifest.Enum, sort bool) object {
	name, values := e.Name, e.Strings()
	if sort {
		name, values = name+"Order", e.Orders()
	}
	d.schemas[name] = object{"type": "string", "enum": values}
	return ref(name)
}
