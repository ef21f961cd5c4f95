package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/ptytest"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// outcome is what came of a command that asked on a terminal.
type outcome struct {
	asked          string
	before         int // requests before the answer
	code           int
	stdout, stderr string
}

// environment is that of commands that call srv.
func environment(srv *emulator.Server) []string {
	return append(os.Environ(), asCommand+"=1", "NO_PROXY=*", "GORACE="+fastExit, "CLOSE_API_KEY="+srv.APIKey(), "CLOSE_BASE_URL="+srv.URL(), "CLOSEKIT_POLICY=")
}

// onTerminal runs a command with the lead lead_a on its standard input, and answers its
// question.
func onTerminal(t *testing.T, srv *emulator.Server, env []string, types string, args ...string) (o outcome) {
	t.Helper()
	master, slave := ptytest.Open(t)
	cmd := exec.CommandContext(t.Context(), self(t), args...)
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(`{"lead_id": "lead_a"}`), &stdout, &stderr
	cmd.ExtraFiles = []*os.File{slave}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := master.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.asked, err = bufio.NewReader(master).ReadString('?'); err != nil {
		t.Fatalf("%q, %v; standard error: %s", o.asked, err, stderr.String())
	}
	o.before = len(srv.Requests())
	if _, err := master.WriteString(types); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	o.code, o.stdout, o.stderr = cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
	return o
}

// TestAgentAsks lets a person decide on the call of an agent.
func TestAgentAsks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, types string
		code, leads  int
		stdout       string
	}{
		{"yes", "yes\n", 0, 0, `"outcome":"done"`},
		{"no", "no\n", exitUnconfirmed, 1, `"outcome":"denied"`},
		{"Ctrl-C", "\x03", exitInterrupted, 1, `"outcome":"pending"`},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			srv := emulator.Start(t)
			if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
				t.Fatal(err)
			}
			o := onTerminal(t, srv, environment(srv), c.types, "agent", "call", "close_lead_delete", "-", "--json")
			if !strings.Contains(o.asked, "an agent wants to call close_lead_delete") || !strings.Contains(o.asked, "cannot be restored") {
				t.Errorf("asked: %s", o.asked)
			}
			if o.code != c.code || len(srv.Objects("leads")) != c.leads || !strings.Contains(o.stdout, c.stdout) {
				t.Errorf("exit code %d, %d leads; output: %s; standard error: %s", o.code, len(srv.Objects("leads")), o.stdout, o.stderr)
			}
		})
	}
}

// TestKeptRun keeps a call that waits in a database, approves and repeats it, and undoes
// what the run has done.
func TestKeptRun(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
		t.Fatal(err)
	}
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	env := environmentOf(environment(srv), "CLOSEKIT_DB="+filepath.Join(t.TempDir(), "agents.db"), "CLOSEKIT_KEY="+vault.Text(key), "CLOSEKIT_KEY_FILE=", "TZ=UTC")
	d := &desk{T: t, env: env}
	name := func() any { return srv.Objects("leads")[0]["name"] }

	env = environmentOf(env, "CLOSEKIT_POLICY=write=ask")
	d.env = env
	code, stdout, stderr := d.run("agent", "call", "close_lead_update", `{"lead_id": "lead_a", "name": "Acme Inc"}`, "--keep", "--json")
	var first struct{ Outcome, Approval, Run string }
	if err := json.Unmarshal([]byte(stdout), &first); err != nil || code != exitPending || first.Outcome != "pending" ||
		!strings.Contains(stderr, "approvals approve "+first.Approval+" ") || !strings.Contains(stderr, "--run "+first.Run) {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	again := []string{"agent", "call", "close_lead_update", `{"name": "Acme Inc", "lead_id": "lead_a"}`, "--run", first.Run, "--json"}
	if code, stdout, stderr := d.run(again...); code != exitPending || name() != "Acme Corp" {
		t.Errorf("not approved yet: exit code %d\n%s%s", code, stdout, stderr)
	}
	if o := onTerminal(t, srv, env, "y\n", "agent", "approvals", "approve", first.Approval, "--as", "ben"); o.code != 0 || !strings.Contains(o.asked, "Acme Inc") {
		t.Errorf("%+v", o)
	}
	if code, stdout, stderr := d.run(again...); code != 0 || name() != "Acme Inc" || !strings.Contains(stdout, `"outcome":"done"`) {
		t.Errorf("approved: exit code %d\n%s%s", code, stdout, stderr)
	}

	if code, stdout, stderr := d.run("agent", "undo", first.Run, "--plan"); code != 0 || !strings.Contains(stdout, "restore name") || name() != "Acme Inc" {
		t.Errorf("plan: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := d.run("agent", "undo", first.Run); code != exitPending || name() != "Acme Inc" {
		t.Errorf("without a terminal: exit code %d\n%s%s", code, stdout, stderr)
	}
	if o := onTerminal(t, srv, env, "no\n", "agent", "undo", first.Run); o.code != exitUnconfirmed || name() != "Acme Inc" {
		t.Errorf("%+v", o)
	}
	if o := onTerminal(t, srv, environmentOf(env, "CLOSEKIT_POLICY="), "y\n", "agent", "undo", first.Run); o.code != 0 || name() != "Acme Corp" || !strings.Contains(o.asked, "restore name") {
		t.Errorf("%+v, now %s", o, name())
	}
	if code, _, stderr := d.run("agent", "undo", "run_none"); code != exitFailure || !strings.Contains(stderr, "has no run run_none") {
		t.Errorf("no such run: exit code %d, %s", code, stderr)
	}
	other, err := srv.AddUser(emulator.User{FirstName: "Bob", LastName: "Demo", Email: "bob@example.com", Organizations: []string{srv.Organizations()[0].ID}})
	if err != nil {
		t.Fatal(err)
	}
	d.env = environmentOf(env, "CLOSE_API_KEY="+srv.APIKeyOf(other.ID, other.Organizations[0]))
	if code, _, stderr := d.run("agent", "undo", first.Run, "--plan"); code != exitAuthorization || !strings.Contains(stderr, "another user") {
		t.Errorf("another user: exit code %d, %s", code, stderr)
	}
}

// environmentOf adds variables to an environment.
func environmentOf(env []string, variables ...string) []string {
	return append(slices.Clip(env), variables...)
}

// TestTerminal answers on a terminal that is none of the standard streams, after
// the question, as a person does.
func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about, types string
		code, leads  int
	}{
		{"yes", "yes\n", 0, 0},
		{"no", "no\n", exitUnconfirmed, 1},
		{"not quite yes", "yesterday\n", exitUnconfirmed, 1},
		{"end of input", "\x04", exitUnconfirmed, 1},
		{"Ctrl-C", "\x03", exitInterrupted, 1},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			srv := emulator.Start(t)
			if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
				t.Fatal(err)
			}
			o := onTerminal(t, srv, environment(srv), c.types, "call", "close_lead_delete", "-")
			if o.before != 0 {
				t.Errorf("%d requests before the answer", o.before)
			}
			if o.code != c.code || len(srv.Objects("leads")) != c.leads {
				t.Errorf("exit code %d, %d leads; standard error: %s", o.code, len(srv.Objects("leads")), o.stderr)
			}
			if (o.stdout == "{}\n") != (c.code == 0) {
				t.Errorf("standard output: %q", o.stdout)
			}
		})
	}
}

// TestWaitShowsProgress waits for a job with standard error on a terminal.
func TestWaitShowsProgress(t *testing.T) {
	t.Parallel()
	master, slave := ptytest.Open(t)
	s := startJobs(t, 1500*time.Millisecond)
	cmd := exec.CommandContext(t.Context(), self(t), "call", "close_export_lead_create", exportLeads, "--yes", "--wait")
	cmd.Env = append(environment(s.Server), "CLOSE_BASE_URL="+s.url)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, slave
	if err := cmd.Run(); err != nil || !strings.Contains(stdout.String(), `"status":"done"`) {
		t.Errorf("%v; %s", err, stdout.String())
	}
	if err := master.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	b, _ := io.ReadAll(master) // it ends in an error
	id, _ := s.Objects("exports")[0]["id"].(string)
	if shown := string(b); !strings.HasPrefix(shown, "\r\033[K"+id+": ") || !strings.Contains(shown, "2 of 2 …") || !strings.HasSuffix(shown, "\r\033[K") {
		t.Errorf("progress %q", shown)
	}
}
