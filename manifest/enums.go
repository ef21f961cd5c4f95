package manifest

import (
	"gopkg.in/yaml.v3"
)

func (c *checker) declareEnums(r reader, res *Resource, n *yaml.Node) {
	r.each(n, func(k, v *yaml.Node) {
		e := &Enum{Name: k.Value, Pos: r.pos(k)}
		hasValues := false
		if !typeName.MatchString(k.Value) {
			r.bad(k, "for example ValuePeriod", "an enum must be named in CamelCase, not %q", k.Value)
		}
		if !r.keys(v, "enum "+k.Value, map[string]func(*yaml.Node){
			"about": r.text(&e.About), "open": r.flag(&e.Open),
			"values": func(n *yaml.Node) {
				hasValues = !r.marked[n]
				r.each(n, func(word, about *yaml.Node) {
					val := EnumValue{Value: word.Value, Pos: r.pos(word)}
					if !wordName.MatchString(word.Value) {
						r.bad(word, "letters, digits and . / , + - _", "an enum value must be a word, not %q", word.Value)
					}
					if about.Tag != "!!null" {
						r.text(&val.About)(about)
					}
					e.Values = append(e.Values, val)
				})
			},
		}) {
			return
		}
		if hasValues && len(e.Values) == 0 {
			r.bad(k, "values: {word: meaning}", "enum %q has no values", k.Value)
		}
		if !c.own(r, k, "type", k.Value) {
			return
		}
		c.enums[k.Value] = e
		res.Enums = append(res.Enums, e)
	})
}
