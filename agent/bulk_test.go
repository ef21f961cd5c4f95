package agent_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/closeapi/tools"
)

// globex is a query for leads with this name.
const globex = `{"type":"and","queries":[{"type":"object_type","object_type":"lead"},{"type":"field_condition","field":{"type":"regular_field","object_type":"lead","field_name":"name"},"condition":{"type":"text","mode":"full_words","value":"Globex"}}]}`

// everyLead is a query for all leads.
const everyLead = `{"type":"object_type","object_type":"lead"}`

// leads creates leads named Globex 1, Globex 2, …
func (o *office) leads(n int) []string {
	o.Helper()
	var ids []string
	for i := range n {
		ids = append(ids, o.id("close_lead_create", map[string]any{"name": fmt.Sprintf("Globex %d", i+1)}))
	}
	return ids
}

// actions returns how many bulk actions Close has received.
func (o *office) actions() (n int) {
	for _, r := range o.srv.Requests() {
		if r.Method == "POST" && strings.HasPrefix(r.Path, "/api/v1/bulk_action/") {
			n++
		}
	}
	return n
}

func (o *office) status(id string) any {
	o.Helper()
	return o.do("close_lead_get", map[string]any{"lead_id": id})["status_label"]
}

// TestBulkByAModel follows a model that confirms the wrong number, then the right one, and
// a person who takes it back.
func TestBulkByAModel(t *testing.T) {
	t.Parallel()
	for _, meta := range []bool{false, true} {
		var opts []agent.Option
		if meta {
			opts = append(opts, agent.MetaTools())
		}
		o := open(t, opts...)
		undo := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada"))
		ids := o.leads(2)
		edit := func(more string) agent.Result {
			in := fmt.Sprintf(`{"s_query":%s,"type":"set_lead_status","lead_status_id":%q%s}`, globex, o.statusID("Qualified"), more)
			if meta {
				return o.call("close_execute_tool", `{"name":"close_bulk_edit_create","input":%s}`, in)
			}
			return o.call("close_bulk_edit_create", "%s", in)
		}
		if r := edit(``); !r.IsError || !strings.Contains(r.Text, "confirm_count") || !strings.Contains(r.Text, "count with close_search first, tell the user") {
			t.Errorf("without a count: %s", r.Text)
		}
		var differs *closekit.CountError
		if r := edit(`,"confirm_count":"3"`); !errors.As(r.Err, &differs) || !strings.Contains(r.Text, "confirm_count is 3, and the query finds 2 now. Count with close_search first, tell the user the number") {
			t.Errorf("a wrong count: %s (%v)", r.Text, r.Err)
		}
		if o.actions() != 0 {
			t.Fatalf("%d actions were sent", o.actions())
		}
		r := o.ok(edit(`,"confirm_count":2`))
		if strings.Contains(r.Text, "confirm") || o.actions() != 1 {
			t.Errorf("%d actions; %s", o.actions(), r.Text)
		}
		plan, err := undo.UndoPlan(t.Context(), o.run())
		if err != nil || !strings.Contains(plan.Text(), "cannot restore: it has not ended") {
			t.Errorf("before its end: %s, %v", plan.Text(), err)
		}
		o.srv.Advance(3 * time.Second)
		if o.status(ids[0]) != "Qualified" || o.status(ids[1]) != "Qualified" || o.status(o.lead) != "Potential" {
			t.Fatalf("the status of %s is %v", ids[0], o.status(ids[0]))
		}
		o.do("close_lead_update", map[string]any{"lead_id": ids[1], "status_id": o.statusID("Bad Fit")}) // by a colleague
		plan = o.undo(undo)
		if o.status(ids[0]) != "Potential" || o.status(ids[1]) != "Bad Fit" || len(plan.Steps) != 2 {
			t.Errorf("after the undo %v and %v; the plan was\n%s", o.status(ids[0]), o.status(ids[1]), plan.Text())
		}
		if text := plan.Text(); !strings.Contains(text, "close_bulk_edit_create of "+ids[0]) || !strings.Contains(text, "restore status_id by close_lead_update") {
			t.Errorf("the plan was\n%s", text)
		}
	}
}

// TestBulkCustomFields restores custom fields, also of what belongs to leads and of
// several values.
func TestBulkCustomFields(t *testing.T) {
	t.Parallel()
	o, undo := undoing(t)
	ids := o.leads(2)
	tags := o.id("close_custom_field_lead_create", map[string]any{"name": "Tags", "type": "choices", "choices": []string{"Gold", "Silver", "Tin"}, "accepts_multiple_values": true})
	tier := o.id("close_custom_field_contact_create", map[string]any{"name": "Tier", "type": "choices", "choices": []string{"A", "B"}})
	o.do("close_lead_update", map[string]any{"lead_id": ids[0], "custom_fields": map[string]any{tags: []string{"Gold"}}})
	ann := o.id("close_contact_create", map[string]any{"lead_id": ids[0], "name": "Ann", "custom_fields": map[string]any{tier: "A"}})
	o.ok(o.call("close_bulk_edit_create", `{"s_query":%s,"type":"set_custom_field","custom_field_id":%q,"custom_field_values":["Silver","Gold"],"custom_field_operation":"add","confirm_count":2}`, globex, tags))
	o.srv.Advance(3 * time.Second)
	o.ok(o.call("close_bulk_edit_create", `{"s_query":%s,"type":"set_contact_custom_field","custom_field_name":"Tier","custom_field_value":"B","confirm_count":2}`, globex))
	o.srv.Advance(3 * time.Second)
	value := func(tool, param, id, field string) string {
		return fmt.Sprint(o.do(tool, map[string]any{param: id})["custom."+field])
	}
	if got := value("close_lead_get", "lead_id", ids[0], tags) + value("close_contact_get", "contact_id", ann, tier); got != "[Gold Silver]B" {
		t.Fatal(got)
	}
	plan := o.undo(undo)
	if got := value("close_lead_get", "lead_id", ids[0], tags) + value("close_contact_get", "contact_id", ann, tier); got != "[Gold]A" {
		t.Errorf("%s; the plan was\n%s", got, plan.Text())
	}
	if got := value("close_lead_get", "lead_id", ids[1], tags); got != "<nil>" && got != "[]" {
		t.Errorf("the lead without tags has %s; the plan was\n%s", got, plan.Text())
	}
}

// TestBulkDelete follows a deletion that a person approves.
func TestBulkDelete(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.leads(12)
	p := o.pending("close_bulk_delete_create", `{"s_query":%s,"confirm_count":12}`, globex)
	text := p.Preview.Text()
	for _, want := range []string{"Number of records: 12, of the kind lead", "| name:Globex\n", "“Globex 12”", "“Globex 3”", "| and 2 more\n", "12 records", "It cannot be undone."} {
		if !strings.Contains(text, want) {
			t.Errorf("the preview lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "ALL RECORDS") || strings.Contains(text, "“Globex 2”") || strings.Contains(text, "cannot be read") {
		t.Errorf("the preview says\n%s", text)
	}
	o.decide(p, agent.Approve)
	o.id("close_lead_create", map[string]any{"name": "Globex 13"}) // meanwhile
	var state *agent.StateError
	if r := o.s.Resume(t.Context(), p.ID); !errors.As(r.Err, &state) || o.actions() != 0 {
		t.Fatalf("%d actions were sent: %s (%v)", o.actions(), r.Text, r.Err)
	}
	p = o.pending("close_bulk_delete_create", `{"s_query":%s,"confirm_count":13}`, globex)
	o.decide(p, agent.Approve)
	o.ok(o.s.Resume(t.Context(), p.ID))
	o.srv.Advance(3 * time.Second)
	o.has("leads", 1)
	records := o.run()
	i := slices.IndexFunc(records, func(r agent.Record) bool { return r.Phase == agent.Intent })
	if i < 0 || len(records[i].Before) != 13 || records[i].Before[0].Tool != "close_lead_get" || !strings.Contains(string(records[i].Before[12].JSON), `"Globex 1"`) {
		t.Fatalf("the audit log has %+v", records)
	}
	plan, err := o.agent.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada")).UndoPlan(t.Context(), records)
	if err != nil || len(plan.Steps) != 1 || plan.Steps[0].Restore != nil || !strings.Contains(plan.Text(), "Close has no way to create records again") || !strings.Contains(plan.Text(), "“Globex 1” (lead_") {
		t.Errorf("the plan is\n%s, %v", plan.Text(), err)
	}
}

// TestBulkAsksOnce counts what Close is asked before a person is: how many records the query
// finds and how many there are, for the confirmed count and for the preview, and their names.
func TestBulkAsksOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.leads(2)
	o.pending("close_bulk_delete_create", `{"s_query":%s,"confirm_count":2}`, globex)
	searches := slices.DeleteFunc(o.writes(), func(w string) bool { return w != "POST /api/v1/data/search/" })
	if len(searches) != 5 {
		t.Errorf("%d searches, want 5", len(searches))
	}
}

// TestBulkEverything has a model confirm all leads.
func TestBulkEverything(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.leads(2)
	if r := o.call("close_bulk_delete_create", `{"s_query":%s,"confirm_count":3}`, everyLead); !errors.Is(r.Err, closekit.ErrEverything) || !strings.Contains(r.Text, "give confirm_everything if they agree") {
		t.Errorf("%s (%v)", r.Text, r.Err)
	}
	p := o.pending("close_bulk_delete_create", `{"s_query":%s,"confirm_count":3,"more":{"confirm_everything":true}}`, everyLead)
	if text := p.Preview.Text(); !strings.Contains(text, "! ALL RECORDS OF THE KIND: it is about every lead of the organization, 3 in\n    all.") {
		t.Errorf("the preview says\n%s", text)
	}
	if o.actions() != 0 {
		t.Error("it was sent")
	}
}

// TestBulkKeepsOrRefuses tests that nothing is sent whose records cannot be kept.
func TestBulkKeepsOrRefuses(t *testing.T) {
	t.Parallel()
	const call = `{"s_query":%s,"type":"set_lead_status","lead_status_id":%q,"confirm_count":%d}`
	var cannot *agent.KeepError
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		o.leads(501)
		if r := o.call("close_bulk_edit_create", call, globex, o.statusID("Qualified"), 501); !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "501 records, and the audit log keeps at most 500") || !strings.Contains(r.Text, "closekit call close_bulk_edit_create … --undo FILE") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		for range 3 {
			o.id("close_lead_create", map[string]any{"name": "Globex", "description": strings.Repeat("x", 1500<<10)})
		}
		if r := o.call("close_bulk_edit_create", call, globex, o.statusID("Qualified"), 3); !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "4 MB") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
	t.Run("no audit log", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		o.leads(1)
		a, err := agent.New(tools.Catalog(), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(o.srv.URL()))))
		if err != nil {
			t.Fatal(err)
		}
		r := a.Session(closekit.APIKey(o.srv.APIKey()), agent.As("ada")).Call(t.Context(), "close_bulk_edit_create", fmt.Appendf(nil, call, globex, o.statusID("Qualified"), 1))
		if !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "no audit log") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
	t.Run("a failing audit log", func(t *testing.T) {
		t.Parallel()
		o := open(t, agent.AuditBestEffort())
		o.leads(1)
		o.log.err = errors.New("disk is full")
		if r := o.call("close_bulk_edit_create", call, globex, o.statusID("Qualified"), 1); r.Err == nil || !strings.Contains(r.Err.Error(), "disk is full") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
	t.Run("sinks that keep nothing", func(t *testing.T) {
		t.Parallel()
		file, err := auditlog.Open(filepath.Join(t.TempDir(), "audit.log"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		db := openSQLite(t, filepath.Join(t.TempDir(), "agents.db"))
		o := open(t)
		o.leads(1)
		a := o.replica(agent.WithAudit(file), agent.WithAudit(db.Audit(nil)), agent.WithAudit(&steps{}))
		r := o.session(a).Call(t.Context(), "close_bulk_edit_create", fmt.Appendf(nil, call, globex, o.statusID("Qualified"), 1))
		if !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "does not keep records as they were") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
		a = o.replica(agent.WithAudit(file), agent.WithAudit(db.Audit(newVault(t))), agent.WithPolicy(agent.Rules{}))
		o.ok(o.session(a).Call(t.Context(), "close_bulk_edit_create", fmt.Appendf(nil, call, globex, o.statusID("Qualified"), 1)))
	})
	t.Run("another program that keeps nothing", func(t *testing.T) {
		t.Parallel()
		store := agent.NewMemoryStore()
		o := open(t, agent.WithApprovals(store))
		o.leads(1)
		p := o.pending("close_bulk_delete_create", `{"s_query":%s,"confirm_count":1}`, globex)
		o.decide(p, agent.Approve)
		r := o.session(o.replica(agent.WithApprovals(store))).Resume(t.Context(), p.ID)
		if !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "no audit log") || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
	t.Run("a kind that cannot be kept", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		o.leads(1)
		for _, kind := range []string{"activity", "custom_object"} {
			r := o.call("close_bulk_edit_create", `{"s_query":%s,"type":"clear_%s_custom_field","custom_field_name":"Outcome","confirm_count":1}`, globex, kind)
			if !errors.As(r.Err, &cannot) || !strings.Contains(r.Text, "only leads, contacts and opportunities can") || o.actions() != 0 {
				t.Errorf("%s: %s (%v)", kind, r.Text, r.Err)
			}
		}
	})
	t.Run("a limit", func(t *testing.T) {
		t.Parallel()
		o := open(t, agent.WithPolicy(agent.Rules{}.Limit(agent.Limit{What: agent.Writes, Per: agent.Run, Most: 5})))
		o.leads(6)
		var limit *agent.LimitError
		for _, n := range []string{"6", "6.0", "6e0", "0.6e1"} {
			in := fmt.Sprintf(`{"s_query":%s,"type":"set_lead_status","lead_status_id":%q,"confirm_count":%s}`, globex, o.statusID("Qualified"), n)
			if r := o.call("close_bulk_edit_create", "%s", in); !errors.As(r.Err, &limit) {
				t.Errorf("%s: %s (%v)", n, r.Text, r.Err)
			}
		}
		_, err := closeapi.BulkEditCreate(t.Context(), o.s.Client(), closeapi.BulkEditCreateParams{
			SQuery: query.Leads(query.Field("name").Has("Globex")), Type: closeapi.BulkEditTypeSetLeadStatus, LeadStatusID: closekit.Some(closeapi.LeadStatusID(o.statusID("Qualified"))),
		})
		if !errors.As(err, &limit) {
			t.Errorf("the same by the host: %v", err)
		}
		if o.actions() != 0 {
			t.Errorf("%d actions were sent", o.actions())
		}
	})
	t.Run("too many in another form", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		r := o.call("close_bulk_edit_create", `{"s_query":%s,"type":"set_lead_status","lead_status_id":%q,"confirm_count":2e3}`, globex, o.statusID("Qualified"))
		if r.Err == nil || o.actions() != 0 {
			t.Errorf("%s (%v)", r.Text, r.Err)
		}
	})
}

// TestBulkLimited tests a limit below what the query finds: which records it is about must
// be said, and a person reads how many there are.
func TestBulkLimited(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.leads(4)
	const call = `{"s_query":%s,"results_limit":2,"confirm_count":2%s}`
	var unsorted *closekit.UnsortedError
	if r := o.call("close_bulk_delete_create", call, globex, ""); !errors.As(r.Err, &unsorted) || !strings.Contains(r.Text, "results_limit takes 2 of the 4 records that the query finds, and no sort says which") {
		t.Errorf("%s (%v)", r.Text, r.Err)
	}
	p := o.pending("close_bulk_delete_create", call, globex, `,"sort":[{"direction":"asc","field":{"type":"regular_field","object_type":"lead","field_name":"name"}}]`)
	if text := p.Preview.Text(); !strings.Contains(text, "2 of the 4 that the query finds, of the kind lead") || !strings.Contains(text, "“Globex 2”") || strings.Contains(text, "“Globex 3”") {
		t.Errorf("the preview says\n%s", text)
	}
}
