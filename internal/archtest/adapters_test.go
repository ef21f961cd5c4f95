package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
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

// TestAdapterTable compares the table of docs/agents.md with the folders and their go.mod:
// a row for every adapter for agents, with the SDK and its version.
func TestAdapterTable(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| \\[`(\\w+)`\\]\\(\\.\\./adapters/(\\w+)/README\\.md\\)[^|]*\\| `([^`]+)` \\| (\\S+) \\| [^|]+ \\| [^|]+ \\|$")
	rows := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(guide), -1) {
		name, folder, sdk, version := m[1], m[2], m[3], m[4]
		rows[name] = true
		if sdks[name] == nil || folder != name || sdk != sdks[name][0] {
			t.Errorf("docs/agents.md: the row %q is of the folder %q and of %s", name, folder, sdk)
			continue
		}
		if text, _, _ := requirements(t, "../../adapters/"+name+"/go.mod"); !strings.Contains(text, "\t"+sdk+" "+version+"\n") {
			t.Errorf("docs/agents.md: adapters/%s does not require %s %s", name, sdk, version)
		}
	}
	for name := range sdks {
		if name != "jetstream" && !rows[name] { // which carries events
			t.Errorf("docs/agents.md: the table of adapters has no row for adapters/%s", name)
		}
	}
}

// TestVersions wants one version for all modules: what they require of each other is the
// version that the source has, so that tags on one commit release all of them.
func TestVersions(t *testing.T) {
	t.Parallel()
	files := []string{"../../adapters/go.work", "../../agent/bench/go.mod", "../../bench/go.mod"}
	for _, pattern := range []string{"../../adapters/*/go.mod", "../../examples/*/go.mod", "../../bench/*/go.mod"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	ours := regexp.MustCompile(`(?m)^(?:require |replace |\t)(` + regexp.QuoteMeta(module) + `\S*) (v\S+)`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := ours.FindAllStringSubmatch(string(data), -1)
		if len(all) == 0 {
			t.Errorf("%s names no version of closekit", file)
		}
		for _, m := range all {
			if m[2] != "v"+closekit.Version {
				t.Errorf("%s has %s %s, want v%s; scripts/set-version.sh sets all", file, m[1], m[2], closekit.Version)
			}
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
