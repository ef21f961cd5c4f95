//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// child is the command as a process of its own, in a process group of its own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr messages
}

// messages is standard error, which can be read while it is written.
type messages struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (m *messages) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.Write(b)
}

func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

func start(t *testing.T, srv *emulator.Server, name string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), name, args...)}
	c.cmd.Env = append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY=", "CLOSE_BASE_URL=")
	if srv != nil {
		c.cmd.Env = append(c.cmd.Env, "CLOSE_API_KEY="+srv.APIKey(), "CLOSE_BASE_URL="+srv.URL(),
			"CLOSE_CLIENT_ID="+srv.ClientID(), "CLOSE_CLIENT_SECRET="+srv.ClientSecret(), "CLOSE_REDIRECT_URL=")
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	return c
}

// line reads one line of standard output.
func (c *child) line() string {
	c.t.Helper()
	s, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("standard output: %q, %v; standard error: %s", s, err, c.stderr.String())
	}
	return strings.TrimSuffix(s, "\n")
}

// until reads lines until one holds a text.
func (c *child) until(text string) {
	c.t.Helper()
	for line := c.line(); !strings.Contains(line, text); {
		line = c.line()
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := syscall.Kill(-c.cmd.Process.Pid, s); err != nil {
		c.t.Fatal(err)
	}
}

// end reads what is left of standard output and returns the exit code.
func (c *child) end() (string, int) {
	c.t.Helper()
	rest, err := io.ReadAll(c.out)
	if err != nil {
		c.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return string(rest), c.cmd.ProcessState.ExitCode()
}

func TestEmulatorSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			c := start(t, nil, self(t), "emulator", "--json", "--redirect-url", "https://app.example/callback")
			var e endpoints
			if err := json.Unmarshal([]byte(c.line()), &e); err != nil {
				t.Fatal(err)
			}
			if e.RedirectURL != "https://app.example/callback" || e.ClientID == "" || e.ClientSecret == "" || e.AuthorizeURL == "" || e.TokenURL == "" {
				t.Errorf("incomplete: %+v", e)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.BaseURL+"/api/v1/me/", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth(e.APIKey, "")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("status %d", resp.StatusCode)
			}
			c.signal(s)
			if rest, code := c.end(); code != 0 || rest != "" || c.stderr.String() != "" {
				t.Errorf("exit code %d, then on standard output %q, on standard error %q", code, rest, c.stderr.String())
			}
		})
	}
}

// says waits until standard error holds a line with a text, and returns the line.
func (c *child) says(text string) string {
	c.t.Helper()
	found := ""
	waitFor(c.t, "the words "+text, func() bool {
		for line := range strings.Lines(c.stderr.String()) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				found = strings.TrimSpace(line)
			}
		}
		return found != ""
	})
	return found
}

// useAccounts makes a key and sets the environment, so that accounts can be
// connected in a folder of its own.
func useAccounts(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("CLOSEKIT_DB", filepath.Join(dir, "accounts.db"))
	t.Setenv("CLOSEKIT_KEY", "")
	t.Setenv("CLOSEKIT_KEY_FILE", filepath.Join(dir, "accounts.key"))
	t.Setenv("CLOSEKIT_STATE_DIR", "")
	c := start(t, nil, self(t), "accounts", "keygen", "--out", filepath.Join(dir, "accounts.key"))
	if _, code := c.end(); code != 0 {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
	return dir
}

// consents connects an account.
func consents(t *testing.T, srv *emulator.Server, name string) {
	t.Helper()
	c := start(t, srv, self(t), "accounts", "connect", name)
	if err := answer(srv, "allow", c.says("http"), c.in); err != nil {
		t.Fatal(err)
	}
	if _, code := c.end(); code != 0 {
		t.Fatalf("exit code %d: %s", code, c.stderr.String())
	}
}

// TestInterruptedConsent checks that giving up ends the command at once, and
// changes nothing.
func TestInterruptedConsent(t *testing.T) {
	for name, flags := range map[string][]string{
		"listen": nil, "paste": {"--redirect-url", "https://app.example/callback"},
	} {
		for s, want := range map[syscall.Signal]int{syscall.SIGINT: exitInterrupted, syscall.SIGTERM: exitTerminated} {
			t.Run(name+" "+s.String(), func(t *testing.T) {
				dir := useAccounts(t)
				srv := emulator.Start(t)
				consents(t, srv, "ada")
				c := start(t, srv, self(t), append([]string{"accounts", "connect", "ada"}, flags...)...)
				c.says("Ctrl-C cancels")
				c.signal(s)
				if out, code := c.end(); code != want || out != "" {
					t.Errorf("exit code %d, want %d; standard output %q", code, want, out)
				}
				if got := c.stderr.String(); strings.Count(got, "closekit: ") != 1 {
					t.Errorf("standard error %q", got)
				}
				c = start(t, srv, self(t), "accounts", "list")
				if out, code := c.end(); code != 0 || !strings.Contains(out, "ACTIVE") {
					t.Errorf("exit code %d, the list is %s%s", code, out, c.stderr.String())
				}
				// Everything was closed: SQLite left nothing open behind.
				if left, _ := filepath.Glob(filepath.Join(dir, "accounts.db-*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

// TestInterruptedRenewal checks that Ctrl-C does not lose the tokens of a
// renewal that was sent.
func TestInterruptedRenewal(t *testing.T) {
	useAccounts(t)
	srv := emulator.Start(t)
	consents(t, srv, "ada")
	srv.ExpireTokens()
	srv.Fail(emulator.Fault{Path: "/oauth2/token/", Delay: time.Second, AfterAction: true})
	c := start(t, srv, self(t), "call", "--account", "ada", "close_me_get")
	waitFor(t, "a renewal", func() bool { return srv.OAuthStats().Refreshes == 1 })
	c.signal(syscall.SIGINT)
	if out, code := c.end(); code != exitInterrupted || out != "" {
		t.Errorf("exit code %d, standard output %q, standard error %s", code, out, c.stderr.String())
	}
	c = start(t, srv, self(t), "accounts", "show", "ada", "--json")
	if out, code := c.end(); code != 0 || !strings.Contains(out, `"state":"ACTIVE"`) || !strings.Contains(out, `"generation":2`) {
		t.Errorf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	c = start(t, srv, self(t), "call", "--account", "ada", "close_me_get")
	if out, code := c.end(); code != 0 || srv.OAuthStats().Refreshes != 1 {
		t.Errorf("exit code %d, %d renewals, %s%s", code, srv.OAuthStats().Refreshes, out, c.stderr.String())
	}
}

// TestRemoveKey takes a key out of a key file when nothing needs it any more.
func TestRemoveKey(t *testing.T) {
	useAccounts(t)
	srv := emulator.Start(t)
	consents(t, srv, "ada")
	run := func(code int, want string, args ...string) string {
		t.Helper()
		c := start(t, srv, self(t), args...)
		out, got := c.end()
		if all := out + c.stderr.String(); got != code || !strings.Contains(all, want) {
			t.Fatalf("%v: exit code %d, %s", args, got, all)
		}
		return out
	}
	var report struct{ Keys []string }
	if err := json.Unmarshal([]byte(run(0, "", "accounts", "keygen", "--add", "--json")), &report); err != nil || len(report.Keys) != 2 {
		t.Fatalf("%v, %v", report, err)
	}
	run(exitFailure, "the database still needs the key "+report.Keys[0]+" for 2 sealed values", "accounts", "keygen", "--remove", report.Keys[0])
	run(exitUsage, "is the primary one", "accounts", "keygen", "--remove", report.Keys[1])
	run(0, "encrypted again", "accounts", "reseal")
	run(0, "is no longer in", "accounts", "keygen", "--remove", report.Keys[0])
	run(exitUsage, "has no key", "accounts", "keygen", "--remove", report.Keys[0])
	run(0, "user_", "call", "--account", "ada", "close_me_get")
}

// TestCommandsAtOnce checks that commands that run at the same time have
// journals of their own, and renew a token once; that too many are refused;
// and that what a killed one left in its journal is brought back.
func TestCommandsAtOnce(t *testing.T) {
	dir := useAccounts(t)
	srv := emulator.Start(t)
	consents(t, srv, "ada")
	srv.ExpireTokens()
	const some = 8
	srv.Fail(emulator.Fault{Tool: "close_me_get", Times: some, Delay: time.Hour, AfterAction: true})
	var running []*child
	for n := range some {
		running = append(running, start(t, srv, self(t), "call", "--account", "ada", "close_me_get"))
		waitFor(t, "the call", func() bool { return len(srv.Requests()) >= n+2 }) // one was for the consent
	}
	var others []*os.File // as if there were more processes
	for n := some + 1; n <= maxProcesses; n++ {
		folder := filepath.Join(dir, "accounts.db.state", strconv.Itoa(n))
		err := os.MkdirAll(folder, 0o700)
		var lock *os.File
		if err == nil {
			lock, err = os.Create(filepath.Join(folder, "lock"))
		}
		if err == nil {
			others = append(others, lock)
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := start(t, srv, self(t), "call", "--account", "ada", "close_me_get")
	if out, code := c.end(); code != exitTransport || !strings.Contains(c.stderr.String(), "64 other commands are using") {
		t.Errorf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	for _, lock := range others {
		_ = lock.Close()
	}
	c = start(t, srv, self(t), "accounts", "list") // which has no journal
	if out, code := c.end(); code != 0 {
		t.Errorf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	for _, r := range running {
		r.signal(syscall.SIGKILL)
		_, _ = r.end()
	}
	running = nil
	for range 4 {
		running = append(running, start(t, srv, self(t), "call", "--account", "ada", "close_me_get"))
	}
	for _, r := range running {
		if out, code := r.end(); code != 0 {
			t.Errorf("exit code %d, %s%s", code, out, r.stderr.String())
		}
	}
	if st := srv.OAuthStats(); st.Refreshes != 1 || st.SpentReuses != 0 {
		t.Errorf("stats are %+v", st)
	}

	// A journal with tokens that the database does not have: the folder of a
	// command that was killed between the two, while it was not the only one.
	db := filepath.Join(dir, "accounts.db")
	before, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	c = start(t, srv, self(t), "accounts", "refresh", "ada")
	if out, code := c.end(); code != 0 || !strings.Contains(out, "generation 3") {
		t.Fatalf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	if err := errors.Join(
		os.WriteFile(db, before, 0o600), os.RemoveAll(filepath.Join(db+".state", "5")),
		os.Rename(filepath.Join(db+".state", "1"), filepath.Join(db+".state", "5")),
	); err != nil {
		t.Fatal(err)
	}
	c = start(t, srv, self(t), "call", "--account", "ada", "close_me_get")
	if out, code := c.end(); code != 0 {
		t.Errorf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	c = start(t, srv, self(t), "accounts", "show", "ada", "--json")
	if out, code := c.end(); code != 0 || !strings.Contains(out, `"generation":3`) {
		t.Errorf("exit code %d, %s%s", code, out, c.stderr.String())
	}
	if st := srv.OAuthStats(); st.Refreshes != 2 || st.SpentReuses != 0 {
		t.Errorf("stats are %+v", st)
	}
}

// manyLeads starts an emulator with so many leads.
func manyLeads(t *testing.T, n int) *emulator.Server {
	t.Helper()
	srv := emulator.Start(t)
	var leads []string
	for i := range n {
		leads = append(leads, fmt.Sprintf(`{"name": "Lead %d"}`, i))
	}
	if err := srv.Seed(strings.NewReader(`{"leads": [` + strings.Join(leads, ",") + `]}`)); err != nil {
		t.Fatal(err)
	}
	return srv
}

func TestInterruptedList(t *testing.T) {
	for s, want := range map[syscall.Signal]int{syscall.SIGINT: exitInterrupted, syscall.SIGTERM: exitTerminated} {
		t.Run(s.String(), func(t *testing.T) {
			srv := manyLeads(t, 50)
			// The third page never comes, so that the list is certainly running.
			srv.Fail(emulator.Fault{Tool: "close_leads_list", Skip: 2, Delay: time.Hour})
			c := start(t, srv, self(t), "call", "close_leads_list", "--all", "--limit", "10")
			var lines []string
			for range 20 {
				lines = append(lines, c.line())
			}
			c.signal(s)
			rest, code := c.end()
			if code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			if rest != "" {
				t.Errorf("more than the pages that came: %q", rest)
			}
			for _, line := range lines {
				if !json.Valid([]byte(line)) {
					t.Errorf("not a whole line: %q", line)
				}
			}
			if got := c.stderr.String(); !strings.HasPrefix(got, "closekit: error: ") || strings.Count(got, "\n") != 1 {
				t.Errorf("standard error %q", got)
			}
		})
	}
}

// TestInterruptedDemo checks that Ctrl-C leaves nothing behind in the account.
func TestInterruptedDemo(t *testing.T) {
	for _, step := range []struct{ tool, title string }{
		{"close_lead_create", "Create a lead"}, {"close_call_create", "Log an outbound call"}, {"close_tasks_list", "Create a follow-up task"},
	} {
		t.Run(step.tool, func(t *testing.T) {
			srv := manyLeads(t, 1)
			srv.Fail(emulator.Fault{Tool: step.tool, Delay: time.Hour, AfterAction: true})
			c := start(t, srv, self(t), "demo", "--live")
			c.until(step.title)
			waitForRequest(t, srv, step.tool)
			c.signal(syscall.SIGINT)
			rest, code := c.end()
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d; standard error %s", code, exitInterrupted, c.stderr.String())
			}
			if !strings.Contains(rest, "is gone") {
				t.Errorf("nothing is said about the clean-up: %s", rest)
			}
			if n := len(srv.Objects("leads")); n != 1 {
				t.Errorf("%d leads are left, want 1", n)
			}
		})
	}
}

// waitForRequest waits until the emulator has a request for a tool.
func waitForRequest(t *testing.T, srv *emulator.Server, tool string) {
	t.Helper()
	waitFor(t, "a request for "+tool, func() bool {
		return slices.ContainsFunc(srv.Requests(), func(r emulator.Request) bool { return r.Tool == tool })
	})
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); {
		if so() {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// auditFile writes audit.jsonl with one record, and returns its head.
func auditFile(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	l, err := auditlog.Open("audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Record(t.Context(), agent.Record{}), l.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	report, err := auditlog.Verify(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return report.Head.String()
}

// TestExamples runs the examples of all commands, literally, in a shell.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(self(t), filepath.Join(dir, "closekit")); err != nil {
		t.Fatal(err)
	}
	// The server for MCP is a program of another module, which tests it.
	if err := os.WriteFile(filepath.Join(dir, "closekit-mcp"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := &program{name: ownName, catalog: tools.Catalog()}
	seen := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			if strings.Contains(line, "apr_…") || strings.Contains(line, "undo run_…") { // need a run, as TestApprovalsCommands and TestKeptRun have
				continue
			}
			if strings.Contains(line, "file/…") || strings.Contains(line, "lead_…") || strings.Contains(line, "expo_…") { // need objects, as the tests of files have
				continue
			}
			seen++
			srv := emulator.Start(t)
			if strings.Contains(line, "audit.jsonl") {
				line = strings.ReplaceAll(line, "9f2c…", auditFile(t))
			}
			if strings.HasPrefix(line, "closekit agent ") && !strings.Contains(line, "audit.jsonl") {
				t.Chdir(useAccounts(t))
				s, err := sqlitestore.Open(os.Getenv(envDB))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(line, "account") {
				t.Chdir(useAccounts(t))
				consents(t, srv, "ada")
			}
			if strings.HasPrefix(line, "closekit export ") || strings.HasPrefix(line, "closekit import ") {
				t.Chdir(t.TempDir())
				if err := srv.Seed(strings.NewReader(`{"custom_fields": {"lead": [{"name": "Industry", "type": "text"}]}}`)); err != nil {
					t.Fatal(err)
				}
				for name, text := range map[string]string{"companies.csv": "Firm,Branch\nAcme,Steel\n", "leads.jsonl": `{"name": "Acme"}`} {
					if strings.Contains(line, name) {
						if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			if strings.HasPrefix(line, "closekit org ") && !strings.Contains(line, "--account") {
				t.Chdir(t.TempDir())
				c := start(t, srv, "closekit", "org", "pull", "--lock", "acme.lock.json")
				if out, code := c.end(); code != 0 {
					t.Fatalf("the lock file: exit code %d: %s%s", code, out, c.stderr.String())
				}
			}
			if strings.HasPrefix(line, "closekit upload ") {
				t.Chdir(t.TempDir())
				if err := os.WriteFile("offer.pdf", []byte("%PDF-1.7\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			// The shell itself outlives Ctrl-C and returns the exit code of the command.
			c := start(t, srv, "sh", "-c", "trap : INT; "+line)
			if strings.Contains(line, "accounts connect") {
				how := "allow"
				if strings.Contains(line, "--redirect-url") {
					how = "paste"
				}
				if err := answer(srv, how, c.says("http"), c.in); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
			if strings.Contains(line, "closekit emulator") {
				c.line()
				c.signal(syscall.SIGINT)
			}
			if strings.Contains(line, "--follow") {
				waitFor(t, "the first read", func() bool { return len(srv.Requests()) > 0 })
				c.signal(syscall.SIGINT)
			}
			want := 0
			if strings.Contains(line, "--follow") {
				want = 130
			}
			if out, code := c.end(); code != want {
				t.Errorf("%s: exit code %d: %s%s", line, code, out, c.stderr.String())
			}
		}
		if cmd.Runnable() && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(p.root())
	if seen < 10 {
		t.Errorf("only %d examples", seen)
	}
}
