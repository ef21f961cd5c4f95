package closeanthropic

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/closekit/closekit/agent"
)

// Tools returns the definitions of the session's tools, byte for byte those of
// [agent.Session.Definitions]. With [agent.WithDeferral] they include the search of Anthropic.
// The error tells options that do not fit each other.
func Tools(s *agent.Session, opts ...agent.DefinitionOption) ([]anthropic.ToolUnionParam, error) {
	list, err := s.Definitions(agent.Anthropic, opts...)
	if err != nil {
		return nil, fmt.Errorf("closeanthropic: %w", err)
	}
	tools := make([]anthropic.ToolUnionParam, len(list))
	for i, d := range list {
		tools[i] = param.Override[anthropic.ToolUnionParam](d)
	}
	return tools, nil
}

// Answer carries out the calls of one message, as one turn, and returns the message
// with their results. It returns false if the message has no calls. What went wrong is
// a result too, marked as an error, so that the model can put it right; a call that
// waits for a person says so. If the message was cut off within its last call, that one
// is not carried out. Use [Results] to see what became of the calls.
func Answer(ctx context.Context, s *agent.Session, m *anthropic.Message) (next anthropic.MessageParam, more bool) {
	next, results := Results(ctx, s, m)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the message.
func Results(ctx context.Context, s *agent.Session, m *anthropic.Message) (anthropic.MessageParam, []agent.Result) {
	var ids []string
	var calls []agent.Invocation
	for i, block := range m.Content {
		if call, ok := block.AsAny().(anthropic.ToolUseBlock); ok {
			one := agent.Invocation{Name: call.Name, Input: call.Input}
			if i == len(m.Content)-1 {
				one.CutOff = cutOff(m)
			}
			ids, calls = append(ids, call.ID), append(calls, one)
		}
	}
	results := s.CallAll(ctx, calls)
	blocks := make([]anthropic.ContentBlockParamUnion, len(results))
	for i, r := range results {
		blocks[i] = anthropic.NewToolResultBlock(ids[i], r.Text, r.IsError)
	}
	return anthropic.NewUserMessage(blocks...), results
}

// Text returns the text of a message. The error is an [*agent.CutOffError] if the message
// is not whole: it was cut off, the model refused, or it waits to be sent again, which
// the reason pause_turn says. The text so far is returned beside it.
func Text(m *anthropic.Message) (string, error) {
	var text strings.Builder
	for _, block := range m.Content {
		if block, ok := block.AsAny().(anthropic.TextBlock); ok {
			text.WriteString(block.Text)
		}
	}
	reason := cutOff(m)
	if m.StopReason == anthropic.StopReasonPauseTurn {
		reason = string(m.StopReason)
	}
	if reason != "" {
		return text.String(), &agent.CutOffError{Reason: reason, Detail: m.StopDetails.Explanation}
	}
	return text.String(), nil
}

// cutOff returns why a message ended before it was complete, or "".
func cutOff(m *anthropic.Message) string {
	whole := []anthropic.StopReason{anthropic.StopReasonEndTurn, anthropic.StopReasonToolUse, anthropic.StopReasonStopSequence, anthropic.StopReasonPauseTurn}
	if slices.Contains(whole, m.StopReason) {
		return ""
	}
	return cmp.Or(string(m.StopReason), agent.NoReason)
}
