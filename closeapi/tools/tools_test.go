package tools_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// compile gives a tool's input schema as something that checks values.
func compile(tb testing.TB, name string, schema json.RawMessage) *jsonschema.Schema {
	tb.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(name, bytes.NewReader(schema)); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	s, err := c.Compile(name)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return s
}

func decode(tb testing.TB, data []byte) any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatalf("not JSON: %v: %s", err, data)
	}
	return v
}

func TestEveryTool(t *testing.T) {
	t.Parallel()
	all, ops := tools.All(), closeapi.Operations()
	if len(all) < 81 || len(ops) != len(all) {
		t.Fatalf("%d tools, %d operations, want 81 or more of each", len(all), len(ops))
	}
	if !slices.IsSortedFunc(all, func(a, b *closekit.Tool) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the tools are not in the order of their names")
	}
	hashes := map[string]string{}
	for i, tool := range all {
		t.Run(tool.Name, func(t *testing.T) {
			found, err := tools.Lookup(tool.Name)
			if err != nil || found.Name != tool.Name || found.Operation() != tool.Operation() {
				t.Fatalf("Lookup gives %v, %v", found, err)
			}
			if op := tool.Operation(); op != ops[i].Describe() || op.Tool != tool.Name || op.Method != tool.Method ||
				"/api/v1"+op.Path != tool.Path || op.Effect != tool.Effect || op.Idempotent != tool.Idempotent {
				t.Errorf("the tool and its operation differ: %+v", op)
			}
			if tool.Info().Title == "" || tool.Func == "" || tool.Resource == "" || tool.Hash == "" || len(tool.Info().Description) < 40 || !strings.HasPrefix(tool.Info().Doc, "https://developer.close.com/") {
				t.Errorf("something is missing: %+v", tool)
			}
			if !strings.HasSuffix(tool.Path, "/") {
				t.Errorf("the path %s has no slash at its end", tool.Path)
			}
			if tool.Method == "GET" && tool.Effect != closekit.Read || tool.Method == "DELETE" && !tool.Effect.Has(closekit.Destructive) {
				t.Errorf("%s %s is %s", tool.Method, tool.Path, tool.Effect)
			}
			if other := hashes[tool.Hash]; other != "" {
				t.Errorf("the hash is that of %s", other)
			}
			hashes[tool.Hash] = tool.Name
			schema := compile(t, tool.Name, tool.InputSchema())
			output := decode(t, tool.OutputSchema())
			compile(t, tool.Name+".output", tool.OutputSchema())
			checkShow(t, tool, output)
			if len(tool.Info().Examples) == 0 {
				t.Error("there is no example")
			}
			for _, e := range tool.Info().Examples {
				if err := schema.Validate(decode(t, []byte(e.Input))); err != nil {
					t.Errorf("the schema refuses the example %s: %v", e.Input, err)
				}
				if err := tool.Validate(e.Input); err != nil {
					t.Errorf("Validate refuses the example %s: %v", e.Input, err)
				}
			}
			properties := decode(t, tool.InputSchema()).(map[string]any)["properties"].(map[string]any)
			for _, a := range tool.Info().Aliases {
				if properties[a.For] == nil || properties[a.Name] != nil {
					t.Errorf("the alias %s for %s: one is no parameter, or the other is", a.Name, a.For)
				}
			}
		})
	}
}

// checkShow makes sure that the fields a model is shown are fields of the
// answer.
func checkShow(t *testing.T, tool *closekit.Tool, output any) {
	t.Helper()
	root, _ := output.(map[string]any)
	members, _ := root["properties"].(map[string]any)
	// The answer is a list if data is one: that of an event is any JSON.
	if data, ok := members["data"].(map[string]any); ok && data["items"] != nil && members["id"] == nil {
		ref, _ := data["items"].(map[string]any)["$ref"].(string)
		item, _ := root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		members, _ = item["properties"].(map[string]any)
	}
	for _, f := range tool.Info().Show {
		name, _, _ := strings.Cut(f.Name, ".")
		if members[name] == nil && !strings.HasPrefix(name, "custom") {
			t.Errorf("%s is shown, but the answer has no such member", name)
		}
		if name == "contacts" && (f.Max != 3 || len(f.Show) == 0 || f.Show[0].Name != "id") {
			t.Errorf("contacts are shown as %+v", f)
		}
	}
}

// TestRules calls tools with what Close would refuse, though each parameter alone
// is right.
func TestRules(t *testing.T) {
	t.Parallel()
	const tooMany = "lead_id: must have exactly one element when %s, got 2 of them"
	for _, c := range []struct{ tool, input, want string }{
		{"close_activities_list", `{"lead_id":["lead_a"],"_type":["Call"],"_order_by":"-activity_at"}`, ""},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"_order_by":"-date_created"}`, ""},
		{"close_activities_list", `{"_type":["Call"]}`, "lead_id: is required when _type is given"},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"_type":["Call"]}`, fmt.Sprintf(tooMany, "_type is given")},
		{"close_activities_list", `{"lead_id":"lead_a,lead_b","_type__in":["Call"]}`, fmt.Sprintf(tooMany, "_type__in is given")},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"user_id":["user_a"]}`, fmt.Sprintf(tooMany, "user_id is given")},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"user_id__in":["user_a"]}`, fmt.Sprintf(tooMany, "user_id__in is given")},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"contact_id":["cont_a"]}`, fmt.Sprintf(tooMany, "contact_id is given")},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"contact_id__in":["cont_a"]}`, fmt.Sprintf(tooMany, "contact_id__in is given")},
		{"close_activities_list", `{"lead_id":["lead_a","lead_b"],"_order_by":"-activity_at"}`, fmt.Sprintf(tooMany, "_order_by is -activity_at")},
		{"close_lead_merge", `{"source":"lead_a","destination":"lead_b"}`, ""},
		{"close_lead_merge", `{"source":"lead_a","destination":"lead_a"}`, `give different values for source and destination, got "lead_a" twice (A lead cannot be merged into itself.)`},
	} {
		tool, err := tools.Lookup(c.tool)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := tool.Validate(json.RawMessage(c.input)); err != nil {
			got = strings.TrimPrefix(err.Error(), c.tool+": ")
		}
		if got != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.tool, c.input, got, c.want)
		}
	}
}

// TestLookupUnknown checks that no suggestion does more than the name asks for.
func TestLookupUnknown(t *testing.T) {
	t.Parallel()
	const (
		leads, deals, sequences = "close_leads_list close_lead_get", "close_opportunities_list close_opportunity_get", "close_sequences_list close_sequence_get"
		subscription            = "close_sequence_subscription_"
	)
	for name, want := range map[string]string{
		"": "", "zzz": "", "close_": "", "delete": "", "close_create": "", strings.Repeat("lead_", 100): "", "Close_Lead_Get": "close_lead_get",
		"close_lead_creat": "close_lead_create", "close_leads_search": leads + " close_search", "close_lead_search": leads + " close_search", "close_lead": leads, "findLeads": leads + " close_search",
		"close_create_lead": "close_lead_create", "lead_create": "close_lead_create", "close_company_create": "close_lead_create",
		"close_lead_remove": "close_lead_delete", "remove_company": "close_lead_delete", "close_lead_dedupe": "close_lead_merge",
		"close_lead_archive": leads, "close_lead_upsert": leads, "close_lead_create_or_update": "",
		"close_task_complete": "close_task_update", "close_task_delegate": "close_task_update", "close_todo_complete": "close_task_update",
		"close_task_delet": "close_task_delete", "close_task_dilate": "close_tasks_list close_task_get",
		subscription + "cancel": subscription + "update", "close_sequence_pause": subscription + "update", "close_contact_enroll": subscription + "create",
		"close_sequence_merge": sequences, "close_sequence_start": sequences, "close_sequence_send": sequences, "close_sequence_archive": sequences, "close_workflow_list": sequences,
		"close_workflow_delete": "close_sequence_delete", "close_scheduling_link_upsert": "close_scheduling_link_integration_set",
		"close_subscription_create": "close_webhooks_list close_webhook_get",
		"close_deal_list":           deals, "close_opportunites_list": "close_opportunities_list", "close_opportunity_win": "close_opportunity_update",
		"close_user_delete": "close_users_list close_user_get close_membership_delete", "close_me": "close_me_get", "whoami": "close_me_get",
		"close_email_send": "close_email_create", "close_message_send": "close_emails_list close_email_get", "close_call_log": "close_calls_list close_call_create",
		"close_call_schedule": "close_task_create", "close_activity_create": "close_activities_list", "close_contact_delete_all": "",
		"close_custom_field_delete": "close_custom_fields_activity_list close_custom_fields_contact_list close_custom_fields_custom_object_list",
	} {
		_, err := tools.Lookup(name)
		var u *closekit.UnknownToolError
		if !errors.As(err, &u) || u.Name != name {
			t.Errorf("Lookup(%q) gives %v", name, err)
			continue
		}
		if got := strings.TrimSpace(u.Nearest + " " + strings.Join(u.Others, " ")); got != want {
			t.Errorf("Lookup(%q) suggests %q, want %q", name, got, want)
		}
		if len(u.Error()) > 250 {
			t.Errorf("Lookup(%q): %v", name, u)
		}
	}
}

// TestToolsAreCopies checks that callers cannot change the registry.
func TestToolsAreCopies(t *testing.T) {
	t.Parallel()
	a, err := tools.Lookup("close_lead_get")
	if err != nil {
		t.Fatal(err)
	}
	a.Name, a.Resource = "spoilt", ""
	a.InputSchema()[0] = 'x'
	b, err := tools.Lookup("close_lead_get")
	if err != nil || b.Name != "close_lead_get" || b.Info().Description == "" || !json.Valid(b.InputSchema()) {
		t.Fatalf("the registry changed: %v, %v", b, err)
	}
}
