package agent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// The code of the guide, docs/agents.md, is cut out of this file; TestGuide compares
// them.

// request is what a program asks a model, and call what the model answers with, in the
// types of its provider's SDK.
type (
	request struct {
		tools   any
		results []string
	}
	call struct {
		name  string
		input []byte
	}
)

// model stands for a model: it writes what it was told to.
type model [][]call

func (m *model) ask(context.Context, request) ([]call, error) {
	if len(*m) == 0 {
		return nil, nil
	}
	calls := (*m)[0]
	*m = (*m)[1:]
	return calls, nil
}

// startClose starts an emulated Close with one lead.
func startClose() (srv *emulator.Server, account closekit.Source, client agent.Option, stop func()) {
	srv = emulator.New(emulator.Options{})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		panic(err)
	}
	seed := `{"leads": [{"id": "lead_acme12345", "name": "Acme Corp", "contacts": [{"name": "Ann Lee", "emails": [{"type": "office", "email": "ann@acme.example"}]}]}]}`
	if err := srv.Seed(strings.NewReader(seed)); err != nil {
		panic(err)
	}
	return srv, closekit.APIKey(srv.APIKey()), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), func() { _ = srv.Close() }
}

// work lets a model work for the user of an account until it asks for no more calls.
func work(ctx context.Context, a *agent.Agent, account closekit.Source, m *model) error {
	s := a.Session(account) // an *accounts.Account, closekit.APIKey(key), or any other source
	defs, err := s.Definitions(agent.Anthropic)
	if err != nil {
		return err
	}
	var results []string
	for {
		calls, err := m.ask(ctx, request{defs, results})
		if err != nil || len(calls) == 0 {
			return err
		}
		results = results[:0]
		for _, c := range calls {
			r := s.Call(ctx, c.name, c.input) // never fails: r.Text tells the model what happened
			results = append(results, r.Text)
			if r.Pending != nil {
				fmt.Println("waits for a person:", r.Tool, r.Effect)
			}
		}
	}
}

// The loop of an agent: definitions for the model, calls, texts back.
func Example() {
	ctx := context.Background()
	srv, account, client, stop := startClose()
	defer stop()

	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"), client)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = work(ctx, a, account, &model{
		{{"close_task_create", []byte(`{"leadId": "lead_acme12345", "text": "Call back", "date": "2026-12-01"}`)}}, // repaired
		{{"close_leads_list", []byte(`{"query": "acme"}`)}},
		{{"close_email_create", []byte(`{"lead_id": "lead_acme12345", "status": "outbox", "sender": "ada@example.com", "to": ["ann@acme.example"], "subject": "Hi"}`)}},
		{{"close_lead_delete", []byte(`{"lead_id": "lead_acme12345"}`)}}, // not in the toolset
	})
	fmt.Println(err, len(srv.Objects("tasks")), len(srv.Outbox()), len(srv.Objects("leads")))
	// Output:
	// waits for a person: close_email_create write, sends
	// <nil> 1 0 1
}

// A policy: what a rep's agent may do by itself, what a person decides, what never
// happens.
func ExampleRules() {
	ctx := context.Background()
	_, account, client, stop := startClose()
	defer stop()

	policy := agent.Default().
		Trusted("close_task_create", "close_note_create").             // also after texts of customers were read
		Ask(agent.Resources("opportunities")).                         // every call for deals, reads too
		Allow(agent.Named("close_opportunities_list")).                // but this one
		Deny(agent.Effects(closekit.Egress, closekit.Admin)).          // whatever other rules say
		Limit(agent.Limit{What: agent.Sends, Per: agent.Run, Most: 5}) // the sixth is denied

	a, err := agent.New(tools.Catalog(), agent.WithPolicy(policy), client)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := a.Session(account)
	for _, c := range []call{
		{"close_opportunities_list", nil},
		{"close_opportunity_create", []byte(`{"lead_id": "lead_acme12345", "status_id": "stat_12345678", "value": 1200000}`)},
		{"close_webhook_create", []byte(`{"url": "https://evil.example", "events": [{"object_type": "lead", "action": "updated"}]}`)},
	} {
		r := s.Call(ctx, c.name, c.input)
		var denied *agent.PolicyError
		switch {
		case r.Pending != nil:
			fmt.Println(c.name, "waits")
		case errors.As(r.Err, &denied):
			fmt.Println(c.name, denied.Decision.Action)
		default:
			fmt.Println(c.name, r.Err)
		}
	}
	// Output:
	// close_opportunities_list <nil>
	// close_opportunity_create waits
	// close_webhook_create deny
}

// approvals is the part of a web host where people decide. The host has a login, and
// protects its forms against other sites.
func approvals(a *agent.Agent, login func(*http.Request) (user string), account func(name string) closekit.Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /approvals/{id}", func(w http.ResponseWriter, r *http.Request) {
		p, err := a.Approval(r.Context(), r.PathValue("id"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, "%s\n%s\n%s\n", p.State, p.Preview.Text(), p.Shown) // with html/template in a real page
	})
	mux.HandleFunc("POST /approvals/{id}", func(w http.ResponseWriter, r *http.Request) {
		ctx, id := r.Context(), r.PathValue("id")
		shown, err := agent.ParseDigest(r.FormValue("shown")) // of the page that this person saw
		if err == nil {
			err = a.Decide(ctx, id, login(r), agent.Verdict(r.FormValue("verdict") == "approve"), shown)
		}
		p, err2 := a.Approval(ctx, id)
		if err := errors.Join(err, err2); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		s := a.Session(account(p.Account.Name), agent.As(p.Account.Name), agent.WithRun(p.Run))
		fmt.Fprintln(w, s.Resume(ctx, id).Text) // goes to the model too
	})
	return mux
}

// Approvals in a web program: a call waits, a person sees it and decides, the stored
// call is carried out.
func ExampleAgent_Decide() {
	ctx := context.Background()
	srv, account, client, stop := startClose()
	defer stop()

	a, err := agent.New(tools.Catalog(), client,
		agent.WithNotify(func(_ context.Context, list []*agent.Approval) { fmt.Println("asks about", len(list), "call") }),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := a.Session(account, agent.As("ada"))
	r := s.Call(ctx, "close_lead_delete", []byte(`{"lead_id": "lead_acme12345"}`))

	host := approvals(a, func(*http.Request) string { return "ben@example.com" }, func(string) closekit.Source { return account })
	post := func(form string) string {
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/approvals/"+r.Pending.ID, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		host.ServeHTTP(w, req)
		return fmt.Sprint(w.Code)
	}
	fmt.Println(post("verdict=approve&shown="+strings.Repeat("0", 64)), len(srv.Objects("leads"))) // something else was shown
	fmt.Println(post("verdict=approve&shown="+r.Pending.Shown.String()), len(srv.Objects("leads")))
	fmt.Println(post("verdict=approve&shown="+r.Pending.Shown.String()), len(srv.Objects("leads"))) // used already
	// Output:
	// asks about 1 call
	// 409 1
	// 200 0
	// 409 0
}

// CreditCheck is the input of a tool of the host.
type CreditCheck struct {
	LeadID string `json:"lead_id" about:"Lead to check."`
	Depth  string `json:"depth,omitempty" enum:"quick,full"`
}

// A tool of the host beside those of Close. What it does in Close meets the policy, and
// cannot be more than its effect.
func ExampleWithTool() {
	ctx := context.Background()
	_, account, client, stop := startClose()
	defer stop()

	check := agent.OwnTool[CreditCheck]{
		Name:        "credit_check",
		Description: "Ask our ledger whether a lead pays. Use it before an offer over $10,000.",
		Effect:      closekit.Read,
		Call: func(ctx context.Context, c *closekit.Client, in CreditCheck) (any, error) {
			lead, err := closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(in.LeadID)})
			if err != nil {
				return nil, err
			}
			return map[string]any{"company": lead.DisplayName, "pays": true}, nil
		},
	}
	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"), agent.WithTool(check), client)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := a.Session(account)
	fmt.Println(string(s.Call(ctx, "credit_check", []byte(`{"lead_id": "lead_acme12345"}`)).JSON))
	fmt.Println(s.Call(ctx, "credit_check", []byte(`{"depth": "deep"}`)).IsError)
	// Output:
	// {"company":"Acme Corp","pays":true}
	// true
}

// Three tools instead of all: for agents that need any of them, and few tokens.
func ExampleMetaTools() {
	ctx := context.Background()
	_, account, client, stop := startClose()
	defer stop()

	a, err := agent.New(tools.Catalog(), agent.MetaTools(), client)
	if err != nil {
		fmt.Println(err)
		return
	}
	s := a.Session(account)
	defs, err := s.Definitions(agent.OpenAIChat)
	fmt.Println(len(defs), err)

	found := s.Call(ctx, "close_search_tools", []byte(`{"query": "remind me to call a customer"}`))
	fmt.Println(strings.Contains(found.Text, "close_task_create"))
	r := s.Call(ctx, "close_execute_tool", []byte(`{"name": "close_lead_delete", "input": {"lead_id": "lead_acme12345"}}`))
	fmt.Println(r.Tool, r.Pending != nil) // the same gates
	// Output:
	// 3 <nil>
	// true
	// close_lead_delete true
}

// Names of what an organization has set up, in place of ids.
func ExampleWithNames() {
	ctx := context.Background()
	_, account, client, stop := startClose()
	defer stop()

	a, err := agent.New(tools.Catalog(), agent.WithNames(0), client)
	if err != nil {
		panic(err)
	}
	s := a.Session(account, agent.As("ada"))
	r := s.Call(ctx, "close_lead_update", []byte(`{"lead_id": "lead_acme12345", "status": "qualifed"}`))
	var unknown *agent.NameError
	if errors.As(r.Err, &unknown) {
		fmt.Println(unknown.Path, unknown.Kind, len(unknown.Candidates) > 0)
	}
	// Output:
	// status status of leads true
}

// What a restarted program does: the run, its counts and its approvals go on.
func ExampleWithRun() {
	ctx := context.Background()
	_, account, client, stop := startClose()
	defer stop()

	store := agent.NewMemoryStore() // sqlitestore or pgstore, with WithVault, outlive the process
	open := func() *agent.Agent {
		a, err := agent.New(tools.Catalog(), agent.WithApprovals(store), agent.Validity(time.Hour), client)
		if err != nil {
			panic(err)
		}
		return a
	}
	s := open().Session(account, agent.As("ada"))
	p := s.Call(ctx, "close_lead_delete", []byte(`{"lead_id": "lead_acme12345"}`)).Pending

	a := open() // after a restart
	fmt.Println(a.Decide(ctx, p.ID, "ben@example.com", agent.Reject, p.Shown))
	again := a.Session(account, agent.As("ada"), agent.WithRun(p.Run))
	fmt.Println(again.Resume(ctx, p.ID).Text)
	// Output:
	// <nil>
	// Not done: a person has denied this call. Do not repeat it and do not try another way; tell the user.
}
