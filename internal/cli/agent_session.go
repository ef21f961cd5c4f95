package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os/user"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
)

// agentSend makes a call through a session of the agent layer.
func (p *program) agentSend(ctx context.Context, c *agentCall, client *closekit.Client, source closekit.Source, name string, input []byte) error {
	rules, err := p.policy()
	if err != nil {
		return err
	}
	opts := []agent.Option{agent.WithClient(client), agent.WithPolicy(rules.agentPolicy(c.readOnly))}
	if c.toolset != "" {
		opts = append(opts, agent.Toolset(c.toolset))
	}
	a, err := agent.New(p.catalog, opts...)
	if err != nil {
		return usage(strings.TrimPrefix(err.Error(), "agent: "))
	}
	s := a.Session(source, agent.As(c.acc.account))
	r := s.Call(ctx, name, input)
	if r.Pending == nil {
		return p.printResult(c, r, nil)
	}
	repairs, notes := r.Repairs, r.Notes
	err = p.askPerson(ctx, a, r.Pending)
	if err != nil && !errors.Is(err, errDenied) {
		return p.printResult(c, r, err)
	}
	r = s.Resume(ctx, r.Pending.ID) // which says to the model what was decided
	r.Repairs, r.Notes = append(repairs, r.Repairs...), append(notes, r.Notes...)
	return p.printResult(c, r, err)
}

var errDenied = unconfirmed("not confirmed; nothing was sent")

// askPerson lets the person at the terminal decide on a call.
func (p *program) askPerson(ctx context.Context, a *agent.Agent, w *agent.Approval) error {
	yes, err := ownTerminal().ask(ctx, p.redact(approvalQuestion(w)))
	switch {
	case errors.Is(err, errNoTerminal):
		return &hinted{
			errors.New(w.Tool + " needs the approval of a person (" + w.Why + "), and there is no terminal to ask on; nothing was sent"),
			[]string{"a person can run the same command on a terminal, where it shows a preview and asks", "hosts decide what needs a person: \"closekit help environment\" explains " + envPolicy},
			exitPending,
		}
	case err != nil:
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

// approver names the person at the terminal.
func approver() string {
	who, err := user.Current()
	if err != nil {
		return "the terminal"
	}
	return cmp.Or(who.Username, "the terminal")
}

// approvalQuestion is what the person is asked.
func approvalQuestion(w *agent.Approval) string {
	var b strings.Builder
	b.WriteString("closekit: an agent wants to call " + printable(w.Tool, 200))
	if w.Account.Name != "" {
		b.WriteString(" as account " + printable(w.Account.Name, 200))
	}
	b.WriteString(", which needs a person: " + w.Why + ".\n\n")
	for line := range strings.Lines(w.Preview.Text()) {
		b.WriteString("  " + printable(strings.TrimSuffix(line, "\n"), len(line)) + "\n")
	}
	b.WriteString("\nGo ahead? [y/N] ")
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
}

// printResult prints the text for the model, and returns what went wrong, which says
// the same to the user and makes the exit code.
func (p *program) printResult(c *agentCall, r agent.Result, decided error) error {
	text := r.Text + "\n"
	if c.asJSON {
		v := agentResult{"accepted", outcomeOf(r), r.Input, append([]agent.Repair{}, r.Repairs...), r.Text, r.JSON}
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
