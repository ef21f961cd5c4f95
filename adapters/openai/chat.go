package closeopenai

import (
	"context"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"github.com/closekit/closekit/agent"
)

// ChatTools returns the definitions of the session's tools for Chat Completions, byte
// for byte those of [agent.Session.Definitions]. A request takes 128 at most. With
// [agent.WithStrict], OpenAI enforces the schemas of single tools. The error tells an
// unknown profile, and why a tool cannot be strict.
func ChatTools(s *agent.Session, opts ...agent.DefinitionOption) ([]openai.ChatCompletionToolUnionParam, error) {
	return definitions[openai.ChatCompletionToolUnionParam](s, agent.OpenAIChat, opts)
}

// AnswerChat carries out the calls of one message, as one turn, and returns the
// messages with their results, which follow it. It returns false if the message has no
// calls. What went wrong is a result too, so that the model can put it right; a call
// that waits for a person says so. Use [ChatResults] to see what became of the calls.
func AnswerChat(ctx context.Context, s *agent.Session, m openai.ChatCompletionMessage) (next []openai.ChatCompletionMessageParamUnion, more bool) {
	next, results := ChatResults(ctx, s, m)
	return next, len(results) > 0
}

// ChatResults is [AnswerChat] for hosts that show what was done: it returns a result
// for each call too, in the order of the message.
func ChatResults(ctx context.Context, s *agent.Session, m openai.ChatCompletionMessage) ([]openai.ChatCompletionMessageParamUnion, []agent.Result) {
	calls := make([]agent.Invocation, len(m.ToolCalls))
	for i, c := range m.ToolCalls {
		calls[i] = agent.Invocation{Name: c.Function.Name, Input: []byte(c.Function.Arguments)}
	}
	results := s.CallAll(ctx, calls)
	next := make([]openai.ChatCompletionMessageParamUnion, len(results))
	for i, r := range results {
		next[i] = openai.ToolMessage(text(r), m.ToolCalls[i].ID)
	}
	return next, results
}

// definitions passes raw definitions on. P is a parameter of the SDK.
func definitions[P param.ParamStruct, PT param.InferPtr[P]](s *agent.Session, f agent.Format, opts []agent.DefinitionOption) ([]P, error) {
	list, err := s.Definitions(f, opts...)
	if err != nil {
		return nil, fmt.Errorf("closeopenai: %w", err)
	}
	tools := make([]P, len(list))
	for i, d := range list {
		tools[i] = param.Override[P, PT](d)
	}
	return tools, nil
}

func text(r agent.Result) string {
	if r.IsError {
		return "Error: " + r.Text
	}
	return r.Text
}
