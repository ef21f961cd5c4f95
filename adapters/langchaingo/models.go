package closelangchain

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tmc/langchaingo/llms"

	"github.com/closekit/closekit/agent"
)

// Tools returns the definitions of the session's tools for [llms.WithTools]. Their
// schemas are byte for byte those of [agent.Session.Definitions]. The error tells
// options that do not fit each other. More tools than the provider of the model takes are
// no error here, because langchaingo does not tell which one it is.
func Tools(s *agent.Session, opts ...agent.DefinitionOption) ([]llms.Tool, error) {
	// Mistral's is OpenAI Chat's form as many took it over: without OpenAI's bound, since
	// the model may be anyone's, and without strict, for which langchaingo has no field.
	list, err := s.Definitions(agent.Mistral, opts...)
	if err != nil {
		return nil, fmt.Errorf("closelangchain: %w", err)
	}
	tools := make([]llms.Tool, len(list))
	for i, raw := range list {
		var d struct {
			Function struct {
				Name, Description string
				Parameters        json.RawMessage
			}
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("closelangchain: reading a definition: %w", err)
		}
		f := d.Function
		tools[i] = llms.Tool{Type: "function", Function: &llms.FunctionDefinition{Name: f.Name, Description: f.Description, Parameters: f.Parameters}}
	}
	return tools, nil
}

// Answer carries out the calls of what a model said, as one turn, and returns the
// messages that follow in the conversation: what the model said, and the results. It
// returns false if there are no calls. What went wrong is a result too, so that the
// model can put it right; a call that waits for a person says so. Use [Results] to see
// what became of the calls.
func Answer(ctx context.Context, s *agent.Session, c *llms.ContentChoice) (next []llms.MessageContent, more bool) {
	next, results := Results(ctx, s, c)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the calls.
func Results(ctx context.Context, s *agent.Session, c *llms.ContentChoice) ([]llms.MessageContent, []agent.Result) {
	said := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if c.Content != "" {
		said.Parts = append(said.Parts, llms.TextPart(c.Content))
	}
	var calls []agent.Invocation
	for _, call := range c.ToolCalls {
		said.Parts = append(said.Parts, call)
		calls = append(calls, agent.Invocation{Name: call.FunctionCall.Name, Input: []byte(call.FunctionCall.Arguments)})
	}
	next := []llms.MessageContent{said}
	results := s.CallAll(ctx, calls)
	for i, r := range results {
		part := llms.ToolCallResponse{ToolCallID: c.ToolCalls[i].ID, Name: r.Tool, Content: text(r)}
		next = append(next, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{part}})
	}
	return next, results
}

func text(r agent.Result) string {
	if r.IsError {
		return "Error: " + r.Text
	}
	return r.Text
}
