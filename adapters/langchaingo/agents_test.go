package closelangchain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/agents"
	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/llms"

	"github.com/closekit/closekit"
	closelangchain "github.com/closekit/closekit/adapters/langchaingo"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// delegate has an agent of langchaingo, as on the page README.md.
func delegate(ctx context.Context, model llms.Model, s *agent.Session, ask string) (string, error) {
	list, err := closelangchain.AgentTools(s)
	if err != nil {
		return "", err
	}
	return chains.Run(ctx, agents.NewExecutor(agents.NewOpenAIFunctionsAgent(model, list)), ask)
}

// session returns a session in which nothing needs a person.
func session(t *testing.T, opts ...agent.Option) (*agent.Session, *emulator.Server) {
	t.Helper()
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), append(opts, agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))),
		agent.WithPolicy(agent.PolicyFunc(func(*agent.Call) agent.Decision { return agent.Decision{} })))...)
	if err != nil {
		t.Fatal(err)
	}
	token, err := srv.Grant(srv.Users()[0].ID, srv.Organizations()[0].ID) // some tools take no API key
	if err != nil {
		t.Fatal(err)
	}
	return a.Session(closekit.Bearer(token.AccessToken)), srv
}

// wrapped is what langchaingo asks a model for: one text.
func wrapped(text string) string {
	raw, _ := json.Marshal(map[string]string{"__arg1": text}) // two strings
	return string(raw)
}

// TestAgent has an agent of langchaingo put right four mistakes, call a tool that does
// not exist, and write text that is no JSON: nothing ends its run. langchaingo shows the
// model the text in the place of what it sent.
func TestAgent(t *testing.T) {
	s, srv := session(t, agent.Toolset("sales"))
	wrong := func(r modeltest.Request) error {
		if len(r.Results) != 1 || !marked(r.Results[0]) {
			return fmt.Errorf("%+v", r.Results)
		}
		return nil
	}
	right := func(r modeltest.Request) error {
		if wrong(r) == nil {
			return errors.New(r.Results[0].Text)
		}
		return nil
	}
	m := modeltest.Start(t,
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_opportunity_create", Input: wrapped(`{"lead_id":7,"value_period":"yearly-ish","confidence":900,"color":"red"}`)}}},
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_nothing_get", Input: "{}"}}, Check: func(r modeltest.Request) error {
			for _, at := range []string{"lead_id", "value_period", "confidence", "color"} {
				if !slices.ContainsFunc(strings.Split(r.Results[0].Text, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, "- "), at) }) {
					return fmt.Errorf("no line begins with %s: %s", at, r.Results[0].Text)
				}
			}
			return wrong(r)
		}},
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_lead_create", Input: wrapped("Acme, please")}}, Check: func(r modeltest.Request) error {
			if !strings.Contains(r.Results[0].Text, "not a valid tool") {
				return errors.New(r.Results[0].Text)
			}
			return nil
		}},
		modeltest.Step{Calls: []modeltest.Call{{Name: "close_lead_create", Input: wrapped(`{"name":"Acme"}`)}}, Check: wrong},
		modeltest.Step{Text: "Done.", Check: right},
	)
	m.Tolerate()
	model, err := client(m.URL())
	if err != nil {
		t.Fatal(err)
	}
	said, err := delegate(t.Context(), model, s, "Do it.")
	if err != nil || said != "Done." {
		t.Errorf("the agent said %q: %v", said, err)
	}
	if n := len(srv.Objects("leads")); n != 1 {
		t.Errorf("%d leads in Close", n)
	}
}

// TestAgentTools calls each tool of the catalog as an agent does.
func TestAgentTools(t *testing.T) {
	s, srv := session(t)
	list, err := closelangchain.AgentTools(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, tool := range tools.Catalog().Tools() {
		input := "{}"
		if e := tool.Info().Examples; len(e) > 0 {
			input = string(e[0].Input)
		}
		before := len(srv.Requests())
		text, err := list[i].Call(t.Context(), input)
		if err != nil || text == "" || list[i].Name() != tool.Name || !strings.Contains(list[i].Description(), `"properties":`) {
			t.Errorf("%s: %q %v", tool.Name, text, err)
		}
		if len(srv.Requests()) == before {
			t.Errorf("%s did not reach Close: %s", tool.Name, text)
		}
	}
}
