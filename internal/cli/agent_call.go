package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/codec"
)

// agentCall is one run of "closekit agent call".
type agentCall struct {
	check, asJSON, readOnly   bool
	keep                      bool
	toolset, run              string
	now, zone, user, currency string
	acc                       accountFlags
}

func (p *program) agentCallCommand() *cobra.Command {
	var c agentCall
	cmd := &cobra.Command{
		Use:   "call TOOL [JSON | -]",
		Short: "Call a tool as an agent does",
		Long: `Call a tool as an agent does. The input is read as models write it: mistakes with
exactly one reading are repaired, and the rest is refused with a text that says
how to go on. - reads standard input. What is printed on standard output is the
text for the model.

The policy of agents decides: reads and creates are made, and what overwrites,
deletes, sends, lets data out of Close or changes the organization waits for a
person. The person is asked on the terminal, with a preview, also if standard
input and output are something else; there is no flag that answers. Without a
terminal nothing is sent, and the exit code is 8. CLOSEKIT_POLICY has the last
word ("closekit help environment").

--keep keeps what waits, and an audit log, in the database of --db. A person can
then decide later with "closekit agent approvals", and the same command with --run
carries out what was approved. --run also goes on with what a run has read and
spent.

With --check the input is only read, without the network, and the exit code is 0
whatever the verdict. What a session learns about its user is given by flags
then.`,
		Example: `  closekit agent call close_leads_list '{"Query": "acme", "limit": "5"}'
  closekit agent call close_lead_create '{"Name": "Acme Corp"}' --toolset sales --json
  echo '{"lead": "lead_x", "value": "€12,000"}' | closekit agent call close_opportunity_create - --check --currency EUR`,
		ValidArgsFunction: p.completeTool,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usage(cmd.CommandPath()+" takes a tool and its input", "put the JSON in one pair of single quotes")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.agentCall(cmd.Context(), &c, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&c.check, "check", false, "only read the input; use no network")
	flags.BoolVar(&c.asJSON, "json", false, "print an object with verdict, input, repairs and text, and of a call outcome and result")
	flags.BoolVar(&c.readOnly, "read-only", false, "send nothing that changes data or reaches a customer")
	flags.StringVar(&c.toolset, "toolset", "", p.named("offer only the tools of this `set`; \"closekit schema --help\" lists the sets"))
	flags.BoolVar(&c.keep, "keep", false, "keep approvals and the audit log in the database of --db")
	flags.StringVar(&c.run, "run", "", "go on with this `run`, which --keep has kept")
	flags.StringVar(&c.now, "now", "", "with --check, the current `time` such as 2026-03-31T15:04:05Z (default now)")
	flags.StringVar(&c.zone, "zone", "", "with --check, the time `zone` of the user such as America/New_York")
	flags.StringVar(&c.user, "user", "", "with --check, the `id` of the user, for \"me\"")
	flags.StringVar(&c.currency, "currency", "", "with --check, the `code` of the organization's currency such as USD")
	c.acc.define(flags, nameFlags, storeFlags, appFlags)
	return cmd
}

func (p *program) agentCall(ctx context.Context, c *agentCall, args []string) error {
	found, err := p.catalog.Lookup(args[0])
	if err != nil {
		return err
	}
	input := []byte("{}")
	if len(args) == 2 {
		if input, err = p.agentInput(args[1]); err != nil {
			return err
		}
	}
	if c.check {
		user, err := c.aboutUser()
		if err != nil {
			return err
		}
		return p.printReading(c, agent.Read(found, input, user))
	}
	if c.now != "" || c.zone != "" || c.user != "" || c.currency != "" {
		return usage("--now, --zone, --user and --currency require --check", "a call asks Close about the user")
	}
	if !c.keep && c.run == "" {
		return p.agentSend(ctx, c, nil, found.Name, input)
	}
	return p.withAgents(ctx, &c.acc, c.keep, func(db *agentDB) error { return p.agentSend(ctx, c, db, found.Name, input) })
}

// agentInput returns what the model wrote, JSON or not.
func (p *program) agentInput(arg string) ([]byte, error) {
	if arg != "-" {
		return []byte(arg), nil
	}
	text, err := io.ReadAll(io.LimitReader(p.stdin, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if len(text) > maxInput {
		return nil, wrongInput("standard input is larger than 64 MiB")
	}
	if text, err = bom.Text(text); err != nil {
		return nil, wrongInput("standard input: "+err.Error(), utf8Hint)
	}
	return text, nil
}

func (p *program) printReading(c *agentCall, r agent.Reading) error {
	r.Input = bom.Trim(r.Input)
	if r.Err == nil && len(bytes.TrimSpace(r.Input)) == 0 {
		r.Input = json.RawMessage("{}") // no input has no parameters
	}
	if !c.asJSON {
		text := r.Verdict + "\n"
		if r.Text != "" {
			text += r.Text + "\n"
		}
		if r.Input != nil {
			text += string(compact(r.Input)) + "\n"
		}
		return p.print(text)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return p.print(string(b) + "\n")
}

// aboutUser is what the flags tell.
func (c *agentCall) aboutUser() (u agent.User, err error) {
	u.ID, u.Currency = c.user, c.currency
	if c.now != "" {
		now, ok := codec.ParseTime(c.now)
		if !ok || codec.IsDate(c.now) {
			return u, usage("--now must be a time such as 2026-03-31T15:04:05Z")
		}
		u.Now = now
	}
	if c.zone != "" {
		if u.Zone, err = time.LoadLocation(c.zone); err != nil || c.zone == "Local" {
			return u, usage("--zone must be a time zone such as America/New_York")
		}
	}
	return u, nil
}
