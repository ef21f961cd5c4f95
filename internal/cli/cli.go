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

	"github.com/closekit/closekit/runtime"
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
Developer > API Keys and put it into the environment variable CLOSE_API_KEY.`,
		Example: `  closekit demo
  closekit tools lead
  closekit call close_leads_list --query "Acme Corp" --order_by -date_updated`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return unknownCommand(cmd, args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			var text strings.Builder
			text.WriteString(cmd.Long + "\n\nAll commands:\n\n")
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					fmt.Fprintf(&text, "  %-12s %s\n", c.Name(), c.Short)
				}
			}
			text.WriteString("\n\"closekit COMMAND --help\" explains a command, with examples.\n")
			return p.print(text.String())
		},
		Version:                    runtime.Version,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&p.baseURL, "base-url", "", "root `URL` of the API, without /api/v1 (default $"+envBaseURL+" or "+runtime.DefaultBaseURL+")")
	flags.StringVar(&p.apiKey, "api-key", "", "API `key`; better put it into $"+envAPIKey+", because other users of\nthe computer can see command lines")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "log every request on standard error: tool, path, status, duration")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		p.demoCommand(), p.callCommand(), p.toolsCommand(), p.schemaCommand(), p.emulatorCommand(), p.versionCommand(),
		exitCodesTopic(), environmentTopic(),
	)
	root.SetVersionTemplate("closekit {{.Version}}\n")
	root.SetHelpTemplate(helpTemplate)
	return root
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
			return p.print("closekit " + runtime.Version + "\n")
		},
	}
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `Exit codes of closekit:

    0  done; the emulator also ends so on SIGINT and SIGTERM
    1  anything that is not below, such as a file that cannot be read or a
       demo whose effects are not really there
    2  usage: an unknown command, tool or flag, a wrong base URL
    3  the input of a tool is wrong; nothing was sent
    4  no API key, or Close refuses it (401, 403)
    5  Close answered, but not with success, or with something unreadable
    6  Close could not be reached, or the connection broke
  130  interrupted with Ctrl-C (SIGINT)
  143  ended by SIGTERM

After 6, and after 5 with a status of 500 or more, a write may have happened
all the same: look before you repeat it.`,
	}
}

func environmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Environment variables and where the API key belongs",
		Long: `Environment variables of closekit:

  CLOSE_API_KEY    API key, from Close under Settings > Developer > API Keys.
                   The key acts as its user. Prefer the variable to --api-key:
                   command lines are visible to other users of the computer
                   and end up in the history of the shell.
  CLOSE_BASE_URL   root of the API, without /api/v1; https://api.close.com when
                   empty. "closekit emulator" prints the value for itself.
  TZ               time zone in which Close reads dates without a time and
                   tells today's tasks from later ones; that of the computer
                   when empty.
  HTTPS_PROXY      proxy to go through, also HTTP_PROXY and NO_PROXY.

The flags --api-key and --base-url win over the variables. closekit never
prints a key that it was given.`,
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

// client gives a client for the key and the base URL of the user. A missing
// key shows only when something is to be sent.
func (p *program) client() (*runtime.Client, error) {
	root, from := p.baseURL, "--base-url"
	if root == "" {
		root, from = p.getenv(envBaseURL), envBaseURL
	}
	root = strings.TrimSpace(root)
	if root == "" {
		root = runtime.DefaultBaseURL
	}
	u, err := checkRoot(from, root)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" && !isLocal(u.Hostname()) {
		p.note("closekit: warning: the API key goes to %s without encryption; use https", u.Host)
	}
	_, offset := time.Now().Zone()
	opts := []runtime.Option{
		runtime.BaseURL(root), runtime.UserAgent("closekit-command"),
		runtime.TimezoneOffset(time.Duration(offset) * time.Second),
	}
	if p.verbose {
		opts = append(opts, logging.Logger(p.logger()))
	}
	return runtime.NewClient(runtime.APIKey(p.key()), opts...), nil
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
		if name, _, err := net.SplitHostPort(host); err == nil && isLocal(name) || isLocal(host) {
			scheme = "http://"
		}
		return nil, usage(fmt.Sprintf("%s %q lacks http:// or https://", from, root), "did you mean "+scheme+root+"?")
	case bare:
		return nil, usage(fmt.Sprintf("%s %q is not a web address", from, root), "give the root of the API, such as "+runtime.DefaultBaseURL)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, usage(fmt.Sprintf("%s %q must have neither ? nor #", from, root), "give the root of the API, such as "+runtime.DefaultBaseURL)
	}
	if at := strings.Index(u.Path, "/api/v1"); at >= 0 {
		short := *u
		short.Path = u.Path[:at]
		return nil, usage(fmt.Sprintf("%s %q must be the root, without /api/v1", from, root), "did you mean "+short.String()+"?")
	}
	return u, nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
