package agent_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestRules tests which rule decides.
func TestRules(t *testing.T) {
	t.Parallel()
	del := &agent.Call{Tool: "close_lead_delete", Resource: "leads", Effect: closekit.Destructive}
	send := &agent.Call{Tool: "close_email_update", Resource: "emails", Effect: closekit.Sends, Input: json.RawMessage(`{"status":"outbox","n":5}`)}
	read := &agent.Call{Tool: "close_lead_get", Resource: "leads"}
	note := &agent.Call{Tool: "close_note_create", Effect: closekit.Write, Outside: true}
	raw := &agent.Call{Effect: closekit.Write}
	d := agent.Default()
	for name, c := range map[string]struct {
		policy agent.Policy
		call   *agent.Call
		want   agent.Action
	}{
		"nothing":                    {agent.Rules{}, del, agent.Allow},
		"default reads":              {d, read, agent.Allow},
		"default deletes":            {d, del, agent.Ask},
		"default sends":              {d, send, agent.Ask},
		"default after text":         {d, note, agent.Ask},
		"default without a tool":     {d, raw, agent.Ask},
		"a trusted tool":             {d.Trusted("close_note_*"), note, agent.Allow},
		"trust is no pass to delete": {d.Trusted("close_*"), del, agent.Ask},
		"the last rule":              {d.Allow(agent.Named("close_lead_delete")), del, agent.Allow},
		"the last rule again":        {d.Allow(agent.Named("close_lead_*")).Ask(agent.Resources("leads")), del, agent.Ask},
		"deny is final":              {d.Deny(agent.Effects(closekit.Destructive)).Allow(agent.Named("*")), del, agent.Deny},
		"an effect that it has not":  {d.Deny(agent.Effects(closekit.Egress)), del, agent.Ask},
		"the effect read":            {agent.Rules{}.Deny(agent.Effects(closekit.Read)), del, agent.Allow},
		"read only":                  {d.ReadOnly(), note, agent.Deny},
		"read only reads":            {d.ReadOnly(), read, agent.Allow},
		"an argument":                {d.Deny(agent.Argument("status", "outbox")), send, agent.Deny},
		"a number":                   {d.Deny(agent.Argument("n", "5")), send, agent.Deny},
		"another value":              {d.Deny(agent.Argument("status", "draft")), send, agent.Ask},
		"an argument that is absent": {d.Deny(agent.Argument("to")), send, agent.Ask},
		"both of two":                {d.Deny(agent.All(agent.Resources("emails"), agent.Argument("status"))), send, agent.Deny},
		"one of two":                 {d.Deny(agent.All(agent.Resources("leads"), agent.Argument("status"))), send, agent.Ask},
		"a match that matches none":  {d.Deny(agent.Match{}), del, agent.Ask},
		"a toolset":                  {d.Deny(agent.InToolset("outreach", "admin")), &agent.Call{Tool: "close_email_create", Toolsets: []string{"sales", "outreach"}}, agent.Deny},
		"another toolset":            {d.Deny(agent.InToolset("admin")), &agent.Call{Tool: "close_email_create", Toolsets: []string{"sales"}}, agent.Allow},
		"the strictest":              {agent.Strictest(agent.Rules{}, d.ReadOnly()), del, agent.Deny},
		"the strictest of none":      {agent.Strictest(), del, agent.Ask},
		"rules are not changed":      {func() agent.Policy { x := d.Allow(agent.Named("x")); _ = x.Deny(agent.Named("*")); return x }(), del, agent.Ask},
		"siblings do not share rules": {func() agent.Policy {
			x := d.Allow(agent.Named("x"))
			y := x.Ask(agent.Named("y"))
			_ = x.Deny(agent.Named("*"))
			return y
		}(), del, agent.Ask},
	} {
		if got := c.policy.Decide(c.call); got.Action != c.want || got.Action != agent.Allow && got.Why == "" {
			t.Errorf("%s: %s (%s), want %s", name, got.Action, got.Why, c.want)
		}
	}
}

// TestRuleOfToolset tests that a rule by toolset holds for all calls of its tools, those of
// the host's code too, and that a set or resource that does not exist is refused.
func TestRuleOfToolset(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}.Deny(agent.InToolset("activity_logging"))))
	var denied *agent.PolicyError
	if r := o.call("close_note_create", `{"lead_id":%q,"note":"x"}`, o.lead); !errors.As(r.Err, &denied) {
		t.Errorf("a tool of the set: %v", r.Err)
	}
	if _, err := closeapi.NoteCreate(t.Context(), o.s.Client(), closeapi.NoteCreateParams{LeadID: closeapi.LeadID(o.lead), Note: closekit.Some("x")}); !errors.As(err, &denied) {
		t.Errorf("a typed call: %v", err)
	}
	o.ok(o.call("close_lead_delete", `{"lead_id":%q}`, o.lead))
	for name, m := range map[string]agent.Match{"toolset": agent.InToolset("activity_loging"), "resource": agent.Resources("lead")} {
		if _, err := agent.New(tools.Catalog(), agent.WithPolicy(agent.Default().Deny(m))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a %s that does not exist: %v", name, err)
		}
	}
}

// TestOnly tests the selection of tools by effect and resource.
func TestOnly(t *testing.T) {
	t.Parallel()
	offers := func(opts ...agent.Option) func(string) bool {
		t.Helper()
		a, err := agent.New(tools.Catalog(), opts...)
		if err != nil {
			t.Fatal(err)
		}
		return a.Offers
	}
	for name, c := range map[string]struct {
		offers  func(string) bool
		yes, no string
	}{
		"effects":                       {offers(agent.OnlyEffects(closekit.Read, closekit.Write)), "close_note_create", "close_email_create"},
		"destructive has overwrite":     {offers(agent.OnlyEffects(closekit.Destructive)), "close_lead_merge", "close_email_create"},
		"reads":                         {offers(agent.OnlyEffects(closekit.Read)), "close_search", "close_note_create"},
		"resources":                     {offers(agent.OnlyResources("leads", "notes")), "close_note_create", "close_task_create"},
		"both":                          {offers(agent.OnlyResources("leads"), agent.OnlyEffects(closekit.Read)), "close_leads_list", "close_lead_create"},
		"of a toolset":                  {offers(agent.Toolset("sales"), agent.OnlyEffects(closekit.Read)), "close_leads_list", "close_lead_create"},
		"of a toolset, what it has not": {offers(agent.Toolset("sales"), agent.OnlyEffects(closekit.Read)), "close_leads_list", "close_webhooks_list"},
	} {
		if !c.offers(c.yes) || c.offers(c.no) {
			t.Errorf("%s: %s is %t, %s is %t", name, c.yes, c.offers(c.yes), c.no, c.offers(c.no))
		}
	}
	if _, err := agent.New(tools.Catalog(), agent.OnlyResources("lead")); err == nil || !strings.Contains(err.Error(), `"lead"`) {
		t.Errorf("a resource that does not exist: %v", err)
	}
}

// TestInvalidPatterns tests that a rule that could match nothing is refused.
func TestInvalidPatterns(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]agent.Option{
		"rule":      agent.WithPolicy(agent.Default().Deny(agent.Named("close_["))),
		"all":       agent.WithPolicy(agent.Default().Deny(agent.All(agent.Named("close_[")))),
		"trusted":   agent.WithPolicy(agent.Default().Trusted("close_[")),
		"strictest": agent.WithPolicy(agent.Strictest(agent.Default(), agent.Rules{}.Deny(agent.Named("close_[")))),
		"tools":     agent.Tools("close_["),
	} {
		if _, err := agent.New(tools.Catalog(), opt); err == nil || !strings.Contains(err.Error(), `"close_["`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
