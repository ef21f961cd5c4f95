package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/recordfile"
	"github.com/closekit/closekit/manifest"
)

// Recording compares a manifest with recorded traffic: members that it does not know,
// values of other types, and members that it says are always there and are missing. Only
// exchanges that succeeded count. What was sent is compared too, because a request that
// Close accepted shows what it takes.
func Recording(api *manifest.API, r io.Reader) (*Report, error) {
	list, _, err := recordfile.Read(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it read
	}
	routes := newRoutes(api)
	report := &Report{}
	used := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.Status/100 != 2 {
			continue
		}
		path := strings.TrimPrefix(e.Path, api.Prefix)
		t := routes.find(e.Method, path)
		if t == nil {
			report.Differences = append(report.Differences, Difference{Change: New, Kind: Operation, Method: e.Method, Path: path})
			continue
		}
		used[t.Name] = true
		o := &observation{comparison: comparison{report, Difference{Tool: t.Name, Method: t.Method, Path: t.Path}}, kind: QueryParameter, shape: request(t, manifest.InQuery)}
		o.query(e.Query)
		o.kind, o.shape = BodyMember, request(t, manifest.InBody)
		o.json(e.Body)
		if o.kind, o.shape = ResponseMember, response(api, t); o.shape != nil {
			// Who selects fields does not get the others.
			o.partial = strings.Contains(e.Query, "_fields=")
			o.json(e.Response)
		}
	}
	report.Operations = len(used)
	report.finish()
	return report, nil
}

// routes finds the tool of a path.
type routes map[string][]*manifest.Tool // by method

func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

func newRoutes(api *manifest.API) routes {
	rs := routes{}
	for _, t := range api.Tools() {
		rs[t.Method] = append(rs[t.Method], t)
	}
	return rs
}

// find returns the tool whose path has the most fixed segments, or nil.
func (rs routes) find(method, path string) (best *manifest.Tool) {
	most := -1
	for _, t := range rs[method] {
		if n := matches(t, segments(path)); n > most {
			best, most = t, n
		}
	}
	return best
}

// matches counts the fixed segments of a tool's path that a path has; -1 if it is
// another path.
func matches(t *manifest.Tool, path []string) (fixed int) {
	for i, seg := range segments(t.Path) {
		switch {
		case i >= len(path):
			return -1
		case !strings.HasPrefix(seg, "{"):
			if seg != path[i] {
				return -1
			}
			fixed++
		default:
			p := t.Param(strings.Trim(seg, "{}."))
			if p != nil && p.Type.Kind == manifest.Segments {
				return fixed // the rest of the path
			}
		}
	}
	if len(segments(t.Path)) != len(path) {
		return -1
	}
	return fixed
}

// observation compares values with the shape that the manifest has for them.
type observation struct {
	comparison
	kind    Kind
	shape   shape
	partial bool
}

func (o *observation) query(q string) {
	values, err := url.ParseQuery(q)
	if err != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		m := o.shape[name]
		switch text := values.Get(name); {
		case m == nil:
			o.add(New, o.kind, name, "string", false)
		case m.types["integer"] && len(m.types) == 1 && !isInteger(text) && text != "":
			o.add(Different, o.kind, name, "integer in the manifest, another text here", false)
		case m.types["boolean"] && len(m.types) == 1 && text != "true" && text != "false" && text != "":
			o.add(Different, o.kind, name, "boolean in the manifest, another text here", false)
		}
	}
}

func isInteger(s string) bool { _, err := strconv.ParseInt(s, 10, 64); return err == nil }

func (o *observation) json(data []byte) {
	if len(data) == 0 {
		return
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) == nil {
		o.value("", v)
	}
}

func (o *observation) value(path string, v any) {
	m := o.shape[path]
	types := typesOf(v)
	if len(types) == 0 || m == nil { // null says nothing about the type
		return
	}
	theirs := map[string]bool{types[0]: true}
	if len(m.types) > 0 && !fits(o.kind, m.types, theirs) {
		o.add(Different, o.kind, path, fmt.Sprintf("%s in the manifest, %s here", typeWords(m.types), typeWords(theirs)), false)
		return
	}
	switch v := v.(type) {
	case string:
		if m.enum != nil && !slices.Contains(m.enum, v) && v != "" {
			o.add(New, o.kind, path, fmt.Sprintf("the value %q", v), false)
		}
	case []any:
		for _, e := range v {
			o.value(path+"[]", e)
		}
	case object:
		o.members(path, m, v)
	}
}

func (o *observation) members(path string, m *member, v object) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		at := child(path, name)
		if isCustom(name) {
			at = child(path, customFields)
		}
		if o.shape[at] == nil && !m.open && !o.shape.covers(at) {
			o.add(New, o.kind, at, typeWords(o.types(v[name])), false)
			continue
		}
		o.value(at, v[name])
	}
	if o.kind != ResponseMember || o.partial {
		return
	}
	for at, ours := range o.shape {
		if parent, ok := above(at); !ok || parent != path || strings.HasSuffix(at, "[]") || !ours.always {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(at, path), ".")
		if v[name] == nil {
			o.add(Gone, o.kind, at, "the manifest says it is always there", false)
		}
	}
}

func (o *observation) types(v any) map[string]bool {
	set := map[string]bool{}
	for _, t := range typesOf(v) {
		set[t] = true
	}
	return set
}
