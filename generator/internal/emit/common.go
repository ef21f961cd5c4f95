package emit

import (
	"strings"

	. "github.com/dave/jennifer/jen" //nolint:revive,staticcheck // the emitters read as the Go they print

	"github.com/closekit/closekit/generator/internal/ir"
)

// Doc prints doc.go: the package comment and the handshake with the runtime.
func Doc(p *ir.Package) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, "the manifest")
	for i, para := range p.Doc {
		item, isItem := strings.CutPrefix(para, ir.ListItem)
		first, rest := "// ", "// "
		if isItem {
			first, rest = "//   - ", "//     "
		}
		if i > 0 && (!isItem || !strings.HasPrefix(p.Doc[i-1], ir.ListItem)) {
			f.PackageComment("//")
		}
		for j, l := range wrap(item, width) {
			if j > 0 {
				first = rest
			}
			f.PackageComment(first + l)
		}
	}
	f.Comment("Compile-time check that package wire supports this generated code. If it fails, regenerate with")
	f.Comment("the closegen of the same version.")
	f.Const().Id("_").Op("=").Qual(wirePath, "GeneratedV2")
	return render(f)
}

// IDs prints ids.go: a type for every kind of id, and what is common to them.
func IDs(p *ir.Package) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, "close.yaml")
	var vars []Code
	for i := range p.IDs {
		id := &p.IDs[i]
		if id.Type != "" {
			f.Add(doc(id.Doc))
			f.Add(Type().Id(id.Type).String())
			f.Line()
			f.Add(doc("Kind says which kind of id it is."))
			f.Add(Func().Params(Id(id.Type)).Id("Kind").Params().Op("*").Qual(rootPath, "IDKind").Add(oneLine(Return(Op("&").Id(id.Var)))))
			f.Line()
		}
		item := []Code{pair("Name", Lit(id.Kind))}
		if len(id.Prefixes) > 0 {
			item = append(item, pair("Prefixes", strs(id.Prefixes)))
		}
		if len(id.Literals) > 0 {
			item = append(item, pair("Literals", strs(id.Literals)))
		}
		if id.From != "" {
			item = append(item, pair("From", Lit(id.From)))
		}
		if id.About != "" {
			item = append(item, pair("About", Lit(id.About)))
		}
		item = append(item, pair("Known", Id("knownIDs")))
		vars = append(vars, Id(id.Var).Op("=").Add(fold(len("    kindSequenceSubscription = closekit.IDKind{}"), Qual(rootPath, "IDKind"), item...)))
	}
	if len(vars) > 0 {
		f.Comment("The kinds of ids, for checking parameters.")
		f.Add(Var().Defs(vars...))
		f.Line()
		var known []Code
		for _, k := range p.KnownIDs {
			known = append(known, Values(pair("Prefix", Lit(k.Prefix)), pair("Kind", Lit(k.Kind))))
		}
		f.Comment("knownIDs tells an id of another kind from one that is unknown.")
		f.Add(Var().Id("knownIDs").Op("=").Add(literals(len("var knownIDs = []closekit.IDPrefix{}"), Index().Qual(rootPath, "IDPrefix"), known...)))
		f.Line()
	}
	if p.HasCents {
		f.Add(doc("Cents is an amount of money in minor units; see [closekit.Cents]."))
		f.Add(Type().Id("Cents").Op("=").Qual(rootPath, "Cents"))
		f.Line()
		f.Add(doc("Dollars returns an amount in whole major units, whatever the organization's currency."))
		f.Add(Func().Id("Dollars").Params(Id("n").Int64()).Id("Cents").Add(oneLine(Return(Qual(rootPath, "Dollars").Call(Id("n"))))))
		f.Line()
	}
	return render(f)
}

// Operations prints operations.go: the list for programs that call by name.
func Operations(p *ir.Package) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, "the manifest")
	f.Add(doc("Operations lists what the tools of this package do, in the order of their names. Programs that do not call it do not link what they do not use."))
	f.Add(Func().Id("Operations").Params().Index().Qual(rootPath, "Callable").Add(oneLine(Return(Id("operations")))))
	f.Line()
	if p.API != nil {
		api(f, p.API)
	}
	var items []Code
	for i := range p.Tools {
		items = append(items, Op("&").Id(p.Tools[i].OpVar))
	}
	f.Add(Var().Id("operations").Op("=").Add(fold(len("var operations = []closekit.Callable{}"), Index().Qual(rootPath, "Callable"), items...)))
	return render(f)
}

// api prints the API that operations belong to, and the function that returns it.
func api(f *File, a *ir.API) {
	facts := []Code{pair("Name", Lit(a.Name)), pair("BaseURL", Lit(a.BaseURL)), pair("Prefix", Lit(a.Prefix))}
	for _, m := range [][2]string{{"Items", a.Items}, {"More", a.More}, {"Total", a.Total}} {
		if m[1] != "" {
			facts = append(facts, pair(m[0], Lit(m[1])))
		}
	}
	if a.RepeatLists {
		facts = append(facts, pair("RepeatLists", True()))
	}
	f.Add(doc("API returns the API that the operations belong to, for [closekit.ForAPI]. Clients of other APIs refuse the operations."))
	f.Add(Func().Id("API").Params().Qual(rootPath, "API").Add(oneLine(Return(Id("ofAPI")))))
	f.Line()
	f.Add(Var().Id("ofAPI").Op("=").Add(fold(len("var ofAPI = closekit.API{}"), Qual(rootPath, "API"), facts...)))
	f.Line()
}

// Plans prints plans_test.go: package wire must understand every tag, which the
// compiler does not read.
func Plans(p *ir.Package) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, "the manifest")
	var results []Code
	for i := range p.Files {
		for j := range p.Files[i].Structs {
			if s := &p.Files[i].Structs[j]; s.Result {
				results = append(results, New(Id(s.Type)))
			}
		}
	}
	f.Add(doc("TestPlans has package wire read every type, because the compiler does not read tags."))
	f.Func().Id("TestPlans").Params(Id("t").Op("*").Qual("testing", "T")).Block(
		Id("results").Op(":=").Index().Any().Add(lines(results...)),
		If(Err().Op(":=").Qual(wirePath, "Check").Call(Id("Operations").Call(), Id("results").Op("...")), Err().Op("!=").Nil()).Block(
			Id("t").Dot("Fatal").Call(Err()),
		),
	)
	return render(f)
}
