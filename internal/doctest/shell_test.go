//go:build unix

package doctest

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// elsewhere are lines of the documents that TestShellLines does not run, each with the
// reason.
var elsewhere = map[string]string{
	"go test ./...": "this test is part of it",
	"go get -tool github.com/closekit/closekit/cmd/closegen": "TestReadmeGenerates runs it, in a module of its own",
	"closegen org -lock acme.lock.json -out acme":            "TestOrganizationGuide of closegen runs it, in a module",
}

// session is a reader at a terminal, who follows a document from its top.
type session struct {
	t         *testing.T
	root, dir string // the clone, and where the reader works otherwise
	env       map[string]string
}

// TestShellLines runs every line of the shell blocks of the documents, on the emulator.
// What it does as a person does: it starts "closekit emulator" in another terminal and
// copies the exports that it prints, takes values for "…" from them, and opens the page
// that asks for consent.
func TestShellLines(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds and runs programs")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	documents := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md"}
	for _, pattern := range []string{"docs/*.md", "docs/accounts/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, rel)
		}
	}
	bin := t.TempDir()
	s := session{t: t, root: root, env: map[string]string{"GOBIN": bin, "PATH": bin + ":" + os.Getenv("PATH"), "NO_PROXY": "*"}}
	s.run("go install ./cmd/closekit", root)
	ran := map[string]int{}
	for _, document := range documents {
		data, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		s.dir = t.TempDir()
		for _, b := range blocks(string(data)) {
			switch b.language {
			case "sh":
				for line := range strings.Lines(b.text) {
					s.line(line)
					ran[document]++
				}
			case "bash", "shell", "console", "zsh":
				t.Errorf("%s has a block of %q, use sh", document, b.language)
			}
		}
	}
	if ran["README.md"] == 0 || ran["docs/accounts/guide.md"] == 0 {
		t.Errorf("got %v lines, want some of the README and of the guide", ran)
	}
}

// line carries out one line of a document.
func (s *session) line(line string) {
	line, _, _ = strings.Cut(line, "  #") // a comment, after the spaces that align it
	line = strings.TrimSpace(line)
	if line == "" || elsewhere[line] != "" {
		return
	}
	s.t.Log(line)
	dir := s.dir
	if strings.HasPrefix(line, "go ") { // in a clone, as the documents say
		dir = s.root
	}
	_, wantsEmulator := strings.CutSuffix(line, "closekit emulator")
	switch assignments, isExport := strings.CutPrefix(line, "export "); {
	case isExport:
		for a := range strings.FieldsSeq(assignments) {
			name, value, _ := strings.Cut(a, "=")
			if value != "…" {
				s.env[name] = value
			} else if s.env[name] == "" {
				s.t.Fatalf("%s: the emulator printed no %s", line, name)
			}
		}
	case wantsEmulator:
		s.emulator(line, dir)
	case strings.HasPrefix(line, "closekit accounts connect "):
		s.connect(line)
	default:
		s.run(line, dir)
	}
}

// command returns a shell that runs a line. It gets a process group, because "go run"
// does not hand signals on.
func (s *session) command(line, dir string) *exec.Cmd {
	cmd := exec.CommandContext(s.t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

func (s *session) run(line, dir string) {
	s.t.Helper()
	if out, err := s.command(line, dir).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// emulator starts the emulator and copies the exports that it prints. It consents at
// once, in place of a person who presses the button.
func (s *session) emulator(line, dir string) {
	s.t.Helper()
	cmd := s.command(line+" --auto-consent", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Cancel(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for exports := 0; exports < 2 && lines.Scan(); {
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "export ") {
			s.line(text)
			exports++
		}
	}
	if s.env["CLOSE_API_KEY"] == "" || s.env["CLOSE_CLIENT_SECRET"] == "" {
		s.t.Fatalf("%s prints no settings", line)
	}
}

// connect runs the command that connects an account, and opens the page that it names.
func (s *session) connect(line string) {
	s.t.Helper()
	cmd := s.command(line, s.dir)
	messages, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var all strings.Builder
	lines := bufio.NewScanner(messages)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		page := strings.TrimSpace(lines.Text())
		if !strings.HasPrefix(page, "http://") {
			continue
		}
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, page, http.NoBody)
		if err != nil {
			s.t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(req) // it follows the redirect to the command
		if err != nil {
			s.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	if err := cmd.Wait(); err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, all.String())
	}
}
