package closeanthropic_test

import (
	"context"
	"errors"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/closekit/closekit"
	closeanthropic "github.com/closekit/closekit/adapters/anthropic"
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

func client(m *modeltest.Server) anthropic.Client {
	return anthropic.NewClient(option.WithAPIKey("k"), option.WithBaseURL(m.URL()), option.WithMaxRetries(0))
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
			return m.Content[len(m.Content)-1].Text, nil
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
			return m.Content[len(m.Content)-1].Text, nil
		}
		messages = append(messages, m.ToParam(), next)
	}
}

type loop func(context.Context, anthropic.Client, *agent.Session, string) (string, error)

var loops = map[string]loop{"whole": assist, "stream": stream}

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
	if !r.IsError {
		return errors.New("the result is not marked as an error: " + r.Text)
	}
	return nil
}
