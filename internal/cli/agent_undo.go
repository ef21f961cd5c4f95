package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/agent"
)

func (p *program) agentUndoCommand() *cobra.Command {
	var c agentCall
	cmd := &cobra.Command{
		Use:   "undo RUN",
		Short: "Restore what a run has changed",
		Long: `Restore what a run of an agent has changed, by the audit log in the database that
the program with the agents uses (--db). It shows what can be restored and what
cannot: a field only if it still has the value that the run has set, and nothing
that was sent. Then it asks on the terminal, and asks again, with a preview, before
each call that the policy puts to a person. Without a terminal nothing is sent, and
the exit code is 8.

The calls are made as the user of CLOSE_API_KEY, or of --account, who must be the
one of the run. --plan only shows.

With --file the log is one with JSON lines. Undoing is written to it too, so the
program with the agents must be stopped, except for --plan. The key in --key-file or
the environment opens the snapshots.`,
		Example: `  closekit agent undo run_… --plan
  closekit agent undo run_… --file audit.jsonl`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" takes the id of one run", "\"closekit agent audit\" shows them")
			}
			return nil
		},
	}
	plan := cmd.Flags().Bool("plan", false, "only show what can be restored")
	file := cmd.Flags().String("file", "", "read the log in this `file`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneLog(&c.acc, *file); err != nil {
			return err
		}
		if *file != "" { // without its snapshots nothing can be restored
			if _, _, _, err := p.keyset(&c.acc); err != nil {
				return err
			}
		}
		q := agent.RunQuery{Run: args[0]}
		if *file != "" && *plan {
			records, err := p.readAuditFile(&c.acc, *file, q)
			if err != nil {
				return brokenLog(agent.ChainReport{}, err)
			}
			if c.acc.account == "" {
				c.acc = accountFlags{} // the key is used
			}
			return p.undo(cmd.Context(), &c, nil, records, args[0], true)
		}
		return p.withLog(cmd.Context(), &c.acc, *file, func(db *agentDB) error {
			records, err := db.log.Records(cmd.Context(), q)
			if err != nil {
				return err
			}
			return p.undo(cmd.Context(), &c, db, records, args[0], *plan)
		})
	}
	c.acc.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
	return cmd
}

func (p *program) undo(ctx context.Context, c *agentCall, db *agentDB, records []agent.Record, run string, onlyPlan bool) error {
	if len(records) == 0 {
		return &hinted{fmt.Errorf("the audit log has no run %s", visible(run)), []string{"\"closekit agent audit\" shows the runs"}, exitFailure}
	}
	return p.withSession(ctx, c, db, records[0].Account.Name, func(a *agent.Agent, s *agent.Session) error {
		plan, err := s.UndoPlan(ctx, records)
		if errors.Is(err, agent.ErrOtherAccount) {
			return &hinted{fmt.Errorf("the run %s is of another user than these credentials", visible(run)), []string{"name the account with --account, or set " + envAPIKey + " to a key of its user"}, exitAuthorization}
		}
		if err != nil {
			return err
		}
		if err := p.print(plan.Text()); err != nil {
			return err
		}
		restores := func(x agent.UndoStep) bool { return x.Restore != nil }
		if onlyPlan || !slices.ContainsFunc(plan.Steps, restores) {
			return nil
		}
		switch yes, err := ownTerminal().ask(ctx, p.redact(p.name+": to undo "+visible(run)+":\n\n"+lines(plan.Text())+"\nRestore what can be restored? [y/N] ")); {
		case errors.Is(err, errNoTerminal):
			return &hinted{errors.New("there is no terminal to ask on; nothing was sent"), []string{"run the same command on a terminal"}, exitPending}
		case err != nil:
			return err
		case !yes:
			return errDenied
		}
		return p.restore(ctx, a, s, records)
	})
}

// restore carries out the plan that the person has seen, as far as it is still true.
func (p *program) restore(ctx context.Context, a *agent.Agent, s *agent.Session, records []agent.Record) error {
	_, results, err := s.Undo(ctx, records)
	if err != nil {
		return err
	}
	var errs []error
	done := 0
	for _, r := range results {
		err := r.Err
		if r.Pending != nil {
			var settled *agent.Result
			if settled, err = p.settle(ctx, a, s, r.Pending); settled != nil && err == nil {
				err = settled.Err
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		done++
	}
	p.say("%d of %d calls that restore were made, as run %s", done, len(results), s.Run())
	return errors.Join(errs...)
}
