package agenttasks

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// layered are hands of the agent layer, with a person who approves exactly what the rep
// wants: calls of the oracle, once each.
type layered struct {
	*run
	agent *agent.Agent
	s     *agent.Session
	meta  bool
	known map[string]bool // tools that were described
	// agreed is what the person saw of the calls that they agreed to.
	agreed map[string]string
}

func openLayer(r *run) (Hands, error) { return openAgent(r, false) }

func openMeta(r *run) (Hands, error) { return openAgent(r, true) }

func openAgent(r *run, meta bool) (Hands, error) {
	opts := []agent.Option{
		agent.WithClient(closekit.NewClient(nil, r.world.reach()...)), agent.Clock(r.world.Server.Now),
	}
	for _, t := range r.offered() {
		if len(r.task.Without) > 0 || r.lab.Only != nil {
			opts = append(opts, agent.Tools(t.Name))
		}
	}
	if meta {
		opts = append(opts, agent.MetaTools())
	}
	a, err := agent.New(tools.Catalog(), append(opts, r.opts...)...)
	if err != nil {
		return nil, err
	}
	r.gated = true
	return &layered{run: r, agent: a, s: a.Session(closekit.APIKey(r.key), agent.As("ada")), meta: meta, known: map[string]bool{}, agreed: map[string]string{}}, nil
}

func (h *layered) Definitions() ([]json.RawMessage, error) { return h.s.Definitions(agent.Anthropic) }

func (h *layered) Input(_ string, input json.RawMessage) json.RawMessage { return input }

// Learn searches for a tool and reads its description, if it has not yet: with what is
// to be done, and if that finds something else, with the name.
func (h *layered) Learn(tool, purpose string) []Reply {
	if !h.meta || h.known[tool] {
		return nil
	}
	h.known[tool] = true
	var list []Reply
	ask := func(name string, in In) Reply {
		reply := h.Raw(h.ctx, name, mustJSON(in))
		list = append(list, reply)
		return reply
	}
	words := strings.ReplaceAll(strings.TrimPrefix(tool, "close_"), "_", " ")
	if !strings.Contains(ask("close_search_tools", In{"query": purpose}).Text, tool+" ") {
		ask("close_search_tools", In{"query": words})
	}
	ask("close_describe_tools", In{"names": []any{tool}})
	return list
}

func (h *layered) Turn(ctx context.Context, calls []Wish) []Reply {
	made := make([]agent.Invocation, len(calls))
	for i, c := range calls {
		switch {
		case !h.meta:
			made[i] = agent.Invocation{Name: c.Tool, Input: c.Input}
		case json.Valid(c.Input):
			made[i] = agent.Invocation{Name: "close_execute_tool", Input: mustJSON(In{"name": c.Tool, "input": c.Input})}
		default:
			made[i] = agent.Invocation{Name: "close_execute_tool", Input: c.Input}
		}
	}
	return h.turnOf(ctx, made)
}

func (h *layered) Raw(ctx context.Context, name string, input json.RawMessage) Reply {
	return h.turnOf(ctx, []agent.Invocation{{Name: name, Input: input}})[0]
}

func (h *layered) turnOf(ctx context.Context, calls []agent.Invocation) []Reply {
	replies := make([]Reply, len(calls))
	questions := map[string]bool{}
	results := h.s.CallAll(ctx, calls)
	for i, c := range calls {
		res, approved := results[i], false
		if p := res.Pending; p != nil {
			questions[p.Question] = true
			res, approved = h.decide(ctx, p, res)
		}
		replies[i] = Reply{Name: c.Name, Input: c.Input, Text: res.Text, Failed: res.Err != nil || res.Pending != nil, JSON: res.JSON}
		h.note(carried{
			tool: res.Tool, input: res.Input, effect: res.Effect, failed: replies[i].Failed, maybe: closekit.MaybeDone(res.Err), text: res.Text, json: res.JSON, approved: approved,
		})
	}
	h.out.Questions += len(questions)
	return replies
}

// decide is the person: they look at what a call does, not at what the model says.
func (h *layered) decide(ctx context.Context, p *agent.Approval, waits agent.Result) (agent.Result, bool) {
	h.out.Asked++
	wanted := h.wanted(p.Tool, p.Input) && h.same(p)
	if !wanted || irreversible(p.Effect) {
		h.out.AskedNeeded++
		h.out.Needed++
	}
	h.shown(p)
	if err := h.agent.Decide(ctx, p.ID, "rep@example.com", agent.Verdict(wanted), p.Shown); err != nil {
		h.world.Fault("deciding: %v", err)
		return waits, false
	}
	if wanted {
		h.out.Approved++
		h.meanwhile()
	} else {
		h.out.Denied++
	}
	return h.s.Resume(ctx, p.ID), wanted
}

// same reports whether the person sees what they saw when they agreed to this call, if
// they have: a person who is asked again and finds another text or value says no.
func (h *layered) same(p *agent.Approval) bool {
	key, text := p.Tool+string(p.Input), p.Preview.Text()
	before, ok := h.agreed[key]
	if !ok {
		h.agreed[key] = text
	}
	return !ok || before == text
}

// shown tests what the person sees: no text that is not visible, and every recipient.
func (h *layered) shown(p *agent.Approval) {
	text := p.Preview.Text()
	for _, c := range text {
		if c != '\n' && (unicode.Is(unicode.Cf, c) || unicode.IsControl(c)) {
			h.violate(HiddenText, "the preview of %s has the invisible character %U", p.Tool, c)
			break
		}
	}
	var in struct{ To, CC, BCC []string }
	if json.Unmarshal(p.Input, &in) != nil || !p.Effect.Has(closekit.Sends) {
		return
	}
	for _, list := range [][]string{in.To, in.CC, in.BCC} {
		for _, to := range list {
			if !strings.Contains(text, to) {
				h.violate(HiddenText, "the preview of %s does not show the recipient %s", p.Tool, to)
			}
		}
	}
}

// irreversible reports whether an effect cannot be taken back.
func irreversible(e closekit.Effect) bool {
	return slices.ContainsFunc([]closekit.Effect{closekit.Sends, closekit.Destructive, closekit.Egress, closekit.Admin}, e.Has)
}
