package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// withSession opens a session of the agent layer for the account of the flags. db is nil
// for a run that ends with the process.
func (p *program) withSession(ctx context.Context, c *agentCall, db *agentDB, name string, work func(*agent.Agent, *agent.Session) error) error {
	rules, err := p.policy()
	if err != nil {
		return err
	}
	acc := c.acc
	if db != nil && acc.account == "" {
		acc = accountFlags{} // they say where the run is kept
	}
	return p.withSource(ctx, &acc, func(source closekit.Source, what string) error {
		client, err := p.clientFor(source, what)
		if err != nil {
			return err
		}
		opts := []agent.Option{agent.WithClient(client), agent.WithPolicy(rules.agentPolicy(c.readOnly))}
		if c.toolset != "" {
			opts = append(opts, agent.Toolset(c.toolset))
		}
		if db != nil {
			opts = append(opts, agent.WithApprovals(db.store), agent.WithVault(db.vault), agent.WithAudit(db.log))
		}
		a, err := agent.New(p.catalog, opts...)
		if err != nil {
			return usage(strings.TrimPrefix(err.Error(), "agent: "))
		}
		as := []agent.SessionOption{agent.As(name)}
		if c.run != "" {
			as = append(as, agent.WithRun(c.run))
		}
		return work(a, a.Session(source, as...))
	})
}

// agentSend makes a call through a session, and lets a person decide on it.
func (p *program) agentSend(ctx context.Context, c *agentCall, db *agentDB, name string, input []byte) error {
	return p.withSession(ctx, c, db, c.acc.account, func(a *agent.Agent, s *agent.Session) error {
		r, err := p.agentDo(ctx, a, s, name, input)
		if r.Pending != nil && errors.Is(err, errNoTerminal) {
			err = noTerminal(r.Pending, db != nil)
		}
		return p.printResult(c, r, err)
	})
}

// agentDo makes a call. The error is that of the decision of a person.
func (p *program) agentDo(ctx context.Context, a *agent.Agent, s *agent.Session, name string, input []byte) (agent.Result, error) {
	r := s.Call(ctx, name, input)
	if r.Pending == nil {
		return r, nil
	}
	done, err := p.settle(ctx, a, s, r.Pending)
	if done == nil {
		return r, err
	}
	done.Repairs, done.Notes = append(r.Repairs, done.Repairs...), append(r.Notes, done.Notes...)
	return *done, err
}

// settle lets the person at the terminal decide on a call, and carries it out if it was
// approved. The result is nil if nothing was decided; one of a call that was denied says
// so to the model.
func (p *program) settle(ctx context.Context, a *agent.Agent, s *agent.Session, w *agent.Approval) (*agent.Result, error) {
	err := p.askPerson(ctx, a, w)
	if err != nil && !errors.Is(err, errDenied) {
		return nil, err
	}
	r := s.Resume(ctx, w.ID)
	return &r, err
}

var errDenied = unconfirmed("not confirmed; nothing was sent")

// askPerson lets the person at the terminal decide on a call.
func (p *program) askPerson(ctx context.Context, a *agent.Agent, w *agent.Approval) error {
	yes, err := ownTerminal().ask(ctx, p.redact(approvalQuestion(p.name, w)))
	if err != nil {
		return err
	}
	if err := a.Decide(ctx, w.ID, approver(), agent.Verdict(yes), w.Shown); err != nil {
		return err
	}
	if !yes {
		return errDenied
	}
	return nil
}

// noTerminal returns the error of a call that waits, because there is no terminal.
func noTerminal(w *agent.Approval, kept bool) error {
	hints := []string{"a person can run the same command on a terminal, where it shows a preview and asks"}
	if kept {
		hints = []string{fmt.Sprintf("a person can approve it with \"closekit agent approvals approve %s --as NAME\"; then repeat the command with --run %s", w.ID, w.Run)}
	}
	return &hinted{
		fmt.Errorf("%s needs the approval of a person (%s), and there is no terminal to ask on; nothing was sent", w.Tool, w.Why),
		append(hints, "hosts decide what needs a person: \"closekit help environment\" explains "+envPolicy),
		exitPending,
	}
}

// approver names the person at the terminal.
func approver() string {
	who, err := user.Current()
	if err != nil {
		return "the terminal"
	}
	return cmp.Or(who.Username, "the terminal")
}

// approvalQuestion is what the person is asked.
func approvalQuestion(program string, w *agent.Approval) string {
	var b strings.Builder
	b.WriteString(program + ": an agent wants to call " + printable(w.Tool, 200))
	if w.Account.Name != "" {
		b.WriteString(" as account " + printable(w.Account.Name, 200))
	}
	b.WriteString(", which needs a person: " + w.Why + ".\n\n")
	b.WriteString(lines(w.Preview.Text()) + "\nGo ahead? [y/N] ")
	return b.String()
}

// lines makes the lines of a text safe to show, and indents them.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + printable(strings.TrimSuffix(line, "\n"), len(line)) + "\n")
	}
	return b.String()
}

// agentResult is what --json prints of a call.
type agentResult struct {
	Verdict string          `json:"verdict"` // of the input, as with --check
	Outcome string          `json:"outcome"`
	Input   json.RawMessage `json:"input"`
	Repairs []agent.Repair  `json:"repairs"`
	Text    string          `json:"text"`
	Result  json.RawMessage `json:"result"` // Close's response
	// Of a call that waits.
	Approval string `json:"approval,omitempty"`
	Run      string `json:"run,omitempty"`
}

// printResult prints the text for the model, and returns what went wrong, which says
// the same to the user and makes the exit code.
func (p *program) printResult(c *agentCall, r agent.Result, decided error) error {
	text := r.Text + "\n"
	if c.asJSON {
		v := agentResult{Verdict: "accepted", Outcome: outcomeOf(r), Input: r.Input, Repairs: append([]agent.Repair{}, r.Repairs...), Text: r.Text, Result: r.JSON}
		if r.Pending != nil {
			v.Approval, v.Run = r.Pending.ID, r.Pending.Run
		}
		switch {
		case v.Outcome == "refused":
			v.Verdict, v.Input = "refused", nil
		case len(r.Repairs) > 0:
			v.Verdict = "repaired"
		}
		b, err := json.Marshal(v)
		if err != nil {
			return &hinted{err, nil, exitFailure}
		}
		text = string(b) + "\n"
	}
	if err := p.print(text); err != nil {
		if r.Effect != closekit.Read && (r.Err == nil || closekit.MaybeDone(r.Err)) && r.Pending == nil {
			return lostResponse(r.Tool, err)
		}
		return err
	}
	var (
		denied *agent.PolicyError
		limit  *agent.LimitError
		state  *agent.StateError
		other  *agent.NotOfferedError
	)
	switch {
	case decided != nil:
		return decided
	case errors.As(r.Err, &denied), errors.As(r.Err, &limit), errors.As(r.Err, &state):
		return unconfirmed(r.Err.Error()+"; nothing was sent", "\"closekit help environment\" explains "+envPolicy)
	case errors.As(r.Err, &other):
		return usage(r.Tool+" is not in the toolset "+c.toolset, "leave out --toolset, or name another set")
	}
	return r.Err
}

// outcomeOf says in a word what came of a call.
func outcomeOf(r agent.Result) string {
	var (
		invalid *closekit.ValidationError
		offered *agent.NotOfferedError
		denied  *agent.PolicyError
		limit   *agent.LimitError
		state   *agent.StateError
	)
	switch {
	case r.Pending != nil:
		return "pending"
	case r.Err == nil:
		return "done"
	case closekit.MaybeDone(r.Err):
		return "unclear"
	case errors.As(r.Err, &invalid), errors.As(r.Err, &offered):
		return "refused"
	case errors.As(r.Err, &denied), errors.As(r.Err, &limit), errors.As(r.Err, &state):
		return "denied"
	}
	return "failed"
}
