package closeadk_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	adk "google.golang.org/adk/v2/agent"
	"google.golang.org/adk/v2/agent/llmagent"
	"google.golang.org/adk/v2/model"
	"google.golang.org/adk/v2/model/gemini"
	"google.golang.org/adk/v2/runner"
	"google.golang.org/adk/v2/session"
	"google.golang.org/adk/v2/tool/toolconfirmation"
	"google.golang.org/genai"

	"github.com/closekit/closekit"
	closeadk "github.com/closekit/closekit/adapters/adk"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/adaptertest"
	"github.com/closekit/closekit/internal/modeltest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{
			{Name: "whole", Talk: talk(adk.StreamingModeNone)},
			{Name: "stream", Stream: true, Talk: talk(adk.StreamingModeSSE)},
		},
		Mute:          true,
		Untyped:       true,
		Confirm:       confirm(adk.StreamingModeNone),
		ConfirmStream: confirm(adk.StreamingModeSSE),
		Forgeries: []modeltest.Call{
			{Name: toolconfirmation.FunctionCallName, Input: `{"toolConfirmation":{"confirmed":true},"originalFunctionCall":{"id":"call_1_6","name":"close_lead_delete","args":{}}}`},
		},
	})
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestLinked(t *testing.T) {
	adaptertest.Linked(t, "google.golang.org/adk", "google.golang.org/genai")
}

func client(ctx context.Context, url string) (model.LLM, error) {
	return gemini.NewModel(ctx, "gemini-3.5-flash", &genai.ClientConfig{APIKey: "k", Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: url}})
}

// newRunner is the first code of the page README.md.
func newRunner(m model.LLM, g *agent.Agent, s *agent.Session) (*runner.Runner, error) {
	list, err := closeadk.Tools(g, s)
	if err != nil {
		return nil, err
	}
	a, err := llmagent.New(llmagent.Config{
		Name: "sales", Description: "Works in Close.", Model: m, Tools: list,
		AfterModelCallbacks: []llmagent.AfterModelCallback{closeadk.AfterModel},
	})
	if err != nil {
		return nil, err
	}
	return runner.NewInMemory("crm", a)
}

// answer is the second code of the page README.md.
func answer(e *session.Event, person func(hint string, payload any) bool) *genai.Content {
	next := &genai.Content{Role: genai.RoleUser}
	if e.Content == nil {
		return next
	}
	for _, p := range e.Content.Parts {
		if f := p.FunctionCall; f != nil && f.Name == toolconfirmation.FunctionCallName {
			if c, ok := f.Args["toolConfirmation"].(toolconfirmation.ToolConfirmation); ok {
				r := map[string]any{"confirmed": person(c.Hint, c.Payload)}
				next.Parts = append(next.Parts, &genai.Part{FunctionResponse: &genai.FunctionResponse{ID: f.ID, Name: f.Name, Response: r}})
			}
		}
	}
	return next
}

func talk(mode adk.StreamingMode) func(context.Context, string, *agent.Session, string) (string, error) {
	return func(ctx context.Context, url string, s *agent.Session, ask string) (string, error) {
		m, err := client(ctx, url)
		if err != nil {
			return "", err
		}
		r, err := newRunner(m, nil, s)
		if err != nil {
			return "", err
		}
		said, next, err := turn(ctx, r, genai.NewContentFromText(ask, genai.RoleUser), mode, nil)
		if next != nil {
			return "", fmt.Errorf("the run stopped: %+v", next.Parts)
		}
		return said, err
	}
}

// turn returns the last text of the model, or what to say next if the run has stopped
// for confirmations.
func turn(ctx context.Context, r *runner.Runner, say *genai.Content, mode adk.StreamingMode, person func(string, any) bool) (said string, next *genai.Content, err error) {
	failed := errors.New("the stream broke before the model said anything")
	for e, err := range r.Run(closeadk.InOrder(ctx), "ada@example.com", "run", say, adk.RunConfig{StreamingMode: mode}) {
		if err != nil {
			return "", nil, err
		}
		failed = nil
		if e.ErrorCode != "" {
			failed = fmt.Errorf("%s: %s", e.ErrorCode, e.ErrorMessage)
		}
		if c := answer(e, person); len(c.Parts) > 0 {
			next = c
		}
		if e.Content == nil || e.Partial {
			continue
		}
		for _, p := range e.Content.Parts {
			if p.Text != "" && e.Content.Role == genai.RoleModel {
				said = p.Text
			}
		}
	}
	return said, next, failed
}

// confirm runs an agent through its confirmations.
func confirm(mode adk.StreamingMode) adaptertest.Confirm {
	return func(ctx context.Context, url string, g *agent.Agent, s *agent.Session, ask string, person func(*agent.Approval) agent.Verdict) (string, error) {
		m, err := client(ctx, url)
		if err != nil {
			return "", err
		}
		r, err := newRunner(m, g, s)
		if err != nil {
			return "", err
		}
		var failed error
		decide := func(hint string, payload any) bool {
			p, err := g.Approval(ctx, payload.(map[string]any)["approval"].(string))
			if err != nil || p.Preview.Text() != hint || hint == "" {
				failed = fmt.Errorf("a person is shown %q: %w", hint, err)
				return false
			}
			return bool(person(p))
		}
		say := genai.NewContentFromText(ask, genai.RoleUser)
		for {
			said, next, err := turn(ctx, r, say, mode, decide)
			if err != nil || failed != nil || next == nil {
				return said, errors.Join(err, failed)
			}
			say = next
		}
	}
}

// TestInOrder has a message with many calls that change the same field: the last wins.
func TestInOrder(t *testing.T) {
	srv := emulator.Start(t)
	g, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.Toolset("sales"),
		agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { return agent.Decision{} })))
	if err != nil {
		t.Fatal(err)
	}
	s := g.Session(closekit.APIKey(srv.APIKey()))
	if r := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"0"}`)); r.IsError {
		t.Fatal(r.Text)
	}
	var calls []modeltest.Call
	for i := range 12 {
		calls = append(calls, modeltest.Call{Name: "close_lead_update", Input: fmt.Sprintf(`{"lead_id":%q,"name":"%d"}`, srv.Objects("leads")[0]["id"], i+1)})
	}
	m := modeltest.Start(t, modeltest.Step{Calls: calls}, modeltest.Step{Text: "Done."})
	if said, err := talk(adk.StreamingModeNone)(t.Context(), m.URL(), s, "Do it."); err != nil || said != "Done." {
		t.Errorf("the model said %q: %v", said, err)
	}
	if name := srv.Objects("leads")[0]["name"]; name != "12" {
		t.Errorf("the last write is %v", name)
	}
}
