package words_test

import (
	"strings"
	"testing"

	"github.com/closekit/closekit/internal/words"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                    "",
		"plain é 你好 \"q\" \\": "plain é 你好 \"q\" \\",
		"\x1b[31mred":         "\uFFFD[31mred",
		"a\nb\r\tc\x00\x7f":   "a\uFFFDb\uFFFD\uFFFDc\uFFFD\uFFFD",
		"abc\u202Efdp.exe":    "abc\uFFFDfdp.exe",
		"\u2066a\u2069\u200f": "\uFFFDa\uFFFD\uFFFD",
		"c1 \u0085\u009b":     "c1 \uFFFD\uFFFD",
		"Caf\xe9":             "Caf\uFFFD",
		"kept \uFFFD":         "kept \uFFFD",
		"0123456789012345678901234567890123456789": "0123456789012345678901234567890…",
		strings.Repeat("é", 16):                    strings.Repeat("é", 15) + "…",
	} {
		if got := words.Clean(in, 31); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := words.Clean(strings.Repeat("\x1b", 1<<20), 31); len(got) > 200 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"name":                   "name",
		"é[1].b c":               "é[1].b c",
		"a\nb":                   `"a\nb"`,
		"a\u202eb":               `"a\u202eb"`,
		strings.Repeat("x", 60):  strings.Repeat("x", 60),
		strings.Repeat("x", 1e5): `"` + strings.Repeat("x", 60) + `"…`,
		strings.Repeat("é", 1e5): `"` + strings.Repeat("é", 30) + `"…`,
	} {
		if got := words.Name(in); got != want {
			t.Errorf("%.70q: %q, want %q", in, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	if got := words.Redact("bad key api_0123 and Basic YXBpXzAx", "api_0123", "", "key", "YXBpXzAx"); got != "bad key [redacted] and Basic [redacted]" {
		t.Error(got)
	}
}
