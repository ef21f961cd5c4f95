package closegenkit

import (
	"github.com/firebase/genkit/go/ai"

	"github.com/closekit/closekit/agent"
)

// unknown is the name of the tool that answers calls of tools that do not exist, and
// calls that were cut off. The model never sees it: such calls are diverted to it in what
// the model says, and restored in what the model reads.
const unknown = "close_unknown_tool"

func (u *use) callUnknown(ctx *ai.ToolContext, input any) (any, error) {
	name, of := original(input)
	fields, _ := input.(map[string]any)
	reason, _ := fields["cut_off"].(string)
	return result(u.s.CallAll(ctx, []agent.Invocation{{Name: name, Input: encode(of), CutOff: reason}})[0]), nil
}

// diverted returns a message in which calls of tools that are not known are calls of
// the tool that answers them, as is the last one if it was cut off for a reason.
func diverted(m *ai.Message, known map[string]bool, reason string) *ai.Message {
	var cut *ai.Part
	for _, p := range m.Content {
		if p.IsToolRequest() && reason != "" {
			cut = p
		}
	}
	return mapped(m, func(p *ai.Part) *ai.Part {
		if !p.IsToolRequest() || known[p.ToolRequest.Name] && p != cut {
			return p
		}
		r := *p.ToolRequest
		input := map[string]any{"name": r.Name, "input": r.Input}
		if p == cut {
			input["cut_off"] = reason
		}
		r.Input = input
		r.Name = unknown
		p = p.Clone()
		p.ToolRequest = &r
		return p
	})
}

// restored returns the messages as the model has said them.
func restored(messages []*ai.Message) []*ai.Message {
	names := map[string]string{} // of diverted calls, by their refs
	all := make([]*ai.Message, len(messages))
	for i, m := range messages {
		all[i] = mapped(m, func(p *ai.Part) *ai.Part {
			switch {
			case p.IsToolRequest() && p.ToolRequest.Name == unknown:
				r := *p.ToolRequest
				r.Name, r.Input = original(r.Input)
				names[r.Ref] = r.Name
				p = p.Clone()
				p.ToolRequest = &r
			case p.IsToolResponse() && p.ToolResponse.Name == unknown:
				r := *p.ToolResponse
				r.Name = names[r.Ref]
				p = p.Clone()
				p.ToolResponse = &r
			}
			return p
		})
	}
	return all
}

// original returns what a diverted call was.
func original(input any) (name string, of any) {
	fields, _ := input.(map[string]any)
	name, _ = fields["name"].(string)
	return name, fields["input"]
}

func mapped(m *ai.Message, f func(*ai.Part) *ai.Part) *ai.Message {
	copied := *m
	copied.Content = make([]*ai.Part, len(m.Content))
	for i, p := range m.Content {
		copied.Content[i] = f(p)
	}
	return &copied
}
