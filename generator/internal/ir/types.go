package ir

import (
	"strings"

	"github.com/closekit/closekit/manifest"
)

// scalar gives the Go type and the codec's base name of what is not a list, a
// map or an object.
func scalar(t *manifest.Type) (GoType, string) {
	switch t.Kind {
	case manifest.Integer:
		return GoType{Name: "int"}, "Int"
	case manifest.Number:
		return GoType{Name: "float64"}, "Float"
	case manifest.Boolean:
		return GoType{Name: "bool"}, "Bool"
	case manifest.Date:
		return GoType{Pkg: "closekit", Name: "Date"}, "Str"
	case manifest.DateTime, manifest.DateOrDateTime:
		return GoType{Pkg: "closekit", Name: "DateTime"}, "Str"
	case manifest.Cents:
		return GoType{Pkg: "closekit", Name: "Cents"}, "Cents"
	case manifest.EnumType:
		return GoType{Name: t.Enum.Name}, "Str"
	case manifest.JSON:
		return GoType{Pkg: "json", Name: "RawMessage"}, "Raw"
	case manifest.ID:
		if t.ID != nil {
			return GoType{Name: idType(t.ID)}, "Str"
		}
	case manifest.String, manifest.RichText, manifest.Email, manifest.Phone, manifest.URL, manifest.Timezone,
		manifest.List, manifest.Map, manifest.CustomFields, manifest.ObjectType:
	}
	return GoType{Name: "string"}, "Str"
}

// goType decides the Go type of a field and the slot that handles it. A plain
// scalar has no Opt.
func goType(t *manifest.Type, plain bool) (g GoType, slot string) {
	switch t.Kind {
	case manifest.CustomFields:
		return GoType{Pkg: "closekit", Name: "CustomFields"}, "Custom"
	case manifest.ObjectType:
		return GoType{Ptr: true, Name: t.Object.Name}, "Obj"
	case manifest.List:
		if t.Elem.Kind == manifest.ObjectType {
			return GoType{List: true, Name: t.Elem.Object.Name}, "List"
		}
		g, f := scalar(t.Elem)
		g.List = true
		if f == "Str" {
			return g, "Strs"
		}
		// Lists of numbers and the like are rare enough to stay JSON.
		return GoType{List: true, Pkg: "json", Name: "RawMessage"}, "Raws"
	case manifest.Map:
		g, f := scalar(t.Elem)
		if t.Elem.Kind == manifest.ObjectType || f != "Str" && f != "Int" {
			g, f = GoType{Pkg: "json", Name: "RawMessage"}, "Raw"
		}
		g.Map = true
		return g, "Map" + f
	case manifest.JSON:
		return scalar(t)
	case manifest.String, manifest.RichText, manifest.Integer, manifest.Number, manifest.Boolean, manifest.Date,
		manifest.DateTime, manifest.DateOrDateTime, manifest.Cents, manifest.Email, manifest.Phone, manifest.URL,
		manifest.Timezone, manifest.ID, manifest.EnumType:
	}
	g, f := scalar(t)
	if plain {
		return g, f
	}
	g.Opt = true
	return g, "Opt" + f
}

// needsBit reports whether a slot needs a bit: a plain scalar to tell absent from
// zero, a list, object or map to tell null from absent.
func needsBit(slot string) bool {
	return !strings.HasPrefix(slot, "Opt") && slot != "Raw" && slot != "Custom"
}

// input describes a parameter, or a member of an object that is sent.
func (b *builder) input(f *manifest.Field, nested bool) *Input {
	in := &Input{Name: f.Name, From: f.From, Min: f.Min, Max: f.Max, Preset: string(f.Preset)}
	switch f.In {
	case manifest.InQuery:
		in.In = "Query"
	case manifest.InPath:
		in.In = "Path"
	case manifest.InBody, "":
	}
	t := f.Type
	if t.Kind == manifest.List {
		t = t.Elem
		in.MaxLen, in.MinItem = f.MaxItems, f.MinItems
	} else {
		in.MaxLen = f.MaxLength
	}
	in.Kind = textKinds[t.Kind]
	switch {
	case t.Kind == manifest.EnumType:
		in.Enum = "words" + t.Enum.Name
		b.sent[t.Enum] = true
		if t.Enum.Open {
			in.Flags = append(in.Flags, "Open")
		}
	case t.Kind == manifest.ID && t.ID != nil:
		in.ID = idVar(t.ID)
		if in.From == t.ID.From {
			in.From = ""
		}
	case t.Kind == manifest.ID:
		in.ID = "kindAny"
		b.anyID = true
	}
	flag := func(on bool, name string) {
		if on {
			in.Flags = append(in.Flags, name)
		}
	}
	flag(f.Required && f.Preset == nil, "Required")
	flag(f.Nullable, "Nullable")
	flag(f.Min != nil && f.Max != nil, "Bounded")
	flag(f.Min != nil && f.Max == nil, "MinOnly")
	if f.Min == nil && f.Max != nil {
		least := int64(-1 << 53)
		in.Min = &least
		in.Flags = append(in.Flags, "Bounded")
	}
	if nested {
		flag(f.Create, "OnCreate")
		flag(f.Update, "OnUpdate")
	}
	return in
}

var textKinds = map[manifest.Kind]string{
	manifest.RichText: "RichText", manifest.Date: "Date", manifest.DateTime: "DateTime", manifest.DateOrDateTime: "DateOrDateTime",
	manifest.Email: "Email", manifest.Phone: "Phone", manifest.URL: "URL", manifest.Timezone: "Timezone",
}
