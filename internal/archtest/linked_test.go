package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLinkedToolData builds two programs and looks in them for the embedded data
// of the tools. A program with typed calls links none of it, one that looks up a
// single tool links all of it: docs/design.md says so.
func TestLinkedToolData(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds two programs")
	}
	files, err := filepath.Glob("../../closeapi/tools/data/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tool data found: %v", err)
	}
	linked := func(program string) (n int) {
		out := filepath.Join(t.TempDir(), program)
		if msg, err := exec.CommandContext(t.Context(), "go", "build", "-o", out, "testdata/"+program+"/main.go").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, msg)
		}
		binary, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(binary, data) {
				n++
			}
		}
		return n
	}
	if n := linked("typed"); n != 0 {
		t.Errorf("a program with typed calls links the data of tools: %d files", n)
	}
	if n := linked("lookup"); n != len(files) {
		t.Errorf("a program that looks up a tool links %d of %d files", n, len(files))
	}
}
