package closelangchain_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	closelangchain "github.com/closekit/closekit/adapters/langchaingo"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/adaptertest"
	"github.com/closekit/closekit/internal/modeltest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{
			{Name: "whole", Talk: talk(assist)},
			{Name: "stream", Stream: true, Talk: talk(stream)},
		},
		Watch:  watch,
		Marked: marked,
		Texts:  true,
		Mute:   true,
	})
}

// TestChoices has a message of Anthropic, whose blocks are choices, and one without any.
func TestChoices(t *testing.T) {
	s, srv := session(t, agent.Toolset("sales"))
	call := func(input string) *llms.ContentChoice {
		return &llms.ContentChoice{StopReason: "tool_use", ToolCalls: []llms.ToolCall{{ID: "c", FunctionCall: &llms.FunctionCall{Name: "close_lead_create", Arguments: input}}}}
	}
	next, results := closelangchain.Results(t.Context(), s, &llms.ContentResponse{Choices: []*llms.ContentChoice{
		{Content: "I begin.", StopReason: "tool_use"}, call(`{"name":"First"}`), call(`{"name":"Second"}`),
	}})
	if len(next) != 3 || len(next[0].Parts) != 3 || len(results) != 2 || len(srv.Objects("leads")) != 2 {
		t.Errorf("%+v, with %d leads in Close", next, len(srv.Objects("leads")))
	}
	for _, r := range []*llms.ContentResponse{{}, {Choices: []*llms.ContentChoice{{}}}} {
		next, more := closelangchain.Answer(t.Context(), s, r)
		if text, err := closelangchain.Text(r); more || len(next) > 0 || text != "" || err == nil {
			t.Errorf("%v: %v %q %v", r, next, text, err)
		}
	}
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestAnyProvider(t *testing.T) {
	adaptertest.AnyProvider(t, func(s *agent.Session, opts ...agent.DefinitionOption) (int, error) {
		list, err := closelangchain.Tools(s, opts...)
		return len(list), err
	})
}

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/tmc/langchaingo") }

func marked(r modeltest.Result) bool { return strings.HasPrefix(r.Text, "Error: ") }

func client(url string) (*openai.LLM, error) {
	return openai.New(openai.WithToken("k"), openai.WithModel("gpt-5.4"), openai.WithBaseURL(url+"/v1"))
}

// talk makes a loop of the test out of a loop.
func talk(loop func(context.Context, llms.Model, *agent.Session, string) (string, error)) func(context.Context, string, *agent.Session, string) (string, error) {
	return func(ctx context.Context, url string, s *agent.Session, ask string) (string, error) {
		model, err := client(url)
		if err != nil {
			return "", err
		}
		return loop(ctx, model, s, ask)
	}
}

// assist is the loop of the page README.md.
func assist(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	definitions, err := closelangchain.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, ask)}
	for {
		r, err := model.GenerateContent(ctx, messages, llms.WithTools(definitions))
		if err != nil {
			return "", err
		}
		next, more := closelangchain.Answer(ctx, s, r)
		if !more {
			return closelangchain.Text(r)
		}
		messages = append(messages, next...)
	}
}

// stream is the loop with streaming. langchaingo streams the text, and at the end the
// calls too, which a host does not show.
func stream(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	definitions, err := closelangchain.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, ask)}
	for {
		var seen strings.Builder
		r, err := model.GenerateContent(ctx, messages, llms.WithTools(definitions), llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
			seen.Write(chunk)
			return nil
		}))
		if err != nil {
			return "", err
		}
		next, more := closelangchain.Answer(ctx, s, r)
		if !more {
			said, err := closelangchain.Text(r)
			if said != seen.String() {
				return "", fmt.Errorf("the stream has %q, and the message %q", seen.String(), said)
			}
			return said, err
		}
		messages = append(messages, next...)
	}
}

// watch is the loop of a host that shows what was done.
func watch(ctx context.Context, url string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	model, err := client(url)
	if err != nil {
		return "", nil, err
	}
	definitions, err := closelangchain.Tools(s)
	if err != nil {
		return "", nil, err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, ask)}
	for {
		r, err := model.GenerateContent(ctx, messages, llms.WithTools(definitions))
		if err != nil {
			return "", nil, err
		}
		next, results := closelangchain.Results(ctx, s, r)
		if len(results) == 0 {
			said, err = closelangchain.Text(r)
			return said, seen, err
		}
		seen = append(seen, results...)
		messages = append(messages, next...)
	}
}
