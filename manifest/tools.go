package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
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

	given                    map[string]*yaml.Node
	reworded                 map[string]*toolDecl // keys that an addition replaces
	httpText, takes, returns string
	totals, action, paging   string
	effect                   string
	only, without, with      []string
	required                 []string
}

// wording gives the declaration that has the last say on a key: the tool's own
// or that of an addition.
func (d *toolDecl) wording(key string) *toolDecl {
	if last := d.reworded[key]; last != nil {
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

// declareTool reads a tool. An addition may also give an existing tool other
// wording.
func (c *checker) declareTool(r reader, res *Resource, k, v *yaml.Node, addition bool) {
	d := &toolDecl{reader: r, key: k, res: res, given: map[string]*yaml.Node{}, reworded: map[string]*toolDecl{}}
	d.tool = &Tool{Name: k.Value, Resource: res, Pos: r.pos(k), Status: http.StatusOK}
	old := c.decls[k.Value]
	if old != nil && !addition {
		c.own(r, k, "tool", k.Value)
		return
	}
	t := d.tool
	if old != nil {
		t = old.tool
	}
	keep := func(to *string) func(*yaml.Node) { return r.text(to) }
	later := func(*yaml.Node) {}
	known := map[string]func(*yaml.Node){
		"does": keep(&t.Does), "use": keep(&t.Use), "gives": keep(&t.Gives), "title": keep(&t.Title),
		"synonyms": r.words(&t.Synonyms), "show": r.words(&t.Show), "examples": later,
	}
	if old == nil {
		maps.Copy(known, map[string]func(*yaml.Node){
			"http": keep(&d.httpText), "effect": keep(&d.effect), "sends": r.flag(&t.Sends), "idempotent": r.flag(&t.Idempotent),
			"takes": keep(&d.takes), "only": r.words(&d.only), "without": r.words(&d.without), "with": r.words(&d.with),
			"required": r.words(&d.required), "params": later, "aliases": later, "rules": later,
			"returns": keep(&d.returns), "totals": keep(&d.totals), "paging": keep(&d.paging), "status": r.integer(&t.Status),
			"action": keep(&d.action), "doc": keep(&t.Doc),
		})
	}
	for key, read := range known {
		known[key] = func(n *yaml.Node) { d.given[key] = n; read(n) }
	}
	what := "tool " + k.Value
	if old != nil {
		what = "tool " + k.Value + " of the manifest, given again to change its wording,"
	}
	if !r.keys(v, what, known) {
		return
	}
	if old != nil {
		for key := range d.given {
			old.reworded[key] = d
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
	fn := FuncName(k.Value)
	if first, ok := c.goNames[fn]; ok {
		r.bad(k, "first at "+first.String()+"; rename one", "tool %q would have the Go name %s, which another tool has", k.Value, fn)
	}
	c.goNames[fn] = r.pos(k)
	c.tools[k.Value], c.decls[k.Value] = t, d
	c.toolDecls = append(c.toolDecls, d)
	res.Tools = append(res.Tools, t)
}

func (c *checker) resolveTools() {
	for _, d := range c.toolDecls {
		c.resolveTool(d)
	}
	// A function and a type, or two functions, must not share a Go name.
	for _, d := range c.toolDecls {
		fn := FuncName(d.tool.Name)
		for _, name := range []string{fn, fn + "Params", AllName(fn)} {
			if first, ok := c.owner["type "+name]; ok {
				d.bad(d.key, "the type is at "+first.String(), "tool %q would have the Go name %s, which is a type", d.tool.Name, name)
			}
		}
		last := d.wording("show")
		for _, s := range d.tool.Show {
			o := listItem(d.tool.Returns)
			if o != nil && o.Field(s) == nil {
				last.bad(last.at("show"), didYouMean(s, fieldNames(o.Fields)), "%s has no field %q to show", o.Name, s)
			}
		}
	}
	for _, id := range c.api.IDs {
		if id.From != "" && c.tools[id.From] == nil {
			c.ps.add(c.idFrom[id.Name], near(id.From, c.tools), "id kind %q comes from %q, which is no tool", id.Name, id.From)
		}
	}
	for _, f := range c.fields {
		if p := c.pending[f]; f.From != "" && c.tools[f.From] == nil {
			p.bad(p.fromPos, near(f.From, c.tools), "field %q comes from %q, which is no tool", f.Name, f.From)
		}
	}
}

// AllName makes the name of the iterator of a list function.
func AllName(fn string) string { return strings.TrimSuffix(fn, "List") + "All" }

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
	httpLine  = regexp.MustCompile(`^(GET|POST|PUT|DELETE) (/(?:[A-Za-z0-9_.-]+|\{[a-z][a-z0-9_]*\})(?:/(?:[A-Za-z0-9_.-]+|\{[a-z][a-z0-9_]*\}))*/)$`)
	pathParam = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)
)

func (c *checker) resolveTool(d *toolDecl) {
	t := d.tool
	if t.Does == "" {
		d.bad(d.key, "one sentence on what it does, for people and models", "tool %q has no does", t.Name)
	}
	m := httpLine.FindStringSubmatch(d.httpText)
	if m == nil {
		hint := "for example GET /lead/{lead_id}/"
		if d.httpText != "" && !strings.HasSuffix(d.httpText, "/") {
			hint = "the path must end in a slash"
		}
		d.bad(d.at("http"), hint, "tool %q needs http: METHOD /path/", t.Name)
		return
	}
	t.Method, t.Path = m[1], m[2]
	key := t.Method + " " + pathParam.ReplaceAllString(t.Path, "{}")
	if first, ok := c.owner["http "+key]; ok {
		d.bad(d.at("http"), "first at "+first.String(), "two tools have the route %s", key)
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
	c.checkAliases(d)
	if n := d.given["rules"]; n != nil {
		c.readRules(d, n)
	}
	if last := d.wording("examples"); last.given["examples"] != nil {
		c.readExamples(last, t, last.given["examples"])
	}
}

// defaults fills in what follows from method and path.
func (c *checker) defaults(d *toolDecl) {
	t := d.tool
	if d.given["idempotent"] == nil {
		t.Idempotent = t.Method != http.MethodPost
	}
	t.Effect = Effect(d.effect)
	switch t.Effect {
	case Reads, Writes, Destroys:
	case "":
		t.Effect = map[string]Effect{http.MethodGet: Reads, http.MethodPost: Writes, http.MethodPut: Writes, http.MethodDelete: Destroys}[t.Method]
	default:
		d.bad(d.at("effect"), "leave it out for what the method says", "effect must be read, write or destructive, not %q", d.effect)
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
		single := strings.HasSuffix(t.Path, "}/")
		switch {
		case t.Method == http.MethodGet && single:
			t.Action = "get"
		case t.Method == http.MethodGet:
			t.Action = "list"
		default:
			t.Action = map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodDelete: "delete"}[t.Method]
		}
	}
	if t.Status < 200 || t.Status > 299 {
		d.bad(d.at("status"), "from 200 to 299", "status must be a success, not %d", t.Status)
	}
}

// params gathers the parameters: those of the path, its own, those it takes,
// those of groups.
func (c *checker) params(d *toolDecl) {
	t := d.tool
	own := map[string][2]*yaml.Node{}
	var ownOrder []string
	if n := d.given["params"]; n != nil {
		d.each(n, "params", func(k, v *yaml.Node) {
			own[k.Value] = [2]*yaml.Node{k, v}
			ownOrder = append(ownOrder, k.Value)
		})
	}
	add := func(f *Field, place Place) {
		c.finish(f)
		if f.In == "" {
			f.In = place
		}
		if t.Param(f.Name) != nil {
			d.bad(d.key, "leave one out with without: or rename it", "tool %q has two parameters %q", t.Name, f.Name)
			return
		}
		if len(t.Params) == maxFields {
			d.bad(d.key, "", "tool %q has more than %d parameters", t.Name, maxFields)
			return
		}
		t.Params = append(t.Params, f)
	}
	var inPath []string
	for _, m := range pathParam.FindAllStringSubmatch(t.Path, -1) {
		name := m[1]
		inPath = append(inPath, name)
		var f *Field
		if kind := c.ids[strings.TrimSuffix(name, "_id")]; kind != nil && strings.HasSuffix(name, "_id") {
			f = &Field{Name: name, Pos: t.Pos, Type: &Type{Kind: ID, ID: kind}, Read: true, Create: true, Update: true}
			f.About = "Id of the " + strings.ReplaceAll(kind.Name, "_", " ") + "."
			c.pending[f] = &pendingField{ps: c.ps, typeText: "id " + kind.Name, given: map[string]Pos{}}
		}
		if kv, ok := own[name]; ok {
			f = c.readField(d.reader, kv[0], kv[1], f)
		}
		if f == nil {
			d.bad(d.at("http"), "declare it under params with its type", "path parameter %q has no parameter of that name, and %q is no id kind", name, strings.TrimSuffix(name, "_id"))
			continue
		}
		f.Required, f.In = true, InPath
		add(f, InPath)
	}
	place := InBody
	if t.Method == http.MethodGet || t.Method == http.MethodDelete {
		place = InQuery
	}
	taken := c.taken(d)
	var grouped []*Field
	for _, g := range d.with {
		fields, ok := c.groups[g]
		if !ok {
			d.bad(d.at("with"), near(g, c.groups), "close.yaml has no parameter group %q", g)
		}
		grouped = append(grouped, fields...)
	}
	// Own parameters that are new come first, in their order.
	for _, name := range ownOrder {
		isOther := func(f *Field) bool { return f.Name == name }
		if slices.Contains(inPath, name) || slices.ContainsFunc(taken, isOther) || slices.ContainsFunc(grouped, isOther) {
			continue
		}
		add(c.readField(d.reader, own[name][0], own[name][1], nil), place)
	}
	merge := func(base *Field, place Place) {
		if kv, ok := own[base.Name]; ok {
			add(c.readField(d.reader, kv[0], kv[1], base), place)
			return
		}
		cp := *base
		c.pending[&cp] = c.pending[base]
		add(&cp, place)
	}
	for _, f := range taken {
		merge(f, place)
	}
	for _, f := range grouped {
		merge(f, InQuery)
	}
	for _, name := range d.required {
		p := t.Param(name)
		if p == nil {
			d.bad(d.at("required"), didYouMean(name, fieldNames(t.Params)), "tool %q requires %q, which is no parameter", t.Name, name)
			continue
		}
		p.Required = true
	}
	c.checkParams(d)
}

// taken lists copies of the fields that the tool takes from a type.
func (c *checker) taken(d *toolDecl) []*Field {
	if d.takes == "" {
		return nil
	}
	decl := c.types[d.takes]
	if decl == nil {
		d.bad(d.at("takes"), near(d.takes, c.types), "nobody defines the type %q", d.takes)
		return nil
	}
	for key, list := range map[string][]string{"only": d.only, "without": d.without} {
		for _, name := range list {
			if decl.object.Field(name) == nil {
				d.bad(d.at(key), didYouMean(name, fieldNames(decl.object.Fields)), "type %q has no field %q", d.takes, name)
			}
		}
	}
	var fields []*Field
	for _, f := range decl.object.Fields {
		writable := f.Create
		if d.tool.Update {
			writable = f.Update
		}
		if !writable || d.only != nil && !slices.Contains(d.only, f.Name) || slices.Contains(d.without, f.Name) {
			continue
		}
		cp := *f
		cp.Required = false // that is for the tool to say
		if d.tool.Update {
			cp.Default = nil // what is left out stays as it is
		}
		c.pending[&cp] = c.pending[f]
		fields = append(fields, &cp)
	}
	if len(fields) == 0 {
		d.bad(d.at("takes"), "look at access, only and without", "type %q has no field that %s may write", d.takes, d.tool.Name)
	}
	return fields
}

func (c *checker) checkParams(d *toolDecl) {
	t := d.tool
	names := map[string]string{}
	seen := map[*Object]bool{}
	for _, p := range t.Params {
		if p.Type == nil {
			continue
		}
		c.noMaps(p.Type, seen)
		g := GoName(p.Name)
		if other, ok := names[g]; ok {
			d.bad(d.key, "rename one", "parameters %q and %q of %s would have one Go name, %s", other, p.Name, t.Name, g)
		}
		names[g] = p.Name
		switch k := p.Type.Kind; {
		case k == Map:
			c.ps.add(p.Pos, "use json or an object", "parameter %q of %s cannot be a map", p.Name, t.Name)
		case p.In == InPath && !strings.Contains(t.Path, "{"+p.Name+"}"):
			c.ps.add(p.Pos, "write it into http, or take in: path away", "parameter %q is in the path, which has no {%s}", p.Name, p.Name)
		case p.In == InQuery && (k == ObjectType || k == CustomFields || k == List && p.Type.Elem.Kind == ObjectType):
			c.ps.add(p.Pos, "give its parts as parameters", "parameter %q of %s cannot be in the query: it is an object", p.Name, t.Name)
		case p.In == InBody && (t.Method == http.MethodGet || t.Method == http.MethodDelete):
			c.ps.add(p.Pos, "use in: query", "%s of %s has no body for parameter %q", t.Method, t.Name, p.Name)
		case p.In == InPath && (k == List || k == ObjectType || k == CustomFields || k == JSON):
			c.ps.add(p.Pos, "", "path parameter %q of %s must be a word or a number", p.Name, t.Name)
		}
	}
}

// noMaps reports members of sent objects that are maps: they can only be
// received.
func (c *checker) noMaps(t *Type, seen map[*Object]bool) {
	if t.Kind == List {
		t = t.Elem
	}
	o := t.Object
	if o == nil || seen[o] {
		return
	}
	seen[o] = true
	for _, f := range o.Fields {
		switch {
		case f.Type == nil || !f.Create && !f.Update:
		case f.Type.Kind == Map:
			c.ps.add(f.Pos, "use json, an object, or access: read", "field %q of type %s is sent, so it cannot be a map", f.Name, o.Name)
		default:
			c.noMaps(f.Type, seen)
		}
	}
}

func (c *checker) returnsOf(d *toolDecl) {
	t := d.tool
	switch d.returns {
	case "":
		d.bad(d.key, "a type, list of a type, or nothing", "tool %q has no returns", t.Name)
	case "nothing":
	default:
		p := &pendingField{ps: c.ps, typePos: d.pos(d.at("returns"))}
		t.Returns = c.parseType(p, d.returns)
		if o := t.Returns; o != nil && o.Kind != ObjectType && (o.Kind != List || o.Elem.Kind != ObjectType) {
			d.bad(d.at("returns"), "make a type for it", "a tool returns a type, a list of a type, or nothing, not %s", d.returns)
			t.Returns = nil
		}
	}
	isList := t.Returns != nil && t.Returns.Kind == List
	skip := t.Param("_skip")
	if isList && skip != nil && skip.Type != nil && (skip.Type.Kind != Integer || skip.Required) {
		d.bad(d.key, "with: [paging] has one", "parameter _skip of %s must be an integer that can be left out", t.Name)
	}
	switch d.paging {
	case "":
		t.Paging = isList && skip != nil
	case "offset":
		if t.Paging = true; !isList || skip == nil {
			d.bad(d.at("paging"), "returns: list T and with: [paging]", "offset paging needs a list and a parameter _skip")
		}
	case "none":
	default:
		d.bad(d.at("paging"), "", "paging must be offset or none, not %q", d.paging)
	}
	if d.totals != "" {
		decl := c.types[d.totals]
		switch {
		case decl == nil:
			d.bad(d.at("totals"), near(d.totals, c.types), "nobody defines the type %q", d.totals)
		case !isList:
			d.bad(d.at("totals"), "returns: list T", "only a list has totals")
		default:
			t.Totals = decl.object
		}
	}
}

func (c *checker) readAliases(d *toolDecl, n *yaml.Node) {
	d.each(n, "aliases", func(k, v *yaml.Node) {
		a := Alias{Name: k.Value}
		if v.Kind == yaml.ScalarNode {
			d.text(&a.For)(v)
		} else if !d.keys(v, "alias "+k.Value, map[string]func(*yaml.Node){
			"for": d.text(&a.For),
			"map": func(n *yaml.Node) {
				d.each(n, "map", func(from, to *yaml.Node) {
					a.Map = append(a.Map, [2]string{string(d.scalarJSON(from)), string(d.scalarJSON(to))})
				})
			},
		}) {
			return
		}
		if d.tool.Param(a.For) == nil {
			d.bad(v, cmp.Or(didYouMean(a.For, fieldNames(d.tool.Params)), "{for: parameter, map: {its word: ours}}, or the name of a parameter"), "alias %q stands for %q, which is no parameter", a.Name, a.For)
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

func (c *checker) readRules(d *toolDecl, n *yaml.Node) {
	t := d.tool
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "- {exactly_one: [a, b]}", "rules must be a list, not %s", kindName(n))
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
				d.bad(item, didYouMean(name, fieldNames(t.Params)), "the rule names %q, which is no parameter of %s", name, t.Name)
			}
		}
		if p := t.Param(r.If); ok && r.Is != "" && p.Type != nil && p.Type.Kind != String && (p.Type.Kind != EnumType || !slices.Contains(p.Type.Enum.Words(), r.Is)) {
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

func (c *checker) readExamples(d *toolDecl, t *Tool, n *yaml.Node) {
	t.Examples = nil
	if n.Kind != yaml.SequenceNode {
		d.bad(n, "- input: {name: value}", "examples must be a list, not %s", kindName(n))
		return
	}
	for _, item := range n.Content {
		var e Example
		var input *yaml.Node
		if !d.keys(item, "example", map[string]func(*yaml.Node){
			"about": d.text(&e.About),
			"input": func(n *yaml.Node) { input = n; d.value(&e.Input)(n) },
		}) {
			continue
		}
		if input == nil || input.Kind != yaml.MappingNode {
			d.bad(item, "- input: {name: value}", "an example needs an input, a mapping of parameters")
			continue
		}
		given := map[string]bool{}
		for _, kv := range pairs(input) {
			given[kv[0].Value] = true
			p := t.Param(kv[0].Value)
			if p == nil {
				d.bad(kv[0], didYouMean(kv[0].Value, fieldNames(t.Params)), "the example gives %q, which is no parameter of %s", kv[0].Value, t.Name)
				continue
			}
			null := p.Nullable && kv[1].Tag == "!!null"
			if p.Type != nil && !null && !fits(p.Type, d.appendJSON(nil, kv[1])) {
				d.bad(kv[1], fitHint(p.Type), "the example's value of %q does not fit its type, %s", p.Name, c.pending[p].typeText)
			}
		}
		for _, p := range t.Params {
			if p.Required && p.Preset == nil && !given[p.Name] {
				d.bad(item, "add it to input", "the example lacks the required parameter %q", p.Name)
			}
		}
		t.Examples = append(t.Examples, e)
	}
}

// Match reports whether a tool's name matches a pattern such as close_lead_*.
func Match(pattern, tool string) bool {
	ok, err := path.Match(pattern, tool)
	return ok && err == nil
}

// Sentences gives rules in words, each sentence once; rules that ask for the
// same parameters share one.
func Sentences(rules []Rule) []string {
	var list []string
	for i, r := range rules {
		s := r.About
		if s == "" && r.If != "" && r.Is == "" {
			s = needsSentence(r, rules, i)
		} else if s == "" {
			s = r.sentence()
		}
		if s != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// needsSentence joins the rule with the later ones that need the same; it is
// empty when an earlier one has spoken for it.
func needsSentence(r Rule, rules []Rule, at int) string {
	var names []string
	for i, o := range rules {
		if o.Kind != r.Kind || o.Is != "" || o.About != "" || !slices.Equal(o.Fields, r.Fields) {
			continue
		}
		if i < at {
			return ""
		}
		names = append(names, o.If)
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
	return r.when(r.If + " is " + r.Is)
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
