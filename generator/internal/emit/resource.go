package emit

import (
	"fmt"

	. "github.com/dave/jennifer/jen" //nolint:revive,staticcheck // the emitters read as the Go they print

	"github.com/closekit/closekit/generator/internal/ir"
)

// Resource prints the file of one resource: operations, then types, then
// enums.
func Resource(p *ir.Package, r *ir.File) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, r.Source)
	for i := range r.Ops {
		operation(f, &r.Ops[i], p.API)
	}
	for i := range r.Structs {
		structType(f, &r.Structs[i])
	}
	for i := range r.Enums {
		enum(f, &r.Enums[i])
	}
	return render(f)
}

// operation prints
//
//	// LeadCreate creates a lead.
//	func LeadCreate(ctx context.Context, c *closekit.Client, p LeadCreateParams, opts ...closekit.CallOption) (*Lead, error) {
//		return wire.Call[Lead](ctx, c, &opLeadCreate, &p, opts)
//	}
//
// and what belongs to it.
func operation(f *File, o *ir.Op, api *ir.API) {
	args := []Code{Id("ctx"), Id("c"), Op("&").Id(o.Var), Op("&").Id("p")}
	call := func(name string) *Statement {
		f := Qual(wirePath, name)
		if o.Returns != ir.ReturnsNothing {
			f = f.Types(Id(o.Result))
		}
		return Return(f.Call(append(args, Id("opts"))...))
	}
	f.Add(doc(o.Doc...))
	switch o.Returns {
	case ir.ReturnsNothing:
		f.Add(head(o, o.Func, "error").Error().Block(call("CallNone")))
	case ir.ReturnsOne:
		f.Add(head(o, o.Func, "(*"+o.Result+", error)").Params(Op("*").Id(o.Result), Error()).Block(call("Call")))
	case ir.ReturnsPage:
		skip := Qual(rootPath, "Opt").Types(Int()).Values()
		if o.Skip != "" {
			skip = Id("p").Dot(o.Skip)
		}
		name := "CallPageByCursor"
		if o.Cursor == "" {
			name, args = "CallPage", append(args, skip)
		}
		f.Add(head(o, o.Func, "(*closekit.Page["+o.Result+"], error)").Params(page(o), Error()).Block(call(name)))
	}
	f.Line()
	if o.All != nil {
		iterator(f, o)
	}
	if o.Wait != nil {
		f.Add(doc(o.Wait.Doc))
		f.Add(head(o, o.Wait.Name, "(*"+o.Result+", error)").Params(Op("*").Id(o.Result), Error()).Block(
			Return(Qual(wirePath, "Wait").Types(Id(o.Result)).Call(Id("ctx"), Id("c"), Op("&").Id(o.Var), Op("&").Id("p"), Id("opts"))),
		))
		f.Line()
	}
	if o.Totals != nil {
		f.Add(doc(o.Totals.Doc))
		f.Add(Func().Id(o.Totals.Name).Params(Id("p").Add(page(o))).Params(Op("*").Id(o.Totals.Struct), Error()).Block(
			Return(Qual(wirePath, "Envelope").Types(Id(o.Totals.Struct)).Call(Op("&").Id("p").Dot("Object"))),
		))
		f.Line()
	}
	structType(f, &o.Params)
	descriptor(f, o, api)
}

// head prints a function's name and parameters, these on a line of their own when
// the signature would be too long.
func head(o *ir.Op, name, results string) *Statement {
	params := []Code{
		Id("ctx").Qual("context", "Context"), Id("c").Op("*").Qual(rootPath, "Client"), Id("p").Id(o.Params.Type),
		Id("opts").Op("...").Qual(rootPath, "CallOption"),
	}
	line := fmt.Sprintf("func %s(ctx context.Context, c *closekit.Client, p %s, opts ...closekit.CallOption) %s {", name, o.Params.Type, results)
	if len(line) > maxLine {
		return Func().Id(name).Custom(Options{Open: "(", Close: ")", Separator: ",", Multi: true}, List(params...))
	}
	return Func().Id(name).Params(params...)
}

// page is the type of a page of results.
func page(o *ir.Op) *Statement { return Op("*").Qual(rootPath, "Page").Types(Id(o.Result)) }

// iterator prints
//
//	func LeadsAll(…) iter.Seq2[*Lead, error] {
//		return wire.CallAll[Lead](ctx, c, &opLeadsList, &p, &p.Skip, opts)
//	}
func iterator(f *File, o *ir.Op) {
	f.Add(doc(o.All.Doc))
	call, at := "CallAll", o.Skip
	if o.Cursor != "" {
		call, at = "CallAllByCursor", o.Cursor
	}
	f.Add(head(o, o.All.Name, "iter.Seq2[*"+o.Result+", error]").Qual("iter", "Seq2").Types(Op("*").Id(o.Result), Error()).Block(
		Return(Qual(wirePath, call).Types(Id(o.Result)).Call(
			Id("ctx"), Id("c"), Op("&").Id(o.Var), Op("&").Id("p"), Op("&").Id("p").Dot(at), Id("opts"))),
	))
	f.Line()
}

// descriptor prints var opLeadCreate = wire.Operation{…}.
func descriptor(f *File, o *ir.Op, api *ir.API) {
	// Params: func() any { return new(LeadCreateParams) },
	newParams := pair("Params", Func().Params().Any().Add(oneLine(Return(New(Id(o.Params.Type))))))
	var spec []Code
	if len(o.Aliases) > 0 {
		var items []Code
		for _, a := range o.Aliases {
			item := []Code{pair("Name", Lit(a.Name)), pair("For", Lit(a.For))}
			if len(a.Map) > 0 {
				var m []Code
				for _, v := range a.Map {
					m = append(m, Values(pair("From", Lit(v[0])), pair("To", Lit(v[1]))))
				}
				item = append(item, pair("Map", literals(len("        Map: []wire.AliasValue{}}},"), Index().Qual(wirePath, "AliasValue"), m...)))
			}
			items = append(items, Values(item...))
		}
		spec = append(spec, pair("Aliases", literals(len("    Aliases:   []wire.Alias{},"), Index().Qual(wirePath, "Alias"), items...)))
	}
	if len(o.Rules) > 0 {
		var items []Code
		for _, r := range o.Rules {
			items = append(items, Values(rule(&r)...))
		}
		spec = append(spec, pair("Rules", literals(len("    Rules:     wire.Rules{},"), Qual(wirePath, "Rules"), items...)))
	}
	if len(o.Effects) > 0 {
		var items []Code
		for _, e := range o.Effects {
			items = append(items, Values(effectCase(&e)...))
		}
		spec = append(spec, pair("Effects", literals(len("    Effects:   wire.Effects{},"), Qual(wirePath, "Effects"), items...)))
	}
	if o.ByCase {
		spec = append(spec, pair("ByCase", Qual(wirePath, "ByCase").Values()))
	}
	facts := []Code{
		pair("Tool", Lit(o.Tool)), pair("Method", Lit(o.Method)), pair("Path", Lit(o.Path)), pair("Effect", effect(o.Effect)),
	}
	if o.Idempotent {
		facts = append(facts, pair("Idempotent", True()))
	}
	if api != nil {
		facts = append(facts, pair("API", Op("&").Id("ofAPI")))
	}
	if o.Cursor != "" {
		facts = append(facts, pair("Cursor", Lit(o.Paging[0])), pair("Next", Lit(o.Paging[1])))
	}
	if w := o.Waits; w != nil {
		facts = append(facts, pair("Waits", Op("&").Qual(rootPath, "Waits").Values(pair("Field", Lit(w.Field)), pair("Done", strs(w.Done)), pair("Failed", strs(w.Failed)))))
	}
	if o.OAuthOnly {
		facts = append(facts, pair("OAuthOnly", True()))
	}
	if o.Right != "" {
		facts = append(facts, pair("Right", Lit(o.Right)))
	}
	if len(o.Narrow) > 0 {
		facts = append(facts, pair("Narrow", strs(o.Narrow)))
	}
	if o.Oldest != "" {
		facts = append(facts, pair("Oldest", Lit(o.Oldest)))
	}
	rows := append([]Code{pair("Operation", fold(len("    Operation: closekit.Operation{},"), Qual(rootPath, "Operation"), facts...)), newParams}, spec...)
	f.Add(Var().Id(o.Var).Op("=").Qual(wirePath, "Operation").Add(lines(rows...)))
	f.Line()
}

func rule(r *ir.Rule) []Code {
	nums := make([]Code, len(r.Fields))
	for i, n := range r.Fields {
		nums[i] = Lit(n)
	}
	item := []Code{pair("Kind", Qual(wirePath, r.Kind.String())), pair("Fields", Index().Uint8().Values(nums...))}
	if r.If >= 0 {
		item = append(item, pair("If", Lit(r.If)))
	}
	if r.Is != "" {
		item = append(item, pair("Is", Lit(r.Is)))
	}
	if r.About != "" {
		item = append(item, pair("About", Lit(r.About)))
	}
	return item
}

func effectCase(e *ir.EffectCase) []Code {
	return []Code{pair("When", Lit(e.When)), pair("Effect", effect(e.Effect))}
}

// effect prints the union of effects.
func effect(names []string) *Statement {
	s := Qual(rootPath, names[0])
	for _, name := range names[1:] {
		s.Op("|").Qual(rootPath, name)
	}
	return s
}

// structField prints a field with its tag, and its comment above.
func structField(g *ir.Field) []Code {
	line := Id(g.Go).Add(goType(g.Type)).Op("`" + g.Tag + "`")
	if len(g.Doc) == 0 {
		return []Code{line}
	}
	return []Code{doc(g.Doc...), line}
}

func goType(t ir.GoType) *Statement {
	name := Id(t.Name)
	switch t.Scope {
	case ir.Local:
	case ir.Root:
		name = Qual(rootPath, t.Name)
	case ir.JSON:
		name = Qual("encoding/json", t.Name)
	}
	switch t.Form {
	case ir.Plain:
	case ir.Optional:
		return Qual(rootPath, "Opt").Types(name)
	case ir.Slice:
		return Index().Add(name)
	case ir.Dict:
		return Map(String()).Add(name)
	case ir.Pointer:
		return Op("*").Add(name)
	}
	return name
}

// structType prints a struct, which package wire reads and writes by its types
// and tags:
//
//	type Lead struct {
//		closekit.Object
//		ID LeadID `json:"id"`
//	}
func structType(f *File, s *ir.Struct) {
	f.Add(doc(s.Doc))
	var fields []Code
	switch s.Base {
	case ir.NoBase:
	case ir.StructBase:
		fields = append(fields, Id(s.Included))
	case ir.ObjectBase:
		fields = append(fields, Qual(rootPath, "Object"))
	}
	for i := range s.Fields {
		fields = append(fields, structField(&s.Fields[i])...)
	}
	f.Add(Type().Id(s.Type).Struct(fields...))
	f.Line()
	for _, v := range s.Variants {
		variant(f, s, &v)
	}
	if s.Changed != "" {
		f.Add(doc("Changed reports whether the event changed a field, by its JSON name."))
		f.Add(short(
			Func().Params(Id("v").Op("*").Id(s.Type)).Id("Changed").Params(Id("field").String()).Bool(),
			Return(Qual("slices", "Contains").Call(Id("v").Dot(s.Changed), Id("field"))),
		))
		f.Line()
	}
	if s.Result {
		// The compiler makes a second method, of the pointer; without noinline it would
		// have the whole body as well.
		f.Add(Comment("// MarshalJSON encodes the value, preserving unknown members that Close sent.\n//\n//go:noinline"))
		f.Add(Func().Params(Id("v").Id(s.Type)).Id("MarshalJSON").Params().Params(Index().Byte(), Error()).Add(
			oneLine(Return(Qual(wirePath, "Marshal").Call(Op("&").Id("v"))))))
		f.Add(Comment("// UnmarshalJSON decodes leniently, like API responses."))
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id("UnmarshalJSON").Params(Id("b").Index().Byte()).Error().Add(
			oneLine(Return(Qual(wirePath, "Unmarshal").Call(Id("b"), Id("v"))))))
		if s.Returned { // methods cost compile time: only what programs log has this one
			marshalText(f, s)
		}
	}
	if s.Pointed { // package fmt would print the address; a method of the pointer costs half as much to compile
		f.Add(Comment("// String returns the JSON, for logs."))
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id("String").Params().String().Add(oneLine(Return(Qual(wirePath, "Text").Call(Id("v"))))))
	}
	f.Line()
}

func marshalText(f *File, s *ir.Struct) {
	about, text := "// MarshalText returns the JSON, for logs.", oneLine(Return(Id("v").Dot("MarshalJSON").Call()))
	if secrets := s.Secrets(); len(secrets) > 0 {
		var body []Code
		for _, name := range secrets {
			body = append(body, Id("v").Dot(name).Op("=").Id("v").Dot(name).Dot("Redacted").Call())
		}
		about, text = "// MarshalText returns the JSON without secrets, for logs.", Block(append(body, Return(Id("v").Dot("MarshalJSON").Call()))...)
	}
	f.Add(Comment(about))
	f.Add(Func().Params(Id("v").Id(s.Type)).Id("MarshalText").Params().Params(Index().Byte(), Error()).Add(text))
}

// variant prints
//
//	func (v *Activity) AsCall() (*Call, bool) { return wire.Variant[Call](v, v.Type.Or("") == "Call") }
func variant(f *File, s *ir.Struct, v *ir.Variant) {
	var cond *Statement
	switch {
	case v.Has != "":
		cond = Qual(wirePath, "Has").Call(Op("&").Id("v").Dot("Object"), Lit(v.Has))
	case len(v.Is) > 2:
		values := make([]Code, len(v.Is))
		for i, value := range v.Is {
			values[i] = Lit(value)
		}
		by := Id("v").Dot(v.By)
		if v.ByOpt {
			by = by.Dot("Or").Call(Lit(""))
		}
		list := fold(len("    return wire.Variant[SomeActivity](v.Data, v.PreviousData, slices.Contains([]string{}, string(v.Type)))"), Index().String(), values...)
		cond = Qual("slices", "Contains").Call(list, String().Parens(by))
	default:
		for i, value := range v.Is {
			by := Id("v").Dot(v.By)
			if v.ByOpt {
				by = by.Dot("Or").Call(Lit(""))
			}
			if i == 0 {
				cond = by.Op("==").Lit(value)
			} else {
				cond = cond.Op("||").Add(by.Op("==").Lit(value))
			}
		}
	}
	f.Add(doc(v.Doc))
	if v.In != nil {
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id(v.Method).Params().Params(Qual(rootPath, "Change").Types(Id(v.Struct)), Bool()).Block(
			Return(Qual(wirePath, "ChangeOf").Types(Id(v.Struct)).Call(Id("v").Dot(v.In[0]), Id("v").Dot(v.In[1]), cond)),
		))
		f.Line()
		return
	}
	f.Add(short(
		Func().Params(Id("v").Op("*").Id(s.Type)).Id(v.Method).Params().Params(Op("*").Id(v.Struct), Bool()),
		Return(Qual(wirePath, "Variant").Types(Id(v.Struct)).Call(Id("v"), cond)),
	))
	f.Line()
}

// enum prints a string type, its constants and, where it is sent, the method
// that lists its values.
func enum(f *File, e *ir.Enum) {
	f.Add(doc(e.Doc))
	f.Add(Type().Id(e.Type).String())
	f.Line()
	var consts []Code
	var values []string
	b := block{typ: e.Type}
	for _, v := range e.Values {
		c := Id(v.Const).Id(e.Type).Op("=").Lit(v.Value)
		switch beside := b.add(&v); {
		case v.Doc == "":
		case beside:
			c = c.Comment("// " + v.Doc)
		default:
			consts = append(consts, doc(v.Doc))
		}
		consts = append(consts, c)
		values = append(values, v.Value)
	}
	f.Add(doc("Values of [" + e.Type + "]."))
	f.Add(Const().Defs(consts...))
	f.Line()
	if e.ValuesDoc != "" {
		f.Add(doc(e.ValuesDoc))
		f.Add(short(Func().Params(Id(e.Type)).Id("Values").Params().Index().String(), Return(strs(values))))
		f.Line()
	}
	if len(e.Hints) > 0 {
		var hints *Statement
		for i, h := range e.Hints {
			for _, words := range wrap(h.Words, maxLine-len(h.Advice)-len("        `: \n` +")) {
				line := words + ": " + h.Advice
				if i > 0 {
					line = "\n" + line
				}
				if hints == nil {
					hints = Lit(line)
				} else {
					hints = hints.Op("+").Line().Lit(line)
				}
			}
		}
		f.Add(doc("Hints has a line for words that are no values, as in \"yearly per_year: use annual\"."))
		f.Add(Func().Params(Id(e.Type)).Id("Hints").Params().String().Block(Return(hints)))
		f.Line()
	}
}

// block is a part of a list of constants, which gofmt aligns: up to a constant with
// its comment above.
type block struct {
	typ                  string
	name, value, comment int // longest
}

// add reports whether the comment of the next constant fits beside it.
func (b *block) add(v *ir.EnumValue) bool {
	longer := block{b.typ, max(b.name, len(v.Const)), max(b.value, len(v.Value)), max(b.comment, len(v.Doc))}
	const tab, between = 4, len(` = "" // `) + 1
	if tab+longer.name+len(b.typ)+longer.value+longer.comment+between > maxLine {
		*b = block{typ: b.typ, name: len(v.Const), value: len(v.Value)}
		return v.Doc == ""
	}
	*b = longer
	return true
}
