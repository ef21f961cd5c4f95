package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// secretToken is as short as a token may be.
const secretToken = "a-secret-token-1"

// program is a running closekit-mcp.
type program struct {
	*testing.T
	close  *emulator.Server
	lines  *bufio.Scanner // of standard error
	stdin  io.WriteCloser
	stdout io.ReadCloser
	ended  chan int
}

// start starts the program, with the key of an emulator in its environment.
func start(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	stderr, err := io.Pipe()
	p := startAt(t, err, env, args...)
	p.lines = bufio.NewScanner(stderr)
	t.Cleanup(func() { // before the program ends, which must not wait for a reader
		go func() { _, _ = io.Copy(io.Discard, stderr) }()
	})
	return p
}

// startAt starts the program with a standard error, which is closed at its end.
func startAt(t *testing.T, stderr io.WriteCloser, env map[string]string, args ...string) *program {
	t.Helper()
	p := &program{T: t, close: emulator.Start(t), ended: make(chan int, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	p.stdin, p.stdout = stdin, stdout
	getenv := func(name string) string {
		switch name {
		case envAPIKey:
			return p.close.APIKey()
		case envBaseURL:
			return p.close.URL()
		}
		return env[name]
	}
	go func() {
		code := run(ctx, args, in, out, stderr, getenv)
		_ = stderr.Close()
		_ = out.Close()
		p.ended <- code
	}()
	t.Cleanup(func() {
		cancel()
		_ = stdin.Close()
		go func() { _, _ = io.Copy(io.Discard, stdout) }()
		if code := <-p.ended; code != exitOK {
			t.Errorf("the program ended with %d", code)
		}
	})
	return p
}

// said reads standard error to the line that matches, and returns the first group.
func (p *program) said(pattern string) string {
	p.Helper()
	for p.lines.Scan() {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(p.lines.Text()); m != nil {
			return m[1]
		}
	}
	p.Fatalf("the program did not print %s: %v", pattern, p.lines.Err())
	return ""
}

func (p *program) dial(c *mcp.Client, t mcp.Transport) *mcp.ClientSession {
	p.Helper()
	s, err := c.Connect(p.Context(), t, nil)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = s.Close() })
	return s
}

type withToken string

func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(t))
	return http.DefaultTransport.RoundTrip(r)
}

func client(o *mcp.ClientOptions) *mcp.Client {
	return mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o)
}

func names(t *testing.T, s *mcp.ClientSession) (list []string) {
	t.Helper()
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tool.Name)
	}
	return list
}

func call(t *testing.T, s *mcp.ClientSession, name string, in map[string]any) (*mcp.CallToolResult, string) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: in})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r.Content)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

// TestHTTP serves the holder of the token, and refuses all others.
func TestHTTP(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		made bool // the token is made by the program
	}{
		"token of the host": {map[string]string{envToken: secretToken}, []string{"--http", "127.0.0.1:0"}, false},
		"token made":        {nil, []string{"--http", "127.0.0.1:0"}, true},
		"all interfaces":    {map[string]string{envToken: secretToken}, []string{"--http", ":0"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.env, test.args...)
			token := test.env[envToken]
			if test.made {
				token = p.said(`"Authorization: Bearer ([A-Z0-9]{20,})"`)
			}
			at := p.said(`serving (http://\S+/mcp)$`)
			if strings.Contains(at, "[::]") || strings.Contains(at, "0.0.0.0") {
				t.Errorf("clients cannot connect to %s", at)
			}
			s := p.dial(client(nil), &mcp.StreamableClientTransport{Endpoint: at, HTTPClient: &http.Client{Transport: withToken(token)}, DisableStandaloneSSE: true})
			if n := len(names(t, s)); n != len(tools.Catalog().Tools()) {
				t.Errorf("%d tools", n)
			}
			if r, text := call(t, s, "close_me_get", nil); r.IsError {
				t.Error(text)
			}
			for _, wrong := range []string{"", "other", token + "x"} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept", "application/json, text/event-stream")
				res, err := withToken(wrong).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if header := res.Header.Get("WWW-Authenticate"); res.StatusCode != http.StatusUnauthorized || !strings.Contains(header, strings.TrimSuffix(at, "/mcp")+"/.well-known/") {
					t.Errorf("token %q: %s, %s", wrong, res.Status, header)
				}
			}
		})
	}
}

// TestBehindProxy tells clients the URL that the host gives, and serves its path, which
// a proxy passes on.
func TestBehindProxy(t *testing.T) {
	t.Parallel()
	for public, path := range map[string]string{"https://crm.example.com/close": "/close", "https://crm.example.com": "/"} {
		p := start(t, map[string]string{envToken: secretToken}, "--http", "127.0.0.1:0", "--url", public)
		local := p.said(`serving ` + regexp.QuoteMeta(public) + ` at (http://127\.0\.0\.1:\d+` + path + `)$`)
		s := p.dial(client(nil), &mcp.StreamableClientTransport{Endpoint: local, HTTPClient: &http.Client{Transport: withToken(secretToken)}, DisableStandaloneSSE: true})
		if r, text := call(t, s, "close_me_get", nil); r.IsError {
			t.Error(text)
		}
		status(t, local, "wrong", http.StatusUnauthorized)
		root := local[:strings.LastIndex(local, "/")]
		if _, code, body := get(t, http.DefaultClient, root+"/.well-known/oauth-protected-resource"+strings.TrimSuffix(path, "/")); code != http.StatusOK || !strings.Contains(body, `"`+public+`"`) {
			t.Errorf("the metadata: %d %s", code, body)
		}
	}
}

// TestOffers tests what flags offer.
func TestOffers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		n    int
		has  string
	}{
		"toolset": {[]string{"--toolset", "sales"}, 20, "close_lead_create"},
		"pattern": {[]string{"--tools", "close_lead_*"}, 0, "close_lead_get"},
		"meta":    {[]string{"--meta"}, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, test.args...)
			list := names(t, p.dial(client(nil), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin}))
			if test.n > 0 && len(list) != test.n || test.has != "" && !slices.Contains(list, test.has) || slices.Contains(list, "close_webhook_create") {
				t.Errorf("%d tools: %q", len(list), list)
			}
		})
	}
}

// TestReadOnly refuses writes, and sends small answers as objects.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "--read-only", "--structured")
	s := p.dial(client(nil), &mcp.IOTransport{Reader: p.stdout, Writer: p.stdin})
	if r, text := call(t, s, "close_lead_create", map[string]any{"name": "Acme"}); !r.IsError || len(p.close.Objects("leads")) != 0 {
		t.Errorf("a write: %s", text)
	}
	if r, text := call(t, s, "close_me_get", nil); r.IsError || r.StructuredContent == nil {
		t.Errorf("a read: %s", text)
	}
}
