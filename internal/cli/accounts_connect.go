package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) connectCommand() *cobra.Command {
	var f accountFlags
	var paste, newIdentity bool
	cmd := &cobra.Command{
		Use:   "connect NAME",
		Short: "Connect an account, or connect it again",
		Long: `Print the address of Close's consent page and wait for the answer. Open it in a
browser where the user is signed in to Close, and press Allow. NAME is what you
call the account from then on. An account that is connected stays so until the
new consent is complete.

There are two ways for the answer to come back:

Paste is the normal way with real Close, which takes https redirect URLs only.
It is used when the redirect URL begins with https://, and with --paste. After
the consent the browser goes to the redirect URL of the application. It does not
matter whether anything answers there: copy the address from the browser and
paste it here. It works once, for ten minutes, and only for this command.

Otherwise the browser comes back to this computer: to the redirect URL if it is
an http address with a port, and to a free port at http://127.0.0.1:PORT/callback
if there is none. That works where the application allows any such address, as
that of "closekit emulator" does without --strict and --redirect-url.

Who consents is who the account is bound to: a later consent of another Close
user, or for another organization, is refused unless --new-identity is given.
The page and what was pasted are only good for this command. It takes ten minutes
at most, and Ctrl-C gives up; a new account stays PENDING then, another one as it
is. "closekit accounts disconnect" forgets who it was bound to.`,
		Example: `  closekit accounts connect ada
  closekit accounts connect ada --redirect-url https://app.example.com/callback
  closekit accounts connect ada --tenant acme --json`,
		Args: f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			redirect := cmp.Or(f.redirect, p.getenv(envRedirectURL))
			if paste && redirect == "" {
				return usage("--paste needs the redirect URL of the OAuth application", "set "+envRedirectURL+" or --redirect-url to what the application has in Close")
			}
			paste = paste || strings.HasPrefix(redirect, "https:")
			if root, _, err := p.apiRoot(); err == nil && redirect == "" && root == closekit.DefaultBaseURL {
				return usage("Close needs to know where the browser goes after the consent, and takes https addresses only", "set "+envRedirectURL+" or --redirect-url to what the OAuth application has in Close; for an emulator set "+envBaseURL)
			}
			var opts []accounts.LinkOption
			if newIdentity {
				opts = append(opts, accounts.NewIdentity())
			}
			return p.atDesk(cmd.Context(), &f, appRequired, true, func(d *desk) error {
				return p.connect(cmd.Context(), d, &f, paste, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&paste, "paste", false, "paste the address that the browser ends at, whatever the redirect URL")
	flags.BoolVar(&newIdentity, "new-identity", false, "let the account become another Close user or organization")
	f.define(flags, nameFlags, storeFlags, appFlags, []string{"redirect-url"})
	f.defineJSON(flags)
	return cmd
}

func (p *program) connect(ctx context.Context, d *desk, f *accountFlags, paste bool, opts []accounts.LinkOption) error {
	who, err := f.principal()
	if err != nil {
		return err
	}
	begin := d.ListenLocal
	if paste {
		begin = d.PasteLocal
	}
	flow, err := begin(ctx, who, f.connectionName(), opts...)
	if err != nil {
		return err
	}
	defer flow.Close() //nolint:errcheck // there is nothing to lose
	p.showPage(flow.URL())
	var info accounts.Info
	if paste {
		info, err = p.pasted(ctx, flow)
	} else {
		p.note("Waiting for the browser to come back; Ctrl-C gives up.")
		info, err = flow.Wait(ctx)
	}
	if err != nil {
		return notConnected(f.key(), err)
	}
	if f.asJSON {
		return p.printJSON(jsonOf(info))
	}
	return p.print(fmt.Sprintf("Connected %s: user %s in organization %s, %s.\nNext: \"closekit call %s close_me_get\"\n",
		visible(f.account), visible(info.UserID), visible(info.OrganizationID), info.State, callFlags(f.key())))
}

// showPage prints an address as it is: a secret that note hides may be a part of
// it by chance, and it holds none by construction.
func (p *program) showPage(url string) {
	fmt.Fprintf(p.stderr, "Open this page in a browser and allow the access:\n\n  %s\n\n", url)
}

// notConnected explains why a consent led to nothing.
func notConnected(key accounts.Key, err error) error {
	again := "\"" + accountCommand("connect", key) + "\" begins again"
	var failed *accounts.FlowFailedError
	var unavailable *accounts.TemporarilyUnavailableError
	switch {
	case errors.Is(err, accounts.ErrNotFound):
		return &hinted{errors.New("the authorization has lapsed; it works for ten minutes"), []string{again}, exitAuthorization}
	case errors.As(err, &unavailable) && unavailable.Kind == accounts.StoreTrouble:
		return &hinted{
			errors.New("the database of accounts did not answer, so that the account was not connected"),
			[]string{"check the database (--db, " + envDB + ")", again},
			exitTransport,
		}
	case !errors.As(err, &failed):
		return err
	case failed.Reason == accounts.UserDenied:
		return &hinted{errors.New("the access was denied on the consent page; nothing was changed"), []string{again}, exitAuthorization}
	case failed.Kind == accounts.NotSent, failed.Kind == accounts.InDoubt:
		return &hinted{
			errors.New("Close was not reached, or did not answer, to exchange the code; nothing was changed"), //nolint:staticcheck // a name
			[]string{"check the network, any proxy, and the base URL (--base-url, " + envBaseURL + ")", again},
			exitTransport,
		}
	case failed.Kind == accounts.ProviderTrouble:
		return &hinted{errors.New("Close has trouble and exchanged no code; nothing was changed"), []string{again}, exitAPI} //nolint:staticcheck // a name
	}
	return &hinted{
		errors.New("Close gave no tokens for this consent; nothing was changed"), //nolint:staticcheck // a name
		[]string{"a code works once, for ten minutes, and only for the command that showed the page; --verbose says more", again},
		exitAPI,
	}
}

// maxPasted is how long an address can be.
const maxPasted = 64 << 10

// pasted reads what the user pastes until it is an answer to the flow.
func (p *program) pasted(ctx context.Context, flow *accounts.LocalFlow) (accounts.Info, error) {
	p.note("Then paste the address that the browser ended at, and press Enter; Ctrl-C gives up.")
	lines := p.lines()
	var last error
	for {
		var line string
		select {
		case l, ok := <-lines:
			if !ok {
				if last == nil {
					last = errors.New("nothing was pasted: standard input has ended")
				}
				return accounts.Info{}, &hinted{
					fmt.Errorf("%w; nothing was changed", last),
					[]string{"copy the whole address from the browser after pressing Allow; it holds code=… and state=…"},
					exitValidation,
				}
			}
			line = l
		case <-ctx.Done():
			return accounts.Info{}, context.Cause(ctx)
		}
		info, err := flow.Finish(ctx, line)
		if !wrongPaste(ctx, err) {
			return info, err
		}
		last = errors.New(strings.TrimPrefix(err.Error(), "accounts: "))
		p.note("closekit: %v; paste again", last)
	}
}

// wrongPaste reports whether the flow still waits for its answer.
func wrongPaste(ctx context.Context, err error) bool {
	var account accounts.AccountError
	return err != nil && ctx.Err() == nil && !errors.As(err, &account) && !errors.Is(err, accounts.ErrNotFound)
}

// lines gives the lines of standard input that are not blank. A read cannot be
// interrupted, so that it must not be what Ctrl-C waits for; it ends with the
// process, or with standard input.
func (p *program) lines() <-chan string {
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(io.LimitReader(p.stdin, 16*maxPasted))
		in.Buffer(nil, maxPasted)
		for in.Scan() {
			if line := strings.TrimSpace(in.Text()); line != "" {
				lines <- line
			}
		}
	}()
	return lines
}
