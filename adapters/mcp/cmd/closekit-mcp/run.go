package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/internal/apiroot"
	"github.com/closekit/closekit/internal/buildinfo"
	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/internal/tty"
	"github.com/closekit/closekit/internal/words"
)

const (
	envAPIKey  = "CLOSE_API_KEY" //nolint:gosec // the name of a variable
	envBaseURL = "CLOSE_BASE_URL"
	envPlain   = "CLOSEKIT_ALLOW_PLAIN_HTTP"
	envPolicy  = "CLOSEKIT_POLICY"
	envToken   = "CLOSEKIT_MCP_TOKEN" //nolint:gosec // the name of a variable
)

const usage = `closekit-mcp serves the tools of Close CRM to MCP clients.

  closekit-mcp --toolset sales         over standard input and output
  closekit-mcp --toolset sales --http 127.0.0.1:8765
                                       over HTTP, at /mcp or the path of --url, for the
                                       holder of a token
  closekit-mcp --toolset sales --page 127.0.0.1:8766
                                       with a page in your browser for what you must decide;
                                       only a terminal is told its address
  closekit-mcp version                 prints the version

Without --toolset or --meta, a client gets all tools; VS Code and the models of OpenAI
take 128 at most.

Environment: CLOSE_API_KEY (needed), CLOSE_BASE_URL, CLOSEKIT_ALLOW_PLAIN_HTTP (hosts),
CLOSEKIT_POLICY, and for HTTP CLOSEKIT_MCP_TOKEN, the bearer token of 16 bytes or more
that clients must send; without it, one is made and printed.

`

// Exit codes, as those of closekit.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

type flags struct {
	apiKey, baseURL, http, url, page, policy, pattern string
	toolsets                                          []string
	readOnly, meta, structured, verbose, version      bool
	openPage                                          bool
}

func parse(args []string, stdout io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("closekit-mcp", flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are printed once, by run
	set.Usage = func() {}
	set.StringVar(&f.apiKey, "api-key", "", "API `key`; prefer $"+envAPIKey+", because other users of the computer can see command lines")
	set.StringVar(&f.baseURL, "base-url", "", "root `URL` of the API, without /api/v1")
	set.StringVar(&f.http, "http", "", "serve HTTP at this `address`, such as 127.0.0.1:8765")
	set.StringVar(&f.url, "url", "", "`URL` that clients use for --http, if it is another than the address, such as behind a proxy with TLS; its path is served here too, so the proxy must keep it")
	set.StringVar(&f.page, "page", "", "serve a page for decisions at this `address` of this computer, such as 127.0.0.1:8766, for clients that open pages instead of forms")
	set.BoolVar(&f.openPage, "open-page", false, "open the page of --page in your browser when a client cannot ask you, nor open it")
	set.Func("toolset", "offer the tools of this `set`, such as sales; can be repeated (default all tools)", func(s string) error {
		f.toolsets = append(f.toolsets, s)
		return nil
	})
	set.StringVar(&f.pattern, "tools", "", "offer the tools that match this `pattern`, such as 'close_*_list'")
	set.BoolVar(&f.readOnly, "read-only", false, "allow reads only")
	set.BoolVar(&f.meta, "meta", false, "offer three tools that search, describe and execute, instead of all")
	set.StringVar(&f.policy, "policy", "", "what happens to calls by their `effects`, such as destructive=deny,sends=ask (default $"+envPolicy+")")
	set.BoolVar(&f.structured, "structured", false, "send small answers as structured content too")
	set.BoolVar(&f.verbose, "verbose", false, "log to standard error")
	set.BoolVar(&f.version, "version", false, "print the version")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		set.SetOutput(stdout)
		set.PrintDefaults()
		return f, err
	case err != nil:
		return f, fmt.Errorf("%w; closekit-mcp --help lists the flags", err)
	}
	switch {
	case set.NArg() == 1 && set.Arg(0) == "version": // as closekit has it
		f.version = true
	case set.NArg() > 0:
		return f, fmt.Errorf("unknown argument %q; closekit-mcp --help lists the flags", set.Arg(0))
	case f.openPage && f.page == "":
		return f, errors.New("--open-page is for --page")
	case f.url != "" && f.http == "":
		return f, errors.New("--url is for --http")
	case f.url != "" && !isWeb(f.url):
		return f, fmt.Errorf("--url %q must be the URL that clients use, such as https://mcp.example.com/mcp", f.url)
	}
	return f, nil
}

// isWeb reports whether a text is the URL of a web server.
func isWeb(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// run is the program as a function. Standard output is for the protocol alone.
func run(ctx context.Context, args []string, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer, getenv func(string) string) int {
	f, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err == nil && f.version:
		_, err = fmt.Fprintln(stdout, "closekit-mcp", buildinfo.Text(closekit.Version))
	case err == nil:
		err = f.serve(ctx, stdin, stdout, stderr, getenv)
	default:
		err = usageError{err}
	}
	var wrong usageError
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled):
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "closekit-mcp:", err)
		return exitUsage
	default:
		fmt.Fprintln(stderr, "closekit-mcp:", err)
		return exitFailure
	}
}

// usageError is a mistake in the command line or the environment.
type usageError struct{ error }

func (f flags) serve(ctx context.Context, stdin io.ReadCloser, stdout io.WriteCloser, stderr io.Writer, getenv func(string) string) error {
	var p *page
	c := closemcp.Config{}
	if f.page != "" {
		var err error
		if p, err = listenPage(ctx, f.page, f.openPage, stderr); err != nil {
			return err
		}
		defer p.close()
		c.Page, c.Notify = p.link, p.notify
		c.HostAsks = p.reaches() // otherwise a client that cannot show the page gets a no
	}
	a, server, err := f.server(c, stderr, getenv)
	if err != nil {
		return usageError{err}
	}
	if p != nil {
		if err := p.serve(a); err != nil {
			return err
		}
	}
	if f.http != "" {
		return f.listen(ctx, server, stderr, strings.TrimSpace(getenv(envToken)))
	}
	if tty.Is(stdin) {
		fmt.Fprintln(stderr, "closekit-mcp: waiting for the messages of an MCP client, which starts this program itself; Ctrl-C ends it, --help says more")
	}
	out := &sharedOutput{WriteCloser: stdout}
	err = server.Run(ctx, &mcp.IOTransport{Reader: newLines(stdin, out), Writer: out, MaxLineLength: -1}) // the lines are bounded
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("the connection ended: %w; each line of standard input must be a message of MCP in JSON, of at most %d bytes", err, longest)
}

// root returns the base URL that the flag or the environment name.
func (f flags) root(getenv func(string) string) (string, []string, error) {
	from := "--base-url"
	if f.baseURL == "" {
		from = envBaseURL
	}
	root, u, err := apiroot.Parse(from, cmp.Or(f.baseURL, getenv(envBaseURL)))
	if err != nil {
		return "", nil, err
	}
	plain := apiroot.PlainHosts(getenv(envPlain))
	if exposed, allowed := apiroot.Exposed(u, plain); exposed && !allowed {
		return "", nil, fmt.Errorf("the base URL %s is not encrypted: the network could read the API key; use https, or, if the network is yours, set %s=%s", root, envPlain, u.Hostname())
	}
	return root, plain, nil
}

func (f flags) server(c closemcp.Config, stderr io.Writer, getenv func(string) string) (*agent.Agent, *closemcp.Server, error) {
	key := strings.TrimSpace(cmp.Or(f.apiKey, getenv(envAPIKey)))
	if key == "" {
		return nil, nil, errors.New("there is no API key; set " + envAPIKey + " to one, in the configuration of the MCP client if that starts this program. Close makes keys under Settings > Developer > API Keys")
	}
	root, plain, err := f.root(getenv)
	if err != nil {
		return nil, nil, err
	}
	policy, err := policyOf(cmp.Or(f.policy, getenv(envPolicy)))
	if err != nil {
		return nil, nil, err
	}
	if f.readOnly {
		policy.readOnly()
	}
	client := closekit.NewClient(nil, closekit.BaseURL(root), closekit.AllowPlainHTTP(plain...), closekit.UserAgent("closekit-mcp"))
	opts := []agent.Option{agent.WithPolicy(policy), agent.WithClient(client)}
	if len(f.toolsets) > 0 {
		opts = append(opts, agent.Toolset(f.toolsets...))
	}
	if f.pattern != "" {
		opts = append(opts, agent.Tools(f.pattern))
	}
	if f.meta {
		opts = append(opts, agent.MetaTools())
	}
	a, err := agent.New(tools.Catalog(), opts...)
	if err != nil {
		return nil, nil, err
	}
	c.Users = closemcp.One(closemcp.User{ID: "API key", Name: person(), Account: closekit.APIKey(key)})
	if f.structured {
		c.Structured = 8 << 10
	}
	if f.verbose {
		c.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	s, err := closemcp.New(a, c)
	return a, s, err
}

// person is who decides on approvals: the user who runs the program, or holds its token.
// Whose account of Close it is, Close tells.
func person() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "the local user"
}

// shortest is how many bytes a token has at least, so that it cannot be guessed.
const shortest = 16

func (f flags) listen(ctx context.Context, server *closemcp.Server, stderr io.Writer, token string) error {
	if token != "" && len(token) < shortest {
		return usageError{fmt.Errorf("%s has %s, and a token of fewer than %d can be guessed; make one with \"openssl rand -hex 32\", or unset it to have one made", envToken, words.Count(len(token), "byte"), shortest)}
	}
	host, _, err := net.SplitHostPort(f.http)
	if err != nil {
		return usageError{fmt.Errorf("--http %q is not of the form HOST:PORT, such as 127.0.0.1:8765", f.http)}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.http)
	if err != nil {
		return fmt.Errorf("--http: %w; choose another address, such as 127.0.0.1:0 for any free port", err)
	}
	if !httpx.IsLocal(host) && !strings.HasPrefix(f.url, "https:") {
		fmt.Fprintf(stderr, "closekit-mcp: warning: %s is open to the network, without encryption; put a proxy with TLS in front of it, and give its --url\n", l.Addr())
	}
	local := "http://" + reachable(l.Addr())
	resource := cmp.Or(f.url, local+"/mcp")
	if token == "" {
		token = rand.Text()
		fmt.Fprintf(stderr, "closekit-mcp: clients must send the header \"Authorization: Bearer %s\"; set %s to choose the token\n", token, envToken)
	}
	h, err := server.Handler(closemcp.HTTP{Verify: holder(token), Resource: resource})
	if err != nil {
		_ = l.Close()
		return usageError{err}
	}
	serving := resource
	if u, err := url.Parse(f.url); err == nil && f.url != "" {
		serving += " at " + local + cmp.Or(u.EscapedPath(), "/")
	}
	fmt.Fprintln(stderr, "closekit-mcp: serving", serving)
	hs := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	done := context.AfterFunc(ctx, func() { _ = hs.Close() }) // streams have no end of their own
	defer done()
	if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// reachable is the address for clients: one of all interfaces is none to connect to.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("localhost", port)
	}
	return a.String()
}

// holder accepts one token.
func holder(token string) auth.TokenVerifier {
	return func(_ context.Context, got string, _ *http.Request) (*auth.TokenInfo, error) {
		if subtle.ConstantTimeCompare([]byte(got), []byte(token)) != 1 {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{UserID: "local", Expiration: time.Now().Add(time.Hour)}, nil
	}
}
