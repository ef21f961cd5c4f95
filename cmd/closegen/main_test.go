package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/words"
)

// result is what a run left behind.
type result struct {
	code           int
	stdout, stderr string
}

func closegen(args ...string) result {
	var out, errs bytes.Buffer
	code := run(args, &out, &errs)
	return result{code, out.String(), errs.String()}
}

// want checks the exit code and that both streams hold what they should; a text
// that is empty means an empty stream.
func (r result) want(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d; standard error:\n%s", r.code, code, r.stderr)
	}
	for _, s := range []struct{ name, got, want string }{{"standard output", r.stdout, stdout}, {"standard error", r.stderr, stderr}} {
		if s.want == "" && s.got != "" || !strings.Contains(s.got, s.want) {
			t.Errorf("%s:\n%s\nwant in it:\n%s", s.name, s.got, s.want)
		}
	}
}

// module creates a module in a new folder and returns the folder.
func module(t *testing.T, gomod string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), gomod)
	return dir
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// empty checks that a folder is not there or has nothing in it.
func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		t.Errorf("%s holds %v", dir, entries)
	}
}

func TestUsage(t *testing.T) {
	t.Run("help", func(t *testing.T) {
		for _, flag := range []string{"-help", "-h", "--help"} {
			r := closegen(flag)
			r.want(t, 0, "closegen -out DIR", "")
			for _, name := range []string{"out", "package", "tools", "manifest", "import", "routes", "reference", "check", "version"} {
				if !regexp.MustCompile(`(?m)^  -` + name + `\b`).MatchString(r.stdout) {
					t.Errorf("the help does not explain -%s", name)
				}
			}
		}
	})
	t.Run("version", func(t *testing.T) {
		closegen("-version").want(t, 0, "closegen ", "")
	})
	out := filepath.Join(module(t, "module example.com/m\n"), "out")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":       {nil, "closegen: error: -out is missing\nclosegen: hint: run closegen -help for the flags\n"},
		"unknown flag":  {[]string{"-owt", out}, "closegen: error: flag provided but not defined: -owt\nclosegen: hint: run closegen -help for the flags\n"},
		"no value":      {[]string{"-out"}, "closegen: error: flag needs an argument: -out\n"},
		"argument":      {[]string{"-out", out, "-tools", "close_lead_get", "close_lead_update"}, "closegen: error: unexpected argument \"close_lead_update\"\nclosegen: hint: patterns for -tools go in one argument, separated by commas; quote them, or the shell expands the *\n"},
		"package":       {[]string{"-out", out, "-package", "My-Tools"}, "closegen: error: \"My-Tools\" is not a name for a Go package\nclosegen: hint: set one with -package, in lower case\n"},
		"keyword":       {[]string{"-out", out, "-package", "func"}, "closegen: error: \"func\" is not a name for a Go package\n"},
		"digit":         {[]string{"-out", out, "-package", "1st"}, "closegen: error: \"1st\" is not a name for a Go package\n"},
		"blank":         {[]string{"-out", out, "-package", "_"}, "closegen: error: \"_\" is not a name for a Go package\n"},
		"no module":     {[]string{"-out", filepath.Join(t.TempDir(), "out")}, "closegen: hint: run it inside a Go module, or set the import path with -import\n"},
		"module of two": {[]string{"-out", filepath.Join(module(t, "// nothing\n"), "out")}, "go.mod names no module\n"},
		"routes in out": {[]string{"-out", out, "-routes", filepath.Join(out, "routes.go")}, "closegen: error: two outputs go to " + out + "\nclosegen: hint: each of -out, -routes and -reference takes a folder of its own"},
		"pages in out":  {[]string{"-out", out, "-reference", out + "/."}, "closegen: error: two outputs go to " + out + "\n"},
		"pages in part": {[]string{"-out", out, "-reference", filepath.Join(out, "tools")}, "closegen: error: two outputs go to " + filepath.Join(out, "tools") + "\n"},
		"pages, routes": {[]string{"-out", out, "-reference", "x", "-routes", "x/routes.go"}, "closegen: error: two outputs go to x\n"},
	} {
		t.Run(name, func(t *testing.T) { closegen(c.args...).want(t, 2, "", c.want) })
	}
	empty(t, out)
}

func TestTools(t *testing.T) {
	dir := module(t, "module example.com/m\n")
	out := filepath.Join(dir, "out")
	closegen("-out", out, "-tools", "close_led_*,close_lead_get,[").want(t, 1, "",
		"closegen: error: no tool matches [\"close_led_*\" \"[\"]\nclosegen: hint: closekit tools lists the names\n")
	closegen("-out", out, "-tools", "close_lead_get,").want(t, 1, "", `no tool matches [""]`)
	empty(t, out)
	closegen("-out", out, "-tools", "close_lead_get , close_lead_delete").want(t, 0, summary(t, out, true), "")
	if names := read(t, filepath.Join(out, "operations.go")); !strings.Contains(names, "opLeadGet") || !strings.Contains(names, "opLeadDelete") || strings.Contains(names, "opLeadUpdate") {
		t.Errorf("operations.go:\n%s", names)
	}
}

func TestManifest(t *testing.T) {
	dir := module(t, "module example.com/m\n")
	out, own := filepath.Join(dir, "out"), filepath.Join(dir, "own")

	t.Run("not there", func(t *testing.T) {
		closegen("-out", out, "-manifest", own).want(t, 3, "", "closegen: hint: -manifest takes the folder of the *.yaml files\n")
		empty(t, out)
	})
	t.Run("no folder", func(t *testing.T) {
		closegen("-out", out, "-manifest", filepath.Join(dir, "go.mod")).want(t, 3, "", "go.mod is not a folder\n")
		empty(t, out)
	})
	t.Run("no files", func(t *testing.T) {
		if err := os.MkdirAll(own, 0o755); err != nil {
			t.Fatal(err)
		}
		closegen("-out", out, "-manifest", own).want(t, 1, "", "no *.yaml file in the manifest folder")
		empty(t, out)
	})
	t.Run("one problem", func(t *testing.T) {
		write(t, filepath.Join(own, "mine.yaml"), "resource: mine\ncolour: red\n")
		closegen("-out", out, "-manifest", own).want(t, 1, "", "closegen: error: the manifest has 1 problem; nothing was written\n")
		empty(t, out)
	})
	t.Run("bad", func(t *testing.T) {
		write(t, filepath.Join(own, "mine.yaml"), "resource: mine\ntools:\n  close_mine_get:\n    http: GET /mine\n    retuns: Mine\n")
		closegen("-out", out, "-manifest", own).want(t, 1, "", `mine.yaml:3:3: tool "close_mine_get" has no does (one sentence on what it does, for people and models)
mine.yaml:4:11: tool "close_mine_get" needs http: METHOD /path/ (the path must end in a slash, or close.yaml must say conventions: {trailing_slash: false})
mine.yaml:5:5: tool close_mine_get has no key "retuns" (did you mean "returns"?)
closegen: error: the manifest has 3 problems; nothing was written
closegen: hint: docs/manifest.md explains the format key by key
`)
		empty(t, out)
	})
	t.Run("bad, over good output", func(t *testing.T) {
		closegen("-out", out, "-tools", "close_me_get").want(t, 0, summary(t, out, true), "")
		before := read(t, filepath.Join(out, "users.go"))
		closegen("-out", out, "-manifest", own).want(t, 1, "", "3 problems")
		if read(t, filepath.Join(out, "users.go")) != before {
			t.Error("the output changed")
		}
	})
	t.Run("clash", func(t *testing.T) {
		write(t, filepath.Join(own, "mine.yaml"), "resource: mine\ntypes: {LeadID: {about: Mine., fields: {a: {type: string}}}}\ntools:\n  close_mine_get: {http: GET /mine/, does: Fetch., returns: LeadID}\n")
		closegen("-out", out, "-manifest", own).want(t, 1, "", "mine.yaml:2:9: id kind lead and type LeadID would both be LeadID in Go (the first is at close.yaml:")
		closegen("-out", out, "-manifest", own).want(t, 1, "", "closegen: error: the manifest has 1 problem; nothing was written\n")
	})
	t.Run("addition", func(t *testing.T) {
		write(t, filepath.Join(own, "mine.yaml"), "resource: mine\ntypes: {Mine: {about: Mine., fields: {lead: {type: Lead}}}}\ntools:\n  close_mine_get: {http: GET /mine/, does: Fetch mine., returns: Mine}\n  close_me_get: {does: Say who you are.}\n")
		closegen("-out", out, "-manifest", own, "-tools", "close_me_get,close_mine_get").want(t, 0, out, "")
		if got := read(t, filepath.Join(out, "mine.go")); !strings.Contains(got, "// MineGet fetches mine.") {
			t.Errorf("mine.go:\n%s", got)
		}
		if got := read(t, filepath.Join(out, "users.go")); !strings.Contains(got, "// MeGet says who you are.") {
			t.Errorf("users.go:\n%s", got)
		}
	})
	t.Run("on its own", func(t *testing.T) {
		write(t, filepath.Join(own, "close.yaml"), "api: Mine\nbase_url: https://example.com\n")
		write(t, filepath.Join(own, "mine.yaml"), "resource: mine\ntypes: {Mine: {about: Mine., fields: {a: {type: string}}}}\ntools:\n  close_mine_get: {http: GET /mine/, does: Fetch mine., returns: Mine}\n")
		closegen("-out", out, "-manifest", own).want(t, 0, out+": ", "")
		if _, err := os.Stat(filepath.Join(out, "users.go")); err == nil {
			t.Error("users.go of the run before is still there")
		}
	})
}

func TestCheck(t *testing.T) {
	dir := module(t, "module example.com/m\n")
	out, pages, routes := filepath.Join(dir, "out"), filepath.Join(dir, "pages"), filepath.Join(dir, "routes", "routes.go")
	args := []string{"-out", out, "-reference", pages, "-routes", routes, "-tools", "close_me_get"}
	closegen(append(args, "-check")...).want(t, 1, "", filepath.Join(out, "doc.go")+" is missing\n")
	empty(t, out)
	empty(t, pages)

	closegen(args...).want(t, 0, summary(t, out, true)+summary(t, filepath.Dir(routes), true)+summary(t, pages, true), "")
	r := closegen(append(args, "-check")...)
	if r.code != 0 || r.stdout+r.stderr != "" {
		t.Errorf("after generating: %+v", r)
	}
	closegen(args...).want(t, 0, summary(t, out, false), "")

	write(t, filepath.Join(out, "users.go"), read(t, filepath.Join(out, "users.go"))+"// edited\n")
	write(t, filepath.Join(out, "old.go"), "// Code generated by closegen from old.yaml; DO NOT EDIT.\n")
	write(t, filepath.Join(pages, "users.md"), "edited")
	if err := os.Remove(routes); err != nil {
		t.Fatal(err)
	}
	closegen(append(args, "-check")...).want(t, 1, "", fmt.Sprintf("%s is stale\n%s should not be there\n%s is missing\n%s is stale\n"+
		"closegen: error: not up to date: 4 generated files\nclosegen: hint: run go generate ./... and commit the result\n",
		filepath.Join(out, "users.go"), filepath.Join(out, "old.go"), routes, filepath.Join(pages, "users.md")))
	if got := read(t, filepath.Join(pages, "users.md")); got != "edited" {
		t.Error("-check wrote")
	}

	// A page that someone wrote is in the way of the third output.
	closegen(args...).want(t, 3, "2 changed", "users.md: a file of this name is there that closegen did not write")
	if got := read(t, filepath.Join(pages, "users.md")); got != "edited" {
		t.Error("a page that closegen did not write was overwritten")
	}
}

func TestCannotWrite(t *testing.T) {
	dir := module(t, "module example.com/m\n")
	write(t, filepath.Join(dir, "file"), "")
	closegen("-out", filepath.Join(dir, "file"), "-tools", "close_me_get").want(t, 3, "", "closegen: error: ")
	closegen("-out", filepath.Join(dir, "file"), "-tools", "close_me_get", "-check").want(t, 3, "", "closegen: error: ")
}

func TestPackageAndImport(t *testing.T) {
	for name, c := range map[string]struct {
		gomod string
		out   string
		args  []string
		want  []string
	}{
		"folder":    {"module example.com/m\n", "close-tools", nil, []string{"package closetools", `"example.com/m/close-tools"`}},
		"root":      {"module example.com/m // the module\n\ngo 1.25\n", ".", []string{"-package", "m"}, []string{"package m", `"example.com/m"`}},
		"quoted":    {"// comment\n\nmodule \"example.com/m\"\n", "a/b", nil, []string{"package b", `"example.com/m/a/b"`}},
		"by hand":   {"module example.com/m\n", "x", []string{"-package", "mine", "-import", "example.com/other"}, []string{"package mine", `"example.com/other"`}},
		"no go.mod": {"", "x", []string{"-import", "example.com/other"}, []string{"package x", `"example.com/other"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.gomod != "" {
				dir = module(t, c.gomod)
			}
			out := filepath.Join(dir, filepath.FromSlash(c.out))
			closegen(append([]string{"-out", out, "-tools", "close_me_get"}, c.args...)...).want(t, 0, out+": ", "")
			got := read(t, filepath.Join(out, "doc.go")) + read(t, filepath.Join(out, "tools", "tools.go"))
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("generated code has no %s", w)
				}
			}
		})
	}
}

// TestSubsetCompiles builds a selection in a module of its own and calls what
// needs no network.
func TestSubsetCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds a program")
	}
	dir := downstream(t)
	closegen("-out", filepath.Join(dir, "closetools"), "-tools", "close_lead_get,close_lead_c*,close_task_create,close_tasks_list").want(t, 0, "closetools", "")
	write(t, filepath.Join(dir, "main.go"), `package main

import (
	"fmt"

	"example.com/m/closetools"
	"example.com/m/closetools/tools"
)

func main() {
	var lead closetools.Lead
	if err := lead.UnmarshalJSON([]byte(`+"`"+`{"id":"lead_1","display_name":"Acme","more":1}`+"`"+`)); err != nil {
		panic(err)
	}
	tool, err := tools.Lookup("close_lead_get")
	fmt.Println(lead.ID, lead.DisplayName, len(tools.All()), len(closetools.Operations()), tool.Name, err)
}
`)
	out, err := goTool(t, dir, "run", ".")
	if want := "lead_1 Acme 4 4 close_lead_get <nil>\n"; err != nil || out != want {
		t.Errorf("got %s(%v), want %s", out, err, want)
	}
}

// summary is what closegen reports about a folder that holds nothing else, when
// it wrote all files or none.
func summary(t *testing.T, dir string, changed bool) string {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if changed {
		n = files
	}
	return fmt.Sprintf("%s: %s, %d changed\n", dir, words.Count(files, "file"), n)
}
