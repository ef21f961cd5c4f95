package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
)

func (p *program) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "Verify the audit log of agents",
		Long:    "Verify the audit log of agents in a file.",
		Example: "  closekit audit verify audit.jsonl",
		Args:    commandsOnly,
		RunE:    p.overview,
	}
	cmd.AddCommand(p.auditVerifyCommand())
	return cmd
}

// reportJSON is the report on an audit log in JSON.
type reportJSON struct {
	Records int64  `json:"records"`
	Erased  int64  `json:"erased"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Head    string `json:"head"`
}

func (p *program) auditVerifyCommand() *cobra.Command {
	var asJSON bool
	var head string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that the lines of a log are what was written",
		Long: `Check that every line of an audit log is what was written, and that none was
removed, inserted or moved. It needs no key. The first line that is wrong is an
error, and the exit code is 1.

Lines that were cut off the end leave no trace in a file. Keep the head that is
printed elsewhere, and give the last one with --head: it must be in the log.`,
		Example: `  closekit audit verify audit.jsonl
  closekit audit verify audit.jsonl --head 9f2c…`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(cmd.CommandPath()+" takes one file", seeHelp(cmd))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return unreadLog(err)
			}
			defer file.Close() //nolint:errcheck // it was only read
			var want agent.Digest
			if head != "" {
				if want, err = agent.ParseDigest(head); err != nil {
					return usage("--head is no head of a log: it has 64 hexadecimal digits", "give one that this command has printed")
				}
			}
			report, found, err := auditlog.VerifyWith(file, want)
			switch {
			case err != nil:
				return brokenLog(report, err)
			case head != "" && !found:
				return &hinted{
					errors.New("the log is consistent, but the head " + want.String() + " is not in it"),
					[]string{"lines were cut off its end, or pruned from its beginning, or it is another log"},
					exitFailure,
				}
			}
			return p.printReport(report, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&head, "head", "", "`digest` that an earlier verification has printed")
	return cmd
}

// brokenLog explains an error of a verification.
func brokenLog(report agent.ChainReport, err error) error {
	var broken *agent.ChainError
	if !errors.As(err, &broken) {
		return err
	}
	if report.Records == 0 {
		return &hinted{err, []string{"\"closekit audit verify\" checks a file, \"closekit agent audit --verify\" a database"}, exitFailure}
	}
	return &hinted{err, []string{fmt.Sprintf("the %d records before it are as they were written", report.Records)}, exitFailure}
}

func (p *program) printReport(r agent.ChainReport, asJSON bool) error {
	if asJSON {
		return p.printJSON(reportJSON{r.Records, r.Erased, r.First, r.Last, r.Head.String()})
	}
	text := fmt.Sprintf("%d records, as they were written", r.Records)
	if r.Erased > 0 {
		text += fmt.Sprintf("; the content of %d of them was erased", r.Erased)
	}
	if r.First > 1 {
		text += fmt.Sprintf("; %d before them were pruned", r.First-1)
	}
	return p.print(text + "\nhead " + r.Head.String() + "\n")
}

// recordJSON is a record of the audit log in JSON.
type recordJSON struct {
	Time     time.Time       `json:"time"`
	Phase    agent.Phase     `json:"phase"`
	ID       string          `json:"id"`
	Account  string          `json:"account"`
	Run      string          `json:"run"`
	Tool     string          `json:"tool"`
	Input    json.RawMessage `json:"input,omitempty"`
	Effects  []string        `json:"effects"`
	Decision string          `json:"decision"`
	Why      string          `json:"why,omitempty"`
	Approval string          `json:"approval,omitempty"`
	Approver string          `json:"approver,omitempty"`
	Result   string          `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
	IDs      []string        `json:"ids,omitempty"`
	Before   int             `json:"snapshots,omitempty"` // their number
	Millis   float64         `json:"duration_ms,omitempty"`
}

func (p *program) agentAuditCommand() *cobra.Command {
	var f accountFlags
	var q agent.RunQuery
	var verify bool
	var file string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show what agents did",
		Long: `Show the audit log in the database that the program with the agents uses (--db):
the newest 100 records, or those of a run; with --file, that of a file with JSON
lines, which needs no key. Arguments are redacted. With --verify the log is checked
instead, as "closekit audit verify" does with a file.`,
		Example: `  closekit agent audit --run run_…
  closekit agent audit --file audit.jsonl --json
  closekit agent audit --verify`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 0 {
				return usage("--limit must not be negative", "0 shows all records")
			}
			if q.Run != "" && !cmd.Flags().Changed("limit") {
				q.Limit = 0
			}
			q.Account = f.account
			if file != "" {
				switch {
				case f.db != "":
					return usage("--file and --db exclude each other", "name the log that the program with the agents writes")
				case verify:
					return usage("--verify checks a log in a database", "\"closekit audit verify "+shellWord(file)+"\" checks a file")
				}
				records, err := p.readAuditFile(&f, file, q)
				if err != nil {
					return brokenLog(agent.ChainReport{}, err)
				}
				return p.printRecords(records, f.asJSON)
			}
			return p.withAgents(cmd.Context(), &f, false, func(db *agentDB) error {
				if verify {
					report, err := db.log.Verify(cmd.Context())
					if err != nil {
						return brokenLog(report, err)
					}
					return p.printReport(report, f.asJSON)
				}
				records, err := db.log.Records(cmd.Context(), q)
				if err != nil {
					return err
				}
				return p.printRecords(records, f.asJSON)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "file", "", "read the log in this `file`")
	flags.StringVar(&q.Run, "run", "", "only the records of this `run`")
	flags.IntVar(&q.Limit, "limit", 100, "`number` of records, the newest; 0 means all")
	flags.BoolVar(&verify, "verify", false, "check that the log is what was written")
	f.define(flags, []string{"account"}, storeFlags)
	flags.Lookup("account").Usage = "only the records of this `account`"
	f.defineJSON(flags)
	return cmd
}

func (p *program) printRecords(records []agent.Record, asJSON bool) error {
	switch {
	case asJSON:
		list := make([]recordJSON, 0, len(records))
		for _, r := range records {
			list = append(list, recordJSON{
				r.Time, r.Phase, r.ID, r.Account.Name, r.Run, r.Tool, r.Input, r.Effect.Names(), r.Decision.String(), r.Why, r.Approval, r.Approver,
				r.Result, r.Error, r.IDs, len(r.Before), float64(r.Duration.Microseconds()) / 1000,
			})
		}
		return p.printJSON(list)
	case len(records) == 0:
		p.say("there are no such records")
		return nil
	}
	return p.print(recordTable(records))
}

func recordTable(records []agent.Record) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TIME\tRUN\tACCOUNT\tTOOL\tRESULT\tAPPROVER\tINPUT")
	for _, r := range records {
		result := r.Result
		if r.Phase == agent.Intent {
			result = "begins"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", timeText(r.Time), orDash(r.Run), orDash(r.Account.Name), visible(r.Tool), result, orDash(r.Approver), printable(string(r.Input), 120))
	}
	_ = w.Flush() // into memory
	return b.String()
}
