package manifest

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// strength orders the effects.
var strength = map[Effect]int{Reads: 0, Writes: 1, Destroys: 2}

// readEffects reads the effects that depend on the parameters.
func (d *toolDecl) readEffects(n *yaml.Node) {
	t := d.tool
	if d.marked[n] {
		return
	}
	for _, item := range n.Content {
		e := EffectCase{Effect: t.Effect, Sends: t.Sends}
		var effect string
		says, ok := false, true
		if !d.keys(item, "effect case", map[string]func(*yaml.Node){
			"when":   func(n *yaml.Node) { e.When, ok = d.conditions(n) },
			"effect": func(n *yaml.Node) { says = true; d.text(&effect)(n) },
			"sends":  func(n *yaml.Node) { says = true; d.flag(&e.Sends)(n) },
		}) || !ok {
			continue
		}
		if effect != "" {
			e.Effect = Effect(effect)
		}
		switch {
		case !says:
			d.bad(item, "{when: {parameter: [value]}, sends: false}", "the effect case says neither effect nor sends")
		case strength[e.Effect] > strength[t.Effect] || e.Sends && !t.Sends:
			d.bad(item, "effect and sends of the tool are the strongest", "the effect case is stronger than %s itself", t.Name)
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
		for _, value := range v.Content {
			switch {
			case value.Tag == "!!null":
				c.Absent = true
			case p.Type.Kind == String, p.Type.Kind == EnumType && slices.Contains(p.Type.Enum.Strings(), value.Value):
				c.Values = append(c.Values, value.Value)
			case p.Type.Kind == Boolean && value.Tag == "!!bool":
				c.Values = append(c.Values, string(d.scalarJSON(value)))
			default:
				d.bad(value, fitHint(p.Type), "the effect case compares %q with %q, which is no value of it", p.Name, value.Value)
				ok = false
			}
		}
		if len(v.Content) == 0 {
			d.bad(v, "[value, null]", "the effect case compares %q with nothing", p.Name)
			ok = false
		}
		list = append(list, c)
	})
	return list, ok
}

// EffectSentences says which calls of a tool have less effect than the tool, such
// as "sends nothing if status is draft or not set".
func EffectSentences(t *Tool) []string {
	var list []string
	for _, e := range t.Effects {
		s := "sends nothing"
		if e.Effect != t.Effect {
			s = "effect: " + string(e.Effect)
		}
		if e.Effect != t.Effect && e.Sends != t.Sends {
			s += ", sends nothing"
		}
		for i, c := range e.When {
			words := slices.Clone(c.Values)
			if c.Absent {
				words = append(words, "not set")
			}
			s += []string{" if ", " and "}[min(i, 1)] + c.Param + " is " + orList(words, "or")
		}
		list = append(list, s)
	}
	return list
}
