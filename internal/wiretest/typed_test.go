package wiretest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// result is the result of a typed call, encoded with encoding/json.
type result json.RawMessage

// typed calls a typed function with parameters that were decoded from a tool's
// input, and encodes the result.
type typed func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error)

func one[P, R any](f func(context.Context, *closekit.Client, P, ...closekit.CallOption) (*R, error)) typed {
	return func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error) {
		v, err := f(ctx, c, *p.(*P), opts...)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		return b, err
	}
}

func none[P any](f func(context.Context, *closekit.Client, P, ...closekit.CallOption) error) typed {
	return func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error) {
		return nil, f(ctx, c, *p.(*P), opts...)
	}
}

// function returns the typed function of a tool. A new tool has none yet while the
// table is rewritten.
func function(t *testing.T, tool string) typed {
	t.Helper()
	f := functions[tool]
	switch {
	case f == nil && *update:
		t.Skipf("%s is new to functions_test.go", tool)
	case f == nil:
		t.Fatalf("functions_test.go lacks %s; run go test ./internal/wiretest -update", tool)
	}
	return f
}

// TestFunctionsAreComplete compares functions_test.go with the tools. With -update
// it rewrites the file: Go cannot look up a function by name.
func TestFunctionsAreComplete(t *testing.T) {
	t.Parallel()
	const file = "functions_test.go"
	returnsNothing := voidFunctions(t)
	var rows strings.Builder
	for _, tool := range tools.All() {
		call := "one"
		if returnsNothing[tool.Func] {
			call = "none"
		}
		fmt.Fprintf(&rows, "\t%q: %s(closeapi.%s),\n", tool.Name, call, tool.Func)
	}
	want, err := format.Source([]byte("package wiretest\n\nimport \"github.com/closekit/closekit/closeapi\"\n\n" +
		"// functions are the typed functions by the names of their tools. go test -update\n// rewrites this file.\n" +
		"var functions = map[string]typed{\n" + rows.String() + "}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
		t.Errorf("%s is not up to date (%v); run go test ./internal/wiretest -update", file, err)
	}
}

var update = flag.Bool("update", false, "rewrite functions_test.go")

// voidFunctions are the functions of package closeapi that return an error only.
func voidFunctions(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob("../../closeapi/*.go")
	if err != nil {
		t.Fatal(err)
	}
	void := map[string]bool{}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Type.Results.NumFields() == 1 {
				void[fn.Name.Name] = true
			}
		}
	}
	return void
}
