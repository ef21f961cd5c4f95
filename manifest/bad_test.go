package manifest_test

import (
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/closekit/closekit/manifest"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// layers makes the file systems of an archive: the files in a folder named
// addition… add to the manifest, which all others make up. The file want is the
// expectation.
func layers(t *testing.T, ar *txtar.Archive) (list []fs.FS, want *txtar.File) {
	t.Helper()
	base := fstest.MapFS{}
	additions := map[string]fstest.MapFS{}
	for i := range ar.Files {
		f := &ar.Files[i]
		dir, name, nested := strings.Cut(f.Name, "/")
		switch {
		case f.Name == "want":
			want = f
		case nested && strings.HasPrefix(dir, "addition"):
			if additions[dir] == nil {
				additions[dir] = fstest.MapFS{}
			}
			additions[dir][name] = &fstest.MapFile{Data: f.Data}
		default:
			base[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	list = append(list, base)
	for _, dir := range slices.Sorted(func(yield func(string) bool) {
		for d := range additions {
			if !yield(d) {
				return
			}
		}
	}) {
		list = append(list, additions[dir])
	}
	return list, want
}

// check loads and checks.
func check(layers ...fs.FS) (*manifest.API, error) {
	doc, err := manifest.Load(layers...)
	if err != nil {
		return nil, err
	}
	return manifest.Check(doc)
}

// archives runs a test for every archive in a folder of testdata.
func archives(t *testing.T, dir string, run func(t *testing.T, path string, ar *txtar.Archive)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives in %s: %v", dir, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(strings.TrimSpace(string(ar.Comment))) == 0 {
				t.Error("the archive does not say what it guards")
			}
			run(t, path, ar)
		})
	}
}

func rewrite(t *testing.T, path string, ar *txtar.Archive, got string) {
	t.Helper()
	ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
	ar.Files = append(ar.Files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBad compares everything that is reported about bad manifests with what
// each archive wants.
func TestBad(t *testing.T) {
	archives(t, "bad", func(t *testing.T, path string, ar *txtar.Archive) {
		t.Helper()
		list, want := layers(t, ar)
		api, err := check(list...)
		var ps manifest.Problems
		if !errors.As(err, &ps) {
			t.Fatalf("got API %v and error %v, want problems", api != nil, err)
		}
		if api != nil {
			t.Error("got an API beside the problems")
		}
		got := ps.Error() + "\n"
		if *update {
			rewrite(t, path, ar, got)
			return
		}
		if want == nil {
			t.Fatal("the archive has no file want; run the test with -update and read it")
		}
		if got != string(want.Data) {
			t.Errorf("problems:\n%swant:\n%s", got, want.Data)
		}
		for _, p := range ps {
			if p.Pos.File == "" || p.Msg == "" {
				t.Errorf("a problem has no file or message: %+v", p)
			}
		}
	})
}

// unreached are messages that no YAML file can bring about.
var unreached = []string{
	"the schema of the manifest is broken: %v",
	"the file is larger than %d MB", // TestHugeFile; it would be a large archive
	"the file is UTF-16",            // TestEncodings
	"%s has more than %d entries",   // TestManyEntries; as well
	"type %q has %d fields, more than %d",
	"tool %q has more than %d parameters",
}

// TestEveryMessageHasACase reads the calls that report problems out of the
// package's source, and wants each message in the expectation of some archive.
func TestEveryMessageHasACase(t *testing.T) {
	var wants strings.Builder
	archives(t, "bad", func(t *testing.T, _ string, ar *txtar.Archive) {
		t.Helper()
		if _, want := layers(t, ar); want != nil {
			wants.Write(want.Data)
		}
	})
	lines := strings.Split(wants.String(), "\n")
	verb := regexp.MustCompile(`%[a-zA-Z]`)
	formats := messages(t)
	if len(formats) < 60 {
		t.Fatalf("found %d messages in the source; did the reporting functions change their names?", len(formats))
	}
	for _, format := range formats {
		parts := verb.Split(format, -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		line := regexp.MustCompile(`^[^:]+(:\d+:\d+)?: ` + strings.Join(parts, ".*") + `( \(.*\))?$`)
		found := slices.ContainsFunc(lines, line.MatchString)
		exempt := slices.Contains(unreached, format)
		if !found && !exempt {
			t.Errorf("no archive in testdata/bad brings about the message %q", format)
		}
		if found && exempt {
			t.Errorf("an archive brings about %q; take it out of unreached", format)
		}
	}
	for _, format := range unreached {
		if !slices.Contains(formats, format) {
			t.Errorf("unreached names %q, which is no message", format)
		}
	}
}

// messages lists the format strings in calls of add and bad.
func messages(t *testing.T) []string {
	t.Helper()
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var formats []string
	for _, path := range sources {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at := -1
			switch fn := call.Fun.(type) {
			case *ast.Ident:
				if fn.Name == "bad" {
					at = 1
				}
			case *ast.SelectorExpr:
				if fn.Sel.Name == "bad" || fn.Sel.Name == "add" {
					at = 2
				}
			}
			if at < 0 || len(call.Args) <= at {
				return true
			}
			if lit, ok := call.Args[at].(*ast.BasicLit); ok {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				formats = append(formats, s)
			}
			return true
		})
	}
	slices.Sort(formats)
	return slices.Compact(formats)
}

// TestGood checks that good manifests and additions become what their archives
// want.
func TestGood(t *testing.T) {
	archives(t, "good", func(t *testing.T, path string, ar *txtar.Archive) {
		t.Helper()
		list, want := layers(t, ar)
		api, err := check(list...)
		if err != nil {
			t.Fatal(err)
		}
		got := dump(api)
		if *update {
			rewrite(t, path, ar, got)
			return
		}
		if want == nil {
			t.Fatal("the archive has no file want; run the test with -update and read it")
		}
		if got != string(want.Data) {
			t.Errorf("API:\n%swant:\n%s", got, want.Data)
		}
	})
}
