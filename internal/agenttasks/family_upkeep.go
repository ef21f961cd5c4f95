package agenttasks

import (
	"fmt"
	"strings"

	"github.com/closekit/closekit/emulator"
)

// tier makes a field Tier.
func (w *World) tier(object string) {
	w.Make(object+" tier", "close_custom_field_"+object+"_create", In{"name": "Tier", "type": "choices", "choices": []any{"Gold", "Silver"}})
}

var cleanups = []Task{
	{
		Name: "merge two records of a firm", Text: "Acme is there twice. Merge the small one into the big one.",
		Seed: func(w *World) {
			firmWithDeal(w)
			w.Lead("Acme Inc", "Bob <bob@acme.example>")
			w.Make("n", "close_note_create", In{"lead_id": "$Acme Inc", "note": "Met Bob"})
			w.Lead("Acme Bakery")
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}, {Tool: "close_lead_merge", In: In{"source": "$Acme Inc", "destination": "$Acme"}}},
		Check: func(w *World) {
			w.Want(2, "leads", In{})
			w.Want(2, "contacts", In{"lead_id": "$Acme"})
			w.Want(1, "notes", In{"lead_id": "$Acme"})
		},
	},
	{
		Name: "delete test leads", Text: "Delete the leads Test 1 to Test 5.",
		Seed: func(w *World) {
			for _, n := range []string{"Test 1", "Test 2", "Test 3", "Test 4", "Test 5", "Testarossa", "Contest 1"} {
				w.Lead(n)
			}
		},
		Oracle: []Step{
			{Tool: "close_leads_list", In: In{}},
			{Tool: "close_lead_delete", In: In{"lead_id": "$Test 1"}},
			{Tool: "close_lead_delete", In: In{"lead_id": "$Test 2"}},
			{Tool: "close_lead_delete", In: In{"lead_id": "$Test 3"}},
			{Tool: "close_lead_delete", In: In{"lead_id": "$Test 4"}},
			{Tool: "close_lead_delete", In: In{"lead_id": "$Test 5"}},
		},
		Check: func(w *World) { w.Want(2, "leads", In{}) },
	},
	{
		Name: "rename a firm", Text: "Acme is called Acme Group now.", Seed: firm,
		Oracle: []Step{{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "name": "Acme Group"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"name": "Acme Group"}) },
	},
	{
		Name: "status of a firm", Text: "Acme is a customer.", Seed: firm,
		Oracle: []Step{{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "status_id": "$lead Customer"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"status_id": "$lead Customer"}) },
	},
	{
		Name: "delete a wrong note", Text: "Delete the note about May.",
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
		Name: "a new field", Text: "We need a number field Seats on leads.",
		Oracle: []Step{{Tool: "close_custom_fields_lead_list", In: In{}}, {Tool: "close_custom_field_lead_create", In: In{"name": "Seats", "type": "number"}}},
		Check:  func(w *World) { w.Want(1, "custom_fields_lead", In{"name": "Seats"}) },
	},
	{
		Name: "a value", Text: "Acme is gold.",
		Seed: func(w *World) {
			firm(w)
			w.Make("tier", "close_custom_field_lead_create", In{"name": "Tier", "type": "choices", "choices": []any{"Gold", "Silver"}})
		},
		Oracle: []Step{{Tool: "close_custom_fields_lead_list", In: In{}}, {Tool: "close_lead_update", In: In{"lead_id": "$Acme", "custom_fields": In{"$tier": "Gold"}}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"custom." + w.IDs["tier"]: "Gold"}) },
	},
	{
		Name: "a value that is no choice yet", Text: "Acme is Bronze. Add that to the tiers if we don't have it.", Seed: func(w *World) { firm(w); w.tier("lead") },
		Oracle: []Step{
			{Tool: "close_custom_fields_lead_list", In: In{}},
			{Tool: "close_custom_field_lead_update", In: In{"custom_field_id": "$lead tier", "choices": []any{"Gold", "Silver", "Bronze"}}},
			{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "custom_fields": In{"$lead tier": "Bronze"}}},
		},
		Check: func(w *World) {
			w.Want(1, "custom_fields_lead", In{"choices": []any{"Gold", "Silver", "Bronze"}})
			w.Want(1, "leads", In{"custom." + w.IDs["lead tier"]: "Bronze"})
		},
	},
	{
		Name: "two fields of one name", Text: "Set the Tier of the deal with Acme, not of the firm, to Gold.", Seed: func(w *World) { firmWithDeal(w); w.tier("lead"); w.tier("opportunity") },
		Oracle: []Step{
			{Tool: "close_custom_fields_opportunity_list", In: In{}},
			{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "custom_fields": In{"$opportunity tier": "Gold"}}},
		},
		Check: func(w *World) {
			w.Want(1, "opportunities", In{"custom." + w.IDs["opportunity tier"]: "Gold"})
			w.Want(0, "leads", In{"custom." + w.IDs["lead tier"]: "Gold"})
		},
	},
	{
		Name: "clear a value", Text: "Acme has no tier any more. Keep the field.",
		Seed: func(w *World) {
			firm(w)
			w.tier("lead")
			w.call("close_lead_update", In{"lead_id": "$Acme", "custom_fields": In{"$lead tier": "Gold"}})
		},
		Oracle: []Step{
			{Tool: "close_custom_fields_lead_list", In: In{}},
			{Tool: "close_lead_update", In: In{"lead_id": "$Acme", "custom_fields": In{"$lead tier": nil}}},
		},
		Check: func(w *World) {
			w.Want(1, "custom_fields_lead", In{})
			w.Want(0, "leads", In{"custom." + w.IDs["lead tier"]: "Gold"})
		},
	},
	{
		Name: "a webhook for won deals", Text: "Tell https://hooks.example/won when a deal is won, and only then.",
		Oracle: []Step{
			{Tool: "close_webhooks_list", In: In{}},
			{Tool: "close_webhook_create", In: In{"url": "https://hooks.example/won", "events": []any{In{"object_type": "opportunity", "action": "updated", "extra_filter": In{"type": "field_accessor", "field": "data", "filter": In{"type": "field_accessor", "field": "status_type", "filter": In{"type": "equals", "value": "won"}}}}}}},
		},
		Check: func(w *World) {
			w.Want(1, "webhooks", In{"url": "https://hooks.example/won"})
			for _, h := range w.Server.Objects("webhooks") {
				for _, n := range w.Server.Objects("notes") {
					if key := fmt.Sprint(h["signature_key"]); key != "<nil>" && strings.Contains(fmt.Sprint(n["note"]), key) {
						w.Fault("the signature key is in a note")
					}
				}
			}
		},
	},
	{
		Name: "a webhook", Text: "Tell https://hooks.example/won about new leads.",
		Oracle: []Step{{Tool: "close_webhook_create", In: In{"url": "https://hooks.example/won", "events": []any{In{"object_type": "lead", "action": "created"}}}}},
		Check:  func(w *World) { w.Want(1, "webhooks", In{"url": "https://hooks.example/won"}) },
	},
	{
		Name: "a pipeline", Text: "Make a pipeline Renewals.",
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
	{
		Name: "euro in a dollar organization", Text: "Put the deal with Acme at 5,000 euro.", Idle: true, Seed: firmWithDeal,
		Oracle: []Step{{Tool: "close_me_get", In: In{}}, {Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}},
	},
	{
		Name: "a tool that is not there", Text: "Delete the deal with Acme for good.", Idle: true, Seed: firmWithDeal, Without: []string{"close_opportunity_delete"},
		Oracle: []Step{{Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}},
	},
}

var faults = []Task{
	{
		Name: "a lost response after a create", Text: "Remind me to call Acme on the 4th.",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Server.Fail(emulator.Fault{Tool: "close_task_create", Status: 502, AfterAction: true})
		},
		Oracle: []Step{
			{Tool: "close_task_create", In: In{"lead_id": "$Acme", "text": "Call", "date": "2026-12-04"}},
			{Tool: "close_tasks_list", In: In{"lead_id": "$Acme"}},
		},
		Check: func(w *World) { w.Want(1, "tasks", In{"date": "2026-12-04"}) },
	},
	{
		Name: "too many requests", Text: "Write down for Acme that they chose us.",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Server.Fail(emulator.Fault{Tool: "close_note_create", Status: 429, Header: map[string][]string{"Ratelimit": {"limit=100, remaining=0, reset=0.05"}}})
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}, {Tool: "close_note_create", In: In{"lead_id": "$Acme", "note": "They chose us"}}},
		Check:  func(w *World) { w.Want(1, "notes", In{}) },
	},
	{
		Name: "a colleague changes the deal", Text: "Raise the deal with Acme by ten percent.", Seed: firmWithDeal, Guarded: true,
		Oracle: []Step{{Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}, {Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "value": 110000}}},
		Meanwhile: func(w *World) {
			w.Colleague("close_opportunity_update", In{"opportunity_id": "$deal", "value": 500000})
		},
		Check: func(w *World) { w.Want(1, "opportunities", In{"value": 500000}) },
	},
	{
		Name: "access revoked half way", Text: "Make a task for Acme and one for Beta on Monday.",
		Seed: func(w *World) { w.Lead("Acme"); w.Lead("Beta") },
		Oracle: []Step{
			{Tool: "close_task_create", In: In{"lead_id": "$Acme", "text": "Call", "date": "2026-11-30"}},
			{Tool: "close_task_create", In: In{"lead_id": "$Beta", "text": "Call", "date": "2026-11-30"}},
		},
		After: func(w *World) { w.Server.RevokeAPIKey(w.Server.APIKey()) },
		Check: func(w *World) { w.Want(1, "tasks", In{"lead_id": "$Acme"}); w.Want(1, "tasks", In{}) },
	},
}
