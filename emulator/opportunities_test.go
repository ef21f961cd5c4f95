package emulator_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// status returns the id of the opportunity status with a label.
func (a *api) status(label string) string {
	a.t.Helper()
	rows, _ := a.get("/status/opportunity/")["data"].([]any)
	for _, row := range rows {
		if at(row, "label") == label {
			return text(at(row, "id"))
		}
	}
	a.t.Fatalf("no status %s", label)
	return ""
}

func TestOpportunityCreate(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	contact := a.contact(lead, "Bob")
	o := a.post("/opportunity/", object{
		"lead_id": lead, "contact_id": contact, "value": 1200000, "value_period": "annual", "confidence": 40, "note": "a<b\nc",
		"value_currency": "EUR", "expected_date": "2026-01-01",
	})
	for path, want := range map[string]string{
		"value_formatted": "$12,000 annual", "expected_value": "480000", "annualized_value": "1200000",
		"annualized_expected_value": "480000", "status_label": "Demo Completed", "status_type": "active", "pipeline_name": "Sales",
		"note_html": "<body><p>a&lt;b<br/>c</p></body>", "lead_name": "Acme", "contact_name": "Bob", "user_name": "Ada Example",
		"value_currency": "USD", "date_won": "null", "date_lost": "null", "attachments": "[]", "expected_date": "null",
	} {
		equal(t, o, want, path)
	}
	for _, c := range []struct {
		value     any
		period    string
		formatted string
	}{
		{50000, "one_time", "$500"},
		{5000, "monthly", "$50 monthly"},
		{123450, "one_time", "$1,234.50"},
		{-100, "one_time", "-$1"},
		{nil, "one_time", ""},
		{0, "one_time", "$0"},
		{123456789012, "one_time", "$1,234,567,890.12"},
	} {
		got := a.post("/opportunity/", object{"lead_id": lead, "value": c.value, "value_period": c.period})
		equal(t, got, c.formatted, "value_formatted")
		equal(t, got, "50", "confidence")
	}
	monthly := a.post("/opportunity/", object{"lead_id": lead, "value": 333, "value_period": "monthly"})
	equal(t, monthly, "167", "expected_value")
	equal(t, monthly, "3996", "annualized_value")
	none := a.post("/opportunity/", object{"lead_id": lead})
	equal(t, none, "null", "expected_value")
	stray := a.post("/opportunity/", object{})
	equal(t, stray, "Untitled", "lead_name")
	rich := a.post("/opportunity/", object{"lead_id": lead, "note": "plain", "note_html": "<p>rich &amp; <b>bold</b></p>"})
	equal(t, rich, "<body><p>rich &amp; <b>bold</b></p></body>", "note_html")
	equal(t, rich, "rich & bold", "note")
	byLabel := a.post("/opportunity/", object{"lead_id": lead, "status": "proposal sent"})
	equal(t, byLabel, "Proposal Sent", "status_label")
}

func TestOpportunityRefused(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := a.lead("Acme"), a.lead("Globex")
	contact := a.contact(other, "Bob")
	pipeline := id(a.want(201, "POST", "/pipeline/", object{"name": "Renewals"}))
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"fraction":         {object{"value": 100.5}, "value"},
		"value text":       {object{"value": "100"}, "value"},
		"period":           {object{"value_period": "weekly"}, "value_period"},
		"confidence":       {object{"confidence": 101}, "confidence"},
		"confidence low":   {object{"confidence": -1}, "confidence"},
		"label as id":      {object{"status_id": "In Progress"}, "status"},
		"unknown label":    {object{"status": "In Progress"}, "status"},
		"unknown pipeline": {object{"pipeline_id": "pipe_x"}, "pipeline"},
		"other pipeline":   {object{"pipeline_id": pipeline, "status_id": a.status("Won")}, "status"},
		"empty pipeline":   {object{"pipeline_id": pipeline}, "status"},
		"unknown lead":     {object{"lead_id": "lead_x"}, "lead"},
		"unknown user":     {object{"user_id": "user_x"}, "user"},
		"foreign contact":  {object{"contact_id": contact}, "contact"},
		"date":             {object{"date_won": "soon"}, "date_won"},
		"attachments":      {object{"attachments": []any{"x"}}, "attachments"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.body["lead_id"] == nil {
				c.body["lead_id"] = lead
			}
			a.refused("POST", "/opportunity/", c.body, c.field)
		})
	}
	path := "/opportunity/" + id(a.post("/opportunity/", object{"lead_id": lead})) + "/"
	a.refused("PUT", path, object{"lead_id": nil}, "lead")
	a.refused("PUT", path, object{"confidence": nil}, "confidence")
	a.refused("PUT", path, object{"contact_id": contact}, "contact")
	if got := len(a.srv.Objects("leads")); got != 2 {
		t.Errorf("got %d leads, want 2", got)
	}
}

func TestOpportunityStatus(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	path := "/opportunity/" + id(a.post("/opportunity/", object{"lead_id": lead, "value": 500})) + "/"
	won := a.with("X-Tz-Offset", "12").put(path, object{"status_id": a.status("Won")})
	equal(t, won, "2026-03-11", "date_won")
	equal(t, won, "won", "status_type")
	change := at(a.get("/activity/status_change/opportunity/?lead_id="+lead), "data", 0)
	for name, want := range map[string]string{
		"old_status_label": "Demo Completed", "new_status_label": "Won", "new_status_type": "won", "old_pipeline_name": "Sales",
		"opportunity_date_won": "2026-03-11T00:00:00+00:00", "opportunity_value_formatted": "$5", "_type": "OpportunityStatusChange",
	} {
		equal(t, change, want, name)
	}
	lost := a.put(path, object{"status": "Lost"})
	equal(t, lost, "2026-03-11", "date_won")
	equal(t, lost, "2026-03-10T12:00:00+00:00", "date_lost")
	open := a.put(path, object{"status": "Proposal Sent", "date_won": nil})
	equal(t, open, "null", "date_lost")
	equal(t, open, "null", "date_won")
	given := a.put(path, object{"status": "Won", "date_won": "2026-01-05T23:30:00-02:00"})
	equal(t, given, "2026-01-06", "date_won")
	equal(t, a.put(path, object{"value": nil, "user_id": nil, "note": nil}), "", "note")
	a.del(path)
	a.want(404, "PUT", path, object{})
}

func TestOpportunityList(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := a.lead("Acme"), a.lead("Globex")
	ben := a.srv.Users()[1].ID
	for _, o := range []object{
		{"lead_id": lead, "value": 1000, "note": "first", "status": "Won", "date_won": "2026-02-02", "confidence": 100},
		{"lead_id": lead, "value": 200, "note": "second", "value_period": "monthly", "confidence": 10, "date_won": "2026-03-04"},
		{"lead_id": other, "value": 5000, "note": "third", "value_period": "annual", "user_id": ben, "confidence": 20, "date_won": "2026-03-05"},
		{"lead_id": other, "note": "fourth", "status": "Lost"},
	} {
		a.srv.Advance(time.Minute)
		a.post("/opportunity/", o)
	}
	for query, want := range map[string]string{
		"":                                            "fourth third second first",
		"lead_id=" + lead:                             "second first",
		"lead_id=lead_none":                           "",
		"user_id=" + ben:                              "third",
		"user_id__in=" + ben + ",user_x":              "third",
		"status_type=active":                          "third second",
		"status_type__in=won,lost":                    "fourth first",
		"status_label=Won":                            "first",
		"status=Lost":                                 "fourth",
		"status_id=" + a.status("Won"):                "first",
		"value_period=annual":                         "third",
		"value_period__in=annual,monthly":             "third second",
		"date_won__gte=2026-03-04":                    "third second",
		"date_won__gt=2026-03-04":                     "third",
		"date_won=2026-03-04":                         "second",
		"date_won=":                                   "fourth",
		"date_created__lt=2026-03-10T12:01:30":        "first",
		"date_updated__lte=2026-03-10T12:02:00":       "second first",
		"query=globex":                                "fourth third",
		"query=second":                                "second",
		"lead_query=acme":                             "second first",
		"lead_query=acme&query=second":                "second",
		"query=opportunity_status_type:active":        "third second",
		"query=status_type+in+(won,+lost)":            "fourth first",
		"query=not+status:won+acme":                   "second",
		"query=opportunity_value>=500":                "third first",
		"query=value_period:annual+or+note:first":     "third first",
		"query=has:value+globex":                      "third",
		"query=lead_name:globex+opportunity_user:ben": "third",
		"query=confidence+>+90":                       "first",
		"query=sort:-value":                           "third first second fourth",
		"query=date_won>2026-03-04":                   "third",
		"is_stalled=true":                             "",
		"is_stalled=false":                            "fourth third second first",
		"_order_by=value":                             "fourth second first third",
		"_order_by=-value":                            "third first second fourth",
		"_order_by=-annualized_value":                 "third second first fourth",
		"_order_by=annualized_expected_value":         "fourth second third first",
		"_order_by=date_won":                          "fourth first second third",
		"_order_by=user_name,-confidence":             "first fourth second third",
		"_order_by=nonsense":                          "fourth third second first",
		"nonsense=1&date_won__foo=1":                  "fourth third second first",
		"_limit=1&_skip=1":                            "third",
	} {
		if got := column(a.get("/opportunity/?"+query), "note"); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	all := a.get("/opportunity/?_limit=1")
	for path, want := range map[string]string{
		"total_results": "4", "has_more": "true", "total_value_one_time": "1000", "total_value_monthly": "200", "total_value_annual": "5000",
		"total_value_annualized": "8400", "expected_value_one_time": "1000", "expected_value_monthly": "20", "expected_value_annual": "1000",
		"expected_value_annualized": "2240", "total_value_annualized_formatted": "$84",
		"count_by_value_period": `{"annual":1,"monthly":1,"one_time":2}`,
	} {
		equal(t, all, want, path)
	}
	a.refused("GET", "/opportunity/?date_won__gte=soon", nil, "date_won__gte")
	won := a.get("/opportunity/?status_type=won")
	group := at(a.get("/opportunity/?status_type=won&_group_by=user_id"), "data", 0)
	for _, totals := range []any{won, group} {
		for path, want := range map[string]string{
			"count_by_value_period": `{"one_time":1}`, "total_value_one_time": "1000", "total_value_one_time_formatted": "$10",
			"expected_value_one_time_formatted": "$10", "total_value_monthly": "0", "total_value_monthly_formatted": "null",
			"expected_value_monthly_formatted": "null", "total_value_annual_formatted": "null", "total_value_annualized_formatted": "$10",
		} {
			equal(t, totals, want, path)
		}
	}
	none := a.get("/opportunity/?lead_id=lead_none")
	equal(t, none, "{}", "count_by_value_period")
	equal(t, none, "0", "total_value_annualized")
	equal(t, none, "null", "expected_value_annualized_formatted")

	for by, want := range map[string]string{
		"date_won__week":     "null 2026-02-02 2026-03-02",
		"-date_won__month":   "2026-03-01 2026-02-01 null",
		"date_won__quarter":  "null 2026-01-01",
		"date_won__year":     "null 2026-01-01",
		"date_won__nonsense": "null null null null",
	} {
		if got := column(a.get("/opportunity/?_group_by="+by), "key"); got != want {
			t.Errorf("_group_by=%s: got %q, want %q", by, got, want)
		}
	}
	month := a.get("/opportunity/?_fields=note&_group_by=date_won__month")
	equal(t, month, `[{"note":"third"},{"note":"second"}]`, "data", 2, "objects")
	equal(t, month, "2", "data", 2, "total_results")
	equal(t, month, "5000", "data", 2, "total_value_annual")
	if got := column(a.get("/opportunity/?_group_by=user_id&_limit=1"), "key"); !strings.HasPrefix(got, "user_") {
		t.Errorf("_group_by=user_id: got %q", got)
	}
	if got := a.get("/opportunity/?" + url.Values{"id__in": {id(at(all, "data", 0).(object)) + ",oppo_x"}}.Encode()); len(got["data"].([]any)) != 1 {
		t.Errorf("id__in: got %v", got["data"])
	}
}
