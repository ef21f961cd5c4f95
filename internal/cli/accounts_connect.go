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
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) connectCommand() *cobra.Command {
	var f accountFlags
	var paste, newIdentity bool
	cmd := &cobra.Command{
		Use:   "connect NAME",
		Short: "Connect an account, or connect it again",
		Long: `Print the URL of Close's consent page and wait for the result. Open it in a
browser where the user is signed in to Close, and press Allow. NAME is your name
for the account. A connected account stays connected until the new consent is
complete.

The result comes back in one of two ways:

Paste is the usual way with Close itself, which accepts https redirect URLs only.
It is used when the redirect URL begins with https://, and with --paste. After
the consent the browser goes to the redirect URL of the application. No server
has to respond there: copy the address from the browser and paste it here. It
works once, for ten minutes, and only for this command.

Otherwise the browser comes back to this computer: to the redirect URL if it is
an http address with a port, or to a free port at http://127.0.0.1:PORT/callback
if there is none. That works if the application allows any such address, as
that of "closekit emulator" does without --strict and --redirect-url.

The account is bound to the user who consents: a later consent of another Close
user, or for another organization, is refused unless --new-identity is given.
The page and the pasted address work for this command only. It waits for up to
ten minutes, and Ctrl-C cancels it; a new account then stays PENDING, any other
one is unchanged. "closekit accounts disconnect" removes the binding.`,
		Example: `  closekit accounts connect ada
  closekit accounts connect ada --redirect-url https://app.example.com/callback
  closekit accounts connect ada --tenant acme --json`,
		Args: f.takeName,
		RunE: func(cmd *cobra.Command, _ []string) error {
			redirect := cmp.Or(f.redirect, p.getenv(envRedirectURL))
			if paste && redirect == "" {
				return usage("--paste needs the redirect URL of the OAuth application", "set "+envRedirectURL+" or --redirect-url to the one of the application in Close")
			}
			paste = paste || strings.HasPrefix(redirect, "https:")
			if root, _, err := p.apiRoot(); err == nil && redirect == "" && root == closekit.DefaultBaseURL {
				return usage("a redirect URL is required, and Close accepts https addresses only", "set "+envRedirectURL+" or --redirect-url to the one of the OAuth application in Close; for an emulator set "+envBaseURL)
			}
			var opts []accounts.LinkOption
			if newIdentity {
				opts = append(opts, accounts.NewIdentity())
			}
			return p.withManager(cmd.Context(), &f, appRequired, true, func(m *session) error {
				return p.connect(cmd.Context(), m, &f, paste, opts)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&paste, "paste", false, "paste the final address of the browser, whatever the redirect URL")
	flags.BoolVar(&newIdentity, "new-identity", false, "allow rebinding to another Close user or organization")
	f.define(flags, nameFlags, storeFlags, appFlags, []string{"redirect-url"})
	f.defineJSON(flags)
	return cmd
}

func (p *program) connect(ctx context.Context, m *session, f *accountFlags, paste bool, opts []accounts.LinkOption) error {
	who, err := f.principal()
	if err != nil {
		return err
	}
	begin := m.ListenLocal
	if paste {
		begin = m.PasteLocal
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
		p.note("Waiting for the browser to come back; Ctrl-C cancels.")
		info, err = flow.Wait(ctx)
	}
	if err != nil {
		return notConnected(f.key(), err)
	}
	if f.asJSON {
		return p.printJSON(jsonOf(info))
	}
	return p.print(p.named(fmt.Sprintf("Connected %s: user %s in organization %s, %s.\nNext: \"closekit call %s close_me_get\"\n",
		visible(f.account), visible(info.UserID), visible(info.OrganizationID), info.State, callFlags(f.key()))))
}

// showPage prints a URL unchanged: it contains no secret, but note could redact a
// part of it that equals one by chance.
func (p *program) showPage(url string) {
	fmt.Fprintf(p.stderr, "Open this page in a browser and allow the access:\n\n  %s\n\n", url)
}

// notConnected explains why a consent did not connect the account.
func notConnected(key accounts.Key, err error) error {
	again := "\"" + accountCommand("connect", key) + "\" starts over"
	var failed *accounts.FlowFailedError
	var unavailable *accounts.TemporarilyUnavailableError
	switch {
	case errors.Is(err, accounts.ErrNotFound):
		return &hinted{errors.New("the authorization has expired; it is valid for ten minutes"), []string{again}, exitAuthorization}
	case errors.As(err, &unavailable) && unavailable.Kind == accounts.StoreTrouble:
		return &hinted{
			errors.New("the database of accounts did not respond, so the account was not connected"),
			[]string{"check the database (--db, " + envDB + ")", again},
			exitTransport,
		}
	case !errors.As(err, &failed):
		return err
	case failed.Reason == accounts.UserDenied:
		return &hinted{errors.New("the access was denied on the consent page; nothing was changed"), []string{again}, exitAuthorization}
	case failed.Kind == accounts.NotSent, failed.Kind == accounts.InDoubt:
		return &hinted{
			errors.New("Close could not be reached, or did not respond, to exchange the code; nothing was changed"),
			[]string{"check the network, any proxy, and the base URL (--base-url, " + envBaseURL + ")", again},
			exitTransport,
		}
	case failed.Kind == accounts.ProviderTrouble:
		return &hinted{errors.New("Close failed to exchange the code; nothing was changed"), []string{again}, exitAPI}
	}
	return &hinted{
		errors.New("Close issued no tokens for this consent; nothing was changed"),
		[]string{"a code works once, for ten minutes, and only for the command that printed the page; --verbose shows details", again},
		exitAPI,
	}
}

// maxPasted bounds the length of a pasted address.
const maxPasted = 64 << 10

// pasted reads pasted lines until one completes the flow.
func (p *program) pasted(ctx context.Context, flow *accounts.LocalFlow) (accounts.Info, error) {
	p.note("Then paste the final address of the browser, and press Enter; Ctrl-C cancels.")
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
					[]string{"copy the whole address from the browser after pressing Allow; it contains code=… and state=…"},
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
		p.say("%v; paste again", last)
	}
}

// wrongPaste reports whether the flow can still be completed.
func wrongPaste(ctx context.Context, err error) bool {
	var account accounts.AccountError
	return err != nil && ctx.Err() == nil && !errors.As(err, &account) && !errors.Is(err, accounts.ErrNotFound)
}

// lines returns the lines of standard input that are not blank. A read cannot be
// interrupted, and Ctrl-C must not wait for it; it ends with the process, or with
// standard input.
func (p *program) lines() <-chan string {
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(io.LimitReader(p.stdin, 16*maxPasted))
		in.Buffer(nil, maxPasted)
		for in.Scan() {
			if line := strings.TrimSpace(string(bom.Trim(in.Bytes()))); line != "" {
				lines <- line
			}
		}
	}()
	return lines
}
