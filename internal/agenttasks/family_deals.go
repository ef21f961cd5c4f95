package agenttasks

func (w *World) deal(name, lead string, cents int) {
	w.Make(name, "close_opportunity_create", In{"lead_id": "$" + lead, "status_id": "$Proposal Sent", "value": cents, "value_period": "one_time"})
}

func firm(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") }

func firmWithDeal(w *World) { firm(w); w.deal("deal", "Acme", 100000) }

var deals = []Task{
	{
		Name: "twelve thousand a year", Text: "New deal with Acme: 12,000 dollars a year, forty percent.", Touches: []string{"opportunities"}, Seed: firm,
		Oracle: []Step{{Tool: "close_pipelines_list", In: In{}}, {Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": 1200000, "value_period": "annual", "confidence": 40}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 1200000, "value_period": "annual", "confidence": 40})
			w.Want(1, "opportunities", In{})
		},
	},
	{
		Name: "850.50 a month", Text: "And 850.50 a month with Acme.", Touches: []string{"opportunities"}, Seed: firm,
		Oracle: []Step{{Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Contract Sent", "value": 85050, "value_period": "monthly"}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 85050, "value_period": "monthly", "status_id": "$Contract Sent"})
		},
	},
	{
		Name: "ten percent more", Text: "Raise the deal with Acme by ten percent.", Touches: []string{"opportunities"}, Seed: func(w *World) { firmWithDeal(w); w.deal("other", "Acme", 5000) },
		Oracle: []Step{{Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "value": 110000}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 110000})
			w.Want(1, "opportunities", In{"value": 5000})
		},
	},
	{
		Name: "confidence", Text: "We are at 80 percent with Acme.", Touches: []string{"opportunities"}, Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "confidence": 80}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"confidence": 80, "value": 100000}) },
	},
	{
		Name: "note on a deal", Text: "Write on the deal that legal is reading it.", Touches: []string{"opportunities"}, Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "note": "Legal is reading it"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"note": "Legal is reading it"}) },
	},
}

var stages = []Task{
	{
		Name: "won", Text: "We won Acme!", Touches: []string{"opportunities"}, Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_pipelines_list", In: In{}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Won"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "won"}) },
	},
	{
		Name: "lost and kept", Text: "Acme went to a competitor. Keep it for the reports.", Touches: []string{"opportunities"}, Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Lost"}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"status_type": "lost"})
			w.Want(1, "opportunities", In{})
		},
	},
	{
		Name: "reopened", Text: "Acme is on again.", Touches: []string{"opportunities"},
		Seed: func(w *World) {
			firm(w)
			w.Make("deal", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Lost", "value": 5000})
		},
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Proposal Sent"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "active"}) },
	},
	{
		Name: "stage of two deals", Text: "Both deals with Acme are at contract.", Touches: []string{"opportunities"}, Seed: func(w *World) { firmWithDeal(w); w.deal("other", "Acme", 5000) },
		Oracle: []Step{{Tool: "close_opportunities_list", In: In{"lead_id": []any{"$Acme"}}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Contract Sent"}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$other", "status_id": "$Contract Sent"}}},
		Check:  func(w *World) { w.Want(2, "opportunities", In{"status_id": "$Contract Sent"}) },
	},
}

var followUps = []Task{
	{
		Name: "a follow-up each", Text: "A follow-up tomorrow for the open deals over 10,000.", Touches: []string{"tasks"},
		Seed: func(w *World) {
			for _, n := range []string{"Acme", "Beta", "Gamma"} {
				w.Lead(n)
			}
			w.deal("a", "Acme", 2000000)
			w.deal("b", "Beta", 900000)
			w.deal("c", "Gamma", 1500000)
		},
		Oracle: []Step{
			{Tool: "close_opportunities_list", In: In{"status_type": []any{"active"}}},
			{Tool: "close_task_create", In: In{"lead_id": "$Acme", "text": "Follow up", "date": "2026-11-29"}},
			{Tool: "close_task_create", In: In{"lead_id": "$Gamma", "text": "Follow up", "date": "2026-11-29"}},
		},
		Check: func(w *World) {
			w.Want(1, "tasks", In{"lead_id": "$Acme", "date": "2026-11-29"})
			w.Want(1, "tasks", In{"lead_id": "$Gamma", "date": "2026-11-29"})
			w.Want(2, "tasks", In{})
		},
	},
	{
		Name: "done", Text: "I have called Ann.", Touches: []string{"tasks"},
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann"})
			w.Make("u", "close_task_create", In{"lead_id": "$Acme", "text": "Mail Ann"})
		},
		Oracle: []Step{{Tool: "close_tasks_list", In: In{"lead_id": "$Acme"}}, {Tool: "close_task_update", In: In{"task_id": "$t", "is_complete": true}}},
		Check: func(w *World) {
			w.Want(1, "tasks", In{"is_complete": true, "id": "$t"})
			w.Want(1, "tasks", In{"is_complete": false, "id": "$u"})
		},
	},
	{
		Name: "a week later", Text: "Push the call with Ann by a week.", Touches: []string{"tasks"},
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann", "date": "2026-12-01"})
		},
		Oracle: []Step{{Tool: "close_task_update", In: In{"task_id": "$t", "date": "2026-12-08"}}},
		Check:  func(w *World) { w.Want(1, "tasks", In{"date": "2026-12-08", "text": "Call Ann"}) },
	},
	{
		Name: "delete a task", Text: "The call with Ann is not needed any more; delete it.", Touches: []string{"tasks"},
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann"})
			w.Make("u", "close_task_create", In{"lead_id": "$Acme", "text": "Mail Ann"})
		},
		Oracle: []Step{{Tool: "close_task_delete", In: In{"task_id": "$t"}}},
		Check:  func(w *World) { w.Want(1, "tasks", In{}); w.Want(1, "tasks", In{"id": "$u"}) },
	},
}
