package closelangchain

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

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
// model can put it right; a call that waits for a person says so. If the message was cut
// off, its last call is not carried out. Use [Results] to see what became of the calls.
func Answer(ctx context.Context, s *agent.Session, r *llms.ContentResponse) (next []llms.MessageContent, more bool) {
	next, results := Results(ctx, s, r)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the calls.
func Results(ctx context.Context, s *agent.Session, r *llms.ContentResponse) ([]llms.MessageContent, []agent.Result) {
	said := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	var ids []string
	var calls []agent.Invocation
	for _, c := range r.Choices { // Anthropic's are the blocks of one message
		if c.Content != "" {
			said.Parts = append(said.Parts, llms.TextPart(c.Content))
		}
		for _, call := range c.ToolCalls {
			said.Parts = append(said.Parts, call)
			ids = append(ids, call.ID)
			calls = append(calls, agent.Invocation{Name: call.FunctionCall.Name, Input: []byte(call.FunctionCall.Arguments)})
		}
	}
	if len(said.Parts) == 0 {
		return nil, nil
	}
	if len(calls) > 0 {
		calls[len(calls)-1].CutOff = cutOff(r)
	}
	next := []llms.MessageContent{said}
	results := s.CallAll(ctx, calls)
	for i, r := range results {
		part := llms.ToolCallResponse{ToolCallID: ids[i], Name: r.Tool, Content: text(r)}
		next = append(next, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{part}})
	}
	return next, results
}

// Text returns the text of what a model said. The error is an [*agent.CutOffError] if it
// is not whole, as far as langchaingo tells: it was cut off or filtered, or it is
// nothing, without a reason. The text so far is returned beside it.
func Text(r *llms.ContentResponse) (string, error) {
	var text strings.Builder
	for _, c := range r.Choices {
		text.WriteString(c.Content)
	}
	reason := cutOff(r)
	if reason == "" && text.Len() == 0 && stopReason(r) == "" {
		reason = agent.NoReason
	}
	if reason != "" {
		return text.String(), &agent.CutOffError{Reason: reason}
	}
	return text.String(), nil
}

// cutOff returns why a message ended before it was complete, or "". langchaingo passes
// on each provider's own word, or none.
func cutOff(r *llms.ContentResponse) string {
	if reason := stopReason(r); agent.CutsOff(reason) {
		return reason
	}
	return ""
}

func stopReason(r *llms.ContentResponse) (reason string) {
	for _, c := range r.Choices {
		reason = cmp.Or(c.StopReason, reason)
	}
	return reason
}

func text(r agent.Result) string {
	if r.IsError {
		return "Error: " + r.Text
	}
	return r.Text
}
