// Package archtest holds the import table of the module as a test: who may
// import what. A folder that is not listed may import nothing of ours.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/closekit/closekit"

// rule says what a folder may import: packages of ours (a trailing /... allows
// everything below) and modules of others. The standard library is open to all.
type rule struct{ ours, others []string }

var table = map[string]rule{
	".":                       {ours: []string{"internal/bom", "internal/codec", "internal/httpx", "internal/markup", "internal/words"}},
	"internal/apiroot":        {ours: []string{".", "internal/httpx"}},
	"internal/bom":            {},
	"internal/codec":          {ours: []string{"internal/bom"}},
	"internal/markup":         {},
	"internal/buildinfo":      {},
	"internal/httpx":          {},
	"internal/agenttasks":     {ours: []string{".", "agent", "closeapi/tools", "emulator"}}, // tests and measurements only
	"internal/approvalways":   {ours: []string{".", "agent", "closeapi/tools", "emulator"}}, // tests only
	"internal/words":          {},
	"internal/dirsync":        {},
	"internal/filelock":       {},
	"internal/migrations":     {},
	"internal/querytext":      {ours: []string{"."}},
	"internal/organization":   {ours: []string{".", "internal/bom", "internal/words"}},
	"internal/pgconnect":      {ours: []string{"internal/migrations"}, others: []string{"github.com/jackc/pgx/v5"}},
	"internal/sqlitefile":     {others: []string{"modernc.org/sqlite"}},
	"manifest":                {ours: []string{"internal/bom", "internal/words"}, others: []string{"gopkg.in/yaml.v3", "github.com/santhosh-tekuri/jsonschema/v5"}},
	"generator":               {ours: []string{"internal/organization", "manifest", "generator/internal/ir", "generator/internal/emit"}},
	"generator/internal/ir":   {ours: []string{"internal/organization", "internal/words", "manifest"}},
	"generator/internal/emit": {ours: []string{"generator/internal/ir"}, others: []string{"github.com/dave/jennifer/jen"}},
	"internal/drift":          {ours: []string{"internal/bom", "internal/recordfile", "manifest"}, others: []string{"gopkg.in/yaml.v3"}},
	"internal/recordfile":     {ours: []string{"internal/bom"}},
	"cmd/closegen":            {ours: []string{"generator", "internal/drift", "manifest", "internal/buildinfo", "internal/words"}},

	"runtime/wire":       {ours: []string{".", "internal/bom", "internal/codec", "internal/markup", "internal/words"}},
	"runtime/logging":    {ours: []string{"."}},
	"runtime/everything": {ours: []string{"."}},
	"runtime/recording":  {ours: []string{".", "internal/recordfile"}},
	"runtime/otelclient": {ours: []string{"."}, others: []string{"go.opentelemetry.io/otel"}},
	"closeapi":           {ours: []string{".", "runtime/wire"}},
	"closeapi/tools":     {ours: []string{"closeapi", "."}},
	"closeapi/bulk":      {ours: []string{"closeapi", "closeapi/query", "."}},
	"closeapi/query":     {ours: []string{"closeapi", ".", "internal/querytext"}},
	"closeapi/records":   {ours: []string{"closeapi", "."}},
	"closeapi/files":     {ours: []string{"closeapi", ".", "internal/httpx"}},

	"agent": {
		ours: []string{
			".", "agent/internal/explain", "agent/internal/lower", "agent/internal/meta", "agent/internal/repair", "agent/internal/search", "agent/internal/shape",
			"agent/internal/preview", "agent/internal/tool", "internal/bom", "internal/codec", "internal/organization", "internal/querytext", "internal/words",
		},
		others: []string{"github.com/santhosh-tekuri/jsonschema/v5"},
	},
	"agent/approvalpage":      {ours: []string{"agent"}},
	"agent/findtool":          {ours: []string{".", "agent", "closeapi", "closeapi/query"}},
	"agent/internal/preview":  {},
	"agent/internal/shape":    {ours: []string{".", "internal/codec"}},
	"agent/internal/tool":     {ours: []string{"."}},
	"agent/internal/repair":   {ours: []string{".", "agent/internal/tool", "internal/bom", "internal/codec", "internal/words"}},
	"agent/internal/explain":  {ours: []string{".", "agent/internal/repair", "internal/words"}},
	"agent/internal/lower":    {ours: []string{".", "agent/internal/tool", "internal/words"}},
	"agent/internal/coverage": {ours: []string{"agent/internal/tool"}}, // tests and measurements only
	"agent/internal/crowd":    {},                                      // tests and measurements only
	"agent/internal/search":   {ours: []string{".", "agent/internal/tool"}},
	"agent/internal/meta":     {ours: []string{".", "agent/internal/lower", "agent/internal/search", "agent/internal/tool"}},
	"agent/internal/chain":    {ours: []string{".", "agent"}},
	"agent/storetest":         {ours: []string{".", "agent"}},
	"agent/sqlitestore":       {ours: []string{"agent", "agent/internal/chain", "internal/migrations", "internal/sqlitefile"}, others: []string{"modernc.org/sqlite"}},
	"agent/pgstore":           {ours: []string{"agent", "agent/internal/chain", "internal/pgconnect"}, others: []string{"github.com/jackc/pgx/v5"}},
	"agent/auditlog":          {ours: []string{".", "agent", "agent/internal/chain", "internal/dirsync", "internal/filelock"}},
	"agent/otelagent":         {ours: []string{".", "agent"}, others: []string{"go.opentelemetry.io/otel"}},

	"emulator": {ours: []string{
		"emulator/internal/crm", "emulator/internal/hooks", "emulator/internal/oauth", "emulator/internal/phone",
		"emulator/internal/rest", "emulator/internal/store", "emulator/internal/value", "internal/bom", "internal/recordfile",
	}},
	"emulator/internal/crm": {ours: []string{
		"emulator/internal/hooks", "emulator/internal/phone", "emulator/internal/query", "emulator/internal/rest", "emulator/internal/store",
		"emulator/internal/value",
	}},
	"emulator/internal/hooks": {ours: []string{"emulator/internal/store", "emulator/internal/value"}},
	"emulator/internal/oauth": {ours: []string{"emulator/internal/rest", "emulator/internal/store", "emulator/internal/value"}},
	"emulator/internal/phone": {},
	"emulator/internal/query": {ours: []string{"emulator/internal/phone", "emulator/internal/value"}},
	"emulator/internal/rest":  {ours: []string{"emulator/internal/phone", "emulator/internal/store", "emulator/internal/value"}},
	"emulator/internal/store": {ours: []string{"emulator/internal/value"}},
	"emulator/internal/value": {},

	"runtime/webhooks":                 {ours: []string{".", "closeapi", "internal/words"}},
	"runtime/webhooks/internal/faults": {}, // tests only
	"runtime/webhooks/storetest":       {ours: []string{"runtime/webhooks"}},
	"runtime/webhooks/sqlitestore":     {ours: []string{"runtime/webhooks", "internal/migrations", "internal/sqlitefile"}},
	"runtime/webhooks/pgstore":         {ours: []string{"runtime/webhooks", "internal/pgconnect"}, others: []string{"github.com/jackc/pgx/v5"}},

	"runtime/accounts": {
		ours:   []string{".", "internal/bom", "internal/dirsync", "internal/filelock", "internal/httpx", "runtime/accounts/internal/failpoint"},
		others: []string{"golang.org/x/oauth2"},
	},
	"runtime/accounts/internal/failpoint": {},
	"runtime/accounts/internal/faults":    {}, // tests only
	"runtime/accounts/internal/sqlrow":    {ours: []string{"runtime/accounts"}},
	"runtime/accounts/memstore":           {ours: []string{"runtime/accounts"}},
	"runtime/accounts/storetest":          {ours: []string{"runtime/accounts"}},
	"runtime/accounts/vault":              {ours: []string{"runtime/accounts"}, others: []string{"github.com/tink-crypto/tink-go/v2", "google.golang.org/protobuf"}},
	"runtime/accounts/sqlitestore":        {ours: []string{"runtime/accounts", "internal/migrations", "internal/sqlitefile", "runtime/accounts/internal/sqlrow"}, others: []string{"modernc.org/sqlite"}},
	"runtime/accounts/pgstore":            {ours: []string{"runtime/accounts", "internal/pgconnect", "runtime/accounts/internal/sqlrow"}, others: []string{"github.com/jackc/pgx/v5"}},
	"runtime/accounts/otelaccounts":       {ours: []string{"runtime/accounts"}, others: []string{"go.opentelemetry.io/otel"}},
	"internal/pgtest":                     {others: []string{"github.com/jackc/pgx/v5"}},

	"internal/apitest":     {}, // tests only
	"internal/contract":    {}, // tests only
	"internal/archtest":    {},
	"internal/doctest":     {},
	"internal/snippets":    {}, // tests only
	"internal/oauthtest":   {},
	"internal/adaptertest": {ours: []string{".", "agent", "closeapi/tools", "emulator", "internal/modeltest", "internal/snippets"}}, // tests only
	"internal/modeltest":   {ours: []string{"internal/rules"}},                                                                      // tests only
	"internal/ptytest":     {},                                                                                                      // tests only
	"internal/testuser":    {},
	"internal/tty":         {},
	"internal/rules":       {}, // tests only
	"internal/cli": {
		ours: []string{
			".", "agent", "agent/auditlog", "agent/pgstore", "agent/sqlitestore", "runtime/logging", "closeapi", "closeapi/files", "closeapi/query", "closeapi/records", "closeapi/tools", "emulator", "examples/assistant/demo", "internal/apiroot", "internal/bom", "internal/buildinfo", "internal/codec", "internal/dirsync", "internal/filelock", "internal/httpx", "internal/organization", "internal/tty", "internal/words",
			"runtime/everything", "runtime/accounts", "runtime/accounts/pgstore", "runtime/accounts/sqlitestore", "runtime/accounts/vault", "runtime/recording", "runtime/webhooks",
		},
		others: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"},
	},
	"cli":               {ours: []string{".", "emulator", "internal/cli"}},
	"internal/wiretest": {ours: []string{"agent", "closeapi", "closeapi/tools", ".", "emulator"}},
	"cmd/closekit":      {ours: []string{"internal/cli"}},

	"examples/assistant":      {ours: []string{"examples/assistant/demo"}},
	"examples/assistant/demo": {ours: []string{".", "agent", "closeapi", "closeapi/tools", "emulator", "runtime/accounts", "runtime/accounts/memstore"}},
}

// generation is the column that never meets the other one.
var generation = []string{"manifest", "generator", "generator/internal/ir", "generator/internal/emit", "internal/drift", "cmd/closegen"}

func TestImports(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	seen := map[string]bool{}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			// Folders with a go.mod of their own, and those that Go ignores.
			if _, err := fs.Stat(root, path.Join(file, "go.mod")); err == nil && file != "." || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && file != "." {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(file)
		seen[dir] = true
		r, listed := table[dir]
		if !listed {
			t.Errorf("%s: the folder is not in the import table", dir)
			table[dir] = rule{} // once is enough
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if msg := refuse(dir, p, r, strings.HasSuffix(file, "_test.go")); msg != "" {
				t.Errorf("%s imports %s: %s", file, p, msg)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range table {
		if !seen[dir] {
			t.Errorf("%s is in the import table but holds no Go files", dir)
		}
	}
}

// relative returns the folder of a package of ours.
func relative(p string) (string, bool) {
	if p == module {
		return ".", true
	}
	return strings.CutPrefix(p, module+"/")
}

// refuse says why a folder may not import p, or nothing.
func refuse(dir, p string, r rule, test bool) string {
	if p == "unsafe" && dir != "runtime/wire" && !test {
		return "unsafe code is only in runtime/wire"
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return "" // standard library
	}
	if ours, ok := relative(p); ok {
		switch {
		case ours == dir || slices.Contains(r.ours, ours):
			return ""
		case !test:
			return "not in its row of the import table"
		case slices.Contains(generation, dir) != slices.Contains(generation, ours) && dir != "generator":
			return "tests must not cross between generation and run time"
		}
		return ""
	}
	if !test && strings.HasPrefix(p, "go.opentelemetry.io/otel/sdk") {
		return "the host brings the SDK"
	}
	if test || slices.ContainsFunc(r.others, func(o string) bool { return p == o || strings.HasPrefix(p, o+"/") }) {
		return ""
	}
	return "not in its row of the import table"
}

// TestGoMod keeps promises to those who depend on the module: the language
// version that they inherit, and no replaced dependencies.
func TestGoMod(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "\ngo 1.25.0\n") {
		t.Error("go.mod must stay at go 1.25.0, because users inherit the line")
	}
	for _, word := range []string{"\nreplace ", "\ntoolchain ", "\nexclude "} {
		if strings.Contains(string(data), word) {
			t.Errorf("go.mod must not have a line %q", strings.TrimSpace(word))
		}
	}
}
