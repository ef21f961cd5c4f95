package manifest

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A file with the key each describes several kinds of records at once: it is read once
// for each name under the key, with the values of that name in place of <word>. Where
// the name of the resource has such a place, it becomes a resource for each, else one
// resource with the types and tools of all.

// eachKey and plusKey are the keys of this file: plus holds what only one of the names
// has.
const (
	eachKey = "each"
	plusKey = "plus"
)

var (
	placeholder = regexp.MustCompile(`<([a-z][a-z0-9_]*)>`)
	eachSection = []string{"ids", "params", "enums", "types", "tools"}
)

// spread turns a file with the key each into the resource files that it stands for.
func spread(f file, ps *Problems) []file {
	each := value(f.root, eachKey)
	if each == nil {
		return []file{f}
	}
	s := &spreader{file: f.name, ps: ps}
	if each.Kind != yaml.MappingNode || len(each.Content) == 0 {
		s.bad(each, "each: {lead: {plural: leads}, contact: {plural: contacts}}", "each must be a mapping of names, not %s", kindName(each))
		return nil
	}
	template := without(f.root, eachKey)
	name := value(template, "resource")
	isOne := name == nil || !placeholder.MatchString(name.Value)
	var roots []*yaml.Node
	for i, kv := range pairs(each) {
		if root := s.instance(template, kv[0], kv[1], i == 0); root != nil {
			roots = append(roots, root)
		}
	}
	if len(roots) == 0 {
		return nil
	}
	if isOne {
		for _, root := range roots[1:] {
			merge(roots[0], root)
		}
		roots = roots[:1]
	}
	files := make([]file, len(roots))
	for i, root := range roots {
		files[i] = file{f.name, root}
	}
	return files
}

type spreader struct {
	file   string
	ps     *Problems
	values map[string]*yaml.Node // of the present name
}

func (s *spreader) bad(n *yaml.Node, hint, format string, args ...any) {
	s.ps.add(Pos{s.file, n.Line, n.Column}, hint, format, args...)
}

// instance is the template with the values of one name. What has no place in the key is
// the same for all names, and only the first has it.
func (s *spreader) instance(template, key, n *yaml.Node, first bool) *yaml.Node {
	if n.Kind != yaml.MappingNode && n.Tag != "!!null" {
		s.bad(n, "{plural: leads}", "%s under each must be a mapping of values for <word>, not %s", key.Value, kindName(n))
		return nil
	}
	s.values = map[string]*yaml.Node{"name": key}
	var plus *yaml.Node
	for _, kv := range pairs(n) {
		switch name := kv[0].Value; {
		case name == plusKey:
			plus = kv[1]
		case !placeholder.MatchString("<" + name + ">"):
			s.bad(kv[0], "letters, digits and _, for example plural", "%q cannot stand in <…>", name)
		default:
			s.values[name] = kv[1]
		}
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: template.Tag, Line: template.Line, Column: template.Column}
	for _, kv := range pairs(template) {
		section := kv[1]
		if slices.Contains(eachSection, kv[0].Value) && section.Kind == yaml.MappingNode {
			section = s.entries(section, first)
		}
		root.Content = append(root.Content, kv[0], s.fill(section))
	}
	if plus != nil {
		if plus.Kind != yaml.MappingNode {
			s.bad(plus, "plus: {tools: {close_lead_get: {use: …}}}", "plus must be a mapping of keys of a resource file, not %s", kindName(plus))
			return nil
		}
		merge(root, s.fill(plus))
	}
	return root
}

// entries leaves out what all names share.
func (s *spreader) entries(section *yaml.Node, first bool) *yaml.Node {
	own := *section
	own.Content = nil
	for _, kv := range pairs(section) {
		if first || placeholder.MatchString(kv[0].Value) {
			own.Content = append(own.Content, kv[0], kv[1])
		}
	}
	return &own
}

// fill copies a node with the values in their places. A value that is no text can only
// stand alone.
func (s *spreader) fill(n *yaml.Node) *yaml.Node {
	c := *n
	if n.Kind == yaml.ScalarNode {
		if m := placeholder.FindStringSubmatch(n.Value); m != nil && m[0] == n.Value && s.values[m[1]] != nil {
			c = *s.values[m[1]]
			c.Line, c.Column = n.Line, n.Column
			return &c
		}
		c.Value = placeholder.ReplaceAllStringFunc(n.Value, func(place string) string {
			v := s.values[strings.Trim(place, "<>")]
			switch {
			case v == nil:
				s.bad(n, nearName(strings.Trim(place, "<>"), slices.Sorted(maps.Keys(s.values))), "%s has no value under each", place)
			case v.Kind != yaml.ScalarNode:
				s.bad(n, "give it a text, or let the place stand alone", "%s is %s, which cannot stand within a text", place, kindName(v))
			default:
				return v.Value
			}
			return place
		})
		return &c
	}
	c.Content = make([]*yaml.Node, len(n.Content))
	for i := range n.Content {
		c.Content[i] = s.fill(n.Content[i])
	}
	return &c
}

// merge adds the entries of a mapping to another one, at any depth; other values replace
// those that are there.
func merge(into, from *yaml.Node) {
	for _, kv := range pairs(from) {
		switch old := value(into, kv[0].Value); {
		case old == nil:
			into.Content = append(into.Content, kv[0], kv[1])
		case old.Kind == yaml.MappingNode && kv[1].Kind == yaml.MappingNode:
			merge(old, kv[1])
		default:
			*old = *kv[1]
		}
	}
}

// value returns the value of a key, or nil.
func value(n *yaml.Node, key string) *yaml.Node {
	for _, kv := range pairs(n) {
		if kv[0].Value == key {
			return kv[1]
		}
	}
	return nil
}

// without copies a mapping without one of its keys.
func without(n *yaml.Node, key string) *yaml.Node {
	c := *n
	c.Content = nil
	for _, kv := range pairs(n) {
		if kv[0].Value != key {
			c.Content = append(c.Content, kv[0], kv[1])
		}
	}
	return &c
}
