package manifest_test

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

var (
	coverageRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")
	quotedName  = regexp.MustCompile("`([^`]+)`")
)

// coverage returns the rows below a heading of docs/coverage.md: a name of another
// catalog, and what is said about it.
func coverage(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	data, err := os.ReadFile("../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/coverage.md has no section %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, m := range coverageRow.FindAllStringSubmatch(text, -1) {
		rows = append(rows, m[1:])
	}
	return rows
}

// TestCoverage wants each tool of other catalogs to name tools of the manifest, or to
// say why there is none.
func TestCoverage(t *testing.T) {
	api := embedded(t)
	for _, section := range []struct {
		heading string
		rows    int
		same    bool
	}{{"Scalekit", 103, true}, {"The vendor's MCP server", 116, false}} {
		rows := coverage(t, section.heading)
		names := map[string]bool{}
		for _, row := range rows {
			if names[row[0]] {
				t.Errorf("%s: %s is there twice", section.heading, row[0])
			}
			names[row[0]] = true
			ours := quotedName.FindAllStringSubmatch(row[1], -1)
			if section.same && row[1] != "`"+row[0]+"`" {
				t.Errorf("%s has another name here, %s", row[0], row[1])
			}
			if reason, ok := strings.CutPrefix(row[1], "No endpoint: "); ok && len(reason) > 20 {
				continue
			}
			if len(ours) == 0 {
				t.Errorf("%s: %s is neither a tool nor a reason", section.heading, row[0])
			}
			for _, name := range ours {
				if api.Tool(name[1]) == nil {
					t.Errorf("%s: %s names %s, which is no tool", section.heading, row[0], name[1])
				}
			}
		}
		if len(rows) != section.rows {
			t.Errorf("%s has %d tools, want %d", section.heading, len(rows), section.rows)
		}
	}
}

// TestCoverageOfClient wants what the official client's calls are here to exist.
func TestCoverageOfClient(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil {
					known["Client."+d.Name.Name] = true
				} else {
					known["closekit."+d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						known["closekit."+s.Name.Name] = true
					}
				}
			}
		}
	}
	rows := coverage(t, "The official client")
	for _, row := range rows {
		for _, name := range quotedName.FindAllStringSubmatch(row[1], -1) {
			if !known[name[1]] {
				t.Errorf("%s names %s, which does not exist", row[0], name[1])
			}
		}
	}
	if len(rows) != 8 {
		t.Errorf("%d rows, want 8", len(rows))
	}
}
