package dirsync_test

import (
	"testing"

	"github.com/closekit/closekit/internal/dirsync"
)

// TestUnsupported syncs a folder of a file system that refuses it.
func TestUnsupported(t *testing.T) {
	if err := dirsync.Parent("/proc/version"); err != nil {
		t.Error(err)
	}
}
