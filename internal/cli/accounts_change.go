package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) refreshCommand() *cobra.Command {
	var f accountFlags
	cmd := &cobra.Command{
		Use:   "refresh NAME",
		Short: "Renew the tokens of an account now",
		Long: `Renew the tokens of an account now, whether they are due or not. Calls do so by
themselves when they need to; this is for finding out whether an account works.
It sends even what waits because an earlier attempt is in doubt, as "show" says:
if Close has that attempt after all, the account must be connected again, though
its token would have worked for the rest of its hour.`,
		Example: `  closekit accounts refresh ada`,
		Args:    f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), &f, appRequired, false, func(d *desk) error {
				before, err := d.get(cmd.Context(), &f)
				if err != nil {
					return err
				}
				late := time.AfterFunc(2*time.Second, func() {
					p.note("closekit: still waiting; another process renews %s, or was killed while it did, which takes up to 90 seconds", visible(f.account))
				})
				info, err := d.Refresh(cmd.Context(), before.Principal, before.Connection)
				late.Stop()
				switch {
				case err != nil:
					return err
				case f.asJSON:
					return p.printJSON(jsonOf(info))
				}
				return p.print(fmt.Sprintf("Renewed %s: generation %d, the token ends at %s.\n", visible(f.account), info.Generation, timeText(info.Expires)))
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
		Short: "End an account: erase its tokens, and revoke them at Close",
		Long: `End an account: its tokens are erased here, and the access is revoked at Close.
The name stays, and can be connected again. Without --yes it asks first.

When Close does not confirm, the tokens are kept sealed for revoking them later,
and the exit code is 6; repeat the command. A program with a running manager on
the same database does so by itself, for a day.`,
		Example: `  closekit accounts disconnect ada --yes`,
		Args:    f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atDesk(cmd.Context(), &f, appRequired, false, func(d *desk) error {
				info, err := d.get(cmd.Context(), &f)
				if err != nil {
					return err
				}
				if !yes {
					question := fmt.Sprintf("Disconnect %s, %s, user %s in organization %s?", visible(f.account), info.State, orDash(info.UserID), orDash(info.OrganizationID))
					if err := p.confirm(cmd.Context(), question); err != nil {
						return err
					}
				}
				return p.disconnect(cmd.Context(), d, &f, info)
			})
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.define(cmd.Flags(), nameFlags, storeFlags, appFlags)
	f.defineJSON(cmd.Flags())
	return cmd
}

func (p *program) disconnect(ctx context.Context, d *desk, f *accountFlags, info accounts.Info) error {
	revoked, err := d.Disconnect(ctx, info.Principal, info.Connection, accounts.AdminDisconnect)
	if err != nil {
		return err
	}
	info, err = d.get(ctx, f)
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
			[]string{"repeat the command, or end the access in Close; --verbose says more"},
			exitTransport,
		}
	}
	return err
}

// confirm asks a question on the terminal.
func (p *program) confirm(ctx context.Context, question string) error {
	if !isTerminal(p.stdin) {
		return usage("nobody is there to ask: standard input is no terminal", "add --yes if you are sure")
	}
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // a read cannot be interrupted, and must not be what Ctrl-C waits for
		line, _ := bufio.NewReader(io.LimitReader(p.stdin, 1<<10)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case word := <-answer:
		if word == "y" || word == "yes" {
			return nil
		}
		return errors.New("not confirmed; nothing was changed")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isTerminal reports whether a stream is one where somebody can be asked.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too, and what services have
	return err != nil || !os.SameFile(info, null)
}
