package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/closekit/closekit"
)

// runMCP runs the command for a program on the path.
func runMCP(t *testing.T) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Program{}.Run(t.Context(), []string{"mcp", "--toolset", "sales", "--help"}, strings.NewReader("asked"), &out, &errs, os.Getenv)
	return code, out.String(), errs.String()
}

// TestMCPMissing tells how to install the program.
func TestMCPMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, out, errs := runMCP(t)
	if code != 2 || out != "" {
		t.Errorf("%d %s %s", code, out, errs)
	}
	for _, way := range []string{"beside it", "go -C adapters/mcp install ./cmd/closekit-mcp", "go install github.com/closekit/closekit/adapters/mcp/cmd/closekit-mcp@v" + closekit.Version} {
		if !strings.Contains(errs, way) {
			t.Errorf("%s\ndoes not name %q", errs, way)
		}
	}
}
