package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	closeanthropic "github.com/closekit/closekit/adapters/anthropic"
	"github.com/closekit/closekit/agent"
)

// claude is a model of Anthropic.
type claude struct {
	client anthropic.Client
	model  string
}

func newClaude(key, model, baseURL string) claude {
	opts := []option.RequestOption{option.WithAPIKey(key)}
	if baseURL != "" {
		opts = append(opts, option.WithBaseURL(baseURL))
	}
	return claude{anthropic.NewClient(opts...), model}
}

func (claude) said(text string) json.RawMessage {
	return encode(anthropic.NewUserMessage(anthropic.NewTextBlock(text)))
}

func (m claude) answer(ctx context.Context, s *agent.Session, system string, talk []json.RawMessage, show func(string)) ([]json.RawMessage, []agent.Result, error) {
	definitions, err := closeanthropic.Tools(s)
	if err != nil {
		return nil, nil, err
	}
	p := anthropic.MessageNewParams{
		Model: m.model, MaxTokens: 8000, Tools: definitions, System: []anthropic.TextBlockParam{{Text: system}},
		CacheControl: anthropic.NewCacheControlEphemeralParam(), // what was sent before costs a tenth
	}
	for _, one := range talk {
		p.Messages = append(p.Messages, param.Override[anthropic.MessageParam](one))
	}
	events := m.client.Messages.NewStreaming(ctx, p)
	defer events.Close() //nolint:errcheck // it was read to its end, or given up
	var got anthropic.Message
	for events.Next() {
		event := events.Current()
		if err := got.Accumulate(event); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errNotAnAnswer, err)
		}
		show(event.Delta.Text)
	}
	switch err := events.Err(); {
	case err != nil:
		return nil, nil, err
	case got.StopReason == anthropic.StopReasonMaxTokens:
		return nil, nil, errCutOff
	case got.StopReason == "" && got.Role != "":
		return nil, nil, errHalf
	case got.StopReason == "":
		return nil, nil, errNotAnAnswer
	case len(got.Content) == 0 && got.StopReason == anthropic.StopReasonEndTurn:
		return nil, nil, errEmpty
	case len(got.Content) == 0:
		return nil, nil, fmt.Errorf("it has ended without a word: %s", oneLine(string(got.StopReason)))
	}
	answer, err := json.Marshal(got.ToParam())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNotAnAnswer, err)
	}
	next := []json.RawMessage{answer}
	done, results := closeanthropic.Results(ctx, s, &got)
	if len(results) > 0 {
		next = append(next, encode(done))
	}
	return next, results, nil
}

// encode encodes a message that this program has made, of strings only.
func encode(message any) json.RawMessage {
	raw, _ := json.Marshal(message)
	return raw
}
