package generator_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	gofumpt "mvdan.cc/gofumpt/format"

	"github.com/closekit/closekit/generator"
	"github.com/closekit/closekit/manifest"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

var options = generator.Options{Package: "things", ImportPath: "zone.example/things"}

// load checks a manifest.
func load(tb testing.TB, layers ...fs.FS) *manifest.API {
	tb.Helper()
	doc, err := manifest.Load(layers...)
	if err != nil {
		tb.Fatal(err)
	}
	api, err := manifest.Check(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return api
}

// everything returns all files that are generated from a manifest, with the
// folder of each output before the names.
func everything(tb testing.TB, api *manifest.API, o generator.Options) []generator.File {
	tb.Helper()
	code, err := generator.Generate(api, o)
	if err != nil {
		tb.Fatal(err)
	}
	pages := generator.Reference(api)
	routes := generator.Routes(api)
	var all []generator.File
	for _, f := range code {
		all = append(all, generator.File{Path: o.Package + "/" + f.Path, Data: f.Data})
	}
	for _, f := range pages {
		all = append(all, generator.File{Path: "reference/" + f.Path, Data: f.Data})
	}
	return append(all, generator.File{Path: "emulator/routes.go", Data: routes})
}

// common are files that say little about a feature; only plain and bare have
// them.
var common = []string{"things/doc.go", "things/operations.go", "reference/README.md"}

// TestGolden generates from small manifests and compares every file.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range paths {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(bytes.TrimSpace(ar.Comment)) == 0 {
				t.Error("the archive does not say what it guards")
			}
			input, want := fstest.MapFS{}, map[string]string{}
			isInput := func(f txtar.File) bool { return path.Ext(f.Name) == ".yaml" }
			for _, f := range ar.Files {
				if isInput(f) {
					input[f.Name] = &fstest.MapFile{Data: f.Data}
				} else {
					want[f.Name] = string(f.Data)
				}
			}
			got := everything(t, load(t, input), options)
			sound(t, got)
			if name != "plain" && name != "bare" {
				got = slices.DeleteFunc(got, func(f generator.File) bool { return slices.Contains(common, f.Path) })
			}
			if *update {
				ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return !isInput(f) })
				for _, f := range got {
					ar.Files = append(ar.Files, txtar.File{Name: f.Path, Data: f.Data})
				}
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, f := range got {
				w, ok := want[f.Path]
				delete(want, f.Path)
				switch {
				case !ok:
					t.Errorf("generated %s, which the archive has not; run the test with -update and read the diff", f.Path)
				case w != string(f.Data):
					t.Errorf("%s: %s; run the test with -update and read the diff", f.Path, firstDiff(string(f.Data), w))
				}
			}
			for name := range want {
				t.Errorf("the archive has %s, which was not generated", name)
			}
		})
	}
}

func firstDiff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is\n\t%s\nwant\n\t%s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// sound checks what holds for all generated Go: the header, gofumpt, and that
// it compiles.
func sound(t *testing.T, files []generator.File) {
	t.Helper()
	for _, f := range files {
		if path.Ext(f.Path) != ".go" {
			continue
		}
		if first, _, _ := bytes.Cut(f.Data, []byte("\n")); !bytes.HasPrefix(first, []byte("// Code generated ")) || !bytes.HasSuffix(first, []byte(" DO NOT EDIT.")) {
			t.Errorf("%s starts with %s, which tools do not take as generated", f.Path, first)
		}
		for i, line := range strings.Split(string(f.Data), "\n") {
			if n := utf8.RuneCountInString(line); n > 160 && !strings.Contains(line, "`json:") {
				t.Errorf("%s:%d has %d columns", f.Path, i+1, n)
			}
		}
		formatted, err := gofumpt.Source(f.Data, gofumpt.Options{LangVersion: "go1.25", ModulePath: "github.com/closekit/closekit"})
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
			continue
		}
		if !bytes.Equal(formatted, f.Data) {
			t.Errorf("%s is not as gofumpt writes it: %s", f.Path, firstDiff(string(f.Data), string(formatted)))
		}
	}
	compiles(t, files)
}

// compiles parses the generated Go and checks its types.
func compiles(t *testing.T, files []generator.File) {
	t.Helper()
	fset := token.NewFileSet()
	packages := map[string][]*ast.File{}
	for _, f := range files {
		if path.Ext(f.Path) != ".go" {
			continue
		}
		syntax, err := parser.ParseFile(fset, f.Path, f.Data, parser.ParseComments)
		if err != nil {
			t.Error(err)
			continue
		}
		dir := path.Dir(f.Path)
		packages[dir] = append(packages[dir], syntax)
	}
	base, err := outside()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imp := known{base, map[string]*types.Package{}}
	for _, dir := range []string{options.Package, options.Package + "/tools"} {
		conf := types.Config{Importer: imp, Error: func(err error) { t.Error(err) }}
		pkg, err := conf.Check("zone.example/"+dir, fset, packages[dir], nil)
		if err == nil {
			imp.packages[pkg.Path()] = pkg
		}
	}
}

// known imports packages that were checked before those of the module.
type known struct {
	types.Importer
	packages map[string]*types.Package
}

func (k known) Import(path string) (*types.Package, error) {
	if p := k.packages[path]; p != nil {
		return p, nil
	}
	return k.Importer.Import(path)
}

// outside imports what generated code needs, from where the go command keeps
// it.
var outside = sync.OnceValues(func() (types.Importer, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}",
		"github.com/closekit/closekit", "github.com/closekit/closekit/runtime/wire", "embed", "iter", "encoding/json", "context", "testing").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, err
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file, ok := files[path]
		if !ok || file == "" {
			return nil, fmt.Errorf("generated code imports %s", path)
		}
		return os.Open(file)
	}), nil
})

// FuzzGenerate checks that whatever the manifest's checks let through becomes
// Go that compiles, or an error that says what is wrong.
func FuzzGenerate(f *testing.F) {
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range paths {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var in [2][]byte
		for _, a := range ar.Files {
			switch a.Name {
			case "close.yaml":
				in[0] = a.Data
			case "things.yaml":
				in[1] = a.Data
			}
		}
		f.Add(in[0], in[1])
	}
	f.Fuzz(func(t *testing.T, common, resource []byte) {
		doc, err := manifest.Load(fstest.MapFS{"close.yaml": {Data: common}, "things.yaml": {Data: resource}})
		if err != nil {
			return
		}
		api, err := manifest.Check(doc)
		if err != nil {
			return
		}
		files, err := generator.Generate(api, options)
		if err != nil {
			for _, known := range []string{"the manifest has no tools", "would both be", "that are always there", "it would hold more than"} {
				if strings.Contains(err.Error(), known) {
					return
				}
			}
			t.Fatal(err)
		}
		for i := range files {
			files[i].Path = "things/" + files[i].Path
		}
		compiles(t, files)
		generator.Reference(api)
		generator.Routes(api)
	})
}
