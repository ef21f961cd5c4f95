package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

func (o *office) turn(calls ...string) []agent.Result {
	o.Helper()
	var list []agent.Invocation
	for _, c := range calls {
		name, input, _ := strings.Cut(c, " ")
		list = append(list, agent.Invocation{Name: name, Input: []byte(strings.ReplaceAll(input, "LEAD", o.lead))})
	}
	return o.s.CallAll(o.Context(), list)
}

func states(results []agent.Result) []string {
	var list []string
	for _, r := range results {
		switch {
		case r.Pending != nil:
			list = append(list, "waits")
		case r.IsError:
			list = append(list, "refused")
		default:
			list = append(list, "done")
		}
	}
	return list
}

// TestTurn has reads around writes, of which some need a person.
func TestTurn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked [][]*agent.Approval
	o := open(t, agent.WithNotify(func(_ context.Context, list []*agent.Approval) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, list)
	}))
	results := o.turn(
		`close_lead_get {"lead_id":"LEAD"}`,
		`close_lead_delete {"lead_id":"LEAD"}`,
		`close_leads_list {}`,
		`close_note_create {"lead_id":"LEAD","note":"depends on the deletion"}`,
		`close_lead_create {"name":"Other"}`,
		`close_custom_field_lead_create {"name":"Size","type":"number"}`,
		`close_no_such_tool {}`,
	)
	// The model asked for all of it before it saw a text of outsiders: the other lead
	// is created without a question.
	want := []string{"done", "waits", "done", "refused", "done", "waits", "refused"}
	if got := states(results); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
		for _, r := range results {
			t.Log(r.Tool, r.Text)
		}
	}
	var order *agent.OrderError
	if !errors.As(results[3].Err, &order) || order.Earlier != "close_lead_delete" {
		t.Errorf("the dependent write: %v", results[3].Err)
	}
	if len(asked) != 1 || len(asked[0]) != 2 || asked[0][0].Question != asked[0][1].Question {
		t.Fatalf("the person was asked %d times", len(asked))
	}
	// Each call is decided for itself.
	o.decide(asked[0][1], agent.Approve)
	o.ok(o.s.Resume(t.Context(), asked[0][1].ID))
	if r := o.s.Resume(t.Context(), asked[0][0].ID); r.Err == nil {
		t.Error("a call of the question that has not been decided was carried out")
	}
	o.has("leads", 2)
	// Now it has seen the names of leads and contacts.
	o.pending("close_lead_create", `{"name":"Third"}`)
	o.s = o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"), agent.WithRun(o.s.Run()))
	o.pending("close_lead_create", `{"name":"Fourth"}`)
	o.s = o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	o.ok(o.call("close_lead_create", `{"name":"Fifth"}`))
}

// TestOneQuestion tests that a turn asks a person once, for reads and writes alike.
func TestOneQuestion(t *testing.T) {
	t.Parallel()
	var asked [][]*agent.Approval
	o := open(t, agent.WithPolicy(agent.Default().Ask(agent.Named("close_emails_list"))), agent.WithNotify(func(_ context.Context, list []*agent.Approval) {
		asked = append(asked, list)
	}))
	results := o.turn(`close_emails_list {"lead_id":"LEAD"}`, `close_lead_get {"lead_id":"LEAD"}`, `close_lead_delete {"lead_id":"LEAD"}`)
	if got, want := states(results), []string{"waits", "done", "waits"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(asked) != 1 || len(asked[0]) != 2 || asked[0][0].Question != asked[0][1].Question {
		t.Errorf("the person was asked %d times", len(asked))
	}
}

// TestWritesGoInOrder tests that writes of a turn are not carried out at the same
// time, or in another order.
func TestWritesGoInOrder(t *testing.T) {
	t.Parallel()
	o := open(t)
	var calls []string
	for i := range 10 {
		calls = append(calls, fmt.Sprintf(`close_task_create {"lead_id":"LEAD","text":"%d","date":"2026-12-01"}`, i))
	}
	for _, r := range o.turn(calls...) {
		o.ok(r)
	}
	tasks := o.srv.Objects("tasks")
	for i, task := range tasks {
		if task["text"] != fmt.Sprint(i) {
			t.Errorf("task %d is %q", i, task["text"])
		}
	}
	o.has("tasks", 10)
}

// TestWriteAfterUnreadableWrite tests that a write is not carried out after one for
// the same record whose input was refused.
func TestWriteAfterUnreadableWrite(t *testing.T) {
	t.Parallel()
	o := open(t)
	results := o.turn(
		`close_task_create {"lead_id":"LEAD","text":"first","date":"next friday"}`,
		`close_note_create {"lead_id":"LEAD","note":"The task is made."}`,
		`close_lead_get {"lead_id":"LEAD"}`,
		`close_lead_create {"name":"Other"}`,
	)
	if got, want := states(results), []string{"refused", "refused", "done", "done"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var order *agent.OrderError
	if !errors.As(results[1].Err, &order) {
		t.Errorf("the write after it: %v", results[1].Err)
	}
	o.has("notes", 0)
}

// TestOneQuestionForOneRecord enrolls three people in one sequence: a person is asked
// once. An enrollment that is approved already does not overtake those that wait.
func TestOneQuestionForOneRecord(t *testing.T) {
	t.Parallel()
	o := open(t)
	sequence, mailbox := o.srv.Objects("sequences")[0]["id"], o.srv.Objects("connected_accounts")[0]["id"]
	var calls []agent.Invocation
	for _, name := range []string{"ann", "bob", "cy"} {
		contact := o.do("close_contact_create", map[string]any{"lead_id": o.lead, "name": name, "emails": []any{map[string]any{"email": name + "@acme.example"}}})["id"]
		calls = append(calls, agent.Invocation{Name: "close_sequence_subscription_create", Input: fmt.Appendf(nil,
			`{"sequence_id":%q,"contact_id":%q,"contact_email":"%s@acme.example","sender_account_id":%q,"sender_name":"Ada","sender_email":"ada@example.com"}`, sequence, contact, name, mailbox)})
	}
	questions := map[string]bool{}
	results := o.s.CallAll(t.Context(), calls)
	for _, r := range results {
		if r.Pending == nil {
			t.Fatalf("%s does not wait: %s", r.Tool, r.Text)
		}
		questions[r.Pending.Question] = true
	}
	if len(questions) != 1 {
		t.Errorf("%d questions", len(questions))
	}
	last := results[2].Pending
	if err := o.agent.Decide(t.Context(), last.ID, "ben", agent.Approve, last.Shown); err != nil {
		t.Fatal(err)
	}
	var order *agent.OrderError
	if again := o.s.CallAll(t.Context(), calls); !errors.As(again[2].Err, &order) {
		t.Errorf("the approved one overtook the others: %v", again[2].Err)
	}
	o.has("sequence_subscriptions", 0)
	for i, r := range results {
		if i < 2 {
			if err := o.agent.Decide(t.Context(), r.Pending.ID, "ben", agent.Approve, r.Pending.Shown); err != nil {
				t.Fatal(err)
			}
		}
		o.ok(o.s.Resume(t.Context(), r.Pending.ID))
	}
	o.has("sequence_subscriptions", 3)
}

// TestLimits counts over sessions, runs and days.
func TestLimits(t *testing.T) {
	t.Parallel()
	store := agent.NewMemoryStore()
	policy := agent.Default().Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 2}).Limit(agent.Limit{What: agent.Writes, Per: agent.Day, Most: 3})
	o := open(t, agent.WithApprovals(store), agent.WithPolicy(policy))
	made := 0
	create := func(s *agent.Session) error {
		made++
		return s.Call(t.Context(), "close_task_create", fmt.Appendf(nil, `{"lead_id":%q,"text":"x%d","date":"2026-12-01"}`, o.lead, made)).Err
	}
	other := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	var over *agent.LimitError
	for i, c := range []struct {
		s    *agent.Session
		want agent.Period
	}{{o.s, ""}, {o.s, ""}, {o.s, agent.Run}, {other, ""}, {other, agent.Day}} {
		err := create(c.s)
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &over) || over.Limit.Per != c.want) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	o.has("tasks", 3)
	o.clock.Move(24 * 60 * 60 * 1e9)
	if err := create(other); err != nil {
		t.Errorf("the next day: %v", err)
	}
	if _, err := agent.New(o.agent.Catalog(), agent.WithPolicy(policy)); err == nil || !strings.Contains(err.Error(), "WithApprovals") {
		t.Errorf("a daily limit without a store: %v", err)
	}
}

// TestLimitsAtOnce lets fifty calls run against a limit of five.
func TestLimitsAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Default().Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 5})))
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			o.s.Call(t.Context(), "close_task_create", fmt.Appendf(nil, `{"lead_id":%q,"text":"x%d","date":"2026-12-01"}`, o.lead, i))
		})
	}
	group.Wait()
	o.has("tasks", 5)
}

// TestAuditThatFails stops writes and not reads.
func TestAuditThatFails(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.log.err = errors.New("disk full")
	if r := o.call("close_task_create", `{"lead_id":%q,"text":"x","date":"2026-12-01"}`, o.lead); r.Err == nil || !strings.Contains(r.Err.Error(), "disk full") {
		t.Errorf("a write without a record: %v", r.Err)
	}
	o.has("tasks", 0)
	if r := o.call("close_lead_get", `{"lead_id":%q}`, o.lead); r.JSON == nil {
		t.Errorf("a read: %v", r.Err)
	}
	lenient := open(t, agent.AuditBestEffort())
	lenient.log.err = errors.New("disk full")
	lenient.ok(lenient.call("close_task_create", `{"lead_id":%q,"text":"x","date":"2026-12-01"}`, lenient.lead))
}
