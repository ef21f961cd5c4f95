// Package cli is the command closekit. It is the only package that knows a
// command line; what it does, it does through the packages that everybody
// else uses too.
//
// [Run] is the whole program as a function of its arguments, streams and
// environment; nothing in the package is global.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/buildinfo"
	"github.com/closekit/closekit/internal/httpx"
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
	exitInterrupted   = 130
	exitTerminated    = 143
)

const (
	envAPIKey  = "CLOSE_API_KEY" //nolint:gosec // the name of a variable
	envBaseURL = "CLOSE_BASE_URL"

	envClientID     = "CLOSE_CLIENT_ID"
	envClientSecret = "CLOSE_CLIENT_SECRET"
	envRedirectURL  = "CLOSE_REDIRECT_URL"
	envDB           = "CLOSEKIT_DB"
	envStateDir     = "CLOSEKIT_STATE_DIR"
	envKey          = "CLOSEKIT_KEY"
	envKeyFile      = "CLOSEKIT_KEY_FILE"
)

// Main runs the command with the arguments, streams, environment and signals
// of the process, and gives its exit code.
func Main() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}

// interruption is why a context ended: the user, or the system, asked to stop.
type interruption struct{ signal os.Signal }

func (i interruption) Error() string { return "interrupted" }

// Unwrap makes it what everybody else asks for.
func (i interruption) Unwrap() error { return context.Canceled }

// untilSignal gives a context that ends with the first SIGINT or SIGTERM. The
// second one ends the process, as if nobody had listened.
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

// Run carries out one command line, without the name of the program, and gives
// the exit code. It reads standard input only where the command line says so,
// and ends what it does when the context ends.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
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

	// The flags that every command has.
	apiKey, baseURL string
	verbose         bool

	secrets []string // what must not be printed on standard error
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "closekit",
		Short: "Use the Close CRM from a terminal, for real or emulated",
		Long: `closekit calls the Close CRM by tools: one name for every operation, JSON in,
JSON out. It also runs an emulated Close, so that nobody needs an account to
try it or to test against it.

Try these first:

  closekit demo                   watch a sales assistant at work; needs no account
  closekit tools lead             find the tools that have to do with leads
  closekit call close_me_get      call a tool; needs CLOSE_API_KEY or the emulator

Without a Close account, start "closekit emulator" in another terminal and copy
the line that it prints. With one, create a key in Close under Settings >
Developer > API Keys and put it into the environment variable CLOSE_API_KEY; or
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
	flags.StringVar(&p.apiKey, "api-key", "", "API `key`; better put it into $"+envAPIKey+", because other users of\nthe computer can see command lines")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log every request on standard error: tool, path, status, duration")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		p.demoCommand(), p.callCommand(), p.toolsCommand(), p.schemaCommand(), p.accountsCommand(), p.emulatorCommand(), p.versionCommand(),
		exitCodesTopic(), environmentTopic(),
	)
	root.SetVersionTemplate("closekit {{.Version}}\n")
	root.SetHelpTemplate(helpTemplate)
	return root
}

// commandsOnly is for commands that do nothing without one of theirs.
func commandsOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(cmd, args[0])
}

// overview explains such a command and lists those that it has.
func (p *program) overview(cmd *cobra.Command, _ []string) error {
	return p.print(fmt.Sprintf("%s\n\nAll commands:\n\n%s\n\"%s COMMAND --help\" explains a command, with examples.\n",
		cmd.Long, commandTable(cmd), cmd.CommandPath()))
}

// helpTemplate is that of cobra with the exit codes at the end.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}
Exit codes: 0 done, 2 usage, 3 input, 4 authorization, 5 refused by Close,
6 not reached, 130 Ctrl-C, 1 anything else ("closekit help exit-codes").
{{end}}`

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  closekit version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			return p.print("closekit " + buildinfo.Text(closekit.Version) + "\n")
		},
	}
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `Exit codes of closekit:

    0  done; the emulator also ends so on SIGINT and SIGTERM
    1  anything that is not below, such as a file that cannot be read, a demo
       whose effects are not really there, a database of accounts that cannot be
       opened or was sealed with another key, or problems that "closekit accounts
       health" found
    2  usage: an unknown command, tool or flag, a wrong base URL, a setting that
       is missing, a key that is none, an OAuth application whose client id or
       secret Close refuses
    3  the input of a tool is wrong, or what was pasted after a consent; nothing
       was sent
    4  no API key, or Close refuses it (401, 403); an account that does not exist
       or needs its user to connect it, or a consent that was denied
    5  Close answered, but not with success, or with something unreadable
    6  Close could not be reached, or the connection broke; an account that
       cannot be renewed right now
  130  interrupted with Ctrl-C (SIGINT)
  143  ended by SIGTERM

After 6, and after 5 with a status of 500 or more, a write may have happened
all the same: look before you repeat it.`,
	}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Environment variables and where keys and secrets belong",
		Long: `Environment variables of closekit:

  CLOSE_API_KEY    API key, from Close under Settings > Developer > API Keys.
                   The key acts as its user. Prefer the variable to --api-key:
                   command lines are visible to other users of the computer
                   and end up in the history of the shell.
  CLOSE_BASE_URL   root of the API, without /api/v1; https://api.close.com when
                   empty. "closekit emulator" prints the value for itself. The
                   OAuth endpoints of another root than Close's are below it.
  TZ               time zone in which Close reads dates without a time and
                   tells today's tasks from later ones; that of the computer
                   when empty.
  HTTPS_PROXY      proxy to go through, also HTTP_PROXY and NO_PROXY.

For accounts that are connected through OAuth ("closekit accounts", and
"closekit call --account"):

  CLOSEKIT_DB          database with the accounts: a SQLite file, or a
                       postgres:// URL. There is no default.
  CLOSEKIT_KEY         key that seals the tokens in it, from "closekit accounts
                       keygen". Keep a copy apart from the database.
  CLOSEKIT_KEY_FILE    file with that key, instead of CLOSEKIT_KEY; only its owner
                       should be able to read it.
  CLOSEKIT_STATE_DIR   folder for the journal of renewals, which brings back
                       tokens after a crash at the wrong moment. Without it, it is
                       the name of the SQLite file with .state at the end, and with
                       PostgreSQL there is none.
  CLOSE_CLIENT_ID      client id of the OAuth application, from Close under
                       Settings > Developer, or from "closekit emulator"
  CLOSE_CLIENT_SECRET  its client secret. A flag can only name a file with it.
  CLOSE_REDIRECT_URL   its redirect URL. With https://, connecting an account means
                       to paste the address that the browser ends at.

Flags win over the variables. closekit never prints a key, secret or token that
it was given; only "closekit accounts keygen" prints a key, which it made.`,
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

// apiRoot gives the base URL of the user, without a slash at the end.
func (p *program) apiRoot() (string, *url.URL, error) {
	root, from := p.baseURL, "--base-url"
	if root == "" {
		root, from = p.getenv(envBaseURL), envBaseURL
	}
	root = strings.TrimRight(strings.TrimSpace(root), "/")
	if root == "" {
		root = closekit.DefaultBaseURL
	}
	u, err := checkRoot(from, root)
	return root, u, err
}

// client gives a client for the key and the base URL of the user. A missing
// key shows only when something is to be sent.
func (p *program) client() (*closekit.Client, error) {
	return p.clientFor(closekit.APIKey(p.key()), "API key")
}

// clientFor gives a client for the base URL of the user and any credential.
func (p *program) clientFor(source closekit.Source, what string) (*closekit.Client, error) {
	root, u, err := p.apiRoot()
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" && !httpx.IsLocal(u.Hostname()) {
		p.note("closekit: warning: the %s goes to %s without encryption; use https", what, u.Host)
	}
	_, offset := time.Now().Zone()
	opts := []closekit.Option{
		closekit.BaseURL(root), closekit.UserAgent("closekit-command"),
		closekit.TimezoneOffset(time.Duration(offset) * time.Second),
	}
	if p.verbose {
		opts = append(opts, logging.Logger(p.logger()))
	}
	return closekit.NewClient(source, opts...), nil
}

func (p *program) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// checkRoot checks the root of the API and offers the one that is meant.
func checkRoot(from, root string) (*url.URL, error) {
	u, err := url.Parse(root)
	bare := err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"
	switch {
	case strings.Contains(root, "@"):
		return nil, usage(from+" must not have a user or a password in it", "give the API key in "+envAPIKey)
	case bare && !strings.Contains(root, "://"):
		scheme := "https://"
		host, _, _ := strings.Cut(root, "/")
		if name, _, err := net.SplitHostPort(host); err == nil && httpx.IsLocal(name) || httpx.IsLocal(host) {
			scheme = "http://"
		}
		return nil, usage(fmt.Sprintf("%s %q lacks http:// or https://", from, root), "did you mean "+scheme+root+"?")
	case bare:
		return nil, usage(fmt.Sprintf("%s %q is not a web address", from, root), "give the root of the API, such as "+closekit.DefaultBaseURL)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, usage(fmt.Sprintf("%s %q must have neither ? nor #", from, root), "give the root of the API, such as "+closekit.DefaultBaseURL)
	}
	if at := strings.Index(u.Path, "/api/v1"); at >= 0 {
		short := *u
		short.Path = u.Path[:at]
		return nil, usage(fmt.Sprintf("%s %q must be the root, without /api/v1", from, root), "did you mean "+short.String()+"?")
	}
	return u, nil
}
