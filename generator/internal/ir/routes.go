package ir

import (
	"maps"
	"slices"
	"strings"

	"github.com/closekit/closekit/manifest"
)

// Route is one line of the emulator's route table.
type Route struct {
	Tool, Method, Path, Resource, Action string
	Status                               int
	Prefix                               string   // of the ids of what it returns, or empty
	Fields                               []string // in the body that an addition gives to a type of the manifest
}

// Routes lists the routes of all tools in the order of the tools' names.
func Routes(api *manifest.API) []Route {
	tables := tablesOf(api)
	var routes []Route
	for _, t := range sortedTools(api) {
		r := Route{
			Tool: t.Name, Method: t.Method, Path: routePath(t), Resource: tables[t], Action: t.Action, Status: t.Status, Prefix: idPrefix(t),
		}
		for _, p := range t.Params {
			if p.Added && p.In == manifest.InBody {
				r.Fields = append(r.Fields, p.Name)
			}
		}
		routes = append(routes, r)
	}
	return routes
}

// tablesOf names the table of the records that each tool works on: that of the path up to
// the first id. The first one of a resource has the name of the resource.
func tablesOf(api *manifest.API) map[*manifest.Tool]string {
	isCollection := map[string]bool{}
	for _, t := range api.Tools() {
		if !strings.Contains(t.Path, "{") && (t.Action == "list" || t.Action == "create") {
			isCollection[t.Path] = true
		}
	}
	tables := map[*manifest.Tool]string{}
	for _, r := range api.Resources {
		main := ""
		for _, t := range r.Tools {
			path, _, hasID := strings.Cut(t.Path, "{")
			for at := path; len(at) > 1 && !isCollection[path]; at = at[:strings.LastIndex(strings.TrimSuffix(at, "/"), "/")+1] {
				if isCollection[at] {
					path, hasID = at, true
					break
				}
			}
			switch name := strings.ReplaceAll(strings.Trim(path, "/"), "/", "_"); {
			case !hasID && !isCollection[path], main == path, main == "":
				tables[t] = r.Name
				if hasID || isCollection[path] {
					main = path
				}
			default:
				tables[t] = name
			}
		}
	}
	return tables
}

// RouteTable is what the emulator must know of the records of one table.
type RouteTable struct {
	Name     string
	Prefix   string   // of ids
	Length   int      // of the part of ids after the prefix; 0 is the usual one
	Authors  string   // which fields name who wrote a record: names, plain, ids or none
	NoOffset bool     // dates of creation are written without an offset
	Filters  []string // of lists: is_archived:flag
}

// RouteTables lists the tables of the records that tools return, by name.
func RouteTables(api *manifest.API) []RouteTable {
	tables := tablesOf(api)
	byName := map[string]*RouteTable{}
	for _, t := range sortedTools(api) {
		o := returned(t)
		if o == nil || t.Action != "list" && t.Action != "get" && t.Action != "create" {
			continue
		}
		x := byName[tables[t]]
		if x == nil {
			x = &RouteTable{Name: tables[t], Prefix: idPrefix(t), Authors: authors(o), NoOffset: o.NoOffset}
			if id := o.Field("id"); id != nil && id.Type.ID != nil {
				x.Length = id.Type.ID.Length
			}
			byName[x.Name] = x
		}
		if t.Action == "list" {
			x.Filters = filters(t, o)
		}
	}
	var list []RouteTable
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, *byName[name])
	}
	return list
}

// returned is the type of the records of a tool, or nil.
func returned(t *manifest.Tool) *manifest.Object {
	typ := t.Returns
	if typ != nil && typ.Kind == manifest.List {
		typ = typ.Elem
	}
	if typ == nil {
		return nil
	}
	return typ.Object
}

func authors(o *manifest.Object) string {
	switch {
	case o.Field("created_by_name") != nil:
		return "names"
	case o.Field("created_by") != nil:
		return "plain"
	case o.Field("created_by_id") != nil:
		return "ids"
	}
	return "none"
}

// filters lists the parameters of a list that compare a field of the records.
func filters(t *manifest.Tool, o *manifest.Object) []string {
	var list []string
	for _, p := range t.Params {
		name, _, _ := strings.Cut(p.Sent(), "__")
		f := o.Field(name)
		if p.In != manifest.InQuery || f == nil || f.Type == nil {
			continue
		}
		kind := "text"
		switch f.Type.Kind { //nolint:exhaustive // the others are texts
		case manifest.Boolean:
			kind = "flag"
		case manifest.Integer, manifest.Number, manifest.Cents:
			kind = "number"
		case manifest.Date:
			kind = "day"
		case manifest.DateTime, manifest.DateOrDateTime:
			kind = "time"
		}
		if entry := name + ":" + kind; !slices.Contains(list, entry) {
			list = append(list, entry)
		}
	}
	return list
}

// idPrefix is the usual prefix of the ids of what a tool returns.
func idPrefix(t *manifest.Tool) string {
	o := returned(t)
	if o == nil {
		return ""
	}
	if id := o.Field("id"); id != nil && id.Type.ID != nil {
		return id.Type.ID.Prefixes[0]
	}
	return ""
}

// routePath replaces the names of path parameters by {id}, as Close documents its
// routes; a second one keeps its name. One that takes several parts of a path ends in
// three dots.
func routePath(t *manifest.Tool) string {
	parts := strings.Split(t.Path, "/")
	first := true
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		dots := ""
		if p := t.Param(strings.Trim(part, "{}")); p != nil && p.Type.Kind == manifest.Segments {
			dots = "..."
		}
		if first {
			part = "{id}"
		}
		first = false
		parts[i] = strings.TrimSuffix(part, "}") + dots + "}"
	}
	return strings.Join(parts, "/")
}
