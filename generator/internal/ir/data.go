package ir

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// DataFile is what programs that call by name read about the tools of one
// resource, and the definitions of its objects.
type DataFile struct {
	Name    string          // leads.json
	Content json.RawMessage // compact
}

// data makes the data files. Tools are sorted by name.
func (b *builder) data(tools []Tool) ([]DataFile, error) {
	defined := map[*manifest.Object]bool{}
	for _, t := range b.api.Tools() {
		for _, o := range responseObjects(t) {
			defined[o] = true
		}
	}
	files, err := b.choices(tools)
	if err != nil {
		return nil, err
	}
	for _, r := range b.api.Resources {
		var own []*Tool
		for i := range tools {
			if tools[i].Resource == r.Name {
				own = append(own, &tools[i])
			}
		}
		defs := object{}
		for _, o := range slices.SortedFunc(slices.Values(r.Types), byName) {
			if !defined[o] {
				continue
			}
			schema, err := b.definition(o)
			if err != nil {
				return nil, fmt.Errorf("schema of %s: %w", o.Name, err)
			}
			defs.set(o.Name, schema)
		}
		if len(own)+len(defs) == 0 {
			continue
		}
		content, err := encode(dataOf(r.File, own, defs))
		if err != nil {
			return nil, err
		}
		files = append(files, DataFile{r.Name + ".json", content})
	}
	return files, nil
}

func byName(a, b *manifest.Object) int { return cmp.Compare(a.Name, b.Name) }

// choices makes the data file about all tools, if there is something to say. A
// subset of the manifest has less of each set.
func (b *builder) choices(tools []Tool) ([]DataFile, error) {
	file := object{{"generated", "by closegen from close.yaml; DO NOT EDIT"}}
	var sets []object
	for _, s := range b.api.AllToolsets() {
		names := slices.DeleteFunc(slices.Clone(s.Tools), func(name string) bool {
			return !slices.ContainsFunc(tools, func(t Tool) bool { return t.Name == name })
		})
		if len(names) > 0 {
			sets = append(sets, object{{"name", s.Name}, {"about", s.About}, {"tools", names}})
		}
	}
	if len(sets) == 0 {
		return nil, nil
	}
	file.set("toolsets", sets)
	words := object{}
	for _, w := range b.api.Lexicon {
		words.set(w.Word, w.Means)
	}
	file.set("lexicon", words)
	content, err := encode(file)
	return []DataFile{{"all-tools.json", content}}, err
}

// untrusted reports whether the responses of a tool hold text of outsiders. A record of
// a mixed list can be any of its variants, whatever the schema says of it.
func untrusted(t *manifest.Tool) bool {
	return slices.ContainsFunc(objectsOf(t, true), func(o *manifest.Object) bool { return o.Untrusted })
}

// echoes reports whether a tool creates what it is given, so that its response holds
// nothing else that an outsider may have written.
func echoes(t *manifest.Tool) bool {
	return t.Method == http.MethodPost && t.Effect != manifest.Reads && t.Action == "create"
}

// responseObjects lists the objects that the schema of a tool's responses leads
// to, by name.
func responseObjects(t *manifest.Tool) []*manifest.Object { return objectsOf(t, false) }

func objectsOf(t *manifest.Tool, variants bool) []*manifest.Object {
	var list []*manifest.Object
	var visit func(t *manifest.Type)
	visit = func(t *manifest.Type) {
		if t == nil {
			return
		}
		visit(t.Elem)
		if o := t.Object; o != nil && !slices.Contains(list, o) {
			list = append(list, o)
			for _, f := range o.Fields {
				if f.Read {
					visit(f.Type)
				}
			}
			for _, v := range o.Variants {
				if variants {
					visit(&manifest.Type{Object: v.Object})
				}
			}
		}
	}
	visit(t.Returns)
	if t.Totals != nil {
		for _, f := range t.Totals.Fields {
			visit(f.Type)
		}
	}
	slices.SortFunc(list, byName)
	return list
}

// definitions returns the definitions of a tool's responses as one text, whose
// hash says whether one changed.
func (b *builder) definitions(t *manifest.Tool) (string, error) {
	var text strings.Builder
	for _, o := range responseObjects(t) {
		schema, err := b.definition(o)
		if err != nil {
			return "", err
		}
		text.WriteString(o.Name)
		text.Write(schema)
	}
	return text.String(), nil
}

// dataOf is the content of a data file.
func dataOf(source string, list []*Tool, defs object) object {
	tools := object{}
	for _, t := range list {
		o := object{{"title", t.Title}, {"description", t.Description}, {"doc", t.Doc}}
		if t.Area != "" {
			o.set("area", t.Area)
		}
		if t.Costs {
			o.set("costs", true)
		}
		if t.Needs != "" {
			o.set("needs", t.Needs)
		}
		if len(t.Synonyms) > 0 {
			o.set("synonyms", t.Synonyms)
		}
		if len(t.Show) > 0 {
			o.set("show", showData(t.Show))
		}
		if len(t.Preview) > 0 {
			o.set("preview", previewData(t.Preview))
		}
		if t.Brief != "" {
			o.set("brief", t.Brief)
		}
		if len(t.More) > 0 {
			o.set("more", t.More)
		}
		if len(t.Hidden) > 0 {
			o.set("hidden", t.Hidden)
		}
		if len(t.Briefs) > 0 {
			o.set("briefs", textData(t.Briefs))
		}
		if len(t.Kinds) > 0 {
			o.set("kinds", textData(t.Kinds))
		}
		if len(t.Aliases) > 0 {
			o.set("aliases", aliasData(t.Aliases))
		}
		if len(t.Examples) > 0 {
			o.set("examples", exampleData(t.Examples))
		}
		if t.Untrusted {
			o.set("untrusted", true)
		}
		if t.Echoes {
			o.set("echoes", true)
		}
		o.set("input", t.InputSchema)
		o.set("output", t.OutputSchema)
		tools.set(t.Name, o)
	}
	file := object{{"generated", "by closegen from " + source + "; DO NOT EDIT"}}
	if len(tools) > 0 {
		file.set("tools", tools)
	}
	if len(defs) > 0 {
		file.set("$defs", defs)
	}
	return file
}

// showData is a list of names, with an object for a field that has more.
func showData(fields []manifest.ShowField) []any {
	var list []any
	for _, f := range fields {
		if f.Max == 0 && len(f.Show) == 0 {
			list = append(list, f.Name)
			continue
		}
		o := object{{"name", f.Name}}
		if f.Max > 0 {
			o.set("max", f.Max)
		}
		if len(f.Show) > 0 {
			o.set("show", showData(f.Show))
		}
		list = append(list, o)
	}
	return list
}

func previewData(reads []manifest.PreviewRead) []object {
	var list []object
	for _, p := range reads {
		o := object{{"tool", p.Tool}, {"with", textData(p.With)}}
		if len(p.Show) > 0 {
			o.set("show", showData(p.Show))
		}
		if p.Count != "" {
			o.set("count", p.Count)
		}
		list = append(list, o)
	}
	return list
}

// textData is an object of texts.
func textData(pairs [][2]string) object {
	o := object{}
	for _, p := range pairs {
		o.set(p[0], p[1])
	}
	return o
}

func aliasData(aliases []Alias) []object {
	var list []object
	for _, a := range aliases {
		o := object{{"name", a.Name}, {"for", a.For}}
		if len(a.Map) > 0 {
			var values []string
			for _, m := range a.Map {
				values = append(values, m[0])
			}
			o.set("values", values)
		}
		list = append(list, o)
	}
	return list
}

func exampleData(examples []Example) []object {
	var list []object
	for _, e := range examples {
		o := object{}
		if e.About != "" {
			o.set("about", e.About)
		}
		o.set("input", json.RawMessage(e.Input))
		list = append(list, o)
	}
	return list
}
