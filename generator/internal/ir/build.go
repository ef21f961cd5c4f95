package ir

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/closekit/closekit/manifest"
)

// maxBits is how many bits a struct has: one for each field that is always
// there, a list or an object.
const maxBits = 64 // bit 0 is none

// Build decides everything about the generated package.
func Build(api *manifest.API, name, importPath string) (*Package, error) {
	b := &builder{
		api: api, text: newGoText(api), sent: map[*manifest.Enum]bool{}, ids: map[*manifest.IDKind]bool{}, uses: map[*manifest.Object]use{},
		bits: map[*manifest.Object]int{},
	}
	b.reach()
	if ps := b.clashes(); len(ps) > 0 {
		return nil, ps
	}
	p := &Package{Name: name, ImportPath: importPath, APIPrefix: api.Prefix, HasCents: b.cents}
	p.Doc = packageDoc(api, name)
	for _, r := range api.Resources {
		f, err := b.file(r)
		if err != nil {
			return nil, err
		}
		if len(f.Enums)+len(f.Structs)+len(f.Ops) > 0 {
			p.Files = append(p.Files, f)
		}
	}
	// Enums know only now whether their words are sent.
	for i := range p.Files {
		for j := range p.Files[i].Enums {
			e := &p.Files[i].Enums[j]
			for s := range b.sent {
				if s.Name == e.Type {
					e.Words = "words" + e.Type
				}
			}
		}
	}
	b.idTypes(p)
	if len(api.Tools()) == 0 {
		return nil, errors.New("the manifest has no tools")
	}
	for _, t := range api.Tools() {
		tool, err := b.tool(t)
		if err != nil {
			return nil, err
		}
		p.Tools = append(p.Tools, tool)
	}
	slices.SortFunc(p.Tools, func(a, b Tool) int { return cmp.Compare(a.Name, b.Name) })
	return p, nil
}

// use says how an object is used.
type use struct{ output, input bool }

type builder struct {
	api   *manifest.API
	text  *goText
	sent  map[*manifest.Enum]bool // enums that parameters use
	ids   map[*manifest.IDKind]bool
	uses  map[*manifest.Object]use
	bits  map[*manifest.Object]int // bits used, with those of the base
	cents bool
	anyID bool
}

// reach finds how objects are used, and which kinds of ids.
func (b *builder) reach() {
	for _, t := range b.api.Tools() {
		for _, p := range t.Params {
			b.see(p.Type, false)
		}
		b.see(t.Returns, true)
		b.seeObject(t.Totals, true)
	}
}

func (b *builder) see(t *manifest.Type, output bool) {
	if t == nil {
		return
	}
	if t.Kind == manifest.Cents {
		b.cents = true
	}
	if t.ID != nil {
		b.ids[t.ID] = true
	}
	b.see(t.Elem, output)
	b.seeObject(t.Object, output)
}

func (b *builder) seeObject(o *manifest.Object, output bool) {
	if o == nil {
		return
	}
	u := b.uses[o]
	if output && u.output || !output && u.input {
		return
	}
	if output {
		u.output = true
	} else {
		u.input = true
	}
	b.uses[o] = u
	for _, f := range o.Fields {
		if output && f.Read || !output && (f.Create || f.Update) {
			b.see(f.Type, output)
		}
	}
	if !output {
		return
	}
	if o.Include != nil {
		b.seeObject(o.Include, true)
	}
	for _, v := range o.Variants {
		b.seeObject(v.Object, true)
	}
}

func (b *builder) file(r *manifest.Resource) (File, error) {
	f := File{Name: r.Name + ".go", Source: r.File, Title: r.Title, About: r.About, Doc: r.Doc}
	for _, e := range r.Enums {
		f.Enums = append(f.Enums, b.enum(e))
	}
	for _, o := range r.Types {
		if u := b.uses[o]; !u.output && !u.input {
			continue
		}
		s, err := b.object(o)
		if err != nil {
			return f, err
		}
		f.Structs = append(f.Structs, s)
	}
	for _, t := range r.Tools {
		f.Ops = append(f.Ops, b.op(t))
	}
	return f, nil
}

func (b *builder) enum(e *manifest.Enum) Enum {
	out := Enum{Type: e.Name, Doc: typeDoc(e.Name, b.text.text(e.About))}
	if e.Open {
		out.Open = true
		out.Doc += " Close may use other values too."
	}
	for _, v := range e.Values {
		out.Values = append(out.Values, EnumValue{Const: enumConst(e, v), Word: v.Value, Doc: b.text.text(v.About)})
	}
	return out
}

// object makes the struct of a type that is received or sent.
func (b *builder) object(o *manifest.Object) (Struct, error) {
	u := b.uses[o]
	s := Struct{Type: o.Name, Doc: typeDoc(o.Name, b.text.text(o.About, o.Fields...)), Output: u.output}
	fields := o.Fields
	bit := 0
	if b.embeds(o) {
		s.Base = o.Include.Name
		fields = b.own(o)
	} else if u.output {
		bit = 1 // bit 0 is no bit
	}
	if _, err := b.usedBits(o); err != nil {
		return s, err
	}
	if s.Base != "" {
		bit = b.bits[o.Include]
	}
	s.Recursive = contains(&manifest.Type{Kind: manifest.ObjectType, Object: &manifest.Object{Fields: o.Fields}}, o, map[*manifest.Object]bool{})
	for _, f := range fields {
		sent := u.input && (f.Create || f.Update)
		if !sent && (!f.Read || !u.output) {
			continue
		}
		g := b.field(f)
		g.Doc = b.fieldDoc(f, inResult, o.Fields)
		g.Received = f.Read && u.output
		if g.Received && needsBit(g.Slot) {
			g.Bit = bit
			bit++
		}
		if sent {
			g.In = b.input(f, true)
		}
		if g.Slot == "Custom" {
			s.Custom = g.Go
		}
		g.Recursive = contains(f.Type, o, map[*manifest.Object]bool{})
		s.Fields = append(s.Fields, g)
	}
	for _, v := range o.Variants {
		if b.uses[v.Object].output {
			s.Variants = append(s.Variants, b.variant(o, v))
		}
	}
	return s, nil
}

// embeds reports whether a type's struct embeds that of the type it includes.
// One that is sent has all fields of its own, because access may differ.
func (b *builder) embeds(o *manifest.Object) bool {
	return o.Include != nil && b.uses[o].output && !b.uses[o].input
}

// own lists the fields that a type has beyond the one it includes: new ones,
// and those with another Go type.
func (b *builder) own(o *manifest.Object) []*manifest.Field {
	var own []*manifest.Field
	for _, f := range o.Fields {
		base := o.Include.Field(f.Name)
		if base == nil || !base.Read || b.field(base).Type != b.field(f).Type {
			own = append(own, f)
		}
	}
	return own
}

// usedBits gives the next free bit of a type, after those of its
// base.
func (b *builder) usedBits(o *manifest.Object) (int, error) {
	if n, ok := b.bits[o]; ok {
		return n, nil
	}
	n := 1 // bit 0 is no bit
	fields := o.Fields
	if b.embeds(o) {
		var err error
		if n, err = b.usedBits(o.Include); err != nil {
			return 0, err
		}
		fields = b.own(o)
	}
	for _, f := range fields {
		if f.Read && needsBit(b.field(f).Slot) {
			n++
		}
	}
	b.bits[o] = n
	if n > maxBits {
		return 0, fmt.Errorf("type %s has more than %d fields that are always there, lists or objects", o.Name, maxBits-1)
	}
	return n, nil
}

func (b *builder) field(f *manifest.Field) Field {
	g := Field{Go: fieldName(f.Name), JSON: f.Name}
	g.Type, g.Slot = goType(f.Type, f.Always || f.Required)
	return g
}

func (b *builder) variant(o *manifest.Object, v manifest.Variant) Variant {
	out := Variant{Method: variantMethod(v), Struct: v.Object.Name, Has: v.Has}
	if v.By != "" {
		g := b.field(o.Field(v.By))
		out.ByGo, out.Word, out.ByOpt = g.Go, v.Is, g.Type.Opt
		out.Doc = fmt.Sprintf("%s returns v as %s. It reports false unless %s is %q.", out.Method, withArticle("["+v.Object.Name+"]"), g.Go, v.Is)
	} else {
		out.Doc = fmt.Sprintf("%s returns v as %s. It reports false unless v has the member %s.", out.Method, withArticle("["+v.Object.Name+"]"), v.Has)
	}
	return out
}

func (b *builder) op(t *manifest.Tool) Op {
	fn := FuncName(t.Name)
	o := Op{
		Tool: t.Name, Func: fn, Method: t.Method, Path: t.Path, URL: t.Doc, Sends: t.Sends, Idempotent: t.Idempotent, Update: t.Update,
		Effect: map[manifest.Effect]string{manifest.Reads: "Read", manifest.Writes: "Write", manifest.Destroys: "Destructive"}[t.Effect],
		OpVar:  "op" + fn,
	}
	o.Doc = b.opDoc(t, fn)
	o.Params = Struct{Type: fn + "Params", Doc: fmt.Sprintf("%sParams are the parameters of [%s].", fn, fn), Params: true}
	index := map[string]int{}
	for i, p := range t.Params {
		g := Field{Go: fieldName(p.Name), JSON: p.Name, Doc: b.fieldDoc(p, roleOf(t), t.Params), In: b.input(p, false)}
		g.Type, g.Slot = goType(p.Type, p.Required && p.Preset == nil)
		o.Params.Fields = append(o.Params.Fields, g)
		index[p.Name] = i
		o.Skip = o.Skip || p.Name == "_skip"
	}
	for _, a := range t.Aliases {
		o.Aliases = append(o.Aliases, Alias(a))
	}
	for _, r := range t.Rules {
		out := Rule{Kind: ruleKinds[r.Kind], Is: r.Is, About: r.About, If: -1}
		if r.If != "" {
			out.If = index[r.If]
		}
		for _, f := range r.Fields {
			out.Fields = append(out.Fields, index[f])
		}
		o.Rules = append(o.Rules, out)
	}
	if t.Returns != nil {
		item := t.Returns
		if item.Kind == manifest.List {
			o.List, item = true, item.Elem
		}
		o.Result = item.Object.Name
	}
	if t.Paging {
		o.All = AllName(fn)
		o.AllDoc = fmt.Sprintf("%s iterates over all results of [%s], fetching pages as needed.", o.All, fn)
	}
	if t.Totals != nil {
		o.Totals, o.TotalsFunc = t.Totals.Name, totalsName(fn)
	}
	return o
}

var ruleKinds = map[manifest.RuleKind]string{
	manifest.ExactlyOne: "ExactlyOne", manifest.AtLeastOne: "AtLeastOne", manifest.AtMostOne: "AtMostOne",
	manifest.Needs: "Needs", manifest.NeedsOne: "NeedsOne", manifest.Differ: "Differ",
}

// idTypes makes the types of the kinds of ids that are used, and the table of
// all prefixes.
func (b *builder) idTypes(p *Package) {
	for _, k := range b.api.IDs {
		for _, pre := range k.Prefixes {
			if !slices.ContainsFunc(p.KnownIDs, func(x IDPrefix) bool { return x.Prefix == pre }) {
				p.KnownIDs = append(p.KnownIDs, IDPrefix{pre, k.Name})
			}
		}
		if !b.ids[k] {
			continue
		}
		id := ID{
			Type: idType(k), Var: idVar(k), Kind: k.Name, Prefixes: k.Prefixes, Literals: k.Literals, From: k.From, About: k.About,
			Doc: fmt.Sprintf("%s is the id of %s (%s_…).", idType(k), withArticle(k.Noun), k.Prefixes[0]),
		}
		p.IDs = append(p.IDs, id)
	}
	slices.SortFunc(p.KnownIDs, func(a, b IDPrefix) int { return cmp.Compare(a.Prefix, b.Prefix) })
}

// contains reports whether a type holds the object, directly or not.
func contains(t *manifest.Type, o *manifest.Object, seen map[*manifest.Object]bool) bool {
	switch {
	case t == nil:
		return false
	case t.Object == o:
		return true
	case t.Object == nil:
		return contains(t.Elem, o, seen)
	case seen[t.Object]:
		return false
	}
	seen[t.Object] = true
	for _, f := range t.Object.Fields {
		if contains(f.Type, o, seen) {
			return true
		}
	}
	return false
}
