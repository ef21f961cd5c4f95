package closeeino_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cloudwego/eino-ext/components/model/openai"
	"github.com/cloudwego/eino/adk"
	"github.com/cloudwego/eino/components/model"
	"github.com/cloudwego/eino/flow/agent/react"
	"github.com/cloudwego/eino/schema"

	closeeino "github.com/closekit/closekit/adapters/eino"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/adaptertest"
	"github.com/closekit/closekit/internal/modeltest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{
			{Name: "whole", Talk: talk(false)},
			{Name: "stream", Stream: true, Talk: talk(true)},
			{Name: "react", Talk: reactTalk, Mute: true},
		},
		Confirm:       confirm(false),
		ConfirmStream: confirm(true),
		Marked:        func(r modeltest.Result) bool { return strings.HasPrefix(r.Text, "Error: ") },
		Texts:         true,
		Mute:          true,
	})
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestAnyProvider(t *testing.T) {
	adaptertest.AnyProvider(t, func(s *agent.Session, opts ...agent.DefinitionOption) (int, error) {
		node, err := closeeino.Node(s, opts...)
		return len(node.Tools), err
	})
}

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/cloudwego/eino") }

func client(ctx context.Context, url string) (*openai.ChatModel, error) {
	return openai.NewChatModel(ctx, &openai.ChatModelConfig{APIKey: "k", BaseURL: url + "/v1", Model: "gpt-5.4"})
}

// newAgent is the first code of the page README.md.
func newAgent(ctx context.Context, m model.ToolCallingChatModel, s *agent.Session) (adk.Agent, error) {
	node, err := closeeino.Node(s)
	if err != nil {
		return nil, err
	}
	return adk.NewChatModelAgent(ctx, &adk.ChatModelAgentConfig{
		Name: "sales", Description: "Works in Close.", Model: m, ToolsConfig: adk.ToolsConfig{ToolsNodeConfig: node}, MaxIterations: 100,
		Handlers: []adk.ChatModelAgentMiddleware{closeeino.CutOff()},
	})
}

// decide is the second code of the page README.md.
func decide(ctx context.Context, g *agent.Agent, runner *adk.Runner, run string, stop *adk.InterruptInfo, person func(*agent.Approval) agent.Verdict) (*adk.AsyncIterator[*adk.AgentEvent], error) {
	targets := map[string]any{}
	for _, c := range stop.InterruptContexts {
		id, ok := c.Info.(string)
		if !ok {
			continue // of another tool
		}
		p, err := g.Approval(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := g.Decide(ctx, p.ID, "ada@example.com", person(p), p.Shown); err != nil {
			return nil, err
		}
		targets[c.ID] = nil
	}
	return runner.ResumeWithParams(ctx, run, &adk.ResumeParams{Targets: targets})
}

// checkpoints is a store in memory.
type checkpoints struct {
	mu   sync.Mutex
	data map[string][]byte
}

func (c *checkpoints) Get(_ context.Context, id string) ([]byte, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.data[id]
	return data, ok, nil
}

func (c *checkpoints) Set(_ context.Context, id string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.data == nil {
		c.data = map[string][]byte{}
	}
	c.data[id] = data
	return nil
}

// talk returns a loop with an agent of eino's agent development kit.
func talk(stream bool) func(context.Context, string, *agent.Session, string) (string, error) {
	return func(ctx context.Context, url string, s *agent.Session, ask string) (string, error) {
		m, err := client(ctx, url)
		if err != nil {
			return "", err
		}
		a, err := newAgent(ctx, m, s)
		if err != nil {
			return "", err
		}
		runner := adk.NewRunner(ctx, adk.RunnerConfig{Agent: a, EnableStreaming: stream})
		said, stop, err := follow(runner.Query(ctx, ask))
		if stop != nil {
			return "", errors.New("the run was interrupted")
		}
		return said, err
	}
}

// follow returns the last text of the model, or where the run was interrupted.
func follow(events *adk.AsyncIterator[*adk.AgentEvent]) (said string, stop *adk.InterruptInfo, err error) {
	for {
		e, more := events.Next()
		switch {
		case !more:
			return said, stop, nil
		case e.Err != nil:
			return said, nil, e.Err
		case e.Action != nil && e.Action.Interrupted != nil:
			stop = e.Action.Interrupted
		case e.Output != nil && e.Output.MessageOutput != nil:
			m, err := e.Output.MessageOutput.GetMessage()
			if err != nil {
				return "", nil, err
			}
			if m.Role == schema.Assistant {
				said = m.Content
			}
		}
	}
}

// reactTalk is a loop with the other kind of agent that eino has.
func reactTalk(ctx context.Context, url string, s *agent.Session, ask string) (string, error) {
	m, err := client(ctx, url)
	if err != nil {
		return "", err
	}
	node, err := closeeino.Node(s)
	if err != nil {
		return "", err
	}
	a, err := react.NewAgent(ctx, &react.AgentConfig{ToolCallingModel: m, ToolsConfig: node, MaxStep: 1000})
	if err != nil {
		return "", err
	}
	said, err := a.Generate(ctx, []*schema.Message{schema.UserMessage(ask)})
	if err != nil {
		return "", err
	}
	return said.Content, nil
}

// confirm runs an agent through its interrupts, each time with a new runner, as after a
// restart. Each run is also resumed before a person has decided, which decides nothing.
func confirm(stream bool) adaptertest.Confirm {
	return func(ctx context.Context, url string, g *agent.Agent, s *agent.Session, ask string, person func(*agent.Approval) agent.Verdict) (string, error) {
		m, err := client(ctx, url)
		if err != nil {
			return "", err
		}
		store := &checkpoints{}
		a, err := newAgent(ctx, m, s)
		if err != nil {
			return "", err
		}
		runner := adk.NewRunner(ctx, adk.RunnerConfig{Agent: a, CheckPointStore: store, EnableStreaming: stream})
		events := runner.Query(ctx, ask, adk.WithCheckPointID("run"))
		for {
			said, stop, err := follow(events)
			if err != nil || stop == nil {
				return said, err
			}
			if a, err = newAgent(ctx, m, s); err != nil {
				return "", err
			}
			runner = adk.NewRunner(ctx, adk.RunnerConfig{Agent: a, CheckPointStore: store, EnableStreaming: stream})
			early, err := runner.Resume(ctx, "run")
			if err != nil {
				return "", err
			}
			if said, stop, err = follow(early); err != nil || stop == nil {
				return "", fmt.Errorf("resumed before the decision, the run ended with %q: %w", said, err)
			}
			if events, err = decide(ctx, g, runner, "run", stop, person); err != nil {
				return "", err
			}
		}
	}
}
