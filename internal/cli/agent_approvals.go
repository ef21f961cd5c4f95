package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/agent"
)

func (p *program) approvalsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "Decide on the calls of agents that wait for a person",
		Long: `Decide on the calls of agents that wait for a person. They are in the database
that the program with the agents uses (--db), sealed with its key.

A decision carries nothing out: the program does, when it goes on with the run.`,
		Example: "  closekit agent approvals list",
		Args:    commandsOnly,
		RunE:    p.overview,
	}
	cmd.AddCommand(p.approvalsListCommand(), p.approvalsShowCommand(), p.decideCommand(agent.Approve), p.decideCommand(agent.Reject), p.withdrawCommand())
	return cmd
}

// approvalJSON is an approval in JSON.
type approvalJSON struct {
	ID       string          `json:"id"`
	State    agent.State     `json:"state"`
	Question string          `json:"question"`
	Account  string          `json:"account"`
	Run      string          `json:"run"`
	Tool     string          `json:"tool"`
	Effects  []string        `json:"effects"`
	Why      string          `json:"why"`
	Input    json.RawMessage `json:"input"`
	Preview  string          `json:"preview"`
	Shown    string          `json:"shown"`
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
	Approver string          `json:"approver,omitempty"`
	Outcome  string          `json:"outcome,omitempty"`
}

func jsonOfApproval(a *agent.Approval) approvalJSON {
	return approvalJSON{
		a.ID, a.State, a.Question, a.Account.Name, a.Run, a.Tool, a.Effect.Names(), a.Why, a.Input, a.Preview.Text(), a.Shown.String(),
		a.Created, a.Expires, a.Approver, a.Outcome,
	}
}

func (p *program) approvalsListCommand() *cobra.Command {
	var f accountFlags
	var all bool
	var run string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the calls that wait for a person",
		Long: `List the calls that wait for a person, the newest first, at most 100. With --all
those that were decided on or have expired are in the list too. With --json it is
one array of objects.`,
		Example: `  closekit agent approvals list
  closekit agent approvals list --all --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withApprovals(cmd.Context(), &f, func(a *agent.Agent) error {
				q := agent.Query{Run: run}
				if !all {
					q.States = []agent.State{agent.Pending}
				}
				found, err := a.Approvals(cmd.Context(), q)
				if err != nil {
					return err
				}
				list := found[:0]
				for _, x := range found {
					if all || x.State == agent.Pending { // others have expired
						list = append(list, x)
					}
				}
				switch {
				case f.asJSON:
					out := make([]approvalJSON, 0, len(list))
					for _, x := range list {
						out = append(out, jsonOfApproval(x))
					}
					return p.printJSON(out)
				case len(list) == 0:
					p.say("no call waits for a person")
					return nil
				}
				return p.print(approvalTable(list))
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", false, "list all, whatever their state")
	flags.StringVar(&run, "run", "", "only those of this `run`")
	f.define(flags, storeFlags)
	f.defineJSON(flags)
	return cmd
}

func approvalTable(list []*agent.Approval) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ID\tSTATE\tACCOUNT\tTOOL\tEXPIRES\tWHAT")
	for _, a := range list {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", visible(a.ID), a.State, orDash(a.Account.Name), a.Tool, timeText(a.Expires), printable(a.Preview.Title, 80))
	}
	_ = w.Flush() // into memory
	return b.String()
}

func (p *program) approvalsShowCommand() *cobra.Command {
	var f accountFlags
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show what a call would do",
		Long:    `Show everything that a call refers to and would do. Texts of customers and models are quotes.`,
		Example: `  closekit agent approvals show apr_…`,
		Args:    oneApproval,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withApprovals(cmd.Context(), &f, func(a *agent.Agent) error {
				x, err := approvalOf(cmd.Context(), a, args[0])
				switch {
				case err != nil:
					return err
				case f.asJSON:
					return p.printJSON(jsonOfApproval(x))
				}
				return p.print(approvalText(x))
			})
		},
	}
	f.define(cmd.Flags(), storeFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

// approvalText shows an approval to a person. What cannot be printed is escaped, so
// that no text changes what is on the terminal.
func approvalText(a *agent.Approval) string {
	var b strings.Builder
	for line := range strings.Lines(a.Preview.Text()) {
		b.WriteString(printable(strings.TrimSuffix(line, "\n"), math.MaxInt) + "\n")
	}
	account := orDash(a.Account.Name)
	if a.Account.Title != "" {
		account += " (" + printable(a.Account.Title, 250) + ")"
	}
	fmt.Fprintf(&b, "\nAccount:  %s\nRun:      %s\nTool:     %s (%s)\nWhy:      %s\nState:    %s\nExpires:  %s\n",
		account, orDash(a.Run), visible(a.Tool), a.Effect, printable(a.Why, 200), a.State, timeText(a.Expires))
	if a.Approver != "" {
		fmt.Fprintf(&b, "By:       %s, %s\n", visible(a.Approver), timeText(a.Decided))
	}
	if a.Outcome != "" {
		fmt.Fprintf(&b, "Outcome:  %s\n", printable(a.Outcome, 500))
	}
	fmt.Fprintf(&b, "Digest:   %s\n", a.Shown)
	return b.String()
}

func (p *program) decideCommand(v agent.Verdict) *cobra.Command {
	var f accountFlags
	var as string
	cmd := &cobra.Command{
		Use:   "approve ID --as NAME",
		Short: "Approve a call",
		Long: `Approve a call: what it would do is shown, and the answer is read from the
terminal itself, not from standard input. There is no way to approve without a
terminal. The decision is on what was shown: if it is not true any more when the
program carries the call out, nothing is sent.`,
		Example: `  closekit agent approvals approve apr_… --as ben@example.com`,
		Args:    oneApproval,
		RunE: func(cmd *cobra.Command, args []string) error {
			if as == "" {
				return usage("a decision needs the name of who decides", "add --as with your name or address; it is kept with the approval and in the audit log")
			}
			return p.withApprovals(cmd.Context(), &f, func(a *agent.Agent) error {
				return p.decide(cmd.Context(), a, &f, args[0], as, v)
			})
		},
	}
	if v == agent.Reject {
		cmd.Use, cmd.Short = "deny ID --as NAME", "Deny a call"
		cmd.Long = "Deny a call. That is final: the same call in the same run is refused from then on."
		cmd.Example = "  closekit agent approvals deny apr_… --as ben@example.com"
	}
	cmd.Flags().StringVar(&as, "as", "", "`name` of the person who decides")
	f.define(cmd.Flags(), storeFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) withdrawCommand() *cobra.Command {
	var f accountFlags
	var as string
	cmd := &cobra.Command{
		Use:   "withdraw ID --as NAME",
		Short: "Take an approval back before its call is carried out",
		Long: `Take an approval back whose call has not begun. The call is denied then, and the
same call in the same run is refused from then on. If the program with the agents was
faster, nothing is taken back, and the error says what became of the call.`,
		Example: "  closekit agent approvals withdraw apr_… --as ben@example.com",
		Args:    oneApproval,
		RunE: func(cmd *cobra.Command, args []string) error {
			if as == "" {
				return usage("withdrawing needs the name of who does it", "add --as with your name or address; it is kept with the approval")
			}
			return p.withApprovals(cmd.Context(), &f, func(a *agent.Agent) error {
				x, err := approvalOf(cmd.Context(), a, args[0])
				if err != nil {
					return err
				}
				if err := a.Withdraw(cmd.Context(), x.ID, as); err != nil {
					return err
				}
				if x, err = a.Approval(cmd.Context(), x.ID); err != nil {
					return err
				}
				if f.asJSON {
					return p.printJSON(jsonOfApproval(x))
				}
				return p.print("Withdrew " + visible(x.ID) + ".\n")
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "`name` of the person who withdraws")
	f.define(cmd.Flags(), storeFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) decide(ctx context.Context, a *agent.Agent, f *accountFlags, id, as string, v agent.Verdict) error {
	x, err := approvalOf(ctx, a, id)
	if err != nil {
		return err
	}
	if x.State != agent.Pending {
		return &agent.StateError{ID: x.ID, State: x.State}
	}
	if v == agent.Approve {
		question := fmt.Sprintf("%s\nApprove exactly this, as %s? [y/N] ", approvalText(x), visible(as))
		switch yes, err := ownTerminal().ask(ctx, p.redact(question)); {
		case errors.Is(err, errNoTerminal):
			return unconfirmed("there is no terminal to ask for confirmation; nothing was decided", "approve on a terminal, or in the program with the agents")
		case err != nil:
			return err
		case !yes:
			return unconfirmed("not confirmed; nothing was decided, and the call still waits", "to deny it, run: closekit agent approvals deny "+shellWord(id)+" --as "+shellWord(as))
		}
	}
	if err := a.Decide(ctx, id, as, v, x.Shown); err != nil {
		return err
	}
	if x, err = a.Approval(ctx, id); err != nil {
		return err
	}
	if f.asJSON {
		return p.printJSON(jsonOfApproval(x))
	}
	if v == agent.Reject {
		return p.print("Denied " + visible(id) + ".\n")
	}
	return p.print("Approved " + visible(id) + ". The program with the agents carries it out when it goes on with " + visible(x.Run) + ".\n")
}

// withApprovals opens the database with an agent that only reads and decides.
func (p *program) withApprovals(ctx context.Context, f *accountFlags, work func(*agent.Agent) error) error {
	return p.withAgents(ctx, f, false, func(db *agentDB) error {
		a, err := agent.New(p.catalog, agent.WithApprovals(db.store), agent.WithVault(db.vault))
		if err != nil {
			return err
		}
		return work(a)
	})
}

func approvalOf(ctx context.Context, a *agent.Agent, id string) (*agent.Approval, error) {
	x, err := a.Approval(ctx, id)
	if errors.Is(err, agent.ErrNotFound) {
		return nil, &hinted{fmt.Errorf("there is no approval %s", visible(id)), []string{"\"closekit agent approvals list --all\" lists them"}, exitFailure}
	}
	return x, err
}

func oneApproval(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage(cmd.CommandPath()+" takes the id of one approval", "\"closekit agent approvals list\" lists them")
	}
	return nil
}
