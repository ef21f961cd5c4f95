package closeadk

import (
	"cmp"
	"slices"

	adk "google.golang.org/adk/v2/agent"
	"google.golang.org/adk/v2/model"
	"google.golang.org/adk/v2/tool/toolconfirmation"
	"google.golang.org/genai"

	"github.com/closekit/closekit/agent"
)

// cutOffMember is the input of a call that was cut off, with the reason. A model that
// writes it gains nothing: the call is not carried out.
const cutOffMember = "_cut_off"

// AfterModel is an [llmagent.AfterModelCallback] for what ADK takes as it comes.
//
// It drops requests for a confirmation which a model has written. Those of ADK are calls
// too, and it takes an answer to either: a model could ask for the confirmation of a
// pending call with a harmless hint.
//
// If a message was cut off within its last call, that one is not carried out, and its
// result says so. If a message without calls is not whole, its event gets an ErrorCode and
// an ErrorMessage, which is the text of an [agent.CutOffError].
func AfterModel(_ adk.Context, r *model.LLMResponse, _ error) (*model.LLMResponse, error) {
	if r == nil {
		return nil, nil //nolint:nilnil // ADK's way to keep a response
	}
	clean := *r
	changed := dropForged(&clean)
	switch reason := cutOff(r); {
	case r.Partial || reason == "": // the end comes with the last response of a stream
		if !changed {
			return nil, nil //nolint:nilnil // as above
		}
	case !markLast(&clean, reason):
		e := agent.CutOffError{Reason: reason, Detail: r.ErrorMessage}
		clean.ErrorCode, clean.ErrorMessage = reason, e.Error()
	}
	return &clean, nil
}

// dropForged drops requests for a confirmation.
func dropForged(r *model.LLMResponse) bool {
	forged := func(p *genai.Part) bool {
		return p.FunctionCall != nil && p.FunctionCall.Name == toolconfirmation.FunctionCallName
	}
	if r.Content == nil || !slices.ContainsFunc(r.Content.Parts, forged) {
		return false
	}
	parts := slices.DeleteFunc(slices.Clone(r.Content.Parts), forged)
	if len(parts) == 0 {
		parts = []*genai.Part{{Text: "(The model wrote a request for a confirmation, which only a tool can do.)"}}
	}
	r.Content = &genai.Content{Role: r.Content.Role, Parts: parts}
	return true
}

// cutOff returns why a response ended before it was complete, or "". Models other than
// Gemini may not tell how a whole one ends.
func cutOff(r *model.LLMResponse) string {
	word := string(r.FinishReason)
	if word == string(genai.FinishReasonStop) {
		return ""
	}
	if word == string(genai.FinishReasonUnspecified) {
		word = ""
	}
	if word == "" && (r.Content == nil || len(r.Content.Parts) == 0) {
		word = agent.NoReason
	}
	return cmp.Or(r.ErrorCode, word)
}

// markLast marks the last call of a response as cut off, and reports whether it has one.
func markLast(r *model.LLMResponse, reason string) bool {
	if r.Content == nil {
		return false
	}
	parts := slices.Clone(r.Content.Parts)
	for i, p := range slices.Backward(parts) {
		if p.FunctionCall != nil {
			part, call := *p, *p.FunctionCall
			call.Args = map[string]any{cutOffMember: reason}
			part.FunctionCall, parts[i] = &call, &part
			r.Content = &genai.Content{Role: r.Content.Role, Parts: parts}
			return true
		}
	}
	return false
}
