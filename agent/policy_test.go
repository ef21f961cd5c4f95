package agent_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestRules tests which rule decides.
func TestRules(t *testing.T) {
	t.Parallel()
	del := &agent.Call{Tool: "close_lead_delete", Resource: "leads", Effect: closekit.Destructive}
	send := &agent.Call{Tool: "close_email_update", Resource: "emails", Effect: closekit.Sends, Input: json.RawMessage(`{"status":"outbox","n":5}`)}
	read := &agent.Call{Tool: "close_lead_get", Resource: "leads"}
	note := &agent.Call{Tool: "close_note_create", Effect: closekit.Write, Outside: true}
	raw := &agent.Call{Effect: closekit.Write}
	d := agent.Default()
	for name, c := range map[string]struct {
		policy agent.Policy
		call   *agent.Call
		want   agent.Action
	}{
		"nothing":                    {agent.Rules{}, del, agent.Allow},
		"default reads":              {d, read, agent.Allow},
		"default deletes":            {d, del, agent.Ask},
		"default sends":              {d, send, agent.Ask},
		"default after text":         {d, note, agent.Ask},
		"default without a tool":     {d, raw, agent.Ask},
		"a trusted tool":             {d.Trusted("close_note_*"), note, agent.Allow},
		"trust is no pass to delete": {d.Trusted("close_*"), del, agent.Ask},
		"the last rule":              {d.Allow(agent.Named("close_lead_delete")), del, agent.Allow},
		"the last rule again":        {d.Allow(agent.Named("close_lead_*")).Ask(agent.Resources("leads")), del, agent.Ask},
		"deny is final":              {d.Deny(agent.Effects(closekit.Destructive)).Allow(agent.Named("*")), del, agent.Deny},
		"an effect that it has not":  {d.Deny(agent.Effects(closekit.Egress)), del, agent.Ask},
		"the effect read":            {agent.Rules{}.Deny(agent.Effects(closekit.Read)), del, agent.Allow},
		"read only":                  {d.ReadOnly(), note, agent.Deny},
		"read only reads":            {d.ReadOnly(), read, agent.Allow},
		"an argument":                {d.Deny(agent.Argument("status", "outbox")), send, agent.Deny},
		"a number":                   {d.Deny(agent.Argument("n", "5")), send, agent.Deny},
		"another value":              {d.Deny(agent.Argument("status", "draft")), send, agent.Ask},
		"an argument that is absent": {d.Deny(agent.Argument("to")), send, agent.Ask},
		"both of two":                {d.Deny(agent.All(agent.Resources("emails"), agent.Argument("status"))), send, agent.Deny},
		"one of two":                 {d.Deny(agent.All(agent.Resources("leads"), agent.Argument("status"))), send, agent.Ask},
		"a match that matches none":  {d.Deny(agent.Match{}), del, agent.Ask},
		"the strictest":              {agent.Strictest(agent.Rules{}, d.ReadOnly()), del, agent.Deny},
		"the strictest of none":      {agent.Strictest(), del, agent.Ask},
		"rules are not changed":      {func() agent.Policy { x := d.Allow(agent.Named("x")); _ = x.Deny(agent.Named("*")); return x }(), del, agent.Ask},
		"siblings do not share rules": {func() agent.Policy {
			x := d.Allow(agent.Named("x"))
			y := x.Ask(agent.Named("y"))
			_ = x.Deny(agent.Named("*"))
			return y
		}(), del, agent.Ask},
	} {
		if got := c.policy.Decide(c.call); got.Action != c.want || got.Action != agent.Allow && got.Why == "" {
			t.Errorf("%s: %s (%s), want %s", name, got.Action, got.Why, c.want)
		}
	}
}

// TestInvalidPatterns tests that a rule that could match nothing is refused.
func TestInvalidPatterns(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]agent.Option{
		"rule":      agent.WithPolicy(agent.Default().Deny(agent.Named("close_["))),
		"all":       agent.WithPolicy(agent.Default().Deny(agent.All(agent.Named("close_[")))),
		"trusted":   agent.WithPolicy(agent.Default().Trusted("close_[")),
		"strictest": agent.WithPolicy(agent.Strictest(agent.Default(), agent.Rules{}.Deny(agent.Named("close_[")))),
		"tools":     agent.Tools("close_["),
	} {
		if _, err := agent.New(tools.Catalog(), opt); err == nil || !strings.Contains(err.Error(), `"close_["`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
