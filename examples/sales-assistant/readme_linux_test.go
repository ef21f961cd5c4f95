package main

import (
	"os"
	"strings"
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
