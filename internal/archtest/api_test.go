package archtest

import (
	"go/types"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestNoInternalTypes walks the exported API of every public package: what a
// user can name must be made of types that a user can name.
func TestNoInternalTypes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command")
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps, Dir: "../.."}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, p := range pkgs {
		if isInternal(p.PkgPath) || p.Name == "main" {
			continue
		}
		checked++
		for _, name := range p.Types.Scope().Names() {
			if o := p.Types.Scope().Lookup(name); o.Exported() {
				w := &apiWalk{t: t, at: path.Base(p.PkgPath) + "." + name, seen: map[types.Type]bool{}}
				w.object(o)
			}
		}
	}
	if checked < 14 {
		t.Errorf("only %d public packages were found", checked)
	}
}

func isInternal(pkg string) bool {
	return slices.Contains(strings.Split(pkg, "/"), "internal") && strings.HasPrefix(pkg, module)
}

// apiWalk follows the types that one exported name leads to.
type apiWalk struct {
	t    *testing.T
	at   string
	seen map[types.Type]bool
}

func (w *apiWalk) object(o types.Object) {
	w.typ(o.Type())
	if n, ok := o.Type().(*types.Named); ok {
		for m := range n.Methods() {
			if m.Exported() {
				w.typ(m.Type())
			}
		}
	}
}

func (w *apiWalk) typ(t types.Type) {
	if t == nil || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		w.named(t.Obj())
		w.typ(types.Unalias(t))
	case *types.Named:
		w.named(t.Obj())
		for a := range t.TypeArgs().Types() {
			w.typ(a)
		}
		w.typ(t.Underlying())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.typ(f.Type())
			}
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			if m.Exported() {
				w.typ(m.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			w.typ(e)
		}
	case *types.Signature:
		for v := range t.Params().Variables() {
			w.typ(v.Type())
		}
		for v := range t.Results().Variables() {
			w.typ(v.Type())
		}
	case *types.Map:
		w.typ(t.Key())
		w.typ(t.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.typ(t.Elem())
	}
}

func (w *apiWalk) named(o *types.TypeName) {
	if p := o.Pkg(); p != nil && isInternal(p.Path()) {
		w.t.Errorf("%s leads to %s.%s, which users cannot name", w.at, p.Path(), o.Name())
	}
}
