package adaptertest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// sdks begin the paths of the packages that adapters are for, of any version.
var sdks = []string{
	"github.com/anthropics/anthropic-sdk-go", "github.com/aws/aws-sdk-go", "github.com/cloudwego/eino", "github.com/firebase/genkit",
	"github.com/modelcontextprotocol/go-sdk", "github.com/nats-io", "github.com/openai/openai-go", "github.com/sashabaranov/go-openai",
	"github.com/tmc/langchaingo", "google.golang.org/adk", "google.golang.org/genai",
}

// Linked wants a program with the adapter to link its own SDK, and none of the others.
func Linked(t *testing.T, own ...string) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		begins := func(sdk string) bool { return strings.HasPrefix(path, sdk) }
		switch {
		case slices.ContainsFunc(own, begins):
			found = true
		case slices.ContainsFunc(sdks, begins):
			t.Errorf("links %s", path)
		}
	}
	if !found {
		t.Errorf("links nothing of %q", own)
	}
}
