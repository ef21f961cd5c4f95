package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/manifest"
)

// inTheWay lists what Go files in the folders of a package do not agree with: they
// are of another package, or declare a name that the generated files declare. Files
// that are overwritten do not count.
func inTheWay(out, pkg string, files []generator.File) manifest.Problems {
	var ps manifest.Problems
	for _, folder := range []struct{ dir, pkg string }{{".", pkg}, {"tools", "tools"}} {
		f := folderCheck{dir: filepath.Join(out, folder.dir), pkg: folder.pkg, fset: token.NewFileSet(), overwritten: map[string]bool{}}
		for _, file := range files {
			if path.Dir(file.Path) == folder.dir && path.Ext(file.Path) == ".go" {
				f.overwritten[path.Base(file.Path)] = true
				f.generated = append(f.generated, file)
			}
		}
		ps = append(ps, f.problems()...)
	}
	return ps.Sorted()
}

// folderCheck looks at the Go files of one folder.
type folderCheck struct {
	dir, pkg    string
	fset        *token.FileSet
	overwritten map[string]bool // by name
	generated   []generator.File
	declared    map[string]string // by name, the generated file
}

func (c *folderCheck) problems() (ps manifest.Problems) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil // there is no such folder yet, or writing reports the error
	}
	add := func(pos token.Pos, hint, format string, args ...any) {
		p := c.fset.Position(pos)
		ps = append(ps, manifest.Problem{Pos: manifest.Pos{File: p.Filename, Line: p.Line, Col: p.Column}, Msg: fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, e := range entries {
		name := filepath.Join(c.dir, e.Name())
		if !e.Type().IsRegular() || filepath.Ext(name) != ".go" {
			continue
		}
		src, err := os.ReadFile(name) //nolint:gosec // in the folder of the user
		if err != nil {
			continue
		}
		file, err := parser.ParseFile(c.fset, name, src, parser.SkipObjectResolution)
		if err != nil || file.Name == nil {
			continue // the compiler reports it
		}
		if match, err := build.Default.MatchFile(c.dir, e.Name()); err != nil || !match {
			continue
		}
		isTest := strings.HasSuffix(e.Name(), "_test.go")
		if got := file.Name.Name; got != c.pkg && (!isTest || got != c.pkg+"_test") {
			add(file.Name.Pos(), "set -package "+got+", or choose another folder", "the folder has package %s, not %s", got, c.pkg)
			continue
		}
		if c.overwritten[e.Name()] || generator.IsGenerated(name, src) || file.Name.Name != c.pkg {
			continue
		}
		names := c.names()
		for id := range declarations(file) {
			if where, ok := names[id.Name]; ok && (isTest || !strings.HasSuffix(where, "_test.go")) {
				add(id.Pos(), "rename it", "%s is declared here and in the generated %s", id.Name, where)
			}
		}
	}
	return ps
}

// names returns the names that the generated files declare.
func (c *folderCheck) names() map[string]string {
	if c.declared == nil {
		c.declared = map[string]string{}
		for _, g := range c.generated {
			if file, err := parser.ParseFile(token.NewFileSet(), g.Path, g.Data, parser.SkipObjectResolution); err == nil {
				for id := range declarations(file) {
					c.declared[id.Name] = path.Base(g.Path)
				}
			}
		}
	}
	return c.declared
}

// declarations returns the names that a file declares in its package.
func declarations(file *ast.File) map[*ast.Ident]bool {
	ids := map[*ast.Ident]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name != "init" {
				ids[d.Name] = true
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					ids[s.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						ids[n] = n.Name != "_"
					}
				}
			}
		}
	}
	maps.DeleteFunc(ids, func(_ *ast.Ident, names bool) bool { return !names })
	return ids
}
