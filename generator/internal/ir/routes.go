package ir

import "github.com/closekit/closekit/manifest"

// Route is one line of the emulator's route table.
type Route struct {
	Tool, Method, Path, Resource, Action string
	Status                               int
	Prefix                               string   // of the ids of what it returns, or empty
	Fields                               []string // in the body that an addition gives to a type of the manifest
}

// Routes lists the routes of all tools in the order of the tools' names.
func Routes(api *manifest.API) []Route {
	var routes []Route
	for _, t := range sortedTools(api) {
		r := Route{
			Tool: t.Name, Method: t.Method, Path: routePath(t.Path), Resource: t.Resource.Name, Action: t.Action, Status: t.Status, Prefix: idPrefix(t),
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

// idPrefix is the usual prefix of the ids of what a tool returns.
func idPrefix(t *manifest.Tool) string {
	typ := t.Returns
	if typ != nil && typ.Kind == manifest.List {
		typ = typ.Elem
	}
	if typ == nil {
		return ""
	}
	if id := typ.Object.Field("id"); id != nil && id.Type.ID != nil {
		return id.Type.ID.Prefixes[0]
	}
	return ""
}

// routePath replaces the names of path parameters by {id}, as Close documents
// its routes; a second one keeps its name.
func routePath(path string) string {
	out, depth, first := make([]byte, 0, len(path)), 0, true
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '{' && first:
			depth = 1
			out = append(out, "{id}"...)
		case c == '}' && depth == 1:
			depth, first = 0, false
		case depth == 0:
			out = append(out, c)
		}
	}
	return string(out)
}
