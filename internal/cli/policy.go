package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/words"
)

// decision is what happens to a call.
type decision int

// Decisions; of several, the last one counts.
const (
	allow decision = iota
	ask
	deny
)

var decisions = map[string]decision{"allow": allow, "ask": ask, "deny": deny}

// Names of effects.
const (
	reading     = "read"
	writing     = "write"
	overwriting = "overwrite"
	destroying  = "destructive"
	sending     = "sends"
)

// effectNames are the effects that a policy decides on.
var effectNames = []string{reading, writing, overwriting, destroying, sending, "egress", "admin"}

// effects are those of effectNames.
var effects = []closekit.Effect{closekit.Read, closekit.Write, closekit.Overwrite, closekit.Destructive, closekit.Sends, closekit.Egress, closekit.Admin}

// effectsOf names all that an effect includes.
func effectsOf(e closekit.Effect) []string {
	var list []string
	for i, one := range effects {
		if one == e || one != closekit.Read && e.Has(one) {
			list = append(list, effectNames[i])
		}
	}
	return list
}

// policy is what the host of the command decides. Effects without an entry are up
// to the user.
type policy map[string]decision

const policyExample = "set it to read-only, or to a list such as destructive=deny,sends=ask"

// policy reads CLOSEKIT_POLICY. A policy that cannot be read is an error: nothing
// is sent then.
func (p *program) policy() (policy, error) {
	rules := policy{}
	list := strings.FieldsFunc(p.getenv(envPolicy), func(r rune) bool { return r == ',' || r == ' ' })
	for _, rule := range list {
		if rule == "read-only" {
			for _, name := range effectNames[1:] {
				rules[name] = deny
			}
			continue
		}
		name, word, _ := strings.Cut(rule, "=")
		d, ok := decisions[word]
		known := false
		for _, e := range effectNames {
			known = known || e == name
		}
		switch {
		case !known:
			hint := policyExample
			if near := words.Nearest(name, append([]string{"read-only"}, effectNames...)); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, usage(fmt.Sprintf("%s: unknown effect %q", envPolicy, shorten(name)), hint)
		case !ok:
			return nil, usage(fmt.Sprintf("%s: %s must be allow, ask or deny, got %q", envPolicy, name, shorten(word)), policyExample)
		}
		rules[name] = max(rules[name], d)
	}
	return rules, nil
}

// agentPolicy returns the policy of agents on this host: on effects without an entry,
// the default of agents decides.
func (rules policy) agentPolicy(readOnly bool) agent.Policy {
	actions := map[decision]agent.Action{allow: agent.Allow, ask: agent.Ask, deny: agent.Deny}
	usual := agent.Default()
	return agent.PolicyFunc(func(c *agent.Call) agent.Decision {
		if readOnly && c.Effect != closekit.Read {
			return agent.Decision{Action: agent.Deny, Why: "--read-only forbids it"}
		}
		var d agent.Decision
		for _, name := range effectsOf(c.Effect) {
			var next agent.Decision
			if set, ok := rules[name]; ok {
				next = agent.Decision{Action: actions[set], Why: envPolicy + " decides on " + name}
			} else if slices.Contains(c.Effect.Names(), name) { // and not merely included in another one
				one := *c
				one.Effect = effects[slices.Index(effectNames, name)]
				next = usual.Decide(&one)
			}
			if next.Action > d.Action {
				d = next
			}
		}
		return d
	})
}

// verdict is a decision with its reason.
type verdict struct {
	decision
	byPolicy bool // the host decided, which --yes does not change
	effect   string
}

// judge decides on a call with several effects: the strictest decision counts.
func (rules policy) judge(effects []string, o confirmFlags) verdict {
	v := verdict{}
	for _, e := range effects {
		next := verdict{effect: e}
		d, decided := rules[e]
		switch {
		case decided:
			next.decision, next.byPolicy = d, true
		case !o.yes && e != reading && e != writing && (e != overwriting || !slices.Contains(effects, destroying)):
			next.decision = ask
		}
		if o.readOnly && e != reading {
			next.decision, next.byPolicy = deny, false
		}
		if next.decision > v.decision || next.decision == v.decision && next.byPolicy {
			v = next
		}
	}
	return v
}
