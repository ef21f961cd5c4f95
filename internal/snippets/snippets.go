// Package snippets checks the Go code in doc comments, for tests. Such code leaves out what
// a reader can imagine: variables that are declared elsewhere, and whatever … stands for.
// All else must compile: packages, functions, their arguments, fields and methods.
package snippets

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Check reports the code in doc comments of the module at dir that does not compile, and
// returns how many pieces of code there are. It builds all that the module needs.
func Check(t *testing.T, dir string) (n int) {
	t.Helper()
	w, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range w.list {
		if !p.ours() {
			continue
		}
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			f, err := parser.ParseFile(w.fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range f.Comments {
				for _, code := range codeIn(group.Text()) {
					n++
					for _, err := range w.check(p, code) {
						t.Errorf("%s: %v in\n%s", w.fset.Position(group.Pos()), err, code)
					}
				}
			}
		}
	}
	return n
}

// isGo tells Go from tables, shell and JSON.
var isGo = regexp.MustCompile(`(?m):=|^(func|type|var|for|import) |^[\w, ]+ = \w+(\.\w+)+\(`)

// codeIn returns the blocks of Go in a comment.
func codeIn(text string) (list []string) {
	var p comment.Parser
	for _, b := range p.Parse(text).Content {
		if c, ok := b.(*comment.Code); ok && isGo.MatchString(c.Text) {
			list = append(list, c.Text)
		}
	}
	return list
}

// pkg is what the go command says of a package.
type pkg struct {
	ImportPath, Name, Export, Dir string
	GoFiles, Imports              []string
	Standard, DepOnly             bool
}

func (p *pkg) ours() bool { return !p.Standard && !p.DepOnly }

// world is a module with all packages that it needs.
type world struct {
	fset     *token.FileSet
	list     []*pkg
	byName   map[string][]*pkg
	importer types.Importer
}

// others are packages of the standard library that code in comments may use, whether or not
// the module does.
var others = []string{"context", "database/sql", "encoding/json", "errors", "fmt", "io", "iter", "log", "log/slog", "net/http", "os", "testing", "time"}

func load(t *testing.T, dir string) (*world, error) {
	args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Name,Export,Dir,GoFiles,Imports,Standard,DepOnly", "./..."}, others...)
	cmd := exec.CommandContext(t.Context(), "go", args...) //nolint:gosec // of this file
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, errs.Bytes())
	}
	w := &world{fset: token.NewFileSet(), byName: map[string][]*pkg{}}
	exports := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		w.list = append(w.list, p)
		w.byName[p.Name] = append(w.byName[p.Name], p)
		exports[p.ImportPath] = p.Export
	}
	w.importer = importer.ForCompiler(w.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return w, nil
}

// named returns the package that code in a comment of p means by a name, or nil.
func (w *world) named(p *pkg, name string) *pkg {
	list := slices.Clone(w.byName[name])
	rank := func(q *pkg) int {
		switch {
		case q == p:
			return 0
		case slices.Contains(p.Imports, q.ImportPath):
			return 1
		case strings.HasPrefix(q.ImportPath, "github.com/closekit/") && !strings.Contains(q.ImportPath, "/internal/"):
			return 2
		case q.Standard && slices.Contains(others, q.ImportPath):
			return 3
		}
		return 4
	}
	slices.SortStableFunc(list, func(a, b *pkg) int {
		return cmp.Or(rank(a)-rank(b), shared(b.ImportPath, p.ImportPath)-shared(a.ImportPath, p.ImportPath)) // the nearest
	})
	if len(list) == 0 || rank(list[0]) == 4 {
		return nil
	}
	return list[0]
}

// shared returns how long two paths are the same.
func shared(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// check compiles code of a comment of p.
func (w *world) check(p *pkg, code string) (list []error) {
	code = withoutGaps(code)
	body := "\n" + code
	f, err := w.parse(body)
	if err != nil {
		body = "\nfunc _() error {\n" + code + "\npanic(nil)\n}"
		if f, err = w.parse(body); err != nil {
			return []error{err}
		}
	}
	imports := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if base, ok := s.X.(*ast.Ident); ok {
				if q := w.named(p, base.Name); q != nil {
					imports[base.Name] = q.ImportPath
				}
			}
		}
		return true
	})
	var head strings.Builder
	for name, path := range imports {
		fmt.Fprintf(&head, "; import %s %q", name, path)
	}
	if f, err = w.parse(head.String() + body); err != nil {
		return []error{err}
	}
	conf := types.Config{Importer: w.importer, Error: func(err error) {
		var e types.Error
		if errors.As(err, &e) && !e.Soft && !leftOut.MatchString(e.Msg) {
			list = append(list, errors.New(e.Msg))
		}
	}}
	_, _ = conf.Check("snippet", w.fset, []*ast.File{f}, nil) // Error has the errors
	return list
}

// leftOut are errors about what is declared elsewhere, or a second time as an alternative.
var leftOut = regexp.MustCompile(`^undefined: \w+$|^no new variables|^missing return$`)

func (w *world) parse(text string) (*ast.File, error) {
	return parser.ParseFile(w.fset, "snippet.go", "package snippet"+text, parser.SkipObjectResolution)
}

// withoutGaps removes what says that something is left out: elements of lists and
// statements go, and arguments become a variable that is declared elsewhere.
func withoutGaps(code string) string {
	var out []rune
	var open []rune // brackets
	quote := rune(0)
	text := []rune(regexp.MustCompile(`(?m)^\s*\.\.\.$`).ReplaceAllString(code, ""))
	for i := 0; i < len(text); i++ {
		r := text[i]
		switch {
		case quote != 0:
			if r == quote && (quote == '`' || text[i-1] != '\\') {
				quote = 0
			}
		case r == '/' && i+1 < len(text) && text[i+1] == '/':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
			continue
		case r == '"' || r == '`' || r == '\'':
			quote = r
		case strings.ContainsRune("([{", r):
			open = append(open, r)
		case strings.ContainsRune(")]}", r) && len(open) > 0:
			open = open[:len(open)-1]
		case r == '…' && len(open) > 0 && open[len(open)-1] == '(':
			out = append(out, []rune("leftOut")...)
			continue
		case r == '…':
			if i+1 < len(text) && text[i+1] == ',' {
				i++
			}
			continue
		}
		out = append(out, r)
	}
	return string(out)
}
