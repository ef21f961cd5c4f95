package ir

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/manifest"
)

// Build decides everything about the generated package. The error is a
// [manifest.Problems] when Go names clash.
func Build(api *manifest.API, name, importPath string) (*Package, error) {
	b, err := newBuilder(api)
	if err != nil {
		return nil, err
	}
	p := &Package{Name: name, ImportPath: importPath, Doc: packageDoc(api, name), HasCents: b.cents, API: apiOf(api)}
	p.IDs, p.KnownIDs = b.idTypes()
	for _, r := range api.Resources {
		if f := b.file(r); len(f.Enums)+len(f.Structs)+len(f.Ops) > 0 {
			p.Files = append(p.Files, f)
		}
	}
	for _, t := range sortedTools(api) {
		tool, err := b.tool(t)
		if err != nil {
			return nil, err
		}
		p.Tools = append(p.Tools, tool)
	}
	p.Data, err = b.data(p.Tools)
	return p, err
}

// apiOf is the API of the operations, nil for Close.
func apiOf(api *manifest.API) *API {
	if api.IsClose() {
		return nil
	}
	conv := api.Conventions
	a := &API{Name: api.Name, BaseURL: api.BaseURL, Prefix: api.Prefix, RepeatLists: conv.RepeatLists}
	for _, m := range []struct {
		to          *string
		name, close string
	}{{&a.Items, conv.Items, "data"}, {&a.More, conv.More, "has_more"}, {&a.Total, conv.Total, "total_results"}} {
		if m.name != m.close {
			*m.to = m.name
		}
	}
	return a
}

// sortedTools lists the tools in the order of their names.
func sortedTools(api *manifest.API) []*manifest.Tool {
	return slices.SortedFunc(slices.Values(api.Tools()), func(a, b *manifest.Tool) int { return cmp.Compare(a.Name, b.Name) })
}

// builder knows what all tools together use.
type builder struct {
	api   *manifest.API
	text  *goText
	uses  map[*manifest.Object]use
	sent  map[*manifest.Enum]bool // enums of which values are sent
	ids   map[*manifest.IDKind]bool
	homes map[*manifest.Object]string // the resources that define objects
	cents bool
}

// use says how an object is used.
type use struct {
	output, input bool
	returned      bool // by an operation, alone or in a page, or as a variant of such a type
	pointed       bool // something that is sent has a pointer to it
}

func newBuilder(api *manifest.API) (*builder, error) {
	if len(api.Tools()) == 0 {
		return nil, errors.New("the manifest has no tools")
	}
	b := &builder{
		api: api, text: newGoText(api), uses: map[*manifest.Object]use{}, sent: map[*manifest.Enum]bool{}, ids: map[*manifest.IDKind]bool{},
		homes: map[*manifest.Object]string{},
	}
	for _, r := range api.Resources {
		for _, o := range r.Types {
			b.homes[o] = r.Name
		}
	}
	for _, t := range api.Tools() {
		for _, p := range t.Params {
			b.see(p.Type, false)
			b.seePointer(p.Type)
		}
		b.see(t.Returns, true)
		b.seeObject(t.Totals, true)
	}
	for _, t := range api.Tools() {
		b.seeReturned(t.Returns)
	}
	if ps := b.clashes(); len(ps) > 0 {
		return nil, ps
	}
	for _, r := range api.Resources {
		for _, o := range r.Types {
			if bits := b.bits(o); bits > maxBits {
				return nil, fmt.Errorf("type %s has more than %d fields that are always there, lists or objects", o.Name, maxBits)
			}
		}
	}
	return b, nil
}

func (b *builder) see(t *manifest.Type, output bool) {
	if t == nil {
		return
	}
	b.cents = b.cents || t.Kind == manifest.Cents
	if t.ID != nil {
		b.ids[t.ID] = true
	}
	if t.Enum != nil && !output {
		b.sent[t.Enum] = true
	}
	b.see(t.Elem, output)
	b.seeObject(t.Object, output)
}

// seePointer marks what something that is sent has a pointer to.
func (b *builder) seePointer(t *manifest.Type) {
	if t.Kind == manifest.ObjectType {
		u := b.uses[t.Object]
		u.pointed = true
		b.uses[t.Object] = u
	}
}

// seeReturned marks what a caller holds in hand after an operation.
func (b *builder) seeReturned(t *manifest.Type) {
	if t == nil {
		return
	}
	b.seeReturned(t.Elem)
	if t.Object == nil {
		return
	}
	mark := func(o *manifest.Object) {
		u := b.uses[o]
		u.returned = true
		b.uses[o] = u
	}
	mark(t.Object)
	for _, v := range t.Object.Variants {
		mark(v.Object)
	}
}

func (b *builder) seeObject(o *manifest.Object, output bool) {
	if o == nil {
		return
	}
	u := b.uses[o]
	if output && u.output || !output && u.input {
		return
	}
	u.output, u.input = u.output || output, u.input || !output
	b.uses[o] = u
	for _, f := range o.Fields {
		if output && f.Read || !output && (f.Create || f.Update) {
			b.see(f.Type, output)
			if !output {
				b.seePointer(f.Type)
			}
		}
	}
	if !output {
		return
	}
	b.seeObject(o.Include, true)
	for _, v := range o.Variants {
		b.seeObject(v.Object, true)
	}
}

func (b *builder) file(r *manifest.Resource) File {
	f := File{Name: r.Name + ".go", Source: r.File}
	for _, e := range r.Enums {
		f.Enums = append(f.Enums, b.enum(e))
	}
	for _, o := range r.Types {
		if u := b.uses[o]; u.output || u.input {
			f.Structs = append(f.Structs, b.object(o))
		}
	}
	for _, t := range r.Tools {
		f.Ops = append(f.Ops, b.op(t))
	}
	return f
}

func (b *builder) enum(e *manifest.Enum) Enum {
	out := Enum{Type: e.Name, Doc: typeDoc(e.Name, b.text.text(e.About))}
	if e.Open {
		out.Doc += " " + b.api.Name + " may use other values too."
	}
	for _, v := range e.Values {
		out.Values = append(out.Values, EnumValue{Const: enumConst(e, v), Value: v.Value, Doc: b.text.text(v.About)})
	}
	if b.sent[e] {
		for _, h := range e.Hints {
			word := strings.Join(strings.Fields(h.Word), "_") // package wire takes them for the same
			i := slices.IndexFunc(out.Hints, func(x Hint) bool { return x.Advice == h.Advice })
			if i < 0 {
				out.Hints = append(out.Hints, Hint{word, h.Advice})
			} else {
				out.Hints[i].Words += " " + word
			}
		}
	}
	switch {
	case !b.sent[e]:
	case e.Open:
		out.ValuesDoc = "Values lists the values that can be sent; " + b.api.Name + " may know others."
	default:
		out.ValuesDoc = "Values lists the values that can be sent."
	}
	return out
}

// idTypes makes the types of the kinds of ids that are used, and the table of
// all prefixes.
func (b *builder) idTypes() (ids []ID, known []IDPrefix) {
	for _, k := range b.api.IDs {
		for _, pre := range k.Prefixes {
			if !slices.ContainsFunc(known, func(x IDPrefix) bool { return x.Prefix == pre }) {
				known = append(known, IDPrefix{pre, k.Name})
			}
		}
		if b.ids[k] {
			ids = append(ids, ID{
				Type: idType(k), Var: idVar(k), Kind: k.Name, Prefixes: k.Prefixes, Literals: k.Literals, From: k.From, About: k.About,
				Doc: fmt.Sprintf("%s is the id of %s (%s_…).", idType(k), words.WithArticle(k.Noun), k.Prefixes[0]),
			})
		}
	}
	slices.SortFunc(known, func(a, b IDPrefix) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return ids, known
}
