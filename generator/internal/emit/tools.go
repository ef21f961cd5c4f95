package emit

import (
	"fmt"
	"slices"
	"strconv"

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
	var accepted acceptedLists
	for i := range p.Tools {
		t := &p.Tools[i]
		item := []Code{pair("Name", Lit(t.Name)), pair("Resource", Lit(t.Resource)), pair("Func", Lit(t.Func)), pair("Hash", Lit(t.Hash))}
		if len(t.Accepts) > 0 {
			item = append(item, pair("Accepts", accepted.of(t)))
		}
		if t.Fill != "" {
			item = append(item, pair("Fill", Qual(rootPath, t.Fill)))
		}
		items = append(items, fold(len("        {},"), &Statement{}, item...))
	}
	f.Var().Id("all").Op("=").Add(catalog()).Custom(Options{Open: "{", Close: "}", Separator: ",", Multi: true},
		pair("Data", Op("&").Id("data")),
		pair("Operations", Qual(p.ImportPath, "Operations")),
		pair("List", Index().Qual(rootPath, "Tool").Add(lines(items...))),
	)
	if len(accepted.rows) > 0 {
		f.Line()
		f.Comment("Inputs that tools accept and use themselves.")
		f.Var().Defs(accepted.rows...)
	}
	return render(f)
}

// acceptedLists are the variables of the inputs that tools use themselves; many tools
// have the same.
type acceptedLists struct {
	texts []string
	rows  []Code
}

// of returns the variable of a tool's inputs.
func (l *acceptedLists) of(t *ir.Tool) *Statement {
	var inputs []Code
	for _, a := range t.Accepts {
		input := []Code{pair("Name", Lit(a.Name))}
		if len(a.Aliases) > 0 {
			input = append(input, pair("Aliases", strs(a.Aliases)))
		}
		input = append(input, pair("Use", Qual(rootPath, a.Use)))
		if a.Sent {
			input = append(input, pair("Sent", True()))
		}
		inputs = append(inputs, Values(input...))
	}
	text := fmt.Sprint(t.Accepts)
	i := slices.Index(l.texts, text)
	if i < 0 {
		i = len(l.texts)
		l.texts = append(l.texts, text)
		l.rows = append(l.rows, Id("accepts"+strconv.Itoa(i+1)).Op("=").Index().Qual(rootPath, "Accepted").Values(inputs...))
	}
	return Id("accepts" + strconv.Itoa(i+1))
}
