package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

type rating struct {
	LeadID string   `json:"lead_id" about:"Lead to rate." format:"id"`
	Grade  string   `json:"grade" enum:"a,b,c"`
	Points int      `json:"points,omitempty" min:"1" max:"10"`
	Why    []string `json:"why,omitempty"`
	Delete bool     `json:"delete,omitempty"`
}

func rate(call func(context.Context, *closekit.Client, rating) (any, error)) agent.OwnTool[rating] {
	return agent.OwnTool[rating]{Name: "rate_lead", Description: "Rate a lead.", Effect: closekit.Write, Call: call}
}

// TestOwnTool calls a tool of the host, whose handler writes to Close.
func TestOwnTool(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithTool(rate(func(ctx context.Context, c *closekit.Client, in rating) (any, error) {
		if in.Delete {
			return nil, closeapi.LeadDelete(ctx, c, closeapi.LeadDeleteParams{LeadID: closeapi.LeadID(in.LeadID)})
		}
		return closeapi.NoteCreate(ctx, c, closeapi.NoteCreateParams{LeadID: closeapi.LeadID(in.LeadID), Note: closekit.Some("Grade " + in.Grade)})
	})))
	r := o.ok(o.call("rate_lead", `{"lead_id":%q,"grade":"a"}`, o.lead))
	if !strings.Contains(string(r.JSON), "Grade a") {
		t.Errorf("got %s", r.JSON)
	}
	o.ok(o.call("rate_lead", "\ufeff"+`{"lead_id":%q,"grade":"b"}`, o.lead)) // a byte order mark
	var invalid *closekit.ValidationError
	if r := o.call("rate_lead", `{"lead_id":%q,"grade":"d","points":11,"extra":1}`, o.lead); !errors.As(r.Err, &invalid) || len(invalid.Problems) != 3 {
		t.Errorf("four mistakes: %v", r.Err)
	}
	o.has("notes", 2)
	var denied *agent.PolicyError
	if r := o.call("rate_lead", `{"lead_id":%q,"grade":"a","delete":true}`, o.lead); !errors.As(r.Err, &denied) {
		t.Errorf("a handler did more than it declared: %v", r.Err)
	}
	o.has("leads", 1)
}

func TestOwnToolsThatAreRefused(t *testing.T) {
	t.Parallel()
	call := func(context.Context, *closekit.Client, rating) (any, error) { return nil, nil }
	type chain struct {
		Next map[string]any `json:"next"`
	}
	for want, opt := range map[string]agent.Option{
		"must begin with a letter": agent.WithTool(agent.OwnTool[rating]{Name: "rate lead", Description: "x", Call: call}),
		"need a description":       agent.WithTool(agent.OwnTool[rating]{Name: "rate_lead", Call: call}),
		"Call is missing":          agent.WithTool(agent.OwnTool[rating]{Name: "rate_lead", Description: "x"}),
		"must be a struct":         agent.WithTool(agent.OwnTool[string]{Name: "rate_lead", Description: "x", Call: func(context.Context, *closekit.Client, string) (any, error) { return nil, nil }}),
		"has no schema":            agent.WithTool(agent.OwnTool[chain]{Name: "rate_lead", Description: "x", Call: func(context.Context, *closekit.Client, chain) (any, error) { return nil, nil }}),
		"two tools with the name":  agent.WithTool(agent.OwnTool[rating]{Name: "close_lead_get", Description: "x", Call: call}),
	} {
		if _, err := agent.New(tools.Catalog(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestOwnToolWaits approves a call whose input comes back from the store in another
// form than the model wrote it in.
func TestOwnToolWaits(t *testing.T) {
	t.Parallel()
	own := rate(func(context.Context, *closekit.Client, rating) (any, error) { return "rated", nil })
	own.Effect = closekit.Destructive
	o := open(t, agent.WithTool(own))
	p := o.pending("rate_lead", `{ "why":["<b>&"], "lead_id" : %q, "grade": "a" }`, o.lead)
	o.decide(p, agent.Approve)
	o.ok(o.s.Resume(t.Context(), p.ID))
}

// TestOwnToolTypes takes types that decode themselves from text, and refuses those whose
// schema nothing tells.
func TestOwnToolTypes(t *testing.T) {
	t.Parallel()
	type visit struct {
		At   time.Time  `json:"at"`
		Till *time.Time `json:"till"`
		Host netip.Addr `json:"host,omitzero"`
	}
	var got visit
	o := open(t, agent.WithTool(agent.OwnTool[visit]{Name: "visit", Description: "Plan a visit.", Call: func(_ context.Context, _ *closekit.Client, in visit) (any, error) {
		got = in
		return "planned", nil
	}}))
	defs, err := o.s.Definitions(agent.Anthropic)
	if err != nil {
		t.Fatal(err)
	}
	want := `"properties":{"at":{"type":"string","format":"date-time"},"till":{"type":"string","format":"date-time"},"host":{"type":"string"}},"required":["at"]`
	if !slices.ContainsFunc(defs, func(d json.RawMessage) bool { return strings.Contains(string(d), want) }) {
		t.Errorf("no definition has %s", want)
	}
	o.ok(o.call("visit", `{"at":"2026-03-01T09:00:00Z","host":"10.0.0.1"}`))
	if got.At.Day() != 1 || got.Till != nil || got.Host.String() != "10.0.0.1" {
		t.Errorf("the tool was called with %+v", got)
	}
	var invalid *closekit.ValidationError
	if r := o.call("visit", `{"at":"tomorrow"}`); !errors.As(r.Err, &invalid) {
		t.Errorf("a time that is none: %v", r.Err)
	}

	type raw struct {
		Note json.RawMessage `json:"note"`
	}
	type maybe struct {
		Note closekit.Opt[string] `json:"note"`
	}
	type data struct {
		Note []byte `json:"note"`
	}
	for want, opt := range map[string]agent.Option{
		"note: the type json.RawMessage decodes itself":      agent.WithTool(agent.OwnTool[raw]{Name: "x", Description: "x", Call: func(context.Context, *closekit.Client, raw) (any, error) { return nil, nil }}),
		"note: the type closekit.Opt[string] decodes itself": agent.WithTool(agent.OwnTool[maybe]{Name: "x", Description: "x", Call: func(context.Context, *closekit.Client, maybe) (any, error) { return nil, nil }}),
		"note: the type []uint8 would be text in base64":     agent.WithTool(agent.OwnTool[data]{Name: "x", Description: "x", Call: func(context.Context, *closekit.Client, data) (any, error) { return nil, nil }}),
		"the type closeapi.Note decodes itself":              agent.WithTool(agent.OwnTool[closeapi.Note]{Name: "x", Description: "x", Call: func(context.Context, *closekit.Client, closeapi.Note) (any, error) { return nil, nil }}),
	} {
		if _, err := agent.New(tools.Catalog(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
