package manifest

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Check applies every rule to a manifest as written and returns the manifest as
// meant. The error is a [Problems] with everything that is wrong.
func Check(doc *Document) (*API, error) {
	var ps Problems
	c := &checker{
		ps: &ps, api: &API{Conventions: closeConventions}, marked: shape(doc, &ps),
		ids: map[string]*IDKind{}, groups: map[string][]*fieldDecl{},
		types: map[string]*typeDecl{}, enums: map[string]*Enum{}, tools: map[string]*toolDecl{},
		owner: map[string]Pos{}, idFrom: map[string]Pos{}, idGet: map[string]*yaml.Node{}, areaTools: map[string]*yaml.Node{}, instead: map[string]string{}, areaPos: map[string]Pos{},
	}
	c.declare(doc)
	c.placeResources()
	c.replaceTools()
	c.resolveTypes()
	c.resolveTools()
	c.checkSecrets()
	if len(ps) > 0 {
		return nil, ps.Sorted()
	}
	return c.api, nil
}

type checker struct {
	api    *API
	ps     *Problems
	marked map[*yaml.Node]bool // nodes whose shape was reported

	ids       map[string]*IDKind
	groups    map[string][]*fieldDecl
	types     map[string]*typeDecl
	enums     map[string]*Enum
	tools     map[string]*toolDecl
	owner     map[string]Pos        // of types, enums, tools and resources, by name
	idFrom    map[string]Pos        // where a kind of id says which tool finds it
	idGet     map[string]*yaml.Node // and which fetches the record
	instead   map[string]string     // tools of additions by the names of those that they replace
	areaPos   map[string]Pos        // where close.yaml lists an area
	areaTools map[string]*yaml.Node // and its most used tools

	typeOrder []*typeDecl
	toolOrder []*toolDecl
	fields    []*fieldDecl // all that were read, to resolve their types
}

var (
	typeName  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	snakeName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	toolName  = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$`)
	valueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _./,+-]*$`)
	idPrefix  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
	idLiteral = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	// fileWords are ends of names that make Go leave a file out.
	fileWords = regexp.MustCompile(`_(test|aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris|wasip1|` +
		`windows|386|amd64|arm|arm64|loong64|mips|mips64|mips64le|mipsle|ppc64|ppc64le|riscv64|s390x|wasm)$`)
)

const (
	apiFile   = "close.yaml" // holds what is true of the whole API
	maxName   = 64           // characters that model APIs take in a name
	maxFields = 250          // of a type or a tool: rules count parameters in a byte
)

// reservedResources are files that are generated for the package as a whole.
var reservedResources = []string{"common", "doc", "ids", "operations"}

// declare reads all files first: names can be used before they are defined.
func (c *checker) declare(doc *Document) {
	for layer, files := range doc.layers {
		for _, f := range files {
			r := c.reader(f.name)
			if f.name == apiFile && layer == 0 {
				c.declareAPI(r, f)
				continue
			}
			c.declareResource(r, f, layer > 0)
		}
	}
	if len(doc.layers) == 0 || !slices.ContainsFunc(doc.layers[0], func(f file) bool { return f.name == apiFile }) {
		c.ps.add(Pos{File: apiFile}, "it says what holds for the whole API: api, base_url, ids, params", "the manifest has no close.yaml")
	}
}

func (c *checker) declareAPI(r reader, f file) {
	res := &Resource{Name: "common", Title: "Common", About: "Types that no single resource owns.", File: f.name}
	c.api.Resources = append(c.api.Resources, res)
	r.keys(f.root, "close.yaml", map[string]func(*yaml.Node){
		"api":         r.text(&c.api.Name),
		"base_url":    r.text(&c.api.BaseURL),
		"prefix":      r.text(&c.api.Prefix),
		"doc":         r.text(&c.api.Doc),
		"about":       r.text(&c.api.About),
		"ids":         func(n *yaml.Node) { r.each(n, func(k, v *yaml.Node) { c.declareID(r, k, v) }) },
		"areas":       func(n *yaml.Node) { r.each(n, func(k, v *yaml.Node) { c.declareArea(r, k, v) }) },
		"params":      func(n *yaml.Node) { c.declareGroups(r, n) },
		"toolsets":    func(n *yaml.Node) { r.each(n, func(k, v *yaml.Node) { c.declareToolset(r, k, v) }) },
		"lexicon":     func(n *yaml.Node) { r.each(n, func(k, v *yaml.Node) { c.declareWord(r, k, v) }) },
		"conventions": func(n *yaml.Node) { c.declareConventions(r, n) },
		"types":       func(n *yaml.Node) { c.declareTypes(r, res, n, false) },
		"enums":       func(n *yaml.Node) { c.declareEnums(r, res, n) },
	})
	res.Doc = c.api.Doc
}

// declareConventions reads what differs from the conventions of Close.
func (c *checker) declareConventions(r reader, n *yaml.Node) {
	conv := &c.api.Conventions
	slash, lists := true, ""
	r.keys(n, "conventions", map[string]func(*yaml.Node){
		"trailing_slash": r.flag(&slash), "offset": r.text(&conv.Offset), "lists": r.text(&lists), "paging": func(*yaml.Node) {},
		"envelope": func(n *yaml.Node) {
			r.keys(n, "envelope", map[string]func(*yaml.Node){
				"items": r.text(&conv.Items), "more": r.text(&conv.More), "total": r.text(&conv.Total),
			})
			if conv.Items == conv.More || conv.Items == conv.Total || conv.More == conv.Total {
				r.bad(n, "", "two members of the envelope have one name")
			}
		},
	})
	conv.NoSlash, conv.RepeatLists = !slash, lists == "repeat"
}

// declareGroups reads groups of parameters.
func (c *checker) declareGroups(r reader, n *yaml.Node) {
	r.each(n, func(k, v *yaml.Node) {
		if !c.own(r, k, "parameter group", k.Value) {
			return
		}
		r.each(v, func(name, spec *yaml.Node) {
			c.groups[k.Value] = append(c.groups[k.Value], c.readField(r, name, spec, nil))
		})
	})
}

// declareArea reads what a folder is about.
func (c *checker) declareArea(r reader, k, v *yaml.Node) {
	area := Area{Name: k.Value}
	if v.Kind == yaml.ScalarNode || r.marked[v] {
		r.text(&area.Title)(v)
	} else {
		r.keys(v, "area "+k.Value, map[string]func(*yaml.Node){
			"title": r.text(&area.Title), "about": r.text(&area.About),
			"tools": func(n *yaml.Node) { r.words(&area.Tools)(n); c.areaTools[area.Name] = n },
		})
	}
	c.api.Areas = append(c.api.Areas, area)
	c.areaPos[area.Name] = r.pos(k)
}

// placeResources puts every resource into the area of its folder. A folder that
// close.yaml does not list is an area too.
func (c *checker) placeResources() {
	used := map[string]bool{}
	for _, res := range c.api.Resources {
		dir, _, ok := strings.Cut(res.File, "/")
		if !ok {
			continue
		}
		res.Area, used[dir] = dir, true
		if !slices.ContainsFunc(c.api.Areas, func(a Area) bool { return a.Name == dir }) {
			c.api.Areas = append(c.api.Areas, Area{Name: dir, Title: titleOf(dir)})
		}
	}
	for _, a := range c.api.Areas {
		if !used[a.Name] {
			c.ps.add(c.areaPos[a.Name], didYouMean(a.Name, slices.Sorted(maps.Keys(used))), "the manifest has no folder %q", a.Name)
		}
	}
}

func (c *checker) declareID(r reader, k, v *yaml.Node) {
	id := &IDKind{Name: k.Value, Pos: r.pos(k)}
	var prefix string
	var more []string
	r.keys(v, "id kind "+k.Value, map[string]func(*yaml.Node){
		"prefix": r.text(&prefix), "prefixes": r.words(&more), "literals": r.words(&id.Literals), "about": r.text(&id.About),
		"noun": r.text(&id.Noun),
		"from": func(n *yaml.Node) { r.text(&id.From)(n); c.idFrom[k.Value] = r.pos(n) },
		"get":  func(n *yaml.Node) { r.text(&id.Get)(n); c.idGet[k.Value] = n },
		"show": r.shown(&id.Show), "length": r.integer(&id.Length),
	})
	for _, pre := range append([]string{prefix}, more...) {
		if pre != "" && !idPrefix.MatchString(pre) {
			r.bad(k, "what stands before the underscore", "prefix %q of id kind %q must be letters and digits", pre, k.Value)
		}
	}
	for _, lit := range id.Literals {
		if lit != "" && !idLiteral.MatchString(lit) {
			r.bad(k, "", "literal %q of id kind %q must be letters, digits, _ and -", lit, k.Value)
		}
	}
	switch {
	case !snakeName.MatchString(k.Value):
		r.bad(k, "for example email_account", "an id kind must be in snake_case, not %q", k.Value)
	case k.Value == "any":
		r.bad(k, "write type: id for an id of any kind", "an id kind cannot be named any")
	}
	if id.Noun == "" {
		id.Noun = strings.ReplaceAll(id.Name, "_", " ")
	}
	id.Prefixes = append([]string{prefix}, more...)
	if !c.own(r, k, "id kind", k.Value) {
		return
	}
	c.ids[k.Value] = id
	c.api.IDs = append(c.api.IDs, id)
}

func (c *checker) declareResource(r reader, f file, addition bool) {
	res := &Resource{File: f.name}
	c.api.Resources = append(c.api.Resources, res)
	var types, enums, tools *yaml.Node
	keep := func(to **yaml.Node) func(*yaml.Node) { return func(n *yaml.Node) { *to = n } }
	r.keys(f.root, "a resource file", map[string]func(*yaml.Node){
		"resource": r.text(&res.Name), "title": r.text(&res.Title), "about": r.text(&res.About), "doc": r.text(&res.Doc), "untrusted": r.flag(&res.Untrusted),
		"types": keep(&types), "enums": keep(&enums), "tools": keep(&tools),
		"ids":    func(n *yaml.Node) { r.each(n, func(k, v *yaml.Node) { c.declareID(r, k, v) }) },
		"params": func(n *yaml.Node) { c.declareGroups(r, n) },
		"each":   func(*yaml.Node) {}, // the loader has taken it away
	})
	switch {
	case res.Name == "": // its shape was reported
	case slices.Contains(reservedResources, res.Name) || fileWords.MatchString(res.Name):
		r.bad(f.root, "choose another", "a resource cannot be named %q: the file %s.go has a meaning of its own", res.Name, res.Name)
	case !snakeName.MatchString(res.Name):
		r.bad(f.root, "values for <word> stand under each", "a resource must be named in snake_case, not %q", res.Name)
	default:
		c.own(r, f.root, "resource", res.Name)
	}
	if res.Title == "" {
		res.Title = titleOf(res.Name)
	}
	if enums != nil {
		c.declareEnums(r, res, enums)
	}
	if types != nil {
		c.declareTypes(r, res, types, addition)
	}
	if tools != nil {
		r.each(tools, func(k, v *yaml.Node) { c.declareTool(r, res, k, v, addition) })
	}
}

// own notes where a name is defined and reports a second one.
func (c *checker) own(r reader, n *yaml.Node, what, name string) bool {
	key := what + " " + name
	if first, ok := c.owner[key]; ok {
		r.bad(n, "first at "+first.String(), "%s %q is defined twice", what, name)
		return false
	}
	c.owner[key] = r.pos(n)
	return true
}

// titleOf makes a title of a snake_case name.
func titleOf(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		if i == 0 && w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
