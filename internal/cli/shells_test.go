//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestUsualValues completes every parameter with an open set of values. They come from
// the description in the schema.
func TestUsualValues(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, tool := range tools.All() {
		input, err := inputOf(tool)
		if err != nil {
			t.Fatal(err)
		}
		for _, param := range input.Properties {
			if !strings.Contains(param.Description, "Usually one of") {
				continue
			}
			compared++
			var out bytes.Buffer
			args := []string{"__completeNoDesc", "call", tool.Name, "--" + param.name, ""}
			if code := (Program{}).Run(t.Context(), args, strings.NewReader(""), &out, new(bytes.Buffer), func(string) string { return "" }); code != 0 {
				t.Fatalf("%v: exit code %d", args, code)
			}
			got := strings.Split(strings.TrimSpace(out.String()), "\n")
			got = got[:len(got)-1] // the last line is a directive
			if len(got) < 2 || slices.ContainsFunc(got, func(v string) bool { return v == "" || strings.ContainsAny(v, " ,.") }) {
				t.Errorf("%s --%s: got %q", tool.Name, param.name, got)
			}
			if want := closeapi.ActivityType("").Values(); tool.Name == "close_activities_list" && param.name == "_type" && !slices.Equal(got, want) {
				t.Errorf("activity types: got %q, want %q", got, want)
			}
		}
	}
	if compared == 0 {
		t.Error("no tool has a parameter with an open set of values")
	}
}

// TestShells has each shell that is installed read the completion script of the
// command. Where a shell can complete a line without a terminal, it does.
func TestShells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Symlink(self(t), filepath.Join(dir, "closekit")); err != nil {
		t.Fatal(err)
	}
	// bash-completion need not be installed; this is what the script needs of it.
	const words = `_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
__ltrim_colon_completions() { :; }
. ./script
complete() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMPREPLY=(); __start_closekit; printf '%s\n' "${COMPREPLY[@]}"; }
`
	lines := []struct{ line, want string }{
		{"closekit call close_task_create --prio", "--priority"},
		{"closekit call close_leads_list --order-", "--order-by"},
		{"closekit call close_task_create --priority h", "high"},
		{"closekit call close_activities_list --type EmailTh", "EmailThread"},
		{"closekit emulator --rate-limit-headers le", "legacy"},
	}
	for _, shell := range []struct {
		name, check string
		ask         func(line string) string // a script that prints what completes the line
	}{
		{"bash", ". ./script", func(line string) string { return words + "complete " + line }},
		{"zsh", "autoload -U compinit && compinit -D && . ./script && whence -w _closekit", nil},
		{"fish", "source ./script", func(line string) string { return "source ./script; complete -C '" + line + "'" }},
		{"powershell", "", nil}, // the command pwsh
	} {
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			at := t.TempDir()
			var script, errs bytes.Buffer
			if code := (Program{}).Run(t.Context(), []string{"completion", shell.name}, strings.NewReader(""), &script, &errs, func(string) string { return "" }); code != 0 || script.Len() == 0 {
				t.Fatalf("exit code %d, %d bytes: %s", code, script.Len(), errs.String())
			}
			if err := os.WriteFile(filepath.Join(at, "script"), script.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			name, check := shell.name, shell.check
			if name == "powershell" {
				name, check = "pwsh", "Set-StrictMode -Version Latest; $e = $null; [void][System.Management.Automation.Language.Parser]::ParseFile((Resolve-Path ./script), [ref]$null, [ref]$e); if ($e) { $e; exit 1 }"
			}
			program, err := exec.LookPath(name)
			if err != nil {
				t.Skipf("%s is not installed", name)
			}
			run := func(text string) string {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), program, "-c", text)
				cmd.Dir = at
				cmd.Env = append(os.Environ(), asCommand+"=1", "GORACE="+fastExit, "HOME="+at, "PATH="+dir+":"+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", text, err, out)
				}
				return string(out)
			}
			run(check)
			if shell.ask == nil {
				return
			}
			for _, l := range lines {
				if out := run(shell.ask(l.line)); !slices.Contains(strings.Fields(out), l.want) {
					t.Errorf("%s: got %q, want %s", l.line, out, l.want)
				}
			}
		})
	}
}
