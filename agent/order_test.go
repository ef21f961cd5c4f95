package agent_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// steps notes what happens, in order. The same step several times in a row is one.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 || s.list[len(s.list)-1] != step {
		s.list = append(s.list, step)
	}
}

// take returns the steps since it was last called.
func (s *steps) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}

// RoundTrip implements [http.RoundTripper].
func (s *steps) RoundTrip(r *http.Request) (*http.Response, error) {
	s.add(r.Method)
	return http.DefaultTransport.RoundTrip(r)
}

// Record implements [agent.Sink].
func (s *steps) Record(_ context.Context, r agent.Record) error {
	s.add("audit of the " + string(r.Phase) + " " + r.Result)
	return nil
}

// stepStore notes when a person is asked, and when the approval is used.
type stepStore struct {
	agent.Store
	*steps
}

func (s stepStore) Create(ctx context.Context, rows []agent.Row) error {
	s.add("approval")
	return s.Store.Create(ctx, rows)
}

// TestOrder tests the order of a call: repair, fill, check, policy, approval, audit of
// the intent, call, audit of the outcome, shaping.
func TestOrder(t *testing.T) {
	t.Parallel()
	o := open(t)
	pipelines := o.do("close_pipelines_list", map[string]any{})
	status := pipelines["data"].([]any)[0].(map[string]any)["statuses"].([]any)[0].(map[string]any)["id"].(string)
	at := &steps{}
	policy := agent.PolicyFunc(func(c *agent.Call) agent.Decision {
		at.add("policy on " + strings.NewReplacer(o.lead, "LEAD", status, "STATUS").Replace(string(c.Input)))
		if c.Effect == closekit.Read {
			return agent.Decision{}
		}
		return agent.Decision{Action: agent.Ask, Why: "it is a test"}
	})
	a, err := agent.New(o.agent.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.srv.URL()), closekit.HTTPClient(&http.Client{Transport: at}))),
		agent.WithAudit(at), agent.WithPolicy(policy), agent.WithApprovals(stepStore{agent.NewMemoryStore(), at}), agent.Clock(o.clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	wants := func(name string, want ...string) {
		t.Helper()
		if got := at.take(); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
	s := a.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))

	// The alias is repaired and the currency is compared before the policy sees the input.
	r := s.Call(t.Context(), "close_opportunity_create", []byte(`{"leadId":"`+o.lead+`","status_id":"`+status+`","value":100,"value_currency":"usd"}`))
	if r.Pending == nil {
		t.Fatal(r.Text)
	}
	decided := `policy on {"lead_id":"LEAD","status_id":"STATUS","value":100,"value_currency":"usd"}`
	wants("asking", "GET", decided, "GET", "approval", "audit of the outcome pending")
	if err := a.Decide(t.Context(), r.Pending.ID, "ben", agent.Approve, r.Pending.Shown); err != nil {
		t.Fatal(err)
	}
	at.take()
	if r := s.Resume(t.Context(), r.Pending.ID); r.Err != nil {
		t.Fatal(r.Err)
	}
	wants("approved", "GET", decided, "GET", "audit of the intent ", "POST", "audit of the outcome ok")

	// What an empty list has to say is read from Close when the answer is made.
	s = a.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	if r := s.Call(t.Context(), "close_opportunities_list", []byte(`{"status_type":"won"}`)); r.Err != nil {
		t.Fatal(r.Err)
	}
	wants("reading", `policy on {"status_type":"won"}`, "GET", "audit of the outcome ok", "GET")

	// Input that is not valid gets no further.
	if r := s.Call(t.Context(), "close_opportunity_create", []byte(`{"lead_id":"`+o.lead+`","status_id":"`+status+`","value":"much","value_currency":"USD"}`)); r.Err == nil {
		t.Fatal("invalid input was accepted")
	}
	wants("invalid", "audit of the outcome refused")
}
