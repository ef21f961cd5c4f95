package emulator_test

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

func node(typ string, more object) object {
	o := object{"type": typ}
	maps.Copy(o, more)
	return o
}

func about(kind string, nodes ...any) object {
	return node("and", object{"queries": append([]any{node("object_type", object{"object_type": kind})}, nodes...)})
}

func on(kind, name string, condition object) object {
	return node("field_condition", object{
		"field": object{"type": "regular_field", "object_type": kind, "field_name": name}, "condition": condition,
	})
}

func has(this, kind string, of object) object {
	return node("has_related", object{"this_object_type": this, "related_object_type": kind, "related_query": of})
}

func negated(o object) object {
	o = maps.Clone(o)
	o["negate"] = true
	return o
}

// market fills a server with two leads: Acme in Berlin with a deal and an old call, and
// Globex in Paris with nothing.
func market(t *testing.T) (a *api, acme, globex string) {
	t.Helper()
	a = start(t)
	acme = a.want(200, "POST", "/lead/", object{
		"name": "Acme Corp", "addresses": []any{object{"city": "Berlin", "country": "DE"}},
		"contacts": []any{object{"name": "Ann Other", "emails": []any{object{"type": "office", "email": "ann@acme.example"}}}},
	})["id"].(string)
	globex = a.want(200, "POST", "/lead/", object{"name": "Globex", "addresses": []any{object{"city": "Paris"}}})["id"].(string)
	a.want(200, "POST", "/opportunity/", object{"lead_id": acme, "value": 1_500_000})
	a.want(200, "POST", "/activity/call/", object{"lead_id": acme, "direction": "outbound", "duration": 60, "activity_at": "2026-02-01T10:00:00"})
	return a, acme, globex
}

func (a *api) find(query object, more object) []string {
	a.t.Helper()
	body := object{"query": query}
	maps.Copy(body, more)
	var out []string
	for _, e := range a.want(200, "POST", "/data/search/", body)["data"].([]any) {
		out = append(out, e.(object)["id"].(string))
	}
	return out
}

func TestSearch(t *testing.T) {
	a, acme, globex := market(t)
	deal := has("lead", "opportunity", node("and", object{"queries": []any{
		on("opportunity", "value", object{"type": "number_range", "gte": 1_000_000}),
		on("opportunity", "status_type", object{"type": "term", "values": []any{"active"}}),
	}}))
	recent := has("lead", "activity.call", on("activity.call", "activity_at", object{
		"type": "moment_range", "on_or_after": object{"type": "fixed_utc", "value": "2026-02-24T12:00:00"},
	}))
	berlin := has("lead", "address", on("address", "city", object{"type": "text", "mode": "phrase", "value": "berlin"}))
	for what, c := range map[string]struct {
		query object
		want  string
	}{
		"all":              {about("lead"), globex + " " + acme},
		"deal":             {about("lead", deal), acme},
		"no deal":          {about("lead", negated(deal)), globex},
		"berlin":           {about("lead", berlin, deal, negated(recent)), acme},
		"recent call":      {about("lead", recent), ""},
		"full words":       {about("lead", on("lead", "name", object{"type": "text", "mode": "full_words", "value": "corp acme"})), acme},
		"part of a word":   {about("lead", on("lead", "name", object{"type": "text", "mode": "full_words", "value": "acm"})), ""},
		"beginning":        {about("lead", on("lead", "name", object{"type": "text", "mode": "beginning_of_words", "value": "acm"})), acme},
		"phrase":           {about("lead", on("lead", "name", object{"type": "text", "mode": "phrase", "value": "corp acme"})), ""},
		"exact":            {about("lead", on("lead", "name", object{"type": "text", "mode": "exact_value", "value": "globex"})), globex},
		"id":               {about("lead", node("id", object{"value": acme})), acme},
		"or":               {about("lead", node("or", object{"queries": []any{node("id", object{"value": acme}), node("id", object{"value": globex})}})), globex + " " + acme},
		"not id":           {about("lead", negated(node("id", object{"value": acme}))), globex},
		"anywhere":         {about("lead", node("text", object{"value": "ann acme"})), acme},
		"email of contact": {about("lead", has("lead", "contact", has("contact", "contact_email", on("contact_email", "email", object{"type": "exists"})))), acme},
		"mine":             {about("lead", on("lead", "created_by", object{"type": "current_user"})), globex + " " + acme},
		"everything":       {about("lead", node("match_all", nil)), globex + " " + acme},
		"nothing exists":   {about("lead", on("lead", "description", object{"type": "exists"})), ""},
	} {
		if got := strings.Join(a.find(c.query, nil), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", what, got, c.want)
		}
	}
	got := a.want(200, "POST", "/data/search/", object{"query": about("lead", deal), "_fields": object{"lead": []any{"display_name"}}})
	if first := got["data"].([]any)[0].(object); first["display_name"] != "Acme Corp" || first["__object_type"] != "lead" || len(first) != 3 {
		t.Errorf("got %v", first)
	}
	sorted := object{"sort": []any{object{"direction": "asc", "field": object{"type": "regular_field", "object_type": "lead", "field_name": "name"}}}}
	if got := a.find(about("lead"), sorted); got[0] != acme {
		t.Errorf("sorted by name: %v", got)
	}
	count := a.want(200, "POST", "/data/search/", object{"query": about("lead"), "results_limit": 0, "include_counts": true})
	if c := count["count"].(object); c["limited"] != 0.0 || c["total"] != 2.0 || len(count["data"].([]any)) != 0 || count["cursor"] != nil {
		t.Errorf("count: %v", count)
	}
}

func TestSearchRefuses(t *testing.T) {
	a, _, _ := market(t)
	for part, query := range map[string]object{
		"object_type":                node("match_all", nil),
		"lead.unknown":               about("lead", on("lead", "lead.unknown", object{"type": "exists"})),
		"fuzzy":                      about("lead", on("lead", "name", object{"type": "text", "mode": "fuzzy", "value": "x"})),
		"roughly":                    about("lead", on("lead", "name", object{"type": "roughly"})),
		"sometimes":                  about("lead", node("sometimes", nil)),
		"queries":                    about("lead", node("and", nil)),
		"without \\\"value\\\"":      about("lead", node("id", nil)),
		"number_range condition for": about("lead", on("lead", "name", object{"type": "number_range", "gte": 1})),
		"next-year":                  about("lead", on("lead", "date_created", object{"type": "moment_range", "before": object{"type": "next-year"}})),
		"planet":                     about("planet"),
		"a field of":                 about("lead", on("contact", "name", object{"type": "exists"})),
		"asks for":                   about("contact", has("contact", "address", node("match_all", nil))),
		"\\\"limit\\\" in a":         about("lead", node("match_all", object{"limit": 3})),
		"cf_none":                    about("lead", node("field_condition", object{"field": object{"type": "custom_field", "custom_field_id": "cf_none"}, "condition": object{"type": "exists"}})),
		"a search does not return":   about("activity.call"),
		"that are not a list":        about("lead", node("and", object{"queries": "x"})),
		"neither true nor false":     about("lead", node("match_all", object{"negate": "yes"})),
		"a node that is not an obje": {"type": "and", "queries": []any{"x"}},
	} {
		res, body := a.send("POST", "/data/search/", object{"query": query})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), part) {
			t.Errorf("status %d, and %s does not name %s", res.StatusCode, body, part)
		}
	}
	for _, body := range []object{{"query": about("lead"), "filter": 1}, {"query": about("lead"), "_limit": 201}, {"query": about("lead"), "_fields": []any{"id"}}} {
		a.want(400, "POST", "/data/search/", body)
	}
}

func TestSearchCursor(t *testing.T) {
	a, acme, globex := market(t)
	page := func(body object) object { return a.want(200, "POST", "/data/search/", body) }
	first := page(object{"query": about("lead"), "_limit": 1})
	cursor := first["cursor"]
	if first["data"].([]any)[0].(object)["id"] != globex || cursor == nil {
		t.Fatalf("first page: %v", first)
	}
	if _, has := first["has_more"]; has {
		t.Error("a search has no has_more")
	}
	a.srv.Advance(30 * time.Second)
	second := page(object{"query": about("lead"), "_limit": 1, "cursor": cursor})
	if second["data"].([]any)[0].(object)["id"] != acme || second["cursor"] != nil {
		t.Fatalf("second page: %v", second)
	}
	a.srv.Advance(time.Second)
	_, body := a.send("POST", "/data/search/", object{"query": about("lead"), "cursor": cursor})
	if !strings.Contains(string(body), `"field-errors":{"cursor":"Expired cursor"}`) {
		t.Errorf("an old cursor: %s", body)
	}
	a.want(400, "POST", "/data/search/", object{"query": about("lead"), "cursor": "made-up"})
}

func TestSmartViews(t *testing.T) {
	a, acme, _ := market(t)
	query := about("lead", node("id", object{"value": acme}))
	view := a.want(200, "POST", "/saved_search/", object{"name": "Acme", "s_query": object{"query": query}})
	if view["type"] != "lead" || view["query"] != nil || view["is_user_dependent"] != false {
		t.Errorf("got %v", view)
	}
	a.want(400, "POST", "/saved_search/", object{"name": "No kind", "s_query": object{"query": node("match_all", nil)}})
	a.want(400, "POST", "/saved_search/", object{"name": "Contacts", "type": "contact", "s_query": object{"query": query}})
	a.want(200, "POST", "/saved_search/", object{"name": "Contacts", "type": "contact", "s_query": object{"query": about("contact")}})
	list := func(q string) int { return len(a.want(200, "GET", "/saved_search/"+q, nil)["data"].([]any)) }
	if list("") != 1 || list("?type=contact") != 1 || list("?type__in=lead,contact") != 2 {
		t.Errorf("lists of %d, %d and %d", list(""), list("?type=contact"), list("?type__in=lead,contact"))
	}
	stored := a.want(200, "GET", "/saved_search/"+view["id"].(string)+"/", nil)["s_query"].(object)["query"].(object)
	if got := a.find(stored, nil); len(got) != 1 || got[0] != acme {
		t.Errorf("the stored query finds %v", got)
	}
}

func TestBulkEdit(t *testing.T) {
	a, acme, globex := market(t)
	field := a.want(200, "POST", "/custom_field/lead/", object{"name": "Tags", "type": "choices", "choices": []any{"new", "old"}, "accepts_multiple_values": true})["id"].(string)
	job := a.want(200, "POST", "/bulk_action/edit/", object{
		"s_query": about("lead"), "type": "set_custom_field", "custom_field_id": field, "custom_field_value": "new", "custom_field_operation": "add",
	})
	path := "/bulk_action/edit/" + job["id"].(string) + "/"
	if job["status"] != "created" || job["n_leads"] != nil || job["n_objects_processed"] != 0.0 {
		t.Errorf("at first: %v", job)
	}
	for _, want := range []string{"loading", "processing", "done"} {
		a.srv.Advance(time.Second)
		if got := a.want(200, "GET", path, nil); got["status"] != want {
			t.Fatalf("status %v, want %s", got["status"], want)
		}
	}
	if got := a.want(200, "GET", path, nil); got["n_leads"] != 2.0 || got["n_objects_processed"] != 2.0 {
		t.Errorf("at the end: %v", got)
	}
	if got := a.want(200, "GET", "/lead/"+acme+"/", nil)["custom."+field]; len(got.([]any)) != 1 {
		t.Errorf("the field is %v", got)
	}
	events := a.want(200, "GET", "/event/?lead_id="+globex, nil)["data"].([]any)
	if meta := events[0].(object)["meta"].(object); meta["bulk_action_id"] != job["id"] {
		t.Errorf("meta of the event: %v", meta)
	}
	for _, body := range []object{
		{"type": "set_custom_field"},
		{"s_query": about("lead"), "type": "paint"},
		{"s_query": about("lead"), "type": "set_lead_status"},
		{"s_query": about("lead"), "type": "set_custom_field", "custom_field_id": "cf_none", "custom_field_value": 1},
		{"s_query": node("match_all", nil), "type": "set_custom_field", "custom_field_id": field, "custom_field_value": "x"},
	} {
		a.want(400, "POST", "/bulk_action/edit/", body)
	}
}

func TestBulkDelete(t *testing.T) {
	a, acme, globex := market(t)
	job := a.want(200, "POST", "/bulk_action/delete/", object{"s_query": about("lead"), "results_limit": 1})
	if job["bulk_object_type"] != "lead" {
		t.Errorf("got %v", job)
	}
	a.srv.Advance(3 * time.Second)
	a.want(404, "GET", "/lead/"+globex+"/", nil) // the newest one comes first
	a.want(200, "GET", "/lead/"+acme+"/", nil)
	if n := len(a.want(200, "GET", "/bulk_action/edit/", nil)["data"].([]any)); n != 0 {
		t.Errorf("%d deletions in the list of edits", n)
	}
}

func TestBulkEmailAndEnrollment(t *testing.T) {
	a, acme, _ := market(t)
	template := a.want(200, "POST", "/email_template/", object{"name": "Hello", "subject": "Hello {{ contact.first_name }}", "body": "<p>Hi</p>"})["id"]
	job := a.want(200, "POST", "/bulk_action/email/", object{"s_query": about("lead"), "template_id": template, "contact_preference": "lead"})
	a.srv.Advance(3 * time.Second)
	sent := a.srv.Outbox()
	if len(sent) != 1 || sent[0].Subject != "Hello Ann" || sent[0].To[0] != "ann@acme.example" {
		t.Fatalf("sent %+v", sent)
	}
	email := a.want(200, "GET", "/activity/email/?lead_id="+acme, nil)["data"].([]any)[0].(object)
	if email["bulk_email_action_id"] != job["id"] || email["status"] != "sent" {
		t.Errorf("the email has %v and %v", email["bulk_email_action_id"], email["status"])
	}
	sequence := a.want(200, "POST", "/sequence/", object{"name": "Follow up"})["id"].(string)
	bulk := func(action string, more object) {
		body := object{"s_query": about("lead"), "action_type": action, "sequence_id": sequence}
		maps.Copy(body, more)
		a.want(200, "POST", "/bulk_action/sequence_subscription/", body)
		a.srv.Advance(3 * time.Second)
	}
	status := func() object {
		return a.want(200, "GET", "/sequence_subscription/?sequence_id="+sequence, nil)["data"].([]any)[0].(object)
	}
	bulk("subscribe", object{
		"sender_account_id": email["email_account_id"], "sender_name": "Bo", "sender_email": "bo@vendor.example", "contact_preference": "all",
	})
	if got := status(); got["status"] != "active" || got["sender_name"] != "Bo" {
		t.Errorf("enrolled: %v", got)
	}
	bulk("pause", nil)
	if got := status(); got["status"] != "paused" || got["status_reason"] != "bulk-action" {
		t.Errorf("paused: %v", got)
	}
	a.want(400, "POST", "/bulk_action/sequence_subscription/", object{"s_query": about("lead"), "action_type": "subscribe"})
}

func TestExports(t *testing.T) {
	a, acme, _ := market(t)
	run := func(kind string, body object) string {
		job := a.want(200, "POST", "/export/"+kind+"/", body)
		if job["status"] != "created" || job["download_url"] != nil {
			t.Errorf("at first: %v", job)
		}
		a.srv.Advance(3 * time.Second)
		job = a.want(200, "GET", "/export/"+job["id"].(string)+"/", nil)
		if job["status"] != "done" {
			t.Fatalf("at the end: %v", job)
		}
		req, err := http.NewRequest(http.MethodGet, job["download_url"].(string), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultClient.Do(req) // without a credential
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 || res.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("status %d, headers %v", res.StatusCode, res.Header)
		}
		r, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	query := about("lead", node("id", object{"value": acme}))
	got := run("lead", object{"format": "csv", "type": "leads", "s_query": query, "fields": []any{"id", "display_name"}})
	if got != "id,display_name\n"+acme+",Acme Corp\n" {
		t.Errorf("leads: %q", got)
	}
	if got := run("lead", object{"format": "json", "type": "leads", "s_query": query, "include_activities": true}); !strings.Contains(got, `"activities":[{`) {
		t.Errorf("with activities: %.200s", got)
	}
	if got := run("lead", object{"format": "csv", "type": "contacts", "fields": []any{"name"}}); got != "name\nAnn Other\n" {
		t.Errorf("contacts: %q", got)
	}
	if got := run("lead", object{"format": "csv", "type": "lead_opps", "fields": []any{"value"}}); got != "value\n1500000\n" {
		t.Errorf("opportunities of leads: %q", got)
	}
	if got := run("opportunity", object{"format": "csv", "params": object{"status_type": "won"}, "fields": []any{"value"}}); got != "value\n" {
		t.Errorf("won opportunities: %q", got)
	}
	if lead, all := a.want(200, "GET", "/export/lead/", nil), a.want(200, "GET", "/export/", nil); len(lead["data"].([]any)) != 4 || len(all["data"].([]any)) != 5 {
		t.Error("the lists do not have 4 and 5 exports")
	}
	a.want(400, "POST", "/export/lead/", object{"format": "csv", "type": "leads", "s_query": node("nonsense", nil)})
}

func TestReports(t *testing.T) {
	a, acme, _ := market(t)
	org := a.srv.Organizations()[0].ID
	feb := object{"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
	activity := func(body object) object { return a.want(200, "POST", "/report/activity/", body) }
	got := activity(object{"type": "overview", "metrics": []any{"calls.outbound.all.count", "calls.all.all.sum_duration"}, "datetime_range": feb})
	if totals := got["aggregations"].(object)["totals"].(object); totals["calls.outbound.all.count"] != 1.0 || totals["calls.all.all.sum_duration"] != 60.0 || len(got["data"].([]any)) != 1 {
		t.Errorf("activities: %v", got)
	}
	got = activity(object{"type": "comparison", "metrics": []any{"leads.created.all.count"}, "relative_range": "today"})
	if row := got["data"].([]any)[0].(object); row["leads.created.all.count"] != 2.0 {
		t.Errorf("by user: %v", got)
	}
	view := a.want(200, "POST", "/saved_search/", object{"name": "Acme", "s_query": object{"query": about("lead", node("id", object{"value": acme}))}})["id"]
	got = activity(object{"type": "overview", "metrics": []any{"leads.created.all.count"}, "relative_range": "today", "query": object{"type": "saved_search", "saved_search_id": view}})
	if got["aggregations"].(object)["totals"].(object)["leads.created.all.count"] != 1.0 {
		t.Errorf("with a Smart View: %v", got)
	}
	for _, body := range []object{
		{"type": "overview", "metrics": []any{"made.up"}, "relative_range": "today"},
		{"type": "overview", "metrics": []any{"notes.all.count"}},
		{"type": "overview", "metrics": []any{"notes.all.count"}, "relative_range": "some-day"},
	} {
		a.want(400, "POST", "/report/activity/", body)
	}

	pipeline := a.want(200, "GET", "/pipeline/", nil)["data"].([]any)[0].(object)
	won := ""
	for _, s := range pipeline["statuses"].([]any) {
		if s.(object)["type"] == "won" {
			won = s.(object)["id"].(string)
		}
	}
	opp := a.want(200, "GET", "/opportunity/?lead_id="+acme, nil)["data"].([]any)[0].(object)["id"].(string)
	a.srv.Advance(48 * time.Hour)
	a.want(200, "PUT", "/opportunity/"+opp+"/", object{"status_id": won})
	body := object{"pipeline": pipeline["id"], "type": "created-cohort", "report_relative_range": "this-month"}
	total := a.want(200, "POST", "/report/funnel/opportunity/totals/", body)["aggregations"].(object)
	if total["count"] != 1.0 || total["count_total_won"] != 1.0 || total["count_win_rate"] != 100.0 || total["value_total_won"] != 1_500_000.0 || total["average_time_to_win"] != 172_800.0 {
		t.Errorf("totals: %v", total)
	}
	stage := a.want(200, "POST", "/report/funnel/opportunity/stages/", body)["aggregations"].(object)["stages"].([]any)[0].(object)
	if stage["count"] != 1.0 || stage["count_conversion_rate"] != 100.0 || stage["average_time_to_advance"] != 172_800.0 {
		t.Errorf("stages: %v", stage)
	}
	body["compared_relative_range"] = "last-month"
	if total := a.want(200, "POST", "/report/funnel/opportunity/totals/", body)["aggregations"].(object); total["count"] != 0.0 {
		t.Errorf("compared: %v", total)
	}
	statuses := a.want(200, "GET", "/report/statuses/opportunity/"+org+"/?date_start=2026-03-11&date_end=2026-03-13", nil)
	if tr := statuses["status_transitions"].([]any); len(tr) != 1 || tr[0].(object)["to_status_id"] != won {
		t.Errorf("transitions: %v", tr)
	}
	leads := a.want(200, "GET", "/report/statuses/lead/"+org+"/?date_start=2026-03-10&date_end=2026-03-10&query=acme", nil)
	if row := leads["status_overview"].([]any)[0].(object); row["started"] != 0.0 || row["ended"] != 1.0 || row["entered"] != 1.0 {
		t.Errorf("lead statuses: %v", row)
	}
	custom := a.want(200, "GET", "/report/custom/"+org+"/?x=lead.date_created", nil)["series"].([]any)[0].(object)
	if p := custom["data"].([]any); len(p) != 1 || p[0].(object)["y"] != 2.0 {
		t.Errorf("custom: %v", custom)
	}
	a.want(404, "GET", "/report/custom/orga_other/?x=lead.date_created", nil)
}

func TestEnrichment(t *testing.T) {
	a, acme, _ := market(t)
	field := a.want(200, "POST", "/custom_field/lead/", object{"name": "Employees", "type": "number"})["id"].(string)
	body := object{"organization_id": a.srv.Organizations()[0].ID, "object_type": "lead", "object_id": acme, "field_id": field, "set_new_value": false}
	value := func() any { return a.want(200, "GET", "/lead/"+acme+"/", nil)["custom."+field] }
	if got := a.want(200, "POST", "/enrich_field/", body); got["value"] != 42.0 || value() != nil {
		t.Errorf("got %v, and the lead has %v", got, value())
	}
	delete(body, "set_new_value")
	a.want(200, "POST", "/enrich_field/", body)
	if value() != 42.0 {
		t.Errorf("the lead has %v", value())
	}
	a.want(200, "PUT", "/lead/"+acme+"/", object{"custom." + field: 7})
	a.want(200, "POST", "/enrich_field/", body)
	if value() != 7.0 {
		t.Errorf("a value that was there became %v", value())
	}
	body["object_type"] = "opportunity"
	a.want(400, "POST", "/enrich_field/", body)
}
