//go:build unix

// Package testuser runs tests of file permissions as an unprivileged user. The
// superuser may read and write everything, so such a test proves nothing there.
package testuser

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// again is set in the process that runs a test as another user.
const again = "CLOSEKIT_TEST_AS_USER"

// Unprivileged reports whether this process runs as an unprivileged user. If it
// runs as the superuser, Unprivileged runs the test again as another user, in a
// process of its own, and fails if that fails; the caller must then return.
func Unprivileged(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	if os.Getenv(again) != "" {
		t.Fatal("the process is still that of the superuser")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatalf("a test about rights needs another user than root: %v", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "testuser-") //nolint:usetesting // other users cannot read t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(dir, "test")
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe) //nolint:gosec // this very program
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run="+exactly(t.Name()), "-test.v") //nolint:gosec // this very program
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), again+"=1", "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("as %s: %v\n%s", u.Username, err, out)
	}
	return false
}

// exactly returns the pattern that selects one test by its full name.
func exactly(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return strings.Join(parts, "/")
}
