//go:build unix

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMCP runs what has the name of the program: here, a shell script.
func TestMCP(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	script := "#!/bin/sh\nread -r word\necho \"$word $*\"\nexit 5\n"
	if err := os.WriteFile(filepath.Join(dir, "closekit-mcp"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := runMCP(t); code != 5 || out != "asked --toolset sales --help\n" {
		t.Errorf("%d %q", code, out)
	}
}

// TestMCPBeside runs the program in the folder of the command, where a release is unpacked.
func TestMCPBeside(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Link(self(t), filepath.Join(dir, "closekit")); err != nil {
		data, err := os.ReadFile(self(t)) // on another device
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "closekit"), data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for folder, says := range map[string]string{dir: "beside", elsewhere: "on the path"} {
		if err := os.WriteFile(filepath.Join(folder, "closekit-mcp"), []byte("#!/bin/sh\necho "+says+" $*\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := func() string {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "closekit"), "mcp", "--meta")
		cmd.Env = []string{"PATH=" + elsewhere, asCommand + "=1"}
		out, err := cmd.Output() // a binary for coverage warns on standard error
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return string(out)
	}
	if got := run(); got != "beside --meta\n" {
		t.Errorf("both: %q", got)
	}
	if err := os.Remove(filepath.Join(dir, "closekit-mcp")); err != nil {
		t.Fatal(err)
	}
	if got := run(); got != "on the path --meta\n" {
		t.Errorf("on the path only: %q", got)
	}
}
