package drift

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

var braces = regexp.MustCompile(`\{[^}]*\}`)

// route is a method and a path in a form in which two sides can be compared: without
// names of values and without the slash at the end.
func route(method, path string) string {
	return method + " " + strings.TrimSuffix(braces.ReplaceAllString(path, "{}"), "/")
}

// endpoint is an operation of the other side.
type endpoint struct {
	method, path          string
	query, body, response shape // nil where nothing is said
}

// compareEndpoints compares a manifest with all operations of the other side.
func compareEndpoints(api *manifest.API, list []*endpoint) *Report {
	r := &Report{}
	tools := map[string]*manifest.Tool{}
	for _, t := range api.Tools() {
		tools[route(t.Method, t.Path)] = t
	}
	seen := map[string]bool{}
	for _, e := range list {
		key := route(e.method, e.path)
		seen[key] = true
		t := tools[key]
		if t == nil {
			r.Differences = append(r.Differences, Difference{Change: New, Kind: Operation, Method: e.method, Path: e.path})
			continue
		}
		r.Operations++
		c := &comparison{r, Difference{Tool: t.Name, Method: t.Method, Path: t.Path}}
		if strings.HasSuffix(t.Path, "/") != strings.HasSuffix(e.path, "/") {
			c.add(Different, Operation, "", "the path is "+e.path, false)
		}
		c.part(QueryParameter, request(t, manifest.InQuery), e.query)
		c.part(BodyMember, request(t, manifest.InBody), e.body)
		c.part(ResponseMember, response(api, t), e.response)
	}
	for key, t := range tools {
		if !seen[key] {
			r.Differences = append(r.Differences, Difference{Change: Gone, Kind: Operation, Tool: t.Name, Method: t.Method, Path: t.Path})
		}
	}
	r.finish()
	return r
}

// comparison compares one operation.
type comparison struct {
	report *Report
	of     Difference
}

func (c *comparison) add(change Change, kind Kind, name, detail string, example bool) {
	d := c.of
	d.Change, d.Kind, d.Name, d.Detail, d.ByExample = change, kind, name, detail, example
	c.report.Differences = append(c.report.Differences, d)
}

// part compares the query, the body or the response. A side without a shape says
// nothing about it.
func (c *comparison) part(kind Kind, ours, theirs shape) {
	if theirs == nil || ours == nil {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(theirs)) {
		if path == "" {
			continue
		}
		their, our := theirs[path], ours[path]
		parent, _ := above(path)
		switch {
		case our != nil:
			c.member(kind, path, our, their)
		case ours[parent] == nil: // the parent is new, or anything may be in it
		case !ours.covers(path) && !strings.HasSuffix(path, "[]"):
			c.add(New, kind, path, their.words(), their.example)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(ours)) {
		our := ours[path]
		parent, _ := above(path)
		around := theirs[parent]
		switch {
		case path == "" || theirs[path] != nil || strings.HasSuffix(path, "[]"):
		case around == nil, around.open, around.example: // it says nothing about it
		case kind == ResponseMember && !our.always:
		default:
			c.add(Gone, kind, path, "", false)
		}
	}
}

func (c *comparison) member(kind Kind, path string, our, their *member) {
	if a, b := typeWords(our.types), typeWords(their.types); len(our.types) > 0 && len(their.types) > 0 && !fits(kind, our.types, their.types) {
		c.add(Different, kind, path, fmt.Sprintf("%s in the manifest, %s here", a, b), their.example)
		return
	}
	if their.required && !our.required && kind != ResponseMember {
		c.add(Different, kind, path, "required here, optional in the manifest", false)
	}
	if their.enum == nil || their.example {
		return
	}
	// An enum of the manifest that is open, or a plain string, accepts every value.
	if our.enum == nil {
		return
	}
	for _, v := range their.enum {
		if !slices.Contains(our.enum, v) {
			c.add(New, kind, path, fmt.Sprintf("the value %q", v), false)
		}
	}
	for _, v := range our.enum {
		if !strings.HasPrefix(v, "-") && !slices.Contains(their.enum, v) {
			c.add(Gone, kind, path, fmt.Sprintf("the value %q", v), false)
		}
	}
}

// fits reports whether two sets of types can be the same thing. In a query, all values
// are texts, and a list may be one with commas. One common type is enough: where
// the other side allows several, the manifest may have chosen one.
func fits(kind Kind, ours, theirs map[string]bool) bool {
	if kind == QueryParameter && (ours["array"] || theirs["array"] || ours["string"] && !theirs["object"]) {
		return true
	}
	for t := range theirs {
		if ours[t] || t == "integer" && ours["number"] {
			return true
		}
	}
	return false
}

func (m *member) words() string {
	text := typeWords(m.types)
	if m.enum != nil {
		text += ", one of " + strings.Join(m.enum, ", ")
	}
	if m.required {
		text += ", required"
	}
	return text
}

func typeWords(types map[string]bool) string {
	if len(types) == 0 {
		return "any value"
	}
	return strings.Join(slices.Sorted(maps.Keys(types)), " or ")
}
