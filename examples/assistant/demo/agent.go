package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

func newAgent(client *closekit.Client, log agent.Sink) (*agent.Agent, error) {
	return agent.New(tools.Catalog(),
		agent.Toolset("sales"), // what a sales rep needs
		agent.WithPolicy(agent.Default().Trusted("close_task_create")),
		agent.WithAudit(log),     // here in memory; see sqlitestore and pgstore
		agent.WithClient(client), // whose base URL is used
	)
}

func converse(ctx context.Context, s *agent.Session, m model) (string, []*agent.Approval, error) {
	defs, err := s.Definitions(agent.Anthropic)
	if err != nil {
		return "", nil, err
	}
	var waiting []*agent.Approval
	var results []agent.Result
	for {
		text, calls, err := m.next(ctx, defs, results)
		if err != nil || len(calls) == 0 {
			return text, waiting, err
		}
		results = s.CallAll(ctx, calls) // the model gets the Text of each
		for _, r := range results {
			if r.Pending != nil {
				waiting = append(waiting, r.Pending)
			}
		}
	}
}

func approve(ctx context.Context, a *agent.Agent, s *agent.Session, w *agent.Approval, approver string) (agent.Result, error) {
	if err := a.Decide(ctx, w.ID, approver, agent.Approve, w.Shown); err != nil {
		return agent.Result{}, err
	}
	r := s.Resume(ctx, w.ID) // the stored call, after a look at whether what it shows is still so
	return r, r.Err
}

// model is what a provider's SDK wraps: it answers with a text, or with calls.
type model interface {
	next(ctx context.Context, defs []json.RawMessage, results []agent.Result) (string, []agent.Invocation, error)
}

const task = "Find all open opportunities over $10k, summarize them, create a follow-up task for each due tomorrow, and tell Wile that his quote is on its way."

// pipeline is what the agent of the third act finds.
const pipeline = `{"leads": [
	{"name": "Acme Corp", "contacts": [{"name": "Wile E. Coyote", "emails": [{"type": "office", "email": "wile@acme.example"}]}],
	 "opportunities": [{"status": "Proposal Sent", "value": 2050050, "value_period": "annual", "confidence": 60}]},
	{"name": "Globex", "opportunities": [
	 {"status": "Proposal Sent", "value": 1250000, "value_period": "monthly", "confidence": 50},
	 {"status": "Demo Completed", "value": 1000000, "value_period": "annual", "confidence": 20},
	 {"status": "Won", "value": 9900000, "value_period": "annual", "confidence": 100}]},
	{"name": "Initech", "opportunities": [{"status": "Contract Sent", "value": 4500000, "value_period": "one_time", "confidence": 80}]}]}`

// thirdAct lets an agent work through package agent, with a scripted model in place of
// a real one.
func (d *demo) thirdAct(ctx context.Context) error {
	if err := d.srv.Seed(strings.NewReader(pipeline)); err != nil {
		return fmt.Errorf("seed the emulator: %w", err)
	}
	d.begin("Make an agent, and open a session for one account")
	d.source(agentSource, "newAgent")
	log := agent.NewMemoryLog()
	a, err := newAgent(d.client, log)
	if err != nil {
		return err
	}
	s := a.Session(closekit.APIKey(d.srv.APIKey()), agent.As("ada"))
	defs, err := s.Definitions(agent.Anthropic)
	if err != nil {
		return err
	}
	d.result("definitions for the model: %d tools, about %d tokens", len(defs), tokens(slices.Concat(raw(defs)...)))

	d.begin("The user writes: %s", task)
	d.source(agentSource, "converse")
	text, waiting, err := converse(ctx, s, &script{demo: d})
	if err != nil {
		return err
	}
	d.result("model: %s", strings.ReplaceAll(text, "\n", "\n   "))
	if err := errors.Join(d.checkTasks(ctx), differs("the number of calls that wait", len(waiting), 1), d.nothingSent()); err != nil {
		return err
	}
	d.ok("the three big deals have a task for tomorrow; nothing was sent to anyone")

	d.begin("A person decides on the email")
	d.source(agentSource, "approve")
	return d.sendApproved(ctx, a, s, waiting[0], log)
}

// sendApproved shows what waits, approves it, and looks for what was sent.
func (d *demo) sendApproved(ctx context.Context, a *agent.Agent, s *agent.Session, w *agent.Approval, log agent.Log) error {
	d.result("waits because %s:", w.Why)
	d.block("| ", w.Preview.Text())
	d.result("ben@example.com approves")
	r, err := approve(ctx, a, s, w, "ben@example.com")
	if err != nil {
		return err
	}
	d.block("< ", r.Text)
	sent := d.srv.Outbox()
	if err := differs("the number of sent messages", len(sent), 1); err != nil {
		return err
	}
	d.result("sent to %s: %q, %q", strings.Join(sent[0].To, ", "), sent[0].Subject, sent[0].Text)
	again := s.Resume(ctx, w.ID)
	if err := errors.Join(
		differs("the recipients", sent[0].To, []string{wileEmail}), differs("the subject", sent[0].Subject, quoteSubject),
		differs("the state of the approval, used again", fmt.Sprint(again.Err), (&agent.StateError{ID: w.ID, State: agent.Done}).Error()),
		differs("the number of sent messages", len(d.srv.Outbox()), 1),
	); err != nil {
		return err
	}
	d.ok("the email went out once, and the approval cannot be used again")
	return d.showLog(ctx, log)
}

// showLog prints the audit log.
func (d *demo) showLog(ctx context.Context, log agent.Log) error {
	d.begin("The audit log has all of it")
	writes := 0
	records, err := log.Records(ctx, agent.RunQuery{})
	if err != nil {
		return err
	}
	slices.SortStableFunc(records[:3], func(a, b agent.Record) int { return strings.Compare(a.Tool, b.Tool) }) // the reads ran at once
	for i := range records {
		r := &records[i]
		line := fmt.Sprintf("%-7s %s (%s)", r.Phase, r.Tool, r.Effect)
		if r.Phase == agent.Outcome {
			line += " " + r.Result
		}
		if r.Approver != "" {
			line += ", approved by " + r.Approver
		}
		if r.Phase == agent.Intent {
			writes++
		}
		d.result("%s", line)
	}
	if err := differs("the number of intents", writes, 4); err != nil { // three tasks and an email
		return err
	}
	d.ok("every write has a record before it was sent, and one of its outcome")
	return nil
}

// checkTasks reads the tasks of the third act back.
func (d *demo) checkTasks(ctx context.Context) error {
	var found []string
	for t, err := range closeapi.TasksAll(ctx, d.client, closeapi.TasksListParams{IsComplete: closekit.Some(false)}) {
		if err != nil {
			return err
		}
		found = append(found, t.Text.Or("")+" "+fmt.Sprintf("%.10s", t.Date))
	}
	slices.Sort(found)
	var want []string
	for _, name := range []string{"Acme Corp", "Globex", "Initech"} {
		want = append(want, followUpText(name)+" "+fmt.Sprint(d.tomorrow))
	}
	return differs("the list of tasks", found, want)
}

// block prints lines with a mark.
func (p *printer) block(mark, text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		p.result("%s%s", mark, strings.TrimSuffix(line, "\n"))
	}
}

// tokens estimates the tokens of a text as the package agent does.
func tokens(text []byte) int { return len(text) * 10 / 36 }

func raw(defs []json.RawMessage) [][]byte {
	list := make([][]byte, len(defs))
	for i, d := range defs {
		list[i] = d
	}
	return list
}
