package closegenai_test

import (
	"context"
	"testing"

	"google.golang.org/genai"

	closegenai "github.com/closekit/closekit/adapters/genai"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/adaptertest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(assist)}, {Name: "stream", Stream: true, Talk: with(stream)}},
		Watch: watch,
	})
}

// TestMalformed has replies whose call Gemini has left out: the model reads so, and calls
// again.
func TestMalformed(t *testing.T) {
	adaptertest.Malformed(t, with(assist))
	adaptertest.Malformed(t, with(stream))
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestLinked(t *testing.T) { adaptertest.Linked(t, "google.golang.org/genai") }

type talk func(context.Context, string, *agent.Session, string) (string, error)

// with runs a loop with the model at an address.
func with(loop func(context.Context, *genai.Client, *agent.Session, string) (string, error)) talk {
	return func(ctx context.Context, model string, s *agent.Session, ask string) (string, error) {
		c, err := client(ctx, model)
		if err != nil {
			return "", err
		}
		return loop(ctx, c, s, ask)
	}
}

func client(ctx context.Context, model string) (*genai.Client, error) {
	return genai.NewClient(ctx, &genai.ClientConfig{APIKey: "k", Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: model}})
}

// assist is the loop of the page README.md.
func assist(ctx context.Context, model *genai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closegenai.Tools(s)
	if err != nil {
		return "", err
	}
	talk := genai.Text(ask)
	for {
		reply, err := model.Models.GenerateContent(ctx, "gemini-3.5-flash", talk, &genai.GenerateContentConfig{Tools: definitions})
		if err != nil {
			return "", err
		}
		next, more := closegenai.Answer(ctx, s, reply)
		if talk = append(talk, next...); !more {
			return closegenai.Text(reply)
		}
	}
}

// stream is the loop with streaming.
func stream(ctx context.Context, model *genai.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closegenai.Tools(s)
	if err != nil {
		return "", err
	}
	talk := genai.Text(ask)
	for {
		var pieces []*genai.GenerateContentResponse
		for piece, err := range model.Models.GenerateContentStream(ctx, "gemini-3.5-flash", talk, &genai.GenerateContentConfig{Tools: definitions}) {
			if err != nil {
				return "", err
			}
			pieces = append(pieces, piece)
		}
		next, more := closegenai.Answer(ctx, s, pieces...)
		if talk = append(talk, next...); !more {
			return closegenai.Text(pieces...)
		}
	}
}

// watch is the loop of a host that shows what was done.
func watch(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	c, err := client(ctx, model)
	if err != nil {
		return "", nil, err
	}
	definitions, err := closegenai.Tools(s)
	if err != nil {
		return "", nil, err
	}
	talk := genai.Text(ask)
	for {
		reply, err := c.Models.GenerateContent(ctx, "gemini-3.5-flash", talk, &genai.GenerateContentConfig{Tools: definitions})
		if err != nil {
			return "", nil, err
		}
		next, results := closegenai.Results(ctx, s, reply)
		if talk = append(talk, next...); len(results) == 0 {
			said, err = closegenai.Text(reply)
			return said, seen, err
		}
		seen = append(seen, results...)
	}
}

// TestNothing has replies without a call: one that is blocked, and one that says
// nothing.
func TestNothing(t *testing.T) {
	for what, reply := range map[string]*genai.GenerateContentResponse{
		"no reply":    nil,
		"blocked":     {PromptFeedback: &genai.GenerateContentResponsePromptFeedback{}},
		"no content":  {Candidates: []*genai.Candidate{{FinishReason: genai.FinishReasonSafety}}},
		"only a mark": {Candidates: []*genai.Candidate{{Content: &genai.Content{Parts: []*genai.Part{{ThoughtSignature: []byte("s")}, {Thought: true}}}}}},
	} {
		if next, more := closegenai.Answer(t.Context(), nil, reply); more || len(next) != 0 {
			t.Errorf("%s: %v", what, next)
		}
		if text, err := closegenai.Text(reply); text != "" || err == nil {
			t.Errorf("%s: %q and no error", what, text)
		}
	}
}
