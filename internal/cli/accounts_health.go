package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) resealCommand() *cobra.Command {
	var f accountFlags
	cmd := &cobra.Command{
		Use:   "reseal",
		Short: "Encrypt everything with the newest key",
		Long: `Encrypt everything again that another key than the primary one encrypts, as after
"closekit accounts keygen --add": tokens, and the approvals and snapshots of agents
in the same database. It is safe while other programs use the database, and can be
repeated after an interruption. It prints how much each key encrypts, before and
after; authorizations in progress keep the old key for up to ten minutes. A log of
agents in a file is not in the database; the program with the agents seals it anew.
Remove an old key ("closekit accounts keygen --remove") when its
count is zero.`,
		Example: `  closekit accounts reseal`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withManager(cmd.Context(), &f, appUnused, false, func(m *session) error { return p.reseal(cmd.Context(), m, &f) })
		},
	}
	f.define(cmd.Flags(), storeFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) reseal(ctx context.Context, m *session, f *accountFlags) error {
	before, err := p.keyUse(ctx, m, f)
	if err != nil {
		return err
	}
	changed, failed := m.Reseal(ctx)
	if failed == nil {
		var more int
		more, failed = p.resealAgents(ctx, m, f)
		changed += more
	}
	after, err := p.keyUse(ctx, m, f)
	if err != nil {
		return errors.Join(failed, err)
	}
	if f.asJSON {
		err = p.printJSON(struct {
			Changed int              `json:"changed"`
			Primary string           `json:"primary_key"`
			Before  map[string]int64 `json:"before"`
			After   map[string]int64 `json:"after"`
		}{changed, keyName(after.primary), named(before.use), named(after.use)})
		return errors.Join(failed, err)
	}
	all := maps.Clone(before.use)
	maps.Copy(all, after.use)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tBEFORE\tAFTER\t")
	for _, id := range sortedKeys(all) {
		mark := ""
		if id == after.primary {
			mark = "primary"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", keyName(id), before.use[id], after.use[id], mark)
	}
	_ = w.Flush() // memory
	fmt.Fprintf(&b, "%d encrypted again.\n", changed)
	return errors.Join(failed, p.print(b.String()))
}

func named(use map[uint32]int64) map[string]int64 {
	out := map[string]int64{}
	for id, n := range use {
		out[keyName(id)] = n
	}
	return out
}

func (p *program) healthCommand() *cobra.Command {
	var f accountFlags
	var maxLag time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Report whether renewal works",
		Long: `Report how many accounts are in each state, what is due or pending, and which
keys are in use. It sends nothing to Close. The exit code is 1 if

  - the connection is not OK: Close refuses the client id or secret, or fails,
    or refuses suspiciously many accounts at once. This requires the client id
    and secret of the application, because the state is stored under them;
  - the outcome of an attempt to renew is in doubt;
  - a renewal is overdue for longer than --max-lag. Without a program that renews
    ahead of time, overdue renewals are normal: calls renew.

Accounts that need their user, such as REVOKED ones, are listed but do not make
the command fail.`,
		Example: `  closekit accounts health
  closekit accounts health --max-lag 1h --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if maxLag < 0 {
				return usage("--max-lag cannot be negative", seeHelp(cmd))
			}
			return p.withManager(cmd.Context(), &f, appIfGiven, false, func(m *session) error {
				h, err := m.Health(cmd.Context())
				if err != nil {
					return err
				}
				if err := knownConnection(h, f.connection); err != nil {
					return err
				}
				if !m.withApp {
					h.Connections = nil // it would be that of the placeholder
				}
				return p.reportHealth(h, problems(h, maxLag), f.asJSON)
			})
		},
	}
	cmd.Flags().DurationVar(&maxLag, "max-lag", 0, "maximum overdue time before health fails, such as `1h`; 0 disables the check")
	f.define(cmd.Flags(), []string{"connection"}, storeFlags, []string{"client-id", "client-secret-file"})
	f.defineJSON(cmd.Flags())
	return cmd
}

// knownConnection refuses the name of an unknown connection, which would always be
// healthy.
func knownConnection(h accounts.Health, name string) error {
	if name == "" || h.Stats.Accounts[name] != nil || slices.ContainsFunc(h.Connections, func(c accounts.ConnectionReport) bool {
		return c.Name == name && !c.Since.IsZero()
	}) {
		return nil
	}
	var known []string
	for _, n := range slices.Sorted(maps.Keys(h.Stats.Accounts)) {
		known = append(known, visible(n))
	}
	return usage("there is no account at the connection "+visible(name), "known connections: "+orDash(strings.Join(known, ", ")))
}

// problems lists what is wrong.
func problems(h accounts.Health, maxLag time.Duration) []string {
	list := []string{}
	for _, c := range h.Connections {
		if c.State != accounts.HealthOK {
			list = append(list, "the connection "+visible(c.Name)+" is "+healthText(c))
		}
	}
	if h.Stats.InDoubt > 0 {
		list = append(list, "in doubt: "+words.Count(int(h.Stats.InDoubt), "attempt")+" to renew")
	}
	if maxLag > 0 && h.Stats.Lag > maxLag {
		list = append(list, fmt.Sprintf("a renewal is overdue for %s", h.Stats.Lag.Round(time.Second)))
	}
	return list
}

func healthText(c accounts.ConnectionReport) string {
	if c.Code == "" {
		return string(c.State)
	}
	return fmt.Sprintf("%s (%s)", c.State, c.Code)
}

// healthJSON is the health in JSON output.
type healthJSON struct {
	Problems    []string                            `json:"problems"`
	Accounts    map[string]map[accounts.State]int64 `json:"accounts"`
	Due         int64                               `json:"due"`
	LagSeconds  float64                             `json:"lag_seconds"`
	InDoubt     int64                               `json:"in_doubt"`
	Flows       int64                               `json:"authorizations"`
	Revocations int64                               `json:"revocations"`
	Events      int64                               `json:"pending_events"`
	Primary     string                              `json:"primary_key"`
	KeyUse      map[string]int64                    `json:"key_use"`
	Connections []connectionJSON                    `json:"connections"`
}

type connectionJSON struct {
	Name  string               `json:"name"`
	State accounts.HealthState `json:"state"`
	Code  string               `json:"code"`
	Since *time.Time           `json:"since"`
}

func (p *program) reportHealth(h accounts.Health, problems []string, asJSON bool) error {
	var err error
	if asJSON {
		out := healthJSON{
			Problems: problems, Accounts: h.Stats.Accounts, Due: h.Stats.Due, LagSeconds: h.Stats.Lag.Seconds(), InDoubt: h.Stats.InDoubt,
			Flows: h.Stats.Flows, Revocations: h.Stats.Revocations, Events: h.Stats.PendingEvents,
			Primary: keyName(h.PrimaryKey), KeyUse: named(h.KeyUse), Connections: []connectionJSON{},
		}
		for _, c := range h.Connections {
			out.Connections = append(out.Connections, connectionJSON{c.Name, c.State, c.Code, jsonTime(c.Since)})
		}
		err = p.printJSON(out)
	} else {
		err = p.print(p.named(healthTable(h)))
	}
	if err == nil && len(problems) > 0 {
		return &hinted{errors.New(strings.Join(problems, "; ")), []string{"\"closekit accounts health --help\" lists what counts as a problem"}, exitFailure}
	}
	return err
}

func healthTable(h accounts.Health) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(h.Stats.Accounts) == 0 {
		fmt.Fprintln(w, "accounts\tnone")
	}
	for _, name := range slices.Sorted(maps.Keys(h.Stats.Accounts)) {
		var counts []string
		for _, s := range accounts.States() {
			if n := h.Stats.Accounts[name][s]; n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", n, s))
			}
		}
		fmt.Fprintf(w, "accounts at %s\t%s\n", visible(name), strings.Join(counts, ", "))
	}
	due := "nothing is due"
	if h.Stats.Due > 0 {
		due = fmt.Sprintf("%d due, the oldest for %s", h.Stats.Due, h.Stats.Lag.Round(time.Second))
	}
	fmt.Fprintf(w, "renewals\t%s\n", due)
	fmt.Fprintf(w, "in doubt\t%d\n", h.Stats.InDoubt)
	fmt.Fprintf(w, "pending\t%s, %s, %s\n", words.Count(int(h.Stats.Flows), "authorization"), words.Count(int(h.Stats.Revocations), "revocation"), words.Count(int(h.Stats.PendingEvents), "event"))
	for _, id := range sortedKeys(h.KeyUse) {
		mark := ", primary"
		if id != h.PrimaryKey {
			mark = ", old; see \"closekit accounts reseal\""
		}
		fmt.Fprintf(w, "key %s\t%d encrypted%s\n", keyName(id), h.KeyUse[id], mark)
	}
	if len(h.Connections) == 0 {
		fmt.Fprintf(w, "connection\tunknown without %s and %s\n", envClientID, envClientSecret)
	}
	for _, c := range h.Connections {
		since := ""
		if !c.Since.IsZero() {
			since = " since " + timeText(c.Since)
		}
		fmt.Fprintf(w, "connection %s\t%s%s\n", visible(c.Name), healthText(c), since)
	}
	_ = w.Flush() // memory
	return b.String()
}
