package dirsync_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/closekit/closekit/internal/dirsync"
)

// TestParent syncs the folder of the file, and no other one.
func TestParent(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Chdir(t.TempDir())
		if err := dirsync.Parent("file"); err != nil {
			t.Error(err)
		}
		return
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.MkdirAll(filepath.Join("far", "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("far", "folder"), "link"); err != nil {
		t.Fatal(err)
	}
	for file, is := range map[string]bool{
		"file": true, "far/file": true, "link/file": true, filepath.Join(dir, "file"): true,
		"link/../folder/file": true, // far/folder
		"none/file":           false,
		"far/none/file":       false,
	} {
		if err := dirsync.Parent(file); (err == nil) != is || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
