package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/cli"
)

// Ways round an approval, each tried on every route to Close. A way prepares what an
// attacker can prepare, and names a call that no person has approved. Whatever a route
// answers, Close must not receive that call.

// target is a call that must not be carried out.
type target struct{ tool, input string }

// way is a way round an approval.
type way struct {
	n    int // of the list of forty; higher ones are our own
	name string
	// attack prepares, and returns the call. It may fail the test itself.
	attack func(*scene) target
	// unreadable is true if the call is refused without a policy too, for the way it is
	// written. All others must be carried out then, or the test would try nothing.
	unreadable bool
	// only are the routes that the way is about; why says what is true of the others.
	only []string
	why  string
}

// scene is an office with what the ways are about.
type scene struct {
	*office
	store   agent.Store
	contact string
	draft   string // an email to Ann, not sent
	other   string // another lead
	deal    string // an opportunity, if the way needs one
}

// relay is the input of a tool of the host that calls others, as a careless host
// writes one.
type relay struct {
	Tool  string `json:"tool"`
	Input string `json:"input"`
}

func relayTool() agent.Option {
	return agent.WithTool(agent.OwnTool[relay]{
		Name: "relay", Description: "Call a tool.", Effect: closekit.Write,
		Call: func(ctx context.Context, c *closekit.Client, in relay) (any, error) {
			t, err := tools.Lookup(in.Tool)
			if err != nil {
				return nil, err
			}
			return t.Call(ctx, c, json.RawMessage(in.Input))
		},
	})
}

func newScene(t *testing.T) *scene {
	t.Helper()
	store := agent.NewMemoryStore()
	sc := &scene{store: store, office: open(t, agent.WithApprovals(store), agent.MetaTools(), relayTool())}
	lead := sc.do("close_lead_get", map[string]any{"lead_id": sc.lead})
	sc.contact = lead["contacts"].([]any)[0].(map[string]any)["id"].(string)
	sc.other = sc.do("close_lead_create", map[string]any{"name": "Beta"})["id"].(string)
	sc.draft = sc.do("close_email_create", map[string]any{"lead_id": sc.lead, "contact_id": sc.contact, "to": []string{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello", "sender": "ada@example.com"})["id"].(string)
	return sc
}

// approve puts a call to a person, who approves it.
func (sc *scene) approve(name, format string, args ...any) *agent.Approval {
	sc.Helper()
	p := sc.pending(name, format, args...)
	sc.decide(p, agent.Approve)
	return p
}

// replica returns another agent on the same store, and a session of the same run.
func (sc *scene) replica(opts ...agent.Option) (*agent.Agent, *agent.Session) {
	sc.Helper()
	a, err := agent.New(tools.Catalog(), append([]agent.Option{
		agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(sc.srv.URL()))), agent.WithApprovals(sc.store), agent.WithAudit(sc.log),
		agent.Clock(sc.clock.now), agent.MetaTools(), relayTool(),
	}, opts...)...)
	if err != nil {
		sc.Fatal(err)
	}
	return a, a.Session(closekit.APIKey(sc.srv.APIKey()), agent.As("ada"), agent.WithRun(sc.s.Run()))
}

// The routes to Close.
var routes = []struct {
	name string
	call func(*scene, target) string // "asked", "refused" or "done"
}{
	{"call", func(sc *scene, x target) string { return states1(sc.s.Call(sc.Context(), x.tool, []byte(x.input))) }},
	{"typed", func(sc *scene, x target) string { return byError(typed(sc.Context(), sc.s.Client(), x)) }},
	{"with", func(sc *scene, x target) string {
		return byError(typed(sc.Context(), sc.s.Client().With(closekit.APIKey(sc.srv.APIKey())), x))
	}},
	{"lookup", func(sc *scene, x target) string {
		t, err := tools.Lookup(x.tool)
		if err == nil {
			_, err = t.Call(sc.Context(), sc.s.Client(), json.RawMessage(x.input))
		}
		return byError(err)
	}},
	{"batch", func(sc *scene, x target) string {
		rs := sc.s.CallAll(sc.Context(), []agent.Invocation{{Name: "close_me_get"}, {Name: x.tool, Input: []byte(x.input)}, {Name: "close_me_get"}})
		return states1(rs[1])
	}},
	{"meta", func(sc *scene, x target) string {
		return states1(sc.s.Call(sc.Context(), "close_execute_tool", fmt.Appendf(nil, `{"name":%q,"input":%s}`, x.tool, x.input)))
	}},
	{"own", func(sc *scene, x target) string {
		in, err := json.Marshal(relay{x.tool, x.input})
		if err != nil {
			sc.Fatal(err)
		}
		return states1(sc.s.Call(sc.Context(), "relay", in))
	}},
	{"cli", func(sc *scene, x target) string {
		env := map[string]string{
			"CLOSE_API_KEY": sc.srv.APIKey(), "CLOSE_BASE_URL": sc.srv.URL(),
			"CLOSEKIT_POLICY": "overwrite=deny,destructive=deny,sends=deny,egress=deny,admin=deny",
		}
		code := cli.Program{}.Run(sc.Context(), []string{"call", "--yes", x.tool, x.input}, strings.NewReader(""), io.Discard, io.Discard, func(k string) string { return env[k] })
		if code == 0 {
			return "done"
		}
		return "refused"
	}},
}

func states1(r agent.Result) string {
	if s := states([]agent.Result{r})[0]; s != "waits" {
		return s
	}
	return "asked"
}

func byError(err error) string {
	if err != nil {
		return "refused"
	}
	return "done"
}

// typed calls the typed function of a tool.
func typed(ctx context.Context, c *closekit.Client, x target) error {
	t, err := tools.Lookup(x.tool)
	if err != nil {
		return err
	}
	params, err := t.Parse(json.RawMessage(x.input))
	if err != nil {
		return err
	}
	switch p := params.(type) {
	case *closeapi.LeadDeleteParams:
		return closeapi.LeadDelete(ctx, c, *p)
	case *closeapi.OpportunityUpdateParams:
		_, err = closeapi.OpportunityUpdate(ctx, c, *p)
	case *closeapi.ContactUpdateParams:
		_, err = closeapi.ContactUpdate(ctx, c, *p)
	case *closeapi.LeadUpdateParams:
		_, err = closeapi.LeadUpdate(ctx, c, *p)
	case *closeapi.EmailUpdateParams:
		_, err = closeapi.EmailUpdate(ctx, c, *p)
	case *closeapi.EmailCreateParams:
		_, err = closeapi.EmailCreate(ctx, c, *p)
	case *closeapi.SMSCreateParams:
		_, err = closeapi.SMSCreate(ctx, c, *p)
	case *closeapi.SequenceSubscriptionCreateParams:
		_, err = closeapi.SequenceSubscriptionCreate(ctx, c, *p)
	case *closeapi.SequenceSubscriptionUpdateParams:
		_, err = closeapi.SequenceSubscriptionUpdate(ctx, c, *p)
	case *closeapi.WebhookCreateParams:
		_, err = closeapi.WebhookCreate(ctx, c, *p)
	case *closeapi.CustomFieldLeadUpdateParams:
		_, err = closeapi.CustomFieldLeadUpdate(ctx, c, *p)
	case *closeapi.LeadMergeParams:
		_, err = closeapi.LeadMerge(ctx, c, *p)
	case *closeapi.TasksBulkUpdateParams:
		_, err = closeapi.TasksBulkUpdate(ctx, c, *p)
	case *closeapi.NoteCreateParams:
		_, err = closeapi.NoteCreate(ctx, c, *p)
	case *closeapi.ExportLeadCreateParams:
		_, err = closeapi.ExportLeadCreate(ctx, c, *p)
	case *closeapi.UnsubscribedEmailDeleteParams:
		_, err = closeapi.UnsubscribedEmailDelete(ctx, c, *p)
	default:
		return fmt.Errorf("the test has no typed call for %T", p)
	}
	return err
}

// TestWays tries every way on every route. Run it with -v to see the table.
func TestWays(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	cells := map[string]string{}
	t.Run("all", func(t *testing.T) {
		for i, w := range ways {
			t.Run(fmt.Sprintf("%d/control", i), func(t *testing.T) {
				t.Parallel()
				if w.attack == nil {
					return
				}
				sc := newScene(t)
				x := w.attack(sc)
				free, _ := sc.replica(agent.WithPolicy(agent.Rules{}))
				s := free.Session(closekit.APIKey(sc.srv.APIKey()))
				if r := s.Call(t.Context(), x.tool, []byte(x.input)); (r.Err != nil) != w.unreadable {
					t.Errorf("%s: without a policy: %s", w.name, r.Text)
				}
			})
			for _, r := range routes {
				key := fmt.Sprintf("%d %s", i, r.name)
				if len(w.only) > 0 && !slices.Contains(w.only, r.name) {
					cells[key] = "-"
					continue
				}
				t.Run(fmt.Sprintf("%d/%s", i, r.name), func(t *testing.T) {
					t.Parallel()
					sc := newScene(t)
					x := w.attack(sc)
					if x.tool == "" {
						t.Fatal("the way has no call")
					}
					before, sent := len(sc.writes()), len(sc.srv.Outbox())
					got := r.call(sc, x)
					if after := sc.writes()[before:]; len(after) > 0 || len(sc.srv.Outbox()) != sent || got == "done" {
						t.Errorf("%s: %s, Close received %q: %s %s", w.name, got, after, x.tool, x.input)
					}
					mu.Lock()
					defer mu.Unlock()
					cells[key] = got
				})
			}
		}
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%-66s", "")
	for _, r := range routes {
		fmt.Fprintf(&b, "%-9s", r.name)
	}
	for i, w := range ways {
		fmt.Fprintf(&b, "\n%-66s", fmt.Sprintf("%2d %s", w.n, w.name))
		for _, r := range routes {
			fmt.Fprintf(&b, "%-9s", cells[fmt.Sprintf("%d %s", i, r.name)])
		}
		if len(w.only) > 0 {
			fmt.Fprintf(&b, " -: %s", w.why)
			if w.why == "" {
				t.Errorf("way %d has empty cells without a reason", w.n)
			}
		}
	}
	t.Log("\n" + b.String())
}

func (sc *scene) idOf(r agent.Result) string {
	sc.Helper()
	var v struct{ ID string }
	if err := json.Unmarshal(r.JSON, &v); err != nil {
		sc.Fatal(err)
	}
	return v.ID
}
