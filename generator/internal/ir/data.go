package ir

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// DataFile is what programs that call by name read about the tools of one
// resource, and the definitions of its objects.
type DataFile struct {
	Name   string // leads.json
	Source string // leads.yaml
	Tools  []*Tool
	Defs   []Def
}

// Def is the schema of an object that comes in responses.
type Def struct {
	Name   string
	Schema json.RawMessage
}

// data makes the data files. Tools are sorted by name.
func (b *builder) data(tools []Tool) ([]DataFile, error) {
	var files []DataFile
	for _, r := range b.api.Resources {
		f := DataFile{Name: r.Name + ".json", Source: r.File}
		for i := range tools {
			if tools[i].Resource == r.Name {
				f.Tools = append(f.Tools, &tools[i])
			}
		}
		for _, o := range r.Types {
			if !b.defined[o] {
				continue
			}
			schema, err := b.definition(o)
			if err != nil {
				return nil, fmt.Errorf("schema of %s: %w", o.Name, err)
			}
			f.Defs = append(f.Defs, Def{o.Name, schema})
		}
		slices.SortFunc(f.Defs, func(a, b Def) int { return cmp.Compare(a.Name, b.Name) })
		if len(f.Tools)+len(f.Defs) > 0 {
			files = append(files, f)
		}
	}
	return files, nil
}

// define notes the objects that the schema of a tool's responses leads to, and
// returns all of them as one text, whose hash says whether one changed.
func (b *builder) define(t *manifest.Tool) (string, error) {
	seen := map[*manifest.Object]bool{}
	var list []*manifest.Object
	var visit func(t *manifest.Type)
	visit = func(t *manifest.Type) {
		if t == nil {
			return
		}
		visit(t.Elem)
		if o := t.Object; o != nil && !seen[o] {
			seen[o], b.defined[o] = true, true
			list = append(list, o)
			for _, f := range o.Fields {
				if f.Read {
					visit(f.Type)
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
	slices.SortFunc(list, func(a, b *manifest.Object) int { return cmp.Compare(a.Name, b.Name) })
	var text strings.Builder
	for _, o := range list {
		schema, err := b.definition(o)
		if err != nil {
			return "", err
		}
		text.WriteString(o.Name)
		text.Write(schema)
	}
	return text.String(), nil
}

// JSON prints a data file: one key of a tool, one property of a schema on a
// line, for reading and review.
func (f *DataFile) JSON() ([]byte, error) {
	tools, defs := object{}, object{}
	for _, t := range f.Tools {
		o := object{{"title", t.Title}, {"description", t.Description}, {"doc", t.Doc}}
		if len(t.Synonyms) > 0 {
			o.set("synonyms", t.Synonyms)
		}
		if len(t.Show) > 0 {
			o.set("show", t.Show)
		}
		if len(t.Aliases) > 0 {
			o.set("aliases", aliasData(t.Aliases))
		}
		if len(t.Examples) > 0 {
			o.set("examples", exampleData(t.Examples))
		}
		o.set("input", t.InputSchema)
		o.set("output", t.OutputSchema)
		tools.set(t.Name, o)
	}
	for _, d := range f.Defs {
		defs.set(d.Name, d.Schema)
	}
	file := object{{"generated", "by closegen from " + f.Source + "; DO NOT EDIT"}}
	if len(tools) > 0 {
		file.set("tools", tools)
	}
	if len(defs) > 0 {
		file.set("$defs", defs)
	}
	raw, err := encode(file)
	if err != nil {
		return nil, err
	}
	return indent(raw)
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

// indent breaks compact JSON into lines: every member of the outer objects, and
// every property of a schema, gets one.
func indent(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := indentObject(&b, d, raw, "", ""); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// broken are the paths of the objects whose members get a line each; * stands
// for any name.
var broken = []string{"", "/tools", "/$defs", "/tools/*", "/tools/*/input", "/tools/*/input/properties", "/$defs/*", "/$defs/*/properties"}

func indentObject(b *bytes.Buffer, d *json.Decoder, raw []byte, path, margin string) error {
	if _, err := d.Token(); err != nil { // {
		return err
	}
	b.WriteString("{\n")
	for first := true; d.More(); first = false {
		if !first {
			b.WriteString(",\n")
		}
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, err := encode(key)
		if err != nil {
			return err
		}
		b.WriteString(margin + "\t")
		b.Write(name)
		b.WriteString(": ")
		sub := path + "/" + key.(string)
		if !slices.Contains(broken, sub) {
			sub = path + "/*"
		}
		start := d.InputOffset() + 1 // after the colon
		if slices.Contains(broken, sub) && raw[start] == '{' {
			if err := indentObject(b, d, raw, sub, margin+"\t"); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		b.Write(value)
	}
	if _, err := d.Token(); err != nil { // }
		return err
	}
	b.WriteString("\n" + margin + "}")
	return nil
}
