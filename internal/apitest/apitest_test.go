// Package apitest keeps the exported API of the hand-written packages in text
// files, so that a change of it is a change that a reviewer sees.
package apitest

import (
	"bytes"
	"flag"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/api")

const (
	module = "github.com/closekit/closekit"
	root   = "../.."
)

// generated packages are left out: their files are the API, and in the diff.
var generated = []string{"closeapi", "closeapi/tools"}

var (
	layout     = printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 8}
	unexported = regexp.MustCompile(`\n*}\s*// contains filtered or unexported (fields|methods)\s*}?`) // as go/doc leaves it
)

// packages lists the folders whose packages others can import.
func packages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS(root), ".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); dir != "." && (err == nil || slices.Contains([]string{"internal", "testdata", "examples", "cmd"}, d.Name()) || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if list, _ := filepath.Glob(filepath.Join(root, dir, "*.go")); len(list) > 0 && !slices.Contains(generated, dir) {
			dirs = append(dirs, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// exported formats the exported declarations of a package without comments.
func exported(t *testing.T, dir string) []byte {
	t.Helper()
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", "amd64", false
	pkg, err := ctx.ImportDir(filepath.Join(root, dir), 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(root, dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, path.Join(module, dir))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("package " + p.Name + " // " + p.ImportPath + "\n")
	write := func(decl ast.Node) {
		out.WriteString("\n")
		var text bytes.Buffer
		if err := layout.Fprint(&text, token.NewFileSet(), decl); err != nil {
			t.Fatal(err)
		}
		out.WriteString(unexported.ReplaceAllString(strings.TrimSpace(text.String()), "\n\t// unexported\n}") + "\n")
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			write(v.Decl)
		}
	}
	funcs := func(list []*doc.Func) {
		for _, f := range list {
			write(f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	funcs(p.Funcs)
	for _, typ := range p.Types {
		write(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		funcs(typ.Funcs)
		funcs(typ.Methods)
	}
	return out.Bytes()
}

func TestAPI(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, dir := range packages(t) {
		name := strings.ReplaceAll(dir, "/", "_") + ".txt"
		if dir == "." {
			name = "closekit.txt"
		}
		known[name] = true
		file := filepath.Join(root, "docs", "api", name)
		got := exported(t, dir)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the API of %s differs from docs/api/%s: run \"go test ./internal/apitest -update\", read the diff, and see docs/compatibility.md", path.Join(module, dir), name)
		}
	}
	list, err := os.ReadDir(filepath.Join(root, "docs", "api"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		if !known[entry.Name()] {
			t.Errorf("docs/api/%s belongs to no package; remove it", entry.Name())
		}
	}
}
