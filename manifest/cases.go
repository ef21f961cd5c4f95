package manifest

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Cases say which members of an object, or parameters of a tool, go with which word of
// one of them. What no case names goes with all words, and a word without a case takes
// anything.
type Cases struct {
	By string // the member with the word
	Of []Case
}

// Case lists the members that go with one word.
type Case struct {
	Word  string
	Needs []string // must be given
	Takes []string // may be given
}

// Members lists what goes with the word.
func (c *Case) Members() []string { return slices.Concat(c.Needs, c.Takes) }

// Names reports whether a case names a member.
func (c *Cases) Names(member string) bool {
	return slices.ContainsFunc(c.Of, func(x Case) bool { return slices.Contains(x.Members(), member) })
}

// Sentence says the cases; what is "members" or "parameters".
func (c *Cases) Sentence(what string) string {
	if c == nil {
		return ""
	}
	var parts []string
	said := map[string]int{}
	for _, x := range c.Of {
		list := slices.Clone(x.Needs)
		for _, name := range x.Takes {
			list = append(list, name+" (optional)")
		}
		text := strings.Join(list, ", ")
		if text == "" {
			text = "nothing more"
		}
		if i, ok := said[text]; ok {
			words, _, _ := strings.Cut(parts[i], ": ")
			parts[i] = words + ", " + x.Word + ": " + text
			continue
		}
		said[text] = len(parts)
		parts = append(parts, x.Word+": "+text)
	}
	return strings.ToUpper(what[:1]) + what[1:] + " by " + c.By + " — " + strings.Join(parts, "; ") + "."
}

// caseWord is a word of a case: it stands in a tag of a Go struct.
var caseWord = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// readCases reads the cases of what has these members.
func (c *checker) readCases(r reader, n *yaml.Node, owner string, fields []*Field) *Cases {
	cases := &Cases{}
	member := func(n *yaml.Node, name string) *Field {
		i := slices.IndexFunc(fields, func(f *Field) bool { return f.Name == name })
		if i < 0 {
			r.bad(n, nearName(name, fieldNames(fields)), "the cases of %s name %q, which it does not have", owner, name)
			return nil
		}
		return fields[i]
	}
	var by *Field
	var of *yaml.Node
	if !r.keys(n, "cases", map[string]func(*yaml.Node){
		"by": func(n *yaml.Node) {
			r.text(&cases.By)(n)
			if by = member(n, cases.By); by != nil && by.Type != nil && by.Type.Kind != String && by.Type.Kind != EnumType {
				r.bad(n, "a string or an enum", "the cases of %s are told apart by %q, which is no text", owner, cases.By)
			}
		},
		"of": func(n *yaml.Node) { of = n },
	}) || of == nil || by == nil {
		return nil
	}
	r.each(of, func(k, v *yaml.Node) {
		x := Case{Word: k.Value}
		isEnum := by.Type != nil && by.Type.Kind == EnumType
		if !caseWord.MatchString(x.Word) || isEnum && !by.Type.Enum.Open && !slices.Contains(by.Type.Enum.Strings(), x.Word) {
			r.bad(k, "a value of "+cases.By+": letters, digits, _, . and -", "%q is no value of %q, which tells the cases of %s apart", x.Word, cases.By, owner)
		}
		var names []string
		r.words(&names)(v)
		for _, name := range names {
			optional := strings.HasPrefix(name, "(") && strings.HasSuffix(name, ")")
			name = strings.Trim(name, "()")
			switch f := member(v, name); {
			case f == nil:
			case f.Required || name == cases.By || slices.Contains(x.Members(), name):
				r.bad(v, "leave it out there, or take required away", "the cases of %s name %q, which always goes with all, or is named twice", owner, name)
			case optional:
				x.Takes = append(x.Takes, name)
			default:
				x.Needs = append(x.Needs, name)
			}
		}
		cases.Of = append(cases.Of, x)
	})
	return cases
}
