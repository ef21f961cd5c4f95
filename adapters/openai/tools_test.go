package closeopenai_test

import (
	"context"
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
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// open returns a session at an emulated Close, where nothing needs a person.
func open(t *testing.T) (*agent.Session, *emulator.Server) {
	t.Helper()
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))))
	if err != nil {
		t.Fatal(err)
	}
	return a.Session(closekit.APIKey(srv.APIKey())), srv
}

func client(m *modeltest.Server) openai.Client {
	return openai.NewClient(option.WithAPIKey("k"), option.WithBaseURL(m.URL()+"/v1"), option.WithMaxRetries(0))
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
		m := r.Choices[0].Message
		next, more := closeopenai.AnswerChat(ctx, s, m)
		if !more {
			return m.Content, nil
		}
		p.Messages = append(append(p.Messages, m.ToParam()), next...)
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
			return r.OutputText(), nil
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
		m := all.Choices[0].Message
		next, more := closeopenai.AnswerChat(ctx, s, m)
		if !more {
			return m.Content, nil
		}
		p.Messages = append(append(p.Messages, m.ToParam()), next...)
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
			if e, ok := events.Current().AsAny().(responses.ResponseCompletedEvent); ok {
				r = e.Response
			}
		}
		if err := events.Err(); err != nil {
			return "", err
		}
		next, more := closeopenai.AnswerResponse(ctx, s, &r)
		if !more {
			return r.OutputText(), nil
		}
		p.PreviousResponseID, p.Input = openai.String(r.ID), responses.ResponseNewParamsInputUnion{OfInputItemList: next}
	}
}

type loop func(context.Context, openai.Client, *agent.Session, string) (string, error)

var loops = map[string]loop{
	"chat": chat, "chat stream": streamChat,
	"responses": respond, "responses stream": streamResponse,
}

// run plays the steps, and wants the last text.
func run(t *testing.T, l loop, s *agent.Session, steps ...modeltest.Step) {
	t.Helper()
	last := "All done, with 4 < 5 & ünïcode."
	m := modeltest.Start(t, append(steps, modeltest.Step{Text: last})...)
	got, err := l(t.Context(), client(m), s, "Do it.")
	if err != nil {
		t.Error(err)
	} else if got != last {
		t.Errorf("the model said %q", got)
	}
}

// marked returns nil if a result is marked as an error.
func marked(r modeltest.Result) error {
	if !strings.HasPrefix(r.Text, "Error: ") {
		return errors.New("the result is not marked as an error: " + r.Text)
	}
	return nil
}
