package cli

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/pgtest"
)

// asCommand makes the test binary the command itself, for tests that need a
// child process.
const asCommand = "CLOSEKIT_TEST_AS_COMMAND"

// fastExit keeps the race detector from sleeping for a second at the end of
// every child process.
const fastExit = "atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Program{}.Main())
	}
	testscript.Main(withPostgres{m}, map[string]func(){"closekit": func() {
		detach()
		os.Exit(Program{}.Main())
	}})
}

// withPostgres stops the PostgreSQL server of the tests in the end.
type withPostgres struct{ m *testing.M }

func (w withPostgres) Run() int { return pgtest.Run(w.m) }

// self is the test binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestScripts runs the scenarios. Besides the commands of testscript they have
//
//	emulator [-strict] [-registered] [-stale] [seed.json]
//	                                 start an emulator and point the environment at it
//	fault KIND TOOL [skip=N] [times=N]
//	                                 html, htmlok, empty, endless, malformed, cut, short, lost, mangled, lie
//	                                 or a status
//	exits CODE closekit ...          run the command and check its exit code
//	leads N                          the emulator holds so many leads
//	requests N                       the emulator received so many requests since the last time
//	website                          a server that is not Close, at $WEBSITE
//	hidden TEXT                      neither stream of the last command holds the text
//	empty DIR                        the folder is empty
//
// and those of accounts_test.go for accounts that are connected through OAuth.
// Whatever runs in them, no secret may be in what it prints.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "cli"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emulator": startEmulator, "fault": addFault, "exits": exits, "leads": countLeads, "requests": countRequests,
			"website": startWebsite, "hidden": hidden, "empty": isEmpty,
			"consent": consent, "oauth": oauth, "grants": countGrants, "sql": execute, "disclose": disclose,
		},
		Condition: func(name string) (bool, error) {
			if name != "root" { // for whom every file is writable
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return os.Geteuid() == 0, nil
		},
		Setup: func(env *testscript.Env) error {
			env.Values["script"] = &script{}
			env.Setenv("CLOSE_API_KEY", "")
			env.Setenv("CLOSE_BASE_URL", "")
			env.Setenv("NO_PROXY", "*")
			env.Setenv("TZ", "UTC")
			env.Setenv("GORACE", fastExit)
			return nil
		},
	})
}

// script is what one scenario has besides its files.
type script struct {
	srv  *emulator.Server
	seen int // requests that were counted already
}

func of(ts *testscript.TestScript) *script {
	s, ok := ts.Value("script").(*script)
	if !ok {
		ts.Fatalf("no script")
	}
	return s
}

func startEmulator(ts *testscript.TestScript, _ bool, args []string) {
	opts := emulator.Options{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-strict":
			opts.Strict = true
		case "-registered":
			opts.RedirectURLs = []string{"https://app.example/callback"}
		case "-stale":
			opts.StaleReads = 1500 * time.Millisecond
		default:
			ts.Fatalf("unknown option %s", args[0])
		}
		args = args[1:]
	}
	srv := emulator.New(opts)
	for _, name := range args {
		ts.Check(srv.Seed(strings.NewReader(ts.ReadFile(name))))
	}
	ts.Check(srv.Listen("127.0.0.1:0"))
	ts.Defer(func() { _ = srv.Close() })
	of(ts).srv = srv
	ts.Setenv("CLOSE_BASE_URL", srv.URL())
	ts.Setenv("CLOSE_API_KEY", srv.APIKey())
	ts.Setenv("KEY", srv.APIKey())
	ts.Setenv("CLOSE_CLIENT_ID", srv.ClientID())
	ts.Setenv("CLOSE_CLIENT_SECRET", srv.ClientSecret())
	ts.Setenv("HOST", strings.TrimPrefix(srv.URL(), "http://"))
}

func addFault(ts *testscript.TestScript, _ bool, args []string) {
	f := emulator.Fault{Tool: args[1], Times: -1}
	kinds := map[string]emulator.FaultKind{
		"html": emulator.FaultHTML, "empty": emulator.FaultEmpty, "endless": emulator.FaultEndless,
		"malformed": emulator.FaultMalformed, "cut": emulator.FaultCut, "short": emulator.FaultShort,
	}
	kind, ok := kinds[args[0]]
	status, err := strconv.Atoi(args[0])
	switch {
	case ok:
		f.Kind = kind
	case err == nil:
		f.Status = status
	case args[0] == "htmlok":
		f.Kind, f.Status = emulator.FaultHTML, http.StatusOK
	case args[0] == "lost": // done, but the answer never arrives
		f.Kind, f.AfterAction = emulator.FaultCut, true
	case args[0] == "mangled": // done, but the answer makes no sense
		f.Kind, f.AfterAction = emulator.FaultMalformed, true
	case args[0] == "lie": // not done, but a success is answered
		f.Status, f.Body = http.StatusOK, `{"id": "task_lie", "_type": "lead"}`
		f.Header = http.Header{"Content-Type": {"application/json"}}
	default:
		ts.Fatalf("unknown fault %s", args[0])
	}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		ts.Check(err)
		switch name {
		case "skip":
			f.Skip = n
		case "times":
			f.Times = n
		default:
			ts.Fatalf("unknown option %s", name)
		}
	}
	of(ts).srv.Fail(f)
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if !slices.Contains(args, "keygen") { // which prints a key because it was asked to
		checkSecrets(ts, ts.ReadFile("stdout")+ts.ReadFile("stderr"))
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func countLeads(ts *testscript.TestScript, _ bool, args []string) {
	if got := fmt.Sprint(len(of(ts).srv.Objects("leads"))); got != args[0] {
		ts.Fatalf("the emulator holds %s leads, want %s", got, args[0])
	}
}

func countRequests(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	all := len(s.srv.Requests())
	if got := fmt.Sprint(all - s.seen); got != args[0] {
		ts.Fatalf("the emulator received %s requests, want %s", got, args[0])
	}
	s.seen = all
}

// startWebsite serves what a server may answer that is not Close.
func startWebsite(ts *testscript.TestScript, _ bool, _ []string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/moved/"):
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, "/page/"):
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>Welcome</title>")
		default:
			http.NotFound(w, r)
		}
	}))
	ts.Defer(srv.Close)
	ts.Setenv("WEBSITE", srv.URL)
	ts.Setenv("CLOSE_API_KEY", "api_0123456789abcdef")
}

// hidden checks that neither stream of the last command holds a text.
func hidden(ts *testscript.TestScript, _ bool, args []string) {
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), args[0]) {
			ts.Fatalf("%s shows what it should not", stream)
		}
	}
}

func isEmpty(ts *testscript.TestScript, _ bool, args []string) {
	list, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, entry := range list {
		ts.Fatalf("%s holds %s", args[0], entry.Name())
	}
}
