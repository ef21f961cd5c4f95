package agent_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/agent"
)

// TestPreparedOnce checks that what a write sends is what the policy saw and the log
// keeps, whether its input was prepared as it came or had to be read.
func TestPreparedOnce(t *testing.T) {
	t.Parallel()
	var seen string
	o := open(t, agent.WithPolicy(agent.PolicyFunc(func(c *agent.Call) agent.Decision {
		seen = string(c.Input)
		for i := range c.Input { // a policy must not reach what is sent
			c.Input[i] = 'x'
		}
		return agent.Decision{Action: agent.Allow}
	})))
	for input, want := range map[string]string{
		`{"lead_id":"` + o.lead + `","note":"as it came"}`:          `{"lead_id":"` + o.lead + `","note":"as it came"}`,
		`{"leadId":"` + o.lead + `","note":"renamed"}`:              `{"lead_id":"` + o.lead + `","note":"renamed"}`,
		`{"more":{"note":"spread"},"lead_id":"` + o.lead + `"}`:     `{"lead_id":"` + o.lead + `","note":"spread"}`,
		`{"lead_id":"` + o.lead + `","not\u0065":"escaped"}`:        `{"lead_id":"` + o.lead + `","note":"escaped"}`,
		"\ufeff" + `{"lead_id":"` + o.lead + `","note":"with bom"}`: `{"lead_id":"` + o.lead + `","note":"with bom"}`,
	} {
		before := len(o.srv.Objects("notes"))
		r := o.ok(o.call("close_note_create", "%s", input))
		if string(r.Input) != seen || canonical(t, r.Input) != want {
			t.Errorf("%s:\nsent %s\nseen %s", input, r.Input, seen)
		}
		o.has("notes", before+1)
	}
	before := len(o.srv.Objects("notes"))
	if r := o.call("close_note_create", `{"lead_id":%q,"note":"x","activity_at":"2026-13-01"}`, o.lead); r.Err == nil {
		t.Error("a wrong date was sent")
	}
	o.has("notes", before)
}

// canonical returns JSON with sorted keys.
func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
