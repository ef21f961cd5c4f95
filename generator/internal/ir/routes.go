package ir

import "github.com/closekit/closekit/manifest"

// Route is one line of the emulator's route table.
type Route struct {
	Tool, Method, Path, Resource, Action string
	Status                               int
}

// Routes lists the routes of all tools in the order of the tools' names.
func Routes(api *manifest.API) []Route {
	var routes []Route
	for _, t := range sortedTools(api) {
		routes = append(routes, Route{
			Tool: t.Name, Method: t.Method, Path: routePath(t.Path), Resource: t.Resource.Name, Action: t.Action, Status: t.Status,
		})
	}
	return routes
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
