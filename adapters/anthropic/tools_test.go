package closeanthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/closekit/closekit"
	closeanthropic "github.com/closekit/closekit/adapters/anthropic"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/adaptertest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(assist)}, {Name: "stream", Stream: true, Talk: with(stream)}},
		Watch: watch,
	})
}

// TestText has the texts of all blocks, whatever comes last, and an error for a message
// that is not whole, beside its text.
func TestText(t *testing.T) {
	for raw, want := range map[string]struct{ text, reason string }{
		`{"content":[],"stop_reason":"end_turn"}`: {},
		`{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"b","signature":"s"},{"type":"text","text":"c"}],"stop_reason":"stop_sequence"}`: {"ac", ""},
		`{"content":[{"type":"text","text":"a"},{"type":"redacted_thinking","data":"b"}],"stop_reason":"end_turn"}`:                                            {"a", ""},
		`{"content":[{"type":"text","text":"a"}],"stop_reason":"pause_turn"}`:                                                                                  {"a", "pause_turn"},
		`{"content":[{"type":"text","text":"a"}],"stop_reason":"model_context_window_exceeded"}`:                                                               {"a", "model_context_window_exceeded"},
		`{"content":[{"type":"text","text":"a"}],"stop_reason":"tomorrow"}`:                                                                                    {"a", "tomorrow"},
		`{"content":[{"type":"text","text":"a"}]}`:                                                                                                             {"a", agent.NoReason},
		`{"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"Too dangerous."}}`:                           {"", "refusal"},
	} {
		var m anthropic.Message
		if err := json.Unmarshal([]byte(raw), &m); err != nil {
			t.Fatal(err)
		}
		text, err := closeanthropic.Text(&m)
		var cut *agent.CutOffError
		if errors.As(err, &cut) != (want.reason != "") || cut != nil && cut.Reason != want.reason || text != want.text {
			t.Errorf("%s: %q %v", raw, text, err)
		}
		if strings.Contains(raw, "explanation") && !strings.Contains(err.Error(), "Too dangerous.") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestTextBehind has a message that was cut off in a text behind a call, which is
// complete.
func TestTextBehind(t *testing.T) {
	var m anthropic.Message
	raw := `{"content":[{"type":"tool_use","id":"t","name":"close_nothing_get","input":{}},{"type":"text","text":"I ha"}],"stop_reason":"max_tokens"}`
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"))
	if err != nil {
		t.Fatal(err)
	}
	var cut *agent.CutOffError
	_, results := closeanthropic.Results(t.Context(), a.Session(closekit.APIKey("k")), &m)
	if len(results) != 1 || errors.As(results[0].Err, &cut) {
		t.Errorf("%+v", results)
	}
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
