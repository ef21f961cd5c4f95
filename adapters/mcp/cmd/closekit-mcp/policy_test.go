package main

import (
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		policy  string
		effect  closekit.Effect
		outside bool
		want    agent.Action
	}{
		{"", closekit.Read, true, agent.Allow},
		{"", closekit.Write, false, agent.Allow},
		{"", closekit.Write, true, agent.Ask},
		{"", closekit.Destructive, false, agent.Ask},
		{"write=allow", closekit.Destructive, false, agent.Ask},
		{"write=allow", closekit.Write, true, agent.Ask},
		{"overwrite=allow", closekit.Destructive, false, agent.Ask},
		{"sends=allow", closekit.Sends, false, agent.Allow},
		{"sends=allow", closekit.Sends | closekit.Destructive, false, agent.Ask},
		{"sends=deny,sends=allow", closekit.Sends, false, agent.Deny},
		{"write=ask", closekit.Write, false, agent.Ask},
		{"read-only", closekit.Write, false, agent.Deny},
		{"read-only,write=allow", closekit.Write, false, agent.Deny},
		{"read-only", closekit.Read, true, agent.Allow},
		{"destructive=deny", closekit.Destructive | closekit.Admin, false, agent.Deny},
	} {
		p, err := policyOf(test.policy)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Decide(&agent.Call{Tool: "close_lead_get", Effect: test.effect, Outside: test.outside}).Action; got != test.want {
			t.Errorf("%q on %s (outside %t): %s, want %s", test.policy, test.effect, test.outside, got, test.want)
		}
	}
	for _, wrong := range []string{"delete=deny", "sends", "sends=maybe"} {
		if _, err := policyOf(wrong); err == nil {
			t.Errorf("%q was read", wrong)
		}
	}
}
