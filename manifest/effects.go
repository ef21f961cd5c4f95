package manifest

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Effect is the set of what a call does. Every effect but Reads includes Writes, and
// of Writes, Overwrites and Destroys a greater one includes the smaller.
type Effect uint8

// Effects of tools.
const (
	Reads      Effect = 0
	Writes     Effect = 1
	Overwrites        = Writes | 1<<1
	Destroys          = Overwrites | 1<<2
	Sends             = Writes | 1<<3
	Egress            = Writes | 1<<4
	Admin             = Writes | 1<<5
)

type namedEffect struct {
	name   string
	effect Effect
}

func (e Effect) has(f Effect) bool { return e&f == f }

// effects are in the order of their strength.
var effects = []namedEffect{
	{"read", Reads},
	{"write", Writes},
	{"overwrite", Overwrites},
	{"destructive", Destroys},
	{"sends", Sends},
	{"egress", Egress},
	{"admin", Admin},
}

// Names lists what the effect consists of, without what another one includes.
func (e Effect) Names() []string {
	var list []string
	for i, one := range effects {
		stronger := slices.ContainsFunc(effects[i+1:], func(s namedEffect) bool { return e.has(s.effect) && s.effect.has(one.effect) })
		if e.has(one.effect) && !stronger {
			list = append(list, one.name)
		}
	}
	return list
}

// String returns the names, as in "write, sends".
func (e Effect) String() string { return strings.Join(e.Names(), ", ") }

// effectOf reads one effect or a list of them, and reports whether it is right.
func (d *toolDecl) effectOf(n *yaml.Node) (e Effect, ok bool) {
	if d.marked[n] {
		return Reads, false
	}
	words := n.Content
	if n.Kind == yaml.ScalarNode {
		words = []*yaml.Node{n}
	}
	if ok = len(words) > 0; !ok {
		d.bad(n, "one effect, or a list of them", "effect lists nothing")
	}
	for _, w := range words {
		var name string
		d.text(&name)(w)
		i := slices.IndexFunc(effects, func(e namedEffect) bool { return e.name == name })
		if i < 0 {
			ok = false
			if name != "" {
				d.bad(w, "known are "+orList(effectNames(), "and"), "there is no effect %q", name)
			}
			continue
		}
		e |= effects[i].effect
	}
	return e, ok
}

func effectNames() []string {
	list := make([]string, len(effects))
	for i, e := range effects {
		list[i] = e.name
	}
	return list
}

// readEffects reads the effects that depend on the parameters.
func (d *toolDecl) readEffects(n *yaml.Node) {
	t := d.tool
	if d.marked[n] {
		return
	}
	for _, item := range n.Content {
		var e EffectCase
		whenOK, effectOK := true, false
		if !d.keys(item, "effect case", map[string]func(*yaml.Node){
			"when":   func(n *yaml.Node) { e.When, whenOK = d.conditions(n) },
			"effect": func(n *yaml.Node) { e.Effect, effectOK = d.effectOf(n) },
		}) || !whenOK || !effectOK || len(e.When) == 0 {
			continue
		}
		switch {
		case e.Effect == Reads:
			d.bad(item, "a call that changes nothing is a tool of its own", "the effect case is no effect that writes")
		case e.Effect&^t.Effect != 0:
			d.bad(item, "effect of the tool is the strongest", "the effect case, %s, is stronger than %s itself", e.Effect, t.Name)
		default:
			t.Effects = append(t.Effects, e)
		}
	}
}

// conditions reads when, and reports whether it is right.
func (d *toolDecl) conditions(n *yaml.Node) (list []Condition, ok bool) {
	if ok = len(pairs(n)) > 0; !ok {
		d.bad(n, "{parameter: [value, null]}", "the effect case has no condition")
	}
	d.each(n, func(k, v *yaml.Node) {
		p := d.tool.Param(k.Value)
		if p == nil {
			d.bad(k, nearName(k.Value, fieldNames(d.tool.Params)), "the effect case names %q, which is no parameter of %s", k.Value, d.tool.Name)
			ok = false
			return
		}
		if p.Type == nil || d.marked[v] {
			ok = false // it was reported
			return
		}
		c := Condition{Param: p.Name}
		values := v.Content
		if v.Kind == yaml.ScalarNode {
			values = []*yaml.Node{v}
		}
		for _, value := range values {
			switch {
			case value.Tag == "!!null":
				c.Absent = true
			case strings.ContainsAny(value.Value, "|,~"):
				d.bad(value, "no comma, bar or tilde", "the effect case compares %q with %q, which has a character that no value here may have", p.Name, value.Value)
				ok = false
			case p.Type.Kind == String, p.Type.Kind == EnumType && slices.Contains(p.Type.Enum.Strings(), value.Value):
				c.Values = append(c.Values, value.Value)
			case p.Type.Kind == Boolean && value.Tag == "!!bool":
				c.Values = append(c.Values, string(d.scalarJSON(value)))
			default:
				d.bad(value, fitHint(p.Type), "the effect case compares %q with %q, which is no value of it", p.Name, value.Value)
				ok = false
			}
		}
		if len(values) == 0 {
			d.bad(v, "[value, null]", "the effect case compares %q with nothing", p.Name)
			ok = false
		}
		list = append(list, c)
	})
	return list, ok
}

// EffectSentences says which calls of a tool have less effect than the tool, such
// as "effect: write if status is draft or not set".
func EffectSentences(t *Tool) []string {
	var list []string
	for _, e := range t.Effects {
		var s strings.Builder
		s.WriteString("effect: " + e.Effect.String())
		for i, c := range e.When {
			words := slices.Clone(c.Values)
			if c.Absent {
				words = append(words, "not set")
			}
			s.WriteString([]string{" if ", " and "}[min(i, 1)] + c.Param + " is " + orList(words, "or"))
		}
		list = append(list, s.String())
	}
	return list
}
