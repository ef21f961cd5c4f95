package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/cli"
)

// TestMCP runs what has the name of the program, or tells how to install it.
func TestMCP(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	run := func() (int, string, string) {
		var out, errs bytes.Buffer
		code := cli.Program{}.Run(t.Context(), []string{"mcp", "--toolset", "sales", "--help"}, strings.NewReader("asked"), &out, &errs, os.Getenv)
		return code, out.String(), errs.String()
	}
	if code, out, errs := run(); code != 2 || out != "" || !strings.Contains(errs, "go install github.com/closekit/closekit/adapters/mcp/cmd/closekit-mcp@latest") {
		t.Errorf("not installed: %d %s %s", code, out, errs)
	}
	if runtime.GOOS == "windows" {
		t.Skip("the program of this test is a shell script")
	}
	script := "#!/bin/sh\nread -r word\necho \"$word $*\"\nexit 5\n"
	if err := os.WriteFile(filepath.Join(dir, "closekit-mcp"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := run(); code != 5 || out != "asked --toolset sales --help\n" {
		t.Errorf("installed: %d %q", code, out)
	}
}
