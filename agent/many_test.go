package agent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

func (o *office) tasks(n int) (ids []string) {
	o.Helper()
	for i := range n {
		ids = append(ids, o.id("close_task_create", map[string]any{"lead_id": o.lead, "text": fmt.Sprint("Task ", i), "date": "2026-12-01"}))
	}
	return ids
}

// TestManyNeedsAPerson tests that a call whose route names no record is one that a person
// decides on, with the number of records that it would change.
func TestManyNeedsAPerson(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.tasks(12)
	p := o.pending("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead)
	text := p.Preview.Text()
	if p.Preview.Records != 12 || !strings.Contains(text, "“Task 3”") || !strings.Contains(text, "and 2 more") {
		t.Errorf("%d records:\n%s", p.Preview.Records, text)
	}
	o.decide(p, agent.Approve)
	o.tasks(1) // what the person saw is no longer true
	var state *agent.StateError
	if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || state.State != agent.Stale {
		t.Errorf("there are 13 tasks now: %v", r.Err)
	}
}

// TestUndoOfMany tests that what many records were is kept, and restored one by one.
func TestUndoOfMany(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	ids := o.tasks(3)
	o.do("close_task_update", map[string]any{"task_id": ids[1], "is_complete": true})
	o.ok(o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"date":"2027-01-15","is_complete":true}`, o.lead))
	o.wantField("close_task_get", "task_id", ids[0], "date", "2027-01-15")
	o.do("close_task_update", map[string]any{"task_id": ids[2], "date": "2027-02-01"}) // a colleague
	plan := o.undo(s)
	for i, want := range []struct {
		date string
		done bool
	}{{"2026-12-01", false}, {"2026-12-01", true}, {"2027-02-01", false}} {
		o.wantField("close_task_get", "task_id", ids[i], "date", want.date)
		o.wantField("close_task_get", "task_id", ids[i], "is_complete", want.done)
	}
	if text := plan.Text(); len(plan.Steps) != 3 || strings.Contains(text, "gone") || !strings.Contains(text, "close_tasks_bulk_update of "+ids[0]) || !strings.Contains(text, "changed since") {
		t.Errorf("the plan:\n%s", text)
	}
}

// TestUndoOfManyByTheHost tests the same for a typed call on the client of the session.
func TestUndoOfManyByTheHost(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	ids := o.tasks(2)
	me := o.do("close_me_get", map[string]any{})["id"].(string)
	_, err := closeapi.TasksBulkUpdate(t.Context(), o.s.Client(), closeapi.TasksBulkUpdateParams{
		FilterAssignedTo: closekit.Some(closeapi.UserID(me)), AssignedTo: closekit.Some(closeapi.UserID(me)), IsComplete: closekit.Some(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.undo(s)
	for _, id := range ids {
		o.wantField("close_task_get", "task_id", id, "is_complete", false)
	}
}

// TestUndoOfSettings tests the settings that there are once.
func TestUndoOfSettings(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	get := func() any {
		return o.do("close_blocked_phone_number_settings_get", map[string]any{})["reject_anonymous_inbound_calls"]
	}
	was := get()
	o.ok(o.call("close_blocked_phone_number_settings_update", `{"reject_anonymous_inbound_calls":%t}`, was != true))
	if get() == was {
		t.Fatal("nothing has changed")
	}
	plan := o.undo(s)
	if get() != was || len(plan.Steps) != 1 || plan.Steps[0].What != "close_blocked_phone_number_settings_update" {
		t.Errorf("it is %v, and was %v; the plan:\n%s", get(), was, plan.Text())
	}
}

// TestManyIsCounted tests that a limit of writes counts every record.
func TestManyIsCounted(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}.Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 4})))
	o.tasks(5)
	r := o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead)
	var over *agent.LimitError
	if !errors.As(r.Err, &over) {
		t.Errorf("5 records with a limit of 4: %v", r.Err)
	}
}

// TestManyByID tests an update that names its records by their ids, which no list returns.
func TestManyByID(t *testing.T) {
	t.Parallel()
	members := []closeapi.MembershipID{"memb_0IvJPcXvVbFMs5m1d7YyGUYHsbiuWd0rxQKdCQxVTY4", "memb_1IvJPcXvVbFMs5m1d7YyGUYHsbiuWd0rxQKdCQxVTY4", "memb_2IvJPcXvVbFMs5m1d7YyGUYHsbiuWd0rxQKdCQxVTY4"}
	call := fmt.Sprintf(`{"members":{"id__in":["%s","%s","%s"]},"role_id":"superuser"}`, members[0], members[1], members[2])
	o := open(t)
	p := o.pending("close_memberships_bulk_update", "%s", call)
	if text := p.Preview.Text(); p.Preview.Records != 3 || !strings.Contains(text, "  3 records\n") {
		t.Errorf("%d records:\n%s", p.Preview.Records, text)
	}
	o = open(t, agent.WithPolicy(agent.Rules{}.Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 2})))
	var over *agent.LimitError
	if r := o.call("close_memberships_bulk_update", "%s", call); !errors.As(r.Err, &over) {
		t.Errorf("3 members with a limit of 2: %v", r.Err)
	}
	_, err := closeapi.MembershipsBulkUpdate(t.Context(), o.s.Client(), closeapi.MembershipsBulkUpdateParams{Members: &closeapi.MembershipSelection{IDIn: members}})
	if !errors.As(err, &over) {
		t.Errorf("the same by the host: %v", err)
	}
	if slices.ContainsFunc(o.writes(), func(w string) bool { return strings.Contains(w, "/membership/") }) {
		t.Errorf("sent: %v", o.writes())
	}
}

// TestTooMany tests that no more is changed than can be kept as it was.
func TestTooMany(t *testing.T) {
	t.Parallel()
	o, _ := undoing(t)
	for i := range 501 {
		if _, err := closeapi.TaskCreate(context.Background(), o.client(), closeapi.TaskCreateParams{LeadID: closeapi.LeadID(o.lead), Text: closekit.Some(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	before := len(o.writes())
	r := o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead)
	var many *agent.KeepError
	if !errors.As(r.Err, &many) || !strings.Contains(r.Text, "narrow the filters") || len(o.writes()) != before {
		t.Errorf("got %q, %v", r.Text, r.Err)
	}
}

// TestTooLargeOfMany tests the same for records that are large.
func TestTooLargeOfMany(t *testing.T) {
	t.Parallel()
	o, _ := undoing(t)
	for range 3 {
		o.id("close_task_create", map[string]any{"lead_id": o.lead, "text": strings.Repeat("x", 1500<<10)})
	}
	var many *agent.KeepError
	r := o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead)
	if !errors.As(r.Err, &many) || !strings.Contains(r.Text, "4 MB") || slices.Contains(o.writes(), "PUT /api/v1/task/") {
		t.Errorf("got %q, %v", r.Text, r.Err)
	}
}

// TestUndoOfManyIsWhole tests that a record that no tool restores is in the plan.
func TestUndoOfManyIsWhole(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	o.tasks(2)
	o.ok(o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead))
	records := o.run()
	i := slices.IndexFunc(records, func(r agent.Record) bool { return r.Phase == agent.Intent })
	records[i].Before = slices.Clone(records[i].Before)
	records[i].Before[1].Tool = "close_event_get"
	plan, err := s.UndoPlan(t.Context(), records)
	if text := plan.Text(); err != nil || len(plan.Steps) != 2 || !strings.Contains(text, records[i].Before[1].ID+"\n   cannot restore: no tool changes the record") {
		t.Errorf("%v; the plan:\n%s", err, text)
	}
}

// TestWritesWithoutAnIDInTheRoute tests that no tool changes records that its route does
// not name with an effect that needs no person, unless it only creates. What they were
// could not be restored.
func TestWritesWithoutAnIDInTheRoute(t *testing.T) {
	t.Parallel()
	o := open(t)
	for _, tool := range o.agent.Catalog().Tools() {
		created := tool.Method == "POST" && strings.HasSuffix(tool.Name, "_create")
		if strings.Contains(tool.Operation().Path, "{") || tool.Effect == closekit.Read || created {
			continue
		}
		if tool.Effect == closekit.Write {
			t.Errorf("%s %s is a plain write", tool.Name, tool.Operation().Path)
		}
	}
}

// TestUndoOfEnrichment tests a value that Close has looked up for a field of a record.
func TestUndoOfEnrichment(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	field := o.id("close_custom_field_lead_create", map[string]any{"name": "Motto", "type": "text"})
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "custom_fields": map[string]any{field: "Old"}})
	organization := o.do("close_lead_get", map[string]any{"lead_id": o.lead})["organization_id"]
	o.ok(o.call("close_field_enrichment_create", `{"organization_id":%q,"object_type":"lead","object_id":%q,"field_id":%q,"overwrite_existing_value":true}`, organization, o.lead, field))
	if got := o.do("close_lead_get", map[string]any{"lead_id": o.lead})["custom."+field]; got == "Old" {
		t.Fatal("nothing was looked up")
	}
	plan := o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "custom."+field, "Old")
	if len(plan.Steps) != 1 || len(plan.Steps[0].Problems) > 0 {
		t.Errorf("the plan:\n%s", plan.Text())
	}
}

// TestMoneyOfALead tests that the deals that vanish with a lead count as money.
func TestMoneyOfALead(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}.Limit(agent.Limit{What: agent.Money, Per: agent.Run, Most: 150000})))
	status := o.do("close_pipelines_list", map[string]any{})["data"].([]any)[0].(map[string]any)["statuses"].([]any)[0].(map[string]any)["id"]
	for range 2 {
		o.do("close_opportunity_create", map[string]any{"lead_id": o.lead, "status_id": status, "value": 100000})
	}
	var over *agent.LimitError
	if r := o.call("close_lead_delete", `{"lead_id":%q}`, o.lead); !errors.As(r.Err, &over) {
		t.Errorf("deals of $2,000 with a limit of $1,500: %v", r.Err)
	}
	o.has("leads", 1)
}
