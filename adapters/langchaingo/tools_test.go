package closelangchain_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/agents"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/closekit/closekit"
	closelangchain "github.com/closekit/closekit/adapters/langchaingo"
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

// assist is the loop of the page README.md.
func assist(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	definitions, err := closelangchain.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, ask)}
	for {
		r, err := model.GenerateContent(ctx, messages, llms.WithTools(definitions))
		if err != nil {
			return "", err
		}
		next, more := closelangchain.Answer(ctx, s, r.Choices[0])
		if !more {
			return r.Choices[0].Content, nil
		}
		messages = append(messages, next...)
	}
}

// stream is the loop with streaming.
func stream(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	definitions, err := closelangchain.Tools(s)
	if err != nil {
		return "", err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, ask)}
	for {
		var seen strings.Builder
		r, err := model.GenerateContent(ctx, messages, llms.WithTools(definitions), llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error {
			seen.Write(chunk)
			return nil
		}))
		if err != nil {
			return "", err
		}
		next, more := closelangchain.Answer(ctx, s, r.Choices[0])
		if !more {
			return seen.String(), nil
		}
		messages = append(messages, next...)
	}
}

// delegate is the second loop of the page README.md: an agent of langchaingo.
func delegate(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	list, err := closelangchain.AgentTools(s)
	if err != nil {
		return "", err
	}
	executor := agents.NewExecutor(agents.NewOpenAIFunctionsAgent(model, list), agents.WithMaxIterations(100))
	return chains.Run(ctx, executor, ask)
}

// untitled takes out the keyword title, which the agents of langchaingo give each
// parameter, and which the rules of modeltest do not allow.
type untitled struct{ llms.Model }

func (m untitled) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	var o llms.CallOptions
	for _, opt := range options {
		opt(&o)
	}
	for _, f := range o.Functions {
		for _, p := range f.Parameters.(map[string]any)["properties"].(map[string]any) {
			delete(p.(map[string]string), "title")
		}
	}
	return m.Model.GenerateContent(ctx, messages, llms.WithOptions(o))
}

type loop func(context.Context, llms.Model, *agent.Session, string) (string, error)

var loops = map[string]loop{"whole": assist, "stream": stream, "agent": delegate}

// run plays the steps, and wants the last text.
func run(t *testing.T, l loop, s *agent.Session, steps ...modeltest.Step) {
	t.Helper()
	last := "All done, with 4 < 5 & ünïcode."
	m := modeltest.Start(t, append(steps, modeltest.Step{Text: last})...)
	model, err := openai.New(openai.WithToken("k"), openai.WithModel("gpt-5.4"), openai.WithBaseURL(m.URL()+"/v1"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := l(t.Context(), untitled{model}, s, "Do it.")
	if err != nil {
		t.Error(err)
	} else if got != last {
		t.Errorf("the model said %q", got)
	}
}

// marked returns nil if a result is marked as an error.
func marked(r modeltest.Result) error {
	if !strings.HasPrefix(r.Text, "Error: ") {
		return errors.New("the result is not marked as an error: " + r.Text)
	}
	return nil
}
