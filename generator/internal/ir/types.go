package ir

import (
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// scalar is the Go type of what is not a list, a map or an object.
func scalar(t *manifest.Type) GoType {
	switch t.Kind {
	case manifest.Integer:
		return GoType{Name: "int"}
	case manifest.Number:
		return GoType{Name: "float64"}
	case manifest.Boolean:
		return GoType{Name: "bool"}
	case manifest.Date:
		return GoType{Scope: Root, Name: "Date"}
	case manifest.DateTime, manifest.DateOrDateTime:
		return GoType{Scope: Root, Name: "DateTime"}
	case manifest.Secret:
		return secret
	case manifest.Cents:
		return GoType{Scope: Root, Name: "Cents"}
	case manifest.EnumType:
		return GoType{Name: t.Enum.Name}
	case manifest.JSON:
		return rawJSON
	case manifest.ID:
		if t.ID != nil {
			return GoType{Name: idType(t.ID)}
		}
	case manifest.String, manifest.RichText, manifest.Email, manifest.Phone, manifest.URL, manifest.Timezone,
		manifest.Line, manifest.Address, manifest.Segments, manifest.List, manifest.Map, manifest.CustomFields, manifest.ObjectType:
	}
	return GoType{Name: "string"}
}

// secret is the type of a text that is not printed.
var secret = GoType{Scope: Root, Name: "Secret"}

// caseTable is the cases as package wire reads them: and:queries|text:value mode?.
func caseTable(c *manifest.Cases) string {
	if c == nil {
		return ""
	}
	var parts []string
	for _, x := range c.Of {
		names := slices.Clone(x.Needs)
		for _, name := range x.Takes {
			names = append(names, name+"?")
		}
		parts = append(parts, x.Word+":"+strings.Join(names, " "))
	}
	return strings.Join(parts, "|")
}

// preset is what package wire sends for a parameter that is not set.
func preset(f *manifest.Field) string {
	if f.In != manifest.InQuery {
		return string(f.Preset)
	}
	return strings.NewReplacer("[", "", "]", "", `"`, "").Replace(string(f.Preset))
}

var rawJSON = GoType{Scope: JSON, Name: "RawMessage"}

// isNumeric reports whether values are numbers or booleans.
func isNumeric(t *manifest.Type) bool {
	return t.Kind == manifest.Integer || t.Kind == manifest.Number || t.Kind == manifest.Boolean || t.Kind == manifest.Cents
}

// goType decides the Go type of a field. A scalar that is always there has no
// Opt.
func goType(t *manifest.Type, always bool) GoType {
	switch t.Kind {
	case manifest.Secret:
		return scalar(t) // package fmt would print what is in an Opt
	case manifest.CustomFields:
		return GoType{Scope: Root, Name: "CustomFields"}
	case manifest.ObjectType:
		return GoType{Form: Pointer, Name: t.Object.Name}
	case manifest.JSON:
		return rawJSON
	case manifest.List:
		g := scalar(t.Elem)
		if t.Elem.Kind == manifest.ObjectType {
			g = GoType{Name: t.Elem.Object.Name}
		} else if isNumeric(t.Elem) {
			g = rawJSON // lists of numbers are rare enough to stay JSON
		}
		g.Form = Slice
		return g
	case manifest.Map:
		g := scalar(t.Elem)
		if t.Elem.Kind == manifest.ObjectType || isNumeric(t.Elem) && t.Elem.Kind != manifest.Integer && t.Elem.Kind != manifest.Number {
			g = rawJSON
		}
		g.Form = Dict
		return g
	case manifest.String, manifest.RichText, manifest.Integer, manifest.Number, manifest.Boolean, manifest.Date,
		manifest.DateTime, manifest.DateOrDateTime, manifest.Cents, manifest.Email, manifest.Phone, manifest.URL,
		manifest.Timezone, manifest.Line, manifest.Address, manifest.Segments, manifest.ID, manifest.EnumType:
	}
	g := scalar(t)
	if !always {
		g.Form = Optional
	}
	return g
}

// needsBit reports whether package wire notes in a bit that a member came: for a
// plain scalar to tell absent from zero, for a list, an object or a map to tell
// null from absent.
func (g GoType) needsBit() bool {
	isOwnNull := g.Form == Optional || g == rawJSON || g == GoType{Scope: Root, Name: "CustomFields"}
	return !isOwnNull
}

// textKinds are the kinds of texts that package wire checks by an option of the
// tag, because their Go type does not show them.
var textKinds = map[manifest.Kind]string{
	manifest.RichText: "html", manifest.DateOrDateTime: "date", manifest.Email: "email", manifest.Phone: "phone", manifest.URL: "url",
	manifest.Timezone: "timezone", manifest.Line: "line", manifest.Address: "address", manifest.Segments: "segments",
}

// access says in a tag when a member of an object is sent.
type access uint8

const (
	received access = iota // never sent
	sentToo
	onlySent
	parameter // of an operation: always sent
)

// fieldTag is the tag of a field: its name, and what package wire must know of
// it beyond its type.
func fieldTag(f *manifest.Field, a access, cases *manifest.Cases) string {
	tag := "json:" + strconv.Quote(f.Name)
	if a == received {
		return tag
	}
	if opts := tagOptions(f, a, cases); len(opts) > 0 {
		tag += " close:" + strconv.Quote(strings.Join(opts, ","))
	}
	return tag
}

func tagOptions(f *manifest.Field, a access, cases *manifest.Cases) []string {
	var opts []string
	flag := func(on bool, name string) {
		if on {
			opts = append(opts, name)
		}
	}
	number := func(on bool, name string, n int64) { flag(on, name+"="+strconv.FormatInt(n, 10)) }
	t, isList := f.Type, f.Type.Kind == manifest.List
	if isList {
		t = t.Elem
	}
	flag(f.In == manifest.InQuery, "query")
	flag(f.In == manifest.InPath, "path")
	flag(f.Key != "", "key="+f.Key)
	flag(f.Required && f.Preset == nil, "required")
	flag(f.Nullable, "null")
	if a != parameter {
		flag(f.Create && f.Update, "send")
		flag(f.Create && !f.Update, "create")
		flag(f.Update && !f.Create, "update")
	}
	flag(a == onlySent, "sendonly")
	if kind, ok := textKinds[t.Kind]; ok {
		flag(true, kind)
	}
	flag(t.Kind == manifest.ID && t.ID == nil, "id")
	flag(t.Kind == manifest.EnumType && t.Enum.Open, "open")
	flag(f.Sort, "sort")
	if f.Min != nil {
		number(true, "min", *f.Min)
	}
	if f.Max != nil {
		number(true, "max", *f.Max)
	}
	longest := f.MaxLength
	if isList {
		longest = f.MaxItems
	}
	number(longest > 0, "maxlen", int64(longest))
	number(isList && f.MinItems > 0, "minitems", int64(f.MinItems))
	byKind := t.Kind == manifest.ID && t.ID != nil && f.From == t.ID.From
	flag(f.From != "" && !byKind, "from="+f.From)
	flag(cases != nil && cases.By == f.Name, "cases="+caseTable(cases))
	flag(f.Preset != nil, "preset="+preset(f))
	return opts
}
