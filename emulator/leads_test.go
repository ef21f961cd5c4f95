package emulator_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

func TestLeadCreate(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.post("/lead/", object{
		"name": "Acme", "url": "https://acme.example", "unknown": 1, "id": "lead_mine", "html_url": "x",
		"addresses": []any{object{"city": "Berlin", "country": "DE"}},
		"contacts":  []any{object{"name": "Bob", "emails": []any{object{"email": "bob@acme.example", "type": "direct"}}, "phones": []any{object{"phone": "(800) 444-5555"}}}},
	})
	if got := id(lead); !regexp.MustCompile(`^lead_[0-9A-Za-z]{43}$`).MatchString(got) {
		t.Errorf("got id %q", got)
	}
	for path, want := range map[string]string{
		"display_name": "Acme", "status_label": "Potential", "created_by_name": "Ada Example", "custom": "{}",
		"date_created": "2026-03-10T12:00:00+00:00", "opportunities": "[]", "tasks": "[]",
		"html_url": "https://app.close.com/lead/" + id(lead) + "/", "unknown": "null", "contact_ids": "null",
	} {
		equal(t, lead, want, path)
	}
	equal(t, lead, "Berlin", "addresses", 0, "city")
	equal(t, lead, "business", "addresses", 0, "label")
	contact := at(lead, "contacts", 0)
	equal(t, contact, "+18004445555", "phones", 0, "phone")
	equal(t, contact, "+1 800-444-5555", "phones", 0, "phone_formatted")
	equal(t, contact, "US", "phones", 0, "country")
	equal(t, contact, "direct", "emails", 0, "type")
	equal(t, contact, id(lead), "lead_id")
	equal(t, a.get("/activity/?lead_id="+id(lead)), "Created", "data", 0, "_type")

	unnamed := a.post("/lead/", object{})
	equal(t, unnamed, "Untitled", "display_name")
	named := a.post("/lead/", object{"contacts": []any{object{"name": "Carl"}}})
	equal(t, named, "Carl", "display_name")
	equal(t, named, "", "name")
	byLabel := a.post("/lead/", object{"name": "x", "status": "qualified"})
	equal(t, byLabel, "Qualified", "status_label")
}

func TestLeadRefused(t *testing.T) {
	t.Parallel()
	a := start(t)
	status := text(at(a.get("/status/lead/"), "data", 0, "id"))
	for name, c := range map[string]struct {
		body  any
		field string
	}{
		"name":             {object{"name": 5}, "name"},
		"status":           {object{"status_id": "stat_unknown"}, "status"},
		"label":            {object{"status": "Nothing"}, "status"},
		"both statuses":    {object{"status": "Potential", "status_id": status}, "status"},
		"addresses":        {object{"addresses": "Berlin"}, "addresses"},
		"address":          {object{"addresses": []any{object{"city": 5}}}, "addresses"},
		"country":          {object{"addresses": []any{object{"country": "Germany"}}}, "addresses"},
		"address text":     {object{"addresses": []any{"Berlin"}}, "addresses"},
		"contacts":         {object{"contacts": "Bob"}, "contacts"},
		"contact":          {object{"contacts": []any{"Bob"}}, "contacts"},
		"contact's emails": {object{"contacts": []any{object{"emails": []any{object{"email": "no"}}}}}, "contacts"},
		"custom field":     {object{"custom.cf_unknown": "x"}, "custom.cf_unknown"},
		"created_by":       {object{"created_by": "user_unknown"}, "created_by"},
		"date_created":     {object{"date_created": "yesterday"}, "date_created"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/lead/", c.body, c.field) })
	}
	if got := len(a.srv.Objects("leads")); got != 0 {
		t.Errorf("got %d leads after refusals, want 0", got)
	}
}

func TestLeadUpdate(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.post("/lead/", object{"name": "Acme", "description": "old", "contacts": []any{object{"name": "Bob"}}})
	a.srv.Advance(time.Minute)
	path := "/lead/" + id(lead) + "/"
	got := a.second().put(path, object{"description": nil, "contacts": []any{}, "status": "Customer"})
	equal(t, got, "Acme", "name")
	equal(t, got, "null", "description")
	equal(t, got, "Bob", "contacts", 0, "name")
	equal(t, got, "2026-03-10T12:01:00+00:00", "date_updated")
	equal(t, got, "2026-03-10T12:00:00+00:00", "date_created")
	equal(t, got, "Ben Sample", "updated_by_name")
	change := a.get("/activity/?lead_id=" + id(lead) + "&_type=LeadStatusChange")
	equal(t, change, "Potential", "data", 0, "old_status_label")
	equal(t, change, "Customer", "data", 0, "new_status_label")
	a.refused("PUT", path, object{"status_id": nil}, "status")
	a.want(404, "PUT", "/lead/lead_unknown/", object{})
}

func TestLeadFields(t *testing.T) {
	t.Parallel()
	a := start(t)
	cf := id(a.post("/custom_field/lead/", object{"name": "Industry", "type": "text"}))
	lead := a.post("/lead/", object{"name": "Acme", "custom." + cf: "Steel", "contacts": []any{object{"name": "Bob"}}})
	path := "/lead/" + id(lead) + "/?_fields="
	for fields, want := range map[string]string{
		"name,nothing": `{"name":"Acme"}`,
		"custom":       `{"custom":{"Industry":"Steel"},"custom.` + cf + `":"Steel"}`,
		"custom." + cf: `{"custom.` + cf + `":"Steel"}`,
		"contact_ids":  `{"contact_ids":["` + text(at(lead, "contacts", 0, "id")) + `"]}`,
		"nothing":      `{}`,
	} {
		if got := text(a.get(path + fields)); got != want {
			t.Errorf("_fields=%s: got %s, want %s", fields, got, want)
		}
	}
	if all := a.get(path + "_all"); all["contact_ids"] == nil || all["name"] == nil {
		t.Errorf("_fields=_all: got %v", all)
	}
	equal(t, a.get("/lead/?_fields=name"), `[{"name":"Acme"}]`, "data")
}

func TestLeadDeleteCascades(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := a.contact(lead, "Bob")
	a.post("/opportunity/", object{"lead_id": lead})
	a.post("/task/", object{"lead_id": lead, "text": "call"})
	note := a.post("/activity/note/", object{"lead_id": lead, "note": "hello"})
	a.want(201, "POST", "/comment/", object{"object_id": id(note), "body": "yes"})
	account := text(at(a.get("/connected_account/"), "data", 0, "id"))
	a.want(201, "POST", "/sequence_subscription/", object{
		"contact_id": contact, "sender_account_id": account, "sequence_id": at(a.get("/sequence/"), "data", 0, "id"),
	})
	if got := text(a.del("/lead/" + lead + "/")); got != "{}" {
		t.Errorf("got %s, want {}", got)
	}
	a.want(404, "DELETE", "/lead/"+lead+"/", nil)
	a.want(404, "GET", "/lead/"+lead+"/", nil)
	for _, resource := range []string{"leads", "contacts", "opportunities", "tasks", "notes", "comments", "comment_threads", "sequence_subscriptions", "created"} {
		if got := a.srv.Objects(resource); len(got) != 0 {
			t.Errorf("%s: got %d objects after the delete", resource, len(got))
		}
	}
	deleted := map[string]bool{}
	for _, e := range a.srv.Objects("events") {
		if e["action"] == "deleted" {
			deleted[e["object_type"].(string)] = true
			if e["lead_id"] != lead || e["previous_data"].(object)["id"] != e["object_id"] {
				t.Errorf("event of a delete: got %v", e)
			}
		}
	}
	for _, kind := range []string{"lead", "contact", "opportunity", "task.lead", "activity.note", "comment", "comment_thread", "sequence_subscription"} {
		if !deleted[kind] {
			t.Errorf("no deleted event for %s", kind)
		}
	}
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	a := start(t, func(o *emulator.Options) { o.StaleReads = time.Minute })
	lead := a.lead("Acme")
	a.del("/lead/" + lead + "/")
	equal(t, a.get("/lead/"+lead+"/"), "Acme", "name")
	a.want(404, "DELETE", "/lead/"+lead+"/", nil)
	a.srv.Advance(time.Hour)
	a.want(404, "GET", "/lead/"+lead+"/", nil)
}

func TestLeadMerge(t *testing.T) {
	t.Parallel()
	a := start(t)
	cf := id(a.post("/custom_field/lead/", object{"name": "Industry", "type": "text"}))
	cg := id(a.post("/custom_field/lead/", object{"name": "Size", "type": "number"}))
	source := a.post("/lead/", object{"name": "Acme Old", "description": "from source", "custom." + cf: "Steel", "custom." + cg: 5, "addresses": []any{object{"city": "Rome"}}})
	destination := a.post("/lead/", object{"name": "Acme", "custom." + cf: "Software"})
	contact := a.contact(id(source), "Bob")
	note := a.post("/activity/note/", object{"lead_id": id(source), "note": "hello"})
	comment := a.want(201, "POST", "/comment/", object{"object_id": id(note), "body": "yes"})
	for body, want := range map[string]int{
		`{"source":"` + id(source) + `"}`:                                               400,
		`{"source":"lead_none","destination":"` + id(destination) + `"}`:                404,
		`{"source":"` + id(source) + `","destination":"lead_none"}`:                     404,
		`{"source":"` + id(source) + `","destination":"` + id(source) + `"}`:            400,
		`{"source":"` + id(destination) + `x","destination":"` + id(destination) + `"}`: 404,
	} {
		a.want(want, "POST", "/lead/merge/", body)
	}
	equal(t, a.want(404, "POST", "/lead/merge/", object{"source": "lead_none", "destination": id(destination)}), `["Source lead does not exist."]`, "errors")
	equal(t, a.post("/lead/merge/", object{"source": id(source), "destination": id(destination)}), "ok", "status")
	a.want(404, "GET", "/lead/"+id(source)+"/", nil)
	got := a.get("/lead/" + id(destination) + "/")
	equal(t, got, "Acme", "name")
	equal(t, got, "from source", "description")
	equal(t, got, "Software", "custom."+cf)
	equal(t, got, "5", "custom."+cg)
	equal(t, got, contact, "contacts", 0, "id")
	equal(t, got, "Rome", "addresses", 0, "city")
	equal(t, a.get("/activity/note/"+id(note)+"/"), id(destination), "lead_id")
	equal(t, a.get("/comment/"+id(comment)+"/"), id(destination), "lead_id")
	merge := a.get("/activity/lead_merge/")
	equal(t, merge, "completed", "data", 0, "merge_status")
	equal(t, merge, "Acme Old", "data", 0, "source_display_name")
	merged := a.get("/event/?object_type=lead&action=merged")
	equal(t, merged, id(source), "data", 0, "meta", "merge_source_lead_id")
	if !strings.Contains(events(a, "lead_id="+id(source)), "lead.deleted") {
		t.Error("the merge logs no delete of the source")
	}
}

func TestLeadSearch(t *testing.T) {
	t.Parallel()
	a := start(t)
	cf := id(a.post("/custom_field/lead/", object{"name": "Team Size", "type": "number"}))
	for i, o := range []object{
		{"name": "Acme Corp", "status": "Qualified", "custom." + cf: 10, "contacts": []any{object{"name": "Bob Stone", "title": "Boss", "emails": []any{object{"email": "bob@acme.example"}}, "phones": []any{object{"phone": "+4930123456"}}}}},
		{"name": "Corp Acme", "description": "makes rockets", "addresses": []any{object{"city": "Rome", "country": "IT"}}},
		{"name": "Globex", "status": "Customer", "custom." + cf: 50, "url": "https://globex.example"},
	} {
		a.srv.Advance(time.Duration(i) * time.Hour)
		a.post("/lead/", o)
	}
	a.post("/opportunity/", object{"lead_id": at(a.get("/lead/?query=globex"), "data", 0, "id"), "value": 5000})
	for query, want := range map[string]string{
		"":                                    "Globex Corp Acme Acme Corp",
		"acme":                                "Corp Acme Acme Corp",
		"Acme Corp":                           "Corp Acme Acme Corp",
		`"Acme Corp"`:                         "Acme Corp",
		`"acme corp" sort:-date_updated`:      "Acme Corp",
		"sort:name":                           "Acme Corp Corp Acme Globex",
		"sort:-name":                          "Globex Corp Acme Acme Corp",
		"sort:created slice:1/1":              "Acme Corp Corp Acme Globex",
		"sort:-status,name":                   "Acme Corp Corp Acme Globex",
		"rocket*":                             "Corp Acme",
		"rom":                                 "Corp Acme",
		"not acme":                            "Globex",
		"-acme":                               "Globex",
		"name:globex":                         "Globex",
		`name:"acme corp"`:                    "Acme Corp",
		"name=acme":                           "",
		"email:bob@acme.example":              "Acme Corp",
		"email_address:acme.example":          "Acme Corp",
		"phone:+4930123456":                   "Acme Corp",
		"contact:stone":                       "Acme Corp",
		"title:boss":                          "Acme Corp",
		"contacts>0":                          "Acme Corp",
		"opportunities:1":                     "Globex",
		"opportunity_value>=5000":             "Globex",
		"opportunity_value<5000":              "",
		`opportunity_status:"demo completed"`: "Globex",
		"status:customer":                     "Globex",
		"city:rome and country:it":            "Corp Acme",
		"address:rome":                        "Corp Acme",
		"url:*":                               "Globex",
		"url:globex":                          "Globex",
		`custom."Team Size">20`:               "Globex",
		"custom." + cf + ":10":                "Acme Corp",
		`sort:custom.` + cf:                   "Corp Acme Acme Corp Globex",
		"created>2026-03-10T12:30:00":         "Globex Corp Acme",
		"created<=2026-03-10T12:00:00":        "Acme Corp",
		"updated<yesterday":                   "",
		"globex OR rockets":                   "Globex Corp Acme",
		"acme (rome or stone)":                "Corp Acme Acme Corp",
		"not (globex or rockets)":             "Acme Corp",
		"name : globex":                       "Globex",
		`"custom.Team Size" > 20`:             "Globex",
		`"name" = "Acme Corp"`:                "Acme Corp",
		`status in ("Qualified", customer)`:   "Globex Acme Corp",
		"has:email":                           "Acme Corp",
		"has:opportunities or has:address":    "Globex Corp Acme",
		"not has:custom." + cf:                "Corp Acme",
		"phone:030 123456":                    "Acme Corp",
		"+49 (0)30 123456":                    "Acme Corp",
		"phone = \"0049 30 123456\"":          "Acme Corp",
		"email:bob@acme.example.com":          "",
		"email:bob@acme.ex":                   "",
		"opportunity_status_type:active":      "Globex",
		"opportunity_status_type=won":         "",
		"opportunity_pipeline:sales":          "Globex",
		"created:2026-03-10":                  "Globex Corp Acme Acme Corp",
		"created_by:me":                       "Globex Corp Acme Acme Corp",
		"calls:0 and notes=0":                 "Globex Corp Acme Acme Corp",
		"created_by:ada":                      "Globex Corp Acme Acme Corp",
		"*":                                   "Globex Corp Acme Acme Corp",
		"stone":                               "Acme Corp",
		"lead_id:lead_none":                   "",
	} {
		got := column(a.get("/lead/?_fields=name&query="+url.QueryEscape(query)), "name")
		if got != want {
			t.Errorf("query %s: got %q, want %q", query, got, want)
		}
	}
	equal(t, a.get("/lead/?query=acme&_limit=1"), "2", "total_results")
	first := column(a.get("/lead/?_fields=name&query=slice:1/2"), "name")
	second := column(a.get("/lead/?_fields=name&query=slice:2/2"), "name")
	if len(strings.Fields(first+" "+second)) != 5 {
		t.Errorf("the slices are %q and %q", first, second)
	}
	for query, part := range map[string]string{
		`"`: "closing quote", "nme:acme": `"nme"`, "custom.nothing:1": `"custom.nothing"`, "name>5": `"name"`, "(acme": `"(acme"`, "acme OR": `"or"`,
		"opportunity_foo:1": `"opportunity_foo"`, "opportunity_value:many": `"many"`, "sort:nme": `"nme"`, "contact(title:boss)": `"contact("`,
	} {
		got := a.want(400, "GET", "/lead/?query="+url.QueryEscape(query), nil)
		if message, _ := at(got, "field-errors", "query").(string); !strings.Contains(message, part) {
			t.Errorf("query %s: got %v, want an error that names %s", query, got, part)
		}
		a.refused("GET", "/opportunity/?query="+url.QueryEscape(query), nil, "query")
		a.refused("GET", "/opportunity/?lead_query="+url.QueryEscape(query), nil, "lead_query")
	}
}
