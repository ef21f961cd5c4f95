package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// runTools runs the command on the tools of Close.
func runTools(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Program{Tools: tools.Catalog()}.Run(t.Context(), args, nil, &out, &errs, func(string) string { return "" })
	return code, out.String(), errs.String()
}

func TestSchemaFormats(t *testing.T) {
	t.Parallel()
	for _, f := range agent.Formats() {
		code, out, _ := runTools(t, "schema", "--format", string(f), "--toolset", "sales")
		var list []json.RawMessage
		want := 20
		if f == agent.OpenAPI {
			want = 1
		}
		if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) != want {
			t.Errorf("%s: exit code %d, %d definitions, %v; want %d", f, code, len(list), err, want)
		}
	}
	dir := t.TempDir()
	if code, _, errs := runTools(t, "schema", "--format", "mcp", "--tools", "close_lead_*", "--out", dir); code != 0 {
		t.Fatal(errs)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*.json")); len(files) != 16 {
		t.Errorf("got the files %v, want 16", files)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "close_lead_get.json")); err != nil || !json.Valid(b) {
		t.Errorf("%s, %v", b, err)
	}
	// All tools are too many for one request, and a file for each of them is fine.
	for _, f := range []string{"openai-chat", "openai-responses", "openai-strict"} {
		code, out, errs := runTools(t, "schema", "--format", f)
		if code != exitUsage || out != "" || !strings.Contains(errs, "tools are too many: a request in the format "+f+" takes 128") || !strings.Contains(errs, "--toolset") || !strings.Contains(errs, "agent.MetaTools") ||
			strings.Contains(errs, "WithDeferral") != (f == "openai-responses") {
			t.Errorf("%s: exit code %d, %.200q, %s", f, code, out, errs)
		}
	}
	all := t.TempDir()
	if code, _, errs := runTools(t, "schema", "--format", "openai-chat", "--out", all); code != 0 {
		t.Error(errs)
	}
	if files, _ := filepath.Glob(filepath.Join(all, "*.json")); len(files) != len(tools.All()) {
		t.Errorf("%d files, want %d", len(files), len(tools.All()))
	}
	for _, args := range [][]string{
		{"--format", "gpt"},
		{"--format", "mcp", "--profile", "small"},
		{"--format", "mcp", "--toolset", "none"},
		{"--format", "mcp", "--toolset", "sales", "--tools", "*_delete"},
		{"--toolset", "sales"},
		{"--format", "mcp", "--output"},
	} {
		if code, out, errs := runTools(t, append([]string{"schema"}, args...)...); code != exitUsage || out != "" || errs == "" {
			t.Errorf("%q: exit code %d, %q, %q; want a usage error", args, code, out, errs)
		}
	}
}

// TestSchemaStrict says the same of wrong patterns and of tools that cannot be strict with
// and without --out, and writes no file then, however many tools there are.
func TestSchemaStrict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--format", "openai-chat", "--toolset", "sales", "--strict", "close_led_*"}, "close_led_*"},
		{[]string{"--format", "openai-chat", "--toolset", "sales", "--strict", "[", "--strict", "close_lead_get"}, "["},
		{[]string{"--format", "openai-responses", "--tools", "close_lead_*", "--strict", "close_lead_*"}, "close_lead_update"},
		{[]string{"--format", "openai-chat", "--strict", "close_led_*"}, "close_led_*"},
		{[]string{"--format", "openai-chat", "--strict", "close_*"}, "close_lead_update"},
		{[]string{"--format", "mcp", "--toolset", "sales", "--strict", "close_lead_get"}, "mcp"},
	} {
		args := append([]string{"schema"}, c.args...)
		code, out, want := runTools(t, args...)
		if code != exitUsage || out != "" || !strings.Contains(want, c.want) || strings.Contains(want, "too many") {
			t.Errorf("%q: exit code %d, %q, %s; want %s", c.args, code, out, want, c.want)
		}
		dir := filepath.Join(t.TempDir(), "definitions")
		if code, _, errs := runTools(t, append(args, "--out", dir)...); code != exitUsage || errs != want {
			t.Errorf("%q with --out: exit code %d, %s; want %s", c.args, code, errs, want)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: files were written: %v", c.args, err)
		}
	}
	dir := t.TempDir()
	if code, _, errs := runTools(t, "schema", "--format", "openai-chat", "--strict", "close_lead_get", "--out", dir); code != 0 {
		t.Fatal(errs)
	}
	for name, want := range map[string]bool{"close_lead_get": true, "close_contact_get": false} {
		if text, err := os.ReadFile(filepath.Join(dir, name+".json")); err != nil || bytes.Contains(text, []byte(`"strict": true`)) != want {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
}

func TestToolsSearch(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{"which notes do we have on Acme": "close_notes_list", "bake a cake": ""} {
		code, out, _ := runTools(t, "tools", "--json", "--search", words)
		var list []agent.Found
		if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || len(list) > 10 {
			t.Fatalf("%s: exit code %d, %s, %v", words, code, out, err)
		}
		got := ""
		if len(list) > 0 {
			got = list[0].Name
		}
		if got != want {
			t.Errorf("%s: got %q first, want %q", words, got, want)
		}
	}
}
