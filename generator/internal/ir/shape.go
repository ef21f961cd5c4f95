package ir

import (
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
	return o.Name + ": " + w.shapeOf(o) + "."
}

func (w *walk) shapeOf(o *manifest.Object) string {
	w.stack = append(w.stack, o)
	defer w.leave()
	var rest []string // what goes with all words
	for _, f := range o.Fields {
		if w.sends(f) && (o.Cases == nil || f.Name != o.Cases.By && !o.Cases.Names(f.Name)) {
			rest = append(rest, w.memberShape(f, !f.Required))
		}
	}
	if o.Cases == nil {
		return "{" + strings.Join(rest, ", ") + "}"
	}
	var alternatives []string // the members of each case, after its words
	words := map[string][]string{}
	for _, c := range o.Cases.Of {
		var list []string
		for _, name := range c.Members() {
			if f := o.Field(name); w.sends(f) {
				list = append(list, w.memberShape(f, slices.Contains(c.Takes, name)))
			}
		}
		text := strings.Join(list, ", ")
		if words[text] == nil {
			alternatives = append(alternatives, text)
		}
		words[text] = append(words[text], c.Word)
	}
	for i, text := range alternatives {
		alternatives[i] = "{" + join(strings.TrimSuffix(o.Cases.By+": "+strings.Join(words[text], "|")+", "+text, ", ")) + "}"
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
	return name + ": " + w.typeShape(f.Type)
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
		if t.Object.Cases != nil {
			return "(" + w.shapeOf(t.Object) + ")"
		}
		return w.shapeOf(t.Object)
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
	return "text"
}
