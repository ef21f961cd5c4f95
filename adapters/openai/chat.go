package closeopenai

import (
	"cmp"
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

// AnswerChat carries out the calls of a completion's first choice, as one turn, and
// returns the messages with their results, which follow its message. It returns false if
// there are no calls. What went wrong is a result too, so that the model can put it
// right; a call that waits for a person says so. If the message was cut off, its last
// call is not carried out. Use [ChatResults] to see what became of the calls.
func AnswerChat(ctx context.Context, s *agent.Session, r *openai.ChatCompletion) (next []openai.ChatCompletionMessageParamUnion, more bool) {
	next, results := ChatResults(ctx, s, r)
	return next, len(results) > 0
}

// ChatResults is [AnswerChat] for hosts that show what was done: it returns a result
// for each call too, in the order of the message.
func ChatResults(ctx context.Context, s *agent.Session, r *openai.ChatCompletion) ([]openai.ChatCompletionMessageParamUnion, []agent.Result) {
	if len(r.Choices) == 0 || len(r.Choices[0].Message.ToolCalls) == 0 {
		return nil, nil
	}
	m := r.Choices[0].Message
	calls := make([]agent.Invocation, len(m.ToolCalls))
	for i, c := range m.ToolCalls {
		calls[i] = agent.Invocation{Name: c.Function.Name, Input: []byte(c.Function.Arguments)}
	}
	calls[len(calls)-1].CutOff = cutOff(r)
	results := s.CallAll(ctx, calls)
	next := make([]openai.ChatCompletionMessageParamUnion, len(results))
	for i, r := range results {
		next[i] = openai.ToolMessage(text(r), m.ToolCalls[i].ID)
	}
	return next, results
}

// ChatText returns the text of a completion's first choice. The error is an
// [*agent.CutOffError] if its message is not whole: it was cut off, the model refused, or
// there is none. The text so far is returned beside it.
func ChatText(r *openai.ChatCompletion) (string, error) {
	if len(r.Choices) == 0 {
		return "", &agent.CutOffError{Reason: agent.NoReason, Detail: "the response has no choices"}
	}
	m := r.Choices[0].Message
	if reason := cutOff(r); reason != "" || m.Refusal != "" {
		return m.Content, &agent.CutOffError{Reason: cmp.Or(reason, "refusal"), Detail: m.Refusal}
	}
	return m.Content, nil
}

// cutOff returns why the message ended before it was complete, or "". Other providers
// have words of their own for messages that are.
func cutOff(r *openai.ChatCompletion) string {
	switch reason := r.Choices[0].FinishReason; {
	case reason == "":
		return agent.NoReason
	case agent.CutsOff(reason):
		return reason
	}
	return ""
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
