package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// downstream creates a module that uses this one as it is on disk, and returns its
// folder.
func downstream(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := module(t, "module example.com/m\n\ngo 1.25.0\n\nrequire github.com/closekit/closekit v0.0.0\n\nreplace github.com/closekit/closekit => "+filepath.ToSlash(root)+"\n")
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(root, "go.sum")))
	return dir
}

// goTool runs the go command in a module, offline.
func goTool(t *testing.T, dir string, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestAnotherAPI generates a package for an invented API, and calls it.
func TestAnotherAPI(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds a program")
	}
	dir := downstream(t)
	closegen("-out", filepath.Join(dir, "stock"), "-manifest", "testdata/stock").want(t, 0, "stock", "")
	write(t, filepath.Join(dir, "stock", "stock_test.go"), read(t, "testdata/stock/stock_test.go.txt"))
	if out, err := goTool(t, dir, "test", "./..."); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestAddition generates the manifest of Close with an addition, and calls what it
// adds, on the emulator with its routes.
func TestAddition(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds a program")
	}
	dir := downstream(t)
	closegen("-out", filepath.Join(dir, "own"), "-manifest", "testdata/addition", "-routes", filepath.Join(dir, "routes", "routes.go"),
		"-reference", filepath.Join(dir, "docs")).want(t, 0, "own", "")
	write(t, filepath.Join(dir, "own", "own_test.go"), read(t, "testdata/addition/own_test.go.txt"))
	if out, err := goTool(t, dir, "test", "./..."); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if page := read(t, filepath.Join(dir, "docs", "leads.md")); !strings.Contains(page, "Region of the company.") {
		t.Error("the page of leads lacks what the addition adds")
	}
	if page := read(t, filepath.Join(dir, "docs", "gadgets.md")); !strings.Contains(page, "close_gadget_create") {
		t.Errorf("gadgets.md:\n%s", page)
	}
	closegen("-out", filepath.Join(dir, "stock"), "-manifest", "testdata/stock", "-routes", filepath.Join(dir, "routes", "routes.go")).want(t, 2, "",
		"closegen: error: -routes is for the emulator of Close, and the manifest describes Stockroom\n")
}
