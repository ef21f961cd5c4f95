package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// packages are the folders of the packages that documents mention by name.
var packages = map[string]string{
	"closekit": ".", "closeapi": "closeapi", "tools": "closeapi/tools", "wire": "runtime/wire", "logging": "runtime/logging",
	"emulator": "emulator", "accounts": "runtime/accounts", "vault": "runtime/accounts/vault",
	"pgstore": "runtime/accounts/pgstore", "sqlitestore": "runtime/accounts/sqlitestore", "storetest": "runtime/accounts/storetest",
}

var qualified = regexp.MustCompile(`(?:^|[^\w./-])([a-z]\w*)\.([A-Z]\w*)`)

// TestNamesInDocuments checks that the exported identifiers that documents name,
// in their text and in their snippets, exist.
func TestNamesInDocuments(t *testing.T) {
	t.Parallel()
	exported := map[string]map[string]bool{}
	for name, dir := range packages {
		exported[name] = exportedNames(t, filepath.Join("../..", dir))
	}
	files(t, func(name, text string) {
		for _, m := range qualified.FindAllStringSubmatch(text, -1) {
			if names := exported[m[1]]; names != nil && !names[m[2]] {
				t.Errorf("%s names %s.%s, which does not exist", name, m[1], m[2])
			}
		}
	}, ".md")
}

func exportedNames(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".go" || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}
