package agenttasks

func (w *World) draft(name string) {
	w.Make(name, "close_email_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "sender": "ada@example.com"})
}

func firmWithDraft(w *World) { firm(w); w.draft("draft") }

var logs = []Task{
	{
		Name: "a call of fourteen minutes", Text: "Log my call with Ann: fourteen minutes, she wants a pilot.", Touches: []string{"calls"}, Seed: firm,
		Oracle: []Step{{Tool: "close_call_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "duration": 840, "direction": "outbound", "note": "Wants a pilot"}}},
		Check:  func(w *World) { w.Want(1, "calls", In{"duration": 840, "contact_id": "$Acme/1"}) },
	},
	{
		Name: "note, task and stage", Text: "Met Acme. They sign next week; remind me on the 7th; move them to contract.", Touches: []string{"notes", "tasks", "opportunities"}, Seed: firmWithDeal,
		Oracle: []Step{
			{Tool: "close_note_create", In: In{"lead_id": "$Acme", "note": "Met them; they sign next week"}},
			{Tool: "close_task_create", In: In{"lead_id": "$Acme", "text": "Signed?", "date": "2026-12-07"}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Contract Sent"}},
		},
		Check: func(w *World) {
			w.Want(1, "notes", In{"lead_id": "$Acme"})
			w.Want(1, "tasks", In{"date": "2026-12-07"})
			w.Want(1, "opportunities", In{"status_id": "$Contract Sent"})
		},
	},
	{
		Name: "a mail from elsewhere", Text: "Log the mail that I sent Ann from my phone.", Touches: []string{"emails"}, Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "to": []any{"ann@acme.example"}, "subject": "Hello", "body_text": "From my phone", "status": "sent", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"status": "sent", "subject": "Hello"}) },
	},
	{
		Name: "change a note", Text: "The pilot is in June, not May.", Touches: []string{"notes"},
		Seed: func(w *World) {
			firm(w)
			w.Make("n", "close_note_create", In{"lead_id": "$Acme", "note": "Pilot in May"})
		},
		Oracle: []Step{{Tool: "close_notes_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_note_update", In: In{"note_id": "$n", "note": "Pilot in June"}}},
		Check:  func(w *World) { w.Want(1, "notes", In{"note": "Pilot in June"}); w.Want(1, "notes", In{}) },
	},
}

var mails = []Task{
	{
		Name: "a draft", Text: "Prepare an offer to Ann. Don't send it.", Touches: []string{"emails"}, Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "status": "draft"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"status": "draft", "to": []any{"ann@acme.example"}}) },
	},
	{
		Name: "send the draft", Text: "Send Ann the offer.", Touches: []string{"emails"}, Sends: 1, Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_emails_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_email_update", In: In{"email_id": "$draft", "status": "outbox", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.message("Offer", "Hello Ann", "ann@acme.example") },
	},
	{
		Name: "write and send", Text: "Thank Ann for the meeting.", Touches: []string{"emails"}, Sends: 1, Seed: firm,
		Oracle: []Step{{Tool: "close_email_create", In: In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Thanks", "body_text": "Thank you, Ann", "status": "outbox", "sender": "ada@example.com"}}},
		Check:  func(w *World) { w.message("Thanks", "Thank you, Ann", "ann@acme.example") },
	},
	{
		Name: "change a draft", Text: "Change the subject of the offer to Better offer. Don't send it.", Touches: []string{"emails"}, Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_email_update", In: In{"email_id": "$draft", "subject": "Better offer"}}},
		Check:  func(w *World) { w.Want(1, "emails", In{"subject": "Better offer", "status": "draft"}) },
	},
	{
		Name: "throw a draft away", Text: "Throw the offer away.", Touches: []string{"emails"}, Seed: firmWithDraft,
		Oracle: []Step{{Tool: "close_email_delete", In: In{"email_id": "$draft"}}},
		Check:  func(w *World) { w.Want(0, "emails", In{}) },
	},
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

var sequences = []Task{
	{
		Name: "enroll", Text: "Put Ann into the welcome sequence.", Touches: []string{"sequence_subscriptions"}, Seed: firm,
		Oracle: []Step{{Tool: "close_sequences_list", In: In{}}, {Tool: "close_sequence_subscription_create", In: enrollment()}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"contact_id": "$Acme/1", "status": "active"}) },
	},
	{
		Name: "stop outreach", Text: "Stop writing to Ann.", Touches: []string{"sequence_subscriptions"},
		Seed:   func(w *World) { firm(w); w.Make("sub", "close_sequence_subscription_create", enrollment()) },
		Oracle: []Step{{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$sub", "status": "paused"}}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"status": "paused"}) },
	},
	{
		Name: "resume outreach", Text: "Go on with the sequence for Ann.", Touches: []string{"sequence_subscriptions"},
		Seed: func(w *World) {
			firm(w)
			w.Make("sub", "close_sequence_subscription_create", enrollment())
			w.call("close_sequence_subscription_update", In{"subscription_id": "$sub", "status": "paused"})
		},
		Oracle: []Step{{Tool: "close_sequence_subscription_update", In: In{"subscription_id": "$sub", "status": "active"}}},
		Check:  func(w *World) { w.Want(1, "sequence_subscriptions", In{"status": "active"}) },
	},
}
