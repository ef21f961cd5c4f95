package preview_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/closekit/closekit/agent/internal/preview"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\u202eb":          "a‹U+202E›b",
		"a\u2066b\u2069":    "a‹U+2066›b‹U+2069›",
		"zero\u200bwidth":   "zero‹U+200B›width",
		"soft\u00adhyphen":  "soft‹U+00AD›hyphen",
		"esc\x1b[2J":        "esc‹U+001B›[2J",
		"tag\U000E0041":     "tag‹U+E0041›",
		"filler\u3164":      "filler‹U+3164›",
		"line\u2028break":   "line‹U+2028›break",
		"over\rwritten":     "over‹U+000D›written",
		"two\r\nlines\tof":  "two\nlines\tof",
		"bad \xff byte":     "bad ‹0xFF› byte",
		"Grüße, 東京, Ελλάδα": "Grüße, 東京, Ελλάδα",
		"variation\ufe01":   "variation‹U+FE01›",
	} {
		got, changed := preview.Visible(in)
		if got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
		if again, more := preview.Visible(got); again != got || more {
			t.Errorf("Visible(%q) is not final", got)
		}
		if changed != (got != strings.ReplaceAll(in, "\r\n", "\n")) {
			t.Errorf("Visible(%q) reports %v", in, changed)
		}
	}
}

func TestSuspicious(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ann@acme.example":        "",
		"ann@bücher.example":      "",
		"ann@аcme.example":        "Latin and Cyrillic",
		"ann@сосо.example":        "Cyrillic letters",
		"ann@acmε.example":        "Latin and Greek",
		"ann@xn--cme-7cd.example": "stands for one in other letters",
		"аnn@acme.example":        "before the @",
		"https://аcme.example/x":  "Latin and Cyrillic",
		"https://acme.example/д":  "",
		"Ann Lee ann@東京.example":  "",
	} {
		got := preview.Suspicious(address)
		if want == "" && strings.Contains(address, "東京") {
			want = "another script" // a person must look
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("Suspicious(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	if got, cut := preview.Cut(strings.Repeat("é", 3140), 1000); !cut || got != strings.Repeat("é", 1000)+" … 2,140 more characters" {
		t.Errorf("Cut = %q, %v", got[len(got)-40:], cut)
	}
	if got, cut := preview.Cut("short", 5); cut || got != "short" {
		t.Errorf("Cut = %q, %v", got, cut)
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	name := func(id string) string {
		if id == "lead_1" {
			return "Acme (lead_1)"
		}
		return ""
	}
	for in, want := range map[string]string{
		`null`:                             "nothing",
		`true`:                             "yes",
		`12345678901234567890`:             "12345678901234567890",
		`"lead_1"`:                         "Acme (lead_1)",
		`["a","b"]`:                        "a\nb",
		`[{"email":"a@b","type":"x"}]`:     "email: a@b; type: x",
		`{"b":1,"a":[1,{"lead_1":false}]}`: "a: [1, (Acme (lead_1): no)]; b: 1",
	} {
		if got := preview.Value(json.RawMessage(in), name); got != want {
			t.Errorf("Value(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	list := json.RawMessage(`[{"a":1,"b":2},{"a":3,"c":4}]`)
	for _, c := range []struct {
		one     string
		several []string
		want    string
	}{
		{"a", nil, `[1,3]`},
		{"", []string{"a", "b"}, `[{"a":1,"b":2},{"a":3,"b":null}]`},
		{"", nil, string(list)},
	} {
		if got := string(preview.Members(list, c.one, c.several)); got != c.want {
			t.Errorf("Members(%q, %q) = %s, want %s", c.one, c.several, got, c.want)
		}
	}
	if got := string(preview.Members(json.RawMessage(`{"a":1,"b":2}`), "b", nil)); got != "2" {
		t.Errorf("the member of an object is %s", got)
	}
}

// TestLayout tests that a quoted value cannot look like a line of the preview.
func TestLayout(t *testing.T) {
	t.Parallel()
	text := preview.Layout([]preview.Item{
		{Label: "To", Value: "ann@acme.example"},
		{Label: "Subject", Value: "Hi\n  To: no one\n" + strings.Repeat("word ", 40) + strings.Repeat("x", 200), Quoted: true},
	})
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if n := len([]rune(line)); n > preview.Width {
			t.Errorf("line %d has %d characters: %q", i, n, line)
		}
		if i > 0 && !strings.HasPrefix(line[len("  Subject: "):], "|") {
			t.Errorf("line %d is not quoted: %q", i, line)
		}
	}
	if !strings.HasPrefix(text, "  To:      ann@acme.example\n  Subject: | Hi\n") {
		t.Errorf("not aligned:\n%s", text)
	}
	if got := strings.Count(strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "")), ""), "x"); got != 200+1 {
		t.Errorf("%d of the 200 letters of the long word are there", got-1)
	}
}
