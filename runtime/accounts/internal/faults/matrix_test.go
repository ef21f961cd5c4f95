package faults

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	named   = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	defined = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// TestMatrixNamesTests makes sure that every test of the fault matrix exists.
func TestMatrixNamesTests(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		src, err := fs.ReadFile(root, file)
		for _, m := range defined.FindAllSubmatch(src, -1) {
			exist[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := named.FindAllSubmatch(text, -1)
	if len(tests) < 50 {
		t.Errorf("the matrix names only %d tests", len(tests))
	}
	for _, m := range tests {
		if !exist[string(m[1])] {
			t.Errorf("the matrix names %s, which does not exist", m[1])
		}
	}
}
