package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"

	closeopenai "github.com/closekit/closekit/adapters/openai"
	"github.com/closekit/closekit/agent"
)

// chatModel is a model behind OpenAI's Chat Completions: one of OpenAI, of Google at
// its compatible address, or of any server that speaks it, such as a local one.
type chatModel struct {
	client openai.Client
	model  string
}

func newChatModel(key, model, baseURL string) chatModel {
	opts := []option.RequestOption{option.WithAPIKey(key), option.WithMiddleware(wrapped)}
	if baseURL != "" {
		opts = append(opts, option.WithBaseURL(baseURL))
	}
	return chatModel{openai.NewClient(opts...), model}
}

// wrapped puts what a server says in a refusal where OpenAI has it. Some have a text in
// the place of the object, of which the SDK tells neither the text nor the status.
func wrapped(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	response, err := next(r)
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close() // what was read is enough
	if err != nil {
		return response, err
	}
	response.Body = io.NopCloser(bytes.NewReader(encode(map[string]any{"error": map[string]string{"message": messageOf(body)}})))
	return response, nil
}

func (chatModel) said(text string) json.RawMessage { return encode(openai.UserMessage(text)) }

func (m chatModel) answer(ctx context.Context, s *agent.Session, system string, talk []json.RawMessage, show func(string)) ([]json.RawMessage, []agent.Result, error) {
	definitions, err := closeopenai.ChatTools(s)
	if err != nil {
		return nil, nil, err
	}
	p := openai.ChatCompletionNewParams{Model: m.model, Tools: definitions, Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system)}}
	for _, one := range talk {
		p.Messages = append(p.Messages, param.Override[openai.ChatCompletionMessageParamUnion](one))
	}
	chunks := m.client.Chat.Completions.NewStreaming(ctx, p)
	defer chunks.Close() //nolint:errcheck // it was read to its end, or given up
	got := answered{Role: "assistant", at: map[int64]int{}}
	for chunks.Next() {
		for _, choice := range chunks.Current().Choices { // there is one at most
			got.add(choice)
			show(choice.Delta.Content + choice.Delta.Refusal)
		}
	}
	switch err := chunks.Err(); {
	case err != nil:
		return nil, nil, err
	case got.finish == "length":
		return nil, nil, errCutOff
	case got.finish == "" && got.begun:
		return nil, nil, errHalf
	case got.finish == "":
		return nil, nil, errNotAnAnswer
	case got.Content == "" && len(got.Calls) == 0 && got.finish == "stop":
		return nil, nil, errEmpty
	case got.Content == "" && len(got.Calls) == 0:
		return nil, nil, fmt.Errorf("it has ended without a word: %s", oneLine(got.finish))
	}
	answer := encode(got)
	var message openai.ChatCompletionMessage
	if err := json.Unmarshal(answer, &message); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNotAnAnswer, err)
	}
	next := []json.RawMessage{answer}
	choice := openai.ChatCompletionChoice{Message: message, FinishReason: got.finish}
	done, results := closeopenai.ChatResults(ctx, s, &openai.ChatCompletion{Choices: []openai.ChatCompletionChoice{choice}})
	for _, one := range done {
		next = append(next, encode(one))
	}
	return next, results, nil
}

// answered collects the pieces of an answer. The accumulator of the SDK does it for
// OpenAI; Google leaves out the index of a call, and wants its extra_content back.
type answered struct {
	Role    string     `json:"role"`
	Content string     `json:"content"`
	Calls   []toolCall `json:"tool_calls,omitempty"`

	begun  bool
	finish string
	at     map[int64]int // position of a call by its index
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
	Extra json.RawMessage `json:"extra_content,omitempty"`
}

func (a *answered) add(c openai.ChatCompletionChunkChoice) {
	a.begun = true
	a.Content += c.Delta.Content + c.Delta.Refusal
	a.finish = cmp.Or(c.FinishReason, a.finish)
	for _, piece := range c.Delta.ToolCalls {
		i, known := a.at[piece.Index]
		if !known || piece.ID != "" && piece.ID != a.Calls[i].ID {
			i = len(a.Calls)
			a.at[piece.Index] = i
			a.Calls = append(a.Calls, toolCall{ID: cmp.Or(piece.ID, fmt.Sprint("call_", i)), Type: "function"})
		}
		call := &a.Calls[i]
		call.Function.Name += piece.Function.Name
		call.Function.Arguments += piece.Function.Arguments
		if extra := piece.JSON.ExtraFields["extra_content"].Raw(); json.Valid([]byte(extra)) {
			call.Extra = json.RawMessage(extra)
		}
	}
}
