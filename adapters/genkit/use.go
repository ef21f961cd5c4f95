package closegenkit

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/firebase/genkit/go/ai"

	"github.com/closekit/closekit/agent"
)

// Use returns a middleware for [ai.WithUse] that brings the session's tools. genkit
// checks the input of a tool with a schema itself, and a mistake ends the generation, as
// does a call of a tool that does not exist. The middleware shows the schemas to the
// model only, so that what went wrong is a result with a line for each mistake.
//
// A call that a person must decide interrupts the generation; see [Approval] and
// [Restart]. genkit ends a generation after 5 turns, unless [ai.WithMaxTurns] says
// otherwise. Options that do not fit each other are an error of the generation.
// More tools than the provider of the model takes are one of the provider only, because
// genkit does not tell which one it is.
//
// Name it first in WithUse: then the calls of a message are carried out one after the
// other. Behind another middleware they are carried out at once, and writes lose their
// order.
func Use(s *agent.Session, opts ...agent.DefinitionOption) ai.Middleware {
	return &middleware{s, opts}
}

type middleware struct {
	s    *agent.Session
	opts []agent.DefinitionOption
}

// Name implements [ai.Middleware].
func (*middleware) Name() string { return "closekit" }

// New implements [ai.Middleware]: it returns the hooks of one generation.
func (m *middleware) New(context.Context) (*ai.Hooks, error) {
	// Mistral's is OpenAI Chat's form as many took it over: without OpenAI's bound, since
	// the model may be anyone's, and without strict, for which genkit has no field.
	list, err := m.s.DefinitionMaps(agent.Mistral, m.opts...)
	if err != nil {
		return nil, err
	}
	u := &use{s: m.s, index: map[string]int{}, schemas: map[string]map[string]any{}}
	tools := []ai.Tool{ai.NewTool(unknown, "Answers calls of tools that do not exist.", u.callUnknown)}
	for i, d := range list {
		f, _ := d["function"].(map[string]any)
		name, _ := f["name"].(string)
		text, _ := f["description"].(string)
		u.schemas[name], _ = f["parameters"].(map[string]any)
		u.index[name] = i + 1
		tools = append(tools, ai.NewTool(name, text, u.tool(name)))
	}
	return &ai.Hooks{
		Tools: tools,
		WrapGenerate: func(ctx context.Context, p *ai.GenerateParams, next ai.GenerateNext) (*ai.ModelResponse, error) {
			u.order.outer(m, p.Options)
			return next(ctx, p)
		},
		WrapModel: u.model,
		WrapTool:  u.order.wait,
	}, nil
}

// use is the middleware in one generation.
type use struct {
	s       *agent.Session
	schemas map[string]map[string]any
	index   map[string]int // of a tool, from 1
	order   order
}

// model shows the tools to the model with their schemas and in an order, which genkit
// does not keep and caches of prompts need, and leads calls of unknown tools to the
// tool that answers them.
func (u *use) model(ctx context.Context, p *ai.ModelParams, next ai.ModelNext) (*ai.ModelResponse, error) {
	r := *p.Request
	r.Tools = nil
	known := map[string]bool{}
	for _, t := range p.Request.Tools {
		if t.Name == unknown {
			continue
		}
		if schema := u.schemas[t.Name]; schema != nil {
			copied := *t
			copied.InputSchema = schema
			t = &copied
		}
		r.Tools = append(r.Tools, t)
		known[t.Name] = true
	}
	slices.SortFunc(r.Tools, func(a, b *ai.ToolDefinition) int {
		return cmp.Or(u.index[a.Name]-u.index[b.Name], cmp.Compare(a.Name, b.Name))
	})
	r.Messages = restored(r.Messages)
	response, err := next(ctx, &ai.ModelParams{Request: &r, Callback: p.Callback})
	if err != nil || response == nil || response.Message == nil {
		return response, err
	}
	response.Message = diverted(response.Message, known, cutOff(response))
	u.order.line(response.Message)
	return response, nil
}

// tool returns the function of a tool. Its only error is an interrupt: any other would
// end the generation.
func (u *use) tool(name string) ai.ToolFunc[any, any] {
	return func(ctx *ai.ToolContext, input any) (any, error) {
		if id, ok := ctx.Resumed[approval].(string); ok {
			return result(u.s.Resume(ctx, id)), nil
		}
		r := u.s.Call(ctx, name, encode(input))
		if r.Pending != nil && ctx.Resumed == nil { // genkit takes no interrupt of a restarted call
			return nil, ctx.Interrupt(&ai.InterruptOptions{Metadata: map[string]any{approval: r.Pending.ID}})
		}
		return result(r), nil
	}
}

func encode(input any) []byte {
	text, err := json.Marshal(input)
	if err != nil { // never: genkit has decoded it
		return nil
	}
	return text
}

func result(r agent.Result) map[string]any {
	if r.IsError {
		return map[string]any{"error": r.Text}
	}
	return map[string]any{"output": r.Text}
}
