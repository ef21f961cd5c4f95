package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/organization"
	"github.com/closekit/closekit/internal/words"
)

// orgFlags are the flags of the commands of org.
type orgFlags struct {
	acc    accountFlags
	lock   string
	asJSON bool
}

func (p *program) orgCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "org",
		Short: "Keep the custom fields, statuses and pipelines of an organization in a lock file",
		Long: `Read what an organization has set up for itself, custom fields, pipelines, statuses,
types of its own and users, into a lock file that belongs into version control.
"closegen org" generates Go from it without network, and "closekit org check" tells
what has changed in Close since.`,
		Example: `  closekit org pull --lock acme.lock.json
  closekit org check --lock acme.lock.json`,
		Args: commandsOnly,
		RunE: p.overview,
	}
	cmd.AddCommand(p.orgPullCommand(), p.orgCheckCommand())
	return cmd
}

// define adds the flags that both commands have.
func (f *orgFlags) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.lock, "lock", "", "lock `file` of the organization")
	f.acc.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
}

func (p *program) orgPullCommand() *cobra.Command {
	var f orgFlags
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Write what an organization has set up to a lock file",
		Long: `Write what an organization has set up to a lock file, and tell what differs from the
file that is there. The file is JSON, sorted, with one fact on a line. Of persons it
has the ids and names of users, nothing else. Names in Go that were written into it by
hand (the members "go") stay.

A lock file of another organization is not replaced.`,
		Example: `  closekit org pull --lock acme.lock.json
  closekit org pull --lock acme.lock.json --account ada`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.orgPull(cmd.Context(), &f) },
	}
	f.define(cmd)
	return cmd
}

func (p *program) orgCheckCommand() *cobra.Command {
	var f orgFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell what has changed in an organization since its lock file",
		Long: `Compare an organization with its lock file and print a line for each difference: what
is new, gone or renamed, another type of a field, and its choices. The exit code is 0
if there is none, and 9 if there is one.`,
		Example: `  closekit org check --lock acme.lock.json
  closekit org check --lock acme.lock.json --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.orgCheck(cmd.Context(), &f) },
	}
	f.define(cmd)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// readLock reads a lock file. It is nil if there is none.
func readLock(path string) (*organization.Lock, error) {
	if path == "" {
		return nil, usage("--lock is missing", "name the file, such as --lock acme.lock.json")
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lock, err := organization.Parse(data)
	if err != nil {
		return nil, &hinted{fmt.Errorf("%s:%w", path, err), []string{"correct it, or delete it and pull again"}, exitFailure}
	}
	return lock, nil
}

func (p *program) orgPull(ctx context.Context, f *orgFlags) error {
	lock, err := readLock(f.lock)
	if err != nil {
		return err
	}
	now, err := p.readOrganization(ctx, f)
	if err != nil {
		return err
	}
	if lock != nil {
		if err := sameOrganization(f.lock, lock, now); err != nil {
			return err
		}
		now.KeepNames(&lock.Schema)
	}
	text, err := now.Encode()
	if err != nil {
		return err
	}
	if err := replaceText(f.lock, text, 0o644); err != nil {
		return err
	}
	if lock != nil {
		for _, c := range organization.Diff(&lock.Schema, now) {
			p.note("%s", c)
		}
	}
	return p.print(fmt.Sprintf("%s: %s, %s, %s, %s\n", f.lock, words.Quote(now.Organization.Name),
		words.Count(len(now.CustomFields), "custom field"), words.Count(len(now.Pipelines), "pipeline"), words.Count(len(now.Users), "user")))
}

func (p *program) orgCheck(ctx context.Context, f *orgFlags) error {
	lock, err := readLock(f.lock)
	switch {
	case err != nil:
		return err
	case lock == nil:
		return &hinted{fmt.Errorf("there is no lock file %s", f.lock), []string{"write it with closekit org pull --lock " + shellWord(f.lock)}, exitFailure}
	}
	now, err := p.readOrganization(ctx, f)
	if err != nil {
		return err
	}
	if err := sameOrganization(f.lock, lock, now); err != nil {
		return err
	}
	changes := organization.Diff(&lock.Schema, now)
	if err := p.printChanges(changes, f.asJSON); err != nil || len(changes) == 0 {
		return err
	}
	return &hinted{
		fmt.Errorf("%s and the organization differ: %s", f.lock, words.Count(len(changes), "change")),
		[]string{"take the changes over with closekit org pull --lock " + shellWord(f.lock) + ", and generate again"},
		exitDrift,
	}
}

func (p *program) printChanges(changes []organization.Change, asJSON bool) error {
	if asJSON {
		if changes == nil {
			changes = []organization.Change{}
		}
		out, err := json.MarshalIndent(changes, "", "  ")
		if err != nil {
			return err
		}
		return p.print(string(out) + "\n")
	}
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.String() + "\n")
	}
	return p.print(b.String())
}

// readOrganization reads the state in Close, and says what could not be read.
func (p *program) readOrganization(ctx context.Context, f *orgFlags) (now *organization.Schema, err error) {
	err = p.withClient(ctx, &f.acc, func(client *closekit.Client) error {
		now, err = organization.Read(ctx, client)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, u := range now.Unread {
		p.say("warning: Close does not show the %s of the organization; they are left out", strings.ReplaceAll(u, "_", " "))
	}
	return now, nil
}

// sameOrganization refuses to compare organizations: nothing of one is the same in
// another.
func sameOrganization(path string, lock *organization.Lock, now *organization.Schema) error {
	if lock.Organization.ID == now.Organization.ID {
		return nil
	}
	return &hinted{
		fmt.Errorf("%s is of the organization %s, and the credential is of %s", path, words.Quote(lock.Organization.Name), words.Quote(now.Organization.Name)),
		[]string{"use the credential of the one, or another lock file for the other"},
		exitFailure,
	}
}
