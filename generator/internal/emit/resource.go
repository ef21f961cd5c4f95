package emit

import (
	"fmt"
	"slices"
	"strconv"
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
//	func LeadCreate(ctx context.Context, c *closekit.Client, p LeadCreateParams, opts ...closekit.CallOption) (*Lead, error) {
//		return wire.Call[Lead](ctx, c, &opLeadCreate, &p, opts)
//	}
//
// and what belongs to it.
func operation(f *File, o *ir.Op) {
	ctx := []Code{Id("ctx"), Id("c"), Op("&").Id(o.OpVar), Op("&").Id("p")}
	head := func(name string) *Statement {
		return Func().Id(name).Params(
			Id("ctx").Qual("context", "Context"), Id("c").Op("*").Qual(rootPath, "Client"), Id("p").Id(o.Params.Type),
			Id("opts").Op("...").Qual(rootPath, "CallOption"),
		)
	}
	page := func() *Statement { return Op("*").Qual(rootPath, "Page").Types(Id(o.Result)) }
	f.Add(doc(o.Doc...))
	switch {
	case o.Result == "":
		f.Add(head(o.Func).Error().Block(Return(Qual(wirePath, "CallNone").Call(append(ctx, Id("opts"))...))))
	case o.List:
		skip := Qual(rootPath, "Opt").Types(Int()).Values()
		if o.Skip {
			skip = Id("p").Dot("Skip")
		}
		args := append(ctx, skip, Id("opts"))
		f.Add(head(o.Func).Params(page(), Error()).Block(
			Return(Qual(wirePath, "CallPage").Types(Id(o.Result)).Call(args...)),
		))
	default:
		args := append(ctx, Id("opts"))
		f.Add(head(o.Func).Params(Op("*").Id(o.Result), Error()).Block(
			Return(Qual(wirePath, "Call").Types(Id(o.Result)).Call(args...)),
		))
	}
	f.Line()
	if o.All != "" {
		// func LeadsAll(…) iter.Seq2[*Lead, error] {
		//	return closekit.All(opLeadsList.Describe(), p.Skip, func(skip closekit.Opt[int]) (*closekit.Page[Lead], error) {
		//		p := p
		//		p.Skip = skip
		//		return LeadsList(ctx, c, p, opts...)
		//	}, opts...)
		// }
		fetch := Func().Params(Id("skip").Qual(rootPath, "Opt").Types(Int())).Params(page(), Error()).Block(
			Id("p").Op(":=").Id("p"),
			Id("p").Dot("Skip").Op("=").Id("skip"),
			Return(Id(o.Func).Call(Id("ctx"), Id("c"), Id("p"), Id("opts").Op("..."))),
		)
		f.Add(doc(o.AllDoc))
		f.Add(head(o.All).Qual("iter", "Seq2").Types(Op("*").Id(o.Result), Error()).Block(
			Return(Qual(rootPath, "All").Call(Id(o.OpVar).Dot("Describe").Call(), Id("p").Dot("Skip"), fetch, Id("opts").Op("..."))),
		))
		f.Line()
	}
	if o.TotalsFunc != "" {
		f.Add(doc(fmt.Sprintf("%s reads the totals in the envelope of a page of [%s].", o.TotalsFunc, o.Func)))
		f.Add(Func().Id(o.TotalsFunc).Params(Id("p").Add(page())).Params(Op("*").Id(o.Totals), Error()).Block(
			Return(Qual(wirePath, "Envelope").Types(Id(o.Totals)).Call(Op("&").Id("p").Dot("Object"))),
		))
		f.Line()
	}
	structType(f, &o.Params)
	descriptor(f, o)
}

// descriptor prints var opLeadCreate = wire.Operation{…}.
func descriptor(f *File, o *ir.Op) {
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
		pair("Tool", Lit(o.Tool)), pair("Method", Lit(o.Method)), pair("Path", Lit(o.Path)), pair("Effect", Qual(rootPath, o.Effect)),
	}
	if o.Sends {
		facts = append(facts, pair("Sends", True()))
	}
	if o.Idempotent {
		facts = append(facts, pair("Idempotent", True()))
	}
	rows := append([]Code{pair("Operation", Qual(rootPath, "Operation").Values(facts...)), newParams}, spec...)
	f.Add(Var().Id(o.OpVar).Op("=").Qual(wirePath, "Operation").Add(lines(rows...)))
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

// structField prints a field with its tags, and its comment above.
func structField(s *ir.Struct, g *ir.Field) []Code {
	line := Id(g.Go).Add(goType(g.Type)).Op(tag(s, g))
	if len(g.Doc) == 0 {
		return []Code{line}
	}
	return []Code{doc(g.Doc...), line}
}

// tag prints json:"lead_id" close:"path,required": the name of a field, and what
// package wire must know of it beyond its type.
func tag(s *ir.Struct, g *ir.Field) string {
	var opts []string
	if in := g.In; in != nil {
		if in.In != "" {
			opts = append(opts, strings.ToLower(in.In))
		}
		flags := func(name string) bool { return slices.Contains(in.Flags, name) }
		if flags("Required") {
			opts = append(opts, "required")
		}
		if flags("Nullable") {
			opts = append(opts, "null")
		}
		switch {
		case flags("OnCreate") && flags("OnUpdate"):
			opts = append(opts, "send")
		case flags("OnCreate"):
			opts = append(opts, "create")
		case flags("OnUpdate"):
			opts = append(opts, "update")
		}
		if s.Output && !g.Received {
			opts = append(opts, "sendonly")
		}
		if kind := map[string]string{"RichText": "html", "DateOrDateTime": "date", "Email": "email", "Phone": "phone", "URL": "url", "Timezone": "timezone"}[in.Kind]; kind != "" {
			opts = append(opts, kind)
		}
		if in.ID == "kindAny" {
			opts = append(opts, "id")
		}
		if flags("Open") {
			opts = append(opts, "open")
		}
		number := func(name string, n int64) { opts = append(opts, name+"="+strconv.FormatInt(n, 10)) }
		if in.Min != nil && *in.Min != -1<<53 {
			number("min", *in.Min)
		}
		if in.Max != nil {
			number("max", *in.Max)
		}
		if in.MaxLen > 0 {
			number("maxlen", int64(in.MaxLen))
		}
		if in.MinItem > 0 {
			number("minitems", int64(in.MinItem))
		}
		if in.From != "" {
			opts = append(opts, "from="+in.From)
		}
		if in.Preset != "" {
			opts = append(opts, "preset="+in.Preset)
		}
	}
	t := "json:" + strconv.Quote(g.JSON)
	if len(opts) > 0 {
		t += " close:" + strconv.Quote(strings.Join(opts, ","))
	}
	return "`" + t + "`"
}

func goType(t ir.GoType) *Statement {
	name := Id(t.Name)
	switch t.Pkg {
	case "closekit":
		name = Qual(rootPath, t.Name)
	case "json":
		name = Qual("encoding/json", t.Name)
	}
	switch {
	case t.Opt:
		return Qual(rootPath, "Opt").Types(name)
	case t.List:
		return Index().Add(name)
	case t.Map:
		return Map(String()).Add(name)
	case t.Ptr:
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
	switch {
	case s.Base != "":
		fields = append(fields, Id(s.Base))
	case s.Output:
		fields = append(fields, Qual(rootPath, "Object"))
	}
	for i := range s.Fields {
		fields = append(fields, structField(s, &s.Fields[i])...)
	}
	f.Add(Type().Id(s.Type).Struct(fields...))
	f.Line()
	for _, v := range s.Variants {
		variant(f, s, &v)
	}
	if s.Output {
		f.Add(Comment("// MarshalJSON encodes the value, preserving unknown members that Close sent."))
		f.Add(Func().Params(Id("v").Id(s.Type)).Id("MarshalJSON").Params().Params(Index().Byte(), Error()).Add(
			oneLine(Return(Qual(wirePath, "Marshal").Call(Op("&").Id("v"))))))
		f.Add(Comment("// UnmarshalJSON decodes leniently, like API responses."))
		f.Add(Func().Params(Id("v").Op("*").Id(s.Type)).Id("UnmarshalJSON").Params(Id("b").Index().Byte()).Error().Add(
			oneLine(Return(Qual(wirePath, "Unmarshal").Call(Id("b"), Id("v"))))))
	}
	f.Line()
}

// variant prints
//
//	func (v *Activity) AsCall() (*Call, bool) {
//		return wire.Variant[Call](v, v.Type.Or("") == "Call")
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
		Return(Qual(wirePath, "Variant").Types(Id(v.Struct)).Call(Id("v"), cond)),
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
		f.Add(doc("Values lists the values that can be sent" + map[bool]string{true: "; Close may know others."}[e.Open] + map[bool]string{false: "."}[e.Open]))
		f.Add(Func().Params(Id(e.Type)).Id("Values").Params().Index().String().Block(Return(strs(words))))
		f.Line()
	}
}
