package agenttasks

import (
	"fmt"

	"github.com/closekit/closekit/emulator"
)

// numbers returns phones of kinds and numbers in turn.
func numbers(list ...string) (phones []any) {
	for i := 0; i+1 < len(list); i += 2 {
		phones = append(phones, In{"phone": list[i+1], "type": list[i]})
	}
	return phones
}

// phone wants a person to have these numbers, in this order.
func (w *World) phone(name string, want ...string) {
	for _, c := range w.Server.Objects("contacts") {
		if c["name"] != name {
			continue
		}
		var got []string
		list, _ := plain(c["phones"]).([]any)
		for _, p := range list {
			got = append(got, fmt.Sprint(p.(map[string]any)["phone"]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			w.Fault("%s has the numbers %v, want %v", name, got, want)
		}
	}
}

var additions = []Task{
	{
		Name: "firm from a business card", Text: "Add Globex with its buyer Ann Lee, ann@globex.example, +1 415 555 0142.",
		Oracle: []Step{{Tool: "close_lead_create", In: In{"name": "Globex", "contacts": []any{In{
			"name": "Ann Lee", "emails": []any{In{"email": "ann@globex.example", "type": "office"}}, "phones": []any{In{"phone": "+14155550142", "type": "office"}},
		}}}}},
		Check: func(w *World) {
			w.Want(1, "leads", In{"name": "Globex"})
			w.Want(1, "contacts", In{"name": "Ann Lee"})
			w.phone("Ann Lee", "+14155550142")
		},
	},
	{
		Name: "person for a known firm", Text: "Add Bo Diaz to Acme.",
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "Acme"}}, {Tool: "close_contact_create", In: In{"lead_id": "$Acme", "name": "Bo Diaz"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"name": "Bo Diaz", "lead_id": "$Acme"})
			w.Want(1, "leads", In{})
		},
	},
	{
		Name: "five rows, two known", Text: "Import Hooli, Initech, Acme, Stark and Beta; we may have some.",
		Seed: func(w *World) { w.Lead("Acme"); w.Lead("Beta"); w.Lead("Starkiller") },
		Oracle: []Step{
			{Tool: "close_leads_list", In: In{}},
			{Tool: "close_lead_create", In: In{"name": "Hooli"}},
			{Tool: "close_lead_create", In: In{"name": "Initech"}},
			{Tool: "close_lead_create", In: In{"name": "Stark"}},
		},
		Check: func(w *World) {
			w.Want(6, "leads", In{})
			for _, n := range []string{"Acme", "Beta", "Hooli", "Initech", "Stark"} {
				w.Want(1, "leads", In{"name": n})
			}
		},
	},
	{
		Name: "firm with a status", Text: "Add Umbrella as a qualified lead.",
		Oracle: []Step{{Tool: "close_lead_create", In: In{"name": "Umbrella", "status_id": "$lead Qualified"}}},
		Check:  func(w *World) { w.Want(1, "leads", In{"name": "Umbrella", "status_id": "$lead Qualified"}) },
	},
	{
		Name: "firm under another spelling", Text: "Add Bo Diaz of Mueller Ltd; we may have the firm under another spelling.",
		Seed:   func(w *World) { w.Lead("Müller Limited", "Eva <eva@mueller.example>"); w.Lead("Miller Ltd") },
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "mueller.example"}}, {Tool: "close_contact_create", In: In{"lead_id": "$Müller Limited", "name": "Bo Diaz"}}},
		Check: func(w *World) {
			w.Want(2, "leads", In{})
			w.Want(1, "contacts", In{"name": "Bo Diaz", "lead_id": "$Müller Limited"})
		},
	},
	{
		Name: "firm that search does not show yet", Text: "Add Nova, then Kim Roe as a person there.",
		Seed: func(w *World) {
			w.Server.Fail(emulator.Fault{Tool: "close_leads_list", Times: -1, Status: 200, Body: `{"data": [], "has_more": false, "total_results": 0}`})
		},
		Oracle: []Step{
			{Tool: "close_lead_create", In: In{"name": "Nova"}, Save: "Nova"},
			{Tool: "close_leads_list", In: In{"query": "Nova"}},
			{Tool: "close_contact_create", In: In{"lead_id": "$Nova", "name": "Kim Roe"}},
		},
		Check: func(w *World) { w.Want(1, "leads", In{"name": "Nova"}); w.Want(1, "contacts", In{"name": "Kim Roe"}) },
	},
}

var people = []Task{
	{
		Name: "second address", Text: "Ann has a private address too: ann@home.example.",
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_get", In: In{"contact_id": "$Acme/1"}}, {Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "emails": []any{In{"email": "ann@acme.example", "type": "office"}, In{"email": "ann@home.example", "type": "home"}}}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"id": "$Acme/1", "emails": []any{In{"email": "ann@acme.example", "type": "office", "is_unsubscribed": false}, In{"email": "ann@home.example", "type": "home", "is_unsubscribed": false}}})
		},
	},
	{
		Name: "job title", Text: "Ann is CFO now.",
		Seed:   func(w *World) { w.Lead("Acme", "Ann <ann@acme.example>", "Anna <anna@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "title": "CFO"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"title": "CFO", "id": "$Acme/1"})
			w.Want(1, "contacts", In{"title": "CFO"})
		},
	},
	{
		Name: "rename", Text: "It is Maria Lopez, not Maria Lopes.",
		Seed:   func(w *World) { w.Lead("Acme", "Maria Lopes <maria@acme.example>") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "name": "Maria Lopez"}}},
		Check:  func(w *World) { w.Want(1, "contacts", In{"name": "Maria Lopez", "id": "$Acme/1"}) },
	},
	{
		Name: "person who left", Text: "Delete Bob at Acme.",
		Seed: func(w *World) {
			w.Lead("Acme", "Ann <ann@acme.example>", "Bob <bob@acme.example>")
			w.Lead("Beta", "Bob <bob@beta.example>")
		},
		Oracle: []Step{{Tool: "close_contact_get", In: In{"contact_id": "$Acme/2"}}, {Tool: "close_contact_delete", In: In{"contact_id": "$Acme/2"}}},
		Check:  func(w *World) { w.Want(1, "contacts", In{"name": "Bob"}); w.Want(0, "contacts", In{"id": "$Acme/2"}) },
	},
	{
		Name: "one of three numbers", Text: "Ann's office number ends in 0122, not 0121.",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("Ann", "close_contact_create", In{"lead_id": "$Acme", "name": "Ann", "phones": numbers("office", "+14155550121", "mobile", "+14155550131", "home", "+14155550141")})
		},
		Oracle: []Step{
			{Tool: "close_contact_get", In: In{"contact_id": "$Ann"}},
			{Tool: "close_contact_update", In: In{"contact_id": "$Ann", "phones": numbers("office", "+14155550122", "mobile", "+14155550131", "home", "+14155550141")}},
		},
		Check: func(w *World) { w.phone("Ann", "+14155550122", "+14155550131", "+14155550141") },
	},
	{
		Name: "no fax any more", Text: "Take the fax number off Ann, and nothing else.",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.Make("Ann", "close_contact_create", In{"lead_id": "$Acme", "name": "Ann", "phones": numbers("office", "+14155550121", "fax", "+14155550199", "mobile", "+14155550131")})
		},
		Oracle: []Step{
			{Tool: "close_contact_get", In: In{"contact_id": "$Ann"}},
			{Tool: "close_contact_update", In: In{"contact_id": "$Ann", "phones": numbers("office", "+14155550121", "mobile", "+14155550131")}},
		},
		Check: func(w *World) { w.phone("Ann", "+14155550121", "+14155550131") },
	},
}

var handovers = []Task{
	{
		Name: "open task to a colleague", Text: "Ben takes over the call with Ann.",
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
		Name: "deal to a colleague", Text: "Give the deal with Acme to Ben.",
		Seed:   func(w *World) { w.Lead("Acme"); w.deal("deal", "Acme", 100000) },
		Oracle: []Step{{Tool: "close_opportunity_update", In: In{"opportunity_id": "$deal", "user_id": "$ben"}}},
		Check:  func(w *World) { w.Want(1, "opportunities", In{"id": "$deal", "user_id": "$ben", "value": 100000}) },
	},
	{
		Name: "person to another firm", Text: "Tom works for Beta now.",
		Seed:   func(w *World) { w.Lead("Acme", "Tom <tom@acme.example>", "Ann <ann@acme.example>"); w.Lead("Beta") },
		Oracle: []Step{{Tool: "close_contact_update", In: In{"contact_id": "$Acme/1", "lead_id": "$Beta"}}},
		Check: func(w *World) {
			w.Want(1, "contacts", In{"id": "$Acme/1", "lead_id": "$Beta"})
			w.Want(2, "contacts", In{})
		},
	},
	{
		Name: "tasks of a colleague on leave", Text: "Ben is on leave. I take all his open tasks.",
		Seed: func(w *World) {
			w.Lead("Acme")
			for _, x := range []string{"Call Ann", "Mail Ann"} {
				w.Make(x, "close_task_create", In{"lead_id": "$Acme", "text": x, "assigned_to": "$ben"})
			}
			w.Make("done", "close_task_create", In{"lead_id": "$Acme", "text": "Old", "assigned_to": "$ben", "is_complete": true})
			w.Make("mine", "close_task_create", In{"lead_id": "$Acme", "text": "Mine", "assigned_to": "$ada"})
		},
		Oracle: []Step{
			{Tool: "close_tasks_list", In: In{"assigned_to": "$ben", "is_complete": false}},
			{Tool: "close_task_update", In: In{"task_id": "$Call Ann", "assigned_to": "$ada"}},
			{Tool: "close_task_update", In: In{"task_id": "$Mail Ann", "assigned_to": "$ada"}},
		},
		Check: func(w *World) {
			w.Want(3, "tasks", In{"assigned_to": "$ada"})
			w.Want(1, "tasks", In{"assigned_to": "$ben", "id": "$done"})
		},
	},
}
