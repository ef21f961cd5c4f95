package agenttasks

func card(name, mail string) In {
	return In{"name": name, "emails": []any{In{"email": mail, "type": "office"}}}
}

var additions = []Task{
	{
		Name: "firm from a business card", Text: "Add Globex with its buyer Ann Lee, ann@globex.example.", Touches: []string{"leads", "contacts"},
		Oracle: []Step{{Tool: "close_lead_create", In: In{"name": "Globex", "contacts": []any{card("Ann Lee", "ann@globex.example")}}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"name": "Globex"}); w.Want(1, "contacts", In{"name": "Ann Lee"}) },
	},
	{
		Name: "person for a known firm", Text: "Add Bo Diaz to Acme.", Touches: []string{"contacts"},
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}, {Tool: "close_contact_create", In: In{"lead_id": "$Acme", "name": "Bo Diaz"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"name": "Bo Diaz", "lead_id": "$Acme"})
			w.Want(1, "leads", In{})
		},
	},
	{
		Name: "three rows, one known", Text: "Import Hooli, Initech and Acme; we may have some.", Touches: []string{"leads"},
		Seed:   func(w *World) { w.Lead("Acme") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{}}, {Tool: "close_lead_create", In: In{"name": "Hooli"}}, {Tool: "close_lead_create", In: In{"name": "Initech"}}},
		Check: func(w *World) {
			w.Want(3, "leads", In{})
			w.Want(1, "leads", In{"name": "Acme"})
			w.Want(1, "leads", In{"name": "Hooli"})
		},
	},
	{
		Name: "firm with a status", Text: "Add Umbrella as a qualified lead.", Touches: []string{"leads"},
		Oracle: []Step{{Tool: "close_lead_create", In: In{"name": "Umbrella", "status_id": "$lead Qualified"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"name": "Umbrella", "status_id": "$lead Qualified"}) },
	},
}

var people = []Task{
	{
		Name: "second address", Text: "Ann has a private address too: ann@home.example.", Touches: []string{"contacts"},
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_get", In: In{"contact_id": "$Acme/1"}}, {Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "emails": []any{In{"email": "ann@acme.example", "type": "office"}, In{"email": "ann@home.example", "type": "home"}}}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"id": "$Acme/1", "emails": []any{In{"email": "ann@acme.example", "type": "office", "is_unsubscribed": false}, In{"email": "ann@home.example", "type": "home", "is_unsubscribed": false}}})
		},
	},
	{
		Name: "job title", Text: "Ann is CFO now.", Touches: []string{"contacts"},
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>", "Anna <anna@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "title": "CFO"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"title": "CFO", "id": "$Acme/1"})
			w.Want(1, "contacts", In{"title": "CFO"})
		},
	},
	{
		Name: "rename", Text: "It is Maria Lopez, not Maria Lopes.", Touches: []string{"contacts"},
		Seed:   func(w *World) { w.Lead("Acme", "Maria Lopes <maria@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "name": "Maria Lopez"}}},
		Check:  func(w *World) { w.Want(1, "contacts", In{"name": "Maria Lopez", "id": "$Acme/1"}) },
	},
	{
		Name: "person who left", Text: "Delete Bob at Acme.", Touches: []string{"contacts"},
		Seed: func(w *World) {
			w.Lead("Acme", "Ann <ann@acme.example>", "Bob <bob@acme.example>")
			w.Lead("Beta", "Bob <bob@beta.example>")
		},
		Oracle: []Step{{Tool: "close_contact_get", In: In{"contact_id": "$Acme/2"}}, {Tool: "close_contact_delete", In: In{"contact_id": "$Acme/2"}}},
		Check:  func(w *World) { w.Want(1, "contacts", In{"name": "Bob"}); w.Want(0, "contacts", In{"id": "$Acme/2"}) },
	},
}

var handovers = []Task{
	{
		Name: "open task to a colleague", Text: "Ben takes over the call with Ann.", Touches: []string{"tasks"},
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("a", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann", "assigned_to": "$ada"})
			w.Make("b", "close_task_create", In{"lead_id": "$Acme", "text": "Mail Ann", "assigned_to": "$ada"})
		},
		Oracle: []Step{{Tool: "close_tasks_list", In: In{"lead_id": "$Acme"}}, {Tool: "close_task_update", In: In{"task_id": "$a", "assigned_to": "$ben"}}},
		Check: func(w *World) {
			w.Want(1, "tasks", In{"assigned_to": "$ben"})
			w.Want(1, "tasks", In{"assigned_to": "$ada"})
		},
	},
	{
		Name: "deal to a colleague", Text: "Give the deal with Acme to Ben.", Touches: []string{"opportunities"},
		Seed:   func(w *World) { w.Lead("Acme"); w.deal("deal", "Acme", 100000) },
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "user_id": "$ben"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"id": "$deal", "user_id": "$ben", "value": 100000}) },
	},
	{
		Name: "person to another firm", Text: "Tom works for Beta now.", Touches: []string{"contacts"},
		Seed:   func(w *World) { w.Lead("Acme", "Tom <tom@acme.example>", "Ann <ann@acme.example>"); w.Lead("Beta") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "lead_id": "$Beta"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"id": "$Acme/1", "lead_id": "$Beta"})
			w.Want(2, "contacts", In{})
		},
	},
}
