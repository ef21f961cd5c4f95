package manifest

import (
	"slices"

	"gopkg.in/yaml.v3"
)

func (c *checker) declareEnums(r reader, res *Resource, n *yaml.Node) {
	r.each(n, func(k, v *yaml.Node) {
		e := &Enum{Name: k.Value, Pos: r.pos(k)}
		hasValues := false
		var hints []*yaml.Node
		if !typeName.MatchString(k.Value) {
			r.bad(k, "for example ValuePeriod", "an enum must be named in CamelCase, not %q", k.Value)
		}
		if !r.keys(v, "enum "+k.Value, map[string]func(*yaml.Node){
			"about": r.text(&e.About), "open": r.flag(&e.Open),
			"values": func(n *yaml.Node) {
				hasValues = !r.marked[n]
				r.each(n, func(value, about *yaml.Node) {
					val := EnumValue{Value: value.Value, Pos: r.pos(value)}
					if !valueName.MatchString(value.Value) {
						r.bad(value, "letters, digits and . / , + - _", "an enum value must be a name, not %q", value.Value)
					}
					if about.Tag != "!!null" {
						r.text(&val.About)(about)
					}
					e.Values = append(e.Values, val)
				})
			},
			"hints": func(n *yaml.Node) {
				r.each(n, func(word, advice *yaml.Node) {
					hints = append(hints, word)
					h := Hint{Word: word.Value}
					r.text(&h.Advice)(advice)
					e.Hints = append(e.Hints, h)
				})
			},
		}) {
			return
		}
		for _, h := range hints {
			if slices.Contains(e.Strings(), h.Value) {
				r.bad(h, "hints are for words that are no values", "enum %q has a hint for its own value %q", k.Value, h.Value)
			}
		}
		if hasValues && len(e.Values) == 0 {
			r.bad(k, "values: {value: meaning}", "enum %q has no values", k.Value)
		}
		if !c.own(r, k, "type", k.Value) {
			return
		}
		c.enums[k.Value] = e
		res.Enums = append(res.Enums, e)
	})
}
