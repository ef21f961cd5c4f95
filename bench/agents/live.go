package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/closekit/closekit/internal/agenttasks"
)

// asker sends a conversation to a real model.
type asker func(ctx context.Context, system string, tools []json.RawMessage, said []agenttasks.Said) (agenttasks.Said, error)

type object = map[string]any

// client returns what asks a model of a provider.
func client(provider, model, base, key string) (asker, error) {
	switch {
	case provider != "anthropic" && provider != "openai":
		return nil, fmt.Errorf("there is no provider %q; it is anthropic or openai", provider)
	case model == "":
		return nil, errors.New("name the model with -model")
	case key == "" && base == "":
		return nil, errors.New("the key is not set: ANTHROPIC_API_KEY or OPENAI_API_KEY")
	}
	if provider == "anthropic" {
		return func(ctx context.Context, system string, tools []json.RawMessage, said []agenttasks.Said) (agenttasks.Said, error) {
			return askAnthropic(ctx, either(base, "https://api.anthropic.com"), key, model, system, tools, said)
		}, nil
	}
	return func(ctx context.Context, system string, tools []json.RawMessage, said []agenttasks.Said) (agenttasks.Said, error) {
		return askOpenAI(ctx, either(base, "https://api.openai.com"), key, model, system, tools, said)
	}, nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func askAnthropic(ctx context.Context, base, key, model, system string, tools []json.RawMessage, said []agenttasks.Said) (agenttasks.Said, error) {
	var messages []object
	for _, s := range said {
		var content []object
		role := "user"
		for _, r := range s.Replies {
			content = append(content, object{"type": "tool_result", "tool_use_id": r.ID, "content": r.Text, "is_error": r.Failed})
		}
		if s.Text != "" {
			content = append(content, object{"type": "text", "text": s.Text})
		}
		for _, c := range s.Calls {
			content = append(content, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": c.Input})
		}
		if len(messages) > 0 && messages[len(messages)-1]["role"] == "user" && len(s.Replies) == 0 {
			role = "assistant"
		}
		messages = append(messages, object{"role": role, "content": content})
	}
	var answer struct {
		Content []struct {
			Type, Text, ID, Name string
			Input                json.RawMessage
		}
	}
	err := post(ctx, base+"/v1/messages", http.Header{"X-Api-Key": {key}, "Anthropic-Version": {"2023-06-01"}},
		object{"model": model, "max_tokens": 2000, "system": system, "tools": tools, "messages": messages}, &answer)
	var out agenttasks.Said
	for _, c := range answer.Content {
		switch c.Type {
		case "text":
			out.Text += c.Text
		case "tool_use":
			out.Calls = append(out.Calls, agenttasks.LiveCall{ID: c.ID, Name: c.Name, Input: c.Input})
		}
	}
	return out, err
}

func askOpenAI(ctx context.Context, base, key, model, system string, tools []json.RawMessage, said []agenttasks.Said) (agenttasks.Said, error) {
	messages := []object{{"role": "system", "content": system}}
	for i, s := range said {
		for _, r := range s.Replies {
			messages = append(messages, object{"role": "tool", "tool_call_id": r.ID, "content": r.Text})
		}
		if len(s.Replies) > 0 {
			continue
		}
		m := object{"role": "user", "content": s.Text}
		if i > 0 {
			m["role"] = "assistant"
		}
		var calls []object
		for _, c := range s.Calls {
			calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Input)}})
		}
		if calls != nil {
			m["tool_calls"] = calls
		}
		messages = append(messages, m)
	}
	var functions []object
	for _, t := range tools {
		var d struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			InputSchema json.RawMessage `json:"input_schema"`
		}
		if err := json.Unmarshal(t, &d); err != nil {
			return agenttasks.Said{}, err
		}
		functions = append(functions, object{"type": "function", "function": object{"name": d.Name, "description": d.Description, "parameters": d.InputSchema}})
	}
	var answer struct {
		Choices []struct {
			Message struct {
				Content   string
				ToolCalls []struct {
					ID       string
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
	}
	err := post(ctx, base+"/v1/chat/completions", http.Header{"Authorization": {"Bearer " + key}}, object{"model": model, "tools": functions, "messages": messages}, &answer)
	var out agenttasks.Said
	if err != nil || len(answer.Choices) == 0 {
		return out, errors.Join(err, noChoice(len(answer.Choices)))
	}
	out.Text = answer.Choices[0].Message.Content
	for _, c := range answer.Choices[0].Message.ToolCalls {
		out.Calls = append(out.Calls, agenttasks.LiveCall{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
	}
	return out, nil
}

func noChoice(n int) error {
	if n > 0 {
		return nil
	}
	return errors.New("the response has no choice")
}

// post sends JSON, and again after a 429 or an error of the provider.
func post(ctx context.Context, url string, header http.Header, body, to any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	const tries = 5
	for try := 1; ; try++ {
		again, err := postOnce(ctx, url, header, b, to)
		if err == nil || !again || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try*try) * time.Second):
		}
	}
}

// patience is how long a model may take for a response.
const patience = 5 * time.Minute

func postOnce(ctx context.Context, url string, header http.Header, body []byte, to any) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close() //nolint:errcheck // read to the end
	out, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return true, err
	case res.StatusCode != http.StatusOK:
		return res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= http.StatusInternalServerError,
			fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(out)))
	}
	return false, json.Unmarshal(out, to)
}
