package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/closekit/closekit/internal/modeltest"
)

// block returns the lines of the block of README.md in that language.
func block(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```"+language+"\n")
	lines, _, found := strings.Cut(rest, "\n```")
	if !found {
		t.Fatalf("README.md has no block of %s", language)
	}
	return strings.Split(lines, "\n")
}

// TestReadmeCommands runs the commands of README.md. The model is a fake one, and Close
// the emulator of the test.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	for _, l := range block(t, "sh") {
		t.Run(l, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			command, _, _ := strings.Cut(l, "#")
			before, after, found := strings.Cut(command, "go run .")
			if !found {
				t.Fatal("it does not run the program")
			}
			env, args := strings.Fields(before), strings.Fields(after)
			want := "I am a script"
			provider := ""
			for name, key := range map[string]string{"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "gemini": "GEMINI_API_KEY", "local": "-base-url"} {
				if strings.Contains(l, key) {
					provider = name
				}
			}
			if provider != "" {
				want = "Hello from the model."
				m := modeltest.Start(t, modeltest.Step{Text: want})
				_, flags := fakes[provider](m)
				args = append(flags[:2:2], args...) // the address; a flag of the line that comes later wins
				for i := range args {
					args[i] = strings.Replace(args[i], "http://localhost:11434", m.URL(), 1)
				}
				if provider != "local" {
					args = append(args, flags[2:]...) // the provider and the name, as -base-url needs them
				}
			}
			if strings.Contains(l, "CLOSE_API_KEY") {
				env = append(env, o.env...) // the keys of the emulator are later, and count
			}
			cmd := program(t, t.TempDir(), env, args...)
			cmd.Stdin = strings.NewReader("hello\n")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(strings.ReplaceAll(string(out), "\n» ", " "), want) || strings.Contains(l, "CLOSE_API_KEY") == strings.Contains(string(out), "an emulated Close") {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
}

// TestReadmeChat types what README.md types, and wants all that it shows.
func TestReadmeChat(t *testing.T) {
	t.Parallel()
	d := start(t, t.TempDir(), nil)
	for _, l := range block(t, "text") {
		for _, prompt := range []string{"ada> ", "ben> ", "  Do it? [y/N] "} {
			if typed, found := strings.CutPrefix(l, prompt); found {
				d.expect(prompt)
				d.types(typed + "\n")
				l = typed
			}
		}
		d.expect(l)
	}
	d.end()
}

// TestReadmeCopy copies the program into a new module with the commands of README.md.
// The released modules are those of this checkout.
func TestReadmeCopy(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(value))
	}
	dir := t.TempDir()
	if err := os.Symlink(root, filepath.Join(dir, "closekit")); err != nil {
		t.Fatal(err)
	}
	replaces := "go mod edit"
	for _, path := range []string{"", "/adapters/anthropic", "/adapters/openai"} {
		replaces += " -replace github.com/closekit/closekit" + path + "=" + root + path
	}
	var script strings.Builder
	for _, l := range block(t, "bash") {
		script.WriteString(l + "\n")
		if strings.HasPrefix(l, "go mod init") {
			script.WriteString(replaces + "\ncp ../closekit/examples/sales-assistant/go.sum .\n")
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-eux", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOSUMDB=off", "GOTOOLCHAIN=local",
		"GOPROXY=file://"+env("GOMODCACHE")+"/cache/download,"+env("GOPROXY")) // what is on this machine first
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	copied := exec.CommandContext(t.Context(), filepath.Join(dir, "my-assistant", "my-assistant"), "-dir", t.TempDir())
	copied.Env, copied.Stdin, copied.SysProcAttr = environment(dir), strings.NewReader("hello\n"), &syscall.SysProcAttr{Setsid: true}
	if out, err := copied.CombinedOutput(); err != nil || !strings.Contains(string(out), "I am a script") {
		t.Errorf("%v:\n%s", err, out)
	}
}
