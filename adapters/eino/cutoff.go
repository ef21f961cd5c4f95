package closeeino

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/cloudwego/eino/adk"

	"github.com/closekit/closekit/agent"
)

// CutOff returns a handler for [adk.ChatModelAgentConfig] that tells messages that are not
// whole, as far as eino passes on the provider's word for their end. If one was cut off
// within its last call, that call is not carried out, and its result says so. If one has
// no calls, the run ends with an [*agent.CutOffError]; the text so far is in the event
// before. A node outside of such an agent is not told how a message ended.
func CutOff() adk.ChatModelAgentMiddleware {
	return cutOff{&adk.BaseChatModelAgentMiddleware{}}
}

type cutOff struct{ adk.ChatModelAgentMiddleware }

// AfterModelRewriteState implements [adk.ChatModelAgentMiddleware].
func (cutOff) AfterModelRewriteState(ctx context.Context, state *adk.ChatModelAgentState, _ *adk.ModelContext) (context.Context, *adk.ChatModelAgentState, error) {
	if len(state.Messages) == 0 {
		return ctx, state, nil
	}
	m := state.Messages[len(state.Messages)-1]
	word := ""
	if m.ResponseMeta != nil {
		word = m.ResponseMeta.FinishReason
	}
	switch n := len(m.ToolCalls); {
	case n == 0 && agent.CutsOff(word):
		return ctx, state, &agent.CutOffError{Reason: word}
	case n == 0 && word == "" && m.Content == "":
		return ctx, state, &agent.CutOffError{Reason: agent.NoReason}
	case n > 0 && agent.CutsOff(word):
		marked := *m
		marked.ToolCalls = slices.Clone(m.ToolCalls)
		marked.ToolCalls[n-1].Function.Arguments = mark(word)
		copied := *state
		copied.Messages = append(slices.Clone(state.Messages[:len(state.Messages)-1]), &marked)
		return ctx, &copied, nil
	}
	return ctx, state, nil
}

// marked is the input of a call that was cut off. A model that writes it gains nothing:
// the call is not carried out.
type marked struct {
	Reason string `json:"_cut_off"`
}

func mark(reason string) string {
	input, err := json.Marshal(marked{reason})
	if err != nil { // never: a string has a form
		return ""
	}
	return string(input)
}

// reasonOf returns why a call was cut off, or "".
func reasonOf(arguments string) string {
	var m marked
	if json.Unmarshal([]byte(arguments), &m) != nil {
		return "" // which the session says
	}
	return m.Reason
}
