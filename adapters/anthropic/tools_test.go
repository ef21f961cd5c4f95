package closeanthropic_test

import (
	"context"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	closeanthropic "github.com/closekit/closekit/adapters/anthropic"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/adaptertest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(assist)}, {Name: "stream", Stream: true, Talk: with(stream)}},
		Watch: watch,
	})
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/anthropics/anthropic-sdk-go") }

type talk func(context.Context, string, *agent.Session, string) (string, error)

// with runs a loop with the model at an address.
func with(loop func(context.Context, anthropic.Client, *agent.Session, string) (string, error)) talk {
	return func(ctx context.Context, model string, s *agent.Session, ask string) (string, error) {
		return loop(ctx, client(model), s, ask)
	}
}

func client(model string) anthropic.Client {
	return anthropic.NewClient(option.WithAPIKey("k"), option.WithBaseURL(model), option.WithMaxRetries(0))
}

// assist is the loop of the page README.md.
func assist(ctx context.Context, model anthropic.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeanthropic.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(ask))}
	for {
		m, err := model.Messages.New(ctx, anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 2000, Tools: definitions, Messages: messages})
		if err != nil {
			return "", err
		}
		next, more := closeanthropic.Answer(ctx, s, m)
		if !more {
			return closeanthropic.Text(m)
		}
		messages = append(messages, m.ToParam(), next)
	}
}

// stream is the loop with streaming.
func stream(ctx context.Context, model anthropic.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closeanthropic.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(ask))}
	for {
		events := model.Messages.NewStreaming(ctx, anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 2000, Tools: definitions, Messages: messages})
		var m anthropic.Message
		for events.Next() {
			if err := m.Accumulate(events.Current()); err != nil {
				return "", err
			}
		}
		if err := events.Err(); err != nil {
			return "", err
		}
		next, more := closeanthropic.Answer(ctx, s, &m)
		if !more {
			return closeanthropic.Text(&m)
		}
		messages = append(messages, m.ToParam(), next)
	}
}

// watch is the loop of a host that shows what was done.
func watch(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	definitions, err := closeanthropic.Tools(s)
	if err != nil {
		return "", nil, err
	}
	messages := []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(ask))}
	c := client(model)
	for {
		m, err := c.Messages.New(ctx, anthropic.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 2000, Tools: definitions, Messages: messages})
		if err != nil {
			return "", nil, err
		}
		next, results := closeanthropic.Results(ctx, s, m)
		if len(results) == 0 {
			said, err = closeanthropic.Text(m)
			return said, seen, err
		}
		seen = append(seen, results...)
		messages = append(messages, m.ToParam(), next)
	}
}
