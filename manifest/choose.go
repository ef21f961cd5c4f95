package manifest

import (
	"cmp"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// Toolset is a named choice of tools for one kind of work.
type Toolset struct {
	Name  string // sales
	About string
	Tools []string

	tools *yaml.Node
}

// Word is a word that people use, with what to search for as well.
type Word struct {
	Word  string
	Means []string
}

// maxToolset bounds a set: a model chooses badly among more.
const maxToolset = 20

var (
	snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	oneWord   = regexp.MustCompile(`^[a-z0-9][a-z0-9' -]*$`)
)

func (c *checker) declareToolset(r reader, k, v *yaml.Node) {
	s := Toolset{Name: k.Value}
	if !snakeCase.MatchString(s.Name) {
		r.bad(k, "for example activity_logging", "a toolset must be named in snake_case, not %q", s.Name)
	}
	r.keys(v, "toolset "+s.Name, map[string]func(*yaml.Node){
		"about": r.text(&s.About), "tools": func(n *yaml.Node) { s.tools = n; r.words(&s.Tools)(n) },
	})
	if n := len(s.Tools); n > maxToolset {
		r.bad(s.tools, "make two sets", "toolset %s has %d tools, more than %d", s.Name, n, maxToolset)
	}
	c.api.Toolsets = append(c.api.Toolsets, s)
}

// checkToolsets reports tools that there are not.
func (c *checker) checkToolsets() {
	for at := range c.api.Areas {
		a := &c.api.Areas[at]
		n := c.areaTools[a.Name]
		if len(a.Tools) > maxToolset {
			c.ps.add(Pos{apiFile, n.Line, n.Column}, "name the most used ones", "area %s lists %d tools, more than %d", a.Name, len(a.Tools), maxToolset)
		}
		var kept []string
		for i, name := range a.Tools {
			instead := c.instead[name]
			switch d := c.tools[cmp.Or(instead, name)]; {
			case d != nil && d.res.Area == a.Name:
				kept = append(kept, d.tool.Name)
			case instead == "": // else an addition has it in an area of its own
				c.ps.add(Pos{apiFile, n.Content[i].Line, n.Content[i].Column}, near(name, c.tools), "area %s lists %q, which is no tool of it", a.Name, name)
			}
		}
		a.Tools = kept
	}
	for _, s := range c.api.Toolsets {
		for i, name := range s.Tools {
			if c.tools[name] == nil && !c.marked[s.tools.Content[i]] {
				n := s.tools.Content[i]
				c.ps.add(Pos{apiFile, n.Line, n.Column}, near(name, c.tools), "toolset %s has %q, which is no tool", s.Name, name)
			}
		}
	}
}

// AllToolsets lists the named sets, and one for each area with its most used tools. A
// named set with the name of an area stands for it.
func (a *API) AllToolsets() []Toolset {
	list := slices.Clone(a.Toolsets)
	for _, area := range a.Areas {
		if slices.ContainsFunc(list, func(s Toolset) bool { return s.Name == area.Name }) {
			continue
		}
		s := Toolset{Name: area.Name, About: cmp.Or(area.About, area.Title+"."), Tools: area.Tools}
		for _, t := range a.Tools() {
			if area.Tools == nil && t.Resource.Area == area.Name && len(s.Tools) < maxToolset {
				s.Tools = append(s.Tools, t.Name)
			}
		}
		list = append(list, s)
	}
	return list
}

func (c *checker) declareWord(r reader, k, v *yaml.Node) {
	w := Word{Word: k.Value}
	r.words(&w.Means)(v)
	switch {
	case !oneWord.MatchString(w.Word):
		r.bad(k, "for example deal", "a word of the lexicon must be in lower case, not %q", w.Word)
	case slices.Contains(w.Means, w.Word):
		r.bad(v, "", "%q of the lexicon means itself", w.Word)
	}
	c.api.Lexicon = append(c.api.Lexicon, w)
}
