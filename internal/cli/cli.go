// Package cli is the command closekit. It is the only package with a command
// line, and uses the same public packages as any other program.
//
// [Program.Run] is the whole program as a function of its arguments, streams and
// environment; nothing in the package is global.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/apiroot"
	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/buildinfo"
	"github.com/closekit/closekit/runtime/logging"
)

// Exit codes, as the help topic exit-codes explains them.
const (
	exitOK            = 0
	exitFailure       = 1
	exitUsage         = 2
	exitValidation    = 3
	exitAuthorization = 4
	exitAPI           = 5
	exitTransport     = 6
	exitUnconfirmed   = 7
	exitPending       = 8
	exitDrift         = 9
	exitJobFailed     = 10
	exitJobGoesOn     = 11
	exitInterrupted   = 130
	exitTerminated    = 143
)

const (
	envAPIKey  = "CLOSE_API_KEY" //nolint:gosec // the name of a variable
	envBaseURL = "CLOSE_BASE_URL"
	envPolicy  = "CLOSEKIT_POLICY"
	envPlain   = "CLOSEKIT_ALLOW_PLAIN_HTTP"

	envClientID     = "CLOSE_CLIENT_ID"
	envClientSecret = "CLOSE_CLIENT_SECRET"
	envRedirectURL  = "CLOSE_REDIRECT_URL"
	envDB           = "CLOSEKIT_DB"
	envStateDir     = "CLOSEKIT_STATE_DIR"
	envKey          = "CLOSEKIT_KEY"
	envKeyFile      = "CLOSEKIT_KEY_FILE"
)

// Program is the command for a set of tools. The zero value has those of Close.
type Program struct {
	Name   string // in help and messages; closekit if it is empty
	Tools  *closekit.Catalog
	Routes []emulator.Route
}

// Main runs the command with the arguments, streams, environment and signals
// of the process, and returns its exit code.
func (c Program) Main() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return c.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}

// interruption is the cause of a context that a signal canceled.
type interruption struct{ signal os.Signal }

func (i interruption) Error() string { return "interrupted" }

// Unwrap makes errors.Is(err, context.Canceled) true.
func (i interruption) Unwrap() error { return context.Canceled }

// untilSignal returns a context that the first SIGINT or SIGTERM cancels. The
// second one ends the process, as without a handler.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(interruption{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// Run runs one command line, without the name of the program, and returns the
// exit code. It reads standard input only if the command line asks for it, and
// returns when the context is done.
func (c Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	if c.Tools == nil {
		c.Tools = tools.Catalog()
	}
	setting := func(name string) string { return strings.TrimPrefix(getenv(name), bom.Mark) } // $(cat FILE) keeps one
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, getenv: setting, name: cmp.Or(c.Name, ownName), catalog: c.Tools, routes: c.Routes}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return p.report(ctx, root.ExecuteContext(ctx))
}

// program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	name           string // of the command, in what it prints
	catalog        *closekit.Catalog
	routes         []emulator.Route

	// The flags that every command has.
	apiKey, baseURL string
	plainHosts      string
	verbose         bool

	secrets []string // what must not be printed on standard error
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   p.name,
		Short: "Use Close CRM from a terminal, against the real API or the emulator",
		Long: `closekit calls Close CRM tools by name: one tool for each operation, with JSON
input and output. It also runs an emulated Close, so that you can try it and test
against it without an account.

Try these first:

  closekit demo                   watch a sales assistant at work; needs no account
  closekit tools lead             find the tools for leads
  closekit call close_me_get      call a tool; needs CLOSE_API_KEY or the emulator

Without a Close account, start "closekit emulator" in another terminal and copy
the line that it prints. With one, create a key in Close under Settings >
Developer > API Keys and set the environment variable CLOSE_API_KEY to it; or
connect accounts of several users through OAuth, see "closekit accounts".`,
		Example: `  closekit demo
  closekit tools lead
  closekit call close_leads_list --query "Acme Corp" --order_by -date_updated`,
		Args:                       commandsOnly,
		RunE:                       p.overview,
		Version:                    buildinfo.Text(closekit.Version),
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.baseURL, "base-url", "", "root `URL` of the API, without /api/v1 (default $"+envBaseURL+" or "+closekit.DefaultBaseURL+")")
	flags.StringVar(&p.plainHosts, "allow-plain-http", "", "`host` that may be called with http:// although the network can read what is sent,\nthe key included; several are separated by commas (default $"+envPlain+")")
	flags.StringVar(&p.apiKey, "api-key", "", "API `key`; prefer $"+envAPIKey+", because other users of the\ncomputer can see command lines")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log every request on standard error: tool, path, status, duration")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		p.demoCommand(), p.callCommand(), p.apiCommand(), p.uploadCommand(), p.downloadCommand(), p.exportCommand(), p.importCommand(), p.toolsCommand(), p.schemaCommand(), p.accountsCommand(), p.agentCommand(), p.auditCommand(), p.eventsCommand(), p.orgCommand(), p.emulatorCommand(), p.versionCommand(),
		exitCodesTopic(), environmentTopic(),
	)
	if p.name == ownName { // the server has the tools of Close only
		root.AddCommand(p.mcpCommand())
	}
	p.completeFlags(root)
	root.SetVersionTemplate(p.name + " {{.Version}}\n")
	root.SetHelpTemplate(helpTemplate)
	p.nameHelp(root)
	return root
}

// commandsOnly is for commands that only group others.
func commandsOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(cmd, args[0])
}

// overview explains such a command and lists its commands.
func (p *program) overview(cmd *cobra.Command, _ []string) error {
	return p.print(fmt.Sprintf("%s\n\nAll commands:\n\n%s\n\"%s COMMAND --help\" explains a command, with examples.\n",
		cmd.Long, commandTable(cmd), cmd.CommandPath()))
}

// helpTemplate is the default of cobra with the exit codes at the end.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}
Exit codes: 0 success, 2 usage, 3 input, 4 authorization, 5 refused by Close,
6 not reached, 7 not confirmed, 8 waits for a person, 9 drift, 10 job failed,
11 job goes on, 130 Ctrl-C, 1 anything else ("{{.Root.Name}} help exit-codes").
{{end}}`

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  closekit version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return p.print(p.name + " " + buildinfo.Text(closekit.Version) + "\n")
		},
	}
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "Explain the exit codes",
		Long: `Exit codes of closekit:

    0  success; also when SIGINT or SIGTERM ends the emulator
    1  any other error: a file that cannot be read, a response that cannot be
       printed (a write has taken effect then, and the message says so), a demo
       whose effects cannot be read back, a database of accounts that cannot be
       opened or was encrypted with another key, or problems that "closekit
       accounts health" found
    2  usage: an unknown command, tool or flag, a wrong base URL, a missing
       setting, an invalid key, an OAuth application whose client id or secret
       Close refuses
    3  invalid input of a tool, or an invalid address pasted after a consent;
       nothing was sent. Lines that an import refused, while others are done
    4  no API key, or one that Close refuses (401, 403); an account that does not
       exist or that its user must connect, or a consent that was denied
    5  Close responded with an error, or with something that cannot be decoded
    6  Close could not be reached, or the connection broke; an account that
       cannot be renewed right now
    7  a call whose effect is more than write that was not confirmed, or one that
       --read-only or CLOSEKIT_POLICY forbids; nothing was sent
    8  a call of an agent that needs the approval of a person, while there is no
       terminal to ask on; nothing was sent
    9  an organization is not what its lock file says ("closekit org check")
   10  a job that failed, of a call with --wait, "closekit export --native" or
       "closekit download"
   11  a job that has not ended: --timeout has passed, or it could not be looked
       at any more; Close goes on with it
  130  interrupted with Ctrl-C (SIGINT)
  143  terminated by SIGTERM

After 6, and after 5 with a status of 500 or more, a write may still have taken
effect: check before you repeat it.`,
	}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Explain the environment variables",
		Long: `Environment variables of closekit:

  CLOSE_API_KEY    API key, from Close under Settings > Developer > API Keys.
                   The key acts as its user. Prefer the variable to --api-key:
                   other users of the computer can see command lines, and the
                   shell keeps them in its history.
  CLOSE_BASE_URL   root of the API, without /api/v1; https://api.close.com when
                   empty. "closekit emulator" prints the value for itself. The
                   OAuth endpoints of another root than Close's are below it.
  CLOSEKIT_ALLOW_PLAIN_HTTP
                   hosts, separated by commas, that the base URL may name with
                   http://, such as emulator in a network of containers. Everyone
                   on the way can read the API key then. This computer needs none.
  CLOSEKIT_POLICY  what may be sent from here, whatever flags say: read-only, or a
                   list such as destructive=deny,sends=ask. The effects are read,
                   write, overwrite, destructive, sends, egress and admin; each is
                   allowed, denied, or asked for on a terminal, which --yes does not
                   replace. What is decided on write holds for all but read, and what
                   is decided on overwrite for destructive too. Without it,
                   all but read and write ask unless --yes is given.
  TZ               time zone in which Close interprets dates without a time and
                   distinguishes today's tasks from later ones; that of the
                   computer when empty.
  HTTPS_PROXY      proxy to use, also HTTP_PROXY and NO_PROXY.

For accounts that are connected through OAuth ("closekit accounts", and
"closekit call --account"):

  CLOSEKIT_DB          database with the accounts: a SQLite file, or a
                       postgres:// URL. There is no default.
  CLOSEKIT_KEY         key that encrypts the tokens in it, from "closekit accounts
                       keygen". Keep a copy apart from the database.
  CLOSEKIT_KEY_FILE    file with that key, instead of CLOSEKIT_KEY; only its owner
                       should be able to read it.
  CLOSEKIT_STATE_DIR   folder for the journal of renewals, which recovers tokens
                       after a crash during a renewal. Defaults to the name of the
                       SQLite file with .state appended; PostgreSQL has no default.
  CLOSE_CLIENT_ID      client id of the OAuth application, from Close under
                       Settings > Developer, or from "closekit emulator"
  CLOSE_CLIENT_SECRET  its client secret. A flag can only name a file with it.
  CLOSE_REDIRECT_URL   its redirect URL. If it begins with https://, you connect an
                       account by pasting the final address of the browser.

Flags take precedence over variables. closekit never prints a key, secret or
token that it was given; only "closekit accounts keygen" prints a new key.`,
	}
}

// print writes to standard output.
func (p *program) print(text string) error {
	_, err := io.WriteString(p.stdout, text)
	if err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

// say writes a message of the program to standard error.
func (p *program) say(format string, args ...any) {
	p.note("%s: %s", p.name, p.named(fmt.Sprintf(format, args...)))
}

// note writes a line for people to standard error.
func (p *program) note(format string, args ...any) {
	fmt.Fprintln(p.stderr, p.redact(fmt.Sprintf(format, args...)))
}

func (p *program) key() string {
	if p.apiKey != "" {
		return p.apiKey
	}
	return p.getenv(envAPIKey)
}

// apiRoot returns the base URL without a trailing slash.
func (p *program) apiRoot() (string, *url.URL, error) {
	root, from := p.baseURL, "--base-url"
	if root == "" {
		root, from = p.getenv(envBaseURL), envBaseURL
	}
	root, u, err := apiroot.Parse(from, root)
	if wrong := new(apiroot.Error); errors.As(err, &wrong) {
		err = usage(wrong.What, wrong.Hint)
	}
	return root, u, err
}

// client returns a client for the API key and the base URL. A missing key is an
// error only when something is sent.
func (p *program) client() (*closekit.Client, error) {
	return p.clientFor(closekit.APIKey(p.key()), "API key")
}

// clientFor returns a client for the base URL and any credential.
func (p *program) clientFor(source closekit.Source, what string) (*closekit.Client, error) {
	root, u, err := p.apiRoot()
	if err != nil {
		return nil, err
	}
	if zone := p.getenv("TZ"); zone != "" && !knownZone(zone) {
		p.say("warning: TZ %s is not a time zone of this computer; dates are read in %s", shellWord(shorten(zone)), time.Local)
	}
	plain := p.plainHTTP()
	if exposed, allowed := apiroot.Exposed(u, plain); exposed {
		if !allowed {
			return nil, usage(fmt.Sprintf("the base URL %s is not encrypted: the network could read the %s", root, what),
				fmt.Sprintf("use https; if the network is yours, allow the host with --allow-plain-http %s or %s=%s", u.Hostname(), envPlain, u.Hostname()))
		}
		p.say("warning: the %s goes to %s without encryption", what, u.Host)
	}
	opts := []closekit.Option{
		closekit.BaseURL(root), closekit.UserAgent("closekit-command"),
		closekit.Location(time.Local), closekit.AllowPlainHTTP(plain...),
	}
	if p.verbose {
		opts = append(opts, logging.Logger(p.logger()))
	}
	return closekit.NewClient(source, opts...), nil
}

// knownZone reports whether the process can use the value of TZ. Go reads dates in
// UTC without a word if it cannot.
func knownZone(zone string) bool {
	zone = strings.TrimPrefix(zone, ":")
	if filepath.IsAbs(zone) {
		_, err := os.Stat(zone)
		return err == nil
	}
	_, err := time.LoadLocation(zone)
	return err == nil
}

// plainHTTP returns the hosts that may be called without encryption.
func (p *program) plainHTTP() []string {
	return apiroot.PlainHosts(cmp.Or(p.plainHosts, p.getenv(envPlain)))
}

func (p *program) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
