package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Check applies every rule to a manifest as written and gives the manifest as
// meant. The error is a [Problems] with everything that is wrong.
func Check(doc *Document) (*API, error) {
	var ps Problems
	c := &checker{
		ps: &ps, api: &API{},
		ids: map[string]*IDKind{}, groups: map[string][]*Field{},
		types: map[string]*typeDecl{}, enums: map[string]*Enum{}, tools: map[string]*Tool{},
		owner: map[string]Pos{}, goNames: map[string]Pos{}, idFrom: map[string]Pos{}, areaPos: map[string]Pos{}, decls: map[string]*toolDecl{},
	}
	schemaProblems(doc, &ps)
	c.declare(doc)
	c.placeResources()
	c.resolveTypes()
	c.resolveTools()
	if ps = ps.withoutEchoes(); len(ps) > 0 {
		return nil, ps.sorted()
	}
	return c.api, nil
}

type checker struct {
	api     *API
	ps      *Problems
	ids     map[string]*IDKind
	groups  map[string][]*Field
	types   map[string]*typeDecl
	enums   map[string]*Enum
	tools   map[string]*Tool
	owner   map[string]Pos // of types, enums, tools and resources, by name
	goNames map[string]Pos // of functions, after initialisms
	idFrom  map[string]Pos // where a kind of id says which tool finds it
	areaPos map[string]Pos // where close.yaml lists an area
	decls   map[string]*toolDecl

	order     []*typeDecl
	toolDecls []*toolDecl
	fields    []*Field // all, to resolve their types
	pending   map[*Field]*pendingField
}

// typeDecl is a type as written.
type typeDecl struct {
	reader
	node     *yaml.Node
	object   *Object
	include  string
	variants *yaml.Node
	state    int // 0 as written, 1 being resolved, 2 done
}

// pendingField holds what of a field is still to be looked up. Its places can
// be in two files: a tool's parameter changes keys of a field elsewhere.
type pendingField struct {
	ps       *Problems
	typeText string
	typePos  Pos
	fromPos  Pos            // zero when from is not given
	given    map[string]Pos // places of the keys that are checked against the type
}

func (p *pendingField) bad(pos Pos, hint, format string, args ...any) {
	p.ps.add(pos, hint, format, args...)
}

var (
	typeName  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	snakeName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	toolName  = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$`)
	fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	wordName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 _./,+-]*$`)
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

// declare reads all files, so that names can be used before they are defined.
func (c *checker) declare(doc *Document) {
	c.pending = map[*Field]*pendingField{}
	for layer, files := range doc.layers {
		for _, f := range files {
			r := newReader(f.name, c.ps)
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
		"api":      r.text(&c.api.Name),
		"base_url": r.text(&c.api.BaseURL),
		"prefix": func(n *yaml.Node) {
			r.text(&c.api.Prefix)(n)
			if c.api.Prefix != "" && !strings.HasPrefix(c.api.Prefix, "/") {
				r.bad(n, "for example /api/v1", "prefix must start with a slash, not %q", c.api.Prefix)
			}
		},
		"doc":   r.text(&c.api.Doc),
		"about": r.text(&c.api.About),
		"ids":   func(n *yaml.Node) { r.each(n, "ids", func(k, v *yaml.Node) { c.declareID(r, k, v) }) },
		"areas": func(n *yaml.Node) { r.each(n, "areas", func(k, v *yaml.Node) { c.declareArea(r, k, v) }) },
		"params": func(n *yaml.Node) {
			r.each(n, "params", func(k, v *yaml.Node) {
				r.each(v, "parameter group "+k.Value, func(name, spec *yaml.Node) {
					c.groups[k.Value] = append(c.groups[k.Value], c.readField(r, name, spec, nil))
				})
			})
		},
		"types": func(n *yaml.Node) { c.declareTypes(r, res, n) },
		"enums": func(n *yaml.Node) { c.declareEnums(r, res, n) },
	})
	res.Doc = c.api.Doc
	if c.api.Name == "" {
		r.bad(f.root, "for example api: Close", "the key api is missing")
	}
	if !strings.HasPrefix(c.api.BaseURL, "http://") && !strings.HasPrefix(c.api.BaseURL, "https://") {
		r.bad(f.root, "for example https://api.close.com", "the key base_url must be the root of the API")
	}
}

// declareArea reads the title of a folder.
func (c *checker) declareArea(r reader, k, v *yaml.Node) {
	area := Area{Name: k.Value}
	r.text(&area.Title)(v)
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
	id := &IDKind{Name: k.Value}
	var prefix string
	var more []string
	isMapping := r.keys(v, "id kind "+k.Value, map[string]func(*yaml.Node){
		"prefix": r.text(&prefix), "prefixes": r.words(&more), "literals": r.words(&id.Literals), "about": r.text(&id.About),
		"from": func(n *yaml.Node) { r.text(&id.From)(n); c.idFrom[k.Value] = r.pos(n) },
	})
	if isMapping && prefix == "" {
		r.bad(k, "for example {prefix: lead} for ids such as lead_…", "id kind %q needs a prefix", k.Value)
	}
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
	id.Prefixes = append([]string{prefix}, more...)
	c.ids[k.Value] = id
	c.api.IDs = append(c.api.IDs, id)
}

func (c *checker) declareResource(r reader, f file, addition bool) {
	res := &Resource{File: f.name}
	c.api.Resources = append(c.api.Resources, res)
	var types, enums, tools *yaml.Node
	keep := func(to **yaml.Node) func(*yaml.Node) { return func(n *yaml.Node) { *to = n } }
	r.keys(f.root, "a resource file", map[string]func(*yaml.Node){
		"resource": r.text(&res.Name), "title": r.text(&res.Title), "about": r.text(&res.About), "doc": r.text(&res.Doc),
		"types": keep(&types), "enums": keep(&enums), "tools": keep(&tools),
	})
	switch {
	case res.Name == "":
		r.bad(f.root, "for example resource: leads", "the key resource is missing")
	case !snakeName.MatchString(res.Name):
		r.bad(f.root, "", "resource must be in snake_case, not %q", res.Name)
	case slices.Contains(reservedResources, res.Name) || fileWords.MatchString(res.Name):
		r.bad(f.root, "choose another", "a resource cannot be named %q: Go or closegen gives the file %s.go a meaning of its own", res.Name, res.Name)
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
		c.declareTypes(r, res, types)
	}
	if tools != nil {
		r.each(tools, "tools", func(k, v *yaml.Node) { c.declareTool(r, res, k, v, addition) })
	}
}

// own notes who defines a name and reports a second one.
func (c *checker) own(r reader, n *yaml.Node, what, name string) bool {
	key := what + " " + name
	if first, ok := c.owner[key]; ok {
		r.bad(n, "first at "+first.String(), "%s %q is defined twice", what, name)
		return false
	}
	c.owner[key] = r.pos(n)
	return true
}

func (c *checker) declareEnums(r reader, res *Resource, n *yaml.Node) {
	r.each(n, "enums", func(k, v *yaml.Node) {
		e := &Enum{Name: k.Value}
		if !typeName.MatchString(k.Value) {
			r.bad(k, "for example ValuePeriod", "an enum must be named in CamelCase, not %q", k.Value)
		}
		if !r.keys(v, "enum "+k.Value, map[string]func(*yaml.Node){
			"about": r.text(&e.About), "open": r.flag(&e.Open),
			"values": func(n *yaml.Node) {
				r.each(n, "values", func(word, about *yaml.Node) {
					val := EnumValue{Word: word.Value}
					if !wordName.MatchString(word.Value) {
						r.bad(word, "letters, digits and . / , + - _", "an enum value must be a word, not %q", word.Value)
					}
					if about.Kind != yaml.ScalarNode || about.Value != "" && about.Tag != "!!null" {
						r.text(&val.About)(about)
					}
					e.Values = append(e.Values, val)
				})
			},
		}) {
			return
		}
		if len(e.Values) == 0 {
			r.bad(k, "values: {word: meaning}", "enum %q has no values", k.Value)
		}
		if e.About == "" {
			r.bad(k, "one sentence", "enum %q has no about", k.Value)
		}
		if !c.own(r, k, "type", k.Value) {
			return
		}
		consts := map[string]string{}
		for _, val := range e.Values {
			g := GoName(val.Word)
			if other, ok := consts[g]; ok {
				r.bad(k, "leave one out", "values %q and %q of enum %s would have one Go name, %s%s", other, val.Word, e.Name, e.Name, g)
			}
			consts[g] = val.Word
		}
		c.enums[k.Value] = e
		res.Enums = append(res.Enums, e)
	})
}

func (c *checker) declareTypes(r reader, res *Resource, n *yaml.Node) {
	r.each(n, "types", func(k, v *yaml.Node) {
		d := &typeDecl{reader: r, node: k, object: &Object{Name: k.Value}}
		if !typeName.MatchString(k.Value) {
			r.bad(k, "for example Lead", "a type must be named in CamelCase, not %q", k.Value)
		}
		isMapping := r.keys(v, "type "+k.Value, map[string]func(*yaml.Node){
			"about": r.text(&d.object.About), "include": r.text(&d.include),
			"variants": func(n *yaml.Node) { d.variants = n },
			"fields": func(n *yaml.Node) {
				r.each(n, "fields", func(name, spec *yaml.Node) {
					d.object.Fields = append(d.object.Fields, c.readField(r, name, spec, nil))
				})
			},
		})
		if isMapping && d.object.About == "" {
			r.bad(k, "one sentence", "type %q has no about", k.Value)
		}
		if !c.own(r, k, "type", k.Value) {
			return
		}
		c.types[k.Value] = d
		c.order = append(c.order, d)
		res.Types = append(res.Types, d.object)
	})
}

// readField reads a field, on top of base if there is one.
func (c *checker) readField(r reader, name, n *yaml.Node, base *Field) *Field {
	f := &Field{Name: name.Value, Pos: r.pos(name), Read: true, Create: true, Update: true}
	p := &pendingField{ps: c.ps, given: map[string]Pos{}}
	if base != nil {
		*f = *base
		f.Pos = r.pos(name)
		*p = *c.pending[base]
		p.given = maps.Clone(p.given)
	}
	c.pending[f] = p
	c.fields = append(c.fields, f)
	if !fieldName.MatchString(name.Value) {
		r.bad(name, "", "a field must be named with letters, digits and underscores, not %q", name.Value)
	}
	if len(name.Value) > maxName {
		r.bad(name, "models take no longer ones", "a field's name has more than %d characters", maxName)
	}
	var place string
	note := func(key string, read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) { p.given[key] = r.pos(n); read(n) }
	}
	known := map[string]func(*yaml.Node){
		"type": func(n *yaml.Node) {
			r.text(&p.typeText)(n)
			p.typePos, f.Type = r.pos(n), nil
			for key := range p.given { // what does not fit is the new type
				p.given[key] = p.typePos
			}
		},
		"about":      r.text(&f.About),
		"access":     func(n *yaml.Node) { c.readAccess(r, n, f) },
		"always":     r.flag(&f.Always),
		"required":   r.flag(&f.Required),
		"nullable":   r.flag(&f.Nullable),
		"on_request": r.flag(&f.OnRequest),
		"default":    note("default", r.value(&f.Default)),
		"preset":     note("preset", r.value(&f.Preset)),
		"example":    note("example", r.value(&f.Example)),
		"min":        note("min", r.bound(&f.Min)),
		"max":        note("max", r.bound(&f.Max)),
		"max_length": note("max_length", r.integer(&f.MaxLength)),
		"min_items":  note("min_items", r.integer(&f.MinItems)),
		"max_items":  note("max_items", r.integer(&f.MaxItems)),
		"from":       func(n *yaml.Node) { r.text(&f.From)(n); p.fromPos = r.pos(n) },
		"aliases":    r.words(&f.Aliases),
		"deprecated": r.text(&f.Deprecated),
		"in": func(n *yaml.Node) {
			r.text(&place)(n)
			f.In = Place(place)
			if f.In != InPath && f.In != InQuery && f.In != InBody {
				r.bad(n, "", "in must be path, query or body, not %q", place)
			}
		},
	}
	r.keys(n, "field "+name.Value, known)
	if p.typeText == "" && n.Kind == yaml.MappingNode {
		r.bad(name, "for example type: string", "field %q has no type", name.Value)
	}
	if f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		r.bad(name, "", "field %q has a min above its max", name.Value)
	}
	if f.MaxItems > 0 && f.MinItems > f.MaxItems {
		r.bad(name, "", "field %q has min_items above its max_items", name.Value)
	}
	return f
}

func (c *checker) readAccess(r reader, n *yaml.Node, f *Field) {
	var words string
	r.text(&words)(n)
	f.Read, f.Create, f.Update = false, false, false
	for w := range strings.FieldsSeq(words) {
		switch w {
		case "read":
			f.Read = true
		case "create":
			f.Create = true
		case "update":
			f.Update = true
		default:
			r.bad(n, "words out of: read create update", "access has no word %q", w)
		}
	}
}

// resolveTypes looks up what fields refer to and joins included types.
func (c *checker) resolveTypes() {
	for _, d := range c.order {
		c.resolveType(d)
	}
	for _, f := range c.fields {
		c.finish(f)
	}
	for _, d := range c.order {
		if d.variants != nil {
			c.resolveVariants(d)
		}
	}
}

// finish resolves a field's type and checks what hangs on it.
func (c *checker) finish(f *Field) {
	p := c.pending[f]
	if f.Type == nil && p.typeText != "" {
		f.Type = c.parseType(p, p.typeText)
	}
	if f.Type != nil {
		c.checkBounds(f, p)
	}
}

func (c *checker) resolveType(d *typeDecl) {
	if d.state != 0 {
		return
	}
	d.state = 1
	if d.include != "" {
		base := c.types[d.include]
		if base == nil {
			d.bad(d.node, near(d.include, c.types), "type %q includes %q, which nobody defines", d.object.Name, d.include)
		} else if base.state == 1 {
			d.bad(d.node, "take one include away", "type %q includes %q, which includes it in turn", d.object.Name, d.include)
		} else {
			c.resolveType(base)
			own := d.object
			fields := make([]*Field, 0, len(base.object.Fields)+len(own.Fields))
			for _, f := range base.object.Fields {
				if own.Field(f.Name) == nil {
					fields = append(fields, f)
				}
			}
			own.Fields = append(fields, own.Fields...)
			own.Include = base.object
		}
	}
	d.state = 2
	switch n := len(d.object.Fields); {
	case n == 0:
		d.bad(d.node, "fields: {name: {type: string}}", "type %q has no fields", d.object.Name)
	case n > maxFields:
		d.bad(d.node, "split it, or make a part of it json", "type %q has %d fields, more than %d", d.object.Name, n, maxFields)
		d.object.Fields = d.object.Fields[:maxFields]
	}
	custom := ""
	names := map[string]string{}
	for _, f := range d.object.Fields {
		g := GoName(f.Name)
		if other, ok := names[g]; ok {
			d.bad(d.node, "leave one out", "fields %q and %q of type %s would have one Go name, %s", other, f.Name, d.object.Name, g)
		}
		names[g] = f.Name
		if c.pending[f].typeText != "custom_fields" {
			continue
		}
		if custom != "" {
			d.bad(d.node, "leave one out", "type %q has two fields of type custom_fields, %q and %q", d.object.Name, custom, f.Name)
		}
		custom = f.Name
	}
}

var scalarTypes = map[string]Kind{
	"string": String, "richtext": RichText, "integer": Integer, "number": Number, "boolean": Boolean, "date": Date,
	"datetime": DateTime, "date_or_datetime": DateOrDateTime, "cents": Cents, "email": Email, "phone": Phone, "url": URL,
	"timezone": Timezone, "json": JSON, "id": ID, "custom_fields": CustomFields,
}

const typeHint = "a type is one word, or list T, map T, enum Name, id KIND"

// parseType reads a type such as "list id user".
func (c *checker) parseType(p *pendingField, text string) *Type {
	words := strings.Fields(text)
	bad := func(hint, format string, args ...any) *Type {
		p.bad(p.typePos, hint, format, args...)
		return nil
	}
	if len(words) > 3 {
		return bad(typeHint, "type %q has too many words", text)
	}
	rest := words[1:]
	switch w := words[0]; w {
	case "list", "map":
		if len(rest) == 0 {
			return bad("for example "+w+" string", "a %s needs the type of its elements", w)
		}
		elem := c.parseType(p, strings.Join(rest, " "))
		if elem == nil {
			return nil
		}
		if elem.Kind == List || elem.Kind == Map || elem.Kind == CustomFields {
			return bad("make the elements an object, or json", "a %s of %s is not possible", w, strings.Join(rest, " "))
		}
		if w == "list" {
			return &Type{Kind: List, Elem: elem}
		}
		return &Type{Kind: Map, Elem: elem}
	case "enum":
		if len(rest) != 1 {
			return bad("for example enum ValuePeriod", "enum needs one name")
		}
		e := c.enums[rest[0]]
		if e == nil {
			return bad(near(rest[0], c.enums), "nobody defines the enum %q", rest[0])
		}
		return &Type{Kind: EnumType, Enum: e}
	case "id":
		if len(rest) == 0 {
			return &Type{Kind: ID}
		}
		k := c.ids[rest[0]]
		if k == nil || len(rest) > 1 {
			return bad(near(rest[0], c.ids), "close.yaml has no id kind %q", strings.Join(rest, " "))
		}
		return &Type{Kind: ID, ID: k}
	default:
		if len(rest) > 0 {
			return bad(typeHint, "type %q has too many words", text)
		}
		if k, ok := scalarTypes[w]; ok {
			return &Type{Kind: k}
		}
		if d := c.types[w]; d != nil {
			return &Type{Kind: ObjectType, Object: d.object}
		}
		if c.enums[w] != nil {
			return bad("write enum "+w, "%q is an enum", w)
		}
		names := make([]string, 0, len(scalarTypes)+len(c.types))
		for n := range scalarTypes {
			names = append(names, n)
		}
		for n := range c.types {
			names = append(names, n)
		}
		slices.Sort(names)
		return bad(didYouMean(w, names), "nobody defines the type %q", w)
	}
}

func near[T any](name string, in map[string]T) string {
	names := make([]string, 0, len(in))
	for n := range in {
		names = append(names, n)
	}
	slices.Sort(names)
	return didYouMean(name, names)
}

func didYouMean(name string, names []string) string {
	if n := nearest(name, names); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	return ""
}

// checkBounds reports properties that the field's type does not have, and
// values that do not fit it.
func (c *checker) checkBounds(f *Field, p *pendingField) {
	k := f.Type.Kind
	isNumber := k == Integer || k == Number || k == Cents
	text := f.Type
	if k == List {
		text = f.Type.Elem
	}
	isText := text.Kind == String || text.Kind == RichText || text.Kind == Email || text.Kind == Phone || text.Kind == URL
	const numbers, lists, texts = "it is for integer, number and cents", "it is for lists", "it is for texts and lists of texts"
	for _, b := range []struct {
		key, hint string
		ok        bool
	}{
		{"min", numbers, isNumber},
		{"max", numbers, isNumber},
		{"min_items", lists, k == List},
		{"max_items", lists, k == List},
		{"max_length", texts, isText},
	} {
		if pos, ok := p.given[b.key]; ok && !b.ok {
			p.bad(pos, b.hint, "field %q of type %s cannot have %s", f.Name, p.typeText, b.key)
		}
	}
	for _, v := range []struct {
		key string
		raw json.RawMessage
	}{{"preset", f.Preset}, {"default", f.Default}, {"example", f.Example}} {
		if v.raw != nil && !fits(f.Type, v.raw) {
			p.bad(p.given[v.key], fitHint(f.Type), "the %s of field %q does not fit its type, %s", v.key, f.Name, p.typeText)
		}
	}
}

// fitHint says what fits a type.
func fitHint(t *Type) string {
	if t.Kind == List {
		t = t.Elem
	}
	if t.Kind == EnumType {
		return "one of " + strings.Join(t.Enum.Words(), ", ")
	}
	return ""
}

// fits reports whether JSON is of the right sort for a type, roughly: the
// schemas check examples in full.
func fits(t *Type, raw json.RawMessage) bool {
	first := byte(0)
	if len(raw) > 0 {
		first = raw[0]
	}
	switch t.Kind {
	case Integer, Cents:
		_, err := strconv.ParseInt(string(raw), 10, 64)
		return err == nil
	case Number:
		return first == '-' || first >= '0' && first <= '9'
	case Boolean:
		return first == 't' || first == 'f'
	case List:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return false
		}
		return !slices.ContainsFunc(list, func(e json.RawMessage) bool { return !fits(t.Elem, e) })
	case EnumType:
		var s string
		return json.Unmarshal(raw, &s) == nil && (t.Enum.Open || slices.Contains(t.Enum.Words(), s))
	case Map, ObjectType, CustomFields:
		return first == '{'
	case JSON:
		return true
	case String, RichText, Date, DateTime, DateOrDateTime, Email, Phone, URL, Timezone, ID:
		return first == '"'
	}
	return false
}

// isText reports whether values are sent as text.
func (t *Type) isText() bool {
	return slices.Contains([]Kind{String, RichText, Date, DateTime, DateOrDateTime, Email, Phone, URL, Timezone, ID, EnumType}, t.Kind)
}

func (c *checker) resolveVariants(d *typeDecl) {
	o := d.object
	var by string
	var of, has *yaml.Node
	d.keys(d.variants, "variants", map[string]func(*yaml.Node){
		"by": func(n *yaml.Node) {
			d.text(&by)(n)
			f := o.Field(by)
			switch {
			case by == "":
			case f == nil:
				d.bad(n, didYouMean(by, fieldNames(o.Fields)), "type %q has no field %q", o.Name, by)
			case f.Type != nil && f.Type.Kind != String && f.Type.Kind != EnumType:
				d.bad(n, "", "field %q must be a string or an enum to tell variants apart", by)
			}
		},
		"of":  func(n *yaml.Node) { of = n },
		"has": func(n *yaml.Node) { has = n },
	})
	if (of == nil) != (by == "") {
		d.bad(d.variants, "{by: _type, of: {Call: Call}}", "by and of go together")
		return
	}
	seen := map[string]bool{}
	read := func(what string, n *yaml.Node) {
		if n == nil {
			return
		}
		d.each(n, what, func(k, v *yaml.Node) {
			to := c.types[v.Value]
			switch {
			case to == nil:
				d.bad(v, near(v.Value, c.types), "nobody defines the type %q", v.Value)
			case seen[v.Value]:
				d.bad(v, "", "type %q is a variant of %s twice", v.Value, o.Name)
			case what == "of":
				o.Variants = append(o.Variants, Variant{Object: to.object, By: by, Is: k.Value})
			default:
				o.Variants = append(o.Variants, Variant{Object: to.object, Has: k.Value})
			}
			seen[v.Value] = true
		})
	}
	read("of", of)
	read("has", has)
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
