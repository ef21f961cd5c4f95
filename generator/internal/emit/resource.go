package emit

import (
	"fmt"
	"strings"

	. "github.com/dave/jennifer/jen" //nolint:revive,staticcheck // the emitters read as the Go they print

	"github.com/closekit/closekit/generator/internal/ir"
)

// Resource prints the file of one resource: operations, then types, then
// enums.
func Resource(p *ir.Package, r *ir.File) ([]byte, error) {
	f := newFile(p.ImportPath, p.Name, r.Source)
	for i := range r.Ops {
		operation(f, &r.Ops[i])
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
//	func LeadCreate(ctx context.Context, c *runtime.Client, p LeadCreateParams, opts ...runtime.CallOption) (*Lead, error) {
//		v, err := wire.Call(ctx, c, &opLeadCreate, &p, &structLead, opts)
//		return (*Lead)(v), err
//	}
//
// and what belongs to it.
func operation(f *File, o *ir.Op) {
	ctx := []Code{Id("ctx"), Id("c"), Op("&").Id(o.OpVar), Op("&").Id("p")}
	head := func(name string) *Statement {
		return Func().Id(name).Params(
			Id("ctx").Qual("context", "Context"), Id("c").Op("*").Qual(runtimePath, "Client"), Id("p").Id(o.Params.Type),
			Id("opts").Op("...").Qual(runtimePath, "CallOption"),
		)
	}
	page := func() *Statement { return Op("*").Qual(runtimePath, "Page").Types(Id(o.Result)) }
	f.Add(doc(o.Doc...))
	switch {
	case o.Result == "":
		f.Add(head(o.Func).Error().Block(Return(Qual(runtimePath, "CallNone").Call(append(ctx, Id("opts"))...))))
	case o.List:
		skip := Qual(runtimePath, "Opt").Types(Int()).Values()
		if o.Skip {
			skip = Id("p").Dot("Skip")
		}
		args := append(ctx, skip, Op("&").Id("struct"+o.Result), Id("opts"))
		f.Add(head(o.Func).Params(page(), Error()).Block(
			List(Id("v"), Err()).Op(":=").Qual(wirePath, "CallPage").Call(args...),
			Return(Parens(page()).Parens(Id("v")), Err()),
		))
	default:
		args := append(ctx, Op("&").Id("struct"+o.Result), Id("opts"))
		f.Add(head(o.Func).Params(Op("*").Id(o.Result), Error()).Block(
			List(Id("v"), Err()).Op(":=").Qual(wirePath, "Call").Call(args...),
			Return(Parens(Op("*").Id(o.Result)).Parens(Id("v")), Err()),
		))
	}
	f.Line()
	if o.All != "" {
		// func LeadsAll(…) iter.Seq2[*Lead, error] {
		//	return runtime.All(ctx, c, &opLeadsList, p, func(p *LeadsListParams) *runtime.Opt[int] { return &p.Skip }, LeadsList, opts)
		// }
		skip := Func().Params(Id("p").Op("*").Id(o.Params.Type)).Op("*").Qual(runtimePath, "Opt").Types(Int()).Add(oneLine(Return(Op("&").Id("p").Dot("Skip"))))
		f.Add(doc(o.AllDoc))
		f.Add(head(o.All).Qual("iter", "Seq2").Types(Op("*").Id(o.Result), Error()).Block(
			Return(Qual(runtimePath, "All").Call(Id("ctx"), Id("c"), Op("&").Id(o.OpVar), Id("p"), skip, Id(o.Func), Id("opts"))),
		))
		f.Line()
	}
	if o.TotalsFunc != "" {
		f.Add(doc(fmt.Sprintf("%s reads the totals in the envelope of a page of [%s].", o.TotalsFunc, o.Func)))
		f.Add(Func().Id(o.TotalsFunc).Params(Id("p").Add(page())).Params(Op("*").Id(o.Totals), Error()).Block(
			List(Id("v"), Err()).Op(":=").Qual(wirePath, "Envelope").Call(Op("&").Id("p").Dot("Object"), Op("&").Id("struct"+o.Totals)),
			Return(Parens(Op("*").Id(o.Totals)).Parens(Id("v")), Err()),
		))
		f.Line()
	}
	structType(f, &o.Params)
	descriptor(f, o)
}

// descriptor prints var opLeadCreate = runtime.Operation{…}.
func descriptor(f *File, o *ir.Op) {
	spec := []Code{}
	if o.Update {
		spec = append(spec, pair("Update", True()))
	}
	if len(o.Aliases) > 0 {
		var items []Code
		for _, a := range o.Aliases {
			item := []Code{pair("Name", Lit(a.Name)), pair("For", Lit(a.For))}
			if len(a.Map) > 0 {
				var m []Code
				for _, v := range a.Map {
					m = append(m, Values(pair("From", Lit(v[0])), pair("To", Lit(v[1]))))
				}
				item = append(item, pair("Map", Index().Qual(wirePath, "AliasValue").Values(m...)))
			}
			items = append(items, Values(item...))
		}
		spec = append(spec, pair("Aliases", Index().Qual(wirePath, "Alias").Values(items...)))
	}
	if len(o.Rules) > 0 {
		var items []Code
		for _, r := range o.Rules {
			items = append(items, Values(rule(&r)...))
		}
		spec = append(spec, pair("Rules", Index().Qual(wirePath, "Rule").Add(lines(items...))))
	}
	facts := []Code{
		pair("Tool", Lit(o.Tool)), pair("Method", Lit(o.Method)), pair("Path", Lit(o.Path)), pair("Effect", Qual(runtimePath, o.Effect)),
	}
	if o.Sends {
		facts = append(facts, pair("Sends", True()))
	}
	if o.Idempotent {
		facts = append(facts, pair("Idempotent", True()))
	}
	// NewParams: func() runtime.Params { return new(LeadCreateParams) },
	newParams := pair("NewParams", Func().Params().Qual(runtimePath, "Params").Add(oneLine(Return(New(Id(o.Params.Type))))))
	rows := []Code{List(facts...), newParams}
	if len(spec) > 0 {
		rows = append(rows, pair("Spec", Qual(wirePath, "Spec").Values(spec...)))
	}
	f.Add(Var().Id(o.OpVar).Op("=").Qual(runtimePath, "Operation").Add(lines(rows...)))
	f.Line()
}

func rule(r *ir.Rule) []Code {
	nums := make([]Code, len(r.Fields))
	for i, n := range r.Fields {
		nums[i] = Lit(n)
	}
	item := []Code{pair("Kind", Qual(wirePath, r.Kind)), pair("Fields", Index().Uint8().Values(nums...))}
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

// structField prints a field, with a short comment behind it or a long one
// above.
func structField(g *ir.Field) []Code {
	s := Id(g.Go).Add(goType(g.Type))
	if g.Doc == "" {
		return []Code{s}
	}
	if len(g.Go)+len(g.Doc) < 80 && !strings.Contains(g.Doc, "Deprecated:") {
		return []Code{s.Comment("// " + g.Doc)}
	}
	about, dep, ok := strings.Cut(g.Doc, "Deprecated:")
	paragraphs := []string{strings.TrimSpace(about)}
	if ok {
		paragraphs = append(paragraphs, "Deprecated:"+dep)
		if paragraphs[0] == "" {
			paragraphs = paragraphs[1:]
		}
	}
	return []Code{doc(paragraphs...), s}
}

func goType(t ir.GoType) *Statement {
	name := Id(t.Name)
	switch t.Pkg {
	case "runtime":
		name = Qual(runtimePath, t.Name)
	case "json":
		name = Qual("encoding/json", t.Name)
	}
	switch {
	case t.Opt:
		return Qual(runtimePath, "Opt").Types(name)
	case t.List:
		return Index().Add(name)
	case t.Map:
		return Map(String()).Add(name)
	case t.Ptr:
		return Op("*").Add(name)
	}
	return name
}

// structType prints a struct and its description as data:
//
//	type Lead struct {
//		runtime.Object
//		ID LeadID
//	}
//
//	var structLead = wire.Struct{
//		Size: unsafe.Sizeof(Lead{}), Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer { … },
//		Members: []wire.Member{
//			{Name: "id", Bit: 1, As: wire.Str, At: unsafe.Offsetof(Lead{}.ID)},
func structType(f *File, s *ir.Struct) {
	f.Add(doc(s.Doc))
	var fields []Code
	switch {
	case s.Base != "":
		fields = append(fields, Id(s.Base))
	case s.Output:
		fields = append(fields, Qual(runtimePath, "Object"))
	}
	for i := range s.Fields {
		fields = append(fields, structField(&s.Fields[i])...)
	}
	f.Add(Type().Id(s.Type).Struct(fields...))
	f.Line()
	for _, v := range s.Variants {
		variant(f, s, &v)
	}
	table := "struct" + s.Type
	if s.Params {
		f.Add(Comment("// Walk visits the fields; it is for package runtime."))
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id("Walk").Params(Id("w").Op("*").Qual(wirePath, "Walker")).Add(
			oneLine(Qual(wirePath, "Walk").Call(Id("w"), Op("&").Id(table), Qual("unsafe", "Pointer").Call(Id("v"))))))
	}
	if s.Output {
		f.Add(Comment("// MarshalJSON gives back what Close sent, with the changes made since."))
		f.Add(Func().Params(Id("v").Id(s.Type)).Id("MarshalJSON").Params().Params(Index().Byte(), Error()).Add(
			oneLine(Return(Qual(wirePath, "Marshal").Call(Op("&").Id(table), Qual("unsafe", "Pointer").Call(Op("&").Id("v")))))))
		f.Add(Comment("// UnmarshalJSON decodes leniently, as answers of Close are decoded."))
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id("UnmarshalJSON").Params(Id("b").Index().Byte()).Error().Add(
			oneLine(Return(Qual(wirePath, "Unmarshal").Call(Id("b"), Op("&").Id(table), Qual("unsafe", "Pointer").Call(Id("v")))))))
	}
	if s.Recursive {
		f.Add(Comment("// Wire describes the struct; it is for package wire."))
		f.Add(Func().Params(Op("*").Id(s.Type)).Id("Wire").Params().Op("*").Qual(wirePath, "Struct").Add(
			oneLine(Return(Op("&").Id(table)))))
	}
	f.Line()
	rows := description(s)
	if len(rows) == 1 { // parameters: only members
		f.Add(Var().Id(table).Op("=").Qual(wirePath, "Struct").Values(rows...))
	} else {
		f.Add(Var().Id(table).Op("=").Qual(wirePath, "Struct").Add(lines(rows...)))
	}
	f.Line()
}

// description prints the rows of a wire.Struct.
func description(s *ir.Struct) []Code {
	offset := func(field string) *Statement {
		return Qual("unsafe", "Offsetof").Call(Id(s.Type).Values().Dot(field))
	}
	var rows []Code
	if s.Base != "" {
		rows = append(rows, pair("Base", Op("&").Id("struct"+s.Base)))
	}
	if s.Output && s.Custom != "" {
		rows = append(rows, pair("Custom", offset(s.Custom)))
	}
	if !s.Params {
		// Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		//	return unsafe.Pointer(unsafe.SliceData(append(make([]Lead, 0, n), unsafe.Slice((*Lead)(old), k)...)))
		// }
		pointer := func() *Statement { return Qual("unsafe", "Pointer") }
		old := Qual("unsafe", "Slice").Call(Parens(Op("*").Id(s.Type)).Parens(Id("old")), Id("k"))
		grown := Append(Make(Index().Id(s.Type), Lit(0), Id("n")), old.Op("..."))
		rows = append(rows, List(
			pair("Size", Qual("unsafe", "Sizeof").Call(Id(s.Type).Values())),
			pair("Grow", Func().Params(Id("old").Add(pointer()), List(Id("k"), Id("n")).Int()).Add(pointer()).Block(
				Return(pointer().Call(Qual("unsafe", "SliceData").Call(grown))))),
		))
	}
	var members []Code
	for i := range s.Fields {
		g := &s.Fields[i]
		var m []Code
		if g.Received {
			m = append(m, pair("Name", Lit(g.JSON)))
		}
		if g.Bit > 0 {
			m = append(m, pair("Bit", Lit(g.Bit)))
		}
		m = append(m, pair("As", Qual(wirePath, g.Slot)), pair("At", offset(g.Go)))
		if g.Slot == "List" || g.Slot == "Obj" {
			elem := Func().Params().Op("*").Qual(wirePath, "Struct").Add(oneLine(Return(Op("&").Id("struct" + g.Type.Name))))
			if g.Recursive {
				elem = Qual(wirePath, "Elem").Types(Id(g.Type.Name))
			}
			m = append(m, pair("Elem", elem))
		}
		if g.In != nil {
			m = append(m, pair("In", Op("&").Qual(wirePath, "Field").Values(input(g.In)...)))
		}
		members = append(members, Values(m...))
	}
	if len(members) > 0 {
		rows = append(rows, pair("Members", Index().Qual(wirePath, "Member").Add(lines(members...))))
	}
	return rows
}

// input prints what is known of a field that is sent.
func input(in *ir.Input) []Code {
	e := []Code{pair("Name", Lit(in.Name))}
	if in.In != "" {
		e = append(e, pair("In", Qual(wirePath, in.In)))
	}
	if in.Kind != "" {
		e = append(e, pair("Kind", Qual(wirePath, in.Kind)))
	}
	if len(in.Flags) > 0 {
		flags := Qual(wirePath, in.Flags[0])
		for _, x := range in.Flags[1:] {
			flags = flags.Op("|").Qual(wirePath, x)
		}
		e = append(e, pair("Flags", flags))
	}
	if in.Min != nil {
		e = append(e, pair("Min", Lit(int(*in.Min))))
	}
	if in.Max != nil {
		e = append(e, pair("Max", Lit(int(*in.Max))))
	}
	if in.MaxLen > 0 {
		e = append(e, pair("MaxLen", Lit(in.MaxLen)))
	}
	if in.MinItem > 0 {
		e = append(e, pair("MinItems", Lit(in.MinItem)))
	}
	if in.Enum != "" {
		e = append(e, pair("Enum", Id(in.Enum)))
	}
	if in.ID != "" {
		e = append(e, pair("ID", Op("&").Id(in.ID)))
	}
	if in.From != "" {
		e = append(e, pair("From", Lit(in.From)))
	}
	if in.Preset != "" {
		e = append(e, pair("Preset", Lit(in.Preset)))
	}
	return e
}

// variant prints
//
//	func (v *Activity) AsCall() (*Call, bool) {
//		to, ok := wire.Variant(&structActivity, unsafe.Pointer(v), v.Type.Or("") == "Call", &structCall)
//		return (*Call)(to), ok
//	}
func variant(f *File, s *ir.Struct, v *ir.Variant) {
	var cond *Statement
	switch {
	case v.Has != "":
		cond = Qual(wirePath, "Has").Call(Op("&").Id("v").Dot("Object"), Lit(v.Has))
	case v.ByOpt:
		cond = Id("v").Dot(v.ByGo).Dot("Or").Call(Lit("")).Op("==").Lit(v.Word)
	default:
		cond = Id("v").Dot(v.ByGo).Op("==").Lit(v.Word)
	}
	f.Add(doc(v.Doc))
	f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id(v.Method).Params().Params(Op("*").Id(v.Struct), Bool()).Block(
		List(Id("to"), Id("ok")).Op(":=").Qual(wirePath, "Variant").Call(
			Op("&").Id("struct"+s.Type), Qual("unsafe", "Pointer").Call(Id("v")), cond, Op("&").Id("struct"+v.Struct)),
		Return(Parens(Op("*").Id(v.Struct)).Parens(Id("to")), Id("ok")),
	))
	f.Line()
}

// enum prints a string type, its constants and, where it is sent, its words.
func enum(f *File, e *ir.Enum) {
	f.Add(doc(e.Doc))
	f.Add(Type().Id(e.Type).String())
	f.Line()
	var consts []Code
	var words []string
	for _, v := range e.Values {
		c := Id(v.Const).Id(e.Type).Op("=").Lit(v.Word)
		if v.Doc != "" {
			c = c.Comment("// " + v.Doc)
		}
		consts = append(consts, c)
		words = append(words, v.Word)
	}
	f.Add(doc("Values of [" + e.Type + "]."))
	f.Add(Const().Defs(consts...))
	f.Line()
	if e.Words != "" {
		f.Add(Var().Id(e.Words).Op("=").Add(strs(words)))
		f.Line()
	}
}
