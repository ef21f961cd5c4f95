// Package meta is three tools that stand for all others: one searches, one describes,
// one executes. Their definitions never change, and take few tokens.
package meta

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/search"
	"github.com/closekit/closekit/agent/internal/tool"
)

// Names of the three tools.
const (
	Search   = "close_search_tools"
	Describe = "close_describe_tools"
	Execute  = "close_execute_tool"
)

// Owns returns the three tools as tools of the host, without what they do. The effect
// of a call of Execute is that of the tool that it names; for clients that look at
// definitions only, it is what the strongest tool has.
func Owns() []tool.Own {
	text := func(o tool.Own, about string) tool.Own {
		o.Info.Description = about
		return o
	}
	return []tool.Own{
		text(tool.Own{
			Name: Search, Resource: "tools",
			Input: json.RawMessage(`{"type":"object","properties":{"query":{"type":"string"}},"required":["query"],"additionalProperties":false}`),
		}, "Find tools of the Close CRM for what is to be done, such as \"log a call\". Returns names, with what each does."),
		text(tool.Own{
			Name: Describe, Resource: "tools",
			Input: json.RawMessage(`{"type":"object","properties":{"names":{"type":"array","items":{"type":"string"}}},"required":["names"],"additionalProperties":false}`),
		}, "Read how tools are called, at most 10. Do it before the first call of a tool."),
		text(tool.Own{
			Name: Execute, Resource: "tools", Effect: closekit.Destructive, // the strongest one
			Input: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"},"input":{"type":"object"}},"required":["name","input"],"additionalProperties":false}`),
		}, "Call a tool with the input that "+Describe+" shows. Some calls wait until a person has agreed."),
	}
}

// found is how many tools a search tells.
const found = 8

// SearchText answers a search: a line per tool, best first.
func SearchText(x *search.Index, tools []*tool.Tool, query string) string {
	hits := x.Search(query, found)
	if len(hits) == 0 {
		return "No tool fits. Name the record (lead, contact, opportunity, task, note, call, email, SMS, sequence, custom field, webhook) and what is to be done with it."
	}
	var b strings.Builder
	for _, h := range hits {
		for _, name := range append([]string{h.Name}, h.Also...) {
			if t := find(tools, name); t != nil {
				first, _, _ := strings.Cut(t.Info.Description, ". ")
				fmt.Fprintf(&b, "%s (%s): %s.\n", t.Name, t.Effect, strings.TrimSuffix(first, "."))
			}
		}
	}
	return b.String()
}

// described is how many tools are described at once.
const described = 10

// DescribeText describes tools by name: text and input schema of the lean profile, one
// line per tool. Unknown names are told, with the nearest known ones.
func DescribeText(x *search.Index, tools []*tool.Tool, names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i == described {
			fmt.Fprintf(&b, "%d more are left out; ask for at most %d.\n", len(names)-described, described)
			break
		}
		t := find(tools, name)
		if t == nil {
			fmt.Fprintf(&b, "%.60q is no tool", name)
			if hits := x.Search(strings.ReplaceAll(name, "_", " "), 1); len(hits) > 0 {
				b.WriteString("; did you mean " + hits[0].Name + "?")
			}
			b.WriteByte('\n')
			continue
		}
		d, err := lower.Definition(t, lower.Anthropic, lower.Lean, lower.Options{})
		if err != nil { // a schema that cannot be read
			fmt.Fprintf(&b, "%s cannot be described: %v\n", t.Name, err)
			continue
		}
		b.Write(d)
		b.WriteByte('\n')
	}
	if b.Len() == 0 {
		return "Give names of tools; " + Search + " finds them."
	}
	return b.String()
}

func find(tools []*tool.Tool, name string) *tool.Tool {
	for _, t := range tools {
		if t.Name == name {
			return t
		}
	}
	return nil
}
