package manifest

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// ShowField is a field of a response that a model usually needs.
type ShowField struct {
	Name string      // a field, or a path of fields such as emails.email
	Max  int         // of a list: how many of it; 0 for all
	Show []ShowField // of an object or a list of objects: its fields; empty for all
}

// shown reads a list of fields; an entry may be {name: [fields], max: 3}.
func (r *reader) shown(to *[]ShowField) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if r.marked[n] {
			return
		}
		key := *r.key
		*to = []ShowField{}
		seen := map[string]bool{}
		for _, item := range n.Content {
			if r.marked[item] {
				continue
			}
			f := ShowField{}
			if item.Kind == yaml.ScalarNode {
				r.text(&f.Name)(item)
			} else if !r.nested(item, &f) {
				continue
			}
			if f.Name != "" && seen[f.Name] {
				r.bad(item, "", "%s lists %q twice", key, f.Name)
			}
			seen[f.Name] = true
			*to = append(*to, f)
		}
	}
}

// nested reads {name: [fields], max: 3}.
func (r *reader) nested(n *yaml.Node, f *ShowField) bool {
	for _, kv := range pairs(n) {
		switch name, value := kv[0].Value, kv[1]; {
		case name == "max" && value.Kind == yaml.ScalarNode:
			if f.Max = int(whole(value)); value.Tag != "!!int" || f.Max < 1 {
				r.bad(value, "for example 3", "max must be an integer of 1 or more, not %q", value.Value)
			}
		case f.Name != "" || value.Kind != yaml.SequenceNode:
			r.bad(kv[0], "{contacts: [id, name], max: 3}", "an entry of show is a field, or one field with a list of its fields")
			return false
		default:
			f.Name = name
			r.shown(&f.Show)(value)
		}
	}
	if f.Name == "" {
		r.bad(n, "{contacts: [id, name], max: 3}", "an entry of show names no field")
	}
	return f.Name != ""
}

// checkShown reports what o does not have.
func (d *toolDecl) checkShown(at *yaml.Node, o *Object, list []ShowField) {
	for _, s := range list {
		in, isList, ok := d.follow(at, o, s.Name)
		switch {
		case !ok: // it was reported
		case s.Max > 0 && !isList:
			d.bad(at, "leave max out", "%s of %s is no list, of which some can be shown", s.Name, o.Name)
		case len(s.Show) > 0 && in == nil:
			d.bad(at, "name it alone", "%s of %s has no fields to show", s.Name, o.Name)
		case len(s.Show) > 0:
			d.checkShown(at, in, s.Show)
		}
	}
}

// follow goes along a path of fields. It returns the object at its end, if it is one
// or a list of them, and whether there is a list on the way.
func (d *toolDecl) follow(at *yaml.Node, o *Object, path string) (end *Object, isList, ok bool) {
	end = o
	for part := range strings.SplitSeq(path, ".") {
		if end == nil {
			d.bad(at, "name it alone", "%s of %s has no fields to show", strings.TrimSuffix(path, "."+part), o.Name)
			return nil, false, false
		}
		f := end.Field(part)
		if f == nil {
			d.bad(at, nearName(part, fieldNames(end.Fields)), "%s has no field %q to show", end.Name, part)
			return nil, false, false
		}
		if f.Type == nil {
			return nil, false, false // it was reported
		}
		isList = isList || f.Type.Kind == List
		end = listItem(f.Type)
	}
	return end, isList, true
}
