package closebedrock

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// Reply collects the events of a stream. The zero value is ready to use. It is not safe
// for concurrent use.
type Reply struct {
	blocks []*block
	stop   types.StopReason // "" until the message has ended
}

// block is a part of the message: a text, a call, or reasoning.
type block struct {
	index    int32
	call     *types.ToolUseBlockStart
	text     strings.Builder // or the input of the call
	thought  strings.Builder
	mark     *string // the signature of the thought
	redacted []byte
}

// Add takes an event, and returns the piece of text that it has for people, if it has
// one. Events of other content than texts, calls and reasoning are left out.
func (r *Reply) Add(event types.ConverseStreamOutput) (text string) {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		if start, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			r.at(e.Value.ContentBlockIndex).call = &start.Value
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		switch d := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			r.at(e.Value.ContentBlockIndex).text.WriteString(d.Value)
			return d.Value
		case *types.ContentBlockDeltaMemberToolUse:
			if d.Value.Input != nil {
				r.at(e.Value.ContentBlockIndex).text.WriteString(*d.Value.Input)
			}
		case *types.ContentBlockDeltaMemberReasoningContent:
			r.at(e.Value.ContentBlockIndex).reason(d.Value)
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		r.stop = e.Value.StopReason
	}
	return ""
}

// at returns the block with an index. Texts and reasoning begin without an event.
func (r *Reply) at(index *int32) *block {
	var i int32
	if index != nil {
		i = *index
	}
	for _, b := range r.blocks {
		if b.index == i {
			return b
		}
	}
	b := &block{index: i}
	r.blocks = append(r.blocks, b)
	return b
}

func (b *block) reason(delta types.ReasoningContentBlockDelta) {
	switch d := delta.(type) {
	case *types.ReasoningContentBlockDeltaMemberText:
		b.thought.WriteString(d.Value)
	case *types.ReasoningContentBlockDeltaMemberSignature:
		b.mark = &d.Value
	case *types.ReasoningContentBlockDeltaMemberRedactedContent:
		b.redacted = append(b.redacted, d.Value...)
	}
}

// Output returns the message of the events so far, in the form of a reply that is not
// streamed. Without the event that ends a message it is one that was cut off.
func (r *Reply) Output() *bedrockruntime.ConverseOutput {
	m := types.Message{Role: types.ConversationRoleAssistant}
	for _, b := range r.blocks {
		m.Content = append(m.Content, b.content())
	}
	return &bedrockruntime.ConverseOutput{Output: &types.ConverseOutputMemberMessage{Value: m}, StopReason: r.stop}
}

func (b *block) content() types.ContentBlock {
	switch {
	case b.call != nil:
		return &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			ToolUseId: b.call.ToolUseId, Name: b.call.Name, Type: b.call.Type, Input: piecewise(b.text.String()),
		}}
	case len(b.redacted) > 0:
		return &types.ContentBlockMemberReasoningContent{Value: &types.ReasoningContentBlockMemberRedactedContent{Value: b.redacted}}
	case b.thought.Len() > 0 || b.mark != nil:
		thought := b.thought.String()
		return &types.ContentBlockMemberReasoningContent{Value: &types.ReasoningContentBlockMemberReasoningText{
			Value: types.ReasoningTextBlock{Text: &thought, Signature: b.mark},
		}}
	}
	return &types.ContentBlockMemberText{Value: b.text.String()}
}
