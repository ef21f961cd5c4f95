package closelangchain

import (
	"context"
	"encoding/json"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/tools"

	"github.com/closekit/closekit/agent"
)

// AgentTools returns the session's tools for the agents of langchaingo, which give a
// tool one text and no schema: the description ends with the schema of the JSON object
// that the text must be. Prefer [Tools] where the program has the loop.
func AgentTools(s *agent.Session, opts ...agent.DefinitionOption) ([]tools.Tool, error) {
	list, err := Tools(s, opts...)
	if err != nil {
		return nil, err
	}
	all := make([]tools.Tool, len(list))
	for i, t := range list {
		all[i] = agentTool{s, t.Function}
	}
	return all, nil
}

type agentTool struct {
	s *agent.Session
	f *llms.FunctionDefinition
}

var _ tools.Tool = agentTool{}

func (t agentTool) Name() string { return t.f.Name }

func (t agentTool) Description() string {
	return t.f.Description + " The input is a JSON object with this schema: " + string(t.f.Parameters.(json.RawMessage))
}

// Call never returns an error, which would end the run.
func (t agentTool) Call(ctx context.Context, input string) (string, error) {
	return text(t.s.Call(ctx, t.f.Name, []byte(input))), nil
}
