package agent

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
)

// grant is the permission of one call, in its context.
type grant struct {
	session *Session
	tool    *tool.Tool
	effect  closekit.Effect
	used    atomic.Bool
}

type grantKey struct{}

func (s *Session) grant(ctx context.Context, p *planned) context.Context {
	return context.WithValue(ctx, grantKey{}, &grant{session: s, tool: p.tool, effect: p.effect})
}

// covers reports whether the request is the call that the grant is for. What a tool
// of the host does inside is covered if it was declared.
func (g *grant) covers(s *Session, t *tool.Tool, effect closekit.Effect) bool {
	switch {
	case g.session != s:
		return false
	case effect == closekit.Read:
		return true
	case g.tool.Method == "":
		return g.effect.Has(effect)
	default:
		return t == g.tool && g.effect.Has(effect) && !g.used.Swap(true)
	}
}

// guard decides on every request of the session's client. It believes neither the
// operation nor the effect of a request: the host's code may have made them up. What
// counts is the route and the content.
func (s *Session) guard(ctx context.Context, req closekit.Request) error {
	found := s.agent.identify(&req)
	t, effect := found.tool, found.effect
	if g, ok := ctx.Value(grantKey{}).(*grant); ok && g.covers(s, t, effect) {
		return nil
	}
	input := found.content(&req)
	p := &planned{id: "host_" + strconv.FormatInt(s.agent.now().UnixNano(), 36), begun: s.agent.now(), input: input, effect: effect}
	call := &Call{Input: input, Effect: effect, Run: s.run}
	if t != nil {
		p.tool, p.name = t, t.Name
		call.Tool, call.Resource = t.Name, t.Resource
	}
	var err error
	if p.account, err = s.accountFor(ctx, effect); err != nil {
		return err
	}
	call.Account = p.account
	if effect != closekit.Read {
		if call.Outside, err = s.Outside(ctx); err != nil {
			return err
		}
	}
	if p.decision = s.agent.policy.Decide(call); p.decision.Action != Allow {
		return &PolicyError{p.name, effect, p.decision}
	}
	if err := s.spend(ctx, p); err != nil {
		return err
	}
	if effect == closekit.Read {
		return nil
	}
	return s.record(ctx, p.record(Intent, s))
}

// route is the path template of a tool, below the prefix of the API.
type route struct {
	method string
	parts  []string // parameters in braces
	tool   *tool.Tool
}

func routes(all map[string]*tool.Tool) []route {
	var list []route
	for _, t := range all {
		if t.Method != "" {
			list = append(list, route{t.Method, split(t.Template), t})
		}
	}
	return list
}

func split(p string) []string { return strings.Split(strings.Trim(p, "/"), "/") }

// endpoint is what a request is to.
type endpoint struct {
	tool   *tool.Tool // nil if no tool describes it
	values map[string]string
	input  json.RawMessage
	effect closekit.Effect
}

// content returns the input of a request, as its tool would take it.
func (x *endpoint) content(req *closekit.Request) json.RawMessage {
	if x.input == nil && x.tool != nil {
		x.input = inputOf(x.tool, x.values, req)
	}
	return x.input
}

// identify returns the tool of a request, if there is one, and the effect of the
// request. Of a request that no tool describes, every effect is assumed unless it
// reads.
func (a *Agent) identify(req *closekit.Request) endpoint {
	method := req.Method
	if method == "" && req.Operation != nil {
		method = req.Operation.Method
	}
	var best *route
	parts := split(req.Path)
	var values map[string]string
	for i := range a.paths {
		r := &a.paths[i]
		if r.method != method {
			continue
		}
		// A fixed part is a better match than a parameter.
		if v, ok := r.match(parts); ok && (best == nil || len(v) < len(values)) {
			best, values = r, v
		}
	}
	if best == nil {
		if method == "GET" {
			return endpoint{effect: closekit.Read}
		}
		return endpoint{input: req.Body, effect: everything}
	}
	x := endpoint{tool: best.tool, values: values}
	var only bool
	if x.effect, only = best.tool.OnlyEffect(); only {
		return x
	}
	effect, err := best.tool.EffectOf(x.content(req))
	if err == nil {
		x.effect = effect
	}
	return x
}

const everything = closekit.Destructive | closekit.Sends | closekit.Egress | closekit.Admin

func (r *route) match(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.parts) {
		return nil, false
	}
	var values map[string]string
	for i, part := range r.parts {
		if part == parts[i] {
			continue
		}
		if name, ok := strings.CutPrefix(part, "{"); ok {
			v, err := url.PathUnescape(parts[i])
			if err != nil {
				return nil, false
			}
			if values == nil {
				values = map[string]string{}
			}
			values[strings.TrimSuffix(name, "}")] = v
		} else {
			return nil, false
		}
	}
	return values, true
}

// inputOf makes the input of a tool from a request.
func inputOf(t *tool.Tool, path map[string]string, req *closekit.Request) json.RawMessage {
	if len(path) == 0 && req.Query == "" && len(req.Body) > 0 {
		return req.Body
	}
	in := map[string]any{}
	var body map[string]json.RawMessage
	if json.Unmarshal(req.Body, &body) == nil {
		for k, v := range body {
			in[k] = v
		}
	}
	schema, err := t.Schema()
	if err != nil {
		return req.Body
	}
	query, err := url.ParseQuery(req.Query)
	if err != nil {
		return req.Body
	}
	for k, v := range query {
		p := schema.Property(k)
		switch {
		case p == nil:
			in[k] = v[0]
		case p.Is("array"):
			in[k] = strings.Split(strings.Join(v, ","), ",")
		case p.Is("integer"), p.Is("number"), p.Is("boolean"):
			in[k] = json.RawMessage(v[0])
		default:
			in[k] = v[0]
		}
	}
	for k, v := range path {
		in[k] = v
	}
	out, err := json.Marshal(in)
	if err != nil {
		return req.Body
	}
	return out
}
