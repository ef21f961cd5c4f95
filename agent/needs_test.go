package agent_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// TestAPIKeyWhereNoneIsTaken deletes with an API key what Close deletes for apps only: no
// person is asked, nothing is sent, and the model reads what would help. Nor does it help
// to go through the client of the session.
func TestAPIKeyWhereNoneIsTaken(t *testing.T) {
	t.Parallel()
	o := open(t)
	const name, input = "close_scheduling_link_integration_delete", `{"source_id":"12"}`
	before := len(o.writes())
	r := o.call(name, input)
	if !errors.Is(r.Err, closekit.ErrNeedsOAuth) || !r.IsError || r.Pending != nil || !strings.Contains(r.Text, "connect an account by OAuth") {
		t.Errorf("%q, %v, pending %v", r.Text, r.Err, r.Pending)
	}
	all := open(t, agent.WithPolicy(agent.Rules{})) // setting a link replaces what is there
	err := all.s.Client().Do(t.Context(), closekit.Request{
		Operation: &closekit.Operation{Tool: "close_scheduling_link_integration_set", Method: "POST", Path: "/scheduling_link/integration/", Effect: closekit.Write, OAuthOnly: true},
		Path:      "/scheduling_link/integration/", Body: []byte(`{"name":"Intro","url":"https://meet.example/ann","source_id":"12"}`),
	}, nil)
	if !errors.Is(err, closekit.ErrNeedsOAuth) {
		t.Errorf("the client of the session: %v", err)
	}
	if after := len(o.writes()) + len(all.writes()); after != 2*before {
		t.Errorf("%d writes were sent", after-2*before)
	}
	token, err := o.srv.Grant(o.srv.Users()[0].ID, o.srv.Organizations()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	o.s = o.agent.Session(closekit.Bearer(token.AccessToken), agent.As("ada"))
	if p := o.pending(name, input); p.Tool != name {
		t.Errorf("with a token, a person is asked about %s", p.Tool)
	}
}
