package repair

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closekit/closekit/agent/internal/tool"
)

// fold reduces the spellings of a name to one: leadId, lead-id and Lead ID are
// lead_id.
func fold(name string) string {
	var b strings.Builder
	lower := false // the last character was a small letter or a digit
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r + 'a' - 'A')
			lower = false
			continue
		case r == '-', r == ' ', r == '.', r == '_':
			if s := b.String(); s != "" && !strings.HasSuffix(s, "_") {
				b.WriteByte('_')
			}
		default:
			b.WriteRune(r)
		}
		lower = r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	}
	return strings.TrimSuffix(b.String(), "_")
}

// names finds the parameters that other spellings of a name stand for.
type names struct {
	*index
	taken map[string]bool // parameters that the object has, by canonical name
}

// index has the names of a schema. A list has many objects of one schema.
type index struct {
	schema *tool.Schema
	alias  map[string]string // of the tool, by name
	byFold map[string]string // "" for a spelling that two names share
	props  map[string]*tool.Schema
}

func (r *run) namesOf(s *tool.Schema, top bool) *names {
	x := r.indexes[s]
	if x == nil {
		if r.indexes == nil {
			r.indexes = map[*tool.Schema]*index{}
		}
		x = r.newIndex(s, top)
		r.indexes[s] = x
	}
	return &names{x, map[string]bool{}}
}

func (r *run) newIndex(s *tool.Schema, top bool) *index {
	x := &index{schema: s, alias: map[string]string{}, byFold: map[string]string{}, props: map[string]*tool.Schema{}}
	add := func(name, canonical string) {
		f := fold(name)
		if other, has := x.byFold[f]; has && x.canonical(other) != canonical {
			x.byFold[f] = ""
			return
		}
		if _, has := x.byFold[f]; !has {
			x.byFold[f] = name
		}
	}
	for _, p := range s.Properties {
		x.props[p.Name] = p.Schema
	}
	for _, p := range s.Properties {
		add(p.Name, p.Name)
	}
	if top {
		for _, a := range r.tool.Info.Aliases {
			if x.props[a.Name] == nil {
				x.alias[a.Name] = a.For
				add(a.Name, a.For)
			}
		}
	}
	return x
}

func (x *index) canonical(name string) string {
	if c, ok := x.alias[name]; ok {
		return c
	}
	return name
}

func (x *index) known(name string) bool {
	_, isAlias := x.alias[name]
	return isAlias || x.props[name] != nil
}

// how a name was found.
type how int

const (
	unknown  how = iota
	spelling     // the same words
	meaning      // other words
)

const maxName = 128 // bytes of a name that can be another spelling

// find returns the parameter that a name stands for with this value.
func (r *run) find(x *names, name string, v *node, top bool) (string, how) {
	if len(name) > maxName || !utf8.ValidString(name) {
		return "", unknown
	}
	f := fold(name)
	if p := x.byFold[f]; p != "" {
		return p, spelling
	}
	if !top {
		return "", unknown
	}
	word := ""
	if r.tool.Method != "" {
		word = wordsOf[r.tool.Resource][f]
	}
	if word == "" && r.lists() {
		word = wordsOfLists[f]
	}
	if p := x.props[word]; p != nil && (!p.Is("array") || r.fills() || r.tool.Resource == "emails") {
		return word, r.fits(word, p, v)
	}
	if p := x.props[f+"_id"]; p != nil && isID(p, v) {
		return f + "_id", meaning
	}
	if f == "id" {
		if p := r.pathID(x); p != "" && isID(x.props[p], v) {
			return p, meaning
		}
	}
	if i := strings.LastIndexByte(f, '_'); i > 0 && rangeWords[f[i+1:]] != "" {
		for _, base := range []string{f[:i], "date_" + f[:i]} {
			if p := base + "__" + rangeWords[f[i+1:]]; x.props[p] != nil {
				return p, meaning
			}
		}
	}
	if p := x.props[f+"s"]; p != nil && p.Is("array") && r.fills() {
		return f + "s", meaning
	}
	if one, ok := strings.CutSuffix(f, "s"); ok && r.lists() {
		for _, p := range []string{one, one + "__in"} {
			if s := x.props[p]; s != nil && s.Is("array") {
				return p, meaning
			}
		}
	}
	return "", unknown
}

// fits refuses another word whose value cannot be meant: a number for cents must be
// a whole one, and the word for an id must come with an id.
func (r *run) fits(_ string, p *tool.Schema, v *node) how {
	switch {
	case p.Format == "cents" && (v.kind != '0' || strings.ContainsAny(string(v.raw), ".eE")),
		p.Pattern != "" && !isID(p, v) && !isMe(v):
		return unknown
	}
	return meaning
}

// pathID returns the only id in the tool's path, which "id" stands for.
func (r *run) pathID(x *names) string {
	_, rest, ok := strings.Cut(r.tool.Template, "{")
	name, after, closed := strings.Cut(rest, "}")
	if !ok || !closed || strings.Contains(after, "{") || !slices.Contains(x.schema.Required, name) {
		return ""
	}
	return name
}

// object repairs the names and then the values of an object.
func (r *run) object(s *tool.Schema, n *node, path string, top bool) {
	if len(s.Properties) == 0 {
		return
	}
	x := r.namesOf(s, top)
	for _, m := range n.members {
		if x.known(m.name) {
			x.taken[x.canonical(m.name)] = true
		}
	}
	if top {
		r.custom(x, n)
	}
	for _, m := range n.members {
		if x.known(m.name) || strings.HasPrefix(m.name, "custom.") {
			continue
		}
		name, how := r.find(x, m.name, m.value, top)
		if how == unknown && !top {
			name, how = onlyMissing(x, n, m)
		}
		if how == unknown || x.taken[x.canonical(name)] {
			continue
		}
		x.taken[x.canonical(name)] = true
		why := "another spelling"
		if how == meaning {
			why = "another name"
			r.renamed = append(r.renamed, name)
		}
		r.add(at(path, m.name), m.name, name, why)
		m.name = name
	}
	r.ranges(x, n, path)
	kept := n.members[:0]
	for _, m := range n.members {
		ps := x.props[x.canonical(m.name)]
		if ps != nil && !r.isMapped(m.name) && r.value(x, ps, m, at(path, m.name), slices.Contains(s.Required, m.name)) {
			continue
		}
		kept = append(kept, m)
	}
	n.members = kept
}

// isMapped reports whether a name is an alias with values of its own.
func (r *run) isMapped(name string) bool {
	for _, a := range r.tool.Info.Aliases {
		if a.Name == name {
			return len(a.Values) > 0
		}
	}
	return false
}

// onlyMissing finds the required member of a nested object if it is the only one
// that is missing and m the only one that is unknown.
func onlyMissing(x *names, n *node, m *member) (string, how) {
	missing := ""
	for _, name := range x.schema.Required {
		if x.taken[name] {
			continue
		}
		if missing != "" {
			return "", unknown
		}
		missing = name
	}
	for _, other := range n.members {
		if other != m && !x.known(other.name) {
			return "", unknown
		}
	}
	if missing == "" || m.value.kind != '"' || !matches(x.props[missing].Format, m.value.text) {
		return "", unknown
	}
	return missing, meaning
}

// custom moves custom fields that are beside the parameters to where they belong.
func (r *run) custom(x *names, n *node) {
	fields := x.props["custom_fields"]
	if fields == nil || len(fields.Keys) == 0 {
		return
	}
	var to *node
	if i := slices.IndexFunc(n.members, func(m *member) bool { return fold(m.name) == "custom_fields" }); i >= 0 {
		if to = n.members[i].value; to.kind != '{' {
			return
		}
	}
	given := map[string]bool{}
	if to != nil {
		for _, m := range to.members {
			given[strings.TrimPrefix(m.name, "custom.")] = true
		}
	}
	for _, m := range n.members {
		if id, ok := strings.CutPrefix(m.name, "custom."); ok {
			given[id] = true
		}
	}
	var moved []*member
	kept := make([]*member, 0, len(n.members))
	for _, m := range n.members {
		if !x.known(m.name) && strings.HasPrefix(m.name, "cf_") && matchAny(fields.Keys, m.name) && !given[m.name] {
			moved = append(moved, m)
			continue
		}
		kept = append(kept, m)
	}
	if len(moved) == 0 {
		return
	}
	if to == nil {
		to = &node{kind: '{'}
		kept = append(kept, &member{"custom_fields", to})
		x.taken["custom_fields"] = true
	}
	for _, m := range moved {
		to.members = append(to.members, m)
		r.add(m.name, m.name, "custom_fields."+m.name, "a custom field belongs there")
	}
	r.renamed = append(r.renamed, "custom_fields")
	n.members = kept
}

// ranges splits {"gte": …, "lt": …} into the parameters of a range.
func (r *run) ranges(x *names, n *node, path string) {
	var out []*member
	for i, m := range n.members {
		bounds := r.bounds(x, m)
		if bounds != nil && out == nil {
			out = append(out, n.members[:i]...)
		}
		switch {
		case bounds != nil:
			out = append(out, bounds...)
			var to []string
			for _, b := range bounds {
				x.taken[b.name] = true
				to = append(to, b.name)
			}
			r.add(at(path, m.name), m.name, strings.Join(to, ", "), "each end of a range is a parameter")
		case out != nil:
			out = append(out, m)
		}
	}
	if out != nil {
		n.members = out
	}
}

func (r *run) bounds(x *names, m *member) []*member {
	if p := x.props[m.name]; m.value.kind != '{' || len(m.value.members) == 0 || len(m.value.members) > 4 || p != nil && p.Single() != "string" && p.Single() != "integer" {
		return nil
	}
	var list []*member
	for _, b := range m.value.members {
		name := fold(m.name) + "__" + strings.TrimPrefix(b.name, "$")
		if x.props[name] == nil || x.taken[name] || slices.ContainsFunc(list, func(o *member) bool { return o.name == name }) {
			return nil
		}
		list = append(list, &member{name, b.value})
	}
	return list
}

func at(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
