package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDocs compares the numbers of tokens in the documents with the measured ones.
func TestDocs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := measureTokens(&out); err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, name := range []string{"README.md", "docs/agents.md", "docs/search.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		docs[name] = string(b)
	}
	for _, c := range []struct {
		row    string // of what is printed, with the number
		doc    string
		says   string // with N in place of the number
		digits int    // that the document has; 0 for all of them
	}{
		{`the peer's 81 \| full \| (\d+)`, "docs/agents.md", "| 81 for records and activities | full | N | 162 |", 0},
		{`the peer's 81 \| lean \| (\d+)`, "docs/agents.md", "| the same | lean | N | 162 |", 0},
		{`all 301 \| lean \| (\d+)`, "docs/agents.md", "| all 301 | lean | N | 162 |", 0},
		{`a rep's 20 \| lean \| (\d+)`, "docs/agents.md", "| a rep's 20, `Toolset(\"sales\")` | lean | N | 85 |", 0},
		{`meta-tools 3 \| lean \| (\d+)`, "docs/agents.md", "| three meta-tools, `MetaTools()` | | N |", 0},
		{`a rep's 20 \| lean \| (\d+)`, "README.md", "20 tools in N tokens", 2},
		{`agent layer, a rep's tools .* \| (\d+) \| ≤`, "docs/agents.md", "it) takes about N tokens of input", 3},
		{`raw: .* \| (\d+) \|  \|`, "docs/agents.md", "Close's responses it takes about N.", 3},
		{`find_records \| (\d+)`, "docs/search.md", "| `find_records` | N |", 0},
		{`close_search \| (\d+)`, "docs/search.md", "| `close_search`, the lean form | N |", 0},
		{`its query \| (\d+)`, "docs/search.md", "| the query in it | N |", 0},
	} {
		m := regexp.MustCompile(`(?m)^\| ` + c.row).FindStringSubmatch(out.String())
		if m == nil {
			t.Errorf("%q is not printed", c.row)
			continue
		}
		want := strings.Replace(c.says, "N", grouped(t, m[1], c.digits), 1)
		if !strings.Contains(docs[c.doc], want) {
			t.Errorf("%s does not say %q", c.doc, want)
		}
	}
}

// grouped writes a number as documents do, rounded to some digits.
func grouped(t *testing.T, s string, digits int) string {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	if digits > 0 {
		unit := 1
		for range len(s) - digits {
			unit *= 10
		}
		n = (n + unit/2) / unit * unit
	}
	s = strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
