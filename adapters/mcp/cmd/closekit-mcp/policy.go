package main

import (
	"fmt"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

var effects = map[string]closekit.Effect{
	"read": closekit.Read, "write": closekit.Write, "overwrite": closekit.Overwrite, "destructive": closekit.Destructive,
	"sends": closekit.Sends, "egress": closekit.Egress, "admin": closekit.Admin,
}

var actions = map[string]agent.Action{"allow": agent.Allow, "ask": agent.Ask, "deny": agent.Deny}

// policy decides by effects. Those without an entry are up to the default of agents.
// Of several effects of a call, the strictest decision counts.
type policy map[string]agent.Action

// policyOf reads what the command closekit reads from CLOSEKIT_POLICY: read-only, or a
// list such as destructive=deny,sends=ask.
func policyOf(text string) (policy, error) {
	p := policy{}
	for _, rule := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if rule == "read-only" {
			p.readOnly()
			continue
		}
		name, word, _ := strings.Cut(rule, "=")
		action, ok := actions[word]
		if _, known := effects[name]; !known {
			return nil, fmt.Errorf("the policy %q names no effect; the effects are read, write, overwrite, destructive, sends, egress and admin", rule)
		}
		if !ok {
			return nil, fmt.Errorf("the policy %q must end in =allow, =ask or =deny", rule)
		}
		p[name] = max(p[name], action)
	}
	return p, nil
}

func (p policy) readOnly() {
	for name := range effects {
		if name != "read" {
			p[name] = agent.Deny
		}
	}
}

// Decide implements [agent.Policy].
func (p policy) Decide(c *agent.Call) agent.Decision {
	var d agent.Decision
	for _, name := range c.Effect.Names() {
		one := *c
		one.Effect, one.Outside = effects[name], false
		next := agent.Default().Decide(&one)
		if action, ok := p[name]; ok {
			next = agent.Decision{Action: action, Why: "the host decided so for calls with the effect " + name}
		}
		if next.Action > d.Action {
			d = next
		}
	}
	if c.Outside && c.Effect != closekit.Read { // whatever is allowed otherwise
		one := *c
		one.Effect = closekit.Write
		if next := agent.Default().Decide(&one); next.Action > d.Action {
			d = next
		}
	}
	return d
}
