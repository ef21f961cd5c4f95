package lower

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/closekit/closekit/agent/internal/tool"
)

// searchable completes a list with deferred tools: what is deferred goes into
// namespaces if wanted, and the provider's search tool comes last.
func searchable(ts []*tool.Tool, list []json.RawMessage, f Format, o Options) []json.RawMessage {
	deferred := false
	for _, t := range ts {
		deferred = deferred || o.deferred(t.Name, f)
	}
	switch {
	case !deferred:
		return list
	case f == Anthropic:
		return append(list, json.RawMessage(`{"type":"tool_search_tool_bm25_20251119","name":"tool_search_tool_bm25"}`))
	case o.Namespaces:
		list = namespaces(ts, list, o)
	}
	return append(list, json.RawMessage(`{"type":"tool_search"}`))
}

// namespaceSize is the largest number of functions in a namespace that OpenAI
// recommends.
const namespaceSize = 9

// namespaces keeps loaded tools in the list and groups the others by resource. Only
// name and description of a namespace are visible before a search.
func namespaces(ts []*tool.Tool, list []json.RawMessage, o Options) []json.RawMessage {
	type group struct {
		resource string
		titles   []string
		members  []json.RawMessage
	}
	var out []json.RawMessage
	var groups []*group
	open := map[string]*group{}
	for i, t := range ts {
		if !o.deferred(t.Name, OpenAIResponses) {
			out = append(out, list[i])
			continue
		}
		g := open[t.Resource]
		if g == nil || len(g.members) == namespaceSize {
			g = &group{resource: t.Resource}
			open[t.Resource] = g
			groups = append(groups, g)
		}
		title := t.Info.Title
		if title == "" {
			title = t.Name
		}
		g.titles = append(g.titles, title)
		g.members = append(g.members, list[i])
	}
	number := map[string]int{}
	for _, t := range ts {
		number[t.Name] = 1 // no namespace may have the name of a tool
	}
	for _, g := range groups {
		name := "close_" + g.resource
		if number[name]++; number[name] > 1 {
			name += fmt.Sprint("_", number[name])
		}
		out = append(out, build(func(d *object) {
			d.text("type", "namespace")
			d.text("name", name)
			d.text("description", strings.ReplaceAll(g.resource, "_", " ")+": "+strings.Join(g.titles, ", ")+".")
			members := []byte{'['}
			for i, m := range g.members {
				if i > 0 {
					members = append(members, ',')
				}
				members = append(members, m...)
			}
			d.raw("tools", append(members, ']'))
		}))
	}
	return out
}
