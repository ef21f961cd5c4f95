package approvalways

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// User is whom calls act for.
type User struct {
	Key string // of the API
	ID  string // as the host names the account
}

// Scene is an emulated Close with what the ways are about, and an agent with a session
// of Ada's.
type Scene struct {
	*testing.T
	Close *emulator.Server
	Store agent.Store
	Log   agent.Log
	Clock *Clock

	Lead    string // a lead with one contact
	Contact string // Ann <ann@acme.example>
	Other   string // another lead
	Draft   string // an email to Ann, not sent

	Agent *agent.Agent
	User  User           // of the session; see Enter
	S     *agent.Session // see Enter

	options []agent.Option
	connect func(*Scene) (run string, call func(Target) string)
	call    func(Target) string
}

// New returns a scene. Its agents have the default policy, a store of approvals, and
// the options.
func New(t *testing.T, opts ...agent.Option) *Scene {
	t.Helper()
	return newScene(t, opts, nil)
}

func newScene(t *testing.T, opts []agent.Option, connect func(*Scene) (string, func(Target) string)) *Scene {
	t.Helper()
	sc := &Scene{
		T: t, Close: emulator.Start(t), Store: agent.NewMemoryStore(), Log: agent.NewMemoryLog(),
		Clock: NewClock(), options: opts, connect: connect,
	}
	lead := sc.Do("close_lead_create", map[string]any{"name": "Acme", "contacts": []any{map[string]any{"name": "Ann", "emails": []any{map[string]any{"email": "ann@acme.example"}}}}})
	sc.Lead = lead["id"].(string)
	sc.Contact = lead["contacts"].([]any)[0].(map[string]any)["id"].(string)
	sc.Other = sc.Do("close_lead_create", map[string]any{"name": "Beta"})["id"].(string)
	sc.Draft = sc.Do("close_email_create", map[string]any{"lead_id": sc.Lead, "contact_id": sc.Contact, "to": []string{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello", "sender": "ada@example.com"})["id"].(string)
	sc.Agent = sc.newAgent()
	sc.Enter(User{sc.Close.APIKey(), "ada"}, "")
	return sc
}

func (sc *Scene) newAgent(opts ...agent.Option) *agent.Agent {
	sc.Helper()
	base := []agent.Option{
		agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(sc.Close.URL()))), agent.WithApprovals(sc.Store),
		agent.WithAudit(sc.Log), agent.Clock(sc.Clock.Now), agent.WithPolicy(agent.Default()), relayTool(),
	}
	a, err := agent.New(tools.Catalog(), append(append(base, sc.options...), opts...)...)
	if err != nil {
		sc.Fatal(err)
	}
	return a
}

// Enter begins a session of a user with the agent. A route may have runs of its own,
// which clients cannot name; others take the given one, or a new one if it is empty.
func (sc *Scene) Enter(u User, run string) {
	sc.Helper()
	sc.User = u
	if sc.connect != nil {
		run, sc.call = sc.connect(sc)
	}
	opts := []agent.SessionOption{agent.As(u.ID)}
	if run != "" {
		opts = append(opts, agent.WithRun(run))
	}
	sc.S = sc.Agent.Session(closekit.APIKey(u.Key), opts...)
}

// Replica returns another agent on the same store, and a session of the same run.
func (sc *Scene) Replica(opts ...agent.Option) (*agent.Agent, *agent.Session) {
	sc.Helper()
	a := sc.newAgent(opts...)
	return a, a.Session(closekit.APIKey(sc.User.Key), agent.As(sc.User.ID), agent.WithRun(sc.S.Run()))
}

// Restart goes on with another agent, and a session of the same user in the same run.
func (sc *Scene) Restart(opts ...agent.Option) {
	sc.Helper()
	sc.Agent = sc.newAgent(opts...)
	sc.Enter(sc.User, sc.S.Run())
}

// Do calls a tool of the catalog outside the agent.
func (sc *Scene) Do(name string, input map[string]any) map[string]any {
	sc.Helper()
	tool, err := tools.Lookup(name)
	if err != nil {
		sc.Fatal(err)
	}
	in, err := json.Marshal(input)
	if err != nil {
		sc.Fatal(err)
	}
	out, err := tool.Call(sc.Context(), closekit.NewClient(closekit.APIKey(sc.Close.APIKey()), closekit.BaseURL(sc.Close.URL())), in)
	if err != nil {
		sc.Fatalf("%s: %v", name, err)
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		sc.Fatal(err)
	}
	return v
}

// Call calls a tool of the session.
func (sc *Scene) Call(name, format string, args ...any) agent.Result {
	sc.Helper()
	return sc.S.Call(sc.Context(), name, fmt.Appendf(nil, format, args...))
}

// Turn makes calls, each "tool input", as one turn. LEAD in an input is the lead.
func (sc *Scene) Turn(calls ...string) []agent.Result {
	sc.Helper()
	list := make([]agent.Invocation, len(calls))
	for i, c := range calls {
		name, input, _ := strings.Cut(c, " ")
		list[i] = agent.Invocation{Name: name, Input: []byte(strings.ReplaceAll(input, "LEAD", sc.Lead))}
	}
	return sc.S.CallAll(sc.Context(), list)
}

// OK wants a call to have been carried out.
func (sc *Scene) OK(r agent.Result) agent.Result {
	sc.Helper()
	if r.Err != nil || r.IsError || r.Pending != nil {
		sc.Fatalf("%s: %s (%v)", r.Tool, r.Text, r.Err)
	}
	return r
}

// Pending calls a tool and wants the call to wait for a person.
func (sc *Scene) Pending(name, format string, args ...any) *agent.Approval {
	sc.Helper()
	r := sc.Call(name, format, args...)
	if r.Pending == nil {
		sc.Fatalf("%s was not put to a person: %s %v", name, r.Text, r.Err)
	}
	return r.Pending
}

// Decide has a person decide on what was shown.
func (sc *Scene) Decide(p *agent.Approval, v agent.Verdict) {
	sc.Helper()
	if err := sc.Agent.Decide(sc.Context(), p.ID, "ben@example.com", v, p.Shown); err != nil {
		sc.Fatal(err)
	}
}

// Approve puts a call to a person, who approves it.
func (sc *Scene) Approve(name, format string, args ...any) *agent.Approval {
	sc.Helper()
	p := sc.Pending(name, format, args...)
	sc.Decide(p, agent.Approve)
	return p
}

// Has wants a number of objects in Close.
func (sc *Scene) Has(resource string, n int) {
	sc.Helper()
	if got := len(sc.Close.Objects(resource)); got != n {
		sc.Errorf("%d %s in Close, want %d", got, resource, n)
	}
}

// Records returns the records of the audit log.
func (sc *Scene) Records() []agent.Record {
	sc.Helper()
	list, err := sc.Log.Records(sc.Context(), agent.RunQuery{})
	if err != nil {
		sc.Fatal(err)
	}
	return list
}

// Writes returns the requests to Close that were no reads.
func (sc *Scene) Writes() []string {
	var list []string
	for _, r := range sc.Close.Requests() {
		if r.Method != http.MethodGet {
			list = append(list, r.Method+" "+r.Path)
		}
	}
	return list
}

// Clock is a clock that tests set.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at a morning.
func NewClock() *Clock { return &Clock{at: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move sets the clock forward, or back.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Relay is the input of the host's tool "relay", which calls others, as a careless host
// writes one.
type Relay struct {
	Tool  string `json:"tool"`
	Input string `json:"input"`
}

func relayTool() agent.Option {
	return agent.WithTool(agent.OwnTool[Relay]{
		Name: "relay", Description: "Call a tool.", Effect: closekit.Write,
		Call: func(ctx context.Context, c *closekit.Client, in Relay) (any, error) {
			t, err := tools.Lookup(in.Tool)
			if err != nil {
				return nil, err
			}
			return t.Call(ctx, c, json.RawMessage(in.Input))
		},
	})
}
