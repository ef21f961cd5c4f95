package closegenkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/firebase/genkit/go/ai"
	"github.com/firebase/genkit/go/genkit"
	"github.com/firebase/genkit/go/plugins/compat_oai"

	"github.com/closekit/closekit"
	closegenkit "github.com/closekit/closekit/adapters/genkit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/adaptertest"
	"github.com/closekit/closekit/internal/modeltest"
)

var stream = ai.WithStreaming(func(context.Context, *ai.ModelResponseChunk) error { return nil })

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{
			{Name: "whole", Talk: talk()},
			{Name: "stream", Stream: true, Talk: talk(stream)},
		},
		Confirm:       confirm(),
		ConfirmStream: confirm(stream),
		Text:          text,
		Mute:          true,
		Rejects:       true,
		Word:          func(word string) string { return strings.Replace(word, "content_filter", "blocked", 1) },
		Marked:        func(r modeltest.Result) bool { return fields(r)["error"] != "" },
	})
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestAnyProvider(t *testing.T) {
	adaptertest.AnyProvider(t, func(s *agent.Session, opts ...agent.DefinitionOption) (int, error) {
		hooks, err := closegenkit.Use(s, opts...).New(t.Context())
		if err != nil {
			return 0, err
		}
		return len(hooks.Tools) - 1, nil // the one for unknown tools
	})
}

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/firebase/genkit") }

// fields reads a result: genkit writes JSON in the place of text.
func fields(r modeltest.Result) map[string]string {
	var m map[string]string
	if json.Unmarshal([]byte(r.Text), &m) != nil || len(m) != 1 {
		return map[string]string{"error": "not JSON: " + r.Text}
	}
	return m
}

func text(r modeltest.Result) string {
	m := fields(r)
	return m["output"] + m["error"]
}

func client(ctx context.Context, url string) *genkit.Genkit {
	p := &compat_oai.OpenAICompatible{Provider: "test", APIKey: "k", BaseURL: url + "/v1"}
	return genkit.Init(ctx, genkit.WithPlugins(p), genkit.WithDefaultModel("test/gpt-5.4"))
}

// assist is the first code of the page README.md.
func assist(ctx context.Context, g *genkit.Genkit, s *agent.Session, ask string, opts ...ai.GenerateOption) (*ai.ModelResponse, error) {
	return genkit.Generate(ctx, g, slices.Concat(opts, []ai.GenerateOption{ai.WithPrompt(ask), ai.WithUse(closegenkit.Use(s)), ai.WithMaxTurns(100)})...)
}

// decide is the second code of the page README.md.
func decide(ctx context.Context, g *genkit.Genkit, a *agent.Agent, s *agent.Session, stop *ai.ModelResponse, person func(*agent.Approval) agent.Verdict, opts ...ai.GenerateOption) (*ai.ModelResponse, error) {
	var restarts []*ai.Part
	for _, part := range stop.Interrupts() {
		p, err := a.Approval(ctx, closegenkit.Approval(part))
		if err != nil {
			return nil, err
		}
		if err := a.Decide(ctx, p.ID, "ada@example.com", person(p), p.Shown); err != nil {
			return nil, err
		}
		restarts = append(restarts, closegenkit.Restart(part))
	}
	opts = slices.Concat(opts, []ai.GenerateOption{ai.WithMessages(stop.History()...), ai.WithToolRestarts(restarts...), ai.WithUse(closegenkit.Use(s)), ai.WithMaxTurns(100)})
	return genkit.Generate(ctx, g, opts...)
}

func talk(opts ...ai.GenerateOption) func(context.Context, string, *agent.Session, string) (string, error) {
	return func(ctx context.Context, url string, s *agent.Session, ask string) (string, error) {
		r, err := assist(ctx, client(ctx, url), s, ask, opts...)
		if err != nil {
			return "", err
		}
		return said(r)
	}
}

func said(r *ai.ModelResponse) (string, error) {
	if len(r.Interrupts()) > 0 {
		return "", errors.New("the generation was interrupted")
	}
	return closegenkit.Text(r)
}

// confirm runs a generation through its interrupts, and has a person decide.
func confirm(opts ...ai.GenerateOption) adaptertest.Confirm {
	return func(ctx context.Context, url string, a *agent.Agent, s *agent.Session, ask string, person func(*agent.Approval) agent.Verdict) (string, error) {
		g := client(ctx, url)
		r, err := assist(ctx, g, s, ask, opts...)
		for err == nil && len(r.Interrupts()) > 0 {
			r, err = decide(ctx, g, a, s, r, person, opts...)
		}
		if err != nil {
			return "", err
		}
		return closegenkit.Text(r)
	}
}

// TestInOrder has a message with many calls that change the same field: the last wins.
func TestInOrder(t *testing.T) {
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.Toolset("sales"),
		agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { return agent.Decision{} })))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	if r := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"0"}`)); r.IsError {
		t.Fatal(r.Text)
	}
	var calls []modeltest.Call
	for i := range 12 {
		calls = append(calls, modeltest.Call{Name: "close_lead_update", Input: fmt.Sprintf(`{"lead_id":%q,"name":"%d"}`, srv.Objects("leads")[0]["id"], i+1)})
	}
	m := modeltest.Start(t, modeltest.Step{Calls: calls}, modeltest.Step{Text: "Done."})
	r, err := assist(t.Context(), client(t.Context(), m.URL()), s, "Do it.")
	if err != nil || r.Text() != "Done." {
		t.Errorf("the generation: %v", err)
	}
	if name := srv.Objects("leads")[0]["name"]; name != "12" {
		t.Errorf("the last write is %v", name)
	}
}

// TestOthers has the middleware behind one that lets no tool through, and beside a tool
// of the host: nothing waits for calls that do not come, and all tools are offered in
// the same order each time.
func TestOthers(t *testing.T) {
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.Toolset("sales"))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	type hello struct {
		Text string `json:"text"`
	}
	own := ai.NewTool("a_tool_of_the_host", "Returns its input.", func(_ *ai.ToolContext, in hello) (string, error) { return in.Text, nil })
	passed := 0
	block := ai.MiddlewareFunc(func(context.Context) (*ai.Hooks, error) {
		return &ai.Hooks{
			WrapTool: func(ctx context.Context, p *ai.ToolParams, next ai.ToolNext) (*ai.MultipartToolResponse, error) {
				if p.Request.Name == "close_me_get" {
					return &ai.MultipartToolResponse{Output: "blocked"}, nil
				}
				return next(ctx, p)
			},
			WrapModel: func(ctx context.Context, p *ai.ModelParams, next ai.ModelNext) (*ai.ModelResponse, error) {
				passed++
				return next(ctx, p)
			},
		}, nil
	})
	calls := []modeltest.Call{
		{Name: "close_me_get", Input: `{}`},
		{Name: "close_lead_create", Input: `{"name":"Acme"}`},
		{Name: "a_tool_of_the_host", Input: `{"text":"hello"}`},
	}
	var names []string
	m := modeltest.Start(t, modeltest.Step{Calls: calls, Check: func(r modeltest.Request) error {
		names = r.Tools
		return nil
	}}, modeltest.Step{Text: "Done.", Check: func(r modeltest.Request) error {
		if !slices.Equal(r.Tools, names) || !slices.Contains(names, own.Name()) || slices.Contains(names, "close_unknown_tool") {
			return fmt.Errorf("the tools were %q, and are %q", names, r.Tools)
		}
		if r.Results[0].Text != `"blocked"` || r.Results[2].Text != `"hello"` {
			return fmt.Errorf("%+v", r.Results)
		}
		return nil
	}})
	r, err := genkit.Generate(t.Context(), client(t.Context(), m.URL()), ai.WithPrompt("Do it."), ai.WithTools(own), ai.WithUse(block, closegenkit.Use(s)))
	if err != nil || r.Text() != "Done." || passed != 2 {
		t.Errorf("the generation: %v", err)
	}
	if n := len(srv.Objects("leads")); n != 1 {
		t.Errorf("%d leads in Close", n)
	}
}
