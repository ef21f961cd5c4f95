package agent_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

func (o *office) says(r agent.Result, want ...string) {
	o.Helper()
	for _, w := range want {
		if !strings.Contains(r.Text, w) {
			o.Errorf("the answer of %s has no %q:\n%s", r.Tool, w, r.Text)
		}
	}
}

// TestAnswerFields tests who selects the fields of an answer.
func TestAnswerFields(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}))
	asked := func() string { r := o.srv.Requests(); return r[len(r)-1].Query.Get("_fields") }
	o.ok(o.call("close_lead_get", `{"lead_id":%q}`, o.lead))
	if got := asked(); !strings.HasPrefix(got, "id,display_name,status_label,") || !strings.Contains(got, "contacts") || strings.Contains(got, ".") {
		t.Errorf("Close was asked for %q, want the shown fields", got)
	}
	r := o.ok(o.call("close_lead_get", `{"lead_id":%q,"_fields":["name"]}`, o.lead))
	if got := asked(); got != "id,name" || !strings.Contains(r.Text, `{"id":"`+o.lead+`","name":"Acme"}`) {
		t.Errorf("Close was asked for %q, the answer is %s", got, r.Text)
	}
	o.ok(o.call("close_leads_list", `{"fields":["name"],"limit":1}`))
	if got := asked(); got != "id,name" {
		t.Errorf("Close was asked for %q", got)
	}
	r = o.ok(o.call("close_note_create", `{"lead_id":%q,"note":"Hello","_fields":["user_name"]}`, o.lead)) // has no such parameter
	o.says(r, `"user_name":"Ada Example"}`)
	if strings.Contains(r.Text, "Hello") || !strings.Contains(string(r.JSON), "Hello") {
		t.Errorf("want a note of one field for the model, and all of it for the host: %s", r.Text)
	}
}

func TestAnswerWithoutSecret(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}))
	r := o.ok(o.call("close_webhook_create", `{"url":"https://hooks.example","events":[{"object_type":"lead","action":"created"}]}`))
	if strings.Contains(r.Text, `"signature_key"`) || !strings.Contains(string(r.JSON), `"signature_key"`) {
		t.Errorf("the model sees %s", r.Text)
	}
	o.says(r, "The signature key is not shown to you")
}

func TestAnswerOfNothing(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.says(o.ok(o.call("close_opportunities_list", `{"status_label":"Open"}`)), `0 found for status_label "Open"; nothing else was filtered.`, `Statuses here: "Demo Completed" (active)`)
	o.says(o.ok(o.call("close_leads_list", `{"query":"Acmee"}`)), `0 found for query "Acmee"`, "Check the spelling")
	o.says(o.ok(o.call("close_tasks_list", `{}`)), "0 found; nothing was filtered.")
}

func TestSmallestBudget(t *testing.T) {
	t.Parallel()
	if _, err := agent.New(tools.Catalog(), agent.AnswerBudget(100)); err == nil || !strings.Contains(err.Error(), "at least 400 tokens") {
		t.Errorf("got %v", err)
	}
}
