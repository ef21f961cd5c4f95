package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCallBulkKilled kills the command when the deletion has been sent and not answered:
// the records are in the file.
func TestCallBulkKilled(t *testing.T) {
	t.Parallel()
	s := newBulkSite(t, 30)
	undo := filepath.Join(t.TempDir(), "undo.jsonl")
	c := s.child(t, "close_bulk_delete_create", "--s_query", acmeLeads, "--confirm_count", "30", "--yes", "--undo", undo)
	<-s.come
	if n := keptRecords(t, undo); n != 30 {
		t.Errorf("%d records are in the file when the deletion comes", n)
	}
	c.signal(syscall.SIGKILL)
	c.end()
	if n := keptRecords(t, undo); n != 30 {
		t.Errorf("%d records are in the file afterwards", n)
	}
	if n := len(s.srv.Objects("leads")); n != 31 {
		t.Errorf("%d leads are left", n)
	}
}

// TestCallBulkFullDisk writes the records where no file may have a byte.
func TestCallBulkFullDisk(t *testing.T) {
	t.Parallel()
	s := newBulkSite(t, 3)
	close(s.let)
	undo := filepath.Join(t.TempDir(), "undo.jsonl")
	args := append([]string{"-c", `trap "" XFSZ; ulimit -f 0; exec "$@"`, "sh", self(t)}, "--base-url", s.url, "--api-key", s.srv.APIKey(), "call", "close_bulk_delete_create", "--s_query", acmeLeads, "--confirm_count", "3", "--yes", "--undo", undo)
	c := start(t, nil, "/bin/sh", args...)
	_, code := c.end()
	if text := c.stderr.String(); code != exitFailure || !strings.Contains(text, "bulk action not sent: keeping the records for an undo: write "+undo) || s.sent.Load() != 0 {
		t.Errorf("exit code %d, %d sent: %s", code, s.sent.Load(), text)
	}
	if _, err := os.Stat(undo); err == nil {
		t.Error("the unusable file is still there")
	}
}
