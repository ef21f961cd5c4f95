package closeeino

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cloudwego/eino/components/tool"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	"github.com/closekit/closekit/agent"
)

// Node returns the configuration of a node with the session's tools. Each is a
// [tool.InvokableTool], which nodes stream too. What went wrong is a result, so that the
// model can put it right, also a call of a tool that does not exist. The calls of a
// message run one after the other, so that writes stay in order.
//
// A call that a person must decide interrupts the run: the runner needs a store of
// checkpoints. The info of the interrupt is the ID of the approval, a string. A run
// that is resumed before the decision interrupts itself again.
//
// The error tells options that do not fit each other. More tools than the provider of the
// model takes are no error here, because eino does not tell which one it is.
func Node(s *agent.Session, opts ...agent.DefinitionOption) (compose.ToolsNodeConfig, error) {
	// Mistral's is OpenAI Chat's form as many took it over: without OpenAI's bound, since
	// the model may be anyone's, and without strict, for which eino has no field.
	list, err := s.Definitions(agent.Mistral, opts...)
	if err != nil {
		return compose.ToolsNodeConfig{}, fmt.Errorf("closeeino: %w", err)
	}
	node := compose.ToolsNodeConfig{
		ExecuteSequentially: true,
		UnknownToolsHandler: func(ctx context.Context, name, input string) (string, error) {
			return text(call(ctx, s, name, input)), nil
		},
	}
	for _, raw := range list {
		info, err := infoOf(raw)
		if err != nil {
			return node, fmt.Errorf("closeeino: reading a definition: %w", err)
		}
		node.Tools = append(node.Tools, sessionTool{s, info})
	}
	return node, nil
}

// infoOf converts a definition by way of the JSON of [schema.ToolInfo], which keeps the
// order of properties.
func infoOf(definition json.RawMessage) (*schema.ToolInfo, error) {
	var d struct {
		Function struct {
			Name, Description string
			Parameters        json.RawMessage
		}
	}
	if err := json.Unmarshal(definition, &d); err != nil {
		return nil, err
	}
	data, err := json.Marshal(map[string]any{
		"name": d.Function.Name, "desc": d.Function.Description, "has_params_one_of": true, "json_schema": d.Function.Parameters,
	})
	if err != nil {
		return nil, err
	}
	info := new(schema.ToolInfo)
	return info, json.Unmarshal(data, info)
}

type sessionTool struct {
	s    *agent.Session
	info *schema.ToolInfo
}

var _ tool.InvokableTool = sessionTool{}

func (t sessionTool) Info(context.Context) (*schema.ToolInfo, error) { return t.info, nil }

// InvokableRun returns no error but an interrupt: any other would end the run.
func (t sessionTool) InvokableRun(ctx context.Context, arguments string, _ ...tool.Option) (string, error) {
	_, again, id := tool.GetInterruptState[string](ctx)
	if !again {
		r := call(ctx, t.s, t.info.Name, arguments)
		if r.Pending == nil {
			return text(r), nil
		}
		return "", tool.StatefulInterrupt(ctx, r.Pending.ID, r.Pending.ID)
	}
	r := t.s.Resume(ctx, id)
	if e := (*agent.StateError)(nil); errors.As(r.Err, &e) && e.State == agent.Pending {
		return "", tool.StatefulInterrupt(ctx, id, id)
	}
	return text(r), nil
}

func call(ctx context.Context, s *agent.Session, name, arguments string) agent.Result {
	return s.CallAll(ctx, []agent.Invocation{{Name: name, Input: []byte(arguments), CutOff: reasonOf(arguments)}})[0]
}

func text(r agent.Result) string {
	if r.IsError {
		return "Error: " + r.Text
	}
	return r.Text
}
