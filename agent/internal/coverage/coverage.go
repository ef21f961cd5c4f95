// Package coverage measures whether definitions show what tasks need.
package coverage

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

//go:embed tasks.txt
var tasks string

//go:embed fresh.txt
var fresh string

//go:embed fresh2.txt
var fresh2 string

// Task is what a rep wants, with the calls that carry it out.
type Task struct {
	Text  string
	Calls []Call
}

// Call is a call of a tool.
type Call struct {
	Tool  string
	Input json.RawMessage
}

// Tasks returns the fixed set of tasks.
func Tasks() []Task { return read(tasks) }

// Fresh returns tasks that were written after the definitions.
func Fresh() []Task { return append(read(fresh), read(fresh2)...) }

func read(text string) []Task {
	var list []Task
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) < 2 {
			continue // a comment
		}
		t := Task{Text: fields[0]}
		for _, f := range fields[1:] {
			name, input, _ := strings.Cut(f, " ")
			t.Calls = append(t.Calls, Call{"close_" + name, json.RawMessage(input)})
		}
		list = append(list, t)
	}
	return list
}

// Definition is a definition in the form of Anthropic.
type Definition struct {
	Description string `json:"description"`
	Input       schema `json:"input_schema"`
}

type schema struct {
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Items       *schema            `json:"items"`
	Properties  map[string]*schema `json:"properties"`
}

// Missing returns what a task needs and the definitions neither show nor name: a
// parameter, a value of a set, or the tool that valid ids come from.
func Missing(t Task, tools map[string]*tool.Tool, defs map[string]*Definition) []string {
	m := &measure{defs: defs}
	for _, c := range t.Calls {
		var input map[string]any
		if err := json.Unmarshal(c.Input, &input); err != nil || tools[c.Tool] == nil || defs[c.Tool] == nil {
			return []string{c.Tool + " is not there"}
		}
		s, err := tools[c.Tool].Schema()
		if err != nil {
			return []string{err.Error()}
		}
		m.tool, m.def = c.Tool, defs[c.Tool]
		m.object(s, &m.def.Input, input, true)
	}
	return m.missing
}

type measure struct {
	tool    string
	def     *Definition
	defs    map[string]*Definition
	missing []string
	nested  bool // in an object that is not the input
}

func (m *measure) lacks(format string, args ...any) {
	m.missing = append(m.missing, m.tool+": "+fmt.Sprintf(format, args...))
}

func (m *measure) object(s *tool.Schema, shown *schema, input map[string]any, top bool) {
	for name, v := range input {
		p := s.Property(name)
		d := shown.Properties[name]
		switch {
		case p == nil: // a key of a map
		case d != nil:
			m.value(name, p, d, v, slices.Contains(s.Required, name))
		case top && m.named(name):
			// It can be used, but what is valid must be known.
			m.value(name, p, m.base(shown, name), v, false)
		default:
			m.lacks("%s", name)
		}
	}
}

// named reports whether the text of the tool tells to give a parameter, or that of more
// names it, itself or by a pattern.
func (m *measure) named(name string) bool {
	if strings.Contains(m.def.Description, " pass "+name+":") {
		return true
	}
	more := m.def.Input.Properties["more"]
	if more == nil {
		return false
	}
	list := strings.FieldsFunc(strings.TrimPrefix(more.Description, "Rare: "), func(r rune) bool { return r == ',' || r == ';' || r == ' ' })
	return slices.ContainsFunc(list, func(pattern string) bool {
		if after, ok := strings.CutPrefix(pattern, "*"); ok {
			return strings.HasSuffix(name, after)
		}
		if before, ok := strings.CutSuffix(pattern, "*"); ok {
			return name == before || strings.HasPrefix(name, before+"__")
		}
		return name == pattern
	})
}

// base is what is shown of a filter with another operator.
func (m *measure) base(shown *schema, name string) *schema {
	base, _, _ := strings.Cut(name, "__")
	if d := shown.Properties[base]; d != nil {
		return d
	}
	return &schema{}
}

func (m *measure) value(name string, s *tool.Schema, d *schema, v any, required bool) {
	switch v := v.(type) {
	case map[string]any:
		was := m.nested
		m.nested = true
		m.object(s, d, v, false)
		m.nested = was
	case []any:
		items := schema{}
		if d.Items != nil {
			items = *d.Items
		}
		items.Description = d.Description + " " + items.Description
		for _, one := range v {
			if s.Items != nil {
				m.value(name, with(s.Items, s), &items, one, required)
			}
		}
	case string:
		m.text(name, s, d, v, required)
	}
}

// with gives the items of a list the description of the list, which tells where ids
// come from.
func with(items, list *tool.Schema) *tool.Schema {
	if items.Description != "" || len(items.Properties) > 0 {
		return items
	}
	c := *items
	c.Description = list.Description
	return &c
}

var source = regexp.MustCompile(`From (close_[a-z_]+)`)

func (m *measure) text(name string, s *tool.Schema, d *schema, v string, required bool) {
	_, open, isOpen := strings.Cut(s.Description, "sually one of: ")
	isOpen = isOpen && slices.Contains(strings.Split(strings.TrimSuffix(open, "."), ", "), v)
	// The usual values of an optional detail, such as office for a phone, are no more
	// than usual: any text is valid.
	if m.nested && !required {
		isOpen = false
	}
	if len(s.Words()) > 0 || isOpen {
		if !m.tells(d, v) {
			m.lacks("%s %s", name, v)
		}
		return
	}
	from := source.FindStringSubmatch(s.Description)
	if from == nil || !strings.HasPrefix(s.Pattern, "^") {
		return
	}
	all := m.def.Description + d.Description
	if !strings.Contains(all, from[1]) && !implied(name, from[1]) {
		m.lacks("%s does not say %s", name, from[1])
	}
}

// tells reports whether a definition says that a value is valid, itself or by
// referring to another tool.
func (m *measure) tells(d *schema, v string) bool {
	if slices.Contains(d.Enum, any(v)) || slices.Contains(strings.FieldsFunc(d.Description, func(r rune) bool { return strings.ContainsRune(" ,:;", r) }), strings.TrimSuffix(v, ".")) ||
		strings.Contains(d.Description, v+".") {
		return true
	}
	other, ok := strings.CutPrefix(d.Description, "As in ")
	if !ok || m.defs[strings.TrimSuffix(other, ".")] == nil {
		return false
	}
	b, err := json.Marshal(m.defs[strings.TrimSuffix(other, ".")])
	return err == nil && regexp.MustCompile(`[ ,"]`+regexp.QuoteMeta(v)+`[,."]`).Match(b)
}

// implied reports whether the name of a parameter says which tool lists valid values:
// lead_id comes from close_leads_list. The last word decides.
func implied(name, list string) bool {
	base, ok := strings.CutSuffix(strings.TrimSuffix(name, "__in"), "_id")
	words := strings.Split(base, "_")
	return ok && strings.Contains(list, strings.TrimSuffix(words[len(words)-1], "y"))
}
