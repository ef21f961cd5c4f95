package ir

import (
	"fmt"

	"github.com/closekit/closekit/manifest"
)

var (
	effects   = map[manifest.Effect]Effect{manifest.Reads: Read, manifest.Writes: Write, manifest.Destroys: Destructive}
	ruleKinds = map[manifest.RuleKind]RuleKind{
		manifest.ExactlyOne: ExactlyOne, manifest.AtLeastOne: AtLeastOne, manifest.AtMostOne: AtMostOne,
		manifest.Needs: Needs, manifest.NeedsOne: NeedsOne, manifest.Differ: Differ,
	}
)

func (b *builder) op(t *manifest.Tool) Op {
	fn := funcName(t.Name)
	o := Op{
		Tool: t.Name, Func: fn, Var: opVar(fn), Doc: b.opDoc(t, fn), Method: t.Method, Path: t.Path, Effect: effects[t.Effect],
		Sends: t.Sends, Idempotent: t.Idempotent, Params: b.paramsOf(t, fn), Skip: t.Param("_skip") != nil, Rules: rulesOf(t),
	}
	for _, a := range t.Aliases {
		if t.Param(a.For) != nil { // the others are not sent
			o.Aliases = append(o.Aliases, Alias(a))
		}
	}
	switch {
	case t.Returns == nil:
	case t.Returns.Kind == manifest.List:
		o.Returns, o.Result = ReturnsPage, t.Returns.Elem.Object.Name
	default:
		o.Returns, o.Result = ReturnsOne, t.Returns.Object.Name
	}
	if t.Paging {
		all := allName(fn)
		o.All = &Function{all, fmt.Sprintf("%s iterates over all results of [%s], fetching pages as needed.", all, fn)}
	}
	if t.Totals != nil {
		name := totalsName(fn)
		o.Totals = &Totals{Function{name, fmt.Sprintf("%s reads the totals in the envelope of a page of [%s].", name, fn)}, t.Totals.Name}
	}
	return o
}

// paramsOf makes the struct of a tool's parameters.
func (b *builder) paramsOf(t *manifest.Tool, fn string) Struct {
	s := Struct{Type: paramsName(fn), Doc: fmt.Sprintf("%s are the parameters of [%s].", paramsName(fn), fn)}
	for _, p := range t.Params {
		s.Fields = append(s.Fields, Field{
			Go: fieldName(p.Name), Doc: b.fieldDoc(p, roleOf(t), t.Params), Type: goType(p.Type, p.Required && p.Preset == nil),
			Tag: fieldTag(p, parameter),
		})
	}
	return s
}

// rulesOf numbers the parameters in the rules of a tool.
func rulesOf(t *manifest.Tool) []Rule {
	index := map[string]int{}
	for i, p := range t.Params {
		index[p.Name] = i
	}
	var rules []Rule
	for _, r := range t.Rules {
		out := Rule{Kind: ruleKinds[r.Kind], Is: r.Is, About: r.About, If: -1}
		if r.If != "" {
			out.If = index[r.If]
		}
		for _, f := range r.Fields {
			out.Fields = append(out.Fields, index[f])
		}
		rules = append(rules, out)
	}
	return rules
}
