package agent_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestVanishedDirectory makes an agent in a working directory that has been deleted, as
// happens to a service whose release is replaced.
func TestVanishedDirectory(t *testing.T) {
	dir, err := os.MkdirTemp(t.TempDir(), "x") //nolint:usetesting // TempDir would remove it, and complain
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("PWD", "") // which os.Getwd believes
	if err := os.Remove(dir); err != nil {
		if runtime.GOOS != "windows" {
			t.Fatal(err)
		}
		return // a working directory cannot vanish there
	}
	if _, err := agent.New(tools.Catalog()); err != nil {
		t.Error(err)
	}
}
