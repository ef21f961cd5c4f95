package agent_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/emulator"
)

// TestRepeat tests that a create that the run has made already is put to a person:
// models repeat themselves. Another text, another run, and a call that failed are not
// the same.
func TestRepeat(t *testing.T) {
	t.Parallel()
	o := open(t)
	s := o.s
	task := func(text string) []byte { return []byte(`{"lead_id":"` + o.lead + `","text":"` + text + `"}`) }
	o.srv.Fail(emulator.Fault{Tool: "close_task_create", Status: 400, Body: `{"error":"no"}`})
	if r := s.Call(t.Context(), "close_task_create", task("Call")); r.Err == nil {
		t.Fatal("the fault had no effect")
	}
	if r := s.Call(t.Context(), "close_task_create", task("Call")); r.Err != nil {
		t.Fatalf("after one that failed: %v", r.Err)
	}
	if r := s.Call(t.Context(), "close_task_create", task("Mail")); r.Err != nil {
		t.Errorf("another text: %v", r.Err)
	}
	camel := []byte(`{"text":"Call","leadId":"` + o.lead + `"}`)
	if r := s.Call(t.Context(), "close_task_create", camel); r.Pending == nil {
		t.Errorf("the same in another spelling: %s", r.Text)
	}
	another := func() *agent.Session { return o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada")) }
	if r := another().Call(t.Context(), "close_task_create", task("Call")); r.Err != nil {
		t.Errorf("another run: %v", r.Err)
	}
	n := len(o.srv.Objects("tasks"))
	both := s.CallAll(t.Context(), []agent.Invocation{{Name: "close_task_create", Input: task("Both")}, {Name: "close_task_create", Input: task("Both")}})
	if both[0].Err != nil || both[1].Pending == nil || len(o.srv.Objects("tasks")) != n+1 {
		t.Errorf("twice in one turn: %s; %s", both[0].Text, both[1].Text)
	}
	o.srv.Fail(emulator.Fault{Tool: "close_task_create", Status: 502, AfterAction: true})
	fresh := another()
	fresh.Call(t.Context(), "close_task_create", task("Lost"))
	if r := fresh.Call(t.Context(), "close_task_create", task("Lost")); r.Pending == nil {
		t.Errorf("after a lost response: %s", r.Text)
	}
}

// TestRepeatAtOnce tests that of twenty same calls that arrive at once, one is made, and
// that after one that failed another is.
func TestRepeatAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.srv.Fail(emulator.Fault{Tool: "close_task_create", Status: 400, Body: `{"error":"no"}`})
	for round := range 2 {
		var waiting atomic.Int32
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if r := o.s.Call(t.Context(), "close_task_create", []byte(`{"lead_id":"`+o.lead+`","text":"Call"}`)); r.Pending != nil {
					waiting.Add(1)
				}
			})
		}
		group.Wait()
		made := len(o.srv.Objects("tasks"))
		if made > 1 || round == 1 && made != 1 {
			t.Errorf("round %d: %d tasks, %d wait", round, made, waiting.Load())
		}
	}
}

// TestRepeatPolicies tests that the host decides what a repetition means, and that
// trust in a tool does not cover it.
func TestRepeatPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy agent.Policy
		asks   bool
	}{
		"trusted": {agent.Default().Trusted("close_task_create"), true},
		"all":     {agent.Rules{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, agent.WithPolicy(c.policy))
			o.s.Call(t.Context(), "close_leads_list", []byte(`{}`)) // text of outsiders
			for i := range 2 {
				r := o.s.Call(t.Context(), "close_task_create", []byte(`{"lead_id":"`+o.lead+`","text":"Call"}`))
				if (r.Pending != nil) != (c.asks && i > 0) {
					t.Errorf("call %d: %s", i, r.Text)
				}
			}
		})
	}
}
