package cli

import (
	"os/exec"
	"testing"
)

// TestShellWord has a shell read words, in quotes and out of them.
func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"ada": "ada", "ada@example.com": "ada@example.com", "": "''", "a b": "'a b'", "Zoë": "Zoë", "a;b&(c)": "'a;b&(c)'", "🙂": "'🙂'",
		"$(touch pwned)": `$'\x24(touch pwned)'`, "a'b": `$'a\x27b'`, "new\nline": `$'new\x0aline'`, "\xff\xfe": `$'\xff\xfe'`,
		"`id`": `$'\x60id\x60'`, `\n`: `$'\x5cn'`, "!!": `$'\x21\x21'`, "é\n1": `$'\xc3\xa9\x0a1'`,
	} {
		got := shellWord(word)
		if got != want {
			t.Errorf("%q becomes %s, want %s", word, got, want)
		}
		bash, err := exec.LookPath("bash")
		if err != nil {
			continue
		}
		out, err := exec.CommandContext(t.Context(), bash, "-c", "printf %s "+got).Output()
		if err != nil || string(out) != word {
			t.Errorf("%s is read as %q, want %q: %v", got, out, word, err)
		}
		out, err = exec.CommandContext(t.Context(), bash, "-c", "printf %s \""+got+"\"").Output()
		if err != nil || string(out) != got {
			t.Errorf("%s in quotes is read as %q: %v", got, out, err)
		}
	}
}
