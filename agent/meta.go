package agent

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/lower"
	"github.com/closekit/closekit/agent/internal/meta"
	"github.com/closekit/closekit/agent/internal/tool"
)

// MetaTools offers three tools instead of all: one searches for tools, one describes
// them, one calls them. Models then need few tokens for definitions, and a turn more
// for the first call of a tool. Calls go through the same gates.
func MetaTools() Option { return option(func(c *config) { c.meta = true }) }

// unwrapped returns the call that a call of the executing meta-tool stands for. Other
// calls are returned as they are.
func (s *Session) unwrapped(v Invocation) (Invocation, error) {
	if !s.agent.meta || v.Name != meta.Execute {
		return v, nil
	}
	var in struct {
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
	if err := s.readMeta(v, &in); err != nil {
		return v, err
	}
	if in.Name == meta.Execute {
		return v, &closekit.ValidationError{Tool: v.Name, Problems: []closekit.Problem{{Path: "name", Expected: "must be the name of a tool that does something", Received: in.Name}}}
	}
	return Invocation{Name: in.Name, Input: in.Input}, nil
}

// answersMeta reports whether a call is one of the meta-tools that only read, and
// answers it.
func (s *Session) answersMeta(ctx context.Context, p *planned) bool {
	if !s.agent.meta || p.name != meta.Search && p.name != meta.Describe {
		return false
	}
	var in struct {
		Query string   `json:"query"`
		Names []string `json:"names"`
	}
	if err := s.readMeta(Invocation{Name: p.name, Input: p.input}, &in); err != nil {
		s.refuse(ctx, p, err)
		return true
	}
	var text string
	if p.name == meta.Search {
		text = meta.SearchText(s.agent.finds(), s.agent.tools, in.Query)
	} else {
		text = meta.DescribeText(s.agent.finds(), s.agent.tools, in.Names)
	}
	p.result = &Result{ID: p.id, Tool: p.name, Text: text, Input: p.input}
	return true
}

// readMeta checks the input of a meta-tool.
func (s *Session) readMeta(v Invocation, to any) error {
	i := slices.IndexFunc(s.agent.metas, func(t *tool.Tool) bool { return t.Name == v.Name })
	input := v.Input
	if len(input) == 0 {
		input = []byte("{}")
	}
	if err := s.agent.metas[i].Check(input); err != nil {
		return err
	}
	return json.Unmarshal(input, to)
}

// makeMetas returns the meta-tools, with checks of their input.
func makeMetas() ([]*tool.Tool, error) {
	var list []*tool.Tool
	for _, o := range meta.Owns() {
		check, err := checker(o.Name, o.Input)
		if err != nil {
			return nil, err
		}
		o.Checked = check
		list = append(list, tool.OfHost(o))
	}
	return list, nil
}

// DefinitionOption changes what [Session.Definitions] returns.
type DefinitionOption struct{ apply func(*definitions) }

type definitions struct {
	profile Profile
	options lower.Options
}

// WithProfile sets the profile. Default: [Lean].
func WithProfile(p Profile) DefinitionOption {
	return DefinitionOption{func(d *definitions) { d.profile = p }}
}

// WithDeferral leaves tools out of the prompt until the provider's own search finds
// them.
func WithDeferral(x Deferral) DefinitionOption {
	return DefinitionOption{func(d *definitions) { d.options = x.options(d.options.Strict) }}
}

// WithStrict lets OpenAI enforce the schemas of the tools of these names, or patterns of
// names such as close_lead_*; see [path.Match]. It is of the formats OpenAIChat and
// OpenAIResponses. A tool that cannot be strict is a [*NotStrictError], a pattern that
// matches no tool of the session an error too.
func WithStrict(patterns ...string) DefinitionOption {
	return DefinitionOption{func(d *definitions) { d.options.Strict = append(slices.Clip(d.options.Strict), patterns...) }}
}

// Definitions returns the definitions of the session's tools for a request to a model:
// raw JSON, the same in every call, and made once. They must not be modified. An
// unknown format or profile is an error, and so are more tools than the provider takes in
// one request, a [*TooManyToolsError].
func (s *Session) Definitions(f Format, opts ...DefinitionOption) ([]json.RawMessage, error) {
	d := definitions{profile: Lean}
	for _, o := range opts {
		if o.apply != nil {
			o.apply(&d)
		}
	}
	return s.agent.definitions(f, d)
}

// DefinitionMaps returns the same as maps, for SDKs that want those. They are decoded once
// and copied for this call, so that the caller may modify them.
func (s *Session) DefinitionMaps(f Format, opts ...DefinitionOption) ([]map[string]any, error) {
	raw, err := s.Definitions(f, opts...)
	if err != nil {
		return nil, err
	}
	list, err := s.agent.maps(raw)
	if err != nil {
		return nil, err
	}
	return copied(list).([]map[string]any), nil //nolint:forcetypeassert // a copy has the type
}

// maps returns definitions as maps, decoded once. Definitions with the same options are
// the same slice.
func (a *Agent) maps(raw []json.RawMessage) ([]map[string]any, error) {
	if len(raw) == 0 {
		return []map[string]any{}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if list, ok := a.defMaps[&raw[0]]; ok {
		return list, nil
	}
	list := make([]map[string]any, len(raw))
	for i, r := range raw {
		if err := json.Unmarshal(r, &list[i]); err != nil {
			return nil, err
		}
	}
	if a.defMaps == nil {
		a.defMaps = map[*json.RawMessage][]map[string]any{}
	}
	a.defMaps[&raw[0]] = list
	return list, nil
}

// copied returns a deep copy of decoded JSON.
func copied(v any) any {
	switch v := v.(type) {
	case []map[string]any:
		list := make([]map[string]any, len(v))
		for i, x := range v {
			list[i] = copied(x).(map[string]any) //nolint:forcetypeassert // a copy has the type
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = copied(x)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = copied(x)
		}
		return list
	}
	return v
}
