package emulator_test

import (
	"maps"
	"testing"
	"time"
)

func TestEmailSending(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	draft := a.post("/activity/email/", object{"lead_id": lead, "status": "draft", "subject": "Hello", "to": []string{"Bob <bob@example.com>"}, "body_text": "Dear  Bob"})
	for path, want := range map[string]string{
		"_type": "Email", "status": "draft", "direction": "outgoing", "sender": "ada@example.com", "body_preview": "Dear Bob",
		"envelope": "null", "date_sent": "null", "cc": "[]", "send_attempts": "[]", "user_name": "Ada Example",
	} {
		equal(t, draft, want, path)
	}
	path := "/activity/email/" + id(draft) + "/"
	equal(t, a.put(path, object{"subject": "Hello again", "cc": nil}), "Hello again", "subject")
	if got := len(a.srv.Outbox()); got != 0 {
		t.Fatalf("a draft sent %d messages", got)
	}
	sending := a.put(path, object{"status": "outbox", "bcc": []string{"c@example.com"}})
	equal(t, sending, "outbox", "status")
	sent := a.get(path)
	equal(t, sent, "sent", "status")
	equal(t, sent, "2026-03-10T12:00:00+00:00", "date_sent")
	equal(t, sent, "Tue, 10 Mar 2026 12:00:00 +0000", "envelope", "date")
	equal(t, sent, `[{"email":"bob@example.com","name":"Bob"}]`, "envelope", "to")
	box := a.srv.Outbox()
	if len(box) != 1 || box[0].Subject != "Hello again" || box[0].From != "ada@example.com" || box[0].To[0] != "Bob <bob@example.com>" ||
		box[0].BCC[0] != "c@example.com" || box[0].Kind != "email" || box[0].LeadID != lead || box[0].Text != "Dear  Bob" {
		t.Errorf("got outbox %+v", box)
	}
	a.refused("PUT", path, object{"subject": "too late"}, "subject")
	a.refused("PUT", path, object{"status": "draft"}, "status")
	a.put(path, object{"followup_date": "2026-03-12", "subject": "Hello again"})
	if got := events(a, "object_type=activity.email&action=sent"); got != "activity.email.sent" {
		t.Errorf("got events %q", got)
	}
	logged := a.post("/activity/email/", object{"lead_id": lead, "status": "sent", "subject": "Re: Hello again", "in_reply_to_id": id(draft), "to": []string{"b@example.com"}})
	equal(t, logged, "sent", "status")
	equal(t, logged, text(draft["thread_id"]), "thread_id")
	equal(t, a.get(path), "true", "has_reply")
	if got := len(a.srv.Outbox()); got != 1 {
		t.Errorf("a logged email was sent: %d messages", got)
	}
}

func TestEmailSchedule(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	base := func(more object) object {
		o := object{"lead_id": lead, "sender": "Ada <ada@example.com>", "to": []string{"b@example.com"}}
		maps.Copy(o, more)
		return o
	}
	scheduled := a.post("/activity/email/", base(object{"status": "scheduled", "date_scheduled": "2026-03-10T13:00:00Z"}))
	path := "/activity/email/" + id(scheduled) + "/"
	equal(t, a.put(path, object{"status": "draft"}), "null", "date_scheduled")
	a.put(path, object{"status": "scheduled", "date_scheduled": "2026-03-10T14:00:00Z"})
	a.refused("PUT", path, object{"status": "sent"}, "status")
	a.refused("PUT", path, object{"body_text": "x"}, "body_text")
	delayed := a.post("/activity/email/", base(object{"status": "outbox", "send_in": 30}))
	equal(t, delayed, "null", "send_at")
	second := "/activity/email/" + id(delayed) + "/"
	equal(t, a.get(second), "outbox", "status")
	a.srv.Advance(31 * time.Second)
	equal(t, a.get(second), "sent", "status")
	a.srv.Advance(3 * time.Hour)
	equal(t, a.get(path), "sent", "status")
	// The delay of an earlier attempt does not come back.
	later := a.post("/activity/email/", base(object{"status": "outbox", "send_in": 50}))
	third := "/activity/email/" + id(later) + "/"
	a.put(third, object{"status": "draft"})
	a.put(third, object{"status": "outbox"})
	equal(t, a.get(third), "sent", "status")
	if got := len(a.srv.Outbox()); got != 3 {
		t.Errorf("got %d messages, want 3", got)
	}
	gone := a.post("/activity/email/", base(object{"status": "scheduled", "date_scheduled": "2026-03-11T14:00:00Z"}))
	a.del("/activity/email/" + id(gone) + "/")
	a.srv.Advance(48 * time.Hour)
	if got := len(a.srv.Outbox()); got != 3 {
		t.Errorf("a deleted email was sent")
	}
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no status":   {base(nil), "status"},
		"status":      {base(object{"status": "queued"}), "status"},
		"no lead":     {object{"status": "draft"}, "lead"},
		"no date":     {base(object{"status": "scheduled"}), "date_scheduled"},
		"no sender":   {object{"lead_id": lead, "status": "outbox", "to": []string{"b@example.com"}}, "sender"},
		"inbox":       {object{"lead_id": lead, "status": "inbox"}, "sender"},
		"sender":      {base(object{"status": "draft", "sender": "unknown"}), "sender"},
		"no receiver": {base(object{"status": "outbox", "to": nil}), "to"},
		"to text":     {base(object{"status": "draft", "to": "b@example.com"}), "to"},
		"to":          {base(object{"status": "draft", "to": []string{"unknown"}}), "to"},
		"to objects":  {base(object{"status": "draft", "to": []any{object{}}}), "to"},
		"to numbers":  {base(object{"status": "draft", "to": []any{5}}), "to"},
		"send_in":     {base(object{"status": "outbox", "send_in": 60}), "send_in"},
		"send_in2":    {base(object{"status": "outbox", "send_in": "soon"}), "send_in"},
		"delay":       {base(object{"status": "draft", "followup_sequence_delay": 5}), "followup_sequence_delay"},
		"account":     {base(object{"status": "draft", "email_account_id": "emailacct_x"}), "email_account_id"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/activity/email/", c.body, c.field) })
	}
}

func TestEmailThreadsAndFollowUps(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	first := a.post("/activity/email/", object{"lead_id": lead, "status": "inbox", "sender": "Bob <b@example.com>", "to": []string{"ada@example.com"}, "subject": "Offer"})
	equal(t, first, "incoming", "direction")
	second := a.post("/activity/email/", object{"lead_id": lead, "status": "sent", "to": []string{"b@example.com"}, "subject": "RE: Fwd: Offer", "followup_date": "2026-03-12"})
	thread := text(first["thread_id"])
	equal(t, second, thread, "thread_id")
	got := a.get("/activity/emailthread/" + thread + "/")
	equal(t, got, "2", "n_emails")
	equal(t, got, "Offer", "latest_normalized_subject")
	equal(t, got, id(second), "latest_emails", 0, "id")
	equal(t, got, `[{"email":"ada@example.com","name":""},{"email":"b@example.com","name":""}]`, "participants")
	followUp := at(a.get("/task/?_type=email_followup"), "data", 0)
	equal(t, followUp, "2026-03-12", "date")
	equal(t, followUp, id(second), "email_id")
	for query, want := range map[string]string{
		"":                      "Email Email Created",
		"&thread_emails=true":   "Email Email EmailThread Created",
		"&thread_emails=only":   "EmailThread Created",
		"&_type=EmailThread":    "EmailThread",
		"&_type__in=Email,Note": "Email Email",
	} {
		if got := column(a.get("/activity/?lead_id="+lead+query), "_type"); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	a.del("/activity/emailthread/" + thread + "/")
	a.want(404, "GET", "/activity/email/"+id(first)+"/", nil)
	alone := a.post("/activity/email/", object{"lead_id": lead, "status": "draft", "subject": "Other"})
	a.del("/activity/email/" + id(alone) + "/")
	equal(t, a.get("/activity/emailthread/"), "[]", "data")
}

func TestSMS(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := id(a.post("/contact/", object{"lead_id": lead, "name": "Bob", "phones": []any{object{"phone": "8004445555"}}}))
	draft := a.post("/activity/sms/", object{"contact_id": contact, "status": "draft", "text": "hello", "local_phone": "+18005550100"})
	for path, want := range map[string]string{
		"_type": "SMS", "lead_id": lead, "direction": "outbound", "remote_phone": "+18004445555", "local_phone_formatted": "+1 800-555-0100",
		"remote_country_iso": "US", "cost": "null", "source": "Close.io", "attachments": "[]",
	} {
		equal(t, draft, want, path)
	}
	path := "/activity/sms/" + id(draft) + "/"
	equal(t, a.put(path, object{"text": "hello there"}), "hello there", "text")
	a.put(path, object{"status": "outbox"})
	equal(t, a.get(path), "sent", "status")
	equal(t, a.get(path), "1", "cost")
	if box := a.srv.Outbox(); len(box) != 1 || box[0].Kind != "sms" || box[0].To[0] != "+18004445555" || box[0].Text != "hello there" {
		t.Errorf("got outbox %+v", box)
	}
	a.refused("PUT", path, object{"text": "too late"}, "text")
	in := a.post("/activity/sms/?send_to_inbox=true", object{"lead_id": lead, "status": "inbox", "text": "yes", "remote_phone": "+18004445555"})
	equal(t, in, "inbound", "direction")
	task := at(a.get("/task/?_type=all"), "data", 0)
	equal(t, task, "incoming_sms", "_type")
	equal(t, task, "yes", "text")
	later := a.post("/activity/sms/", object{"lead_id": lead, "status": "scheduled", "date_scheduled": "2026-03-10T12:30:00Z", "text": "later", "remote_phone": "+18004445555", "local_phone": "+18005550100"})
	a.srv.Advance(time.Hour)
	equal(t, a.get("/activity/sms/"+id(later)+"/"), "sent", "status")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no status":   {object{"lead_id": lead}, "status"},
		"no lead":     {object{"status": "draft"}, "lead"},
		"no phone":    {object{"lead_id": lead, "status": "outbox", "text": "x"}, "remote_phone"},
		"no text":     {object{"lead_id": lead, "status": "outbox", "remote_phone": "8004445555", "local_phone": "8005550100"}, "text"},
		"phone":       {object{"lead_id": lead, "status": "draft", "remote_phone": "x"}, "remote_phone"},
		"attachments": {object{"lead_id": lead, "status": "draft", "attachments": []any{1}}, "attachments"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/activity/sms/", c.body, c.field) })
	}
	logged := a.post("/activity/sms/", object{"lead_id": lead, "status": "sent", "attachments": nil})
	a.put("/activity/sms/"+id(logged)+"/", object{"attachments": nil})
	draft = a.post("/activity/sms/", object{"lead_id": lead, "status": "draft"})
	equal(t, a.put("/activity/sms/"+id(draft)+"/", object{"status": "sent"}), "2026-03-10T13:00:00+00:00", "date_sent")
}
