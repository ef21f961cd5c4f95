package tools_test

import (
	"slices"
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
