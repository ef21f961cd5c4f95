package manifest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// PreviewRead is a call of a reading tool, which shows a person what a call of another
// tool is about. It is left out when that call does not give all of its parameters.
type PreviewRead struct {
	Tool  string      // close_email_get
	With  [][2]string // a parameter of Tool, and the one that its value comes from
	Show  []ShowField // what to show of the record; empty for what Tool itself shows
	Count string      // of a list: what is counted, in plural; nothing else is shown of it
}

// checkPreview reads what a tool shows before it is called. Without the key it is the
// record of every id.
func (d *toolDecl) checkPreview(c *checker) {
	last := d.last("preview")
	n := last.given["preview"]
	switch {
	case n == nil:
		d.tool.Preview = c.idPreview(d.tool)
	case last.marked[n]:
	case d.tool.Effect == Reads:
		last.bad(n, "it is for tools that change something", "tool %q reads and needs no preview", d.tool.Name)
	default:
		d.tool.Preview = []PreviewRead{}
		for _, item := range n.Content {
			if p, ok := last.previewRead(c, item, d.tool); ok {
				d.tool.Preview = append(d.tool.Preview, p)
			}
		}
	}
}

// previewRead reads one entry of the preview of a tool.
func (d *toolDecl) previewRead(c *checker, n *yaml.Node, of *Tool) (p PreviewRead, ok bool) {
	var get, list string
	var show, with *yaml.Node
	if !d.keys(n, "preview", map[string]func(*yaml.Node){
		"get": d.text(&get), "list": d.text(&list), "count": d.text(&p.Count),
		"with": func(n *yaml.Node) { with = n },
		"show": func(n *yaml.Node) { show = n; d.shown(&p.Show)(n) },
	}) || with == nil || d.marked[with] || d.marked[show] {
		return p, false
	}
	switch {
	case (get == "") == (list == ""):
		d.bad(n, "{get: close_lead_get, with: {lead_id: lead_id}}", "an entry of preview has either get or list")
		return p, false
	case list != "" && (p.Count == "" || show != nil), list == "" && p.Count != "":
		d.bad(n, "{list: close_contacts_list, with: {lead_id: lead_id}, count: contacts}", "an entry of preview with list has count, and one with get can have show")
		return p, false
	}
	name := cmp.Or(get, list)
	replaced := c.instead[name] != ""
	read := c.tools[cmp.Or(c.instead[name], name)]
	switch {
	case read == nil:
		d.bad(n, nearName(name, slices.Sorted(maps.Keys(c.tools))), "the preview of %s reads with %q, which is no tool", of.Name, name)
		return p, false
	case read.tool.Returns == nil && read.returns != "nothing", read.broken("effect"):
		return p, false // what is wrong with it was reported
	case read.tool.Effect != Reads, read.tool.Returns == nil, (read.tool.Returns.Kind == List) == (list == ""):
		if !replaced {
			d.bad(n, "get is for a tool that reads one record, list for one that reads a list", "the preview of %s cannot read with %s", of.Name, name)
		}
		return p, false
	}
	p.Tool = read.tool.Name
	r := d.reader
	if replaced { // what the new tool does not have is no mistake of the old one's preview
		r.ps = new(Problems)
	}
	if !r.previewParams(with, &p, read.tool, of) {
		return p, false
	}
	if show != nil {
		r.checkShown(show, listItem(read.tool.Returns), p.Show)
	}
	return p, r.ps == d.ps || len(*r.ps) == 0
}

// previewParams reads where the parameters of a read come from, and reports whether
// that is right.
func (r reader) previewParams(n *yaml.Node, p *PreviewRead, read, of *Tool) bool {
	before := len(*r.ps)
	for _, kv := range pairs(n) {
		to, from := read.Param(kv[0].Value), of.Param(kv[1].Value)
		switch {
		case to == nil:
			r.bad(kv[0], nearName(kv[0].Value, fieldNames(read.Params)), "%s has no parameter %q", read.Name, kv[0].Value)
		case from == nil:
			r.bad(kv[1], nearName(kv[1].Value, fieldNames(of.Params)), "%s has no parameter %q", of.Name, kv[1].Value)
		case to.Type != nil && from.Type != nil && !names(to.Type, from.Type):
			r.bad(kv[1], "", "%s of %s is no %s of %s", from.Name, of.Name, to.Name, read.Name)
		default:
			p.With = append(p.With, [2]string{to.Name, from.Name})
		}
	}
	if len(*r.ps) > before {
		return false
	}
	for _, param := range read.Params {
		if param.Required && !slices.ContainsFunc(p.With, func(w [2]string) bool { return w[0] == param.Name }) {
			r.bad(n, "with: {"+param.Name+": a parameter of "+of.Name+"}", "%s requires %s", read.Name, param.Name)
			return false
		}
	}
	if len(p.With) == 0 {
		r.bad(n, "with: {lead_id: lead_id}", "the preview of %s reads with %s whatever the call is about", of.Name, read.Name)
	}
	return len(*r.ps) == before
}

// names reports whether an id of one type may be given for the other, which may be a
// list.
func names(to, from *Type) bool {
	if to.Kind == List {
		to = to.Elem
	}
	if to.Kind != ID || from.Kind != ID {
		return false
	}
	return to.ID == nil || from.ID == nil || slices.Contains(to.ID.Prefixes, from.ID.Prefixes[0])
}

// idPreview is the preview of a tool that does not say one: the record that is changed
// by the tool with the same path, if that has no other parameter, and the record of each
// other id by the tool that its kind has.
func (c *checker) idPreview(t *Tool) []PreviewRead {
	if t.Effect == Reads {
		return nil
	}
	var list []PreviewRead
	for _, p := range t.Params {
		if p.Type == nil || p.Type.Kind != ID || p.Type.ID == nil {
			continue
		}
		if p.In == InPath && strings.Count(t.Path, "{") == 1 {
			if i := slices.IndexFunc(c.toolOrder, func(d *toolDecl) bool { return d.tool.Method == http.MethodGet && d.tool.Path == t.Path }); i >= 0 {
				list = append(list, PreviewRead{Tool: c.toolOrder[i].tool.Name, With: [][2]string{{p.Name, p.Name}}})
				continue
			}
		}
		if get := c.tools[p.Type.ID.Get]; get != nil {
			if param := onlyID(get.tool, p.Type.ID); param != "" {
				list = append(list, PreviewRead{Tool: get.tool.Name, With: [][2]string{{param, p.Name}}, Show: p.Type.ID.Show})
			}
		}
	}
	return list
}

// onlyID returns the name of the parameter of a tool that fetches a record by an id of
// this kind and nothing else.
func onlyID(t *Tool, kind *IDKind) string {
	name := ""
	for _, p := range t.Params {
		switch {
		case !p.Required:
		case name != "", p.Type == nil, p.Type.Kind != ID, p.Type.ID != kind:
			return ""
		default:
			name = p.Name
		}
	}
	if t.Effect != Reads || t.Returns == nil || t.Returns.Kind != ObjectType {
		return ""
	}
	return name
}

// checkGets reports kinds of ids whose tool does not fetch a record by such an id, and
// what this record does not have.
func (c *checker) checkGets() {
	r := c.reader(apiFile)
	for _, id := range c.api.IDs {
		at := c.idGet[id.Name]
		if at == nil || id.Get == "" {
			continue
		}
		isOther := slices.Contains(slices.Collect(maps.Values(c.instead)), id.Get)
		switch d := c.tools[id.Get]; {
		case d == nil:
			r.bad(at, nearName(id.Get, slices.Sorted(maps.Keys(c.tools))), "id kind %q is fetched with %q, which is no tool", id.Name, id.Get)
		case isOther, d.tool.Returns == nil: // it is not the tool that is meant, or it was reported
		case onlyID(d.tool, id) == "":
			r.bad(at, "a tool that needs such an id and nothing else, and returns one record", "id kind %q cannot be fetched with %s", id.Name, id.Get)
		default:
			r.checkShown(at, d.tool.Returns.Object, id.Show)
		}
	}
}
