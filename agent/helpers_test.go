package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/approvalways"
)

// office is an agent at an emulated Close, with one session.
type office struct {
	*testing.T
	srv   *emulator.Server
	agent *agent.Agent
	s     *agent.Session
	log   *log
	lead  string // a lead with one contact, Ann <ann@acme.example>
	clock *approvalways.Clock
}

// log is an audit sink in memory.
type log struct {
	mu      sync.Mutex
	records []agent.Record
	err     error
}

func (l *log) Record(_ context.Context, r agent.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.records = append(l.records, r)
	return nil
}

// KeepsSnapshots makes bulk edits and deletions possible.
func (l *log) KeepsSnapshots() bool { return true }

// lines returns the records as "phase tool result".
func (l *log) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, r := range l.records {
		list = append(list, fmt.Sprintf("%s %s %s", r.Phase, r.Tool, r.Result))
	}
	return list
}

func open(t *testing.T, opts ...agent.Option) *office {
	t.Helper()
	o := &office{T: t, srv: emulator.Start(t), log: &log{}, clock: approvalways.NewClock()}
	base := closekit.NewClient(nil, closekit.BaseURL(o.srv.URL()))
	var err error
	o.agent, err = agent.New(tools.Catalog(), append([]agent.Option{
		agent.WithClient(base), agent.WithAudit(o.log), agent.Clock(o.clock.Now), agent.WithPolicy(agent.Default()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	o.s = o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	o.lead = o.do("close_lead_create", map[string]any{"name": "Acme", "contacts": []any{map[string]any{"name": "Ann", "emails": []any{map[string]any{"email": "ann@acme.example"}}}}})["id"].(string)
	return o
}

// do calls a tool of the catalog outside the agent.
func (o *office) do(name string, input map[string]any) map[string]any {
	o.Helper()
	tool, err := tools.Lookup(name)
	if err != nil {
		o.Fatal(err)
	}
	in, err := json.Marshal(input)
	if err != nil {
		o.Fatal(err)
	}
	out, err := tool.Call(o.Context(), o.client(), in)
	if err != nil {
		o.Fatalf("%s: %v", name, err)
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		o.Fatal(err)
	}
	return v
}

func (o *office) client() *closekit.Client {
	return closekit.NewClient(closekit.APIKey(o.srv.APIKey()), closekit.BaseURL(o.srv.URL()))
}

// input is JSON input with the id of the lead in place of LEAD.
func (o *office) call(name, format string, args ...any) agent.Result {
	o.Helper()
	return o.s.Call(o.Context(), name, fmt.Appendf(nil, format, args...))
}

// pending calls a tool and wants the call to wait for a person.
func (o *office) pending(name, format string, args ...any) *agent.Approval {
	o.Helper()
	r := o.call(name, format, args...)
	if r.Pending == nil {
		o.Fatalf("%s was not put to a person: %s %v", name, r.Text, r.Err)
	}
	return r.Pending
}

func (o *office) decide(p *agent.Approval, v agent.Verdict) {
	o.Helper()
	if err := o.agent.Decide(o.Context(), p.ID, "ben@example.com", v, p.Shown); err != nil {
		o.Fatal(err)
	}
}

// ok wants a call to have been carried out.
func (o *office) ok(r agent.Result) agent.Result {
	o.Helper()
	if r.Err != nil || r.IsError || r.Pending != nil {
		o.Fatalf("%s: %s (%v)", r.Tool, r.Text, r.Err)
	}
	return r
}

func (o *office) has(resource string, n int) {
	o.Helper()
	if got := len(o.srv.Objects(resource)); got != n {
		o.Errorf("%d %s in Close, want %d", got, resource, n)
	}
}

// writes returns the requests of the emulator that were no reads.
func (o *office) writes() []string {
	var list []string
	for _, r := range o.srv.Requests() {
		if r.Method != "GET" {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return slices.Clip(list)
}

// statusID returns the id of a status of leads.
func (o *office) statusID(label string) string { return o.found("lead_statuses", "label", label) }

// found returns the id of the object of a resource whose member has a value.
func (o *office) found(resource, member, value string) string {
	o.Helper()
	for _, x := range o.srv.Objects(resource) {
		if x[member] == value {
			return x["id"].(string)
		}
	}
	o.Fatalf("no %s with the %s %s", resource, member, value)
	return ""
}
