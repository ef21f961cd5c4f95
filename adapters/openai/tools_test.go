package closeopenai_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/closekit/closekit"
	closeopenai "github.com/closekit/closekit/adapters/openai"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/adaptertest"
	"github.com/closekit/closekit/internal/modeltest"
)

func TestChat(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(chat)}, {Name: "stream", Stream: true, Talk: with(streamChat)}},
		Watch: watchChat, Marked: marked, Texts: true,
	})
}

func TestResponses(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(respond)}, {Name: "stream", Stream: true, Talk: with(streamResponse)}},
		Watch: watchResponses, Marked: marked, Texts: true, Lost: true,
	})
}

// TestStrict tests that the schemas of single tools are ones that OpenAI enforces.
func TestStrict(t *testing.T) {
	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey("k"))
	chat, err := closeopenai.ChatTools(s, agent.WithStrict("close_note_create"))
	if err != nil {
		t.Fatal(err)
	}
	responses, err := closeopenai.ResponseTools(s, agent.WithStrict("close_note_create"))
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]any{"Chat": chat, "Responses": responses} {
		b, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		if strict, loose := strings.Count(string(b), `"strict":true`), strings.Count(string(b), `"strict":false`); strict != 1 || strict+loose != len(chat) {
			t.Errorf("%s: of %d tools %d are strict and %d are not", name, len(chat), strict, loose)
		}
	}
	var not *agent.NotStrictError
	if _, err := closeopenai.ChatTools(s, agent.WithStrict("close_opportunity_update")); !errors.As(err, &not) {
		t.Errorf("the error of a tool that cannot be strict is %v", err)
	}
}

// TestText has answers that are not whole: the model refuses in a member of its own, the
// response says no more than its status, or there is nothing.
func TestText(t *testing.T) {
	for raw, want := range map[string]string{
		`{}`:             agent.NoReason,
		`{"choices":[]}`: agent.NoReason,
		`{"choices":[{"finish_reason":"stop","message":{"content":null}}]}`:                                 "",
		`{"choices":[{"finish_reason":"eos","message":{"content":""}}]}`:                                    "",
		`{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"I cannot help."}}]}`:      "refusal: I cannot help.",
		`{"choices":[{"finish_reason":"content_filter","message":{"content":null,"refusal":"I cannot."}}]}`: "content_filter: I cannot.",
	} {
		var r openai.ChatCompletion
		if err := json.Unmarshal([]byte(raw), &r); err != nil {
			t.Fatal(err)
		}
		text, err := closeopenai.ChatText(&r)
		ends(t, raw, text, err, want)
		if next, more := closeopenai.AnswerChat(t.Context(), nil, &r); more || len(next) > 0 {
			t.Errorf("%s: %v", raw, next)
		}
	}
	for raw, want := range map[string]string{
		`{}`:                                 agent.NoReason,
		`{"status":"completed"}`:             "",
		`{"status":"completed","output":[]}`: "",
		`{"status":"queued","output":[]}`:    "queued",
		`{"status":"failed","error":{"code":"server_error","message":"It broke."}}`:                                                         "server_error: It broke.",
		`{"status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"refusal","refusal":"I cannot help."}]}]}`: "refusal: I cannot help.",
	} {
		var r responses.Response
		if err := json.Unmarshal([]byte(raw), &r); err != nil {
			t.Fatal(err)
		}
		text, err := closeopenai.ResponseText(&r)
		ends(t, raw, text, err, want)
	}
}

// ends wants no text, and an error that ends with a reason, or none.
func ends(t *testing.T, raw, text string, err error, want string) {
	t.Helper()
	var cut *agent.CutOffError
	if errors.As(err, &cut) != (want != "") || err != nil && !strings.Contains(err.Error(), want) || text != "" {
		t.Errorf("%s: %q %v, want %q", raw, text, err, want)
	}
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/openai/openai-go") }

// marked tells an error by its text, because OpenAI has no mark.
func marked(r modeltest.Result) bool { return strings.HasPrefix(r.Text, "Error: ") }

type talk func(context.Context, string, *agent.Session, string) (string, error)

// with runs a loop with the model at an address.
func with(loop func(context.Context, openai.Client, *agent.Session, string) (string, error)) talk {
	return func(ctx context.Context, model string, s *agent.Session, ask string) (string, error) {
		return loop(ctx, client(model), s, ask)
	}
}

func client(model string) openai.Client {
	return openai.NewClient(option.WithAPIKey("k"), option.WithBaseURL(model+"/v1"), option.WithMaxRetries(0))
}

// chat is the loop of the page README.md, for Chat Completions.
func chat(ctx context.Context, model openai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeopenai.ChatTools(s)
	if err != nil {
		return "", err
	}
	p := openai.ChatCompletionNewParams{Model: "gpt-5.4", Tools: definitions, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(ask)}}
	for {
		r, err := model.Chat.Completions.New(ctx, p)
		if err != nil {
			return "", err
		}
		next, more := closeopenai.AnswerChat(ctx, s, r)
		if !more {
			return closeopenai.ChatText(r)
		}
		p.Messages = append(append(p.Messages, r.Choices[0].Message.ToParam()), next...)
	}
}

// respond is the loop of the page README.md, for Responses.
func respond(ctx context.Context, model openai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeopenai.ResponseTools(s)
	if err != nil {
		return "", err
	}
	p := responses.ResponseNewParams{Model: "gpt-5.4", Tools: definitions, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(ask)}}
	for {
		r, err := model.Responses.New(ctx, p)
		if err != nil {
			return "", err
		}
		next, more := closeopenai.AnswerResponse(ctx, s, r)
		if !more {
			return closeopenai.ResponseText(r)
		}
		p.PreviousResponseID, p.Input = openai.String(r.ID), responses.ResponseNewParamsInputUnion{OfInputItemList: next}
	}
}

// streamChat is the loop of Chat Completions with streaming.
func streamChat(ctx context.Context, model openai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeopenai.ChatTools(s)
	if err != nil {
		return "", err
	}
	p := openai.ChatCompletionNewParams{Model: "gpt-5.4", Tools: definitions, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(ask)}}
	for {
		events := model.Chat.Completions.NewStreaming(ctx, p)
		var all openai.ChatCompletionAccumulator
		for events.Next() {
			if !all.AddChunk(events.Current()) {
				return "", errors.New("a chunk does not fit")
			}
		}
		if err := events.Err(); err != nil {
			return "", err
		}
		next, more := closeopenai.AnswerChat(ctx, s, &all.ChatCompletion)
		if !more {
			return closeopenai.ChatText(&all.ChatCompletion)
		}
		p.Messages = append(append(p.Messages, all.Choices[0].Message.ToParam()), next...)
	}
}

// streamResponse is the loop of Responses with streaming.
func streamResponse(ctx context.Context, model openai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeopenai.ResponseTools(s)
	if err != nil {
		return "", err
	}
	p := responses.ResponseNewParams{Model: "gpt-5.4", Tools: definitions, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(ask)}}
	for {
		events := model.Responses.NewStreaming(ctx, p)
		var r responses.Response
		for events.Next() {
			switch e := events.Current().AsAny().(type) {
			case responses.ResponseCompletedEvent:
				r = e.Response
			case responses.ResponseIncompleteEvent:
				r = e.Response
			case responses.ResponseFailedEvent:
				r = e.Response
			}
		}
		if err := events.Err(); err != nil {
			return "", err
		}
		next, more := closeopenai.AnswerResponse(ctx, s, &r)
		if !more {
			return closeopenai.ResponseText(&r)
		}
		p.PreviousResponseID, p.Input = openai.String(r.ID), responses.ResponseNewParamsInputUnion{OfInputItemList: next}
	}
}

// watchChat is the loop of a host that shows what was done, for Chat Completions.
func watchChat(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	definitions, err := closeopenai.ChatTools(s)
	if err != nil {
		return "", nil, err
	}
	c := client(model)
	p := openai.ChatCompletionNewParams{Model: "gpt-5.4", Tools: definitions, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(ask)}}
	for {
		r, err := c.Chat.Completions.New(ctx, p)
		if err != nil {
			return "", nil, err
		}
		next, results := closeopenai.ChatResults(ctx, s, r)
		if len(results) == 0 {
			said, err = closeopenai.ChatText(r)
			return said, seen, err
		}
		seen = append(seen, results...)
		p.Messages = append(append(p.Messages, r.Choices[0].Message.ToParam()), next...)
	}
}

// watchResponses is the loop of a host that shows what was done, for Responses.
func watchResponses(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	definitions, err := closeopenai.ResponseTools(s)
	if err != nil {
		return "", nil, err
	}
	c := client(model)
	p := responses.ResponseNewParams{Model: "gpt-5.4", Tools: definitions, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(ask)}}
	for {
		r, err := c.Responses.New(ctx, p)
		if err != nil {
			return "", nil, err
		}
		next, results := closeopenai.ResponseResults(ctx, s, r)
		if len(results) == 0 {
			said, err = closeopenai.ResponseText(r)
			return said, seen, err
		}
		seen = append(seen, results...)
		p.PreviousResponseID, p.Input = openai.String(r.ID), responses.ResponseNewParamsInputUnion{OfInputItemList: next}
	}
}
