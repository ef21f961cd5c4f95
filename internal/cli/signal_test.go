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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/emulator"
)

// child is the command as a process of its own, in a process group of its own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(t *testing.T, srv *emulator.Server, name string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), name, args...)}
	c.cmd.Env = append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY=", "CLOSE_BASE_URL=")
	if srv != nil {
		c.cmd.Env = append(c.cmd.Env, "CLOSE_API_KEY="+srv.APIKey(), "CLOSE_BASE_URL="+srv.URL())
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	return c
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
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

// end reads what is left of standard output and gives the exit code.
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
			if rest, code := c.end(); code != 0 || rest != "" || c.stderr.Len() > 0 {
				t.Errorf("exit code %d, then on standard output %q, on standard error %q", code, rest, c.stderr.String())
			}
		})
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
	for t.Context().Err() == nil {
		for _, r := range srv.Requests() {
			if r.Tool == tool {
				return
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
		}
	}
	t.Fatalf("no request for %s", tool)
}

// TestExamples runs the examples of all commands, literally, in a shell.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(self(t), filepath.Join(dir, "closekit")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := &program{}
	seen := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			seen++
			srv := emulator.Start(t)
			// The shell itself outlives Ctrl-C and gives the exit code of the command.
			c := start(t, srv, "sh", "-c", "trap : INT; "+line)
			if strings.Contains(line, "closekit emulator") {
				c.line()
				c.signal(syscall.SIGINT)
			}
			if out, code := c.end(); code != 0 {
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
