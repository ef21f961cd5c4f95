package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

// TestCallThatWaits follows a deletion from the question to the answer.
func TestCallThatWaits(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	if p.State != agent.Pending || p.Effect != closekit.Destructive || p.Account.Name != "ada" || p.Why == "" {
		t.Errorf("the approval is %+v", p)
	}
	o.has("leads", 1)
	if again := o.pending("close_lead_delete", `{ "lead_id" : %q }`, o.lead); again.ID != p.ID {
		t.Error("the same call was put to the person twice")
	}
	var state *agent.StateError
	if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Pending {
		t.Errorf("before the decision: %v", r.Err)
	}
	o.decide(p, agent.Approve)
	o.has("leads", 1)
	o.ok(o.s.Resume(t.Context(), p.ID))
	o.has("leads", 0)
	if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Done {
		t.Errorf("a second use: %v", r.Err)
	}
	want := []string{"outcome close_lead_delete pending", "outcome close_lead_delete pending", "outcome close_lead_delete refused", "intent close_lead_delete ", "outcome close_lead_delete ok", "outcome close_lead_delete refused"}
	if got := o.log.lines(); !slices.Equal(got, want) {
		t.Errorf("audit:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRepetitionUsesApproval has a model that repeats the call instead of waiting for
// the host to resume it.
func TestRepetitionUsesApproval(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	o.decide(p, agent.Approve)
	o.ok(o.call("close_lead_delete", `{"lead_id":%q}`, o.lead))
	o.has("leads", 0)
}

func TestDenialIsFinal(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	o.decide(p, agent.Reject)
	var state *agent.StateError
	if r := o.call("close_lead_delete", `{"lead_id":%q}`, o.lead); !errors.As(r.Err, &state) || state.State != agent.Denied || r.Pending != nil {
		t.Errorf("asked again: %v", r.Err)
	}
	if err := o.agent.Decide(t.Context(), p.ID, "ben", agent.Approve, p.Shown); !errors.As(err, &state) {
		t.Errorf("decided again: %v", err)
	}
	o.has("leads", 1)
}

// TestDecisionIsOnWhatWasShown tests that a decision with another digest, or of
// no approver, counts nothing.
func TestDecisionIsOnWhatWasShown(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	if err := o.agent.Decide(t.Context(), p.ID, "ben", agent.Approve, agent.Digest{}); !errors.Is(err, agent.ErrNotShown) {
		t.Errorf("without a digest: %v", err)
	}
	if err := o.agent.Decide(t.Context(), p.ID, "", agent.Approve, p.Shown); err == nil {
		t.Error("a decision without an approver was taken")
	}
	if err := o.agent.Decide(t.Context(), "apr_unknown", "ben", agent.Approve, p.Shown); !errors.Is(err, agent.ErrNotFound) {
		t.Errorf("unknown approval: %v", err)
	}
}

// TestApprovalsEnd moves the clock forth and back.
func TestApprovalsEnd(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]time.Duration{"forth": 15 * time.Minute, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
			o.decide(p, agent.Approve)
			o.clock.Move(move)
			var state *agent.StateError
			if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Expired {
				t.Errorf("got %v, want an approval that has expired", r.Err)
			}
			o.has("leads", 1)
		})
	}
}

// TestOtherSessionCannotUseApproval has another run, another account with the same
// name, and the same account after it was connected to another organization.
func TestOtherSessionCannotUseApproval(t *testing.T) {
	t.Parallel()
	o := open(t)
	org, err := o.srv.AddOrganization(emulator.Organization{Name: "Other"})
	if err != nil {
		t.Fatal(err)
	}
	user, err := o.srv.AddUser(emulator.User{FirstName: "Cleo", LastName: "May", Email: "cleo@example.com", Organizations: []string{org.ID}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := o.srv.AddAPIKey(user.ID, org.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	o.decide(p, agent.Approve)
	for name, s := range map[string]*agent.Session{
		"other run":          o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada")),
		"other organization": o.agent.Session(closekit.APIKey(key), agent.As("ada"), agent.WithRun(o.s.Run())),
		"other user":         o.agent.Session(closekit.APIKey(o.srv.APIKeyOf(o.srv.Users()[1].ID, o.srv.Organizations()[0].ID)), agent.As("ada"), agent.WithRun(o.s.Run())),
		"other name":         o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("bob"), agent.WithRun(o.s.Run())),
	} {
		if r := s.Resume(t.Context(), p.ID); !errors.Is(r.Err, agent.ErrOtherAccount) {
			t.Errorf("%s: %v", name, r.Err)
		}
	}
	o.has("leads", 1)
	o.ok(o.s.Resume(t.Context(), p.ID)) // the others have not used it up
}

// TestOneExecution lets fifty goroutines of two replicas use one approval.
func TestOneExecution(t *testing.T) {
	t.Parallel()
	store := agent.NewMemoryStore()
	o := open(t, agent.WithApprovals(store), agent.WithPolicy(agent.Default().Ask(agent.Named("close_task_create"))))
	p := o.pending("close_task_create", `{"lead_id":%q,"text":"x","date":"2026-11-30"}`, o.lead)
	o.decide(p, agent.Approve)
	var group sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range 50 {
		group.Go(func() {
			s := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"), agent.WithRun(o.s.Run()))
			if r := s.Resume(t.Context(), p.ID); r.Err == nil {
				mu.Lock()
				done++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if done != 1 {
		t.Errorf("%d uses of one approval", done)
	}
	o.has("tasks", 1)
}

// TestGuardOfSession tests that the host's own calls on a session's client meet the
// policy, whatever they say about themselves.
func TestGuardOfSession(t *testing.T) {
	t.Parallel()
	o := open(t)
	client := o.s.Client()
	lie := &closekit.Operation{Tool: "close_lead_get", Method: "GET", Path: "/lead/{lead_id}/", Effect: closekit.Read}
	for name, call := range map[string]func() error{
		"typed": func() error {
			return closeapi.LeadDelete(t.Context(), client, closeapi.LeadDeleteParams{LeadID: closeapi.LeadID(o.lead)})
		},
		"raw": func() error { return client.Delete(t.Context(), "/lead/"+o.lead+"/", nil) },
		"false operation": func() error {
			return client.Do(t.Context(), closekit.Request{Operation: lie, Method: "DELETE", Path: "/lead/" + o.lead + "/", Effect: closekit.Write}, nil)
		},
		"with prefix": func() error { return client.Delete(t.Context(), "/api/v1/lead/"+o.lead+"/", nil) },
		"derived": func() error {
			return closeapi.LeadDelete(t.Context(), client.With(closekit.APIKey(o.srv.APIKey())), closeapi.LeadDeleteParams{LeadID: closeapi.LeadID(o.lead)})
		},
		"unknown endpoint": func() error { return client.Post(t.Context(), "/bulk_action/delete/", map[string]any{}, nil) },
	} {
		var denied *agent.PolicyError
		if err := call(); !errors.As(err, &denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w := o.writes(); len(w) != 1 {
		t.Errorf("sent: %q", w)
	}
	if _, err := closeapi.LeadGet(t.Context(), client, closeapi.LeadGetParams{LeadID: closeapi.LeadID(o.lead)}); err != nil {
		t.Errorf("a read: %v", err)
	}
	if _, err := closeapi.NoteCreate(t.Context(), client, closeapi.NoteCreateParams{LeadID: closeapi.LeadID(o.lead), Note: closekit.Some("hello")}); err != nil {
		t.Errorf("a harmless write: %v", err)
	}
}

// TestExpire ends an approval that no person could be asked about: the same call is asked
// about anew, and what a person has decided stays.
func TestExpire(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.call("close_lead_delete", `{"lead_id":%q}`, o.lead).Pending
	if err := o.agent.Expire(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	var state *agent.StateError
	if err := o.agent.Decide(t.Context(), p.ID, "eve", agent.Approve, p.Shown); !errors.As(err, &state) || state.State != agent.Expired {
		t.Errorf("a decision after it: %v", err)
	}
	again := o.call("close_lead_delete", `{"lead_id":%q}`, o.lead).Pending
	if again == nil || again.ID == p.ID {
		t.Fatalf("the same call: %+v", again)
	}
	if err := o.agent.Decide(t.Context(), again.ID, "ben", agent.Reject, again.Shown); err != nil {
		t.Fatal(err)
	}
	if err := o.agent.Expire(t.Context(), again.ID); !errors.As(err, &state) || state.State != agent.Denied {
		t.Errorf("after a denial: %v", err)
	}
	o.has("leads", 1)
}

// TestWithdraw takes an approval back before, and tries it after, its call.
func TestWithdraw(t *testing.T) {
	t.Parallel()
	o := open(t)
	var state *agent.StateError
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	if err := o.agent.Withdraw(t.Context(), p.ID, "eve"); !errors.As(err, &state) || state.State != agent.Pending {
		t.Errorf("withdrawn before it was approved: %v", err)
	}
	o.decide(p, agent.Approve)
	if err := o.agent.Withdraw(t.Context(), p.ID, ""); err == nil {
		t.Error("withdrawn without an actor")
	}
	if err := o.agent.Withdraw(t.Context(), p.ID, "eve"); err != nil {
		t.Fatal(err)
	}
	if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Denied {
		t.Errorf("carried out: %v", r.Err)
	}
	if r := o.call("close_lead_delete", `{"lead_id":%q}`, o.lead); !errors.As(r.Err, &state) || state.State != agent.Denied {
		t.Errorf("asked again: %v", r.Err)
	}
	if got, err := o.agent.Approval(t.Context(), p.ID); err != nil || got.Approver != "eve" || got.Outcome != "withdrawn before it was carried out; approved by ben@example.com" {
		t.Errorf("%+v, %v", got, err)
	}
	o.has("leads", 1)

	lead := o.do("close_lead_create", map[string]any{"name": "Globex"})["id"].(string)
	p = o.pending("close_lead_delete", `{"lead_id":%q}`, lead)
	o.decide(p, agent.Approve)
	o.ok(o.s.Resume(t.Context(), p.ID))
	if err := o.agent.Withdraw(t.Context(), p.ID, "eve"); !errors.As(err, &state) || state.State != agent.Done {
		t.Errorf("withdrawn after the call: %v", err)
	}
}

// TestWithdrawOrResume lets a person withdraw while a session carries out: one of them
// wins, and the other is told so.
func TestWithdrawOrResume(t *testing.T) {
	t.Parallel()
	o := open(t)
	withdrawn := 0
	for i := range 40 {
		lead := o.do("close_lead_create", map[string]any{"name": fmt.Sprint("Globex ", i)})["id"].(string)
		before := len(o.srv.Objects("leads"))
		p := o.pending("close_lead_delete", `{"lead_id":%q}`, lead)
		o.decide(p, agent.Approve)
		var group sync.WaitGroup
		var taken error
		var r agent.Result
		group.Go(func() {
			for range i * 5 { // later and later
				if _, err := o.agent.Approval(t.Context(), p.ID); err != nil {
					t.Error(err)
				}
			}
			taken = o.agent.Withdraw(t.Context(), p.ID, "eve")
		})
		group.Go(func() { r = o.s.Resume(t.Context(), p.ID) })
		group.Wait()
		var state *agent.StateError
		want := before
		switch {
		case taken == nil:
			withdrawn++
			if !errors.As(r.Err, &state) || state.State != agent.Denied {
				t.Errorf("withdrawn, and the session got %v", r.Err)
			}
		case !errors.As(taken, &state), r.Err != nil:
			t.Errorf("%v, and the session got %v", taken, r.Err)
		default:
			want--
		}
		o.has("leads", want)
	}
	t.Logf("%d of 40 were withdrawn", withdrawn)
}

// overtaker is a store in which another one is faster, once.
type overtaker struct {
	agent.Store
	other func()
}

func (o *overtaker) Swap(ctx context.Context, row agent.Row) error {
	if do := o.other; do != nil {
		o.other = nil
		do()
	}
	return o.Store.Swap(ctx, row)
}

// TestOvertaken tests that the loser of a race learns what has come of the approval.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	store := &overtaker{Store: agent.NewMemoryStore()}
	o := open(t, agent.WithApprovals(store))
	other := o.replica(agent.WithApprovals(store.Store))
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	approve := func() {
		if err := other.Decide(t.Context(), p.ID, "ann@example.com", agent.Approve, p.Shown); err != nil {
			t.Error(err)
		}
	}
	withdraw := func() {
		if err := other.Withdraw(t.Context(), p.ID, "ann@example.com"); err != nil {
			t.Error(err)
		}
	}
	lost := func(what string, other func(), want agent.State, do func() error) {
		t.Helper()
		store.other = other
		var state *agent.StateError
		if err := do(); !errors.As(err, &state) || state.State != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	lost("decide", approve, agent.Approved, func() error {
		return o.agent.Decide(t.Context(), p.ID, "ben@example.com", agent.Reject, p.Shown)
	})
	lost("withdraw", withdraw, agent.Denied, func() error { return o.agent.Withdraw(t.Context(), p.ID, "ben@example.com") })
	p = o.pending("close_lead_delete", `{"lead_id":%q}`, o.id("close_lead_create", map[string]any{"name": "Globex"}))
	lost("expire", approve, agent.Approved, func() error { return o.agent.Expire(t.Context(), p.ID) })
}

// TestApprovalNamesTheAccount tells a person whose account it is in the words of Close,
// which are no part of what tells accounts apart.
func TestApprovalNamesTheAccount(t *testing.T) {
	t.Parallel()
	o := open(t)
	org := o.srv.Organizations()[0]
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	if want := (agent.Account{Name: "ada", UserID: o.srv.Users()[0].ID, OrganizationID: org.ID, Title: "Ada Example, Example Inc"}); p.Account != want {
		t.Errorf("%+v, want %+v", p.Account, want)
	}
	again, err := o.agent.Approval(t.Context(), p.ID)
	if err != nil || again.Account != p.Account || again.Shown != p.Shown {
		t.Errorf("%+v %v", again, err)
	}
	o.do("close_organization_update", map[string]any{"organization_id": org.ID, "name": "Renamed"})
	o.decide(p, agent.Approve)
	o.ok(o.s.Resume(t.Context(), p.ID))
	o.has("leads", 0)

	other, err := o.srv.AddOrganization(emulator.Organization{Name: "Two\nLines\u202e" + strings.Repeat("x", 100)})
	if err != nil {
		t.Fatal(err)
	}
	user, err := o.srv.AddUser(emulator.User{Email: "cleo@example.com", Organizations: []string{other.ID}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := o.srv.AddAPIKey(user.ID, other.ID)
	if err != nil {
		t.Fatal(err)
	}
	o.s = o.agent.Session(closekit.APIKey(key), agent.As("cleo"))
	p = o.pending("close_webhook_create", `{"url":"https://x.example.com/","events":[{"object_type":"lead","action":"created"}]}`)
	if title := p.Account.Title; !strings.HasPrefix(title, "cleo@example.com, Two Lines‹U+202E›xxx") || !strings.HasSuffix(title, "more characters") || len(title) > 200 {
		t.Errorf("%q", title)
	}
}

// TestApprovalOfRead asks about a read, the first call of its session, whose account
// Close was not asked about yet.
func TestApprovalOfRead(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Default().Ask(agent.Named("close_lead_get"))))
	p := o.pending("close_lead_get", `{"lead_id":%q}`, o.lead)
	if p.Account.Title == "" {
		t.Errorf("%+v", p.Account)
	}
	o.decide(p, agent.Approve)
	o.s = o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"), agent.WithRun(o.s.Run())) // after a restart
	o.ok(o.call("close_lead_get", `{"lead_id":%q}`, o.lead))
}
