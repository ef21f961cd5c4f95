//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/closekit/closekit/emulator"
)

// bulkSite is an emulated Close with leads, and a gate before bulk actions.
type bulkSite struct {
	srv  *emulator.Server
	url  string
	come chan struct{} // a bulk action has come
	let  chan struct{} // it goes on when this is closed
	sent atomic.Int32
}

func newBulkSite(t *testing.T, leads int) *bulkSite {
	t.Helper()
	s := &bulkSite{srv: emulator.New(emulator.Options{}), come: make(chan struct{}, 9), let: make(chan struct{})}
	t.Cleanup(func() { _ = s.srv.Close() })
	var names []string
	for i := range leads {
		names = append(names, fmt.Sprintf(`{"name": "Acme %d"}`, i))
	}
	if err := s.srv.Seed(strings.NewReader(`{"leads": [{"name": "Globex"},` + strings.Join(names, ",") + `]}`)); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/api/v1/bulk_action/") {
			body, _ := io.ReadAll(r.Body) // else the context does not tell that the client is gone
			r.Body = io.NopCloser(bytes.NewReader(body))
			s.come <- struct{}{}
			select {
			case <-s.let:
			case <-r.Context().Done():
				return
			}
			s.sent.Add(1)
		}
		s.srv.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	s.url = front.URL
	return s
}

func (s *bulkSite) child(t *testing.T, args ...string) *child {
	t.Helper()
	return start(t, nil, self(t), append([]string{"--base-url", s.url, "--api-key", s.srv.APIKey(), "call"}, args...)...)
}

func (s *bulkSite) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := s.child(t, args...)
	stdout, code = c.end()
	return code, stdout, c.stderr.String()
}

const acmeLeads = `{"type":"and","queries":[{"type":"object_type","object_type":"lead"},{"type":"text","value":"Acme"}]}`

func keptRecords(t *testing.T, file string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(data) {
		var kept struct {
			Kind   string
			Record struct{ ID, Name string }
		}
		if err := json.Unmarshal(line, &kept); err != nil || kept.Kind != "lead" || !strings.HasPrefix(kept.Record.Name, "Acme ") {
			t.Fatalf("kept %s: %v", line, err)
		}
		n++
	}
	return n
}

func TestCallBulk(t *testing.T) {
	t.Parallel()
	s := newBulkSite(t, 3)
	close(s.let)
	dir := t.TempDir()
	undo, taken := filepath.Join(dir, "undo.jsonl"), filepath.Join(dir, "taken.jsonl")
	if err := os.WriteFile(taken, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--confirm_count 3", exitUsage, "needs --undo FILE"},
		{"--confirm_count 3 --undo " + undo + " --no-undo", exitUsage, "exclude each other"},
		{"--confirm_count 3 --undo " + taken, exitUsage, "exists already"},
		{"--confirm_count 3 --undo " + filepath.Join(dir, "none", "x"), exitFailure, "nothing was sent"},
		{"--undo " + undo, exitValidation, "confirm_count is required"},
		{"--confirm_count 4 --undo " + undo, exitValidation, "4 records were confirmed, and the query finds 3 now"},
		{"--confirm_count 4 --no-undo", exitValidation, "4 records were confirmed, and the query finds 3 now"},
	} {
		code, _, stderr := s.run(t, append([]string{"close_bulk_delete_create", "--s_query", acmeLeads, "--yes"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d: %s", c.args, code, stderr)
		}
	}
	if code, _, stderr := s.run(t, "close_bulk_delete_create", `{"s_query":{"type":"object_type","object_type":"lead"},"confirm_count":4}`, "--yes", "--undo", undo); code != exitValidation || !strings.Contains(stderr, "--confirm_everything") {
		t.Errorf("everything: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := s.run(t, "close_me_get", "--undo", undo); code != exitUsage || !strings.Contains(stderr, "have no effect") {
		t.Errorf("another tool: exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(undo); err == nil || s.sent.Load() != 0 {
		t.Fatalf("%d actions were sent, and the file exists: %v", s.sent.Load(), err == nil)
	}
	code, stdout, stderr := s.run(t, "close_bulk_delete_create", "--s_query", acmeLeads, "--confirm_count", "3", "--yes", "--undo", undo)
	if code != 0 || !strings.Contains(stdout, `"bulkdelete_`) || !strings.Contains(stderr, "the records as they were are in "+undo) || keptRecords(t, undo) != 3 || s.sent.Load() != 1 {
		t.Errorf("exit code %d, %d sent: %s%s", code, s.sent.Load(), stdout, stderr)
	}
	if mine, err := os.ReadFile(taken); err != nil || string(mine) != "mine" {
		t.Errorf("the file has %q, %v", mine, err)
	}
}

// TestCallBulkFolder sends nothing if the name of the file with the records cannot be put on
// the disk, here because its folder can be written and not opened.
func TestCallBulkFolder(t *testing.T) {
	t.Parallel()
	s := newBulkSite(t, 3)
	close(s.let)
	dir := t.TempDir()
	program, folder := filepath.Join(dir, "closekit"), filepath.Join(dir, "folder")
	data, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(program, data, 0o755), os.Mkdir(folder, 0o700), os.Chmod(folder, 0o333), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--base-url", s.url, "--api-key", s.srv.APIKey(),
		"call", "close_bulk_delete_create", "--s_query", acmeLeads, "--confirm_count", "3", "--yes", "--undo", filepath.Join(folder, "undo.jsonl"))
	cmd.Env = []string{asCommand + "=1", "NO_PROXY=*", "HOME=" + dir}
	if os.Geteuid() == 0 { // who may open everything
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailure || !strings.Contains(string(out), "open "+folder) || !strings.Contains(string(out), "nothing was sent") || s.sent.Load() != 0 {
		t.Errorf("%v, %d sent: %s", err, s.sent.Load(), out)
	}
	if _, err := os.Stat(filepath.Join(folder, "undo.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty file: %v", err)
	}
}
