package closeadk

import (
	"context"
	"encoding/json"
	"fmt"

	adk "google.golang.org/adk/v2/agent"
	"google.golang.org/adk/v2/model"
	"google.golang.org/adk/v2/platform"
	"google.golang.org/adk/v2/tool"
	"google.golang.org/adk/v2/tool/toolutils"
	"google.golang.org/genai"

	"github.com/closekit/closekit/agent"
)

// Tools returns the tools of s, a session of g. They are no function tools of ADK, which
// check the input themselves and tell a model the first of its mistakes only: here what
// went wrong is a result with a line for each.
//
// A call that a person must decide asks for a confirmation, with the preview as the hint
// and the ID of the approval in the payload. The user's answer is the decision of g, by
// the user of the ADK session, whom the host must have authenticated. If another person
// has decided before, that holds.
//
// The error tells options that do not fit each other.
func Tools(g *agent.Agent, s *agent.Session, opts ...agent.DefinitionOption) ([]tool.Tool, error) {
	list, err := s.Definitions(agent.Gemini, opts...)
	if err != nil {
		return nil, fmt.Errorf("closeadk: %w", err)
	}
	tools := make([]tool.Tool, len(list))
	for i, raw := range list {
		var d struct {
			Name, Description    string
			ParametersJSONSchema json.RawMessage
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("closeadk: reading a definition: %w", err)
		}
		tools[i] = sessionTool{g, s, &genai.FunctionDeclaration{Name: d.Name, Description: d.Description, ParametersJsonSchema: d.ParametersJSONSchema}}
	}
	return tools, nil
}

// InOrder returns a context for the runner in which the calls of a message are carried
// out one after the other. ADK carries them out at once otherwise, and writes would lose
// their order.
func InOrder(ctx context.Context) context.Context {
	return platform.WithTaskRunner(ctx, func(ctx context.Context, tasks []func(context.Context)) {
		for _, task := range tasks {
			task(ctx)
		}
	})
}

// sessionTool has the methods that ADK looks for in a tool that it can call.
type sessionTool struct {
	g *agent.Agent
	s *agent.Session
	d *genai.FunctionDeclaration
}

var (
	_ tool.Tool      = sessionTool{}
	_ toolutils.Tool = sessionTool{}
)

func (t sessionTool) Name() string                            { return t.d.Name }
func (t sessionTool) Description() string                     { return t.d.Description }
func (t sessionTool) IsLongRunning() bool                     { return false }
func (t sessionTool) Declaration() *genai.FunctionDeclaration { return t.d }

func (t sessionTool) ProcessRequest(_ adk.Context, r *model.LLMRequest) error {
	return toolutils.PackTool(r, t)
}

// Run never returns an error: the result tells the model what went wrong.
func (t sessionTool) Run(ctx adk.Context, args any) (map[string]any, error) {
	if c := ctx.ToolConfirmation(); c != nil {
		if r, ok := t.confirmed(ctx, agent.Verdict(c.Confirmed)); ok {
			return result(r), nil
		}
	}
	return result(t.call(ctx, args)), nil
}

func (t sessionTool) call(ctx adk.Context, args any) agent.Result {
	input, err := json.Marshal(args)
	if err != nil {
		return agent.Result{IsError: true, Text: "The input cannot be read: " + err.Error()}
	}
	fields, _ := args.(map[string]any)
	reason, _ := fields[cutOffMember].(string)
	r := t.s.CallAll(ctx, []agent.Invocation{{Name: t.d.Name, Input: input, CutOff: reason}})[0]
	if r.Pending != nil && ask(ctx, r.Pending) != nil {
		return agent.Result{IsError: true, Text: "Not done: a person must approve this call, and could not be asked. Tell the user."}
	}
	return r
}

func result(r agent.Result) map[string]any {
	if r.IsError {
		return map[string]any{"error": r.Text}
	}
	return map[string]any{"output": r.Text}
}
