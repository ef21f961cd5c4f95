package lower

import (
	"net/http"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// view is what a definition shows of a tool.
type view struct {
	text  string
	input *node
}

// dialect is what a format can say.
type dialect struct {
	strict bool // every property is required, and null means not given
	closed bool // no objects with free keys: maps become lists of pairs, trees JSON text
	dates  bool // knows the formats date and email, not only date-time
}

func dialectOf(f Format) dialect {
	switch f {
	case OpenAIStrict:
		return dialect{strict: true, closed: true, dates: true}
	case GeminiOpenAPI:
		return dialect{closed: true}
	default:
		return dialect{dates: true}
	}
}

// moreName is the parameter that takes the parameters that a lean definition only
// names.
const moreName = "more"

func viewOf(t *tool.Tool, f Format, p Profile) (*view, error) {
	s, err := t.Schema()
	if err != nil {
		return nil, err
	}
	l := lowering{tool: t, lean: p == Lean, dialect: dialectOf(f), shown: shownOf(t, s)}
	named := l.lean && !l.closed && s.Property(moreName) == nil
	root := &node{typ: "object", named: true, closed: l.strict}
	clears := false
	for _, prop := range s.Properties {
		switch sh := l.shown[prop.Name]; {
		case sh == hidden && (l.lean || isDeprecated(prop.Schema)), sh == more && named:
			continue
		}
		l.add(root, prop, slices.Contains(s.Required, prop.Name))
		clears = clears || prop.Nullable()
	}
	if named {
		if names := l.named(s); names != "" {
			root.props = append(root.props, property{moreName, &node{typ: "object", description: "Rare: " + names}})
		}
	}
	return &view{l.toolText(s, clears && isUpdate(t)), root}, nil
}

func isUpdate(t *tool.Tool) bool { return t.Method == http.MethodPut || t.Method == http.MethodPatch }

// lowering lowers the schema of one tool.
type lowering struct {
	dialect
	tool  *tool.Tool
	lean  bool
	shown map[string]shown
	depth int
}

// add lowers a property of an object.
func (l *lowering) add(n *node, p tool.Property, required bool) {
	c := l.schema(p.Name, p.Schema, required)
	if required || l.strict {
		n.required = append(n.required, p.Name)
	}
	if l.strict && !required {
		c.orNull()
	}
	n.props = append(n.props, property{p.Name, c})
}

// orNull makes null valid.
func (n *node) orNull() {
	if n.anyOf != nil {
		n.anyOf = append(n.anyOf, &node{typ: "null"})
		return
	}
	n.null = true
}

// isBrief reports whether the schema of an object only describes most of its members.
func isBrief(s *tool.Schema) bool {
	return s.Single() == "object" && len(s.Properties) > 0 && !s.Closed
}

// deepestPairs is how deep a list of pairs may begin, so that its values are within
// the levels that every provider takes.
const deepestPairs = 1

// maxEnum is how many values every provider takes in an enum.
const maxEnum = 40

func (l *lowering) schema(name string, s *tool.Schema, required bool) *node {
	n := &node{typ: s.Single(), description: l.text(name, s, required)}
	switch {
	case l.closed && (n.typ == "" && s.Is("object") || isBrief(s) || n.typ == "object" && len(s.Properties) == 0 && l.depth > deepestPairs):
		n.typ = "string"
		n.description = sentence(n.description, "As JSON text.")
		return n
	case n.typ == "" && s.Is("object"):
		n.typ = "object"
		return n
	case n.typ == "":
		n.typ = "string"
		return n
	}
	l.limits(n, s)
	switch n.typ {
	case "array":
		if s.Items == nil {
			n.items = &node{typ: "string"}
			break
		}
		l.depth++
		n.items = l.schema("", s.Items, false)
		l.depth--
	case "object":
		l.object(n, s)
	}
	return n
}

// limits lowers the keywords for values.
func (l *lowering) limits(n *node, s *tool.Schema) {
	if values := s.Words(); len(values) <= maxEnum && !differOnlyInCase(values) {
		n.enum = values
	}
	switch s.Format {
	case "date":
		if l.dates {
			n.format = s.Format
		}
	case "email":
		if l.dates && !l.lean { // the name says it
			n.format = s.Format
		}
	case "date-time":
		n.format = s.Format
	}
	// Ranges that no value reaches are left to the check.
	if s.Maximum != nil && s.Default == nil && (!l.lean || len(*s.Maximum) <= 3) {
		n.min, n.max = s.Minimum, s.Maximum
	}
	if s.MaxItems > 0 && s.MaxItems <= 10 {
		n.maxItems = s.MaxItems
	}
}

func differOnlyInCase(list []string) bool {
	seen := map[string]bool{}
	for _, s := range list {
		s = strings.ToLower(s)
		if seen[s] {
			return true
		}
		seen[s] = true
	}
	return false
}

func (l *lowering) object(n *node, s *tool.Schema) {
	if len(s.Properties) == 0 {
		if l.closed {
			pairs(n, l.strict)
		}
		return
	}
	n.named = true
	n.closed = s.Closed && l.strict
	l.depth++
	defer func() { l.depth-- }()
	for _, p := range s.Properties {
		required := slices.Contains(s.Required, p.Name)
		if isDeprecated(p.Schema) || l.lean && !required && isRareWithin(p) {
			continue
		}
		l.add(n, p, required)
	}
}

// pairs makes a list of an object with free keys. Undo makes the object again.
func pairs(n *node, closed bool) {
	n.typ = "array"
	value := &node{anyOf: []*node{
		{typ: "string"}, {typ: "number"}, {typ: "boolean"}, {typ: "array", items: &node{typ: "string"}},
	}}
	n.items = &node{
		typ: "object", named: true, closed: closed, required: []string{"id", "value"},
		props: []property{{"id", &node{typ: "string"}}, {"value", value}},
	}
}

// NotStrict returns the reasons why a tool cannot have OpenAI's strict mode, where every
// parameter is given and null stands for one that is not: none if it can.
func NotStrict(t *tool.Tool) ([]string, error) {
	s, err := t.Schema()
	if err != nil {
		return nil, err
	}
	var reasons []string
	var walk func(path string, s *tool.Schema)
	walk = func(path string, s *tool.Schema) {
		for _, p := range s.Properties {
			name := path + p.Name
			if isDeprecated(p.Schema) {
				continue
			}
			if p.Nullable() && t.Method != http.MethodPost {
				reasons = append(reasons, name+" takes null for clearing it, which would be the same as leaving it out")
			}
			if p.Single() == "" {
				reasons = append(reasons, name+" takes values of any type")
			}
			if isBrief(p.Schema) || p.Items != nil && isBrief(p.Items) {
				reasons = append(reasons, name+" takes members that the schema only describes")
			}
			walk(name+".", p.Schema)
			if p.Items != nil {
				walk(name+"[].", p.Items)
			}
		}
	}
	walk("", s)
	return slices.Compact(reasons), nil
}

// named lists what more takes. Filters with an operator are named by the pattern of
// their names.
func (l *lowering) named(s *tool.Schema) string {
	var names, patterns []string
	for _, p := range s.Properties {
		if l.shown[p.Name] != more {
			continue
		}
		name := p.Name
		base, operator, isFilter := strings.Cut(p.Name, "__")
		switch {
		case isFilter && l.anyShown(s, base):
			name = "*__" + operator
		case isFilter && operator != "in", l.isFamily(s, p.Name):
			name = base + "*"
		default:
			names = append(names, name)
			continue
		}
		if !slices.Contains(patterns, name) {
			patterns = append(patterns, name)
		}
	}
	switch {
	case len(names) == 0:
		return strings.Join(patterns, ", ")
	case len(patterns) == 0:
		return strings.Join(names, ", ")
	}
	return strings.Join(names, ", ") + "; " + strings.Join(patterns, ", ")
}

// isFamily reports whether there are filters of the name with operators, none of them
// shown.
func (l *lowering) isFamily(s *tool.Schema, name string) bool {
	return s.Property(name+"__gte") != nil && !l.anyShown(s, name)
}

// anyShown reports whether a filter, plain or with any operator, is shown.
func (l *lowering) anyShown(s *tool.Schema, base string) bool {
	return slices.ContainsFunc(s.Properties, func(p tool.Property) bool {
		name, _, _ := strings.Cut(p.Name, "__")
		return name == base && l.shown[p.Name] == main
	})
}
