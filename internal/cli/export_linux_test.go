package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportFullDisk writes to a disk without space.
func TestExportFullDisk(t *testing.T) {
	g := newGate(t, 300, 0)
	out := filepath.Join(t.TempDir(), "leads.jsonl")
	if err := os.Symlink("/dev/full", out+".partial"); err != nil {
		t.Fatal(err)
	}
	c := g.child(t, "export", "leads", "--out", out)
	_, code := c.end()
	if text := c.stderr.String(); code != exitFailure || !strings.Contains(text, "no space left") || !strings.Contains(text, "the disk is full") || !strings.Contains(text, "0 leads are safe") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if err := os.Remove(out + ".partial"); err != nil {
		t.Fatal(err)
	}
	c = g.child(t, "export", "leads", "--out", out)
	if _, code := c.end(); code != 0 || len(ids(t, out)) != 300 {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
}
