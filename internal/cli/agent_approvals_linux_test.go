package cli

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/agent/sqlitestore"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/internal/ptytest"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// desk is a program with an agent, one of whose calls waits for a person.
type desk struct {
	*testing.T
	env     []string
	db, log string
	agent   *agent.Agent
	session *agent.Session
	pending *agent.Approval
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	srv := emulator.Start(t)
	if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
		t.Fatal(err)
	}
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, db: filepath.Join(t.TempDir(), "agents.db"), log: filepath.Join(t.TempDir(), "audit.jsonl")}
	d.env = append(os.Environ(), asCommand+"=1", "GORACE="+fastExit, "CLOSEKIT_DB="+d.db, "CLOSEKIT_KEY="+vault.Text(key), "CLOSEKIT_KEY_FILE=", "CLOSE_API_KEY=", "TZ=UTC")
	store, err := sqlitestore.Open(d.db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	file, err := auditlog.Open(d.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	d.agent, err = agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.WithApprovals(store), agent.WithVault(v),
		agent.WithAudit(store.Audit(v)), agent.WithAudit(file))
	if err != nil {
		t.Fatal(err)
	}
	d.session = d.agent.Session(closekit.APIKey(srv.APIKey()), agent.As("ada"))
	r := d.session.Call(t.Context(), "close_lead_delete", []byte(`{"lead_id":"lead_a"}`))
	if d.pending = r.Pending; d.pending == nil {
		t.Fatal(r.Text)
	}
	return d
}

// run runs a command line without a terminal.
func (d *desk) run(args ...string) (code int, stdout, stderr string) {
	d.Helper()
	cmd := exec.CommandContext(d.Context(), self(d.T), args...)
	cmd.Env = d.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("y\ny\n"), &out, &errs
	_ = cmd.Run() // the exit code says it
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (d *desk) wants(state agent.State) {
	d.Helper()
	a, err := d.agent.Approval(d.Context(), d.pending.ID)
	if err != nil || a.State != state {
		d.Errorf("the approval is %v, %v, want %s", a, err, state)
	}
}

// TestApproveOnTerminal answers on a terminal, after the preview and the digest.
func TestApproveOnTerminal(t *testing.T) {
	t.Parallel()
	for types, want := range map[string]struct {
		code  int
		state agent.State
	}{"yes\n": {0, agent.Approved}, "no\n": {exitUnconfirmed, agent.Pending}, "\n": {exitUnconfirmed, agent.Pending}, "\x03": {exitInterrupted, agent.Pending}} {
		t.Run(strings.TrimSpace(types), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			master, slave := ptytest.Open(t)
			cmd := exec.CommandContext(t.Context(), self(t), "agent", "approvals", "approve", d.pending.ID, "--as", "ben@example.com")
			cmd.Env = d.env
			var stdout, stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("y\n"), &stdout, &stderr
			cmd.ExtraFiles = []*os.File{slave}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := master.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			asked, err := bufio.NewReader(master).ReadString('?')
			if err != nil {
				t.Fatalf("%q, %v; standard error: %s", asked, err, stderr.String())
			}
			for _, part := range []string{"lead_a", d.pending.Shown.String(), "ada", "close_lead_delete", "ben@example.com"} {
				if !strings.Contains(asked, part) {
					t.Errorf("the question has no %q:\n%s", part, asked)
				}
			}
			d.wants(agent.Pending)
			if _, err := master.WriteString(types); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the exit code says it
			if got := cmd.ProcessState.ExitCode(); got != want.code {
				t.Errorf("exit code %d, want %d; standard error: %s", got, want.code, stderr.String())
			}
			d.wants(want.state)
			if r := d.session.Resume(t.Context(), d.pending.ID); (r.Err == nil) != (want.state == agent.Approved) {
				t.Errorf("carrying it out: %v", r.Err)
			}
		})
	}
}

// TestApprovalsCommands lists, shows and denies, and tries what must not decide.
func TestApprovalsCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.pending.ID
	for _, c := range []struct {
		args        []string
		code        int
		out, errors string
	}{
		{[]string{"agent", "approvals", "list"}, 0, id, ""},
		{[]string{"agent", "approvals", "show", id}, 0, d.pending.Shown.String(), ""},
		{[]string{"agent", "approvals", "show", id, "--json"}, 0, `"state":"pending"`, ""},
		{[]string{"agent", "approvals", "show", "apr_x"}, exitFailure, "", "no approval apr_x"},
		{[]string{"agent", "approvals", "show"}, exitUsage, "", "one approval"},
		{[]string{"agent", "approvals", "approve", id}, exitUsage, "", "--as"},
		{[]string{"agent", "approvals", "approve", id, "--as", "ben"}, exitUnconfirmed, "", "no terminal"}, // yes on standard input is no answer
		{[]string{"agent", "approvals", "approve", id, "--as", "ben", "--yes"}, exitUsage, "", "unknown flag"},
		{[]string{"agent", "approvals", "deny", id}, exitUsage, "", "--as"},
	} {
		code, stdout, stderr := d.run(c.args...)
		if code != c.code || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.errors) {
			t.Errorf("%v: exit code %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
	d.wants(agent.Pending)
	if code, stdout, stderr := d.run("agent", "approvals", "deny", id, "--as", "ben"); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	d.wants(agent.Denied)
	if code, _, stderr := d.run("agent", "approvals", "deny", id, "--as", "ben"); code != exitFailure || !strings.Contains(stderr, "denied it") {
		t.Errorf("again: exit code %d, %s", code, stderr)
	}
	if _, stdout, stderr := d.run("agent", "approvals", "list"); stdout != "" || !strings.Contains(stderr, "no call waits") {
		t.Errorf("%s%s", stdout, stderr)
	}
	if _, stdout, _ := d.run("agent", "approvals", "list", "--all", "--json"); !strings.Contains(stdout, `"approver":"ben"`) {
		t.Error(stdout)
	}
	if code, _, stderr := d.run("agent", "approvals", "list", "--db", d.db+".none"); code != exitFailure || !strings.Contains(stderr, "no approvals") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestWithdrawCommand takes an approval back.
func TestWithdrawCommand(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.pending.ID
	if code, _, stderr := d.run("agent", "approvals", "withdraw", id, "--as", "eve"); code != exitFailure || !strings.Contains(stderr, "no person has decided") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if code, _, stderr := d.run("agent", "approvals", "withdraw", id); code != exitUsage || !strings.Contains(stderr, "--as") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if err := d.agent.Decide(t.Context(), id, "ben", agent.Approve, d.pending.Shown); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := d.run("agent", "approvals", "deny", id, "--as", "eve"); code != exitFailure || !strings.Contains(stderr, "withdrawn until") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if code, stdout, stderr := d.run("agent", "approvals", "withdraw", id, "--as", "eve"); code != 0 || !strings.Contains(stdout, "Withdrew "+id) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	d.wants(agent.Denied)
	if r := d.session.Resume(t.Context(), id); r.Err == nil {
		t.Error("carried out")
	}
	if _, stdout, _ := d.run("agent", "approvals", "show", id, "--json"); !strings.Contains(stdout, `"approver":"eve"`) || !strings.Contains(stdout, "approved by ben") {
		t.Error(stdout)
	}
}

// TestAuditCommands verifies and reads both kinds of logs.
func TestAuditCommands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if r := d.session.Call(t.Context(), "close_note_create", []byte(`{"lead_id":"lead_a","note":"a secret text"}`)); r.Err != nil {
		t.Fatal(r.Err)
	}
	code, stdout, stderr := d.run("agent", "audit", "--run", d.session.Run())
	if code != 0 || !strings.Contains(stdout, "close_note_create") || !strings.Contains(stdout, "begins") || strings.Contains(stdout, "secret text") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, _ := d.run("agent", "audit", "--account", "bob", "--json"); code != 0 || stdout != "[]\n" {
		t.Errorf("another account: exit code %d, %s", code, stdout)
	}
	if code, stdout, stderr := d.run("agent", "audit", "--verify"); code != 0 || !strings.HasPrefix(stdout, "3 records") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = d.run("audit", "verify", d.log)
	_, head, found := strings.Cut(strings.TrimSpace(stdout), "head ")
	if code != 0 || !found {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := d.run("audit", "verify", d.log, "--head", head); code != 0 {
		t.Errorf("with its head: exit code %d, %s", code, stderr)
	}
	b, err := os.ReadFile(d.log)
	if err != nil {
		t.Fatal(err)
	}
	short, changed := filepath.Join(t.TempDir(), "short"), filepath.Join(t.TempDir(), "changed")
	end := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
	for file, content := range map[string][]byte{short: b[:end], changed: bytes.Replace(b, []byte(`"result":"pending"`), []byte(`"result":"refused"`), 1)} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := d.run("audit", "verify", short, "--head", head); code != exitFailure || !strings.Contains(stderr, "is not in it") {
		t.Errorf("the end was cut off: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := d.run("audit", "verify", changed); code != exitFailure || !strings.Contains(stderr, "not intact at record 1") {
		t.Errorf("a line was changed: exit code %d, %s", code, stderr)
	}
	if code, _, _ := d.run("audit", "verify", d.log+".none"); code != exitUsage {
		t.Errorf("no such file: exit code %d", code)
	}
}
