package manifest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// toolDecl is a tool as written.
type toolDecl struct {
	reader
	key  *yaml.Node
	res  *Resource
	tool *Tool

	params                   []*fieldDecl // those of the tool, in the same order
	accepted                 []*fieldDecl // that are not sent
	given                    map[string]*yaml.Node
	redescribed              map[string]*toolDecl // keys that an addition replaces
	additions                []*toolDecl          // that add parameters
	addition                 bool                 // declared in an addition
	replaces                 string
	httpText, takes, returns string
	totals, action, paging   string
	fill                     string
	project, brake           bool
	only, without, with      []string
	required, main           []string
}

// broken reports whether the shape of a key's value was reported.
func (d *toolDecl) broken(key string) bool { return d.marked[d.given[key]] }

// last returns the declaration that decides on a key: the tool's own or that of
// an addition.
func (d *toolDecl) last(key string) *toolDecl {
	if last := d.redescribed[key]; last != nil {
		return last
	}
	return d
}

func (d *toolDecl) at(key string) *yaml.Node {
	if n := d.given[key]; n != nil {
		return n
	}
	return d.key
}

// declareTool reads a tool. An addition may also describe an existing tool anew.
func (c *checker) declareTool(r reader, res *Resource, k, v *yaml.Node, addition bool) {
	d := &toolDecl{reader: r, key: k, res: res, addition: addition, given: map[string]*yaml.Node{}, redescribed: map[string]*toolDecl{}}
	d.tool = &Tool{Name: k.Value, Resource: res, Pos: r.pos(k), Status: http.StatusOK}
	old := c.tools[k.Value]
	if old != nil && !addition {
		c.own(r, k, "tool", k.Value)
		return
	}
	t := d.tool
	if old != nil {
		t = old.tool
	}
	mainOf := &d.main
	if old != nil {
		mainOf = &old.main
	}
	keep := func(to *string) func(*yaml.Node) { return r.text(to) }
	later := func(*yaml.Node) {}
	known := map[string]func(*yaml.Node){
		"does": keep(&t.Does), "use": keep(&t.Use), "result": keep(&t.Result), "title": keep(&t.Title),
		"synonyms": r.words(&t.Synonyms), "waits": later, "costs": r.flag(&t.Costs), "needs": func(n *yaml.Node) { r.text((*string)(&t.Needs))(n) }, "show": r.shown(&t.Show), "preview": later, "brief": keep(&t.Brief), "main": r.words(mainOf), "examples": later, "params": later,
	}
	if old == nil {
		maps.Copy(known, map[string]func(*yaml.Node){
			"http": keep(&d.httpText), "effect": func(n *yaml.Node) { t.Effect, _ = d.effectOf(n) }, "effects": later, "idempotent": r.flag(&t.Idempotent),
			"takes": keep(&d.takes), "only": r.words(&d.only), "without": r.words(&d.without), "with": r.words(&d.with),
			"required": r.words(&d.required), "replaces": keep(&d.replaces), "aliases": later, "rules": later, "cases": later,
			"returns": keep(&d.returns), "totals": keep(&d.totals), "paging": d.readPaging, "status": r.integer(&t.Status),
			"action": keep(&d.action), "doc": keep(&t.Doc), "accepts": later, "project": r.flag(&d.project), "brake": r.flag(&d.brake), "fill": keep(&d.fill),
		})
	}
	for key, read := range known {
		known[key] = func(n *yaml.Node) { d.given[key] = n; read(n) }
	}
	what := "tool " + k.Value
	if old != nil {
		what = "a new description of " + k.Value
	}
	if !r.keys(v, what, known) {
		return
	}
	if old != nil {
		for key := range d.given {
			old.redescribed[key] = d
		}
		if d.given["params"] != nil {
			old.additions = append(old.additions, d)
		}
		return
	}
	if !toolName.MatchString(k.Value) {
		r.bad(k, "for example close_lead_create", "a tool must be named in snake_case, not %q", k.Value)
		return
	}
	if len(k.Value) > maxName {
		r.bad(k, "models take no longer ones", "a tool's name has more than %d characters", maxName)
		return
	}
	if !c.own(r, k, "tool", k.Value) {
		return
	}
	c.tools[k.Value] = d
	c.toolOrder = append(c.toolOrder, d)
	res.Tools = append(res.Tools, t)
}

// replaceTools takes the tools away that tools of additions replace. What refers to
// a replaced tool refers to the new one.
func (c *checker) replaceTools() {
	instead := c.instead
	for _, d := range c.toolOrder {
		if d.replaces == "" {
			continue
		}
		old := c.tools[d.replaces]
		switch first, twice := instead[d.replaces]; {
		case old == nil:
			d.bad(d.at("replaces"), nearName(d.replaces, slices.Sorted(maps.Keys(c.tools))), "tool %q replaces %q, which is no tool", d.tool.Name, d.replaces)
		case old.addition || !d.addition:
			d.bad(d.at("replaces"), "delete the old tool", "tool %q can replace a tool of the manifest that it adds to, not %q", d.tool.Name, d.replaces)
		case twice:
			d.bad(d.at("replaces"), "", "tool %q replaces %q, as %q does", d.tool.Name, d.replaces, first)
		case len(old.redescribed) > 0:
			d.bad(d.at("replaces"), "delete the description", "tool %q replaces %q, which an addition describes anew", d.tool.Name, d.replaces)
		default:
			instead[d.replaces] = d.tool.Name
		}
	}
	if len(instead) == 0 {
		return
	}
	for name := range instead {
		old := c.tools[name]
		delete(c.tools, name)
		c.toolOrder = slices.DeleteFunc(c.toolOrder, func(d *toolDecl) bool { return d == old })
		old.res.Tools = slices.DeleteFunc(old.res.Tools, func(t *Tool) bool { return t == old.tool })
	}
	renamed := func(from *string) {
		if name := instead[*from]; name != "" {
			*from = name
		}
	}
	for _, id := range c.api.IDs {
		renamed(&id.From)
		renamed(&id.Get)
	}
	for _, f := range c.fields {
		renamed(&f.From)
	}
	for i := range c.api.Toolsets {
		for j := range c.api.Toolsets[i].Tools {
			renamed(&c.api.Toolsets[i].Tools[j])
		}
	}
}

func (c *checker) resolveTools() {
	for _, d := range c.toolOrder {
		c.resolveTool(d)
	}
	for _, d := range c.toolOrder {
		last := d.last("show")
		if o := listItem(d.tool.Returns); o != nil {
			last.checkShown(last.at("show"), o, d.tool.Show)
		}
		d.checkPreview(c)
	}
	c.checkToolsets()
	c.checkGets()
	for _, id := range c.api.IDs {
		if id.From != "" && c.tools[id.From] == nil {
			c.ps.add(c.idFrom[id.Name], nearName(id.From, slices.Sorted(maps.Keys(c.tools))), "id kind %q comes from %q, which is no tool", id.Name, id.From)
		}
	}
	for _, f := range c.fields {
		if f.From != "" && c.tools[f.From] == nil {
			c.ps.add(f.fromPos, nearName(f.From, slices.Sorted(maps.Keys(c.tools))), "field %q comes from %q, which is no tool", f.Name, f.From)
		}
	}
}

func listItem(t *Type) *Object {
	if t != nil && t.Kind == List {
		t = t.Elem
	}
	if t != nil {
		return t.Object
	}
	return nil
}

func fieldNames(fields []*Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

var (
	httpLine  = regexp.MustCompile(`^(GET|POST|PUT|DELETE) (/(?:[A-Za-z0-9_.-]+|\{[a-z][a-z0-9_]*\})(?:/(?:[A-Za-z0-9_.-]+|\{[a-z][a-z0-9_]*\}))*/?)$`)
	pathParam = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)
)

func (c *checker) resolveTool(d *toolDecl) {
	t := d.tool
	d.checkDoes()
	m := httpLine.FindStringSubmatch(d.httpText)
	if d.broken("http") {
		return
	}
	if noSlash := c.api.Conventions.NoSlash; m == nil || strings.HasSuffix(m[2], "/") == noSlash {
		hint := "for example GET /lead/{lead_id}/"
		switch {
		case noSlash && strings.HasSuffix(d.httpText, "/"):
			hint = "conventions say that no path ends in a slash"
		case noSlash:
			hint = "for example GET /item/{item_id}"
		case d.httpText != "" && !strings.HasSuffix(d.httpText, "/"):
			hint = "the path must end in a slash, or close.yaml must say conventions: {trailing_slash: false}"
		}
		d.bad(d.at("http"), hint, "tool %q needs http: METHOD /path/", t.Name)
		return
	}
	t.Method, t.Path = m[1], m[2]
	key := t.Method + " " + pathParam.ReplaceAllString(t.Path, "{}")
	if first, ok := c.owner["http "+key]; ok {
		d.bad(d.at("http"), "first at "+first.String()+"; an addition leaves the old tool out with replaces: NAME", "two tools have the route %s", key)
	}
	c.owner["http "+key] = d.pos(d.at("http"))
	c.defaults(d)
	c.params(d)
	c.returnsOf(d)
	if n := d.given["aliases"]; n != nil {
		c.readAliases(d, n)
	}
	for _, p := range t.Params {
		for _, a := range p.Aliases {
			t.Aliases = append(t.Aliases, Alias{Name: a, For: p.Name})
		}
	}
	c.accepts(d)
	c.checkAliases(d)
	d.profile()
	if n := d.given["rules"]; n != nil {
		c.readRules(d, n)
	}
	if n := d.given["waits"]; n != nil {
		d.readWaits(n)
	}
	if n := d.given["cases"]; n != nil {
		t.Cases = c.readCases(d.reader, n, "tool "+t.Name, t.Params)
	}
	if n := d.given["effects"]; n != nil {
		d.readEffects(n)
	}
	if last := d.last("examples"); last.given["examples"] != nil {
		d.readExamples(last.reader, last.given["examples"])
	}
}

// defaults fills in what follows from method and path.
func (c *checker) defaults(d *toolDecl) {
	t := d.tool
	if d.given["idempotent"] == nil {
		t.Idempotent = t.Method != http.MethodPost || d.given["effect"] != nil && t.Effect == Reads
	}
	if d.given["effect"] == nil {
		t.Effect = map[string]Effect{http.MethodGet: Reads, http.MethodPost: Writes, http.MethodPut: Writes, http.MethodDelete: Destroys}[t.Method]
	}
	t.Update = t.Method == http.MethodPut
	if t.Title == "" {
		_, rest, _ := strings.Cut(t.Name, "_")
		t.Title = titleOf(rest)
	}
	if t.Doc == "" {
		t.Doc = d.res.Doc
	}
	t.Action = d.action
	if t.Action == "" {
		single := strings.HasSuffix(strings.TrimSuffix(t.Path, "/"), "}")
		switch {
		case t.Method == http.MethodGet && single:
			t.Action = "get"
		case t.Method == http.MethodGet:
			t.Action = "list"
		default:
			t.Action = map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodDelete: "delete"}[t.Method]
		}
	}
}

func (c *checker) returnsOf(d *toolDecl) {
	t := d.tool
	switch d.returns {
	case "":
		if !d.broken("returns") {
			d.bad(d.key, "a type, list of a type, or nothing", "tool %q has no returns", t.Name)
		}
	case "nothing":
		if t.Result == "" {
			t.Result = "Nothing."
		}
	default:
		t.Returns = c.parseType(d.pos(d.at("returns")), d.returns)
		if o := t.Returns; o != nil && o.Kind != ObjectType && (o.Kind != List || o.Elem.Kind != ObjectType) {
			d.bad(d.at("returns"), "make a type for it", "a tool returns a type, a list of a type, or nothing, not %s", d.returns)
			t.Returns = nil
		}
	}
	isList := t.Returns != nil && t.Returns.Kind == List
	offset := c.api.Conventions.Offset
	skip := t.Param(offset)
	if isList && skip != nil && skip.Type != nil && (skip.Type.Kind != Integer || skip.Required) {
		d.bad(d.key, "with: [paging] has one", "parameter %s of %s must be an integer that can be left out", offset, t.Name)
	}
	switch d.paging {
	case byCursor:
		if t.Cursor == "" || t.Next == "" {
			break // it was reported
		}
		p := t.Param(t.Cursor)
		if t.Paging = true; !isList || p == nil || p.Type != nil && p.Type.Kind != String || p.Required {
			d.bad(d.at("paging"), "returns: list T, and a string that can be left out under params", "paging by cursor needs a list and a parameter %q that takes a text", t.Cursor)
		}
	case "none":
	case "":
		t.Paging = isList && skip != nil
	case "offset":
		if t.Paging = true; !isList || skip == nil {
			d.bad(d.at("paging"), "returns: list T and with: [paging]", "offset paging needs a list and a parameter %s", offset)
		}
	default:
		d.bad(d.at("paging"), "or paging: {cursor: parameter, next: member of the response}", "paging must be offset or none, not %q", d.paging)
	}
	if d.totals != "" {
		decl := c.types[d.totals]
		switch {
		case decl == nil:
			d.bad(d.at("totals"), near(d.totals, c.types), "type %q is not defined", d.totals)
		case !isList:
			d.bad(d.at("totals"), "returns: list T", "only a list has totals")
		default:
			t.Totals = decl.object
		}
	}
}

// byCursor stands for a mapping under paging.
const byCursor = "{}"

func (d *toolDecl) readPaging(n *yaml.Node) {
	if d.marked[n] || n.Kind == yaml.ScalarNode {
		d.text(&d.paging)(n)
		return
	}
	d.paging = byCursor
	d.keys(n, "paging", map[string]func(*yaml.Node){"cursor": d.text(&d.tool.Cursor), "next": d.text(&d.tool.Next)})
}

// readWaits reads when a job is ready.
func (d *toolDecl) readWaits(n *yaml.Node) {
	t := d.tool
	w := &Waits{}
	if !d.keys(n, "waits", map[string]func(*yaml.Node){"field": d.text(&w.Field), "done": d.words(&w.Done), "failed": d.words(&w.Failed)}) || t.Returns == nil && d.returns != "nothing" {
		return
	}
	var f *Field
	if t.Returns != nil && t.Returns.Object != nil {
		f = t.Returns.Object.Field(w.Field)
	}
	switch {
	case f == nil || t.Effect != Reads:
		d.bad(n, "a tool that fetches the job, and a field of it", "tool %q cannot wait for %q", t.Name, w.Field)
		return
	case f.Type != nil && f.Type.Kind != String && f.Type.Kind != EnumType:
		d.bad(n, "a string or an enum", "tool %q waits for %q, which is no text", t.Name, w.Field)
		return
	}
	for _, word := range slices.Concat(w.Done, w.Failed) {
		if f.Type != nil && f.Type.Kind == EnumType && !f.Type.Enum.Open && !slices.Contains(f.Type.Enum.Strings(), word) {
			d.bad(n, fitHint(f.Type), "tool %q waits for the value %q of %q, which it does not have", t.Name, word, w.Field)
		}
	}
	t.Waits = w
}

func (c *checker) readAliases(d *toolDecl, n *yaml.Node) {
	d.each(n, func(k, v *yaml.Node) {
		a := Alias{Name: k.Value}
		if d.marked[v] {
			return
		}
		if v.Kind == yaml.ScalarNode {
			d.text(&a.For)(v)
		} else if !d.keys(v, "alias "+k.Value, map[string]func(*yaml.Node){
			"for": d.text(&a.For),
			"map": func(n *yaml.Node) {
				d.each(n, func(from, to *yaml.Node) {
					a.Map = append(a.Map, [2]string{string(d.scalarJSON(from)), string(d.scalarJSON(to))})
				})
			},
		}) {
			return
		}
		if a.For == "" {
			return // its shape was reported
		}
		if d.tool.Param(a.For) == nil {
			d.bad(v, cmp.Or(nearName(a.For, fieldNames(d.tool.Params)), "{for: parameter, map: {its value: ours}}, or the name of a parameter"), "alias %q stands for %q, which is no parameter", a.Name, a.For)
			return
		}
		d.tool.Aliases = append(d.tool.Aliases, a)
	})
}

// scalarJSON takes true and "true" as the boolean alike, because a key of a
// mapping reads better quoted.
func (d *toolDecl) scalarJSON(n *yaml.Node) json.RawMessage {
	if n.Value == "true" || n.Value == "false" {
		return json.RawMessage(n.Value)
	}
	return d.appendJSON(nil, n)
}

func (c *checker) checkAliases(d *toolDecl) {
	seen := map[string]bool{}
	for _, a := range d.tool.Aliases {
		if d.tool.Param(a.Name) != nil || seen[a.Name] {
			d.bad(d.key, "leave it out", "alias %q of %s is the name of a parameter or another alias", a.Name, d.tool.Name)
		}
		seen[a.Name] = true
	}
}

// readExamples reads the examples, which can be in the file of an addition.
func (d *toolDecl) readExamples(r reader, n *yaml.Node) {
	t := d.tool
	t.Examples = nil
	if r.marked[n] {
		return
	}
	params := slices.Concat(d.params, d.accepted)
	for _, item := range n.Content {
		var e Example
		var input *yaml.Node
		if !r.keys(item, "example", map[string]func(*yaml.Node){
			"about": r.text(&e.About),
			"input": func(n *yaml.Node) { input = n; r.value(&e.Input)(n) },
		}) || input == nil || r.marked[input] {
			continue
		}
		given := map[string]bool{}
		for _, kv := range pairs(input) {
			given[kv[0].Value] = true
			i := slices.IndexFunc(params, func(p *fieldDecl) bool { return p.Name == kv[0].Value })
			if i < 0 {
				r.bad(kv[0], nearName(kv[0].Value, fieldNames(t.Params)), "the example sets %q, which is no parameter of %s", kv[0].Value, t.Name)
				continue
			}
			p := params[i]
			null := p.Nullable && kv[1].Tag == "!!null"
			if p.Type != nil && !null && !p.fits(r.appendJSON(nil, kv[1])) {
				r.bad(kv[1], fitHint(p.Type), "the example's value of %q does not fit its type, %s", p.Name, p.typeText)
			}
		}
		for _, p := range params {
			if p.Required && p.Preset == nil && !given[p.Name] {
				r.bad(item, "add it to input", "the example lacks the required parameter %q", p.Name)
			}
		}
		t.Examples = append(t.Examples, e)
	}
}
