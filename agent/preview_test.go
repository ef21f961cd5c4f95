package agent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi/tools"
)

// asking is an office in which a person decides on every write.
func asking(t *testing.T) *office {
	t.Helper()
	return open(t, agent.WithPolicy(agent.Rules{}.Ask(agent.MatchFunc(func(c *agent.Call) bool { return c.Effect != closekit.Read }))))
}

// whole is all that a preview shows, without the layout.
func whole(p agent.Preview) string {
	var b strings.Builder
	b.WriteString(p.Title + "\n")
	for _, f := range p.Facts {
		b.WriteString(f.Label + ": " + f.Value + "\n")
	}
	for _, c := range p.Changes {
		b.WriteString(c.Field + ": " + c.Before + " → " + c.After + "\n")
	}
	return b.String() + strings.Join(p.Warnings, "\n")
}

func (o *office) wants(p *agent.Approval, parts ...string) {
	o.Helper()
	text := whole(p.Preview)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			o.Errorf("the preview of %s does not show %q:\n%s", p.Tool, part, text)
		}
	}
}

func (o *office) id(name string, input map[string]any) string {
	o.Helper()
	return o.do(name, input)["id"].(string)
}

// records are one record of every kind that tools write.
type records struct {
	contact, other, opportunity, status, field, oppField, contactField, pipeline, sequence, subscription, account string
	email, sms, note, call, task, comment, webhook, user                                                          string
}

func (o *office) furnish() records {
	o.Helper()
	var r records
	lead := o.do("close_lead_get", map[string]any{"lead_id": o.lead})
	r.contact = lead["contacts"].([]any)[0].(map[string]any)["id"].(string)
	me := o.do("close_me_get", map[string]any{})
	r.user = me["id"].(string)
	r.account = me["connected_accounts"].([]any)[0].(map[string]any)["id"].(string)
	org := me["organizations"].([]any)[0].(map[string]any)
	r.status = org["opportunity_statuses"].([]any)[0].(map[string]any)["id"].(string)
	r.sequence = o.do("close_sequences_list", map[string]any{})["data"].([]any)[0].(map[string]any)["id"].(string)
	r.other = o.id("close_lead_create", map[string]any{"name": "Beta"})
	r.opportunity = o.id("close_opportunity_create", map[string]any{"lead_id": o.lead, "status_id": r.status, "value": 1200000, "value_period": "annual"})
	r.field = o.id("close_custom_field_lead_create", map[string]any{"name": "Tier", "type": "choices", "choices": []string{"Gold", "Silver"}})
	r.oppField = o.id("close_custom_field_opportunity_create", map[string]any{"name": "Region", "type": "text"})
	r.contactField = o.id("close_custom_field_contact_create", map[string]any{"name": "Mood", "type": "text"})
	r.pipeline = o.id("close_pipeline_create", map[string]any{"name": "Renewals"})
	r.email = o.id("close_email_create", map[string]any{"lead_id": o.lead, "contact_id": r.contact, "to": []string{"ann@acme.example"}, "bcc": []string{"boss@acme.example"}, "subject": "Offer", "body_text": "Hello Ann"})
	r.sms = o.id("close_sms_create", map[string]any{"lead_id": o.lead, "contact_id": r.contact, "text": "Hi Ann", "remote_phone": "+14155550100", "local_phone": "+14155550101", "status": "draft"})
	r.note = o.id("close_note_create", map[string]any{"lead_id": o.lead, "note": "Wants a discount"})
	r.call = o.id("close_call_create", map[string]any{"lead_id": o.lead, "note": "Called twice", "phone": "+14155550100", "duration": 60})
	r.task = o.id("close_task_create", map[string]any{"lead_id": o.lead, "text": "Call back"})
	r.comment = o.id("close_comment_create", map[string]any{"object_id": r.note, "body": "<p>Agreed</p>"})
	r.webhook = o.id("close_webhook_create", map[string]any{"url": "https://hooks.example/x", "events": []any{map[string]any{"object_type": "lead", "action": "created"}}})
	r.subscription = o.id("close_sequence_subscription_create", map[string]any{"sequence_id": r.sequence, "contact_id": r.contact, "contact_email": "ann@acme.example", "sender_account_id": r.account, "sender_name": "Ada", "sender_email": "ada@example.com"})
	return r
}

// TestPreview tests that previews mention every argument and every record that a call
// refers to. TestAgent of package wiretest does so, with the arguments, for every tool
// that does more than read.
func TestPreview(t *testing.T) {
	t.Parallel()
	o := asking(t)
	r := o.furnish()
	lead := o.lead
	type in = map[string]any
	cases := map[string][]struct {
		input in
		shows []string
	}{
		"close_call_create":                     {{in{"lead_id": lead, "contact_id": r.contact, "user_id": r.user, "note": "Left a message", "duration": 840, "direction": "outbound", "phone": "+14155550100"}, []string{"“Acme”", "“Ann”", "“Ada Example”"}}},
		"close_call_delete":                     {{in{"call_id": r.call}, []string{"Called twice", "“Acme”", "cannot be undone"}}},
		"close_call_update":                     {{in{"call_id": r.call, "note": "Called three times", "contact_id": r.contact}, []string{"Called twice → Called three times", "“Ann”"}}},
		"close_comment_create":                  {{in{"object_id": r.note, "body": "<p>No</p>"}, []string{"Wants a discount"}}},
		"close_comment_delete":                  {{in{"comment_id": r.comment}, []string{"Agreed", "cannot be undone"}}},
		"close_comment_update":                  {{in{"comment_id": r.comment, "body": "<p>Refused</p>"}, []string{"<p>Agreed</p></body> → <p>Refused</p>"}}},
		"close_contact_create":                  {{in{"lead_id": lead, "name": "Bob", "title": "CFO", "emails": []any{in{"email": "bob@acme.example", "type": "office"}}, "custom_fields": in{r.contactField: "good"}}, []string{"“Acme”", "“Mood”"}}},
		"close_contact_delete":                  {{in{"contact_id": r.contact}, []string{"“Ann”", "ann@acme.example", "cannot be undone", "Number of sequence enrollments: 1"}}},
		"close_contact_update":                  {{in{"contact_id": r.contact, "name": "Anna", "emails": []any{in{"email": "anna@acme.example", "type": "office"}}}, []string{"Name: Ann → Anna", "ann@acme.example", "replaces the old one"}}},
		"close_custom_field_contact_create":     {{in{"name": "Size", "type": "number"}, []string{"all users of the organization"}}},
		"close_custom_field_contact_delete":     {{in{"custom_field_id": r.contactField}, []string{"“Mood”", "cannot be undone"}}},
		"close_custom_field_contact_update":     {{in{"custom_field_id": r.contactField, "name": "Temper"}, []string{"Name: Mood → Temper"}}},
		"close_custom_field_lead_create":        {{in{"name": "Size", "type": "choices", "choices": []string{"S", "L"}}, nil}},
		"close_custom_field_lead_delete":        {{in{"custom_field_id": r.field}, []string{"“Tier”", "Gold"}}},
		"close_custom_field_lead_update":        {{in{"custom_field_id": r.field, "choices": []string{"Silver", "Bronze"}}, []string{"Gold\nSilver → Silver\nBronze", "cannot be undone"}}},
		"close_custom_field_opportunity_create": {{in{"name": "Size", "type": "text", "description": "How large"}, nil}},
		"close_custom_field_opportunity_delete": {{in{"custom_field_id": r.oppField}, []string{"“Region”"}}},
		"close_custom_field_opportunity_update": {{in{"custom_field_id": r.oppField, "name": "Area"}, []string{"Name: Region → Area"}}},
		"close_email_create": {
			{in{"lead_id": lead, "contact_id": r.contact, "to": []string{"ann@acme.example"}, "cc": []string{"carl@acme.example"}, "bcc": []string{"eve@evil.example"}, "sender": "ada@example.com", "subject": "Offer", "body_text": "Text", "body_html": "<p>Other</p>", "status": "outbox", "email_account_id": r.account}, []string{"Send an email to ann@acme.example", "Bcc: eve@evil.example", "eve@evil.example is no address of a contact", "Cc: carl@acme.example", "sent at once", "“ada@example.com”"}},
			{in{"lead_id": lead, "to": []string{"ann@acme.example"}, "subject": "Offer", "status": "scheduled", "date_scheduled": "2026-11-27T09:00:00+00:00", "sender": "ada@example.com"}, []string{"scheduled time is in the past"}},
		},
		"close_email_delete":                 {{in{"email_id": r.email}, []string{"Offer", "Hello Ann", "Bcc: boss@acme.example", "“Acme”"}}},
		"close_email_update":                 {{in{"email_id": r.email, "status": "outbox", "sender": "ada@example.com"}, []string{"Send an email to ann@acme.example", "Bcc: boss@acme.example", "Subject: Offer", "Body text: Hello Ann", "draft → outbox", "sent at once", "“Ann”", "“Acme”"}}},
		"close_lead_create":                  {{in{"name": "Gamma", "url": "https://gamma.example", "contacts": []any{in{"name": "Gus", "emails": []any{in{"email": "gus@gamma.example"}}}}, "custom_fields": in{r.field: "Gold"}}, []string{"“Tier”"}}},
		"close_lead_delete":                  {{in{"lead_id": lead}, []string{"“Acme”", "“Ann”", "“Call back”", "Number of contacts: 1", "Number of opportunities: 1", "Number of tasks: 1", "Number of activities: ", "cannot be undone"}}},
		"close_lead_merge":                   {{in{"source": lead, "destination": r.other}, []string{"Deleted: “Acme”", "Stays, with all of it: “Beta”", "Source: status label: Potential", "Number of contacts: 1", "cannot be undone"}}},
		"close_lead_update":                  {{in{"lead_id": lead, "name": "Acme Inc", "description": "New", "custom_fields": in{r.field: "Gold"}}, []string{"Name: Acme → Acme Inc", "Custom field “Tier”", "nothing → Gold"}}},
		"close_note_create":                  {{in{"lead_id": lead, "note": "Called"}, []string{"“Acme”"}}},
		"close_note_delete":                  {{in{"note_id": r.note}, []string{"Wants a discount", "“Acme”"}}},
		"close_note_update":                  {{in{"note_id": r.note, "note": "Wants none", "pinned": true}, []string{"Wants a discount → Wants none"}}},
		"close_opportunity_create":           {{in{"lead_id": lead, "status_id": r.status, "value": 8505000, "value_period": "monthly", "confidence": 40}, []string{"Value: $85,050.00", "“Demo Completed”", "“Acme”"}}},
		"close_opportunity_delete":           {{in{"opportunity_id": r.opportunity}, []string{"Value: $12,000.00", "“Acme”"}}},
		"close_opportunity_update":           {{in{"opportunity_id": r.opportunity, "value": 1300000, "confidence": 75}, []string{"Value: $12,000.00 → $13,000.00"}}},
		"close_pipeline_create":              {{in{"name": "Upsell"}, nil}},
		"close_pipeline_delete":              {{in{"pipeline_id": r.pipeline}, []string{"“Renewals”", "all users"}}},
		"close_pipeline_update":              {{in{"pipeline_id": r.pipeline, "name": "Churn"}, []string{"Name: Renewals → Churn"}}},
		"close_sequence_subscription_create": {{in{"sequence_id": r.sequence, "contact_id": r.contact, "contact_email": "ann@acme.example", "sender_account_id": r.account, "sender_name": "Ada", "sender_email": "ada@example.com"}, []string{"“Welcome”", "“Ann”", "Step 1 of 2: email", "Step 2 of 2: email after 72h0m0s", "Contact's emails: email: ann@acme.example", "“ada@example.com”", "sends by itself"}}},
		"close_sequence_subscription_update": {{in{"subscription_id": r.subscription, "status": "paused"}, []string{"active → paused", "“Ann”", "“Welcome”"}}},
		"close_sms_create":                   {{in{"lead_id": lead, "contact_id": r.contact, "text": "See you", "remote_phone": "+14155550100", "local_phone": "+14155550101", "status": "outbox"}, []string{"Send an SMS to +14155550100", "sent at once"}}},
		"close_sms_delete":                   {{in{"sms_id": r.sms}, []string{"Hi Ann", "+14155550100"}}},
		"close_sms_update":                   {{in{"sms_id": r.sms, "text": "Hello Ann"}, []string{"Hi Ann → Hello Ann", "+14155550100"}}},
		"close_task_create":                  {{in{"lead_id": lead, "text": "Write", "date": "2026-12-01", "assigned_to": r.user}, []string{"“Ada Example”"}}},
		"close_task_delete":                  {{in{"task_id": r.task}, []string{"Call back", "“Acme”"}}},
		"close_task_update":                  {{in{"task_id": r.task, "text": "Call back soon", "is_complete": true}, []string{"Call back → Call back soon", "no → yes"}}},
		"close_webhook_create":               {{in{"url": "https://evil.example/x", "events": []any{in{"object_type": "lead", "action": "created"}}}, []string{"Data of Close goes to evil.example", "action: created"}}},
		"close_webhook_delete":               {{in{"webhook_id": r.webhook}, []string{"https://hooks.example/x"}}},
		"close_webhook_update":               {{in{"webhook_id": r.webhook, "url": "https://evil.example/y"}, []string{"https://hooks.example/x → https://evil.example/y", "goes to evil.example"}}},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tool, err := tools.Lookup(name)
		if err != nil || tool.Effect == closekit.Read {
			t.Fatalf("%s is no tool that does more than read: %v", name, err)
		}
		for _, c := range cases[name] {
			raw, err := json.Marshal(c.input)
			if err != nil {
				t.Fatal(err)
			}
			p := o.pending(tool.Name, "%s", raw)
			o.wants(p, c.shows...)
			o.wants(p, leavesOf(c.input)...)
			if p.Preview.Data == (agent.Digest{}) || p.Preview.Title == "" {
				t.Errorf("%s has no title or digest: %+v", tool.Name, p.Preview)
			}
		}
	}
	if t.Failed() {
		return
	}
	if got := o.srv.Outbox(); len(got) != 0 {
		t.Errorf("previews have sent %v", got)
	}
}

// leavesOf returns the texts of all arguments, as a preview shows them.
func leavesOf(v any) []string {
	switch v := v.(type) {
	case map[string]any:
		var list []string
		for k, x := range v {
			if k != "value" { // shown as money
				list = append(list, leavesOf(x)...)
			}
		}
		return list
	case []any:
		var list []string
		for _, x := range v {
			list = append(list, leavesOf(x)...)
		}
		return list
	case bool:
		return nil
	case []string:
		return v
	}
	return []string{fmt.Sprint(v)}
}

// TestDraftChangedAfterApproval closes the hole of approvals that are bound to an id:
// the draft is changed between the decision and the sending.
func TestDraftChangedAfterApproval(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]any{
		"to": []string{"attacker@evil.example"}, "cc": []string{"attacker@evil.example"}, "bcc": []string{"attacker@evil.example"},
		"body_text": "secret", "body_html": "<p>secret</p>", "subject": "Other", "contact_id": nil,
		"followup_sequence_id": "the sequence",
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			contact := o.do("close_lead_get", map[string]any{"lead_id": o.lead})["contacts"].([]any)[0].(map[string]any)["id"]
			email := o.id("close_email_create", map[string]any{"lead_id": o.lead, "contact_id": contact, "to": []string{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello"})
			p := o.pending("close_email_update", `{"email_id":%q,"status":"outbox","sender":"ada@example.com"}`, email)
			o.decide(p, agent.Approve)
			if value == "the sequence" {
				value = o.do("close_sequences_list", map[string]any{})["data"].([]any)[0].(map[string]any)["id"]
			}
			o.do("close_email_update", map[string]any{"email_id": email, field: value})
			r := o.s.Resume(t.Context(), p.ID)
			if !r.IsError || len(o.srv.Outbox()) != 0 {
				t.Errorf("sent after a change of %s: %s, %v", field, r.Text, o.srv.Outbox())
			}
		})
	}
}

func TestDraftUnchangedIsSent(t *testing.T) {
	t.Parallel()
	o := open(t)
	email := o.id("close_email_create", map[string]any{"lead_id": o.lead, "to": []string{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello"})
	p := o.pending("close_email_update", `{"email_id":%q,"status":"outbox","sender":"ada@example.com"}`, email)
	o.decide(p, agent.Approve)
	o.ok(o.s.Resume(t.Context(), p.ID))
	if n := len(o.srv.Outbox()); n != 1 {
		t.Errorf("%d messages were sent, want 1", n)
	}
}

func TestDeleteOfLeadWithNewContact(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_lead_delete", `{"lead_id":%q}`, o.lead)
	o.decide(p, agent.Approve)
	o.do("close_contact_create", map[string]any{"lead_id": o.lead, "name": "Bob"})
	if r := o.s.Resume(t.Context(), p.ID); !r.IsError {
		t.Errorf("deleted: %s", r.Text)
	}
	o.has("leads", 1)
}

// TestActivityDoesNotInvalidate tests that what any activity moves is not part of what
// a person approves.
func TestActivityDoesNotInvalidate(t *testing.T) {
	t.Parallel()
	o := asking(t)
	p := o.pending("close_lead_update", `{"lead_id":%q,"name":"Acme Inc"}`, o.lead)
	o.decide(p, agent.Approve)
	updated := func() any { return o.do("close_lead_get", map[string]any{"lead_id": o.lead})["date_updated"] }
	before := updated()
	o.srv.Advance(time.Minute)
	o.do("close_note_create", map[string]any{"lead_id": o.lead, "note": "Called"})
	o.do("close_custom_field_lead_create", map[string]any{"name": "Tier", "type": "text"})
	o.do("close_lead_update", map[string]any{"lead_id": o.lead, "custom_fields": map[string]any{o.do("close_custom_fields_lead_list", map[string]any{})["data"].([]any)[0].(map[string]any)["id"].(string): "x"}})
	if updated() == before {
		t.Error("date_updated did not move")
	}
	o.ok(o.s.Resume(t.Context(), p.ID))
}

func TestManyRecipients(t *testing.T) {
	t.Parallel()
	o := open(t)
	var to []string
	for i := range 500 {
		to = append(to, fmt.Sprintf("customer-with-a-long-address-%03d@customer.example", i))
	}
	raw, err := json.Marshal(to)
	if err != nil {
		t.Fatal(err)
	}
	p := o.pending("close_email_create", `{"lead_id":%q,"to":["ann@acme.example"],"bcc":%s,"subject":"Offer","body_text":"Hello","status":"outbox","sender":"ada@example.com"}`, o.lead, raw)
	o.wants(p, "Bcc (500): ")
	o.wants(p, to...)
	if strings.Contains(whole(p.Preview), "ann@acme.example is no address") {
		t.Error("a contact of the lead is called a stranger")
	}
	text := p.Preview.Text()
	for _, x := range to {
		if !strings.Contains(text, x) {
			t.Fatalf("the text does not show %s", x)
		}
	}
}

// TestTextsOfOthersAreQuotes tests that text in records cannot look like a line of
// the preview.
func TestTextsOfOthersAreQuotes(t *testing.T) {
	t.Parallel()
	o := asking(t)
	note := o.id("close_note_create", map[string]any{"lead_id": o.lead, "note": "Hello\n  ! already approved by Ben"})
	p := o.pending("close_note_delete", `{"note_id":%q}`, note)
	o.wants(p, "already approved by Ben")
	for line := range strings.Lines(p.Preview.Text()) {
		if strings.Contains(line, "already approved") && !strings.Contains(line[:strings.Index(line, "already")], "| ") {
			t.Errorf("not a quote: %q", line)
		}
	}
	for _, f := range p.Preview.Facts {
		if strings.Contains(f.Value, "already approved") && !f.Quoted {
			t.Errorf("%s is not marked as a quote", f.Label)
		}
	}
}

func TestHiddenText(t *testing.T) {
	t.Parallel()
	o := open(t)
	p := o.pending("close_email_create", `{"lead_id":%q,"to":["ann@асme.example"],"subject":"In\u202evoice\u200b","body_text":"a\u0007b","status":"outbox","sender":"ada@example.com"}`, o.lead)
	o.wants(p, "In‹U+202E›voice‹U+200B›", "a‹U+0007›b", "Latin and Cyrillic", "cannot be seen")
	if strings.ContainsAny(p.Preview.Text(), "\u202e\u200b\u0007") {
		t.Error("the text has hidden characters")
	}
}

// TestCutTextIsCovered tests that what is not shown of a long text is said, and is
// still part of what is approved.
func TestCutTextIsCovered(t *testing.T) {
	t.Parallel()
	o := open(t)
	body := strings.Repeat("x", 22140)
	email := o.id("close_email_create", map[string]any{"lead_id": o.lead, "to": []string{"ann@acme.example"}, "subject": "Offer", "body_text": body})
	p := o.pending("close_email_update", `{"email_id":%q,"status":"outbox","sender":"ada@example.com"}`, email)
	o.wants(p, "… 2,140 more characters", "Not everything is shown")
	o.decide(p, agent.Approve)
	o.do("close_email_update", map[string]any{"email_id": email, "body_text": body[:22139] + "y"})
	if r := o.s.Resume(t.Context(), p.ID); !r.IsError || len(o.srv.Outbox()) != 0 {
		t.Error("a change in the part that is not shown was not noticed")
	}
}

func TestMoneyLimitCountsTheChange(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}.Limit(agent.Limit{What: agent.Money, Per: agent.Run, Most: 200000})))
	status := o.do("close_pipelines_list", map[string]any{})["data"].([]any)[0].(map[string]any)["statuses"].([]any)[0].(map[string]any)["id"]
	opp := o.id("close_opportunity_create", map[string]any{"lead_id": o.lead, "status_id": status, "value": 1200000})
	o.ok(o.call("close_opportunity_update", `{"opportunity_id":%q,"value":1300000}`, opp))
	o.ok(o.call("close_opportunity_update", `{"opportunity_id":%q,"value":1200000}`, opp))
	if r := o.call("close_opportunity_update", `{"opportunity_id":%q,"value":1200001}`, opp); !r.IsError {
		t.Error("the limit was not enforced on an update")
	}
	if r := o.call("close_opportunity_create", `{"lead_id":%q,"status_id":%q,"value":1}`, o.lead, status); !r.IsError {
		t.Error("the limit was not enforced on a creation")
	}
}

func TestSnapshotsBeforeWrites(t *testing.T) {
	t.Parallel()
	o := open(t, agent.WithPolicy(agent.Rules{}))
	other := o.id("close_lead_create", map[string]any{"name": "Beta"})
	o.ok(o.call("close_lead_update", `{"lead_id":%q,"description":"New"}`, o.lead))
	o.ok(o.call("close_lead_merge", `{"source":%q,"destination":%q}`, other, o.lead))
	var got []string
	for _, r := range o.log.records {
		for _, x := range r.Before {
			got = append(got, r.Tool+" "+x.Tool+" "+x.ID)
			if !strings.Contains(string(x.JSON), x.ID) {
				t.Errorf("the snapshot of %s is %s", x.ID, x.JSON)
			}
		}
	}
	want := []string{
		"close_lead_update close_lead_get " + o.lead,
		"close_lead_merge close_lead_get " + other, "close_lead_merge close_lead_get " + o.lead,
	}
	if !slices.Equal(got, want) {
		t.Errorf("snapshots %q, want %q", got, want)
	}
}
