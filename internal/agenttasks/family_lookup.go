package agenttasks

var lookups = []Task{
	{
		Name: "website of a firm", Text: "Which website do we have for Northwind?", Idle: false,
		Seed: func(w *World) {
			w.Make("nw", "close_lead_create", In{"name": "Northwind", "url": "https://northwind.example"})
			w.Lead("Southwind")
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Northwind"}}, {Tool: "close_lead_get", In: In{"lead_id": "$nw"}}},
		Answer: []string{"northwind.example"},
	},
	{
		Name: "who is at a firm", Text: "Who do we know at Acme?",
		Seed: func(w *World) {
			w.Lead("Acme", "Ann Lee <ann@acme.example>", "Bob Ray <bob@acme.example>")
			w.Lead("Beta", "Cy <cy@beta.example>")
		},
		Oracle: []Step{{Tool: "close_contacts_list", In: In{"lead_id": "$Acme"}}},
		Answer: []string{"Ann Lee", "Bob Ray"},
	},
	{
		Name: "last note", Text: "What did we last write down about Acme?",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("n", "close_note_create", In{"lead_id": "$Acme", "note": "They want a pilot in May"})
		},
		Oracle: []Step{{Tool: "close_notes_list", In: In{"lead_id": []any{"$Acme"}}}},
		Answer: []string{"pilot in May"},
	},
	{
		Name: "size of a deal", Text: "How big is the deal with Acme?",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("deal", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": 1234500, "value_period": "annual"})
		},
		Oracle: []Step{{Tool: "close_opportunities_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}},
		Answer: []string{"1234500"},
	},
	{
		Name: "known address", Text: "Is dana@beta.example known to us?",
		Seed: func(w *World) {
			w.Lead("Acme", "Ann <ann@acme.example>")
			w.Lead("Beta", "Dana Roe <dana@beta.example>")
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "dana@beta.example"}}},
		Answer: []string{"Dana Roe"},
	},
}

var counts = []Task{
	{
		Name: "open tasks of a firm", Text: "What is still to do for Acme?",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("a", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann"})
			w.Make("b", "close_task_create", In{"lead_id": "$Acme", "text": "Send price list"})
		},
		Oracle: []Step{{Tool: "close_tasks_list", In: In{"lead_id": "$Acme", "is_complete": false}}},
		Answer: []string{"Call Ann", "Send price list"},
	},
	{
		Name: "all leads over two pages", Text: "Name all our leads.",
		Seed: func(w *World) {
			for _, n := range []string{"Alpha", "Bravo", "Charlie", "Delta", "Echo"} {
				w.Lead(n)
			}
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"_limit": 3}}, {Tool: "close_leads_list", In: In{"_limit": 3, "_skip": 3}}},
		Answer: []string{"Alpha", "Bravo", "Charlie", "Delta", "Echo"},
	},
	{
		Name: "stages of the pipeline", Text: "Which stages do our deals go through?",
		Oracle: []Step{{Tool: "close_pipelines_list", In: In{}}}, Answer: []string{"Proposal Sent", "Contract Sent"},
	},
}
