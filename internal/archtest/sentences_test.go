package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/first_sentences.txt")

// TestFirstSentences compares the sentence that begins the documentation of
// every exported name with a file, so that a changed sentence is read. A
// sentence that stands in a package more than once is listed once.
func TestFirstSentences(t *testing.T) {
	t.Parallel()
	const file = "testdata/first_sentences.txt"
	var b strings.Builder
	for _, dir := range publicPackages(t) {
		sentences(t, &b, dir)
	}
	got := b.String()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for _, line := range g {
		if !slices.Contains(w, line) {
			t.Errorf("new: %s", line)
		}
	}
	for _, line := range w {
		if !slices.Contains(g, line) {
			t.Errorf("gone: %s", line)
		}
	}
	if t.Failed() {
		t.Log("read the new sentences aloud, then run go test ./internal/archtest -update")
	}
}

// publicPackages lists the folders of the packages that users can import.
func publicPackages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS("../.."), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			dir := path.Dir(p)
			if strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		case p != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"internal", "testdata", "cmd"}, d.Name())):
			return fs.SkipDir
		case p != ".":
			if _, err := os.Stat(path.Join("../..", p, "go.mod")); err == nil {
				return fs.SkipDir // a module of its own
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return dirs
}

// sentences lists what a package documents.
func sentences(t *testing.T, b *strings.Builder, dir string) {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := fs.Glob(os.DirFS("../.."), path.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path.Join("../..", p), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if files[0].Name.Name == "main" {
		return
	}
	pkg, err := doc.NewFromFiles(fset, files, path.Join(module, dir))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "package %s\n\t%s\n", path.Join(module, dir), pkg.Synopsis(pkg.Doc))
	said := map[string]bool{}
	add := func(name, text string) {
		s := pkg.Synopsis(text)
		if s == "" {
			s = "(not documented)"
		}
		if said[s] {
			return
		}
		said[s] = true
		fmt.Fprintf(b, "\t%s: %s\n", name, s)
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			add(v.Names[0], v.Doc)
		}
	}
	funcs := func(of string, list []*doc.Func) {
		for _, f := range list {
			add(of+f.Name, f.Doc)
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	funcs("", pkg.Funcs)
	for _, typ := range pkg.Types {
		add(typ.Name, typ.Doc)
		values(typ.Consts)
		values(typ.Vars)
		funcs("", typ.Funcs)
		funcs(typ.Name+".", typ.Methods)
	}
}
