package agent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// TestMetaTools follows a model that knows three tools only.
func TestMetaTools(t *testing.T) {
	t.Parallel()
	o := open(t, agent.MetaTools())
	defs, err := o.s.Definitions(agent.Anthropic)
	if err != nil || len(defs) != 3 {
		t.Fatalf("%d definitions, %v", len(defs), err)
	}
	if r := o.ok(o.call("close_search_tools", `{"query":"delete a company"}`)); !strings.Contains(r.Text, "close_lead_delete (destructive)") {
		t.Errorf("search: %s", r.Text)
	}
	if r := o.ok(o.call("close_describe_tools", `{"names":["close_lead_delete"]}`)); !strings.Contains(r.Text, `"lead_id"`) {
		t.Errorf("describe: %s", r.Text)
	}
	// The gates are those of the tool that is called.
	p := o.pending("close_execute_tool", `{"name":"close_lead_delete","input":{"lead_id":%q}}`, o.lead)
	if p.Tool != "close_lead_delete" {
		t.Errorf("the approval is for %s", p.Tool)
	}
	o.ok(o.call("close_execute_tool", `{"name":"close_lead_get","input":{"lead_id":%q}}`, o.lead))
	var invalid *closekit.ValidationError
	if r := o.call("close_execute_tool", `{"name":"close_execute_tool","input":{}}`); !errors.As(r.Err, &invalid) {
		t.Errorf("nested: %v", r.Err)
	}
	if r := o.call("close_execute_tool", `{"names":[]}`); !errors.As(r.Err, &invalid) {
		t.Errorf("wrong input: %v", r.Err)
	}
	o.has("leads", 1)
}

// TestDefinitions tests that definitions are made once, and that the lean profile's
// parameter more works.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	o := open(t, agent.Toolset("sales"))
	for _, f := range agent.Formats() {
		a, err := o.s.Definitions(f)
		b, _ := o.s.Definitions(f)
		if err != nil || len(a) == 0 || &a[0] != &b[0] {
			t.Errorf("%s: %d definitions, %v", f, len(a), err)
		}
	}
	if _, err := o.s.Definitions("esperanto"); err == nil {
		t.Error("an unknown format")
	}
	maps, err := o.s.DefinitionMaps(agent.OpenAIChat)
	if err != nil || maps[0]["type"] != "function" {
		t.Errorf("%v, %v", maps, err)
	}
	maps[0]["function"].(map[string]any)["name"] = "changed" // by one request, which another must not see
	if maps, err = o.s.DefinitionMaps(agent.OpenAIChat); err != nil || maps[0]["function"].(map[string]any)["name"] == "changed" {
		t.Errorf("the maps are shared: %v", err)
	}
	r := o.ok(o.call("close_leads_list", `{"more":{"_fields":["id"]}}`))
	if !strings.Contains(string(r.Input), `"_fields"`) || strings.Contains(string(r.Input), "more") {
		t.Errorf("sent: %s", r.Input)
	}
	r = o.call("close_leads_list", `{"query":"x","more":{"query":"y"}}`)
	if r.Err == nil {
		t.Error("a key in both places")
	}
}

// TestRepairsAreTold has input as models write it.
func TestRepairsAreTold(t *testing.T) {
	t.Parallel()
	o := open(t)
	r := o.ok(o.call("close_note_create", `{"leadId":%q,"note":"hello"}`, o.lead))
	if len(r.Repairs) != 1 || !strings.Contains(string(r.Input), `"lead_id"`) {
		t.Errorf("repairs %+v, sent %s", r.Repairs, r.Input)
	}
	// An approval of one writing covers the other.
	p := o.pending("close_lead_delete", `{"leadId":%q}`, o.lead)
	if again := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead); again.ID != p.ID {
		t.Error("two readings of the same call")
	}
	if r := o.call("close_lead_delete", `{"lead_id":%q,"lead_id":"lead_other"}`, o.lead); r.Err == nil || r.Pending != nil {
		t.Error("a key was given twice")
	}
}

// TestWithStrict tests that a host makes single tools strict, and what it reads if one
// cannot be.
func TestWithStrict(t *testing.T) {
	t.Parallel()
	o := open(t, agent.Toolset("sales"))
	defs, err := o.s.Definitions(agent.OpenAIResponses, agent.WithStrict("close_note_create"), agent.WithStrict("close_lead_get"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(fmt.Sprintf("%s", defs), `"strict":true`); n != 2 {
		t.Errorf("%d tools are strict, want 2", n)
	}
	defs, err = o.s.Definitions(agent.OpenAIResponses)
	if err != nil || strings.Contains(fmt.Sprintf("%s", defs), `"strict":true`) {
		t.Errorf("without the option: %v", err)
	}
	_, err = o.s.Definitions(agent.OpenAIChat, agent.WithStrict("close_opportunity_*"))
	var not *agent.NotStrictError
	if !errors.As(err, &not) || len(not.Reasons["close_opportunity_update"]) == 0 {
		t.Errorf("the error is %v", err)
	}
}
