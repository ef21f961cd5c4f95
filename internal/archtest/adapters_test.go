package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sdks is what the module of each adapter requires beside the core. The first is what no
// other adapter may link, but adk, whose framework is made of genai. What follows for
// eino is the model of its tests.
var sdks = map[string][]string{
	"adk":         {"google.golang.org/adk/v2", "google.golang.org/genai"},
	"anthropic":   {"github.com/anthropics/anthropic-sdk-go"},
	"bedrock":     {"github.com/aws/aws-sdk-go-v2/service/bedrockruntime", "github.com/aws/aws-sdk-go-v2"},
	"eino":        {"github.com/cloudwego/eino", "github.com/cloudwego/eino-ext/components/model/openai"},
	"genai":       {"google.golang.org/genai"},
	"genkit":      {"github.com/firebase/genkit/go"},
	"langchaingo": {"github.com/tmc/langchaingo"},
	"jetstream":   {"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2"}, // the server is for tests
	"mcp":         {"github.com/modelcontextprotocol/go-sdk"},
	"openai":      {"github.com/openai/openai-go/v3"},
}

// core is what the core requires. A requirement more is one for all users.
var core = []string{
	"github.com/dave/jennifer", "github.com/jackc/pgx/v5", "github.com/rogpeppe/go-internal", "github.com/santhosh-tekuri/jsonschema/v5",
	"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/tink-crypto/tink-go/v2", "go.opentelemetry.io/otel",
	"go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/sdk/metric", "go.opentelemetry.io/otel/trace",
	"golang.org/x/oauth2", "golang.org/x/tools", "gopkg.in/yaml.v3", "modernc.org/sqlite", "mvdan.cc/gofumpt",
}

// requirement is a line of go.mod: path, version, and whether it is indirect.
var requirement = regexp.MustCompile(`(?m)^(?:require |\t)(\S+) v\S+( // indirect)?$`)

func requirements(t *testing.T, file string) (text string, direct, all []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range requirement.FindAllStringSubmatch(string(data), -1) {
		all = append(all, m[1])
		if m[2] == "" {
			direct = append(direct, m[1])
		}
	}
	return string(data), direct, all
}

// TestAdapters wants adapters to be modules that bring one SDK each. A go.mod names all
// modules that its packages import, directly or not, so that an SDK which is not named
// is not linked.
func TestAdapters(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../adapters/*/go.mod")
	if err != nil || len(files) < 2 {
		t.Fatalf("adapters: %q %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		sdk, listed := sdks[name]
		if !listed {
			t.Errorf("adapters/%s: what it may require is not in the table", name)
			continue
		}
		text, direct, all := requirements(t, file)
		slices.Sort(direct)
		want := append([]string{module}, sdk...)
		if slices.Sort(want); !slices.Equal(direct, want) {
			t.Errorf("adapters/%s requires %q, want %q", name, direct, want)
		}
		for other, theirs := range sdks {
			if !slices.Contains(sdk, theirs[0]) && slices.Contains(all, theirs[0]) {
				t.Errorf("adapters/%s would link the SDK of adapters/%s", name, other)
			}
		}
		if strings.Contains(text, "\nreplace ") {
			t.Errorf("adapters/%s: a module that is released has no replace directive", name)
		}
	}
}

// TestWorkspace wants every adapter in go.work.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	work, err := os.ReadFile("../../adapters/go.work")
	if err != nil {
		t.Fatal(err)
	}
	for name := range sdks {
		if !strings.Contains(string(work), "\n\t./"+name+"\n") {
			t.Errorf("adapters/%s is not in go.work", name)
		}
		if _, err := os.Stat("../../adapters/" + name + "/go.mod"); err != nil {
			t.Error(err)
		}
	}
}

// TestCoreRequirements keeps the requirements of the core from growing.
func TestCoreRequirements(t *testing.T) {
	t.Parallel()
	_, direct, all := requirements(t, "../../go.mod")
	if slices.Sort(direct); !slices.Equal(direct, core) {
		t.Errorf("the core requires %q, want %q", direct, core)
	}
	for name, sdk := range sdks {
		if slices.Contains(all, sdk[0]) {
			t.Errorf("the core requires the SDK of adapters/%s", name)
		}
	}
}
