package closebedrock

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/closekit/closekit/agent"
)

// Tools returns the definitions of the session's tools, those of
// [agent.Session.Definitions], with their schemas byte for byte. The error tells an
// unknown profile.
func Tools(s *agent.Session, opts ...agent.DefinitionOption) (*types.ToolConfiguration, error) {
	list, err := s.Definitions(agent.Bedrock, opts...)
	if err != nil {
		return nil, fmt.Errorf("closebedrock: %w", err)
	}
	config := &types.ToolConfiguration{Tools: make([]types.Tool, len(list))}
	for i, raw := range list {
		var d struct {
			ToolSpec struct {
				Name        string
				Description *string
				InputSchema struct{ JSON json.RawMessage }
			}
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("closebedrock: definition %d: %w", i, err)
		}
		config.Tools[i] = &types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name: &d.ToolSpec.Name, Description: d.ToolSpec.Description,
			InputSchema: &types.ToolInputSchemaMemberJson{Value: verbatim(d.ToolSpec.InputSchema.JSON)},
		}}
	}
	return config, nil
}

// Answer carries out the calls of a message, as one turn, and returns what follows in
// the conversation: what the model said, and the results. It returns false if the
// message has no calls. With streaming, said is [Reply.Output]. What went wrong is a
// result too, marked as an error, so that the model can put it right; a call that waits
// for a person says so. If the message was cut off within its last call, that one is not
// carried out. A call that Bedrock could not read and has left out is one result too, as a
// text. Use [Results] to see what became of the calls.
func Answer(ctx context.Context, s *agent.Session, said *bedrockruntime.ConverseOutput) (next []types.Message, more bool) {
	next, results := Results(ctx, s, said)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the message.
func Results(ctx context.Context, s *agent.Session, said *bedrockruntime.ConverseOutput) ([]types.Message, []agent.Result) {
	blocks := content(said)
	if len(blocks) == 0 && !lacksCall(said) {
		return nil, nil
	}
	next := []types.Message{{Role: types.ConversationRoleAssistant, Content: blocks}}
	var ids []*string
	var calls []agent.Invocation
	for _, b := range blocks {
		if call, ok := b.(*types.ContentBlockMemberToolUse); ok {
			ids = append(ids, call.Value.ToolUseId)
			calls = append(calls, agent.Invocation{Name: aws.ToString(call.Value.Name), Input: written(call.Value.Input)})
		}
	}
	switch {
	case len(calls) == 0 && lacksCall(said):
		return malformed(ctx, s, blocks)
	case len(calls) == 0:
		return next, nil
	}
	if endsWithCall(blocks) {
		calls[len(calls)-1].CutOff = cutOff(said)
	}
	results := s.CallAll(ctx, calls)
	answers := make([]types.ContentBlock, len(results))
	for i, r := range results {
		status := types.ToolResultStatusSuccess
		if r.IsError {
			status = types.ToolResultStatusError
		}
		answers[i] = &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
			ToolUseId: ids[i], Status: status, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: r.Text}},
		}}
	}
	return append(next, types.Message{Role: types.ConversationRoleUser, Content: answers}), results
}

// malformed answers a message whose call Bedrock has left out because it could not read
// it. Roles must alternate, so that the model has said something in any case.
func malformed(ctx context.Context, s *agent.Session, blocks []types.ContentBlock) ([]types.Message, []agent.Result) {
	if len(blocks) == 0 {
		blocks = []types.ContentBlock{&types.ContentBlockMemberText{Value: "(A call that cannot be read.)"}}
	}
	results := s.CallAll(ctx, []agent.Invocation{{CutOff: string(types.StopReasonMalformedToolUse)}})
	return []types.Message{
		{Role: types.ConversationRoleAssistant, Content: blocks},
		{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: results[0].Text}}},
	}, results
}

// Text returns the text of a message. The error is an [*agent.CutOffError] if the message
// is not whole: it was cut off, filtered, or blocked. The text so far is returned beside
// it.
func Text(said *bedrockruntime.ConverseOutput) (string, error) {
	var text strings.Builder
	for _, b := range content(said) {
		if b, ok := b.(*types.ContentBlockMemberText); ok {
			text.WriteString(b.Value)
		}
	}
	if reason := cutOff(said); reason != "" {
		return text.String(), &agent.CutOffError{Reason: reason}
	}
	return text.String(), nil
}

// cutOff returns why a message ended before it was complete, or "".
func cutOff(said *bedrockruntime.ConverseOutput) string {
	if said == nil {
		return agent.NoReason
	}
	if slices.Contains([]types.StopReason{types.StopReasonEndTurn, types.StopReasonToolUse, types.StopReasonStopSequence}, said.StopReason) {
		return ""
	}
	return cmp.Or(string(said.StopReason), agent.NoReason)
}

// lacksCall says whether Bedrock has left out a call.
func lacksCall(said *bedrockruntime.ConverseOutput) bool {
	return cutOff(said) == string(types.StopReasonMalformedToolUse)
}

func endsWithCall(blocks []types.ContentBlock) bool {
	if len(blocks) == 0 {
		return false
	}
	_, ok := blocks[len(blocks)-1].(*types.ContentBlockMemberToolUse)
	return ok
}

// content returns the blocks of a message. Models write blank texts, which Bedrock does
// not take back.
func content(said *bedrockruntime.ConverseOutput) []types.ContentBlock {
	if said == nil {
		return nil
	}
	m, ok := said.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return nil
	}
	var blocks []types.ContentBlock
	for _, b := range m.Value.Content {
		if text, ok := b.(*types.ContentBlockMemberText); !ok || strings.TrimSpace(text.Value) != "" {
			blocks = append(blocks, b)
		}
	}
	return blocks
}
