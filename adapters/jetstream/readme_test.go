package closejetstream_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme wants the code of README.md in the test that runs it.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("stream_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("README.md has no code")
	}
	for _, b := range blocks {
		code, _, _ := strings.Cut(b, "```")
		if !strings.Contains(string(source), code) {
			t.Errorf("not in stream_test.go:\n%s", code)
		}
	}
}
