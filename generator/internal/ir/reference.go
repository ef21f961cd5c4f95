package ir

import (
	"fmt"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// Reference is the reference documentation: an index and a page per resource.
// Its texts are Markdown.
type Reference struct {
	Title string
	About string
	Areas []IndexArea
	Pages []Page
}

// IndexArea is an area of the API in the index.
type IndexArea struct {
	Title    string
	About    string // may be empty
	Sections []Section
}

// Section is a resource in the index.
type Section struct {
	Title string
	Page  string // leads.md
	Tools Table
}

// Page documents one resource.
type Page struct {
	Path   string // leads.md
	Source string // crm/leads.yaml
	Title  string
	Intro  []string // paragraphs
	Tools  []ToolEntry
	Types  []TypeEntry
	Enums  []TypeEntry
}

// ToolEntry documents a tool.
type ToolEntry struct {
	Name     string
	Intro    []string // paragraphs
	Params   *Table   // nil without parameters
	Rules    []string
	Returns  string
	Examples []CallExample
}

// CallExample is a command that calls a tool.
type CallExample struct{ About, Command string }

// TypeEntry documents an object or an enum.
type TypeEntry struct {
	Name, About string
	Table       Table
}

// Table is a table with a row of headings.
type Table struct {
	Head []string
	Rows [][]string
}

// ReferenceOf decides what the reference says.
func ReferenceOf(api *manifest.API) *Reference {
	ref := &Reference{Title: fmt.Sprintf("%s: %d tools", api.Name, len(api.Tools())), About: api.About}
	for _, a := range areasOf(api, "Tools") {
		index := IndexArea{Title: a.Title, About: a.About}
		for _, r := range a.Resources {
			page := pageOf(api, r)
			section := Section{Title: r.Title, Page: page.Path, Tools: Table{Head: []string{"tool", "what it does"}}}
			for _, t := range r.Tools {
				link := fmt.Sprintf("[`%s`](%s#%s)", t.Name, page.Path, t.Name)
				section.Tools.Rows = append(section.Tools.Rows, []string{link, t.Does})
			}
			ref.Pages = append(ref.Pages, page)
			index.Sections = append(index.Sections, section)
		}
		ref.Areas = append(ref.Areas, index)
	}
	return ref
}

func pageOf(api *manifest.API, r *manifest.Resource) Page {
	p := Page{Path: r.Name + ".md", Source: r.File, Title: r.Title, Intro: paragraphs(r.About)}
	if r.Doc != "" {
		p.Intro = append(p.Intro, fmt.Sprintf("Vendor's page: <%s>", r.Doc))
	}
	for _, t := range r.Tools {
		p.Tools = append(p.Tools, toolEntry(api, t))
	}
	for _, o := range r.Types {
		p.Types = append(p.Types, objectEntry(o))
	}
	for _, e := range r.Enums {
		p.Enums = append(p.Enums, enumEntry(api.Name, e))
	}
	return p
}

func toolEntry(api *manifest.API, t *manifest.Tool) ToolEntry {
	fn := funcName(t.Name)
	facts := []string{fmt.Sprintf("`%s %s%s`", t.Method, api.Prefix, t.Path), fmt.Sprintf("Go: `%s`", fn)}
	if t.Paging {
		facts[1] += fmt.Sprintf(", `%s`", allName(fn))
	}
	for _, more := range besides(t) {
		facts[1] += fmt.Sprintf(", `%s`", more)
	}
	facts = append(facts, "effect: "+t.Effect.String())
	if t.Effect&manifest.Sends == manifest.Sends {
		facts = append(facts, "**may send a message to a customer**")
	}
	facts = append(facts, manifest.EffectSentences(t)...)
	e := ToolEntry{
		Name: t.Name, Intro: append(paragraphs(t.Does, join(t.Use, t.Marks())), strings.Join(facts, " · ")), Rules: append(manifest.Sentences(t.Rules), paragraphs(t.Cases.Sentence("parameters"))...),
		Returns: "Returns nothing.",
	}
	if t.Returns != nil {
		e.Returns = join(fmt.Sprintf("Returns %s.", typeName(t.Returns)), t.Result)
	}
	if len(t.Params) > 0 {
		e.Params = &Table{Head: []string{"parameter", "type", "in", "meaning"}}
	}
	for _, p := range t.Params {
		facts := factsOf(p, roleOf(t))
		name := "`" + p.Name + "`"
		if facts.Required {
			name = "**" + name + "**"
		}
		about := []string{facts.onPage()}
		for _, a := range t.Aliases {
			if a.For == p.Name {
				about = append(about, fmt.Sprintf("Also `%s`.", a.Name))
			}
		}
		e.Params.Rows = append(e.Params.Rows, []string{name, typeName(p.Type), string(p.In), join(about...)})
	}
	for _, x := range t.Examples {
		about := x.About
		if about == "" {
			about = "Example:"
		}
		e.Examples = append(e.Examples, CallExample{about, fmt.Sprintf("closekit call %s '%s'", t.Name, x.Input)})
	}
	return e
}

func objectEntry(o *manifest.Object) TypeEntry {
	e := TypeEntry{o.Name, aboutOf(o), Table{Head: []string{"field", "type", "access", "meaning"}}}
	for _, f := range o.Fields {
		var access []string
		for _, a := range []struct {
			on   bool
			name string
		}{{f.Read, "read"}, {f.Create, "create"}, {f.Update, "update"}} {
			if a.on {
				access = append(access, a.name)
			}
		}
		e.Table.Rows = append(e.Table.Rows, []string{"`" + f.Name + "`", typeName(f.Type), strings.Join(access, " "), factsOf(f, inResult).onPage()})
	}
	return e
}

func enumEntry(api string, e *manifest.Enum) TypeEntry {
	out := TypeEntry{e.Name, e.About, Table{Head: []string{"value", "meaning"}}}
	if e.Open {
		out.About += " " + api + " may use other values too."
	}
	for _, v := range e.Values {
		out.Table.Rows = append(out.Table.Rows, []string{"`" + v.Value + "`", v.About})
	}
	return out
}

// typeName says a type in words.
func typeName(t *manifest.Type) string {
	switch t.Kind {
	case manifest.List:
		return "list of " + typeName(t.Elem)
	case manifest.Map:
		return "map of " + typeName(t.Elem)
	case manifest.ObjectType:
		return t.Object.Name
	case manifest.EnumType:
		return t.Enum.Name
	case manifest.ID:
		if t.ID == nil {
			return "id"
		}
		return "id of " + t.ID.Noun
	case manifest.String, manifest.RichText, manifest.Integer, manifest.Number, manifest.Boolean, manifest.Date, manifest.DateTime,
		manifest.DateOrDateTime, manifest.Cents, manifest.Email, manifest.Phone, manifest.URL, manifest.Timezone, manifest.JSON,
		manifest.Line, manifest.Address, manifest.Segments, manifest.Secret,
		manifest.CustomFields:
	}
	return scalarNames[t.Kind]
}

var scalarNames = map[manifest.Kind]string{
	manifest.String: "text", manifest.RichText: "rich text", manifest.Integer: "integer", manifest.Number: "number",
	manifest.Boolean: "boolean", manifest.Date: "date", manifest.DateTime: "date and time", manifest.DateOrDateTime: "date, or date and time",
	manifest.Cents: "cents", manifest.Email: "email address", manifest.Phone: "phone number", manifest.URL: "URL",
	manifest.Timezone: "time zone", manifest.Line: "text", manifest.Secret: "secret", manifest.Address: "email address", manifest.Segments: "path", manifest.JSON: "JSON", manifest.CustomFields: "custom fields",
}
