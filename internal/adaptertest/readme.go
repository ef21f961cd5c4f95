package adaptertest

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/snippets"
)

// Readme wants the Go code of README.md in a test beside it, which runs it, and the page
// to be short: one page, and ten lines beside the checks of errors. The code in doc comments
// must compile, and the page says how to get the module and how to make the agent.
func Readme(t *testing.T) {
	if n := snippets.Check(t, "."); n == 0 {
		t.Error("no doc comment has code")
	}
	dir := os.DirFS(".")
	page, err := fs.ReadFile(dir, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := fs.ReadFile(dir, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	if get := "`go get " + strings.TrimPrefix(first, "module ") + "`"; !strings.Contains(string(page), get) {
		t.Errorf("README.md does not name %s", get)
	}
	if strings.Count(string(page), recipe) != 1 || strings.Count(string(page), "tools.Catalog()") != 1 {
		t.Errorf("README.md must make the agent as the tests of its code do, with %s", recipe)
	}
	files, err := fs.Glob(dir, "*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, f := range files {
		source, err := fs.ReadFile(dir, f)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(source)
	}
	if n := strings.Count(string(page), "\n"); n > 75 {
		t.Errorf("README.md has %d lines", n)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("README.md has no code")
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(tests.String(), code) {
			t.Errorf("in no test:\n%s", code)
		}
		if n := statements(code); n > 10 {
			t.Errorf("%d lines of code:\n%s", n, code)
		}
	}
}

// statements counts lines, without the checks of errors, the signature, and braces.
func statements(code string) (n int) {
	check := false
	for line := range strings.Lines(code) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "func "), line == "}", line == "":
		case line == "if err != nil {":
			check = true
		case check:
			check = false
		default:
			n++
		}
	}
	return n
}
