package manifest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// plainPreset is JSON whose values need no escaping in a query.
var plainPreset = regexp.MustCompile(`^\[?("[A-Za-z0-9_.-]*"|[0-9.-]+|true|false)(,("[A-Za-z0-9_.-]*"|[0-9.-]+|true|false))*\]?$`)

// params gathers the parameters: those of the path, its own, those it takes,
// those of groups.
func (c *checker) params(d *toolDecl) {
	t := d.tool
	own := map[string][2]*yaml.Node{}
	var ownOrder []string
	if n := d.given["params"]; n != nil {
		d.each(n, func(k, v *yaml.Node) {
			own[k.Value] = [2]*yaml.Node{k, v}
			ownOrder = append(ownOrder, k.Value)
		})
	}
	// add takes a parameter with what the tool itself says of it.
	add := func(base *fieldDecl, place Place) {
		p := base
		if kv, ok := own[base.Name]; ok {
			p = c.readField(d.reader, kv[0], kv[1], base)
			c.finish(p)
		}
		c.addParam(d, p, place)
	}
	inPath := c.pathParams(d, own)
	place := InBody
	if t.Method == http.MethodGet || t.Method == http.MethodDelete {
		place = InQuery
	}
	taken := c.taken(d)
	var grouped []*fieldDecl
	for _, g := range d.with {
		fields, ok := c.groups[g]
		if !ok {
			d.bad(d.at("with"), near(g, c.groups), "close.yaml has no parameter group %q", g)
		}
		for _, f := range fields {
			grouped = append(grouped, f.copied())
		}
	}
	// Own parameters that are new come first, in their order.
	for _, name := range ownOrder {
		isOther := func(f *fieldDecl) bool { return f.Name == name }
		if !slices.Contains(inPath, name) && !slices.ContainsFunc(taken, isOther) && !slices.ContainsFunc(grouped, isOther) {
			p := c.readField(d.reader, own[name][0], own[name][1], nil)
			c.finish(p)
			c.addParam(d, p, place)
		}
	}
	for _, a := range d.additions {
		a.each(a.given["params"], func(k, v *yaml.Node) {
			isOther := func(f *fieldDecl) bool { return f.Name == k.Value }
			if t.Param(k.Value) != nil || slices.ContainsFunc(taken, isOther) || slices.ContainsFunc(grouped, isOther) {
				a.bad(k, "an addition only adds parameters", "tool %q has the parameter %q", t.Name, k.Value)
				return
			}
			p := c.readField(a.reader, k, v, nil)
			c.finish(p)
			c.addParam(d, p, place)
		})
	}
	for _, f := range taken {
		add(f, place)
	}
	for _, f := range grouped {
		add(f, InQuery)
	}
	for _, name := range d.required {
		p := t.Param(name)
		if p == nil {
			d.bad(d.at("required"), nearName(name, fieldNames(t.Params)), "tool %q requires %q, which is no parameter", t.Name, name)
			continue
		}
		p.Required = true
	}
	c.checkParams(d)
}

// pathParams adds the parameters of the path and lists their names.
func (c *checker) pathParams(d *toolDecl, own map[string][2]*yaml.Node) (names []string) {
	for _, m := range pathParam.FindAllStringSubmatch(d.tool.Path, -1) {
		name := m[1]
		names = append(names, name)
		var p *fieldDecl
		if kind := c.ids[strings.TrimSuffix(name, "_id")]; kind != nil && strings.HasSuffix(name, "_id") {
			f := &Field{Name: name, Pos: d.tool.Pos, Type: &Type{Kind: ID, ID: kind}, Read: true, Create: true, Update: true}
			f.About = "Id of the " + kind.Noun + "."
			p = &fieldDecl{Field: f, typeText: "id " + kind.Name, given: map[string]Pos{}}
		}
		if kv, ok := own[name]; ok {
			p = c.readField(d.reader, kv[0], kv[1], p)
			c.finish(p)
		}
		if p == nil {
			d.bad(d.at("http"), "declare it under params with its type", "path parameter %q has no parameter of that name, and %q is no id kind", name, strings.TrimSuffix(name, "_id"))
			continue
		}
		p.Required, p.In = true, InPath
		c.addParam(d, p, InPath)
	}
	return names
}

func (c *checker) addParam(d *toolDecl, p *fieldDecl, place Place) {
	t := d.tool
	if p.In == "" {
		p.In = place
	}
	switch {
	case t.Param(p.Name) != nil:
		d.bad(d.key, "leave one out with without: or rename it", "tool %q has two parameters %q", t.Name, p.Name)
	case len(t.Params) == maxFields:
		d.bad(d.key, "", "tool %q has more than %d parameters", t.Name, maxFields)
	default:
		t.Params = append(t.Params, p.Field)
		d.params = append(d.params, p)
	}
}

// taken lists copies of the fields that the tool takes from a type.
func (c *checker) taken(d *toolDecl) []*fieldDecl {
	if d.takes == "" {
		return nil
	}
	decl := c.types[d.takes]
	if decl == nil {
		d.bad(d.at("takes"), near(d.takes, c.types), "type %q is not defined", d.takes)
		return nil
	}
	for key, list := range map[string][]string{"only": d.only, "without": d.without} {
		for _, name := range list {
			if decl.object.Field(name) == nil {
				d.bad(d.at(key), nearName(name, fieldNames(decl.object.Fields)), "type %q has no field %q", d.takes, name)
			}
		}
	}
	var fields []*fieldDecl
	for _, f := range decl.fields {
		writable := f.Create
		if d.tool.Update {
			writable = f.Update
		}
		if !writable || d.only != nil && !slices.Contains(d.only, f.Name) || slices.Contains(d.without, f.Name) {
			continue
		}
		p := f.copied()
		p.Required = false // that is for the tool to say
		if d.tool.Update {
			p.Default = nil // what is left out stays as it is
		}
		fields = append(fields, p)
	}
	if len(fields) == 0 {
		d.bad(d.at("takes"), "look at access, only and without", "type %q has no field that %s may write", d.takes, d.tool.Name)
	}
	return fields
}

func (c *checker) checkParams(d *toolDecl) {
	t := d.tool
	seen := map[*Object]bool{}
	sent := map[Place]map[string]string{InPath: {}, InQuery: {}, InBody: {}}
	for _, p := range t.Params {
		if p.Type == nil {
			continue
		}
		if other := sent[p.In][p.Sent()]; other != "" {
			c.ps.add(p.Pos, "give one of them another key", "parameters %q and %q of %s are both sent as %q", other, p.Name, t.Name, p.Sent())
		}
		sent[p.In][p.Sent()] = p.Name
		c.noMaps(p.Type, seen)
		switch k := p.Type.Kind; {
		case k == Segments && p.In != InPath:
			c.ps.add(p.Pos, "use string", "parameter %q of %s has the type path, but is not in the path", p.Name, t.Name)
		case p.Key != "" && (p.In == InPath || k == CustomFields):
			c.ps.add(p.Pos, "leave key out", "parameter %q of %s is not sent by a name", p.Name, t.Name)
		case p.Preset != nil && p.In == InQuery && k == List && c.api.Conventions.RepeatLists:
			c.ps.add(p.Pos, "an API whose queries repeat lists has none", "parameter %q of %s cannot have a preset: it is a list in the query", p.Name, t.Name)
		case p.Preset != nil && p.In == InQuery && !plainPreset.Match(p.Preset):
			c.ps.add(p.Pos, "for example [id, name]", "the preset of parameter %q of %s must be words or numbers, for a query", p.Name, t.Name)
		case k == Map:
			c.ps.add(p.Pos, "use json or an object", "parameter %q of %s cannot be a map", p.Name, t.Name)
		case p.In == InPath && !strings.Contains(t.Path, "{"+p.Name+"}"):
			c.ps.add(p.Pos, "write it into http, or take in: path away", "parameter %q is in the path, which has no {%s}", p.Name, p.Name)
		case p.In == InQuery && (k == ObjectType || k == CustomFields || k == List && p.Type.Elem.Kind == ObjectType):
			c.ps.add(p.Pos, "make its parts parameters", "parameter %q of %s cannot be in the query: it is an object", p.Name, t.Name)
		case p.In == InBody && (t.Method == http.MethodGet || t.Method == http.MethodDelete):
			c.ps.add(p.Pos, "use in: query", "%s of %s has no body for parameter %q", t.Method, t.Name, p.Name)
		case p.In == InPath && (k == List || k == ObjectType || k == CustomFields || k == JSON):
			c.ps.add(p.Pos, "", "path parameter %q of %s must be a text or a number", p.Name, t.Name)
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
		case f.Key != "":
			c.ps.add(f.Pos, "name the field as Close does", "field %q of type %s cannot have a key: only parameters of a tool do", f.Name, o.Name)
		case f.Type == nil || !f.Create && !f.Update:
		case f.Type.Kind == Map:
			c.ps.add(f.Pos, "use json, an object, or access: read", "field %q of type %s is sent, so it cannot be a map", f.Name, o.Name)
		default:
			c.noMaps(f.Type, seen)
		}
	}
}
