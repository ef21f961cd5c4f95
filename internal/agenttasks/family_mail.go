package agenttasks

import (
	"fmt"
	"time"
)

func (w *World) draft(name string) {
	w.Make(name, "close_email_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "sender": "ada@example.com"})
}

func firmWithDraft(w *World) { firm(w); w.draft("draft") }

var logs = []Task{
	{
		Name: "a call of fourteen minutes", Text: "Log my outgoing call with Ann, the one at Acme: fourteen minutes, she wants a pilot.", Seed: func(w *World) { firm(w); w.Lead("Beta", "Ann <ann@beta.example>") },
		Oracle: []Step{{Tool: "close_call_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "duration": 840, "direction": "outbound", "note": "Wants a pilot"}}},
		Check:  func(w *World) { w.Want(1, "calls", In{"duration": 840, "contact_id": "$Acme/1"}) },
	},
	{
		Name: "note, task and closing date", Text: "Met Acme. They sign next week; remind me on the 7th; we close on the 11th.", Seed: firmWithDeal,
		Oracle: []Step{
			{Tool: "close_note_create", In: In{"lead_id": "$Acme", "note": "Met them; they sign next week"}},
			{Tool: "close_task_create", In: In{"lead_id": "$Acme", "text": "Signed?", "date": "2026-12-07"}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "date_won": "2026-12-11"}},
		},
		Check: func(w *World) {
			w.Want(1, "notes", In{"lead_id": "$Acme"})
			w.Want(1, "tasks", In{"date": "2026-12-07"})
			w.Want(1, "opportunities", In{"date_won": "2026-12-11"})
		},
	},
	{
		Name: "a mail from elsewhere", Text: "Log the mail Hello that I, ada@example.com, sent Ann of Acme from my phone. Don't send it again.", Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "to": []any{"ann@acme.example"}, "subject": "Hello", "body_text": "From my phone", "status": "sent", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"status": "sent", "subject": "Hello"}) },
	},
	{
		Name: "change a note", Text: "The pilot is in June, not May.",
		Seed: func(w *World) {
			firm(w)
			w.Make("n", "close_note_create", In{"lead_id": "$Acme", "note": "Pilot in May"})
		},
		Oracle: []Step{{Tool: "close_notes_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_note_update", In: In{"note_id": "$n", "note": "Pilot in June"}}},
		Check:  func(w *World) { w.Want(1, "notes", In{"note": "Pilot in June"}); w.Want(1, "notes", In{}) },
	},
	{
		Name: "pin the newest price note", Text: "Pin the newest note on prices, and take the pin off the older one.",
		Seed: func(w *World) {
			firm(w)
			w.Make("old", "close_note_create", In{"lead_id": "$Acme", "note": "Price: 900 a month", "pinned": true, "activity_at": "2026-09-01T10:00:00Z"})
			w.Make("new", "close_note_create", In{"lead_id": "$Acme", "note": "Price: 850 a month", "activity_at": "2026-11-01T10:00:00Z"})
			w.Make("else", "close_note_create", In{"lead_id": "$Acme", "note": "Pilot in May", "pinned": true})
		},
		Oracle: []Step{
			{Tool: "close_notes_list", In: In{"lead_id": []any{"$Acme"}}},
			{Tool: "close_note_update", In: In{"note_id": "$new", "pinned": true}},
			{Tool: "close_note_update", In: In{"note_id": "$old", "pinned": false}},
		},
		Check: func(w *World) {
			w.Want(1, "notes", In{"id": "$new", "pinned": true})
			w.Want(1, "notes", In{"id": "$old", "pinned": false})
			w.Want(1, "notes", In{"id": "$else", "pinned": true})
		},
	},
}

var mails = []Task{
	{
		Name: "a draft", Text: "Prepare an offer to Ann. Don't send it.", Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "status": "draft"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"status": "draft", "to": []any{"ann@acme.example"}}) },
	},
	{
		Name: "send the draft", Text: "Send Ann the offer.", Sends: 1, Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_emails_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_email_update", In: In{"email_id": "$draft", "status": "outbox", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.message("Offer", "Hello Ann", "ann@acme.example") },
	},
	{
		Name: "write and send", Text: "Send Ann of Acme a mail with the subject Thanks and the text \"Thank you, Ann\".", Sends: 1, Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Thanks", "body_text": "Thank you, Ann", "status": "outbox", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.message("Thanks", "Thank you, Ann", "ann@acme.example") },
	},
	{
		Name: "change a draft", Text: "Change the subject of the offer to Better offer. Don't send it.", Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_email_update", In: In{"email_id": "$draft", "subject": "Better offer"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"subject": "Better offer", "status": "draft"}) },
	},
	{
		Name: "throw a draft away", Text: "Throw the offer away.", Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_email_delete", In: In{"email_id": "$draft"}}},
		Check:  func(w *World) { w.Want(0, "emails", In{}) },
	},
	{
		Name: "text that changes after the approval", Text: "Send Ann the offer that I have just read.", Seed: firmWithDraft, Guarded: true,
		Oracle: []Step{{Tool: "close_email_get", In: In{"email_id": "$draft"}}, {Tool: "close_email_update", In: In{"email_id": "$draft", "status": "outbox", "sender": "ada@example.com"}}},
		Meanwhile: func(w *World) {
			w.Colleague("close_email_update", In{"email_id": "$draft", "body_text": "Hello Ann, 90 percent off"})
		},
	},
	{
		Name: "call a scheduled mail back", Text: "Don't send the mail to Ann tonight; keep it as a draft.",
		Seed: func(w *World) {
			firm(w)
			w.Make("mail", "close_email_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "sender": "ada@example.com", "status": "scheduled", "date_scheduled": "2026-11-28T20:00:00Z"})
		},
		Oracle: []Step{{Tool: "close_emails_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_email_update", In: In{"email_id": "$mail", "status": "draft"}}},
		Check: func(w *World) {
			w.Want(1, "emails", In{"status": "draft"})
			w.Server.Advance(8 * time.Hour)
		},
	},
	{
		Name: "a contact who opted out", Text: "Text Ann that we are on the way, if she may be texted.",
		Seed: func(w *World) {
			firm(w)
			w.Make("stop", "close_sms_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "text": "STOP", "remote_phone": "+14155550100", "local_phone": "+14155550101", "status": "inbox"})
		},
		Oracle: []Step{{Tool: "close_sms_list", In: In{"lead_id": []any{"$Acme"}}}},
		Answer: []string{"STOP"},
	},
}

// incoming logs a mail that Acme sent, as mail.
func (w *World) incoming(subject, text string) {
	w.Make("mail", "close_email_create", In{"lead_id": "$Acme", "to": []any{"ada@example.com"}, "sender": "ann@acme.example", "subject": subject, "body_text": text, "status": "inbox", "activity_at": "2026-11-15T10:00:00Z"})
}

// message wants one message to have left, with the text that the rep saw.
func (w *World) message(subject, text, to string) {
	for _, m := range w.Server.Outbox() {
		if m.Subject == subject && m.Text == text && len(m.To) == 1 && m.To[0] == to && len(m.CC)+len(m.BCC) == 0 {
			return
		}
	}
	w.Fault("no message %q left for %s", subject, to)
}

func enrollment() In {
	return In{"sequence_id": "$welcome", "contact_id": "$Acme/1", "contact_email": "ann@acme.example", "sender_account_id": "$mailbox", "sender_name": "Ada", "sender_email": "ada@example.com"}
}

func firmOfThree(w *World) {
	w.Lead("Acme", "Ann <ann@acme.example>", "Bob <bob@acme.example>", "Cy <cy@acme.example>")
}

// enroll is the enrollment of one person of Acme.
func enroll(n int, who string) In {
	in := enrollment()
	in["contact_id"], in["contact_email"] = fmt.Sprintf("$Acme/%d", n), who+"@acme.example"
	return in
}

var sequences = []Task{
	{
		Name: "enroll", Text: "Put Ann of Acme into the welcome sequence, from Ada, ada@example.com.", Seed: firm,
		Oracle: []Step{{Tool: "close_sequences_list", In: In{}}, {Tool: "close_sequence_subscription_create", In: enrollment()}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"contact_id": "$Acme/1", "status": "active"}) },
	},
	{
		Name: "stop outreach", Text: "Stop writing to Ann.",
		Seed:   func(w *World) { firm(w); w.Make("sub", "close_sequence_subscription_create", enrollment()) },
		Oracle: []Step{{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$sub", "status": "paused"}}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"status": "paused"}) },
	},
	{
		Name: "resume outreach", Text: "Go on with the sequence for Ann.",
		Seed: func(w *World) {
			firm(w)
			w.Make("sub", "close_sequence_subscription_create", enrollment())
			w.call("close_sequence_subscription_update", In{"subscription_id": "$sub", "status": "paused"})
		},
		Oracle: []Step{{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$sub", "status": "active"}}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"status": "active"}) },
	},
	{
		Name: "enroll three", Text: "Put Ann, Bob and Cy of Acme into the welcome sequence, from Ada, ada@example.com.", Seed: firmOfThree, Questions: 1,
		Oracle: []Step{
			{Tool: "close_contacts_list", In: In{"lead_id": "$Acme"}},
			{Tool: "close_sequence_subscription_create", In: enroll(1, "ann")},
			{Tool: "close_sequence_subscription_create", In: enroll(2, "bob"), Also: true},
			{Tool: "close_sequence_subscription_create", In: enroll(3, "cy"), Also: true},
		},
		Check: func(w *World) {
			w.Want(3, "sequence_subscriptions", In{"status": "active", "sender_email": "ada@example.com"})
		},
	},
	{
		Name: "enroll three, one is in it", Text: "All three of Acme should get the welcome sequence from Ada, ada@example.com; some may have it already.",
		Seed: func(w *World) { firmOfThree(w); w.Make("sub", "close_sequence_subscription_create", enroll(2, "bob")) },
		Oracle: []Step{
			{Tool: "close_sequence_subscriptions_list", In: In{"lead_id": "$Acme"}},
			{Tool: "close_sequence_subscription_create", In: enroll(1, "ann")},
			{Tool: "close_sequence_subscription_create", In: enroll(3, "cy")},
		},
		Check: func(w *World) { w.Want(3, "sequence_subscriptions", In{"status": "active"}) },
	},
	{
		Name: "stop all outreach to a firm", Text: "Stop all sequences for Acme.",
		Seed: func(w *World) {
			firmOfThree(w)
			for i, who := range []string{"ann", "bob", "cy"} {
				w.Make(who, "close_sequence_subscription_create", enroll(i+1, who))
			}
			w.call("close_sequence_subscription_update", In{"subscription_id": "$cy", "status": "paused"})
			w.Lead("Beta", "Dee <dee@beta.example>")
			in := enroll(1, "dee")
			in["contact_id"], in["contact_email"] = "$Beta/1", "dee@beta.example"
			w.Make("dee", "close_sequence_subscription_create", in)
		},
		Oracle: []Step{
			{Tool: "close_sequence_subscriptions_list", In: In{"lead_id": "$Acme"}},
			{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$ann", "status": "paused"}},
			{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$bob", "status": "paused"}},
		},
		Check: func(w *World) {
			w.Want(3, "sequence_subscriptions", In{"status": "paused"})
			w.Want(1, "sequence_subscriptions", In{"status": "active", "id": "$dee"})
		},
	},
	{
		Name: "resume but not for those who replied", Text: "Go on with the sequences of Acme that one of us has paused, but not where a reply has stopped it.",
		Seed: func(w *World) {
			firmOfThree(w)
			w.Make("ann", "close_sequence_subscription_create", enroll(1, "ann"))
			w.call("close_sequence_subscription_update", In{"subscription_id": "$ann", "status": "paused"})
			stopped := enroll(2, "bob")
			stopped["status"], stopped["status_reason"], stopped["lead_id"] = "paused", "reply-received", "$Acme"
			w.Found("bob", "/sequence_subscription/", "sub_L05HA064GiIjHGb3CXlMaX", stopped)
			w.Make("cy", "close_sequence_subscription_create", enroll(3, "cy"))
		},
		Oracle: []Step{
			{Tool: "close_sequence_subscriptions_list", In: In{"lead_id": "$Acme"}},
			{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$ann", "status": "active"}},
		},
		Check: func(w *World) {
			w.Want(1, "sequence_subscriptions", In{"status": "active", "id": "$ann"})
			w.Want(1, "sequence_subscriptions", In{"status": "paused", "status_reason": "reply-received", "id": "$bob"})
		},
	},
}
