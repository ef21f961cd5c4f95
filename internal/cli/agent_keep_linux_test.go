package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// TestPruneAndErase deletes what a desk has kept, and verifies the rest.
func TestPruneAndErase(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if r := d.session.Call(t.Context(), "close_note_create", []byte(`{"lead_id":"lead_a","note":"x"}`)); r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, c := range []struct {
		args        []string
		code        int
		out, errors string
	}{
		{[]string{"agent", "prune"}, exitUsage, "", "--older-than is needed"},
		{[]string{"agent", "prune", "--older-than", "-1h"}, exitUsage, "", "is no age"},
		{[]string{"agent", "prune", "--older-than", "1w"}, exitUsage, "", "such as 30d"},
		{[]string{"agent", "prune", "--older-than", "1d", "--file", d.log, "--approvals"}, exitUsage, "", "no approvals"},
		{[]string{"agent", "prune", "--older-than", "1d", "--file", d.log, "--db", "x"}, exitUsage, "", "exclude each other"},
		{[]string{"agent", "prune", "--older-than", "1d", "--file", d.log, "--yes"}, exitFailure, "", "stop the program first"},
		{[]string{"agent", "prune", "--older-than", "1d", "--file", d.log + ".none", "--yes"}, exitUsage, "", "cannot be read"},
		{[]string{"agent", "prune", "--older-than", "1ns"}, exitUnconfirmed, "", "nothing was deleted"},
		{[]string{"agent", "prune", "--older-than", "1d", "--yes"}, 0, "Deleted: 0 approvals, 0 records.", ""},
		{[]string{"agent", "prune", "--older-than", "1ns", "--yes", "--audit"}, 0, "Deleted: 0 approvals, 2 records.", ""},
		{[]string{"agent", "audit", "--verify"}, 0, "1 records, as they were written; 2 before them were pruned", ""},
		{[]string{"agent", "erase"}, exitUsage, "", "one account"},
		{[]string{"agent", "erase", "ada"}, exitUnconfirmed, "", "nothing was deleted"},
		{[]string{"agent", "erase", "ada", "--yes", "--json"}, 0, `{"approvals":1,"records":1}`, ""},
		{[]string{"agent", "approvals", "list", "--all", "--json"}, 0, "[]", ""},
		{[]string{"agent", "audit", "--verify"}, 0, "the content of 1 of them was erased", ""},
		{[]string{"agent", "audit", "--file", d.log}, 0, "close_note_create", ""},
		{[]string{"agent", "audit", "--file", d.log, "--account", "bob", "--json"}, 0, "[]", ""},
		{[]string{"agent", "audit", "--file", d.log, "--verify"}, exitUsage, "", "closekit audit verify "},
		{[]string{"agent", "audit", "--file", d.log + ".none"}, exitUsage, "", "cannot be read"},
	} {
		code, stdout, stderr := d.run(c.args...)
		if code != c.code || !strings.Contains(stdout, c.out) || !strings.Contains(stderr, c.errors) {
			t.Errorf("%v: exit code %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
}

// TestUndoFromFile undoes a run by a log with JSON lines, which the undo is added to.
func TestUndoFromFile(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
		t.Fatal(err)
	}
	key, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	env := environmentOf(environment(srv), "CLOSEKIT_DB=", "CLOSEKIT_KEY="+vault.Text(key), "CLOSEKIT_KEY_FILE=", "TZ=UTC", "CLOSEKIT_POLICY=")
	d := &desk{T: t, env: env}
	run, closed := changedByFile(t, srv, key, file)
	name := func() any { return srv.Objects("leads")[0]["name"] }
	if code, stdout, stderr := d.run("agent", "undo", run, "--file", file, "--plan"); code != 0 || !strings.Contains(stdout, "restore name") {
		t.Errorf("plan: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := d.run("agent", "undo", run, "--file", file); code != exitFailure || !strings.Contains(stderr, "stop the program") {
		t.Errorf("while the program runs: exit code %d, %s", code, stderr)
	}
	closed()
	if code, _, stderr := d.run("agent", "undo", run, "--file", file); code != exitPending || name() != "Acme Inc" {
		t.Errorf("without a terminal: exit code %d, %s", code, stderr)
	}
	none := &desk{T: t, env: environmentOf(env, "CLOSEKIT_KEY=")}
	if code, _, stderr := none.run("agent", "undo", run, "--file", file); code != exitUsage || !strings.Contains(stderr, "no key is given") {
		t.Errorf("without a key: exit code %d, %s", code, stderr)
	}
	if o := onTerminal(t, srv, environmentOf(env, "CLOSEKIT_POLICY=write=allow,overwrite=allow"), "y\n", "agent", "undo", run, "--file", file); o.code != 0 || name() != "Acme Corp" {
		t.Errorf("%+v, now %s", o, name())
	}
	if code, stdout, stderr := d.run("audit", "verify", file); code != 0 || !strings.HasPrefix(stdout, "4 records") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// TestRotationCoversAgents replaces the key of a database with an approval and a snapshot.
func TestRotationCoversAgents(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	if err := srv.Seed(strings.NewReader(`{"leads": [{"id": "lead_a", "name": "Acme Corp"}]}`)); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := environmentOf(environment(srv), "CLOSEKIT_DB="+filepath.Join(dir, "agents.db"), "CLOSEKIT_KEY=", "CLOSEKIT_KEY_FILE="+filepath.Join(dir, "key"), "TZ=UTC", "CLOSEKIT_POLICY=write=allow,overwrite=allow")
	d := &desk{T: t, env: env}
	want := func(code int, out string, args ...string) string {
		t.Helper()
		got, stdout, stderr := d.run(args...)
		if got != code || !strings.Contains(stdout+stderr, out) {
			t.Fatalf("%v: exit code %d, want %d and %q\n%s%s", args, got, code, out, stdout, stderr)
		}
		return stdout
	}
	want(0, "", "accounts", "keygen", "--out", filepath.Join(dir, "key"))
	want(0, "", "agent", "call", "close_lead_update", `{"lead_id": "lead_a", "name": "Acme Inc"}`, "--keep")
	var waiting struct{ Approval, Run string }
	if err := json.Unmarshal([]byte(want(exitPending, "", "agent", "call", "close_lead_delete", `{"lead_id": "lead_a"}`, "--keep", "--json")), &waiting); err != nil {
		t.Fatal(err)
	}
	var keys struct{ Keys []string }
	if err := json.Unmarshal([]byte(want(0, "", "accounts", "keygen", "--add", "--json")), &keys); err != nil || len(keys.Keys) != 2 {
		t.Fatal(keys, err)
	}
	old := keys.Keys[0]
	want(exitFailure, "still needs the key "+old+" for 3 sealed values", "accounts", "keygen", "--remove", old)
	want(0, "encrypted again", "accounts", "reseal")
	want(0, `"changed":0`, "accounts", "reseal", "--json")
	want(0, "", "agent", "audit", "--verify")
	want(0, "no longer in", "accounts", "keygen", "--remove", old)
	want(0, "lead_a", "agent", "approvals", "show", waiting.Approval)
	var records []recordJSON
	if err := json.Unmarshal([]byte(want(0, "", "agent", "audit", "--json")), &records); err != nil {
		t.Fatal(err)
	}
	want(0, "restore name", "agent", "undo", records[0].Run, "--plan")
}

// TestAccountsStayAlone reseals a database without agents: it gets no tables for them.
func TestAccountsStayAlone(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	dir := t.TempDir()
	d := &desk{T: t, env: environmentOf(environment(srv), "CLOSEKIT_DB="+filepath.Join(dir, "x.db"), "CLOSEKIT_KEY=", "CLOSEKIT_KEY_FILE="+filepath.Join(dir, "key"))}
	if code, _, stderr := d.run("accounts", "keygen", "--out", filepath.Join(dir, "key")); code != 0 {
		t.Fatal(stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := d.run("accounts", "reseal"); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := d.run("agent", "audit"); code != exitFailure || !strings.Contains(stderr, "no approvals or records") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// changedByFile has an agent change a lead, and keep that in a file.
func changedByFile(t *testing.T, srv *emulator.Server, key accounts.Secret, file string) (run string, stop func()) {
	t.Helper()
	v, err := vault.Open(key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := auditlog.Open(file, auditlog.WithVault(v))
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))), agent.WithPolicy(agent.Rules{}), agent.WithAudit(l))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	if r := s.Call(t.Context(), "close_lead_update", []byte(`{"lead_id":"lead_a","name":"Acme Inc"}`)); r.Err != nil {
		t.Fatal(r.Err)
	}
	return s.Run(), func() {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
