package closemcp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// ofReadme is the code of README.md in a program.
func ofReadme(
	store agent.Store, vault agent.Vault, tellPeople func(context.Context, []*agent.Approval), manager *accounts.Manager,
	principalOf func(context.Context, *auth.TokenInfo) (accounts.Principal, error), addressOf func(context.Context, closemcp.User, *agent.Approval) (string, error),
	key []byte, verify auth.TokenVerifier, issuers []string,
) (http.Handler, error) {
	a, err := agent.New(tools.Catalog(), agent.Toolset("sales"), agent.WithApprovals(store), agent.WithVault(vault), agent.WithNotify(tellPeople))
	if err != nil {
		return nil, err
	}
	s, err := closemcp.New(a, closemcp.Config{
		Users:    closemcp.Accounts(manager, "close", principalOf), // from the verified token
		HostAsks: true,                                             // you show approvals on a page, and call a.Decide
		NoForms:  true,                                             // only there: the client may be the agent itself
		Page:     addressOf,                                        // of that page, for clients that open it
		StateKey: key,                                              // the same for all replicas
	})
	if err != nil {
		return nil, err
	}
	return s.Handler(closemcp.HTTP{Verify: verify, Resource: "https://mcp.example.com/mcp", AuthorizationServers: issuers})
}

// TestReadme runs the code of the page.
func TestReadme(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.ReplaceAll(string(source), "\n\t", "\n")
	for _, block := range strings.Split(string(page), "```go\n")[1:] {
		if code, _, _ := strings.Cut(block, "```"); !strings.Contains(flat, code) {
			t.Errorf("in no test:\n%s", code)
		}
	}
	secret, err := vault.Keygen()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(secret)
	if err != nil {
		t.Fatal(err)
	}
	o := open(t)
	h, err := ofReadme(agent.NewMemoryStore(), v, func(context.Context, []*agent.Approval) {}, o.manager(),
		func(context.Context, *auth.TokenInfo) (accounts.Principal, error) {
			return accounts.NewPrincipal("acme", "carl")
		},
		func(context.Context, closemcp.User, *agent.Approval) (string, error) {
			return "https://crm.example.com", nil
		},
		make([]byte, 32), tokens{}.verify, []string{"https://login.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://mcp.example.com/mcp", strings.NewReader("{}")))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
}

// starts is text that starts the program: at the beginning of a line, in quotes of code,
// after another command, or in the configuration of a client.
// The groups are what is before the name, and its arguments.
var starts = regexp.MustCompile("(?m)(^ *|` *|--cli |-- )closekit[- ]mcp((?: [^ `\n]+)*)|\"?command\"? ?[:=] ?\"closekit-mcp\"[^\n]*(?:\nargs.*)?")

// TestStartsWithFewTools wants a choice of tools wherever a page or a help says how to
// start the program: clients and models refuse all 301.
func TestStartsWithFewTools(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	least := map[string]int{"README.md": 9, "cmd/closekit-mcp/run.go": 3, "../../internal/cli/mcp.go": 2, "../../docs/agents.md": 1}
	for _, page := range append(pages, "README.md", "doc.go", "cmd/closekit-mcp/run.go", "../../internal/cli/mcp.go", "../../README.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range starts.FindAllStringSubmatch(string(b), -1) {
			start, before, arguments := m[0], m[1], m[2]
			if arguments == "" && before == "`" || arguments != "" && !strings.HasPrefix(arguments, " -") {
				continue // a sentence about the program, or its version
			}
			n++
			if !strings.Contains(start, "--toolset") && !strings.Contains(start, "--meta") {
				t.Errorf("%s: %q offers all tools", page, start)
			}
		}
		if n < least[page] {
			t.Errorf("%s starts the program %d times, want at least %d: does the test find them?", page, n, least[page])
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	has(t, string(readme), fmt.Sprintf("all %d tools", len(tools.Catalog().Tools())), "take 128 at most")
}
