package accounts

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources parses the package without its tests.
func sources(t *testing.T, dir string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	list, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(gotoken.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.ToSlash(name)] = f
	}
	return files
}

// Secrets are read in a handful of files only.
func TestRevealIsRare(t *testing.T) {
	t.Parallel()
	allowed := []string{"connection.go", "identity.go", "oauth_client.go", "publish.go", "secret.go", "token_source.go", "vault.go", "vault/vault.go"}
	for _, dir := range []string{".", "vault", "storetest"} {
		for name, f := range sources(t, dir) {
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok || sel.Sel.Name != "Reveal" {
					return true
				}
				if !slices.Contains(allowed, name) {
					t.Errorf("%s reveals secrets", name)
				}
				return true
			})
		}
	}
}

// Nothing that is exported leads to a credential without a Principal or a
// handle that was made from one.
func TestNoWayAroundPrincipals(t *testing.T) {
	t.Parallel()
	text := func(e ast.Expr) string {
		var b strings.Builder
		ast.Inspect(e, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				b.WriteString(id.Name + " ")
			}
			return true
		})
		return b.String()
	}
	found := 0
	for name, f := range sources(t, ".") {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || fn.Type.Results == nil {
				continue
			}
			from, gives := "", ""
			if fn.Recv != nil {
				from = text(fn.Recv.List[0].Type)
			}
			for _, p := range fn.Type.Params.List {
				from += text(p.Type)
			}
			for _, r := range fn.Type.Results.List {
				gives += text(r.Type)
			}
			if !strings.Contains(gives, "Credential ") && !strings.Contains(gives, "Client ") && !strings.Contains(gives, "Account ") &&
				!strings.Contains(gives, "TokenSource ") && !strings.Contains(gives, "Link ") && !strings.Contains(gives, "LocalFlow ") {
				continue
			}
			found++
			if !strings.Contains(from, "Principal ") && !strings.HasPrefix(from, "Account ") {
				t.Errorf("%s: %s gives %sfrom %s", name, fn.Name.Name, gives, from)
			}
		}
	}
	if found < 6 {
		t.Errorf("only %d functions were looked at", found)
	}
}

// Printing what holds tokens in memory shows none.
func TestPrintingShowsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.connect("ada")
	w.ok(a)
	type holder struct {
		a *Account
		m *Manager
	}
	for _, v := range []any{a, holder{a, w.m}, w.m, w.m.conns[conName], w.rec("ada"), infoOf(w.rec("ada")), w.cfg.Connections} {
		if text := fmt.Sprintf("%v %+v %#v %s", v, v, v, v); strings.Contains(text, canary) {
			t.Errorf("%T prints a secret", v)
		}
	}
	w.end()
}
