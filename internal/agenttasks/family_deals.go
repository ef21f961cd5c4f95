package agenttasks

import (
	"strings"
	"time"
)

func (w *World) deal(name, lead string, cents int) {
	w.Make(name, "close_opportunity_create", In{"lead_id": "$" + lead, "status_id": "$Proposal Sent", "value": cents, "value_period": "one_time"})
}

func firm(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") }

func firmWithDeal(w *World) { firm(w); w.deal("deal", "Acme", 100000) }

var deals = []Task{
	{
		Name: "twelve thousand a year", Text: "New deal with Acme at Proposal Sent: 12,000 dollars a year, forty percent.", Seed: firm,
		Oracle: []Step{{Tool: "close_pipelines_list", In: In{}}, {Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": 1200000, "value_period": "annual", "confidence": 40}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 1200000, "value_period": "annual", "confidence": 40})
			w.Want(1, "opportunities", In{})
		},
	},
	{
		Name: "850.50 a month", Text: "Another deal with Acme, at Contract Sent: 850.50 dollars a month.", Seed: firm,
		Oracle: []Step{{Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Contract Sent", "value": 85050, "value_period": "monthly"}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 85050, "value_period": "monthly", "status_id": "$Contract Sent"})
		},
	},
	{
		Name: "ten percent more", Text: "Raise every open deal of Ben by ten percent, in whole cents.",
		Seed: func(w *World) {
			firm(w)
			for i, cents := range []int{100000, 33333} {
				w.Make([]string{"a", "b"}[i], "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": cents, "value_period": "one_time", "user_id": "$ben"})
			}
			w.Make("won", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Won", "value": 50000, "value_period": "one_time", "user_id": "$ben"})
			w.deal("mine", "Acme", 5000)
		},
		Oracle: []Step{
			{Tool: "close_opportunities_list", In: In{"user_id": "$ben", "status_type": "active"}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$a", "value": 110000}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$b", "value": 36666}},
		},
		Check: func(w *World) {
			for _, cents := range []int{110000, 36666, 50000, 5000} {
				w.Want(1, "opportunities", In{"value": cents})
			}
		},
	},
	{
		Name: "cents in a list, dollars in a mail", Text: "The billing list says 125000 cents for the license, Ann's mail 980 dollars for support. One deal each with Acme at Proposal Sent, one-time.", Seed: firm,
		Oracle: []Step{
			{Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": 125000, "value_period": "one_time", "note": "License"}},
			{Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": 98000, "value_period": "one_time", "note": "Support"}},
		},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"value": 125000})
			w.Want(1, "opportunities", In{"value": 98000})
		},
	},
	{
		Name: "deal in another pipeline", Text: "Open a renewal with Acme over 3,000 dollars a year, at To renew in its pipeline.",
		Seed: func(w *World) {
			w.Fill(`{"pipelines": [{"name": "Renewals", "statuses": [{"label": "To renew", "type": "active"}, {"label": "Renewed", "type": "won"}]}]}`)
			firm(w)
		},
		Oracle: []Step{
			{Tool: "close_pipelines_list", In: In{}},
			{Tool: "close_opportunity_create", In: In{"lead_id": "$Acme", "status_id": "$To renew", "value": 300000, "value_period": "annual"}},
		},
		Check: func(w *World) { w.Want(1, "opportunities", In{"status_id": "$To renew", "pipeline_name": "Renewals"}) },
	},
	{
		Name: "confidence", Text: "We are at 80 percent with Acme.", Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "confidence": 80}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"confidence": 80, "value": 100000}) },
	},
	{
		Name: "note on a deal", Text: "Write on the deal that legal is reading it.", Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "note": "Legal is reading it"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"note": "Legal is reading it"}) },
	},
}

var stages = []Task{
	{
		Name: "won", Text: "We won Acme!", Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_pipelines_list", In: In{}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Won"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "won"}) },
	},
	{
		Name: "lost and kept", Text: "Acme went to a competitor. Keep it for the reports.", Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Lost"}}},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"status_type": "lost"})
			w.Want(1, "opportunities", In{})
		},
	},
	{
		Name: "reopened", Text: "The deal with Acme that we had won is open again; put it back to Proposal Sent without a closing date.",
		Seed: func(w *World) {
			firm(w)
			w.Make("deal", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Won", "value": 5000, "date_won": "2026-11-20"})
		},
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Proposal Sent", "date_won": nil}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "active", "date_won": nil}) },
	},
	{
		Name: "stage of two deals", Text: "Both deals with Acme are at Contract Sent.", Seed: func(w *World) { firmWithDeal(w); w.deal("other", "Acme", 5000) },
		Oracle: []Step{{Tool: "close_opportunities_list", In: In{"lead_id": "$Acme"}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Contract Sent"}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$other", "status_id": "$Contract Sent"}}},
		Check:  func(w *World) { w.Want(2, "opportunities", In{"status_id": "$Contract Sent"}) },
	},
	{
		Name: "won near midnight", Text: "We won Acme today. (The rep is in Los Angeles, where it is 23:30 on November 28.)",
		Seed: func(w *World) {
			firmWithDeal(w)
			w.Server.Advance(15*time.Hour + 30*time.Minute)
		},
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Won", "date_won": "2026-11-28"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "won", "date_won": "2026-11-28"}) },
	},
	{
		Name: "a stage that goes away", Text: "Proposal Sent goes away. Move its deals to Contract Sent, except those above 10,000 dollars.",
		Seed: func(w *World) {
			firm(w)
			w.deal("a", "Acme", 500000)
			w.deal("b", "Acme", 1500000)
			w.deal("c", "Acme", 1000000)
			w.Make("w", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Won", "value": 2000})
		},
		Oracle: []Step{
			{Tool: "close_opportunities_list", In: In{"status_id": "$Proposal Sent"}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$a", "status_id": "$Contract Sent"}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$c", "status_id": "$Contract Sent"}},
		},
		Check: func(w *World) {
			w.Want(2, "opportunities", In{"status_id": "$Contract Sent"})
			w.Want(1, "opportunities", In{"status_id": "$Proposal Sent", "value": 1500000})
		},
	},
	{
		Name: "asked to delete a lost deal", Text: "Acme said no. Get the deal out of my pipeline; the reports must keep it.", Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "status_id": "$Lost"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"status_type": "lost", "value": 100000}) },
	},
}

var eight = []string{"Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel"}

func priceLists() []Step {
	steps := []Step{{Tool: "close_leads_list", In: In{}}}
	for _, n := range eight {
		steps = append(steps, Step{Tool: "close_task_create", In: In{"lead_id": "$" + n, "text": "Send price list", "date": "2026-11-30"}})
	}
	return steps
}

var followUps = []Task{
	{
		Name: "a follow-up each", Text: "A follow-up tomorrow for the open deals over 10,000.",
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
		Name: "eight follow-ups", Text: "A task for Monday, Send price list, for each of our eight leads.",
		Seed: func(w *World) {
			for _, n := range eight {
				w.Lead(n)
			}
		},
		Oracle: priceLists(),
		Check:  func(w *World) { w.Want(8, "tasks", In{"date": "2026-11-30"}) },
	},
	{
		Name: "done", Text: "I have called Ann.",
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
		Name: "a week later", Text: "Push the call with Ann by a week.",
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann", "date": "2026-12-01"})
		},
		Oracle: []Step{{Tool: "close_task_update", In: In{"task_id": "$t", "date": "2026-12-08"}}},
		Check:  func(w *World) { w.Want(1, "tasks", In{"date": "2026-12-08", "text": "Call Ann"}) },
	},
	{
		Name: "delete a task", Text: "The call with Ann is not needed any more; delete it.",
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann"})
			w.Make("u", "close_task_create", In{"lead_id": "$Acme", "text": "Mail Ann"})
		},
		Oracle: []Step{{Tool: "close_task_delete", In: In{"task_id": "$t"}}},
		Check:  func(w *World) { w.Want(1, "tasks", In{}); w.Want(1, "tasks", In{"id": "$u"}) },
	},
	{
		Name: "a follow-up each, again", Text: "The run for follow-ups tomorrow broke off. Make those that are missing for the open deals.",
		Seed: func(w *World) {
			for _, n := range []string{"Acme", "Beta", "Gamma", "Delta", "Zeta"} {
				w.Lead(n)
				w.deal("deal "+n, n, 2000000)
				if n != "Zeta" {
					w.Make("", "close_task_create", In{"lead_id": "$" + n, "text": "Follow up", "date": "2026-11-29"})
				}
			}
		},
		Oracle: []Step{
			{Tool: "close_opportunities_list", In: In{"status_type": "active"}},
			{Tool: "close_tasks_list", In: In{"date": "2026-11-29"}},
			{Tool: "close_task_create", In: In{"lead_id": "$Zeta", "text": "Follow up", "date": "2026-11-29"}},
		},
		Check: func(w *World) {
			w.Want(5, "tasks", In{"date": "2026-11-29"})
			w.Want(1, "tasks", In{"lead_id": "$Zeta"})
		},
	},
	{
		Name: "no answer for two weeks", Text: "A follow-up on Monday for each contact whose mail is older than 14 days. Read all pages.",
		Seed: func(w *World) {
			for i, day := range []string{"2026-11-01", "2026-11-20", "2026-11-05", "2026-11-25", "2026-11-10"} {
				name := string(rune('A' + i))
				w.Lead(name, "Pat <pat@"+strings.ToLower(name)+".example>")
				w.Make("", "close_email_create", In{"lead_id": "$" + name, "to": []any{"pat@" + strings.ToLower(name) + ".example"}, "subject": "Offer " + name, "body_text": "Hello", "status": "sent", "sender": "ada@example.com", "activity_at": day + "T10:00:00Z"})
			}
		},
		Oracle: append(pages("close_emails_list", In{}, 3, 2),
			Step{Tool: "close_task_create", In: In{"lead_id": "$A", "text": "Ask again", "date": "2026-11-30"}},
			Step{Tool: "close_task_create", In: In{"lead_id": "$C", "text": "Ask again", "date": "2026-11-30"}},
			Step{Tool: "close_task_create", In: In{"lead_id": "$E", "text": "Ask again", "date": "2026-11-30"}}),
		Check: func(w *World) { w.Want(3, "tasks", In{"date": "2026-11-30"}); w.Want(0, "tasks", In{"lead_id": "$B"}) },
	},
	{
		Name: "a call in the customer's zone", Text: "Plan a call with Ann for Tuesday at 3 pm; she is in Berlin.",
		Seed:   firm,
		Oracle: []Step{{Tool: "close_task_create", In: In{"_type": "outgoing_call", "lead_id": "$Acme", "contact_id": "$Acme/1", "date": "2026-12-01T15:00:00+01:00"}}},
		Check:  func(w *World) { w.Want(1, "tasks", In{"_type": "outgoing_call", "contact_id": "$Acme/1"}) },
	},
	{
		Name: "overdue tasks a week later", Text: "Push my overdue tasks by a week, but not those of our key account Acme.",
		Seed: func(w *World) {
			for _, n := range []string{"Acme", "Beta", "Gamma", "Delta"} {
				w.Lead(n)
				day := "2026-11-20"
				if n == "Delta" {
					day = "2026-12-20"
				}
				w.Make("task "+n, "close_task_create", In{"lead_id": "$" + n, "text": "Call", "date": day})
			}
		},
		Oracle: []Step{
			{Tool: "close_tasks_list", In: In{"is_complete": false, "due_date__lt": "2026-11-28"}},
			{Tool: "close_task_update", In: In{"task_id": "$task Beta", "date": "2026-11-27"}},
			{Tool: "close_task_update", In: In{"task_id": "$task Gamma", "date": "2026-11-27"}},
		},
		Check: func(w *World) {
			w.Want(2, "tasks", In{"date": "2026-11-27"})
			w.Want(1, "tasks", In{"date": "2026-11-20"})
		},
	},
	{
		Name: "three tasks done", Text: "I have done everything for Acme: both of my tasks, and the follow-up of my mail.",
		Seed: func(w *World) {
			firm(w)
			w.Make("t", "close_task_create", In{"lead_id": "$Acme", "text": "Call Ann"})
			w.Make("u", "close_task_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "_type": "outgoing_call"})
			w.Make("mail", "close_email_create", In{"lead_id": "$Acme", "contact_id": "$Acme/1", "to": []any{"ann@acme.example"}, "subject": "Offer", "body_text": "Hello Ann", "status": "sent", "sender": "ada@example.com", "followup_date": "2026-11-30T10:00:00Z"})
			for _, o := range w.Server.Objects("tasks") {
				if o["_type"] == "email_followup" {
					w.IDs["v"] = o["id"].(string)
				}
			}
		},
		Oracle: []Step{
			{Tool: "close_tasks_list", In: In{"lead_id": "$Acme", "is_complete": false}},
			{Tool: "close_task_update", In: In{"task_id": "$t", "is_complete": true}},
			{Tool: "close_task_update", In: In{"task_id": "$u", "is_complete": true}},
			{Tool: "close_task_update", In: In{"task_id": "$v", "is_complete": true}},
		},
		Check: func(w *World) { w.Want(3, "tasks", In{"is_complete": true}) },
	},
}
