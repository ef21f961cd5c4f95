package ir

import (
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

var ruleKinds = map[manifest.RuleKind]RuleKind{
	manifest.ExactlyOne: ExactlyOne, manifest.AtLeastOne: AtLeastOne, manifest.AtMostOne: AtMostOne,
	manifest.Needs: Needs, manifest.NeedsOne: NeedsOne, manifest.Differ: Differ,
}

func (b *builder) op(t *manifest.Tool) Op {
	fn := funcName(t.Name)
	o := Op{
		Tool: t.Name, Func: fn, Var: opVar(fn), Doc: b.opDoc(t, fn), Method: t.Method, Path: t.Path, Effect: effectOf(t.Effect),
		Idempotent: t.Idempotent, Params: b.paramsOf(t, fn), Rules: rulesOf(t), Effects: effectsOf(t), ByCase: hasCases(t),
		OAuthOnly: t.Needs == manifest.NeedOAuth, Right: t.Needs.Right(),
	}
	if offset := b.api.Conventions.Offset; t.Param(offset) != nil {
		o.Skip = fieldName(offset)
	}
	if t.Cursor != "" {
		o.Cursor, o.Paging = fieldName(t.Cursor), [2]string{t.Cursor, t.Next}
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
		if t.Cursor == "" {
			o.All.Doc += " A loop that deletes or changes them must call [closekit.Collect] first or pass [closekit.WhileChanging], lest it miss some."
			o.Narrow, o.Oldest = narrow(t), oldest(t)
		}
	}
	if t.Waits != nil {
		name := waitName(fn)
		o.Waits = t.Waits
		o.Wait = &Function{name, fmt.Sprintf("%s repeats [%s] until %s is %s, in intervals from a second to half a minute. A job that failed is a [*closekit.JobError]; "+
			"the context ends the wait.", name, fn, fieldName(t.Waits.Field), strings.Join(t.Waits.Done, " or "))}
	}
	if t.Totals != nil {
		name := totalsName(fn)
		o.Totals = &Totals{Function{name, fmt.Sprintf("%s reads the totals in the envelope of a page of [%s].", name, fn)}, t.Totals.Name}
	}
	return o
}

// hasCases reports whether members of what a tool sends depend on a word.
func hasCases(t *manifest.Tool) bool {
	seen := map[*manifest.Object]bool{}
	var within func(t *manifest.Type) bool
	within = func(t *manifest.Type) bool {
		if t.Kind == manifest.List {
			t = t.Elem
		}
		o := t.Object
		if o == nil || seen[o] {
			return false
		}
		seen[o] = true
		return o.Cases != nil || slices.ContainsFunc(o.Fields, func(f *manifest.Field) bool { return (f.Create || f.Update) && within(f.Type) })
	}
	return t.Cases != nil || slices.ContainsFunc(t.Params, func(p *manifest.Field) bool { return within(p.Type) })
}

// narrow returns the parameters that split a long list: the two ends of a time that
// no record changes, else of another, else all filters.
func narrow(t *manifest.Tool) []string {
	var filters, ends []string
	for _, p := range t.Params {
		from, ok := strings.CutSuffix(p.Name, "__gte")
		switch to := from + "__lt"; {
		case ok && t.Param(to) != nil && (ends == nil || from == "date_created"):
			ends = []string{p.Name, to}
		case !strings.HasPrefix(p.Name, "_") && !strings.Contains(p.Name, "__") && p.Name != "organization_id":
			filters = append(filters, p.Name)
		}
	}
	if ends != nil {
		return ends
	}
	return filters
}

// oldest returns what sorts a list by creation, oldest first: a parameter to sort by, or
// a search text.
func oldest(t *manifest.Tool) string {
	for _, p := range t.Params {
		if p.Window != "" {
			return p.Name + "=sort:" + p.Window
		}
	}
	for _, p := range t.Params {
		if p.Sort && t.Param("date_created__gte") != nil && p.Type.Kind == manifest.EnumType && slices.ContainsFunc(p.Type.Enum.Values, isCreation) {
			return p.Name + "=date_created"
		}
	}
	return ""
}

func isCreation(v manifest.EnumValue) bool { return v.Value == "date_created" }

// paramsOf makes the struct of a tool's parameters.
func (b *builder) paramsOf(t *manifest.Tool, fn string) Struct {
	s := Struct{Type: paramsName(fn), Doc: fmt.Sprintf("%s are the parameters of [%s].", paramsName(fn), fn)}
	for _, p := range t.Params {
		s.Fields = append(s.Fields, Field{
			Go: fieldName(p.Name), Doc: b.fieldDoc(p, roleOf(t), t.Params), Type: goType(p.Type, p.Required && p.Preset == nil),
			Tag: fieldTag(p, parameter, t.Cases),
		})
	}
	return s
}

// rulesOf numbers the parameters in the rules of a tool.
func rulesOf(t *manifest.Tool) []Rule {
	index := indexOf(t)
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

// effectOf names the constants of an effect.
func effectOf(e manifest.Effect) []string {
	list := e.Names()
	for i, name := range list {
		list[i] = strings.ToUpper(name[:1]) + name[1:]
	}
	return list
}

// effectsOf numbers the parameters in the effects of a tool.
func effectsOf(t *manifest.Tool) []EffectCase {
	index := indexOf(t)
	var cases []EffectCase
	for _, e := range t.Effects {
		out := EffectCase{Effect: effectOf(e.Effect)}
		var when []string
		for _, c := range e.When {
			values := slices.Clone(c.Values)
			if c.Absent {
				values = append(values, "~")
			}
			when = append(when, fmt.Sprintf("%d=%s", index[c.Param], strings.Join(values, "|")))
		}
		out.When = strings.Join(when, ",")
		cases = append(cases, out)
	}
	return cases
}

// indexOf numbers the parameters of a tool.
func indexOf(t *manifest.Tool) map[string]int {
	index := make(map[string]int, len(t.Params))
	for i, p := range t.Params {
		index[p.Name] = i
	}
	return index
}
