package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/examples/assistant/demo"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/runtime/accounts"
)

// hinted is an error with hints for the user and its exit code.
type hinted struct {
	err   error
	hints []string
	code  int
}

func (h *hinted) Error() string { return h.err.Error() }

func (h *hinted) Unwrap() error { return h.err }

// usage returns an error about a wrong command line.
func usage(what string, hints ...string) error {
	return &hinted{errors.New(what), hints, exitUsage}
}

// wrongInput returns an error about tool input, of which nothing was sent.
func wrongInput(what string, hints ...string) error {
	return &hinted{errors.New(what), hints, exitValidation}
}

// diagnosis is what the user reads.
type diagnosis struct {
	errors  []string
	hints   []string
	code    int
	account *accounts.Key // that made the call; nil for an API key
}

// accountCallError is the error of a call that was made as a connected account.
type accountCallError struct {
	error
	key accounts.Key
}

func (a *accountCallError) Unwrap() error { return a.error }

func (d *diagnosis) hint(format string, args ...any) {
	d.hints = append(d.hints, fmt.Sprintf(format, args...))
}

// report prints an error and returns the exit code.
func (p *program) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	d := diagnose(ctx, err)
	for _, e := range d.errors {
		if rest, ok := strings.CutPrefix(e, ownName+" "); ok { // the rest may be data
			e = p.name + " " + rest
		}
		e = strings.Replace(e, "; usage: "+ownName+" ", "; usage: "+p.name+" ", 1)
		p.note("%s: error: %s", p.name, strings.ReplaceAll(e, "\n", "\n  "))
	}
	seen := map[string]bool{}
	for _, h := range d.hints {
		if !seen[h] {
			p.note("%s: hint: %s", p.name, p.named(h))
		}
		seen[h] = true
	}
	return d.code
}

// diagnose finds messages and an exit code for an error.
func diagnose(ctx context.Context, err error) *diagnosis {
	d := &diagnosis{errors: []string{err.Error()}, code: exitFailure}
	h := new(hinted)
	if errors.As(err, &h) {
		d.hints, d.code = append(d.hints, h.hints...), h.code
	}
	var (
		unknown    *closekit.UnknownToolError
		invalid    *closekit.ValidationError
		differs    *closekit.CountError
		unsorted   *closekit.UnsortedError
		noAuth     *closekit.AuthorizationError
		page       *closekit.PageError
		refused    *closekit.Error
		unreadable *closekit.DecodeError
		unreached  *closekit.TransportError
		as         *accountCallError
		account    accounts.AccountError
		job        *closekit.JobError
		left       *demo.CleanupError
		goesOn     *goesOnError
	)
	if errors.As(err, &left) {
		d.hint("look in Close for leads named \"closekit demo …\" and delete them")
	}
	if errors.As(err, &as) {
		d.account = &as.key
	}
	switch {
	case ctx.Err() != nil:
		d.interrupted(ctx, err)
	case errors.As(err, &unknown):
		d.code = exitUsage
		d.hint("\"closekit tools\" lists all tools, \"closekit tools WORD\" searches them")
	case errors.As(err, &invalid):
		d.invalid(err, invalid)
	case errors.As(err, &differs):
		d.code = exitValidation
		d.hint("count with close_search, and give the number as --confirm_count if it is meant")
	case errors.As(err, &unsorted):
		d.code = exitValidation
		d.hint("add --sort, or narrow the query")
	case errors.Is(err, closekit.ErrEverything):
		d.code = exitValidation
		d.hint("--confirm_everything if all of them are meant")
	case errors.Is(err, closekit.ErrNeedsOAuth):
		d.code = exitAuthorization
		d.hint("run \"closekit accounts connect NAME\", then add --account NAME")
	case errors.As(err, &noAuth):
		d.code = exitAuthorization
		d.hint("set %s to an API key; create one in Close under Settings > Developer > API Keys", envAPIKey)
		d.hint("no Close account? \"closekit demo\" needs none, and \"closekit emulator\" prints a key of its own")
	case errors.As(err, &account):
		d.accountTrouble(account)
	case errors.Is(err, closekit.ErrSkipLimit), errors.As(err, &page):
		d.code = exitAPI
	case errors.As(err, &refused):
		d.refused(refused)
	case errors.As(err, &unreadable):
		d.code = exitAPI
		if !strings.Contains(unreadable.ContentType, "json") || strings.Contains(unreadable.Err.Error(), "larger than") {
			d.hint("is the base URL really the root of Close's API? Without --base-url and %s closekit uses %s", envBaseURL, closekit.DefaultBaseURL)
		}
	case errors.As(err, &job):
		d.code = exitJobFailed
	case errors.As(err, &unreached):
		d.code = exitTransport
		d.unreached(unreached.Err)
	}
	if ctx.Err() == nil && errors.As(err, &goesOn) {
		d.code = exitJobGoesOn
	}
	d.doubt(err)
	return d
}

// doubt says that a write may have taken effect, whatever else has failed.
func (d *diagnosis) doubt(err error) {
	if !closekit.MaybeDone(err) {
		return
	}
	for i, text := range d.errors {
		d.errors[i] = strings.Replace(text, " (the request may have succeeded; check before you repeat it)", "", 1)
	}
	d.hint("%s may still have taken effect; check before you repeat it", failed(err))
}

// failed returns the name of the call that failed.
func failed(err error) string {
	var (
		refused    *closekit.Error
		unreached  *closekit.TransportError
		unreadable *closekit.DecodeError
		tool, call string
	)
	switch {
	case errors.As(err, &refused):
		tool, call = refused.Tool, refused.Method+" "+refused.Path
	case errors.As(err, &unreached):
		tool, call = unreached.Tool, unreached.Method+" "+unreached.Path
	case errors.As(err, &unreadable):
		tool = unreadable.Tool
	}
	return cmp.Or(tool, call, "the call")
}

// interrupted explains what a signal cut off.
func (d *diagnosis) interrupted(ctx context.Context, err error) {
	var (
		stop interruption
		left *demo.CleanupError
	)
	d.errors, d.code = []string{"interrupted"}, exitInterrupted
	if errors.As(context.Cause(ctx), &stop) && stop.signal == syscall.SIGTERM {
		d.errors, d.code = []string{"terminated"}, exitTerminated
	}
	if errors.As(err, &left) {
		d.errors = append(d.errors, left.Error())
	}
}

// invalid puts every problem on a line of its own.
func (d *diagnosis) invalid(err error, invalid *closekit.ValidationError) {
	d.code, d.errors = exitValidation, nil
	context := strings.TrimSuffix(err.Error(), invalid.Error()) + invalid.Tool
	for _, problem := range invalid.Problems {
		line := context + ": "
		if problem.Path != "" {
			line += problem.Path + " "
		}
		line += problem.Expected
		if problem.Received != "" {
			line += ", got " + problem.Received
		}
		d.errors = append(d.errors, line)
		if problem.Hint != "" {
			if problem.Path != "" && len(invalid.Problems) > 1 {
				d.hint("%s: %s", problem.Path, problem.Hint)
			} else {
				d.hint("%s", problem.Hint)
			}
		}
	}
	d.hint("nothing was sent; \"closekit call %s --help\" explains the parameters", invalid.Tool)
}

// refused explains an error response.
func (d *diagnosis) refused(e *closekit.Error) {
	d.code = exitAPI
	if e.Hint != "" {
		// The message has the hint in parentheses.
		d.errors[0] = strings.Replace(d.errors[0], " ("+e.Hint+")", "", 1)
	}
	switch {
	case d.account != nil && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden):
		d.code = exitAuthorization
		d.hint("the account %s may lack %s; \"%s\" finds out whether its access still works", visible(d.account.Identifier()), cmp.Or(e.Right, "the permission"), accountCommand("refresh", *d.account))
	case e.Status == http.StatusUnauthorized:
		d.code = exitAuthorization
		d.hint("check %s: copy the key again from Close under Settings > Developer > API Keys", envAPIKey)
		d.hint("a key of the emulator works only with the emulator that printed it")
	case e.Status == http.StatusForbidden:
		d.code = exitAuthorization
		d.hint("%s; the key acts as its user, so ask an administrator of the organization", e.Hint)
	case e.Hint != "":
		d.hint("%s", e.Hint)
	}
	if e.Status == http.StatusTooManyRequests && e.RetryAfter > 0 {
		d.hint("Close asks you to wait for %s", e.RetryAfter.Round(time.Second))
	}
}

// unreached explains why there was no response.
func (d *diagnosis) unreached(err error) {
	var (
		name    *net.DNSError
		unknown x509.UnknownAuthorityError
		wrong   x509.HostnameError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		d.hint("the proxy cannot be reached: check HTTPS_PROXY and HTTP_PROXY; NO_PROXY lists hosts that need none")
	case strings.Contains(err.Error(), "base URL"):
		d.hint("check the base URL (--base-url, %s); without one closekit uses %s", envBaseURL, closekit.DefaultBaseURL)
	case errors.Is(err, syscall.ECONNREFUSED):
		d.hint("nothing listens there: is \"closekit emulator\" still running, and is the base URL (--base-url, %s) the one that it printed?", envBaseURL)
	case errors.As(err, &name):
		d.hint("the host name %q cannot be found: check the base URL (--base-url, %s) and the network", name.Name, envBaseURL)
	case errors.As(err, &unknown), errors.As(err, &wrong):
		d.hint("check the base URL (--base-url, %s) and any proxy between here and Close", envBaseURL)
	case strings.Contains(err.Error(), "redirect"):
		d.hint("check the base URL (--base-url, %s); Close itself is at %s", envBaseURL, closekit.DefaultBaseURL)
	default:
		d.hint("check the network, any proxy, and the base URL (--base-url, %s)", envBaseURL)
	}
}

// accountTrouble explains in terms of the command line what an account needs.
func (d *diagnosis) accountTrouble(err accounts.AccountError) {
	var (
		authorization *accounts.AuthorizationRequiredError
		verification  *accounts.VerificationRequiredError
		unavailable   *accounts.TemporarilyUnavailableError
		config        *accounts.ConnectionConfigError
		identity      *accounts.IdentityMismatchError
		rejected      *accounts.ProviderRejectedError
	)
	switch {
	case errors.As(err, &authorization):
		d.code = exitAuthorization
		d.hint("run \"%s\"", accountCommand("connect", authorization.Key))
	case errors.As(err, &verification):
		d.code = exitAuthorization
		d.hint("the program that created the link must confirm it; \"%s\" starts over", accountCommand("connect", verification.Key))
	case errors.As(err, &unavailable):
		d.code = exitTransport
		switch unavailable.Kind {
		case accounts.StoreTrouble:
			d.hint("the database of accounts does not respond, or is busy: check it (--db, %s)", envDB)
		default:
			d.hint("the account itself is fine; \"%s\" shows details", accountCommand("show", unavailable.Key))
		}
		if unavailable.Kind == accounts.NotSent {
			d.hint("Close could not be reached: check the network, any proxy, and the base URL (--base-url, %s)", envBaseURL)
		}
	case errors.As(err, &config):
		d.code = exitUsage
		d.hint("check %s and %s; the application of an emulator works only with the emulator that printed it", envClientID, envClientSecret)
	case errors.As(err, &identity):
		d.code = exitAuthorization
		d.hint("sign in to Close as the user that the account is bound to, or rebind it with \"%s\"", accountCommand("connect --new-identity", identity.Key))
	case errors.As(err, &rejected):
		d.code = exitAuthorization
	default: // the tokens cannot be decrypted without another key
		d.hint("check %s and %s; \"closekit accounts health\" shows which keys are in use", envKey, envKeyFile)
	}
}

var keyPattern = regexp.MustCompile(`\bapi_[A-Za-z0-9]{6,}(\.[A-Za-z0-9]+)?`)

// hide keeps a secret out of standard error.
func (p *program) hide(secret string) {
	if len(secret) >= 4 { // shorter ones occur in any text
		p.secrets = append(p.secrets, secret)
	}
}

// redact removes API keys from a message, also one that the user put in a wrong
// place. No message should contain the other secrets; this is the second line of
// defense.
func (p *program) redact(s string) string {
	for _, secret := range p.secrets {
		s = strings.ReplaceAll(s, secret, "[redacted]")
	}
	if key := strings.TrimSpace(p.key()); len(key) >= 6 {
		s = strings.ReplaceAll(s, key, "[redacted]")
	}
	return keyPattern.ReplaceAllString(s, "[redacted]")
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Sprintf("%s takes no argument, got %q", cmd.CommandPath(), args[0]), seeHelp(cmd))
	}
	return nil
}

func seeHelp(cmd *cobra.Command) string { return "see \"" + cmd.CommandPath() + " --help\"" }

func unknownCommand(cmd *cobra.Command, name string) error {
	if strings.HasPrefix(name, "close_") {
		return usage(fmt.Sprintf("unknown command %q", name), "call a tool with \"closekit call "+name+"\"")
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	hint := "\"" + cmd.CommandPath() + "\" alone lists the commands"
	if near := nearest(name, names); near != "" {
		hint = "did you mean \"" + cmd.CommandPath() + " " + near + "\"?"
	}
	return usage(fmt.Sprintf("unknown command %q", name), hint)
}

// risky are the flags and commands that do what the ones beside them do not: act on
// a real account, leave a question out, remove something.
var risky = []string{"--live", "--yes", "--remove", "--new-identity", "--auto-consent", "--allow-plain-http", "disconnect"}

// nearest returns the flag or command that is nearest to a wrong one. Only a
// misspelling suggests one that is risky.
func nearest(name string, names []string) string {
	plain := make([]string, len(names))
	for i, n := range names {
		plain[i] = strings.TrimLeft(n, "-")
	}
	if near := words.Misspelled(strings.TrimLeft(strings.ToLower(name), "-"), plain); near != "" {
		return names[slices.Index(plain, near)]
	}
	return words.Nearest(name, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(risky, n) }))
}

// flagError rewrites errors of the flag package. It omits values: one of them may
// be a key.
func flagError(cmd *cobra.Command, err error) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	what := err.Error()
	if name, ok := strings.CutPrefix(what, "unknown flag: "); ok {
		hint := seeHelp(cmd)
		if near := nearest(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return usage("unknown flag "+name, hint)
	}
	what, _, _ = strings.Cut(what, ": strconv.") // Go's own text adds nothing
	return usage(what, seeHelp(cmd))
}
