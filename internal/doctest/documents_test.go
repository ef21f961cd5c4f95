package doctest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fenced block of a document, without the margin of the list that it is
// in.
type block struct {
	language, text string
	file           string // in backquotes at the end of the paragraph before
}

var (
	fenced = regexp.MustCompile("(?ms)^( *)```(\\w*)\n(.*?)^ *```$")
	lastIn = regexp.MustCompile("`([^`\\s]+)`:\\s*$")
	// command is a line for a shell in the text.
	command = regexp.MustCompile("`(go [a-z]+[^`\n]*)`")
)

// blocks returns the fenced blocks of a text.
func blocks(text string) (list []block) {
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		b := block{language: text[at[4]:at[5]]}
		margin := text[at[2]:at[3]]
		for line := range strings.Lines(text[at[6]:at[7]]) {
			b.text += strings.TrimPrefix(line, margin)
		}
		if m := lastIn.FindStringSubmatch(text[:at[0]]); m != nil {
			b.file = m[1]
		}
		list = append(list, b)
	}
	return list
}

// section returns the text of a document below a heading of the second level.
func section(t *testing.T, document, heading string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", document))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(data), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func save(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a line of the go command in a folder, offline. Paths are trimmed so that the
// build cache serves the next run, which is in another folder.
func run(t *testing.T, dir, line string) {
	t.Helper()
	args := strings.Fields(line)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod -trimpath", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// TestReadmeGenerates follows "Generate your own" of the README in a new module.
func TestReadmeGenerates(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds closegen")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	save(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.25.0\n\nreplace github.com/closekit/closekit => "+filepath.ToSlash(root)+"\n")
	save(t, filepath.Join(dir, "go.sum"), string(sums))
	generates := 0
	for _, b := range blocks(section(t, "README.md", "Generate your own")) {
		switch b.language {
		case "sh":
			for line := range strings.Lines(b.text) {
				run(t, dir, strings.TrimSpace(line))
			}
		case "go":
			generates += strings.Count(b.text, "//go:generate ")
			save(t, filepath.Join(dir, "generate.go"), "package m\n\n"+b.text)
			run(t, dir, "go generate ./...")
		}
	}
	if generates == 0 {
		t.Fatal("the README has no line for go generate")
	}
	if _, err := os.Stat(filepath.Join(dir, "closetools", "leads.go")); err != nil {
		t.Error(err)
	}
	run(t, dir, "go vet ./...")
}

// affected are the packages whose tests look at the whole manifest.
const affected = "./manifest ./generator ./closeapi ./closeapi/tools ./emulator ./internal/wiretest ./internal/archtest ./internal/apitest"

// TestContributingExample adds the operation of CONTRIBUTING in a copy of the
// repository, as the document says. No test may break for it.
func TestContributingExample(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it runs the tests of a copy of the repository")
	}
	text := section(t, "CONTRIBUTING.md", "Add an operation")
	dir := t.TempDir()
	copyRepository(t, dir)
	added := 0
	for _, b := range blocks(text) {
		if b.file == "" {
			t.Fatalf("the text does not name the file of the block\n%s", b.text)
		}
		if _, err := os.Stat(filepath.Join(dir, b.file)); err == nil {
			t.Fatalf("%s is there already; take another example", b.file)
		}
		save(t, filepath.Join(dir, b.file), b.text)
		added++
	}
	var lines []string
	for _, m := range command.FindAllStringSubmatch(text, -1) {
		lines = append(lines, m[1])
	}
	want := []string{"go generate ./...", "go test -short ./manifest ./internal/wiretest ./internal/archtest -update", "go test ./..."}
	if added != 2 || !slices.Equal(lines, want) {
		t.Fatalf("%d files and the commands %q, want 2 and %q", added, lines, want)
	}
	for _, line := range lines[:2] {
		run(t, dir, line)
	}
	run(t, dir, "go test -short "+affected)
}

// copyRepository copies what the main module consists of.
func copyRepository(t *testing.T, to string) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".git" || name == "bench/gen" || name == "bench/.tmp" || d.Name() == "node_modules":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		save(t, filepath.Join(to, name), string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
