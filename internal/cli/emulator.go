package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/emulator"
)

// emulatorFlags are the flags of closekit emulator.
type emulatorFlags struct {
	addr, seed                  string
	redirect                    []string
	rate, rateHeaders           string
	faults                      []string
	asJSON, strict, autoConsent bool
	extraFields, linkLocal      bool
	maxSkip                     int
}

func (p *program) emulatorCommand() *cobra.Command {
	var f emulatorFlags
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Run an emulated Close, in memory",
		Long: `Run an emulated Close: its API and its OAuth server, in memory, to try
closekit and for tests. It starts with one organization with two users, statuses,
a pipeline and two sequences, and never sends a message. Ctrl-C or SIGTERM ends
it; its data is lost then.

When ready, it prints its URL and credentials; with --json, exactly one line: an
object with base_url (the root, without /api/v1), api_key, client_id,
client_secret, authorize_url, token_url and redirect_url.

--api-key sets the key of its first user, so that clients can be configured in
advance.

--rate-limit and --fault make it respond with 429, 503 and worse, to test a client
in any language. A fault is a status or a kind (cut, malformed, html, empty, endless
or short), and settings separated by commas: method, path (* matches any text) or
tool select the requests that fail, skip is the number of those that succeed first,
times the number of those that fail (1, or all), delay a time such as 2s, header a
header such as Retry-After:5, oauth_error an error of the token endpoint, and after
performs the request before its response fails.

--seed fills it from a JSON file, for example
{"leads": [{"name": "Acme Corp", "contacts": [{"name": "Ann"}]}]}.`,
		Example: `  closekit emulator
  closekit emulator --addr 127.0.0.1:0 --json
  closekit emulator --api-key api_test --rate-limit 10/5s
  closekit emulator --fault 503,tool=close_lead_create,times=2 --fault cut,path=/api/v1/task/,times=all
  echo '{"leads": [{"name": "Acme Corp"}]}' | closekit emulator --seed -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.emulate(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 means any free one")
	flags.StringVar(&f.seed, "seed", "", "JSON `file` with leads and more to start with; - is standard input")
	flags.BoolVar(&f.asJSON, "json", false, "print one line of JSON when ready")
	flags.BoolVar(&f.strict, "strict", false, "refuse what Close itself might refuse, such as a path without its last slash")
	flags.BoolVar(&f.extraFields, "extra-fields", false, "add an undocumented key to every object in a response")
	flags.StringVar(&f.rate, "rate-limit", "", "at most N requests in each `N/TIME`, such as 10/5s, per key and group of endpoints")
	flags.StringVar(&f.rateHeaders, "rate-limit-headers", "", "`style` of the headers: "+strings.Join(rateStyleNames(), ", ")+" (default comma with --rate-limit)")
	flags.IntVar(&f.maxSkip, "max-skip", 0, "largest `offset` of a page, to test programs that read more (default 35000)")
	flags.StringArrayVar(&f.faults, "fault", nil, "make requests fail: a `status` or kind, and settings; may be repeated")
	flags.BoolVar(&f.linkLocal, "link-local-webhooks", false, "permit webhooks to link-local addresses, where clouds serve credentials")
	flags.BoolVar(&f.autoConsent, "auto-consent", false, "allow every request on the OAuth consent page at once")
	flags.StringArrayVar(&f.redirect, "redirect-url", nil, "OAuth redirect `URL` of your application; by default all https and local ones are allowed")
	return cmd
}

// endpoints are the URLs and credentials of an emulator.
type endpoints struct {
	BaseURL      string `json:"base_url"`
	APIKey       string `json:"api_key"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	AuthorizeURL string `json:"authorize_url"`
	TokenURL     string `json:"token_url"`
	RedirectURL  string `json:"redirect_url"`
}

func (p *program) emulate(cmd *cobra.Command, f *emulatorFlags) error {
	opts := emulator.Options{Strict: f.strict, ExtraFields: f.extraFields, AutoConsent: f.autoConsent, RedirectURLs: f.redirect, APIKey: p.apiKey, Routes: p.routes, LinkLocalWebhooks: f.linkLocal, MaxSkip: f.maxSkip}
	if f.maxSkip < 0 {
		return usage("--max-skip must not be negative", "leave it out for 35000, as Close has it")
	}
	if err := checkEmulated(cmd, p); err != nil {
		return err
	}
	var err error
	if opts.RateLimit, err = rateLimitOf(f.rate, f.rateHeaders); err != nil {
		return err
	}
	if p.verbose {
		opts.Logger = p.logger()
	}
	srv := emulator.New(opts)
	defer srv.Close() //nolint:errcheck // it always returns nil
	faults, err := p.faultsOf(f.faults, srv.Tools())
	if err != nil {
		return err
	}
	if err := p.seed(srv, f.seed); err != nil {
		return err
	}
	for _, fault := range faults {
		srv.Fail(fault)
	}
	if err := srv.Listen(f.addr); err != nil {
		hint := "--addr is a host and a port such as 127.0.0.1:8080; port 0 means any free one"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "another program uses the port; choose another one, or port 0 for any free one"
		}
		return &hinted{fmt.Errorf("the emulator cannot listen on %s: %w", f.addr, err), []string{hint}, exitFailure}
	}
	e := endpoints{
		srv.URL(), srv.APIKey(), srv.ClientID(), srv.ClientSecret(), srv.AuthorizeURL(), srv.TokenURL(),
		srv.URL() + "/callback", // nothing listens there, but a browser shows the code in its address
	}
	if len(f.redirect) > 0 {
		e.RedirectURL = f.redirect[0]
	}
	if srv.RedirectURLs() == nil && f.strict {
		srv.AddRedirectURL(e.RedirectURL)
	}
	if err := p.announce(&e, f.asJSON); err != nil {
		return err
	}
	<-cmd.Context().Done()
	return nil
}

func (p *program) announce(e *endpoints, asJSON bool) error {
	if asJSON {
		line, err := json.Marshal(e) //nolint:gosec // the credentials are what was asked for
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		return p.print(string(line) + "\n")
	}
	return p.print(p.named(fmt.Sprintf(`The emulator is ready. Its data is in memory only; Ctrl-C ends it.

  base URL       %s
  API key        %s
  OAuth client   %s
  OAuth secret   %s
  authorize      %s
  token          %s
  redirect       %s

To use it in another terminal:

  export CLOSE_BASE_URL=%s CLOSE_API_KEY=%s
  closekit call close_me_get

To connect accounts through OAuth with "closekit accounts", also:

  export CLOSE_CLIENT_ID=%s CLOSE_CLIENT_SECRET=%s
`, e.BaseURL, e.APIKey, e.ClientID, e.ClientSecret, e.AuthorizeURL, e.TokenURL, e.RedirectURL, e.BaseURL, e.APIKey,
		e.ClientID, e.ClientSecret)))
}

func (p *program) seed(srv *emulator.Server, name string) error {
	if name == "" {
		return nil
	}
	in := p.stdin
	where := "standard input"
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			return &hinted{fmt.Errorf("--seed: %w", err), []string{"give a JSON file, or - for standard input"}, exitFailure}
		}
		defer file.Close() //nolint:errcheck // it was only read
		in, where = file, name
	}
	if err := srv.Seed(in); err != nil {
		return &hinted{fmt.Errorf("--seed %s: %w", where, err), []string{"\"closekit emulator --help\" shows a seed"}, exitFailure}
	}
	return nil
}

// checkEmulated checks the flags of all commands, which mean something else here.
func checkEmulated(cmd *cobra.Command, p *program) error {
	flags := cmd.Flags()
	switch {
	case flags.Changed("base-url"):
		return usage("--base-url has no effect on the emulator", "--addr chooses where it listens")
	case flags.Changed("allow-plain-http"):
		return usage("--allow-plain-http has no effect on the emulator", "it is for the commands that call a host")
	case flags.Changed("api-key") && p.apiKey == "": // most often an unset variable
		return usage("--api-key is empty", "give a value, or leave the flag out")
	case strings.ContainsFunc(p.apiKey, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		return usage("--api-key must consist of printable ASCII characters without spaces and colons", "HTTP can carry no others")
	}
	return nil
}
