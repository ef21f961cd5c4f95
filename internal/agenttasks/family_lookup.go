package agenttasks

import (
	"fmt"
	"maps"
	"strings"

	"github.com/closekit/closekit/emulator"
)

// found names the records of a resource by a field.
func (w *World) found(resource, field string) {
	for _, r := range w.Server.Objects(resource) {
		if name, ok := r[field].(string); ok {
			w.IDs[name] = fmt.Sprint(r["id"])
		}
	}
}

// person adds a contact with a number to Acme.
func (w *World) person(name, kind, number string) {
	w.Make(name, "close_contact_create", In{"lead_id": "$Acme", "name": name, "phones": []any{In{"phone": number, "type": kind}}})
}

// pages are the calls that read a list page by page.
func pages(tool string, in In, limit, n int) (steps []Step) {
	for i := range n {
		page := maps.Clone(in)
		page["_limit"] = limit
		if i > 0 {
			page["_skip"] = limit * i
		}
		steps = append(steps, Step{Tool: tool, In: page})
	}
	return steps
}

func isQuiet(i int) bool { return i%6 != 5 && i < 44 }

// quiet are the firms that isQuiet selects of 45.
func quiet() (names []string) {
	for i := range 45 {
		if isQuiet(i) {
			names = append(names, fmt.Sprintf("Firm %02d", i))
		}
	}
	return names
}

// quietLeads are the calls that read, page by page, the leads without activities in the
// 90 days before Today.
func quietLeads(limit, n int) (steps []Step) {
	since := In{"type": "fixed_utc", "value": "2026-08-30T00:00:00"}
	all := []any{In{"type": "object_type", "object_type": "lead"}}
	for _, kind := range []string{"activity.call", "activity.email", "activity.sms", "activity.meeting", "activity.note"} {
		all = append(all, In{
			"type": "has_related", "this_object_type": "lead", "related_object_type": kind, "negate": true,
			"related_query": In{
				"type": "field_condition", "field": In{"type": "regular_field", "object_type": kind, "field_name": "activity_at"},
				"condition": In{"type": "moment_range", "on_or_after": since},
			},
		})
	}
	for i := range n {
		in := In{"query": In{"type": "and", "queries": all}, "_limit": limit, "_fields": In{"lead": []any{"id", "display_name"}}}
		if i > 0 {
			in["cursor"] = "$next"
		}
		steps = append(steps, Step{Tool: "close_search", In: in, Next: "next"})
	}
	return steps
}

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
		Oracle: []Step{{Tool: "close_opportunities_list", In: In{"lead_id": "$Acme"}}, {Tool: "close_opportunity_get", In: In{"opportunity_id": "$deal"}}},
		Answer: []string{"1234500|12,345"},
	},
	{
		Name: "known address", Text: "Is dana@beta.example known to us?",
		Seed: func(w *World) {
			w.Lead("Acme", "Ann <ann@acme.example>")
			w.Lead("Beta", "Dana Roe <dana@beta.example>")
		},
		Oracle: []Step{{Tool: "close_leads_list", In: In{"query": "dana@beta.example"}}},
		Answer: []string{"Dana Roe", "Beta"},
	},
	{
		Name: "industry of a firm", Text: "I am about to see Globex. Which industry do we have for them?",
		Seed: func(w *World) {
			w.Fill(`{"custom_fields": {"lead": [{"name": "Industry", "type": "choices", "choices": ["Software", "Steel"]}]}, "leads": [{"name": "Globex", "custom": {"Industry": "Steel"}}, {"name": "Glob", "custom": {"Industry": "Software"}}]}`)
			w.found("leads", "name")
			w.found("custom_fields_lead", "name")
		},
		Oracle: []Step{{Tool: "close_custom_fields_lead_list", In: In{}}, {Tool: "close_lead_get", In: In{"lead_id": "$Globex", "_fields": []any{"name", "custom"}}}},
		Answer: []string{"Steel"},
	},
	{
		Name: "mobile numbers", Text: "Who at Acme has a mobile number?",
		Seed: func(w *World) {
			w.Lead("Acme")
			w.person("Ann", "mobile", "+14155550101")
			w.person("Bob", "office", "+14155550102")
			w.person("Cy", "mobile", "+14155550103")
		},
		Oracle: []Step{{Tool: "close_contacts_list", In: In{"lead_id": "$Acme"}}},
		Answer: []string{"+14155550101|+1 415-555-0101", "+14155550103|+1 415-555-0103"},
	},
	{
		Name: "last contact by any channel", Text: "When did we last speak to Acme, by any channel?",
		Seed: func(w *World) {
			firm(w)
			w.Make("call", "close_call_create", In{"lead_id": "$Acme", "note": "Spoke about price", "duration": 60, "activity_at": "2026-11-02T10:00:00Z"})
			w.incoming("Question", "How long is the pilot?")
			w.Make("sms", "close_sms_create", In{"lead_id": "$Acme", "text": "Thanks, talk on Monday", "remote_phone": "+14155550100", "local_phone": "+14155550101", "status": "inbox", "activity_at": "2026-11-27T10:00:00Z"})
		},
		Oracle: []Step{{Tool: "close_activities_list", In: In{"lead_id": []any{"$Acme"}, "_order_by": "-activity_at"}}},
		Answer: []string{"talk on Monday", "2026-11-27"},
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
	{
		Name: "open value per rep", Text: "What are our open deals worth that should close this quarter, for each rep?",
		Seed: func(w *World) {
			firm(w)
			for name, d := range map[string]struct {
				cents     int
				rep, date string
			}{"a": {100000, "$ada", "2026-10-01"}, "b": {25000, "$ada", "2026-12-31"}, "c": {70000, "$ben", "2026-12-01"}, "late": {330000, "$ada", "2027-01-01"}, "past": {440000, "$ben", "2026-09-30"}} {
				w.Make(name, "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Proposal Sent", "value": d.cents, "value_period": "one_time", "user_id": d.rep, "date_won": d.date})
			}
			w.Make("d", "close_opportunity_create", In{"lead_id": "$Acme", "status_id": "$Won", "value": 990000, "value_period": "one_time"})
		},
		Oracle: []Step{
			{Tool: "close_users_list", In: In{}},
			{Tool: "close_opportunities_list", In: In{"status_type": "active", "user_id": "$ada", "date_won__gte": "2026-10-01", "date_won__lt": "2027-01-01"}},
			{Tool: "close_opportunities_list", In: In{"status_type": "active", "user_id": "$ben", "date_won__gte": "2026-10-01", "date_won__lt": "2027-01-01"}},
		},
		Answer: []string{"1,000|$1,000|100000", "250|25000", "700|70000"},
	},
	{
		Name: "37 leads over five pages", Text: "Name all leads with which nothing has happened for 90 days; there are many.",
		Seed: func(w *World) {
			var list []string
			for i := range 45 {
				list = append(list, fmt.Sprintf(`{"name": "Firm %02d"}`, i))
			}
			w.Fill(`{"leads": [` + strings.Join(list, ",") + `]}`)
			w.found("leads", "name")
			for i := range 45 {
				lead := fmt.Sprintf("$Firm %02d", i)
				if i%3 == 0 { // long ago
					w.Make("", "close_note_create", In{"lead_id": lead, "note": "Met", "activity_at": "2026-06-01T10:00:00Z"})
				}
				switch {
				case isQuiet(i):
				case i%2 == 0:
					w.Make("", "close_note_create", In{"lead_id": lead, "note": "Met", "activity_at": "2026-10-01T10:00:00Z"})
				default:
					w.Make("", "close_call_create", In{"lead_id": lead, "duration": 60, "direction": "outbound", "activity_at": "2026-11-20T10:00:00Z"})
				}
			}
		},
		Oracle: quietLeads(8, 5),
		Answer: quiet(),
	},
	{
		Name: "length of calls behind a ceiling", Text: "How long were our calls with Acme in October and November?",
		Seed: func(w *World) {
			w.Lead("Acme")
			for i, day := range []string{"2026-10-05", "2026-10-19", "2026-11-03", "2026-11-17"} {
				w.Make("", "close_call_create", In{"lead_id": "$Acme", "duration": 61 * (i + 1), "direction": "outbound", "activity_at": day + "T10:00:00Z"})
			}
			w.Server.Fail(emulator.Fault{Tool: "close_calls_list", Skip: 1, Status: 400, Body: `{"error": "The skip you set is larger than the maximum skip for this resource."}`})
		},
		Oracle: []Step{
			{Tool: "close_calls_list", In: In{"lead_id": []any{"$Acme"}, "_limit": 2}},
			{Tool: "close_calls_list", In: In{"lead_id": []any{"$Acme"}, "_limit": 2, "_skip": 2}},
			{Tool: "close_calls_list", In: In{"lead_id": []any{"$Acme"}, "activity_at__gte": "2026-10-01T00:00:00Z", "activity_at__lt": "2026-11-01T00:00:00Z"}},
			{Tool: "close_calls_list", In: In{"lead_id": []any{"$Acme"}, "activity_at__gte": "2026-11-01T00:00:00Z", "activity_at__lt": "2026-12-01T00:00:00Z"}},
		},
		Answer: []string{"61", "122", "183", "244"},
	},
}
