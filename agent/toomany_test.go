package agent_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/rules"
)

// TestTooManyTools asks for the definitions of all tools in every format: they are legal
// in one request, or there are none and the error says what to do.
func TestTooManyTools(t *testing.T) {
	t.Parallel()
	all := tools.All()
	o := open(t)
	ways := map[string]func(agent.Format) ([]json.RawMessage, error){
		"of tools": func(f agent.Format) ([]json.RawMessage, error) {
			return agent.Definitions(all, f, agent.Lean, agent.Deferral{})
		},
		"of a session": func(f agent.Format) ([]json.RawMessage, error) { return o.s.Definitions(f) },
	}
	refused := map[agent.Format]int{agent.OpenAIChat: 128, agent.OpenAIResponses: 128, agent.OpenAIStrict: 128}
	for name, definitions := range ways {
		for _, f := range agent.Formats() {
			list, err := definitions(f)
			var many *agent.TooManyToolsError
			switch {
			case refused[f] == 0:
				if problems := rules.Request(string(f), list); err != nil || len(list) == 0 || len(problems) > 0 {
					t.Errorf("%s, %s: %d definitions, %v, %v", name, f, len(list), err, problems)
				}
			case !errors.As(err, &many) || list != nil:
				t.Errorf("%s, %s: %d definitions, %v", name, f, len(list), err)
			case *many != agent.TooManyToolsError{Format: f, Tools: len(all), Most: refused[f]}:
				t.Errorf("%s, %s: %+v", name, f, many)
			default:
				for _, way := range []string{"Toolset", "Tools", "MetaTools", "WithDeferral"} {
					if !strings.Contains(err.Error(), way) {
						t.Errorf("%q does not name %s", err, way)
					}
				}
			}
		}
	}
	// As many as fit, and one more.
	if _, err := agent.Definitions(all[:128], agent.OpenAIChat, agent.Lean, agent.Deferral{}); err != nil {
		t.Errorf("128 tools: %v", err)
	}
	if _, err := agent.Definitions(all[:129], agent.OpenAIChat, agent.Lean, agent.Deferral{}); err == nil {
		t.Error("129 tools: no error")
	}
	twice := slices.Repeat(all, 2)
	var many *agent.TooManyToolsError
	if _, err := agent.Definitions(twice, agent.Gemini, agent.Lean, agent.Deferral{}); !errors.As(err, &many) || many.Most != 512 || strings.Contains(err.Error(), "WithDeferral") {
		t.Errorf("%d tools for Gemini: %v", len(twice), err)
	}
	// The ways out that the error names.
	list, err := o.s.Definitions(agent.OpenAIResponses, agent.WithDeferral(agent.Deferral{Defer: true}))
	if problems := rules.Request("openai-responses", list); err != nil || len(problems) > 0 {
		t.Errorf("deferred: %v, %v", err, problems)
	}
	if _, err := o.s.Definitions(agent.OpenAIChat, agent.WithDeferral(agent.Deferral{Defer: true})); err == nil {
		t.Error("Chat has no deferral, and no error")
	}
	for _, option := range []agent.Option{agent.Toolset("sales"), agent.Tools("close_*_list"), agent.MetaTools()} {
		if list, err := open(t, option).s.Definitions(agent.OpenAIChat); err != nil || len(rules.Request("openai-chat", list)) > 0 {
			t.Errorf("chosen: %d definitions, %v", len(list), err)
		}
	}
}
