package tools_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

func TestToolsets(t *testing.T) {
	t.Parallel()
	sets := tools.Catalog().Toolsets()
	var names []string
	for _, s := range sets {
		names = append(names, s.Name)
		if s.About == "" || len(s.Tools) == 0 || len(s.Tools) > 20 {
			t.Errorf("%s: %q with %d tools", s.Name, s.About, len(s.Tools))
		}
		for _, name := range s.Tools {
			tool, err := tools.Lookup(name)
			switch {
			case err != nil:
				t.Errorf("%s: %v", s.Name, err)
			case s.Name == "read_only" && tool.Effect != closekit.Read:
				t.Errorf("read_only has %s, whose effect is %s", name, tool.Effect)
			}
		}
	}
	for _, want := range []string{"sales", "read_only", "pipeline_manager", "activity_logging", "outreach", "admin"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no toolset %s", want)
		}
	}
}

// TestAreas tests that every area is a toolset with its most used tools, most used first:
// people read before they write, and delete last.
func TestAreas(t *testing.T) {
	t.Parallel()
	inArea := map[string]int{}
	for _, tool := range tools.All() {
		inArea[tool.Info().Area]++
	}
	sets := map[string]closekit.Toolset{}
	for _, s := range tools.Catalog().Toolsets() {
		sets[s.Name] = s
	}
	if len(inArea) != 10 {
		t.Errorf("%d areas", len(inArea))
	}
	for area, all := range inArea {
		names := sets[area].Tools
		if want := min(all, 20); len(names) != want {
			t.Errorf("%s has %d tools, and its toolset %d, want %d", area, all, len(names), want)
		}
		deletes := map[string]bool{} // resources of which a tool that deletes has come
		for i, name := range names {
			tool, err := tools.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case i == 0 && tool.Effect != closekit.Read:
				t.Errorf("%s begins with %s, which does not read", area, name)
			case tool.Effect == closekit.Read && deletes[tool.Resource] && strings.HasSuffix(name, "_list"):
				t.Errorf("%s: %s comes after what deletes", area, name)
			case tool.Method == http.MethodDelete:
				deletes[tool.Resource] = true
			}
		}
	}
	for area, most := range map[string][]string{
		"crm":        {"close_leads_list", "close_lead_get", "close_contacts_list", "close_opportunities_list", "close_opportunity_update", "close_pipelines_list"},
		"activities": {"close_activities_list", "close_tasks_list", "close_task_create", "close_note_create", "close_emails_list", "close_email_create", "close_calls_list", "close_sms_list", "close_meetings_list"},
		"messaging":  {"close_email_templates_list", "close_sms_templates_list", "close_connected_accounts_list", "close_whatsapp_messages_list"},
		"search":     {"close_search", "close_smart_views_list"},
		"admin":      {"close_users_list", "close_roles_list", "close_webhooks_list", "close_membership_create"},
	} {
		for _, name := range most {
			if !slices.Contains(sets[area].Tools, name) {
				t.Errorf("the toolset %s lacks %s", area, name)
			}
		}
	}
}

// TestInputSchemasAreSmall bounds what a definition costs in every request to a model.
func TestInputSchemasAreSmall(t *testing.T) {
	t.Parallel()
	const most = 6000 // bytes
	for _, tool := range tools.All() {
		if n := len(tool.InputSchema()); n > most {
			t.Errorf("the input schema of %s has %d bytes, more than %d: shorten its texts, or write schema: brief", tool.Name, n, most)
		}
	}
}

func TestLexicon(t *testing.T) {
	t.Parallel()
	words := tools.Catalog().Lexicon()
	if len(words) < 60 || !slices.Equal(words["deal"], []string{"opportunity"}) || !slices.Equal(words["remind"], []string{"task", "create"}) {
		t.Errorf("%d words, deal is %q, remind is %q", len(words), words["deal"], words["remind"])
	}
}

func TestUntrusted(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"close_emails_list": true, "close_note_get": true, "close_lead_get": true, "close_activities_list": true, "close_email_update": true,
		"close_me_get": false, "close_pipelines_list": false, "close_users_list": false, "close_email_delete": false, "close_webhooks_list": false,
	} {
		tool, err := tools.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := tool.Info().Untrusted; got != want {
			t.Errorf("%s: untrusted is %v", name, got)
		}
	}
}
