package tools_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
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
		"close_search": true, "close_field_enrichment_create": true, "close_custom_objects_list": true, "close_email_template_render": true,
		"close_report_custom_get": true, "close_email_template_get": false, "close_lead_merge": false,
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

// TestEchoes tests that only tools that create a record are said to return what they
// were given, and that none of them shows what others have written.
func TestEchoes(t *testing.T) {
	t.Parallel()
	n := 0
	for _, tool := range tools.All() {
		info := tool.Info()
		if !info.Echoes {
			continue
		}
		n++
		if tool.Method != "POST" || tool.Effect == closekit.Read || tool.Effect.Has(closekit.Overwrite) || !strings.HasSuffix(tool.Name, "_create") || !info.Untrusted {
			t.Errorf("%s is said to return what it was given", tool.Name)
		}
		for _, f := range info.Show {
			if strings.HasPrefix(f.Name, "lead_name") || strings.HasPrefix(f.Name, "contact_name") {
				t.Errorf("%s shows %s, which the call did not give", tool.Name, f.Name)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d tools", n)
	}
}

// insiders are the resources whose records only users of the organization and Close
// itself write, and who does so.
var insiders = map[string]string{
	"blocked_phone_numbers":  "users block numbers and give the reason",
	"bulk_actions":           "users start them; they have numbers, and the query that was given",
	"connected_accounts":     "users connect them",
	"custom_activity_types":  "administrators define them",
	"custom_field_schemas":   "administrators define them",
	"custom_fields_activity": "administrators define fields and choices", "custom_fields_contact": "administrators define fields and choices", "custom_fields_custom_object": "administrators define fields and choices",
	"custom_fields_lead": "administrators define fields and choices", "custom_fields_opportunity": "administrators define fields and choices", "custom_fields_shared": "administrators define fields and choices",
	"custom_object_types":     "administrators define them",
	"dialers":                 "users start them; they have numbers and ids",
	"email_templates":         "users write them; one that was filled in is marked",
	"exports":                 "users start them; the records are behind the link",
	"files":                   "an address to upload to",
	"groups":                  "administrators define them",
	"integration_links":       "administrators define them",
	"lead_statuses":           "administrators define them",
	"memberships":             "administrators define them",
	"opportunity_statuses":    "administrators define them",
	"organizations":           "administrators write them",
	"outcomes":                "administrators define them",
	"phone_numbers":           "the organization rents them",
	"pipelines":               "administrators define them",
	"playbooks":               "users write them",
	"reports":                 "numbers, and labels of users, statuses and templates; the custom report is marked",
	"roles":                   "administrators define them",
	"scheduling_links":        "users write them",
	"send_as":                 "users give permissions",
	"sequences":               "users write them",
	"shared_scheduling_links": "users write them",
	"smart_views":             "users write them",
	"sms_templates":           "users write them",
	"users":                   "users write their own names",
	"webhooks":                "users define them",
}

// outsiders are names of members that hold what outsiders write or are called.
var outsiders = regexp.MustCompile(`^((lead|contact|remote)_(name|display_name|email|phone|phone_formatted)|emails|phones|body_(text|html)|note|note_html|transcripts?|recording_transcript|attendees|reasoning|summaries|values_by_name|custom_fields|addresses)$`)

// harmless are tools of other resources whose responses have no text at all.
var harmless = []string{"close_lead_merge", "close_tasks_bulk_update"}

// membersOf calls f with the name and schema of every member in a schema.
func membersOf(schema any, f func(string, map[string]any)) {
	switch v := schema.(type) {
	case []any:
		for _, x := range v {
			membersOf(x, f)
		}
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok {
			for name, s := range properties {
				if s, ok := s.(map[string]any); ok {
					f(name, s)
				}
			}
		}
		for _, x := range v {
			membersOf(x, f)
		}
	}
}

// TestUntrustedIsComplete tests that every tool whose response can hold text of
// outsiders says so: its resource is either known to have none, or all of its tools that
// return something are marked. What they are marked for decides on what a model may do
// next without a person.
func TestUntrustedIsComplete(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, tool := range tools.All() {
		out := tool.OutputSchema()
		info := tool.Info()
		var members []string
		var schema any
		if err := json.Unmarshal(out, &schema); err != nil {
			t.Fatalf("%s: %v", tool.Name, err)
		}
		membersOf(schema, func(name string, s map[string]any) {
			types := fmt.Sprint(s["type"])
			if outsiders.MatchString(name) && types != "boolean" || strings.HasPrefix(name, "custom.") {
				members = append(members, name)
			}
		})
		if info.Untrusted {
			continue
		}
		if insiders[tool.Resource] == "" && tool.Method != "DELETE" && !slices.Contains(harmless, tool.Name) {
			t.Errorf("%s is not marked, and the test does not say why the records of %s hold no text of outsiders", tool.Name, tool.Resource)
		}
		if len(members) > 0 {
			t.Errorf("%s is not marked, although its response has %s", tool.Name, strings.Join(members, ", "))
		}
		used[tool.Resource] = true
	}
	for r := range insiders {
		if !used[r] {
			t.Errorf("%s has no tool that is not marked; take it out of the list", r)
		}
	}
}
