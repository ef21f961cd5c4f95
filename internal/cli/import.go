package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/records"
	"github.com/closekit/closekit/internal/organization"
)

// importFlags are the flags of import.
type importFlags struct {
	mapping         []string
	format, decimal string
	restart, yes    bool
	acc             accountFlags
}

func (p *program) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import leads FILE [--map COLUMN=FIELD] [--yes]",
		Short: "Create leads with contacts from a file",
		Long: `Create leads, with their contacts, from CSV or JSON lines.

Without --yes nothing is written: the command reads the file, looks each lead up in
Close, and prints what it would do, with the line of everything that it refuses.

A JSON line is the input of close_lead_create. In CSV, the first line names the
columns. Common names such as Company, Email or First Name are recognized, and the
command shows as what. --map "Firm=name" says it otherwise, --map "Firm=" ignores a
column. The fields are name, description, url, status, address.address_1,
address.city, address.state, address.zipcode, address.country, contact.name,
contact.first_name, contact.last_name, contact.title, contact.email, contact.phone,
contact.url, and custom.NAME or contact.custom.NAME for a custom field by its name or
id. Lines with the same name become one lead with several contacts.

A lead that exists is left as it is. It is found by the email addresses of its
contacts, or by its name; a lead of the same name with another website is refused,
because either may be meant. So are custom fields whose name is not unique, choices
that do not exist, and numbers such as 1,234 that may mean two things: --decimal
says what separates decimals.

With --yes, FILE.import.jsonl says what became of each line. The same command goes on
from there after an interruption, and skips what is done.`,
		Example: `  closekit import leads companies.csv
  closekit import leads companies.csv --map "Firm=name" --map "Branch=custom.Industry" --yes
  closekit import leads leads.jsonl --yes`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && args[0] != "leads":
				return usage(fmt.Sprintf("%q cannot be imported", shorten(args[0])), "only leads can, with their contacts")
			case len(args) != 2:
				return usage("import takes the word leads and a file", "for example closekit import leads companies.csv")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return p.importLeads(cmd, args[1], &f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.mapping, "map", nil, "`COLUMN=FIELD`: what a column of CSV is; may be repeated")
	flags.StringVar(&f.format, "format", "", "jsonl or csv (default what the name of the file ends with)")
	flags.StringVar(&f.decimal, "decimal", "", "what separates decimals in CSV: a `point or comma`, . or ,")
	flags.BoolVarP(&f.yes, "yes", "y", false, "write to Close; without it, only show what would be written")
	flags.BoolVar(&f.restart, "restart", false, "forget what an earlier run did")
	f.acc.define(flags, nameFlags, storeFlags, appFlags)
	return cmd
}

// importing is a run of import.
type importing struct {
	*program
	f       *importFlags
	tool    *closekit.Tool
	quick   *records.Finder // creates
	careful *records.Finder // creates what an earlier run may have created
	look    *records.Finder // only finds
	journal *journal        // nil if nothing is written
	counts  map[fate]int
	shown   int
}

// fate is what became of a line.
type fate string

const (
	fateCreated fate = "created"
	fateExists  fate = "exists"
	fateRefused fate = "refused"
	fateUnknown fate = "unknown" // a create without a response
)

// justNow is how far back the event log is read before a lead is created. What was
// created longer ago is found by the search, unless it lags; the file itself has no lead
// twice.
const justNow = time.Second

// errDryRun is why nothing is written.
var errDryRun = errors.New("only what exists is looked up")

func (p *program) importLeads(cmd *cobra.Command, file string, f *importFlags) error {
	ctx := cmd.Context()
	tool, err := p.catalog.Lookup("close_lead_create")
	if err != nil {
		return err
	}
	in, err := p.readImport(file, f)
	if err != nil {
		return err
	}
	if f.yes {
		line := append([]string{"import", "leads", file}, changed(cmd)...)
		a := &action{name: "the import of " + file, effects: effectsOf(closekit.Write), input: fmt.Sprintf("%d lines", len(in.rows)), line: line, account: f.acc.account}
		if err := p.permit(ctx, a, confirmFlags{yes: true}); err != nil {
			return err
		}
	}
	return p.withClient(ctx, &f.acc, func(client *closekit.Client) error {
		reader := client.With(nil, closekit.WithGuard(func(_ context.Context, r closekit.Request) error {
			if r.Method != http.MethodGet {
				return errDryRun
			}
			return nil
		}))
		m := &importing{
			program: p, f: f, tool: tool, counts: map[fate]int{},
			quick: records.NewFinder(client, justNow), careful: records.NewFinder(client, 0), look: records.NewFinder(reader, justNow),
		}
		org, err := organizationOf(ctx, client)
		if err != nil {
			return err
		}
		known, err := p.importFields(ctx, client)
		if err != nil {
			return err
		}
		leads, err := in.leads(known, f.decimal)
		if err != nil {
			return err
		}
		p.showMapping(file, in)
		if f.yes {
			if m.journal, err = openJournal(file+".import.jsonl", in.hash, org, f.restart); err != nil {
				return err
			}
			defer m.journal.close()
		}
		return m.run(ctx, leads)
	})
}

// showMapping says what the columns are taken for.
func (p *program) showMapping(file string, in *importFile) {
	for _, c := range in.columns {
		switch {
		case c.field == "" && c.guessed:
			p.say("%s: column %q is ignored; say what it is with --map", file, printable(c.name, 60))
		case c.field == "":
			p.say("%s: column %q is ignored", file, printable(c.name, 60))
		case c.guessed:
			p.say("%s: column %q is taken for %s", file, printable(c.name, 60), c.field)
		default:
			p.say("%s: column %q is %s", file, printable(c.name, 60), c.field)
		}
	}
}

func (m *importing) run(ctx context.Context, leads []*importLead) error {
	for _, l := range leads {
		var before journalEntry
		if m.journal != nil {
			before = m.journal.done[l.line]
		}
		if before.Outcome != "" && before.Outcome != fateUnknown {
			m.counts[before.Outcome]++
			continue
		}
		id, what, err := m.lead(ctx, l, before.Doing || before.Outcome == fateUnknown)
		if err != nil && what == "" {
			return m.stopped(err)
		}
		m.counts[what]++
		if err := m.tell(l, what, id, err); err != nil {
			return err
		}
		if m.journal != nil {
			e := journalEntry{Line: l.line, Outcome: what, ID: id}
			if err != nil {
				e.Reason = err.Error()
			}
			if err := m.journal.add(e); err != nil {
				return m.stopped(err)
			}
		}
	}
	return m.summary()
}

// lead looks a lead up, and creates it unless nothing is written. An error with a
// fate is one of the line; without, it ends the import.
func (m *importing) lead(ctx context.Context, l *importLead, tried bool) (id string, what fate, err error) {
	if l.refusal != "" {
		return "", fateRefused, errors.New(l.refusal)
	}
	body, err := json.Marshal(l.input)
	if err != nil {
		return "", fateRefused, err
	}
	parsed, err := m.tool.Parse(body)
	if err != nil {
		return "", fateRefused, plainProblems(err)
	}
	params, ok := parsed.(*closeapi.LeadCreateParams)
	if !ok {
		return "", "", errors.New("this program has another close_lead_create than Close")
	}
	if m.journal != nil {
		if err := m.journal.add(journalEntry{Line: l.line, Doing: true}); err != nil {
			return "", "", err
		}
	}
	for _, contact := range params.Contacts {
		for _, e := range contact.Emails {
			lead, _, err := m.look.LeadWithEmail(ctx, e.Email, *params)
			if err == nil {
				return string(lead.ID), fateExists, nil
			}
			if !errors.Is(err, errDryRun) {
				return m.sorted(err)
			}
		}
	}
	finder := m.look
	switch {
	case m.journal != nil && tried:
		finder = m.careful
	case m.journal != nil:
		finder = m.quick
	}
	lead, isNew, err := finder.LeadNamed(ctx, *params)
	switch {
	case errors.Is(err, errDryRun):
		return "", fateCreated, nil
	case err != nil:
		return m.sorted(err)
	case isNew:
		return string(lead.ID), fateCreated, nil
	case differentSite(lead.URL.Or(""), params.URL.Or("")): // it may be another company
		return "", fateRefused, fmt.Errorf("%s has this name and the website %s; is it the same company?", lead.ID, lead.URL.Or(""))
	}
	return string(lead.ID), fateExists, nil
}

// sorted returns whether an error is one of the line, or ends the import.
func (m *importing) sorted(err error) (string, fate, error) {
	var (
		invalid   *closekit.ValidationError
		ambiguous *records.AmbiguousError
		doubt     *records.InDoubtError
	)
	switch {
	case errors.As(err, &doubt):
		return "", fateUnknown, err
	case errors.As(err, &invalid):
		return "", fateRefused, plainProblems(err)
	case errors.As(err, &ambiguous), errors.Is(err, closekit.ErrBadRequest), errors.Is(err, closekit.ErrNotFound), errors.Is(err, closekit.ErrConflict):
		return "", fateRefused, err
	}
	return "", "", err
}

// plainProblems returns a validation error as one line.
func plainProblems(err error) error {
	var invalid *closekit.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	var list []string
	for _, p := range invalid.Problems {
		text := p.Path + " " + p.Expected
		if p.Received != "" {
			text += ", got " + p.Received
		}
		list = append(list, strings.TrimSpace(text))
	}
	return errors.New(strings.Join(list, "; "))
}

// differentSite reports whether two web addresses are of different hosts.
func differentSite(a, b string) bool {
	x, y := siteOf(a), siteOf(b)
	return x != "" && y != "" && x != y
}

func siteOf(address string) string {
	if address == "" {
		return ""
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// tell prints what became of a line. Of those that go well, the first are enough.
func (m *importing) tell(l *importLead, what fate, id string, err error) error {
	const most = 20
	lines := fmt.Sprintf("line %d", l.line)
	if len(l.also) > 0 {
		lines = fmt.Sprintf("lines %d, %s", l.line, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(l.also)), ", "), "[]"))
	}
	name := printable(l.name(), 80)
	var text string
	switch {
	case what == fateRefused:
		text = "refused: " + printable(err.Error(), 500)
	case what == fateUnknown:
		text = name + " may have been created; the same command finds out: " + printable(err.Error(), 300)
	case m.shown >= most:
		return nil
	case what == fateExists:
		m.shown++
		text = fmt.Sprintf("%s exists already: %s", name, id)
	case m.journal == nil:
		m.shown++
		text = fmt.Sprintf("would create %s%s", name, withContacts(l))
	default:
		m.shown++
		text = fmt.Sprintf("created %s%s: %s", name, withContacts(l), id)
	}
	text = lines + ": " + text + "\n"
	if m.shown == most && what != fateRefused && what != fateUnknown {
		text += "more of the same is counted only\n"
	}
	return m.print(m.redact(text))
}

func withContacts(l *importLead) string {
	switch n := len(l.contacts()); n {
	case 0:
		return ""
	case 1:
		return " with 1 contact"
	default:
		return fmt.Sprintf(" with %d contacts", n)
	}
}

// summary prints the counts. Lines that were refused make the command fail.
func (m *importing) summary() error {
	verb, rest := "created", ""
	if m.journal == nil {
		verb, rest = "would create", "; nothing was written"
	}
	text := fmt.Sprintf("%s %d leads; %d exist already; %d lines refused", verb, m.counts[fateCreated], m.counts[fateExists], m.counts[fateRefused])
	if n := m.counts[fateUnknown]; n > 0 {
		text += fmt.Sprintf("; %d unclear", n)
	}
	if err := m.print(text + rest + "\n"); err != nil {
		return err
	}
	switch {
	case m.counts[fateUnknown] > 0:
		return &hinted{fmt.Errorf("%d leads may or may not have been created", m.counts[fateUnknown]), []string{"run the same command again in two minutes; it finds out"}, exitTransport}
	case m.counts[fateRefused] > 0:
		return wrongInput(fmt.Sprintf("%d lines were refused", m.counts[fateRefused]), "fix them in the file; leads that exist by then are not created again")
	case m.journal == nil && m.counts[fateCreated] > 0:
		m.note("%s: hint: add --yes to write", m.name)
	}
	return nil
}

// stopped adds to an error what was done and how to go on.
func (m *importing) stopped(err error) error {
	if m.journal == nil {
		return &hinted{err, []string{"nothing was written"}, exitFailure}
	}
	return &hinted{err, []string{fmt.Sprintf("%d leads were created; %s says which, and the same command goes on from there", m.counts[fateCreated], m.journal.path)}, exitFailure}
}

// importFields returns what a column can be in this organization.
func (p *program) importFields(ctx context.Context, client *closekit.Client) (*knownFields, error) {
	k := &knownFields{}
	var err error
	if k.lead, err = customFields(ctx, client, "leads"); err != nil {
		return nil, err
	}
	if k.contact, err = customFields(ctx, client, "contacts"); err != nil {
		return nil, err
	}
	statuses, _, err := organization.LeadStatuses(ctx, client)
	for _, s := range statuses {
		k.statuses = append(k.statuses, s.Name)
	}
	return k, err
}
