package agenttasks

var cleanups = []Task{
	{
		Name: "merge two records of a firm", Text: "Acme is there twice. Merge the small one into the big one.", Touches: []string{"leads", "contacts", "notes"},
		Seed:   func(w *World) { firm(w); w.Lead("Acme Inc", "Bob <bob@acme.example>") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}, {Tool: "close_lead_merge", In: In{"source": "$Acme Inc", "destination": "$Acme"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{}); w.Want(2, "contacts", In{"lead_id": "$Acme"}) },
	},
	{
		Name: "delete test leads", Text: "Delete the leads named Test 1 and Test 2.", Touches: []string{"leads"},
		Seed:   func(w *World) { w.Lead("Test 1"); w.Lead("Test 2"); w.Lead("Testarossa") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{}}, {Tool: "close_lead_delete", In: In{"lead_id": "$Test 1"}}, {Tool: "close_lead_delete", In: In{"lead_id": "$Test 2"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{}); w.Want(1, "leads", In{"name": "Testarossa"}) },
	},
	{
		Name: "rename a firm", Text: "Acme is called Acme Group now.", Touches: []string{"leads", "contacts", "opportunities"}, Seed: firm,
		Oracle: []Step{{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "name": "Acme Group"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"name": "Acme Group"}) },
	},
	{
		Name: "status of a firm", Text: "Acme is a customer.", Touches: []string{"leads"}, Seed: firm,
		Oracle: []Step{{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "status_id": "$lead Customer"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"status_id": "$lead Customer"}) },
	},
	{
		Name: "delete a wrong note", Text: "Delete the note about May.", Touches: []string{"notes"},
		Seed: func(w *World) {
			firm(w)
			w.Make("n", "close_note_create", In{"lead_id": "$Acme", "note": "Pilot in May"})
			w.Make("m", "close_note_create", In{"lead_id": "$Acme", "note": "Pilot in June"})
		},
		Oracle: []Step{{Tool: "close_notes_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_note_delete", In: In{"note_id": "$n"}}},
		Check:  func(w *World) { w.Want(1, "notes", In{"note": "Pilot in June"}); w.Want(1, "notes", In{}) },
	},
}

var fields = []Task{
	{
		Name: "a new field", Text: "We need a number field Seats on leads.", Touches: []string{"custom_fields_lead"},
		Oracle: []Step{{Tool: "close_custom_fields_lead_list", In: In{}}, {Tool: "close_custom_field_lead_create", In: In{"name": "Seats", "type": "number"}}},
		Check:  func(w *World) { w.Want(1, "custom_fields_lead", In{"name": "Seats"}) },
	},
	{
		Name: "a value", Text: "Acme is gold.", Touches: []string{"leads"},
		Seed: func(w *World) {
			firm(w)
			w.Make("tier", "close_custom_field_lead_create", In{"name": "Tier", "type": "choices", "choices": []any{"Gold", "Silver"}})
		},
		Oracle: []Step{{Tool: "close_custom_fields_lead_list", In: In{}}, {Tool: "close_lead_update", In: In{"lead_id": "$Acme", "custom_fields": In{"$tier": "Gold"}}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"custom." + w.IDs["tier"]: "Gold"}) },
	},
	{
		Name: "one more choice", Text: "Add Bronze to the tiers.", Touches: []string{"custom_fields_lead"},
		Seed: func(w *World) {
			w.Make("tier", "close_custom_field_lead_create", In{"name": "Tier", "type": "choices", "choices": []any{"Gold", "Silver"}})
		},
		Oracle: []Step{{Tool: "close_custom_field_lead_update", In: In{"custom_field_id": "$tier", "choices": []any{"Gold", "Silver", "Bronze"}}}},
		Check:  func(w *World) { w.Want(1, "custom_fields_lead", In{"choices": []any{"Gold", "Silver", "Bronze"}}) },
	},
	{
		Name: "a webhook", Text: "Tell https://hooks.example/won about new leads.", Touches: []string{"webhooks"},
		Oracle: []Step{{Tool: "close_webhook_create", In: In{"url": "https://hooks.example/won", "events": []any{In{"object_type": "lead", "action": "created"}}}}},
		Check:  func(w *World) { w.Want(1, "webhooks", In{"url": "https://hooks.example/won"}) },
	},
	{
		Name: "a pipeline", Text: "Make a pipeline Renewals.", Touches: []string{"pipelines"},
		Oracle: []Step{{Tool: "close_pipeline_create", In: In{"name": "Renewals"}}},
		Check:  func(w *World) { w.Want(1, "pipelines", In{"name": "Renewals"}) },
	},
}

var unclear = []Task{
	{
		Name: "two people of one name", Text: "Update the number of Ann.", Idle: true,
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>"); w.Lead("Beta", "Ann <ann@beta.example>") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Ann"}}},
	},
	{
		Name: "already as wished", Text: "Make Acme a customer.", Idle: true,
		Seed:   func(w *World) { w.Make("Acme", "close_lead_create", In{"name": "Acme", "status_id": "$lead Customer"}) },
		Oracle: []Step{{Tool: "close_lead_get", In: In{"lead_id": "$Acme"}}},
	},
	{
		Name: "firms that only sound alike", Text: "Merge Acme and Acme Bakery if they are the same.", Idle: true,
		Seed: func(w *World) {
			w.Lead("Acme", "Ann <ann@acme.example>")
			w.Lead("Acme Bakery", "Tim <tim@bakery.example>")
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}},
	},
}
