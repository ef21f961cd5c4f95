package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

// undoing is an office whose agent may do everything, and a session of another run for
// the undo.
func undoing(t *testing.T) (*office, *agent.Session) {
	t.Helper()
	o := open(t, agent.WithPolicy(agent.Rules{}))
	return o, o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
}

// run returns the records of the office's run.
func (o *office) run() []agent.Record {
	o.log.mu.Lock()
	defer o.log.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.log.records), func(r agent.Record) bool { return r.Run != o.s.Run() })
}

func (o *office) undo(s *agent.Session) agent.UndoPlan {
	o.Helper()
	plan, results, err := s.Undo(o.Context(), o.run())
	if err != nil {
		o.Fatal(err)
	}
	for _, r := range results {
		o.ok(r)
	}
	return plan
}

func (o *office) wantField(tool, param, id, field string, want any) {
	o.Helper()
	if got := o.do(tool, map[string]any{param: id})[field]; got != want {
		o.Errorf("%s of %s is %v, want %v", field, id, got, want)
	}
}

func TestUndoRestoresTheOldestValues(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	field := o.id("close_custom_field_lead_create", map[string]any{"name": "Tier", "type": "choices", "choices": []string{"Gold", "Silver"}})
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "description": "Old", "custom_fields": map[string]any{field: "Gold"}})
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"B","description":"x","custom_fields":{%q:"Silver"}}`, o.lead, field))
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"C","status":"Qualified"}`, o.lead))
	status := func() any { return o.do("close_lead_get", map[string]any{"lead_id": o.lead})["status_label"] }
	if status() != "Qualified" {
		t.Fatal(status())
	}
	plan := o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "Acme")
	o.wantField("close_lead_get", "lead_id", o.lead, "description", "Old")
	o.wantField("close_lead_get", "lead_id", o.lead, "custom."+field, "Gold")
	if status() != "Potential" {
		t.Errorf("the status is %v", status())
	}
	if len(plan.Steps) != 1 || len(plan.Steps[0].Calls) != 2 || len(plan.Steps[0].Problems) != 0 {
		t.Errorf("plan %+v", plan)
	}
	before := len(o.writes())
	o.undo(s)
	if len(o.writes()) != before {
		t.Error("a second undo has written")
	}
}

func TestUndoOfLists(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	contact := o.id("close_contact_create", map[string]any{"lead_id": o.lead, "name": "Bob", "emails": []any{
		map[string]any{"email": "bob@acme.example", "type": "office"}, map[string]any{"email": "b@home.example", "type": "home"},
	}})
	o.ok(o.call("close_contact_update", `{"contact_id":%q,"emails":[{"email":"x@acme.example","type":"office"}],"title":"CFO"}`, contact))
	o.undo(s)
	got := o.do("close_contact_get", map[string]any{"contact_id": contact})
	if emails := got["emails"].([]any); len(emails) != 2 || emails[0].(map[string]any)["email"] != "bob@acme.example" || emails[1].(map[string]any)["type"] != "home" {
		t.Errorf("emails are %v", emails)
	}
	if title := got["title"]; title != nil && title != "" {
		t.Errorf("title is %v", title)
	}
}

// TestUndoConflict tests that what another user has changed since is left alone.
func TestUndoConflict(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"B","description":"x"}`, o.lead))
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "name": "By a colleague"})
	plan := o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "By a colleague")
	if d := o.do("close_lead_get", map[string]any{"lead_id": o.lead})["description"]; d != nil && d != "" {
		t.Errorf("the description is %v", d)
	}
	if text := plan.Text(); !strings.Contains(text, "name has been changed since by another user") || !strings.Contains(text, "restore description by close_lead_update") {
		t.Errorf("the plan says\n%s", text)
	}
}

// TestUndoConflictInBetween tests a value that another user has set between two calls
// of the run: it is the one that comes back.
func TestUndoConflictInBetween(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"B"}`, o.lead))
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "name": "By a colleague"})
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"C"}`, o.lead))
	o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "By a colleague")
}

// TestUndoOfCreations has agents whose model has all tools, and only one that reads: an
// undo is a person's act, and the deletions wait for a person all the same.
func TestUndoOfCreations(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]agent.Option{"all tools": nil, "one tool": {agent.Tools("close_lead_get")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testUndoOfCreations(t, opts)
		})
	}
}

func testUndoOfCreations(t *testing.T, opts []agent.Option) {
	t.Helper()
	o, _ := undoing(t)
	o.ok(o.call("close_lead_create", `{"name":"New"}`))
	note := o.ok(o.call("close_note_create", `{"lead_id":%q,"note":"x"}`, o.lead))
	o.ok(o.call("close_note_update", `{"note_id":%q,"note":"y"}`, idOf(t, note)))
	strict, err := agent.New(o.agent.Catalog(), append(opts, agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.srv.URL()))), agent.WithAudit(o.log), agent.Clock(o.clock.Now))...)
	if err != nil {
		t.Fatal(err)
	}
	s := strict.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	plan, results, err := s.Undo(t.Context(), o.run())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 {
		t.Fatalf("%d calls, want the deletions of the note and the lead\n%s", len(results), plan.Text())
	}
	o.has("leads", 2) // deletions wait for a person
	for _, r := range results {
		if r.Pending == nil {
			t.Fatalf("%s was not put to a person: %s", r.Tool, r.Text)
		}
		if err := strict.Decide(t.Context(), r.Pending.ID, "ben@example.com", agent.Approve, r.Pending.Shown); err != nil {
			t.Fatal(err)
		}
		o.ok(s.Resume(t.Context(), r.Pending.ID))
	}
	o.has("leads", 1)
	o.has("notes", 0)
	var not *agent.NotOfferedError
	if r := s.Call(t.Context(), "close_lead_delete", json.RawMessage(`{"lead_id":"`+o.lead+`"}`)); errors.As(r.Err, &not) != (opts != nil) {
		t.Errorf("the model's own call after the undo: %v", r.Err)
	}
}

func idOf(t *testing.T, r agent.Result) string {
	t.Helper()
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(r.JSON, &v); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// TestUndoSaysWhatIsLost tests the calls that nothing reverts.
func TestUndoSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	o, s := undoing(t)
	other := o.id("close_lead_create", map[string]any{"name": "Beta"})
	third := o.id("close_lead_create", map[string]any{"name": "Gamma"})
	o.ok(o.call("close_email_create", `{"lead_id":%q,"to":["ann@acme.example"],"subject":"Hi","body_text":"x","status":"outbox","sender":"ada@example.com"}`, o.lead))
	o.ok(o.call("close_lead_merge", `{"source":%q,"destination":%q}`, other, o.lead))
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"C"}`, third))
	o.ok(o.call("close_lead_delete", `{"lead_id":%q}`, third))
	before := len(o.writes())
	plan := o.undo(s)
	if len(o.writes()) != before {
		t.Error("the undo has written")
	}
	text := plan.Text()
	for _, want := range []string{"what was sent cannot be called back", "cannot take a merge apart", "no way to create a record again", "the record is gone"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	if i, j := strings.Index(text, "close_lead_delete"), strings.Index(text, "close_email_create"); i > j {
		t.Errorf("not the newest first:\n%s", text)
	}
}

func TestUndoOfOtherAccountOrOwnRun(t *testing.T) {
	t.Parallel()
	o, _ := undoing(t)
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"B"}`, o.lead))
	if _, _, err := o.s.Undo(t.Context(), o.run()); err == nil {
		t.Error("a run can undo itself")
	}
	records := o.run()
	for i := range records {
		records[i].Account.UserID = "user_other"
	}
	s := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	if _, _, err := s.Undo(t.Context(), records); !errors.Is(err, agent.ErrOtherAccount) {
		t.Errorf("the run of another account: %v", err)
	}
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "B")
}

// TestUndoOfHostsCode restores what a tool of the host has changed inside, and what the
// host itself has changed with the client of the session.
func TestUndoOfHostsCode(t *testing.T) {
	t.Parallel()
	inner := func(ctx context.Context, c *closekit.Client, in rating) (any, error) {
		_, err := closeapi.LeadUpdate(ctx, c, closeapi.LeadUpdateParams{LeadID: closeapi.LeadID(in.LeadID), Name: closekit.Some("Grade " + in.Grade)})
		if err == nil && in.Points > 0 {
			_, err = closeapi.NoteCreate(ctx, c, closeapi.NoteCreateParams{LeadID: closeapi.LeadID(in.LeadID), Note: closekit.Some("noted")})
		}
		return map[string]bool{"ok": err == nil}, err
	}
	o := open(t, agent.WithPolicy(agent.Rules{}), agent.WithTool(agent.OwnTool[rating]{
		Name: "rate_lead", Description: "Rate a lead.", Effect: closekit.Write | closekit.Overwrite, Call: inner,
	}))
	s := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
	o.ok(o.call("rate_lead", `{"lead_id":%q,"grade":"a","points":1}`, o.lead))
	if _, err := closeapi.LeadUpdate(t.Context(), o.s.Client(), closeapi.LeadUpdateParams{LeadID: closeapi.LeadID(o.lead), Description: closekit.Some("by the host")}); err != nil {
		t.Fatal(err)
	}
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "Grade a")
	kept := 0
	for _, r := range o.run() {
		if strings.HasPrefix(r.ID, "host_") && len(r.Before) == 1 && strings.Contains(string(r.Before[0].JSON), o.lead) && len(r.After) == 1 {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d writes of the host's code have a snapshot, want 2: %v", kept, o.log.lines())
	}
	plan := o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "Acme")
	o.wantField("close_lead_get", "lead_id", o.lead, "description", nil)
	if text := plan.Text(); !strings.Contains(text, "the program of the agent did it itself") {
		t.Errorf("the plan does not tell of the note:\n%s", text)
	}

	// What was changed since is left as it is, and a write that failed is none.
	o.ok(o.call("rate_lead", `{"lead_id":%q,"grade":"b"}`, o.lead))
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "name": "Ben's"})
	plan = o.undo(s)
	o.wantField("close_lead_get", "lead_id", o.lead, "name", "Ben's")
	if text := plan.Text(); !strings.Contains(text, "name is not what the call was to set") {
		t.Errorf("the plan does not say why:\n%s", text)
	}
}

// killed returns the records of a run whose process ended before the outcome of its last
// call.
func (o *office) killed() []agent.Record {
	o.Helper()
	records := o.run()
	if n := len(records); n == 0 || records[n-1].Phase != agent.Outcome {
		o.Fatalf("no outcome: %v", o.log.lines())
	}
	return records[:len(records)-1]
}

// TestUndoWithoutAnOutcome restores what a call has set whose process has ended before it
// knew.
func TestUndoWithoutAnOutcome(t *testing.T) {
	t.Parallel()
	restore := func(o *office, s *agent.Session) string {
		o.Helper()
		plan, results, err := s.Undo(o.Context(), o.killed())
		if err != nil {
			o.Fatal(err)
		}
		for _, r := range results {
			o.ok(r)
		}
		return plan.Text()
	}
	t.Run("one record", func(t *testing.T) {
		t.Parallel()
		o, s := undoing(t)
		o.ok(o.call("close_lead_update", `{"lead_id":%q,"name":"B","status":"Qualified"}`, o.lead))
		text := restore(o, s)
		o.wantField("close_lead_get", "lead_id", o.lead, "name", "Acme")
		if !strings.Contains(text, "restore name by close_lead_update") || !strings.Contains(text, "status_id is not what the call was to set") {
			t.Errorf("the plan:\n%s", text)
		}
	})
	t.Run("many records", func(t *testing.T) {
		t.Parallel()
		o, s := undoing(t)
		ids := o.tasks(2)
		o.ok(o.call("close_tasks_bulk_update", `{"filter_lead_id":%q,"is_complete":true}`, o.lead))
		restore(o, s)
		for _, id := range ids {
			o.wantField("close_task_get", "task_id", id, "is_complete", false)
		}
		if text := restore(o, s); strings.Count(text, "nothing to do") != 2 {
			t.Errorf("the second plan:\n%s", text)
		}
	})
	t.Run("bulk edit", func(t *testing.T) {
		t.Parallel()
		o, s := undoing(t)
		ids := o.leads(2)
		o.ok(o.call("close_bulk_edit_create", `{"s_query":%s,"type":"set_lead_status","lead_status_id":%q,"confirm_count":2}`, globex, o.statusID("Qualified")))
		if text := restore(o, s); !strings.Contains(text, "it has not ended") {
			t.Errorf("before its end:\n%s", text)
		}
		o.srv.Advance(3 * time.Second)
		text := restore(o, s)
		if o.status(ids[0]) != "Potential" || o.status(ids[1]) != "Potential" {
			t.Errorf("the status is %v; the plan:\n%s", o.status(ids[0]), text)
		}
	})
	t.Run("bulk edit of a custom field by name", func(t *testing.T) {
		t.Parallel()
		o, s := undoing(t)
		id := o.leads(1)[0]
		for _, owner := range []string{"lead", "contact"} {
			field := o.id("close_custom_field_"+owner+"_create", map[string]any{"name": "Tier", "type": "choices", "choices": []string{"A", "B"}})
			kind, get, param, record := "set_custom_field", "close_lead_get", "lead_id", id
			if owner == "contact" {
				kind, get, param = "set_contact_custom_field", "close_contact_get", "contact_id"
				record = o.id("close_contact_create", map[string]any{"lead_id": id, "name": "Ann", "custom_fields": map[string]any{field: "A"}})
			} else {
				o.do("close_lead_update", map[string]any{"lead_id": id, "custom_fields": map[string]any{field: "A"}})
			}
			o.ok(o.call("close_bulk_edit_create", `{"s_query":%s,"type":%q,"custom_field_name":"Tier","custom_field_value":"B","confirm_count":1}`, globex, kind))
			o.srv.Advance(3 * time.Second)
			o.wantField(get, param, record, "custom."+field, "B")
			text := restore(o, s)
			o.wantField(get, param, record, "custom."+field, "A")
			if t.Failed() {
				t.Log(text)
			}
		}
	})
	t.Run("bulk deletion", func(t *testing.T) {
		t.Parallel()
		o, s := undoing(t)
		o.leads(1)
		o.ok(o.call("close_bulk_delete_create", `{"s_query":%s,"confirm_count":1}`, globex))
		if text := restore(o, s); !strings.Contains(text, "not known whether it was carried out") || !strings.Contains(text, "“Globex 1”") {
			t.Errorf("the plan:\n%s", text)
		}
	})
}
