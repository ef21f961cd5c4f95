package agent_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

const won = "stat_won12345"

var theirs = agent.Default().Deny(agent.Named("close_lead_*"))

// TestRecipes tries the policies of the guide.
func TestRecipes(t *testing.T) {
	t.Parallel()
	read := &agent.Call{Tool: "close_lead_get", Effect: closekit.Read}
	update := &agent.Call{Tool: "close_opportunity_update", Toolsets: []string{"pipeline_manager"}, Effect: closekit.Write, Input: []byte(`{"status_id":"stat_won12345"}`)}
	send := &agent.Call{Tool: "close_email_create", Effect: closekit.Sends}
	for _, c := range []struct {
		policy             agent.Policy
		read, update, send agent.Action
	}{
		{agent.Default().ReadOnly(), agent.Allow, agent.Deny, agent.Deny},
		{agent.Default().Deny(agent.Effects(closekit.Sends)), agent.Allow, agent.Allow, agent.Deny},
		{agent.Default().Ask(agent.Effects(closekit.Write)), agent.Allow, agent.Ask, agent.Ask},
		{agent.Default().Ask(agent.Argument("status_id", won)), agent.Allow, agent.Ask, agent.Ask},
		{agent.Default().Ask(agent.InToolset("pipeline_manager")), agent.Allow, agent.Ask, agent.Ask},
		{agent.Strictest(agent.Default(), theirs), agent.Deny, agent.Allow, agent.Ask},
		{agent.PolicyFunc(func(c *agent.Call) agent.Decision {
			return agent.Decision{Action: agent.Deny, Why: "it is " + c.Tool}
		}), agent.Deny, agent.Deny, agent.Deny},
	} {
		for call, want := range map[*agent.Call]agent.Action{read: c.read, update: c.update, send: c.send} {
			if got := c.policy.Decide(call).Action; got != want {
				t.Errorf("%s: %s, want %s", call.Tool, got, want)
			}
		}
	}
	guide, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(guide), "| to get | write |")
	table, _, _ = strings.Cut(table, "\n\n")
	recipes := regexp.MustCompile("`(agent[^`]+)`").FindAllStringSubmatch(table, -1)
	if len(recipes) != 7 {
		t.Errorf("%d recipes in the guide, want 7", len(recipes))
	}
	for _, r := range recipes {
		if !strings.Contains(string(source), "{"+r[1]) {
			t.Errorf("this test does not have the recipe %s", r[1])
		}
	}
}

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
	names, err := os.ReadFile("../docs/organizations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(names), "\n## Names in the input of models\n")
	guide = append(guide, section...)
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

// TestPolicyWithTypingError refuses rules that would protect nothing.
func TestPolicyWithTypingError(t *testing.T) {
	t.Parallel()
	for want, opt := range map[string]agent.Option{
		`names "close_led_*"`:              agent.WithPolicy(agent.Default().Deny(agent.Named("close_led_*"))),
		`names "close_task_creat"`:         agent.WithPolicy(agent.Strictest(agent.Default(), agent.Default().Trusted("close_task_creat"))),
		`names "close_x"`:                  agent.WithPolicy(agent.Default().Ask(agent.All(agent.Resources("leads"), agent.Named("close_x")))),
		`pattern "close_[", which is not`:  agent.WithPolicy(agent.Default().Deny(agent.Named("close_["))),
		`no tool matches "close_led_list"`: agent.Tools("close_lead_*", "close_led_list"),
		`per run or day`:                   agent.WithPolicy(agent.Default().Limit(agent.Limit{What: "send", Per: "hour", Most: 1})),
	} {
		if _, err := agent.New(tools.Catalog(), opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	// A rule for a tool that is not selected is none.
	if _, err := agent.New(tools.Catalog(), agent.Toolset("sales"), agent.WithPolicy(agent.Default().Deny(agent.Named("close_webhook_*")))); err != nil {
		t.Error(err)
	}
}
