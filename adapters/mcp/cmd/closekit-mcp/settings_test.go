package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// output is a stream of the program that a test reads.
type output struct{ bytes.Buffer }

func (*output) Close() error { return nil }

// environment is that of a program with an API key, changed by the test.
func environment(with map[string]string) func(string) string {
	return func(name string) string {
		if value, ok := with[name]; ok {
			return value
		}
		return map[string]string{envAPIKey: "api_x"}[name]
	}
}

// try runs the program until it ends by itself.
func try(t *testing.T, stdin string, with map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs output
	code = run(t.Context(), args, io.NopCloser(strings.NewReader(stdin)), &out, &errs, environment(with))
	return code, out.String(), errs.String()
}

// TestSettings has what people get wrong: each is said before anything is served.
func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"no key":           {env: map[string]string{envAPIKey: ""}, want: "there is no API key; set CLOSE_API_KEY"},
		"a blank key":      {env: map[string]string{envAPIKey: " \n"}, want: "there is no API key"},
		"no scheme":        {env: map[string]string{envBaseURL: "localhost:1"}, want: `CLOSE_BASE_URL "localhost:1" lacks http:// or https://; did you mean http://localhost:1?`},
		"a path":           {args: []string{"--base-url", "https://api.close.com/api/v1"}, want: "--base-url \"https://api.close.com/api/v1\" must be the root, without /api/v1; did you mean https://api.close.com?"},
		"not encrypted":    {args: []string{"--base-url", "http://emulator:8080"}, want: "set CLOSEKIT_ALLOW_PLAIN_HTTP=emulator"},
		"unknown flag":     {args: []string{"--read_only"}, want: "flag provided but not defined: -read_only; closekit-mcp --help lists the flags"},
		"argument":         {args: []string{"serve"}, want: `unknown argument "serve"; closekit-mcp --help`},
		"toolset":          {args: []string{"--toolset", "nope"}, want: `there is no toolset "nope"; the catalog has sales`},
		"tools":            {args: []string{"--tools", "close_nothing_*"}, want: `no tool matches "close_nothing_*"`},
		"effect":           {args: []string{"--policy", "delete=deny"}, want: `the policy "delete=deny" names no effect; the effects are read`},
		"action":           {env: map[string]string{envPolicy: "sends=perhaps"}, want: `the policy "sends=perhaps" must end in =allow`},
		"URL":              {args: []string{"--http", "127.0.0.1:0", "--url", "mcp.example.com"}, want: `--url "mcp.example.com" must be the URL that clients use, such as https://`},
		"URL alone":        {args: []string{"--url", "https://x.example.com"}, want: "--url is for --http"},
		"opening alone":    {args: []string{"--open-page"}, want: "--open-page is for --page"},
		"page for others":  {args: []string{"--page", ":8766"}, want: "the person at this computer"},
		"page by name":     {args: []string{"--page", "crm.example.com:8766"}, want: "127.0.0.1:8766"},
		"address":          {args: []string{"--http", "8765"}, want: `--http "8765" is not of the form HOST:PORT, such as 127.0.0.1:8765`},
		"a short token":    {env: map[string]string{envToken: "x"}, args: []string{"--http", "127.0.0.1:0"}, want: "CLOSEKIT_MCP_TOKEN has 1 byte, and a token of fewer than 16 can be guessed; make one with \"openssl rand -hex 32\""},
		"a padded token":   {env: map[string]string{envToken: "  123456789012345\n"}, args: []string{"--http", "127.0.0.1:0"}, want: "has 15 bytes"},
		"address, no port": {args: []string{"--http", "localhost"}, want: "HOST:PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := try(t, "", test.env, test.args...)
			if code != exitUsage || out != "" || !strings.HasPrefix(errs, "closekit-mcp: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, test.want) {
				t.Errorf("%d %q %q, want %q on one line", code, out, errs, test.want)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "-version", "--version"} {
		if code, out, errs := try(t, "", nil, arg); code != exitOK || errs != "" || out != "closekit-mcp "+closekit.Version+"\n" {
			t.Errorf("%s: %d %q %q", arg, code, out, errs)
		}
	}
	if code, out, errs := try(t, "", nil, "--help"); code != exitOK || errs != "" || !strings.Contains(out, "CLOSE_API_KEY") || !strings.Contains(out, "-toolset") {
		t.Errorf("--help: %d %q %q", code, out, errs)
	}
}

// needsMessages is what the program says of standard input that is not MCP.
const needsMessages = "each line of standard input must be a message of MCP in JSON, of at most 1048576 bytes"

// TestNotMCP has standard input that no MCP client writes.
func TestNotMCP(t *testing.T) {
	t.Parallel()
	code, out, errs := try(t, "hello\n", nil)
	if answer := `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the line is no JSON: invalid character 'h' looking for beginning of value"}}` + "\n"; code != exitFailure || out != answer || !strings.Contains(errs, needsMessages) {
		t.Errorf("words: %d %q %q", code, out, errs)
	}
	if code, out, errs := try(t, "", nil); code != exitOK || out != "" || errs != "" {
		t.Errorf("a client that is gone: %d %q %q", code, out, errs)
	}
	endless := `{"jsonrpc":"2.0","id":1,"method":"` + strings.Repeat("x", 4<<20)
	if code, out, errs := try(t, endless, nil); code != exitFailure || out != "" || len(errs) > 500 || !strings.Contains(errs, needsMessages) {
		t.Errorf("a line without end: %d %q %q", code, out, errs)
	}
}

// TestNoInput has the standard input of services: a client that is gone.
func TestNoInput(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs output
	if code := run(t.Context(), nil, null, &out, &errs, environment(nil)); code != exitOK || out.Len() > 0 || errs.Len() > 0 {
		t.Errorf("%d %q %q", code, &out, &errs)
	}
}

// TestHTTPAddress has an address that is in use, one that the network reaches, and an
// end by Ctrl-C.
func TestHTTPAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, name := range []string{"--http", "--page"} {
		if code, _, errs := try(t, "", nil, name, l.Addr().String()); code != exitFailure || !strings.Contains(errs, name+": ") || !strings.Contains(errs, "choose another address") {
			t.Errorf("%s in use: %d %q", name, code, errs)
		}
	}
	if code, _, errs := try(t, "", nil, "--http", "127.0.0.1:99999"); code != exitFailure || !strings.Contains(errs, "invalid port") {
		t.Errorf("no port: %d %q", code, errs)
	}
	for address, warned := range map[string]bool{"127.0.0.1:0": false, "localhost:0": false, ":0": true, "0.0.0.0:0": true} {
		ctx, stop := context.WithCancel(t.Context())
		read, write := io.Pipe()
		done := make(chan int)
		go func() {
			done <- run(ctx, []string{"--http", address}, io.NopCloser(strings.NewReader("")), &output{}, write, environment(map[string]string{envToken: secretToken + "\n"}))
			_ = write.Close()
		}()
		warning, url := false, ""
		lines := bufio.NewScanner(read)
		for url == "" && lines.Scan() {
			warning = warning || strings.Contains(lines.Text(), "open to the network, without encryption")
			_, url, _ = strings.Cut(lines.Text(), "serving ")
		}
		if warning != warned {
			t.Errorf("%s: warned %t, want %t", address, warning, warned)
		}
		status(t, url, "wrong", http.StatusUnauthorized)
		stop()
		if code := <-done; code != exitOK {
			t.Errorf("%s: exit code %d", address, code)
		}
	}
}

// status posts nothing with a token, and wants the status.
func status(t *testing.T, url, token string, want int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("%s: status %d, want %d", url, response.StatusCode, want)
	}
}
