package closebedrock

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
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
// for a person says so. Use [Results] to see what became of the calls.
func Answer(ctx context.Context, s *agent.Session, said types.ConverseOutput) (next []types.Message, more bool) {
	next, results := Results(ctx, s, said)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the message.
func Results(ctx context.Context, s *agent.Session, said types.ConverseOutput) ([]types.Message, []agent.Result) {
	blocks := content(said)
	if len(blocks) == 0 {
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
	if len(calls) == 0 {
		return next, nil
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

// Text returns the text of a message.
func Text(said types.ConverseOutput) string {
	var text strings.Builder
	for _, b := range content(said) {
		if b, ok := b.(*types.ContentBlockMemberText); ok {
			text.WriteString(b.Value)
		}
	}
	return text.String()
}

// content returns the blocks of a message. Models write blank texts, which Bedrock does
// not take back.
func content(said types.ConverseOutput) []types.ContentBlock {
	m, ok := said.(*types.ConverseOutputMemberMessage)
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
