package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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
	person  bool // a person has approved the call
	used    atomic.Bool
	over    atomic.Bool // the call has returned
	outside atomic.Bool // a handler has read text of outsiders
}

type grantKey struct{}

// grant returns a context for a call, and its permission. The permission must end with
// the call: a handler can keep the context.
func (s *Session) grant(ctx context.Context, p *planned) (context.Context, *grant) {
	g := &grant{session: s, tool: p.tool, effect: p.effect, person: p.approval != nil}
	return context.WithValue(ctx, grantKey{}, g), g
}

// covers reports whether the request is the call that the grant is for. What a tool
// of the host does inside is covered if it was declared.
func (g *grant) covers(s *Session, x *endpoint, req *closekit.Request) bool {
	switch {
	case g.session != s, g.over.Load():
		return false
	case x.effect == closekit.Read:
		g.saw(x, req)
		return true
	case g.tool.Method == "":
		g.saw(x, req)
		return g.effect.Has(x.effect)
	default:
		return x.tool == g.tool && g.effect.Has(x.effect) && !g.used.Swap(true)
	}
}

// saw notes that the handler of a tool of the host gets a response with text of
// outsiders, which may be in its result.
func (g *grant) saw(x *endpoint, req *closekit.Request) {
	if g.tool.Method != "" || g.outside.Load() {
		return
	}
	var input json.RawMessage // stays nil if it cannot be read, which the guard reports
	if x.tool != nil && x.tool.Info.Untrusted && x.tool.Info.Echoes {
		input, _ = x.content(req)
	}
	if bringsOutside(x.tool, input, false) {
		g.outside.Store(true)
	}
}

// maybeDone reports whether a tool of the host that failed may have changed something.
func (g *grant) maybeDone(err error) bool {
	var panicked *PanicError
	return g.tool.Method == "" && g.effect != closekit.Read && (g.used.Load() || errors.As(err, &panicked))
}

// guard decides on every request of the session's client. It believes neither the
// operation nor the effect of a request: the host's code may have made them up. What
// counts is the route and the content.
func (s *Session) guard(ctx context.Context, req closekit.Request) error {
	found := s.agent.identify(&req)
	t, effect := found.tool, found.effect
	g, ok := ctx.Value(grantKey{}).(*grant)
	covered := ok && g.covers(s, &found, &req)
	if covered && (g.tool.Method != "" || effect == closekit.Read) {
		return nil
	}
	input, err := found.content(&req)
	if err != nil {
		return err
	}
	if covered {
		return s.inside(ctx, g, t, input, effect)
	}
	p := &planned{id: hostID(), begun: s.agent.now(), input: input, effect: effect}
	call := s.agent.callOf(t)
	call.Input, call.Effect, call.Run = input, effect, s.run
	if t != nil {
		p.tool, p.name = t, t.Name
	}
	if p.account, err = s.accountFor(ctx, effect); err != nil {
		return err
	}
	call.Account = p.account
	if effect != closekit.Read {
		if call.Outside, err = s.Outside(ctx); err != nil {
			return err
		}
	}
	if p.decision = s.agent.judge(call); p.decision.Action != Allow {
		return &PolicyError{p.name, effect, p.decision}
	}
	if err := s.before(ctx, p); err != nil {
		return err
	}
	if err := s.spend(ctx, p); err != nil {
		return err
	}
	if effect == closekit.Read {
		return nil
	}
	return s.record(ctx, p.record(Intent, s))
}

// hostPrefix begins the ids of the writes of the host's code. The session sees them
// before they are sent, and not what comes of them.
const hostPrefix = "host_"

func hostID() string { return hostPrefix + rand.Text()[:16] }

// inside decides on a write of a host's tool. What the tool declares was decided with
// its call; rules about the tools and arguments of Close hold inside it too, and so do
// limits: the call counts for its first write, unless that changes several records.
func (s *Session) inside(ctx context.Context, g *grant, t *tool.Tool, input json.RawMessage, effect closekit.Effect) error {
	account, err := s.account(ctx, false)
	if err != nil {
		return err
	}
	call := s.agent.callOf(t)
	call.Input, call.Effect, call.Account, call.Run = input, effect, account, s.run
	if d := s.agent.judge(call); d.Action != Allow && (d.Action != Ask || !g.person) {
		return &PolicyError{call.Tool, effect, d}
	}
	p := &planned{id: hostID(), begun: s.agent.now(), tool: t, name: call.Tool, input: input, effect: effect, account: account, decision: Decision{Allow, "inside " + g.tool.Name}}
	if err := s.before(ctx, p); err != nil {
		return err
	}
	several := s.agent.amount(p, Writes) > 1 || s.agent.amount(p, Sends) > 1
	if g.used.Swap(true) || several {
		if err := s.spend(ctx, p); err != nil {
			return err
		}
	}
	return s.record(ctx, p.record(Intent, s))
}

// route is the path template of a tool, below the prefix of the API.
type route struct {
	method string
	parts  []string // parameters in braces
	tool   *tool.Tool
}

// routing finds routes by their method and the first part of their path, which is never a
// parameter.
type routing map[string][]route

func routes(all map[string]*tool.Tool) routing {
	list := routing{}
	for _, t := range all {
		if t.Method != "" {
			parts := split(t.Template)
			key := t.Method + " " + parts[0]
			list[key] = append(list[key], route{t.Method, parts, t})
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

// content returns the input of a request, as its tool would take it. A request that
// Close may read in another way than the policy is an error.
func (x *endpoint) content(req *closekit.Request) (json.RawMessage, error) {
	if x.tool == nil {
		if name := repeatedKey(req.Body); name != "" {
			return nil, &AmbiguousError{name}
		}
		return req.Body, nil
	}
	var err error
	if x.input == nil {
		x.input, err = inputOf(x.tool, x.values, req)
	}
	return x.input, err
}

// identify returns the tool of a request, if there is one, and the effect of the
// request. Of a request that no tool describes, every effect is assumed unless it
// reads; of one that is not as the tool would send it, the strongest of the tool.
func (a *Agent) identify(req *closekit.Request) endpoint {
	method := req.Method
	if method == "" && req.Operation != nil {
		method = req.Operation.Method
	}
	var best *route
	parts := split(req.Path)
	var values map[string]string
	near := a.paths[method+" "+parts[0]]
	for i := range near {
		r := &near[i]
		// A fixed part is a better match than a parameter.
		if v, ok := r.match(parts); ok && (best == nil || len(v) < len(values)) {
			best, values = r, v
		}
	}
	if best == nil {
		if method == "GET" {
			return endpoint{effect: closekit.Read}
		}
		return endpoint{effect: everything}
	}
	x := endpoint{tool: best.tool, values: values}
	var only bool
	if x.effect, only = best.tool.OnlyEffect(); only {
		return x
	}
	if input, err := x.content(req); err == nil {
		if effect, err := best.tool.EffectOf(input); err == nil {
			x.effect = effect
		}
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

// AmbiguousError reports a request of the host's code that gives an argument twice, so
// that the policy and Close might not see the same one. Nothing was sent.
type AmbiguousError struct{ Name string }

// Error names the argument.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("the request gives %q more than once, so that it cannot be checked; give it once", e.Name)
}

// inputOf makes the input of a tool from a request.
func inputOf(t *tool.Tool, path map[string]string, req *closekit.Request) (json.RawMessage, error) {
	if name := repeatedKey(req.Body); name != "" {
		return nil, &AmbiguousError{name}
	}
	if len(path) == 0 && req.Query == "" && len(req.Body) > 0 {
		return req.Body, nil
	}
	in := map[string]any{}
	var body map[string]json.RawMessage
	if len(req.Body) > 0 {
		if err := json.Unmarshal(req.Body, &body); err != nil {
			return nil, fmt.Errorf("the body of the request must be a JSON object: %w", err)
		}
	}
	for k, v := range body {
		in[k] = v
	}
	query, err := url.ParseQuery(req.Query)
	if err != nil {
		return nil, fmt.Errorf("the query of the request: %w", err)
	}
	schema, err := t.Schema()
	if err != nil {
		return nil, err
	}
	for k, v := range query {
		if schema.Property("filter_"+k) != nil { // the body has parameters with the same name
			k = "filter_" + k
		}
		p := schema.Property(k)
		if _, ok := body[k]; ok || len(v) > 1 && (p == nil || !p.Is("array")) {
			return nil, &AmbiguousError{k}
		}
		raw := json.RawMessage(v[0])
		switch {
		case p != nil && p.Is("array"):
			in[k] = strings.Split(strings.Join(v, ","), ",")
		case p != nil && (p.Is("integer") || p.Is("number") || p.Is("boolean")) && json.Valid(raw):
			in[k] = raw
		default:
			in[k] = v[0]
		}
	}
	for k, v := range path {
		in[k] = v
	}
	return json.Marshal(in)
}

// repeatedKey returns a key that an object in JSON has more than once, at any depth,
// or "".
func repeatedKey(body []byte) string {
	d := json.NewDecoder(bytes.NewReader(body))
	var keys []map[string]bool // of the objects around; nil for a list
	name := true               // whether the next token of an object is a key
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			var seen map[string]bool
			if token == json.Delim('{') {
				seen = map[string]bool{}
			}
			keys, name = append(keys, seen), true
			continue
		case json.Delim('}'), json.Delim(']'):
			keys, name = keys[:len(keys)-1], true
			continue
		}
		if len(keys) == 0 || keys[len(keys)-1] == nil {
			continue
		}
		if name {
			key, _ := token.(string)
			if keys[len(keys)-1][key] {
				return key
			}
			keys[len(keys)-1][key] = true
		}
		name = !name
	}
}
