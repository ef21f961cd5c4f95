package closeopenai

import (
	"cmp"
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/closekit/closekit/agent"
)

// ResponseTools is [ChatTools] for Responses. With [agent.WithDeferral] the definitions
// include the search of OpenAI.
func ResponseTools(s *agent.Session, opts ...agent.DefinitionOption) ([]responses.ToolUnionParam, error) {
	return definitions[responses.ToolUnionParam](s, agent.OpenAIResponses, opts)
}

// AnswerResponse is [AnswerChat] for Responses: it returns the input of the next
// request, whose PreviousResponseID is that of r.
func AnswerResponse(ctx context.Context, s *agent.Session, r *responses.Response) (next responses.ResponseInputParam, more bool) {
	next, results := ResponseResults(ctx, s, r)
	return next, len(results) > 0
}

// ResponseResults is [AnswerResponse] for hosts that show what was done: it returns a
// result for each call too, in the order of the response.
func ResponseResults(ctx context.Context, s *agent.Session, r *responses.Response) (responses.ResponseInputParam, []agent.Result) {
	var ids []string
	var calls []agent.Invocation
	for i, item := range r.Output {
		if call, ok := item.AsAny().(responses.ResponseFunctionToolCall); ok {
			one := agent.Invocation{Name: call.Name, Input: []byte(call.Arguments)}
			if i == len(r.Output)-1 {
				one.CutOff = unfinished(r)
			}
			ids, calls = append(ids, call.CallID), append(calls, one)
		}
	}
	results := s.CallAll(ctx, calls)
	next := make(responses.ResponseInputParam, len(results))
	for i, r := range results {
		next[i].OfFunctionCallOutput = &responses.ResponseInputItemFunctionCallOutputParam{
			CallID: openai.String(ids[i]),
			Output: responses.ResponseInputItemFunctionCallOutputOutputUnionParam{OfString: openai.String(text(r))},
		}
	}
	return next, results
}

// ResponseText is [ChatText] for Responses.
func ResponseText(r *responses.Response) (string, error) {
	reason, detail := unfinished(r), r.Error.Message
	for _, item := range r.Output {
		for _, part := range item.Content {
			if part.Refusal != "" {
				reason, detail = cmp.Or(reason, "refusal"), cmp.Or(detail, part.Refusal)
			}
		}
	}
	if reason != "" {
		return r.OutputText(), &agent.CutOffError{Reason: reason, Detail: detail}
	}
	return r.OutputText(), nil
}

// unfinished returns why a response ended before it was complete, or "".
func unfinished(r *responses.Response) string {
	if r.Status == responses.ResponseStatusCompleted {
		return ""
	}
	return cmp.Or(r.IncompleteDetails.Reason, string(r.Error.Code), string(r.Status), agent.NoReason)
}
