package manifest

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// typeDecl is a type as written.
type typeDecl struct {
	reader
	node     *yaml.Node
	object   *Object
	fields   []*fieldDecl // those of the included type too, once resolved
	include  string
	variants *yaml.Node
	cases    *yaml.Node
	state    int  // 0 as written, 1 being resolved, 2 done
	broken   bool // the shape of the type or of its fields was reported
}

func (c *checker) declareTypes(r reader, res *Resource, n *yaml.Node, addition bool) {
	r.each(n, func(k, v *yaml.Node) {
		hasAbout := slices.ContainsFunc(pairs(v), func(kv [2]*yaml.Node) bool { return kv[0].Value == "about" })
		if old := c.types[k.Value]; old != nil && addition && !hasAbout {
			c.extendType(r, old, k, v)
			return
		}
		if !hasAbout && !r.marked[v] {
			r.bad(k, "one sentence", "type %s lacks the key about", k.Value)
		}
		d := &typeDecl{reader: r, node: k, object: &Object{Name: k.Value, Pos: r.pos(k), Untrusted: res.Untrusted}}
		if !typeName.MatchString(k.Value) {
			r.bad(k, "for example Lead", "a type must be named in CamelCase, not %q", k.Value)
		}
		r.keys(v, "type "+k.Value, map[string]func(*yaml.Node){
			"about": r.text(&d.object.About), "include": r.text(&d.include),
			"variants":  func(n *yaml.Node) { d.variants = n },
			"cases":     func(n *yaml.Node) { d.cases = n },
			"schema":    func(n *yaml.Node) { d.object.Brief = n.Value == "brief" },
			"untrusted": r.flag(&d.object.Untrusted),
			"dates":     func(n *yaml.Node) { d.object.NoOffset = n.Value == "no_offset" },
			"fields": func(n *yaml.Node) {
				d.broken = r.marked[n]
				r.each(n, func(name, spec *yaml.Node) {
					d.fields = append(d.fields, c.readField(r, name, spec, nil))
				})
			},
		})
		d.broken = d.broken || r.marked[v]
		if !c.own(r, k, "type", k.Value) {
			return
		}
		c.types[k.Value] = d
		c.typeOrder = append(c.typeOrder, d)
		res.Types = append(res.Types, d.object)
	})
}

// extendType reads the fields that an addition adds to a type.
func (c *checker) extendType(r reader, old *typeDecl, k, v *yaml.Node) {
	r.keys(v, "an extension of "+k.Value, map[string]func(*yaml.Node){
		"fields": func(n *yaml.Node) {
			r.each(n, func(name, spec *yaml.Node) {
				f := c.readField(r, name, spec, nil)
				if first := c.declaredField(old, f.Name); first != nil {
					r.bad(name, "first at "+first.Pos.String()+"; an addition only adds fields", "type %q has the field %q", k.Value, f.Name)
					return
				}
				f.Added = true
				old.fields = append(old.fields, f)
			})
		},
	})
}

// declaredField finds a field of a type, or of the types that it includes.
func (c *checker) declaredField(d *typeDecl, name string) *fieldDecl {
	for range len(c.types) { // includes may go round in circles, which is reported later
		for _, f := range d.fields {
			if f.Name == name {
				return f
			}
		}
		if d = c.types[d.include]; d == nil {
			break
		}
	}
	return nil
}

// resolveTypes looks up what fields refer to and joins included types.
func (c *checker) resolveTypes() {
	for _, d := range c.typeOrder {
		c.resolveType(d)
	}
	for _, f := range c.fields {
		c.finish(f)
	}
	for _, d := range c.typeOrder {
		if d.variants != nil {
			c.resolveVariants(d)
		}
		if d.cases != nil {
			d.object.Cases = c.readCases(d.reader, d.cases, "type "+d.object.Name, d.object.Fields)
		}
	}
}

func (c *checker) resolveType(d *typeDecl) {
	if d.state != 0 {
		return
	}
	d.state = 1
	c.include(d)
	d.state = 2
	switch n := len(d.fields); {
	case n == 0 && !d.broken:
		d.bad(d.node, "fields: {name: {type: string}}", "type %q has no fields", d.object.Name)
	case n > maxFields:
		d.bad(d.node, "split it, or make a part of it json", "type %q has %d fields, more than %d", d.object.Name, n, maxFields)
		d.fields = d.fields[:maxFields]
	}
	custom := ""
	for _, f := range d.fields {
		d.object.Fields = append(d.object.Fields, f.Field)
		if f.typeText != "custom_fields" {
			continue
		}
		if custom != "" {
			d.bad(d.node, "leave one out", "type %q has two fields of type custom_fields, %q and %q", d.object.Name, custom, f.Name)
		}
		custom = f.Name
	}
}

// include puts the fields of the included type before those of its own.
func (c *checker) include(d *typeDecl) {
	if d.include == "" {
		return
	}
	base := c.types[d.include]
	if base == nil {
		d.bad(d.node, near(d.include, c.types), "type %q includes %q, which is not defined", d.object.Name, d.include)
		return
	}
	if base.state == 1 {
		d.bad(d.node, "take one include away", "type %q includes %q, which includes it in turn", d.object.Name, d.include)
		return
	}
	c.resolveType(base)
	var fields []*fieldDecl
	for _, f := range base.fields {
		isSame := func(own *fieldDecl) bool { return own.Name == f.Name }
		if !slices.ContainsFunc(d.fields, isSame) {
			fields = append(fields, f)
		}
	}
	d.fields = append(fields, d.fields...)
	d.object.Include = base.object
}

func (c *checker) resolveVariants(d *typeDecl) {
	o := d.object
	var by string
	var of, has *yaml.Node
	var in []string
	d.keys(d.variants, "variants", map[string]func(*yaml.Node){
		"by": func(n *yaml.Node) {
			d.text(&by)(n)
			f := o.Field(by)
			switch {
			case by == "":
			case f == nil:
				d.bad(n, nearName(by, fieldNames(o.Fields)), "type %q has no field %q", o.Name, by)
			case f.Type != nil && f.Type.Kind != String && f.Type.Kind != EnumType:
				d.bad(n, "", "field %q must be a string or an enum to tell variants apart", by)
			}
		},
		"of": func(n *yaml.Node) { of = n },
		"in": func(n *yaml.Node) {
			d.words(&in)(n)
			for _, name := range in {
				if f := o.Field(name); f == nil || f.Type != nil && f.Type.Kind != JSON {
					d.bad(n, "fields of type json", "variants of %s are in %q, which is no field of JSON", o.Name, name)
				}
			}
			if len(in) != 2 && !d.marked[n] {
				d.bad(n, "in: [data, previous_data]", "variants of %s need two fields, after and before", o.Name)
			}
		},
		"changed": func(n *yaml.Node) {
			d.text(&o.Changed)(n)
			if f := o.Field(o.Changed); f == nil || f.Type != nil && (f.Type.Kind != List || f.Type.Elem.Kind != String) {
				d.bad(n, "a field of type list string", "variants of %s have the names of what changed in %q, which is no list of texts", o.Name, o.Changed)
			}
		},
		"has": func(n *yaml.Node) { has = n },
	})
	if d.marked[d.variants] {
		return
	}
	if (in != nil || o.Changed != "") && (has != nil || of == nil || (in == nil) != (o.Changed == "")) {
		d.bad(d.variants, "{by: object_type, in: [data, previous_data], changed: changed_fields, of: {lead: Lead}}", "in and changed go together, with by and of")
		return
	}
	if (of == nil) != (by == "") {
		d.bad(d.variants, "{by: _type, of: {Call: Call}}", "by and of go together")
		return
	}
	seen := map[string]bool{}
	read := func(what string, n *yaml.Node) {
		if n == nil {
			return
		}
		d.each(n, func(k, v *yaml.Node) {
			to := c.types[v.Value]
			switch {
			case d.marked[v]:
			case to == nil:
				d.bad(v, near(v.Value, c.types), "type %q is not defined", v.Value)
			case what == "of" && slices.ContainsFunc(o.Variants, isOf(to.object)):
				variant := &o.Variants[slices.IndexFunc(o.Variants, isOf(to.object))]
				variant.Is = append(variant.Is, k.Value)
			case seen[v.Value]:
				d.bad(v, "", "type %q is a variant of %s twice", v.Value, o.Name)
			case what == "of":
				o.Variants = append(o.Variants, Variant{Object: to.object, By: by, Is: []string{k.Value}, In: in})
			default:
				o.Variants = append(o.Variants, Variant{Object: to.object, Has: k.Value})
			}
			seen[v.Value] = true
		})
	}
	read("of", of)
	read("has", has)
}

// isOf finds the variant of an object that the values of a field tell apart.
func isOf(o *Object) func(Variant) bool {
	return func(v Variant) bool { return v.Object == o && v.By != "" }
}
