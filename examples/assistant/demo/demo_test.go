package demo

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// normalize replaces what differs from run to run.
func normalize(out string) string {
	for _, v := range []struct{ pattern, with string }{
		{`\b([a-z]+)_[A-Za-z0-9]{22,}\b`, "${1}_…"},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
		{`\bdata-[a-z0-9]{6}\b`, "data-…"},
		{`\b\d{4}-\d\d-\d\dT[\d:.]+`, "TIME"},
		{`\b\d{4}-\d\d-\d\d\b`, "DATE"},
	} {
		out = regexp.MustCompile(v.pattern).ReplaceAllString(out, v.with)
	}
	return out
}

func TestGolden(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Emulated(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	got := normalize(out.String())
	golden := filepath.Join("testdata", "demo.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the output differs from %s; run the test with -update and read the diff", golden)
	}
}

// TestCallsAreShown checks that each function that is there to be read is
// printed, and printed as it is written.
func TestCallsAreShown(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile(filepath.Join("testdata", "demo.golden"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "calls.go", callsSource, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Name.Name == "code" {
			continue
		}
		lines := body(callsSource, fn.Name.Name)
		if got, want := len(lines), strings.Count(callsSource[fn.Body.Pos()-1:fn.Body.End()-1], "\n")-1; got != want {
			t.Errorf("%s has %d lines, cut to %d", fn.Name.Name, want, got)
		}
		if text := normalize("   > " + strings.Join(lines, "\n   > ") + "\n"); !strings.Contains(string(golden), text) {
			t.Errorf("the demo does not show %s:\n%s", fn.Name.Name, text)
		}
	}
	for _, name := range []string{"newManager", "clientOf", "connect", "leadsOf"} {
		if len(body(accountsSource, name)) == 0 {
			t.Errorf("accounts.go does not declare %s", name)
		}
	}
	for _, name := range []string{"newAgent", "converse", "approve"} {
		if len(body(agentSource, name)) == 0 {
			t.Errorf("agent.go does not declare %s", name)
		}
	}
	if got := body(callsSource, "nothing"); got != nil {
		t.Errorf("a function that is not declared has the body %q", got)
	}
}

// firstLine reports when the first line was written.
type firstLine struct {
	began time.Time
	after time.Duration
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.after == 0 {
		f.after = time.Since(f.began)
	}
	return len(p), nil
}

func TestFirstLineComesAtOnce(t *testing.T) {
	t.Parallel()
	f := &firstLine{began: time.Now()}
	if err := Emulated(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if f.after > 5*time.Second {
		t.Errorf("the first line came after %v", f.after)
	}
}

// TestDependencies keeps the first thing that a newcomer runs small: nothing
// heavy is downloaded or compiled for it.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	allowed := []string{"github.com/closekit/closekit", "github.com/santhosh-tekuri/jsonschema/v5", "golang.org/x/oauth2"}
	for _, m := range slices.Compact(modules) {
		if !slices.Contains(allowed, m) {
			t.Errorf("the example depends on the module %s", m)
		}
	}
}
