package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/runtime/accounts"
)

// pageSize is how much is read from the database at once.
const pageSize = 500

func (p *program) listCommand() *cobra.Command {
	var f accountFlags
	var state string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Long: `List the accounts in the database, of all tenants and connections unless
--tenant or --connection is given. With --json it is one array of objects.

The states are PENDING (never connected), VERIFYING (a program must confirm who
consented), ACTIVE, EXPIRED (it could not be renewed yet), REVOKED (Close refused
it; its user must connect again) and DISCONNECTED.`,
		Example: `  closekit accounts list
  closekit accounts list --state revoked --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			want, err := stateOf(state)
			if err != nil {
				return err
			}
			filter := accounts.ListFilter{Tenant: f.tenant, Identifier: f.account, Connection: f.connection, State: want, Limit: pageSize}
			return p.withManager(cmd.Context(), &f, appUnused, false, func(m *session) error {
				all, err := m.all(cmd.Context(), filter)
				switch {
				case err != nil:
					return err
				case f.asJSON:
					list := make([]accountJSON, 0, len(all))
					for _, info := range all {
						list = append(list, jsonOf(info))
					}
					return p.printJSON(list)
				case len(all) == 0:
					p.say("there are no such accounts")
					return nil
				}
				return p.print(accountTable(all))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&state, "state", "", "only accounts in this `state`")
	f.define(flags, nameFlags, storeFlags)
	for _, name := range nameFlags { // which are filters here, without defaults
		flags.Lookup(name).Usage = "only accounts of this `" + name + "`"
	}
	f.defineJSON(flags)
	return cmd
}

// stateWords are the states as one types them.
func stateWords() []string {
	var list []string
	for _, s := range accounts.States() {
		list = append(list, strings.ToLower(string(s)))
	}
	return list
}

func stateOf(word string) (accounts.State, error) {
	state := accounts.State(strings.ToUpper(word))
	if word == "" || slices.Contains(accounts.States(), state) {
		return state, nil
	}
	var states []string
	for _, s := range accounts.States() {
		states = append(states, string(s))
	}
	hint := "states are " + strings.Join(states, ", ")
	if near := words.Nearest(word, states); near != "" {
		hint = "did you mean " + near + "?"
	}
	return "", usage(fmt.Sprintf("there is no state %q", shorten(word)), hint)
}

// all reads all pages of a list.
func (m *session) all(ctx context.Context, filter accounts.ListFilter) ([]accounts.Info, error) {
	var all []accounts.Info
	for {
		page, err := m.List(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("read the database of accounts: %w", err)
		}
		all = append(all, page...)
		if len(page) < filter.Limit {
			return all, nil
		}
		filter.After = page[len(page)-1].ID
	}
}

func accountTable(all []accounts.Info) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tORGANIZATION\tUSER\tRENEWED\tTENANT\tCONNECTION")
	for _, i := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", visible(i.Principal.Identifier()), stateText(i.State, i.Reason),
			orDash(i.OrganizationID), orDash(i.UserID), timeText(i.Refreshed), visible(i.Principal.Tenant()), visible(i.Connection))
	}
	_ = w.Flush() // memory
	return b.String()
}

func stateText(s accounts.State, r accounts.Reason) string {
	if r == "" {
		return string(s)
	}
	return fmt.Sprintf("%s (%s)", s, r)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return visible(text)
}

// timeText formats a time in the local time zone.
func timeText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// accountJSON is an account in JSON output.
type accountJSON struct {
	ID             string               `json:"id"`
	Tenant         string               `json:"tenant"`
	Connection     string               `json:"connection"`
	Account        string               `json:"account"`
	State          accounts.State       `json:"state"`
	Reason         accounts.Reason      `json:"reason"`
	OrganizationID string               `json:"organization_id"`
	UserID         string               `json:"user_id"`
	Generation     int64                `json:"generation"`
	Expires        *time.Time           `json:"expires"`
	Due            *time.Time           `json:"due"`
	Refreshed      *time.Time           `json:"refreshed"`
	Used           *time.Time           `json:"used"`
	Created        *time.Time           `json:"created"`
	Changed        *time.Time           `json:"changed"`
	Failure        accounts.FailureKind `json:"failure"`
	Failures       int                  `json:"failures"`
	InDoubt        bool                 `json:"in_doubt"`
}

func jsonOf(i accounts.Info) accountJSON {
	return accountJSON{
		ID: i.ID, Tenant: i.Principal.Tenant(), Connection: i.Connection, Account: i.Principal.Identifier(),
		State: i.State, Reason: i.Reason, OrganizationID: i.OrganizationID, UserID: i.UserID, Generation: i.Generation,
		Expires: jsonTime(i.Expires), Due: jsonTime(i.Due), Refreshed: jsonTime(i.Refreshed), Used: jsonTime(i.Used),
		Created: jsonTime(i.Created), Changed: jsonTime(i.Changed), Failure: i.Failure, Failures: i.Failures, InDoubt: i.InDoubt,
	}
}

// jsonTime returns nil for the zero time.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// eventJSON is an event in JSON output.
type eventJSON struct {
	ID     int64              `json:"id"`
	At     time.Time          `json:"at"`
	Type   accounts.EventType `json:"type"`
	From   accounts.State     `json:"from"`
	To     accounts.State     `json:"to"`
	Reason accounts.Reason    `json:"reason"`
	Actor  string             `json:"actor"`
}

func (p *program) showCommand() *cobra.Command {
	var f accountFlags
	events := 10
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show an account",
		Long: `Show an account and its last events. It sends nothing to Close and shows no
tokens.`,
		Example: `  closekit accounts show ada
  closekit accounts show ada --events 100 --json`,
		Args: f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if events < 0 {
				return usage("--events cannot be negative", seeHelp(cmd))
			}
			return p.withManager(cmd.Context(), &f, appUnused, false, func(m *session) error {
				info, err := m.get(cmd.Context(), &f)
				if err != nil {
					return err
				}
				list, err := m.lastEvents(cmd.Context(), f.key(), events)
				if err != nil {
					return err
				}
				if !f.asJSON {
					return p.print(accountText(info, list))
				}
				out := struct {
					accountJSON
					Events []eventJSON `json:"events"`
				}{jsonOf(info), make([]eventJSON, 0, len(list))}
				for _, e := range list {
					out.Events = append(out.Events, eventJSON{e.ID, e.At.UTC(), e.Type, e.From, e.To, e.Reason, e.Actor})
				}
				return p.printJSON(out)
			})
		},
	}
	cmd.Flags().IntVar(&events, "events", events, "how many of the last events to show")
	f.define(cmd.Flags(), nameFlags, storeFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

// get reads an account.
func (m *session) get(ctx context.Context, f *accountFlags) (accounts.Info, error) {
	who, err := f.principal()
	if err != nil {
		return accounts.Info{}, err
	}
	info, err := m.Get(ctx, who, f.connectionName())
	if errors.Is(err, accounts.ErrNotFound) {
		return info, noAccount(f.key())
	}
	return info, err
}

func noAccount(k accounts.Key) error {
	return &hinted{
		fmt.Errorf("there is no account %s (tenant %s, connection %s)", visible(k.Identifier()), visible(k.Tenant()), visible(k.Connection())),
		[]string{"\"closekit accounts list\" lists the accounts, \"" + accountCommand("connect", k) + "\" connects it"},
		exitAuthorization,
	}
}

// lastEvents reads the last n events of an account, oldest first.
func (m *session) lastEvents(ctx context.Context, k accounts.Key, n int) ([]accounts.Event, error) {
	filter := accounts.EventFilter{Tenant: k.Tenant(), Identifier: k.Identifier(), Connection: k.Connection(), Limit: pageSize}
	var last []accounts.Event
	for {
		page, err := m.Events(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("read the database of accounts: %w", err)
		}
		last = append(last, page...)
		last = slices.Delete(last, 0, max(len(last)-n, 0))
		if len(page) < filter.Limit {
			return last, nil
		}
		filter.After = page[len(page)-1].ID
	}
}

func accountText(i accounts.Info, events []accounts.Event) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	failure := "-"
	if i.Failures > 0 {
		failure = fmt.Sprintf("%s, %d in a row", i.Failure, i.Failures)
	}
	doubt := "no"
	if i.InDoubt {
		doubt = "yes: the outcome of an attempt to renew is unknown"
	}
	for _, row := range [][2]string{
		{"name", visible(i.Principal.Identifier())},
		{"tenant", visible(i.Principal.Tenant())},
		{"connection", visible(i.Connection)},
		{"id", visible(i.ID)},
		{"state", stateText(i.State, i.Reason)},
		{"organization", orDash(i.OrganizationID)},
		{"user", orDash(i.UserID)},
		{"generation", fmt.Sprint(i.Generation)},
		{"token expires", timeText(i.Expires)},
		{"renewal due", timeText(i.Due)},
		{"renewed", timeText(i.Refreshed)},
		{"used", timeText(i.Used)},
		{"created", timeText(i.Created)},
		{"state since", timeText(i.Changed)},
		{"failures", failure},
		{"in doubt", doubt},
	} {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	_ = w.Flush() // memory
	if len(events) > 0 {
		b.WriteString("\nLast events:\n")
	}
	for _, e := range events {
		fmt.Fprintf(w, "  %s\t%s\t%s\tby %s\n", timeText(e.At), e.Type, eventText(e), visible(e.Actor))
	}
	_ = w.Flush() // memory
	return b.String()
}

func eventText(e accounts.Event) string {
	if e.From == e.To || e.From == "" {
		return stateText(e.To, e.Reason)
	}
	return fmt.Sprintf("%s -> %s", e.From, stateText(e.To, e.Reason))
}
