package ir

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/closekit/closekit/manifest"
)

// sends reports whether a member is part of the input.
func (w *walk) sends(f *manifest.Field) bool {
	return w.role == inUpdate && f.Update || w.role != inUpdate && f.Create
}

// open is the schema of an object that is not written out: its required members, and
// what about says. It takes others.
func (w *walk) open(o *manifest.Object, about string) object {
	s := object{{"type", "object"}, {"description", about}}
	var properties object
	var required []string
	w.stack = append(w.stack, o)
	defer w.leave()
	for _, f := range o.Fields {
		if !w.sends(f) || !f.Required || f.Preset != nil {
			continue
		}
		required = append(required, f.Name)
		if t := f.Type; t.Object == nil && (t.Elem == nil || t.Elem.Object == nil) {
			properties.set(f.Name, w.typ(t, factsOf(f, w.role)))
		} else {
			properties.set(f.Name, object{{"type", map[bool]string{true: "array", false: "object"}[t.Kind == manifest.List]}})
		}
	}
	if len(required) > 0 {
		s.set("properties", properties)
		s.set("required", required)
	}
	return s
}

// humanName is the name of a type in words: SearchQuery is search query.
func humanName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// shape says how an object is written: {type: and|or, queries: [SearchQuery]} or
// {type: id, value: text}.
func (w *walk) shape(o *manifest.Object) string {
	w.written = map[any]string{}
	return o.Name + ": " + w.shapeOf(o) + "."
}

func (w *walk) shapeOf(o *manifest.Object) string {
	w.stack = append(w.stack, o)
	defer w.leave()
	var rest []string // what goes with all words
	for _, f := range o.Fields {
		if w.sends(f) && f.Shown != manifest.Hidden && (o.Cases == nil || f.Name != o.Cases.By && !o.Cases.Names(f.Name)) {
			rest = append(rest, w.memberShape(f, !f.Required))
		}
	}
	if o.Cases == nil {
		return "{" + strings.Join(rest, ", ") + "}"
	}
	type alternative struct {
		needs, takes, words []string
	}
	var list []*alternative // cases with the same members are one
	for i := range o.Cases.Of {
		c := &o.Cases.Of[i]
		hidden := func(name string) bool { return o.Field(name).Shown == manifest.Hidden }
		if slices.ContainsFunc(c.Needs, hidden) {
			continue // a word that is rarely needed
		}
		takes := slices.DeleteFunc(slices.Clone(c.Takes), hidden)
		at := slices.IndexFunc(list, func(a *alternative) bool { return slices.Equal(a.needs, c.Needs) && slices.Equal(a.takes, takes) })
		if at < 0 {
			at, list = len(list), append(list, &alternative{needs: c.Needs, takes: takes})
		}
		list[at].words = append(list[at].words, c.Word)
	}
	alternatives := make([]string, len(list))
	for i, a := range list {
		members := []string{o.Cases.By + ": " + strings.Join(a.words, "|")}
		for _, name := range slices.Concat(a.needs, a.takes) {
			if f := o.Field(name); w.sends(f) {
				members = append(members, w.memberShape(f, slices.Contains(a.takes, name)))
			}
		}
		alternatives[i] = "{" + strings.Join(members, ", ") + "}"
	}
	text := strings.Join(alternatives, " or ")
	if len(rest) > 0 {
		text += ", each also with " + strings.Join(rest, ", ")
	}
	return text
}

func (w *walk) memberShape(f *manifest.Field, optional bool) string {
	name := f.Name
	if optional {
		name += "?"
	}
	shape := w.typeShape(f.Type)
	// What is long is written out once. Lists of it are not looked for.
	const long = 20
	if key := namedType(f.Type); key != nil && len(shape) > long {
		switch first := w.written[key]; first {
		case "":
			w.written[key] = f.Name
		case f.Name:
			shape = "as above"
		default:
			shape = "as " + first
		}
	}
	if example := text(f.Example); example != "" && f.Type.Kind == manifest.String && shape == anyText {
		shape += " such as " + example
	}
	return name + ": " + shape
}

// namedType is the enum or the object that a type is, or nil.
func namedType(t *manifest.Type) any {
	switch {
	case t.Enum != nil:
		return t.Enum
	case t.Object != nil:
		return t.Object
	}
	return nil
}

// anyText is how a text that can be anything is written in a shape.
const anyText = "text"

// text returns a JSON string as text; other values have none.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// shapeWords are how values of a kind are written in a shape.
var shapeWords = map[manifest.Kind]string{
	manifest.Integer: "integer", manifest.Number: "number", manifest.Boolean: "true|false", manifest.Cents: "cents",
	manifest.Date: "date", manifest.DateTime: "time", manifest.DateOrDateTime: "date or time", manifest.JSON: "any",
	manifest.CustomFields: "{cf_…: any}",
}

func (w *walk) typeShape(t *manifest.Type) string {
	switch t.Kind { //nolint:exhaustive // the others are words
	case manifest.List:
		return "[" + w.typeShape(t.Elem) + "]"
	case manifest.ObjectType:
		if slices.Contains(w.stack, t.Object) {
			return t.Object.Name
		}
		shape := w.shapeOf(t.Object)
		if t.Object.Cases != nil && len(t.Object.Cases.Of) > 1 {
			return "(" + shape + ")"
		}
		return shape
	case manifest.EnumType:
		const few = 8
		values := t.Enum.Strings()
		more := ""
		if len(values) > few {
			values, more = values[:few], "|…"
		}
		return strings.Join(values, "|") + more
	case manifest.ID:
		if t.ID != nil {
			return t.ID.Prefixes[0] + "_…"
		}
		return "id"
	}
	if word, ok := shapeWords[t.Kind]; ok {
		return word
	}
	return anyText
}
