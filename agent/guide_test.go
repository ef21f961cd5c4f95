package agent_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestGuide compares the code of the guide with the examples, which are compiled and
// run.
func TestGuide(t *testing.T) {
	t.Parallel()
	flat := func(text string) string {
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			lines[i] = strings.TrimSpace(line)
		}
		return strings.Join(lines, "\n")
	}
	guide, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 6 {
		t.Errorf("%d blocks of code in the guide", len(blocks))
	}
	code := flat(string(source))
	for _, b := range blocks {
		for part := range strings.SplitSeq(flat(b[1]), "\n…\n") {
			if !strings.Contains(code, part) {
				t.Errorf("the examples do not have the code of the guide:\n%s", b[1])
			}
		}
	}
}
