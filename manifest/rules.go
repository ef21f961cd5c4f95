package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (c *checker) readRules(d *toolDecl, n *yaml.Node) {
	t := d.tool
	if d.marked[n] {
		return
	}
	for _, item := range n.Content {
		var r Rule
		kinds := 0
		set := func(k RuleKind) func(*yaml.Node) {
			return func(n *yaml.Node) { kinds++; r.Kind = k; d.words(&r.Fields)(n) }
		}
		if !d.keys(item, "rule", map[string]func(*yaml.Node){
			"exactly_one": set(ExactlyOne), "at_least_one": set(AtLeastOne), "at_most_one": set(AtMostOne), "needs": set(Needs),
			"needs_one": set(NeedsOne), "differ": set(Differ),
			"if": d.text(&r.If), "is": d.text(&r.Is), "about": d.text(&r.About),
		}) {
			continue
		}
		if kinds != 1 {
			d.bad(item, "exactly_one, at_least_one, at_most_one, needs, needs_one or differ", "a rule needs one kind, not %d", kinds)
			continue
		}
		if (r.Kind == Needs || r.Kind == NeedsOne) != (r.If != "") {
			d.bad(item, "{if: a, needs: [b]}", "if goes with needs or needs_one, and they with it")
			continue
		}
		if r.Is != "" && r.If == "" {
			d.bad(item, "{if: a, is: word, needs: [b]}", "is goes with if")
			continue
		}
		names := r.Fields
		if r.If != "" {
			names = append([]string{r.If}, names...)
		}
		ok := true
		for _, name := range names {
			if t.Param(name) == nil {
				ok = false
				d.bad(item, nearName(name, fieldNames(t.Params)), "the rule names %q, which is no parameter of %s", name, t.Name)
			}
		}
		if p := t.Param(r.If); ok && r.Is != "" && p.Type != nil && p.Type.Kind != String && (p.Type.Kind != EnumType || !slices.Contains(p.values(), r.Is)) {
			d.bad(item, fitHint(p.Type), "the rule compares %q with %q, which is no value of it", r.If, r.Is)
			ok = false
		}
		if len(r.Fields) == 0 {
			d.bad(item, "{exactly_one: [a, b]}", "the rule names no parameters")
			ok = false
		}
		for _, name := range r.Fields {
			p := t.Param(name)
			switch {
			case !ok || p.Type == nil:
			case r.Kind == NeedsOne && (p.Type.Kind != List || !p.Type.Elem.isText()):
				d.bad(item, "use needs", "the rule asks for one element of %q, which is no list of texts", name)
			case r.Kind == Differ && !p.Type.isText():
				d.bad(item, "", "the rule compares %q, which is no text", name)
			}
		}
		if ok {
			t.Rules = append(t.Rules, r)
		}
	}
}

// Sentences formats rules as sentences, each once; rules that ask for the same
// parameters share one.
func Sentences(rules []Rule) []string {
	var list []string
	for i, r := range rules {
		s := r.About
		if s == "" && r.If != "" {
			s = needsSentence(rules, i)
		} else if s == "" {
			s = r.sentence()
		}
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// needsSentence joins a rule with the later ones that need the same: of other
// parameters, or of other values of the same parameter. It is empty when an
// earlier rule has been joined with it.
func needsSentence(rules []Rule, at int) string {
	r := rules[at]
	var names []string
	for i, o := range rules {
		isSame := o.Kind == r.Kind && o.About == "" && slices.Equal(o.Fields, r.Fields) && (o.Is == "") == (r.Is == "") && (r.Is == "" || o.If == r.If)
		switch {
		case !isSame:
			continue
		case i < at:
			return ""
		case r.Is != "":
			names = append(names, o.Is)
		default:
			names = append(names, o.If)
		}
	}
	if r.Is != "" {
		return r.when(r.If + " is " + orList(names, "or"))
	}
	return r.when(orList(names, "or") + " is given")
}

func (r Rule) sentence() string {
	switch r.Kind {
	case ExactlyOne:
		return "Give exactly one of " + orList(r.Fields, "or") + "."
	case AtLeastOne:
		return "Give at least one of " + orList(r.Fields, "or") + "."
	case AtMostOne:
		if len(r.Fields) > 2 {
			return "Give at most one of " + orList(r.Fields, "or") + "."
		}
		return "Give " + orList(r.Fields, "or") + ", not both."
	case Differ:
		return "Give different values for " + orList(r.Fields, "and") + "."
	case Needs, NeedsOne:
	}
	return ""
}

func (r Rule) when(condition string) string {
	fields, verb := slices.Clone(r.Fields), "is"
	if len(fields) > 1 {
		verb = "are"
	}
	if r.Kind == NeedsOne {
		for i := range fields {
			fields[i] = "exactly one " + fields[i]
		}
	}
	return fmt.Sprintf("When %s, %s %s required.", condition, orList(fields, "and"), verb)
}

func orList(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}
