package webhooks_test

import (
	"os"
	"strings"
	"testing"
)

// TestGuide wants the code of the guide in the example that runs.
func TestGuide(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("the guide has %d blocks of code", len(blocks))
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("not in example_test.go:\n%s", code)
		}
	}
}
