package closegenai

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/genai"

	"github.com/closekit/closekit/agent"
)

// Tools returns the definitions of the session's tools, those of
// [agent.Session.Definitions]; the SDK sorts the keys of their schemas. A request takes
// 512 at most. The error tells an unknown profile.
func Tools(s *agent.Session, opts ...agent.DefinitionOption) ([]*genai.Tool, error) {
	list, err := s.Definitions(agent.Gemini, opts...)
	if err != nil {
		return nil, fmt.Errorf("closegenai: %w", err)
	}
	declarations := make([]*genai.FunctionDeclaration, len(list))
	for i, raw := range list {
		var d struct {
			Name, Description string
			Schema            json.RawMessage `json:"parametersJsonSchema"`
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("closegenai: definition %d: %w", i, err)
		}
		declarations[i] = &genai.FunctionDeclaration{Name: d.Name, Description: d.Description, ParametersJsonSchema: d.Schema}
	}
	return []*genai.Tool{{FunctionDeclarations: declarations}}, nil
}

// Answer carries out the calls of a reply, as one turn, and returns what follows in the
// conversation: what the model said, and the results. It returns false if the reply has
// no calls. With streaming, reply is all of its pieces. What went wrong is a result too,
// marked as an error, so that the model can put it right; a call that waits for a person
// says so. If the reply was cut off within its last call, that one is not carried out. A
// call that Gemini could not read and has left out is one result too, as a text. Use
// [Results] to see what became of the calls.
func Answer(ctx context.Context, s *agent.Session, reply ...*genai.GenerateContentResponse) (next []*genai.Content, more bool) {
	next, results := Results(ctx, s, reply...)
	return next, len(results) > 0
}

// Results is [Answer] for hosts that show what was done: it returns a result for each
// call too, in the order of the reply.
func Results(ctx context.Context, s *agent.Session, reply ...*genai.GenerateContentResponse) ([]*genai.Content, []agent.Result) {
	said := parts(reply)
	var next []*genai.Content
	if len(said) > 0 {
		next = append(next, genai.NewContentFromParts(said, genai.RoleModel))
	}
	reason, _ := cutOff(reply)
	var asked []*genai.FunctionCall
	var calls []agent.Invocation
	for _, p := range said {
		if p.FunctionCall != nil {
			asked = append(asked, p.FunctionCall)
			calls = append(calls, agent.Invocation{Name: p.FunctionCall.Name, Input: input(p.FunctionCall.Args)})
		}
	}
	switch {
	case len(calls) == 0 && reason == string(genai.FinishReasonMalformedFunctionCall):
		results := s.CallAll(ctx, []agent.Invocation{{CutOff: reason}})
		return append(next, genai.NewContentFromText(results[0].Text, genai.RoleUser)), results
	case len(calls) == 0:
		return next, nil
	case said[len(said)-1].FunctionCall != nil:
		calls[len(calls)-1].CutOff = reason
	}
	results := s.CallAll(ctx, calls)
	answers := make([]*genai.Part, len(results))
	for i, r := range results {
		key := "output"
		if r.IsError {
			key = "error"
		}
		answers[i] = genai.NewPartFromFunctionResponse(asked[i].Name, map[string]any{key: r.Text})
		answers[i].FunctionResponse.ID = asked[i].ID
	}
	return append(next, genai.NewContentFromParts(answers, genai.RoleUser)), results
}

// Text returns the text of a reply, without thoughts. With streaming, reply is all of its
// pieces. The error is an [*agent.CutOffError] if the reply is not whole: it was cut off,
// filtered, or the prompt was blocked. The text so far is returned beside it.
func Text(reply ...*genai.GenerateContentResponse) (string, error) {
	var text strings.Builder
	for _, p := range parts(reply) {
		if !p.Thought {
			text.WriteString(p.Text)
		}
	}
	if reason, detail := cutOff(reply); reason != "" {
		return text.String(), &agent.CutOffError{Reason: reason, Detail: detail}
	}
	return text.String(), nil
}

// cutOff returns why a reply ended before it was complete, or "", and what Gemini says
// about it.
func cutOff(reply []*genai.GenerateContentResponse) (reason, detail string) {
	for _, r := range reply {
		switch {
		case r == nil:
		case len(r.Candidates) > 0:
			c := r.Candidates[0]
			reason, detail = cmp.Or(string(c.FinishReason), reason), cmp.Or(c.FinishMessage, detail)
		case r.PromptFeedback != nil:
			reason, detail = cmp.Or(string(r.PromptFeedback.BlockReason), reason), cmp.Or(r.PromptFeedback.BlockReasonMessage, detail)
		}
	}
	if reason == string(genai.FinishReasonStop) {
		return "", ""
	}
	return cmp.Or(reason, agent.NoReason), detail
}

// parts returns what the model said. A reply that Gemini blocks has nothing, and a
// stream may end with a part without data, which Gemini does not take back.
func parts(reply []*genai.GenerateContentResponse) []*genai.Part {
	var said []*genai.Part
	for _, r := range reply {
		if r == nil || len(r.Candidates) == 0 || r.Candidates[0].Content == nil {
			continue
		}
		for _, p := range r.Candidates[0].Content.Parts {
			data := *p
			data.Thought, data.ThoughtSignature = false, nil
			if !reflect.ValueOf(data).IsZero() {
				said = append(said, p)
			}
		}
	}
	return said
}

func input(args map[string]any) []byte {
	if len(args) == 0 {
		return []byte("{}")
	}
	b, err := json.Marshal(args)
	if err != nil { // not of arguments that come from JSON
		return []byte(err.Error()) // of which the session says that it is no JSON
	}
	return b
}
