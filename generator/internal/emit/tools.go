package emit

import (
	"fmt"

	. "github.com/dave/jennifer/jen" //nolint:revive,staticcheck // the emitters read as the Go they print

	"github.com/closekit/closekit/generator/internal/ir"
)

// Tools prints tools/tools.go: the registry for programs that call by name.
func Tools(p *ir.Package) ([]byte, error) {
	f := newFile(p.ImportPath+"/tools", "tools", "the manifest")
	f.ImportName(p.ImportPath, p.Name)
	f.PackageComment("// Package tools is the registry of the operations of package " + p.Name + " for programs that call them by")
	f.PackageComment("// name with JSON, such as agents: names, descriptions for models, JSON Schemas.")
	f.PackageComment("//")
	f.PackageComment("// Descriptions and schemas are embedded and read when they are first asked for. Everything here is safe for")
	f.PackageComment("// concurrent use.")
	f.Comment("//go:embed data")
	f.Var().Id("data").Qual("embed", "FS")
	f.Line()
	catalog := func() *Statement { return Qual(rootPath, "Catalog") }
	f.Add(doc("Catalog returns all tools, for packages that work with any set of tools."))
	f.Func().Id("Catalog").Params().Op("*").Add(catalog()).Add(oneLine(Return(Op("&").Id("all"))))
	f.Line()
	f.Add(doc("All lists the tools in the order of their names."))
	f.Func().Id("All").Params().Index().Op("*").Qual(rootPath, "Tool").Add(oneLine(Return(Id("all").Dot("Tools").Call())))
	f.Line()
	f.Add(doc("Lookup finds a tool. The error of an unknown one suggests the nearest name."))
	f.Func().Id("Lookup").Params(Id("name").String()).Params(Op("*").Qual(rootPath, "Tool"), Error()).Add(
		oneLine(Return(Id("all").Dot("Lookup").Call(Id("name")))))
	f.Line()
	var items []Code
	for i := range p.Tools {
		t := &p.Tools[i]
		items = append(items, Values(pair("Name", Lit(t.Name)), pair("Resource", Lit(t.Resource)), pair("Func", Lit(t.Func)), pair("Hash", Lit(t.Hash))))
	}
	f.Var().Id("all").Op("=").Add(catalog()).Custom(Options{Open: "{", Close: "}", Separator: ",", Multi: true},
		pair("Data", Op("&").Id("data")),
		pair("Operations", Qual(p.ImportPath, "Operations")),
		pair("List", Index().Qual(rootPath, "Tool").Add(lines(items...))),
	)
	return render(f)
}

func tool(t *ir.Tool) Code {
	facts := []Code{
		pair("Name", Lit(t.Name)), pair("Title", Lit(t.Title)), pair("Resource", Lit(t.Resource)), pair("Func", Lit(t.Func)),
		pair("Effect", Qual(rootPath, t.Effect.String())),
	}
	if t.Sends {
		facts = append(facts, pair("Sends", True()))
	}
	if t.Idempotent {
		facts = append(facts, pair("Idempotent", True()))
	}
	rows := []Code{
		List(facts...),
		List(pair("Method", Lit(t.Method)), pair("Path", Lit(t.Path)), pair("Doc", Lit(t.Doc)), pair("Hash", Lit(t.Hash))),
		pair("Description", Lit(t.Description)),
	}
	var words []Code
	if len(t.Synonyms) > 0 {
		words = append(words, pair("Synonyms", strs(t.Synonyms)))
	}
	if len(t.Show) > 0 {
		words = append(words, pair("Show", strs(t.Show)))
	}
	if len(words) > 0 {
		rows = append(rows, List(words...))
	}
	if len(t.Aliases) > 0 {
		var items []Code
		for _, a := range t.Aliases {
			item := []Code{pair("Name", Lit(a.Name)), pair("For", Lit(a.For))}
			if len(a.Map) > 0 {
				var from []string
				for _, m := range a.Map {
					from = append(from, m[0])
				}
				item = append(item, pair("Values", strs(from)))
			}
			items = append(items, Values(item...))
		}
		rows = append(rows, pair("Aliases", Index().Qual(rootPath, "ToolAlias").Values(items...)))
	}
	if len(t.Examples) > 0 {
		var items []Code
		for _, e := range t.Examples {
			item := []Code{}
			if e.About != "" {
				item = append(item, pair("About", Lit(e.About)))
			}
			items = append(items, Values(append(item, pair("Input", Lit(e.Input)))...))
		}
		rows = append(rows, pair("Examples", Index().Qual(rootPath, "ToolExample").Values(items...)))
	}
	return lines(rows...)
}

// Schema prints a JSON Schema for reading and review.
func Schema(raw json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("print schema: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
