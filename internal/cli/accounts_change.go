package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/internal/tty"
	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) refreshCommand() *cobra.Command {
	var f accountFlags
	cmd := &cobra.Command{
		Use:   "refresh NAME",
		Short: "Renew the tokens of an account now",
		Long: `Renew the tokens of an account now, whether they are due or not. Calls renew
tokens automatically; use this to find out whether an account works. It does not
wait if the outcome of an earlier attempt is in doubt, as "show" reports: if
Close did process that attempt, the account must be connected again, although
its current token would have worked until it expires.`,
		Example: `  closekit accounts refresh ada`,
		Args:    f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withManager(cmd.Context(), &f, appRequired, false, func(m *session) error {
				before, err := m.get(cmd.Context(), &f)
				if err != nil {
					return err
				}
				late := time.AfterFunc(2*time.Second, func() {
					p.say("still waiting; another process is renewing %s, or was killed while renewing it, which takes up to 90 seconds", visible(f.account))
				})
				info, err := m.Refresh(cmd.Context(), before.Principal, before.Connection)
				late.Stop()
				switch {
				case err != nil:
					return err
				case f.asJSON:
					return p.printJSON(jsonOf(info))
				}
				return p.print(fmt.Sprintf("Renewed %s: generation %d, the token expires at %s.\n", visible(f.account), info.Generation, timeText(info.Expires)))
			})
		},
	}
	f.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) disconnectCommand() *cobra.Command {
	var f accountFlags
	var yes bool
	cmd := &cobra.Command{
		Use:   "disconnect NAME",
		Short: "Disconnect an account: erase its tokens, and revoke them at Close",
		Long: `Disconnect an account: its tokens are erased here, and the access is revoked at
Close. The name remains and can be connected again. Without --yes it asks first.

If Close does not confirm, the tokens are kept encrypted to revoke them later,
and the exit code is 6; repeat the command. A program with a running manager on
the same database retries automatically, for a day.`,
		Example: `  closekit accounts disconnect ada --yes`,
		Args:    f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withManager(cmd.Context(), &f, appRequired, false, func(m *session) error {
				info, err := m.get(cmd.Context(), &f)
				if err != nil {
					return err
				}
				if !yes {
					question := fmt.Sprintf("Disconnect %s, %s, user %s in organization %s?", visible(f.account), info.State, orDash(info.UserID), orDash(info.OrganizationID))
					if err := p.confirm(cmd.Context(), question); err != nil {
						return err
					}
				}
				return p.disconnect(cmd.Context(), m, &f, info)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) disconnect(ctx context.Context, m *session, f *accountFlags, info accounts.Info) error {
	revoked, err := m.Disconnect(ctx, info.Principal, info.Connection, accounts.AdminDisconnect)
	if err != nil {
		return err
	}
	info, err = m.get(ctx, f)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = p.printJSON(jsonOf(info))
	} else {
		err = p.print(fmt.Sprintf("Disconnected %s: its tokens are erased.\n", visible(f.account)))
	}
	if err == nil && !revoked {
		return &hinted{
			errors.New("the tokens are erased here, but Close has not confirmed that it revoked them"),
			[]string{"repeat the command, or revoke the access in Close; --verbose shows details"},
			exitTransport,
		}
	}
	return err
}

// confirm asks a question on the terminal.
func (p *program) confirm(ctx context.Context, question string) error {
	if !tty.Is(p.stdin) {
		return usage("cannot ask for confirmation: standard input is not a terminal", "add --yes if you are sure")
	}
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	switch yes, err := yesNo(ctx, p.stdin); {
	case err != nil:
		return err
	case !yes:
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}
