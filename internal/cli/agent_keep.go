package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/internal/words"
)

// removal is a run of a command that deletes what agents keep.
type removal struct {
	acc  accountFlags
	file string
	yes  bool
}

// removed is its report.
type removed struct {
	Approvals int `json:"approvals"`
	Records   int `json:"records"`
}

func (r *removal) define(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.file, "file", "", "only the audit log in this `file`, of a program that is stopped")
	flags.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	r.acc.define(flags, storeFlags)
	r.acc.defineJSON(flags)
}

func (p *program) pruneCommand() *cobra.Command {
	var r removal
	var age string
	var approvals, audit bool
	cmd := &cobra.Command{
		Use:   "prune --older-than AGE",
		Short: "Delete old approvals and the beginning of the audit log",
		Long: `Delete approvals that were last changed before, with the counters of limits, and the
beginning of the audit log; both from the database that the program with the agents
uses (--db). The rest of the log can be verified as before, and its last record
stays. Keep approvals for longer than a run can last: a denial that was deleted can
be asked for again. What was deleted cannot be undone any more.

It asks on the terminal. Without one nothing is deleted, and the exit code is 7;
--yes answers in advance.`,
		Example: `  closekit agent prune --older-than 30d --approvals --yes
  closekit agent prune --older-than 365d --audit --yes
  closekit agent prune --older-than 365d --file audit.jsonl --yes`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := parseAge(age)
			switch {
			case err != nil:
				return err
			case r.file != "" && approvals:
				return usage("a file has no approvals", "leave out --approvals")
			}
			both := approvals == audit
			before := time.Now().Add(-d)
			what := "what agents kept before " + timeText(before)
			return p.remove(cmd.Context(), &r, what, func(db *agentDB) (n removed, err error) {
				if (both || approvals) && r.file == "" {
					n.Approvals, err = db.store.Prune(cmd.Context(), before)
				}
				if err == nil && (both || audit) {
					n.Records, err = db.log.Prune(cmd.Context(), before)
				}
				return n, err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&age, "older-than", "", "`age` such as 30d or 36h")
	flags.BoolVar(&approvals, "approvals", false, "only approvals and counters")
	flags.BoolVar(&audit, "audit", false, "only the audit log")
	r.define(cmd)
	return cmd
}

// parseAge reads days, or a duration as Go formats it.
func parseAge(s string) (time.Duration, error) {
	hint := "give an age such as 30d or 36h"
	if s == "" {
		return 0, usage("--older-than is needed", hint)
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		if n > 36500 {
			err = strconv.ErrRange
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return 0, usage(fmt.Sprintf("--older-than: %q is no age", shorten(s)), hint)
	}
	return d, nil
}

func (p *program) eraseCommand() *cobra.Command {
	var r removal
	cmd := &cobra.Command{
		Use:   "erase ACCOUNT",
		Short: "Delete what agents keep of an account",
		Long: `Delete the approvals and counters of an account, and the content of its records in
the audit log; both from the database that the program with the agents uses (--db).
ACCOUNT is its name in the log. Positions and hashes of the records stay, so that
the log can be verified. Backups keep what was erased until they end.

It asks on the terminal. Without one nothing is deleted, and the exit code is 7;
--yes answers in advance.`,
		Example: `  closekit agent erase ada --yes
  closekit agent erase ada --file audit.jsonl --yes`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usage(cmd.CommandPath()+" takes the name of one account", "\"closekit agent audit\" shows them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.remove(cmd.Context(), &r, "everything that agents kept of "+visible(args[0]), func(db *agentDB) (n removed, err error) {
				if r.file == "" {
					n.Approvals, err = db.store.Erase(cmd.Context(), args[0])
				}
				if err == nil {
					n.Records, err = db.log.Erase(cmd.Context(), args[0])
				}
				return n, err
			})
		},
	}
	r.define(cmd)
	return cmd
}

// remove asks, deletes, and reports.
func (p *program) remove(ctx context.Context, r *removal, what string, work func(*agentDB) (removed, error)) error {
	if err := oneLog(&r.acc, r.file); err != nil {
		return err
	}
	return p.withLog(ctx, &r.acc, r.file, func(db *agentDB) error {
		if !r.yes {
			switch yes, err := ownTerminal().ask(ctx, p.redact(p.name+": this deletes "+what+" for good.\n\nGo ahead? [y/N] ")); {
			case errors.Is(err, errNoTerminal):
				return unconfirmed("there is no terminal to ask for confirmation; nothing was deleted", "if that is wanted, add --yes")
			case err != nil:
				return err
			case !yes:
				return unconfirmed("not confirmed; nothing was deleted")
			}
		}
		n, err := work(db)
		if err != nil {
			return err
		}
		if r.acc.asJSON {
			return p.printJSON(n)
		}
		if r.file != "" {
			return p.print(fmt.Sprintf("Deleted: %s.\n", words.Count(n.Records, "record")))
		}
		return p.print(fmt.Sprintf("Deleted: %s, %s.\n", words.Count(n.Approvals, "approval"), words.Count(n.Records, "record")))
	})
}

// withLog opens the audit log in a file, or the database of agents.
func (p *program) withLog(ctx context.Context, f *accountFlags, file string, work func(*agentDB) error) error {
	if file != "" {
		return p.withAuditFile(f, file, work)
	}
	return p.withAgents(ctx, f, false, work)
}
