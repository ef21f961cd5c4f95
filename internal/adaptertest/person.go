package adaptertest

import (
	"fmt"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/modeltest"
)

// person has a call that a person must decide. The model reads so, it is no error, and
// nothing is deleted.
func (a Adapter) person(t *testing.T, l Loop) {
	_, s, srv := open(t, few, deletes)
	play(t, l, s, a.deletion(lead(t, s, srv))...)
	if len(srv.Objects("leads")) != 1 {
		t.Error("the lead was deleted without a person")
	}
}

// pending is the same for the host, which gets the approval as data. What the person
// approves is carried out.
func (a Adapter) pending(t *testing.T) {
	g, s, srv := open(t, few, deletes)
	steps := a.deletion(lead(t, s, srv))
	m := modeltest.Start(t, append(steps, modeltest.Step{Text: last})...)
	said, seen, err := a.Watch(t.Context(), m.URL(), s, "Do it.")
	if err != nil || said != last || len(seen) != 2 {
		t.Fatalf("the model said %q after %d results: %v", said, len(seen), err)
	}
	p := seen[0].Pending
	if p == nil || p.Tool != "close_lead_delete" || seen[1].Pending != nil {
		t.Fatalf("the host sees %+v", seen)
	}
	if err := g.Decide(t.Context(), p.ID, "ada", agent.Approve, p.Shown); err != nil {
		t.Fatal(err)
	}
	if r := s.Resume(t.Context(), p.ID); r.IsError || len(srv.Objects("leads")) != 0 {
		t.Errorf("after the approval: %s", r.Text)
	}
}

func lead(t *testing.T, s *agent.Session, srv *emulator.Server) string {
	t.Helper()
	if r := s.Call(t.Context(), "close_lead_create", []byte(`{"name":"Acme"}`)); r.IsError {
		t.Fatal(r.Text)
	}
	return fmt.Sprint(srv.Objects("leads")[0]["id"])
}

func (a Adapter) deletion(lead string) []modeltest.Step {
	return []modeltest.Step{
		{Calls: []modeltest.Call{{Name: "close_lead_delete", Input: `{"lead_id":"` + lead + `"}`}}},
		{Check: func(r modeltest.Request) error {
			if len(r.Results) != 1 || r.Results[0].Text == "" || a.Marked(r.Results[0]) {
				return fmt.Errorf("%+v", r.Results)
			}
			return nil
		}, Text: "A person must decide.", Calls: []modeltest.Call{{Name: "close_me_get", Input: "{}"}}},
	}
}
