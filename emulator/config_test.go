package emulator_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"
)

func TestPipelines(t *testing.T) {
	t.Parallel()
	a := start(t)
	list := a.get("/pipeline/?_limit=200")
	equal(t, list, "Sales", "data", 0, "name")
	equal(t, list, "false", "has_more")
	sales := text(at(list, "data", 0, "id"))
	p := a.want(201, "POST", "/pipeline/", object{"name": "Renewals"})
	if !regexp.MustCompile(`^pipe_[0-9A-Za-z]{22}$`).MatchString(id(p)) {
		t.Errorf("got id %s", id(p))
	}
	equal(t, p, "[]", "statuses")
	equal(t, p, "2026-03-10T12:00:00", "date_created")
	path := "/pipeline/" + id(p) + "/"
	status := a.post("/status/opportunity/", object{"label": "Renewed", "type": "won", "pipeline_id": id(p)})
	second := a.post("/status/opportunity/", object{"label": "Waiting", "status_type": "active", "pipeline_id": id(p)})
	equal(t, a.get(path), `[{"id":"`+id(status)+`","label":"Renewed","type":"won"},{"id":"`+id(second)+`","label":"Waiting","type":"active"}]`, "statuses")
	won := a.status("Won")
	got := a.put(path, object{"name": "Renewals 2", "statuses": []any{object{"id": second["id"]}, object{"id": won}}})
	equal(t, got, "Waiting", "statuses", 0, "label")
	equal(t, got, "Won", "statuses", 1, "label")
	equal(t, got, "Renewed", "statuses", 2, "label")
	if got := text(at(a.get("/pipeline/"+sales+"/"), "statuses")); strings.Contains(got, won) {
		t.Error("a moved status is still in its old pipeline")
	}
	a.want(400, "DELETE", path, nil)
	for _, body := range []object{
		{"statuses": "x"},
		{"statuses": []any{"x"}},
		{"statuses": []any{object{"id": "stat_x"}}},
		{"statuses": []any{object{}}},
		{"statuses": []any{object{"label": "x", "type": "maybe"}}},
	} {
		a.refused("PUT", path, body, "statuses")
	}
	a.refused("POST", "/pipeline/", object{}, "name")
	a.refused("PUT", path, object{"name": nil}, "name")
	full := a.want(201, "POST", "/pipeline/", object{"name": "Full", "statuses": []any{object{"label": "Open"}, object{"label": "Gone", "type": "lost"}}})
	equal(t, full, "Open", "statuses", 0, "label")
	equal(t, full, "lost", "statuses", 1, "type")
	empty := a.want(201, "POST", "/pipeline/", object{"name": "Empty"})
	a.want(204, "DELETE", "/pipeline/"+id(empty)+"/", nil)
	a.want(404, "GET", "/pipeline/"+id(empty)+"/", nil)
	a.second().want(403, "POST", "/pipeline/", object{"name": "x"})
	lead := a.lead("Acme")
	o := a.post("/opportunity/", object{"lead_id": lead, "pipeline_id": full["id"]})
	equal(t, o, "Open (Full)", "status_display_name")
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	a := start(t)
	if got := column(a.get("/status/lead/"), "label"); got != "Potential Bad Fit Qualified Customer Interested Not Interested" {
		t.Errorf("got statuses %q", got)
	}
	s := a.post("/status/lead/", object{"label": "On hold", "color": "blue"})
	path := "/status/lead/" + id(s) + "/"
	equal(t, a.put(path, object{"label": "Paused"}), "Paused", "label")
	lead := a.post("/lead/", object{"name": "x", "status_id": id(s)})
	a.want(400, "DELETE", path, nil)
	a.put("/lead/"+id(lead)+"/", object{"status": "Potential"})
	a.del(path)
	a.want(404, "GET", path, nil)
	a.refused("POST", "/status/lead/", object{"label": "Potential"}, "label")
	a.refused("POST", "/status/lead/", object{}, "label")
	o := a.post("/status/opportunity/", object{"label": "New"})
	equal(t, o, "active", "type")
	equal(t, o, "null", "date_created")
	a.refused("POST", "/status/opportunity/", object{"label": "x", "type": "maybe"}, "type")
	a.refused("POST", "/status/opportunity/", object{"label": "x", "status_type": "maybe"}, "type")
	a.post("/opportunity/", object{"lead_id": id(lead), "status_id": id(o)})
	a.want(400, "DELETE", "/status/opportunity/"+id(o)+"/", nil)
	a.del("/status/opportunity/" + a.status("Lost") + "/")

	org := a.srv.Organizations()[0].ID
	rows := a.get("/status/lead/")["data"].([]any)
	last := text(at(rows[len(rows)-1], "id"))
	got := a.put("/organization/"+org+"/", object{"name": "New Name", "currency": "EUR", "lead_statuses": []any{object{"id": last}}})
	equal(t, got, "New Name", "name")
	equal(t, got, last, "lead_statuses", 0, "id")
	equal(t, a.post("/lead/", object{}), "Not Interested", "status_label")
	equal(t, a.post("/opportunity/", object{"lead_id": id(lead), "value": 100, "value_period": "monthly"}), "€1 monthly", "value_formatted")
	a.refused("PUT", "/organization/"+org+"/", object{"name": ""}, "name")
	a.refused("PUT", "/organization/"+org+"/", object{"currency": "X"}, "currency")
	a.refused("PUT", "/organization/"+org+"/", object{"lead_statuses": []any{"x"}}, "lead_statuses")
	a.second().want(403, "PUT", "/organization/"+org+"/", object{})
	a.want(404, "GET", "/organization/orga_x/", nil)
	a.want(404, "PUT", "/organization/orga_x/", object{})
	members := a.get("/organization/" + org + "/?_expand=memberships__user")
	equal(t, members, "Ada Example", "memberships", 0, "user_full_name")
	equal(t, members, "Ada", "memberships", 0, "user", "first_name")
	unused := a.lead("Globex") // takes the first status, which is the last one of rows
	for _, lead := range a.srv.Objects("leads") {
		a.put("/lead/"+text(lead["id"])+"/", object{"status_id": last})
	}
	for _, row := range rows[:len(rows)-1] {
		a.del("/status/lead/" + text(at(row, "id")) + "/")
	}
	for _, lead := range a.srv.Objects("leads") {
		a.del("/lead/" + text(lead["id"]) + "/")
	}
	a.want(404, "GET", "/lead/"+unused+"/", nil)
	a.want(400, "DELETE", "/status/lead/"+last+"/", nil)
}

func TestUsers(t *testing.T) {
	t.Parallel()
	a := start(t)
	me := a.get("/me/")
	equal(t, me, "Ada", "first_name")
	equal(t, me, "USD", "organizations", 0, "currency")
	equal(t, me, "Potential", "organizations", 0, "lead_statuses", 0, "label")
	equal(t, me, "Sales", "organizations", 0, "pipelines", 0, "name")
	equal(t, me, "admin", "memberships", 0, "role_id")
	equal(t, me, "ada@example.com", "email_accounts", 0, "identities", 0, "email")
	equal(t, a.get("/me/?_fields=email"), `{"email":"ada@example.com"}`)
	if got := column(a.get("/user/?_order_by=last_name,first_name"), "first_name"); got != "Ada Ben" {
		t.Errorf("got %q", got)
	}
	if got := column(a.get("/user/?_order_by=first_name,last_name&_limit=1&_skip=1"), "first_name"); got != "Ben" {
		t.Errorf("got %q", got)
	}
	ben := a.srv.Users()[1].ID
	equal(t, a.get("/user/"+ben+"/"), `["`+a.srv.Organizations()[0].ID+`"]`, "organizations")
	equal(t, a.get("/user/"+ben+"/?_fields=email"), `{"email":"ben@example.com"}`)
	a.want(404, "GET", "/user/user_x/", nil)
	accounts := a.get("/connected_account/?user_id=" + ben)
	equal(t, accounts, "ben@example.com", "data", 0, "email")
	equal(t, a.get("/connected_account/"+text(at(accounts, "data", 0, "id"))+"/"), ben, "user_id")
	if got := len(a.srv.Objects("users")); got != 2 {
		t.Errorf("got %d users", got)
	}
}

func TestCustomFields(t *testing.T) {
	t.Parallel()
	a := start(t)
	for _, owner := range []string{"lead", "contact", "opportunity"} {
		path := "/custom_field/" + owner + "/"
		f := a.post(path, object{"name": "Industry", "type": "choices", "choices": []string{"Steel", "Software"}})
		for name, want := range map[string]string{
			"accepts_multiple_values": "false", "is_shared": "false", "editable_with_roles": "[]", "description": "null",
			"date_created": "2026-03-10T12:00:00+00:00", "created_by_name": "null",
		} {
			equal(t, f, want, name)
		}
		equal(t, a.get(path+"?_fields=name"), `[{"name":"Industry"}]`, "data")
		equal(t, a.get(path+id(f)+"/"), "choices", "type")
		equal(t, a.put(path+id(f)+"/", object{"name": "Branch", "editable_with_roles": nil}), "Branch", "name")
		equal(t, a.get("/custom_field_schema/"+owner+"/"), "Branch", "fields", 0, "name")
		a.del(path + id(f) + "/")
		a.want(404, "GET", path+id(f)+"/", nil)
	}
	a.want(404, "GET", "/custom_field_schema/nothing/", nil)
	equal(t, a.get("/custom_fields/lead/"), "[]", "data")
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"no name":     {object{"type": "text"}, "name"},
		"no type":     {object{"name": "x"}, "type"},
		"type":        {object{"name": "x", "type": "color"}, "type"},
		"textarea":    {object{"name": "x", "type": "textarea"}, "type"},
		"no choices":  {object{"name": "x", "type": "choices"}, "choices"},
		"choices":     {object{"name": "x", "type": "text", "choices": []string{"a"}}, "choices"},
		"equal":       {object{"name": "x", "type": "choices", "choices": []string{"a", "a"}}, "choices"},
		"numbers":     {object{"name": "x", "type": "choices", "choices": []any{1}}, "choices"},
		"multi":       {object{"name": "x", "type": "text", "accepts_multiple_values": true}, "accepts_multiple_values"},
		"description": {object{"name": "x", "type": "text", "description": strings.Repeat("x", 281)}, "description"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/custom_field/lead/", c.body, c.field) })
	}
	a.second().want(403, "POST", "/custom_field/lead/", object{"name": "x", "type": "text"})
}

func TestCustomValues(t *testing.T) {
	t.Parallel()
	a := start(t)
	ben := a.srv.Users()[1]
	field := func(name, kind string, more object) string {
		body := object{"name": name, "type": kind}
		maps.Copy(body, more)
		return "custom." + id(a.post("/custom_field/lead/", body))
	}
	str, num, date, instant := field("Text", "text", nil), field("Number", "number", nil), field("Date", "date", nil), field("Time", "datetime", nil)
	one := field("One", "choices", object{"choices": []string{"a", "b", "c"}})
	many := field("Many", "choices", object{"choices": []string{"a", "b", "c"}, "accepts_multiple_values": true})
	user, contact := field("Owner", "user", nil), field("Buyer", "contact", nil)
	locked := field("Locked", "text", object{"editable_with_roles": []string{"admin"}})
	lead := a.post("/lead/", object{
		str: "x", num: 1.5, date: "2026-01-02", instant: "2026-01-02T03:04:05+01:00", one: "a", many: []string{"a", "b", "a"}, user: "Ben Sample",
		"custom": object{"Locked": "yes"},
	})
	for name, want := range map[string]string{
		str: "x", num: "1.5", date: "2026-01-02", instant: "2026-01-02T02:04:05+00:00", one: "a", many: `["a","b"]`, user: ben.ID, locked: "yes", contact: "null",
	} {
		equal(t, lead, want, name)
	}
	equal(t, lead, "x", "custom", "Text")
	path := "/lead/" + id(lead) + "/"
	bob := a.contact(id(lead), "Bob")
	stranger := a.contact(a.lead("Globex"), "Carl")
	got := a.put(path, object{many + ".add": "c", str: nil, contact: bob, num: "17", user: ben.ID})
	equal(t, got, `["a","b","c"]`, many)
	equal(t, got, bob, contact)
	equal(t, got, "17", num)
	if _, ok := got[str]; ok {
		t.Error("a cleared value is still there")
	}
	equal(t, a.put(path, object{many + ".remove": []string{"a", "b"}}), `["c"]`, many)
	equal(t, a.put(path, object{many: "a"}), `["a"]`, many)
	if got := a.put(path, object{many: []string{}}); got[many] != nil {
		t.Errorf("an empty list left %v", got[many])
	}
	for key, v := range map[string]any{
		str: 5, num: "many", date: "soon", instant: 5, one: "z", many: []string{"z"}, user: "Unknown", contact: stranger, one + ".add": "a",
		"custom.cf_unknown": "x", "custom.": 1,
	} {
		a.refused("PUT", path, object{key: v}, key)
	}
	a.refused("POST", "/lead/", object{many + ".add": "a"}, many+".add")
	a.second().refused("PUT", path, object{locked: "no"}, locked)
	a.second().put(path, object{str: "ben"})

	def := "/custom_field/lead/" + strings.TrimPrefix(one, "custom.") + "/"
	a.put(def, object{"choices": []string{"b"}})
	if got := a.get(path); got[one] != nil {
		t.Errorf("an invalid choice stayed: %v", got[one])
	}
	a.put(path, object{one: "b"})
	a.put(def, object{"type": "text"})
	equal(t, a.get(path), "b", one)
	a.put(path, object{many: []string{"a", "b"}})
	a.put("/custom_field/lead/"+strings.TrimPrefix(many, "custom.")+"/", object{"choices": []string{"b"}})
	equal(t, a.get(path), `["b"]`, many)
	a.put("/custom_field/lead/"+strings.TrimPrefix(num, "custom.")+"/", object{"type": "text"})
	equal(t, a.get(path), "17", num)
	a.del("/custom_field/lead/" + strings.TrimPrefix(one, "custom.") + "/")
	if got := a.get(path); got[one] != nil {
		t.Errorf("a value outlived its field: %v", got[one])
	}
	oppo := "custom." + id(a.post("/custom_field/opportunity/", object{"name": "Size", "type": "number"}))
	o := a.post("/opportunity/", object{"lead_id": id(lead), oppo: 3})
	equal(t, o, "3", oppo)
	equal(t, a.put("/opportunity/"+id(o)+"/", object{oppo: 4}), "4", oppo)
	cont := "custom." + id(a.post("/custom_field/contact/", object{"name": "Hat", "type": "hidden"}))
	nested := a.post("/lead/", object{"contacts": []any{object{"name": "Bob", cont: "red"}}})
	equal(t, nested, "red", "contacts", 0, cont)
}

func TestSequences(t *testing.T) {
	t.Parallel()
	a := start(t)
	list := a.get("/sequence/")
	if got := column(list, "name"); got != "Welcome Call and follow up" {
		t.Errorf("got sequences %q", got)
	}
	equal(t, list, "null", "data", 0, "subscription_counts_by_status")
	s := a.post("/sequence/", object{
		"name": "Mine", "timezone": "Europe/Rome", "schedule": object{"ranges": []any{object{"weekday": 1, "start": "09:00", "end": "16:59"}}},
		"steps": []any{object{"step_type": "call", "delay": 0}, object{"step_type": "email", "delay": 60}},
	})
	equal(t, s, "2026-03-10T12:00:00", "steps", 0, "date_created")
	path := "/sequence/" + id(s) + "/"
	got := a.put(path, object{"steps": []any{object{"id": at(s, "steps", 1, "id"), "delay": 5}}, "status": "paused"})
	equal(t, got, "email", "steps", 0, "step_type")
	equal(t, got, "5", "steps", 0, "delay")
	equal(t, got, "null", "steps", 1)
	for _, steps := range []any{"x", []any{"x"}, []any{object{"id": "seqstep_x"}}, []any{object{"delay": "x"}}, []any{object{"step_type": 5}}} {
		a.refused("PUT", path, object{"steps": steps}, "steps")
	}
	a.refused("POST", "/sequence/", object{"schedule": "x", "name": "x"}, "schedule")

	lead := a.lead("Acme")
	bob := a.contact(lead, "Bob")
	silent := id(a.post("/contact/", object{"lead_id": lead, "name": "Silent"}))
	account := text(at(a.get("/connected_account/"), "data", 0, "id"))
	welcome := text(at(list, "data", 0, "id"))
	sub := a.want(201, "POST", "/sequence_subscription/", object{"sequence_id": welcome, "contact_id": bob, "sender_account_id": account})
	for name, want := range map[string]string{
		"status": "active", "status_reason": "null", "contact_email": "bob@example.com", "sender_email": "ada@example.com", "sender_name": "Ada Example",
		"lead_id": lead, "date_created": "2026-03-10T12:00:00", "created_by_id": a.srv.Users()[0].ID, "created_by": "null",
	} {
		equal(t, sub, want, name)
	}
	subPath := "/sequence_subscription/" + id(sub) + "/"
	paused := a.put(subPath, object{"status": "paused", "pause": false})
	equal(t, paused, "manual", "status_reason")
	equal(t, a.put(subPath, object{"pause": false}), "paused", "status")
	equal(t, a.get("/sequence/"+welcome+"/"), "1", "subscription_counts_by_status", "paused")
	equal(t, a.put(subPath, object{"status": "active", "sender_account_id": account, "sender_name": "Ada"}), "null", "status_reason")
	for _, query := range []string{"sequence_id=" + welcome, "contact_id=" + bob, "lead_id=" + lead} {
		equal(t, a.get("/sequence_subscription/?"+query), id(sub), "data", 0, "id")
	}
	a.want(400, "GET", "/sequence_subscription/", nil)
	for name, c := range map[string]struct {
		body  object
		field string
	}{
		"sequence":  {object{"contact_id": bob}, "sequence_id"},
		"contact":   {object{"sequence_id": welcome}, "contact_id"},
		"unknown":   {object{"sequence_id": welcome, "contact_id": "cont_x"}, "contact_id"},
		"paused":    {object{"sequence_id": id(s), "contact_id": bob, "sender_account_id": account}, "sequence_id"},
		"twice":     {object{"sequence_id": welcome, "contact_id": bob, "sender_account_id": account}, "contact_id"},
		"no sender": {object{"sequence_id": at(list, "data", 1, "id"), "contact_id": bob}, "sender_account_id"},
		"no email":  {object{"sequence_id": welcome, "contact_id": silent, "sender_account_id": account}, "contact_email"},
		"address":   {object{"sequence_id": welcome, "contact_id": silent, "sender_account_id": account, "sender_email": "x"}, "sender_email"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/sequence_subscription/", c.body, c.field) })
	}
	a.refused("PUT", subPath, object{"status": "finished"}, "status")
	a.del("/contact/" + bob + "/")
	a.want(404, "GET", subPath, nil)
	carl := a.contact(lead, "Carl")
	sub = a.want(201, "POST", "/sequence_subscription/", object{"sequence_id": welcome, "contact_id": carl, "sender_account_id": account})
	a.del("/sequence_subscription/" + id(sub) + "/")
	// It goes with its contact to another lead.
	eve, globex := a.contact(lead, "Eve"), a.lead("Globex")
	sub = a.want(201, "POST", "/sequence_subscription/", object{"sequence_id": welcome, "contact_id": eve, "sender_account_id": account})
	a.put("/contact/"+eve+"/", object{"lead_id": globex})
	equal(t, a.get("/sequence_subscription/"+id(sub)+"/"), globex, "lead_id")
	a.del("/contact/" + eve + "/")
	a.want(404, "GET", "/sequence_subscription/"+id(sub)+"/", nil)
	a.want(201, "POST", "/sequence_subscription/", object{"sequence_id": welcome, "contact_id": carl, "sender_account_id": account})
	a.del("/sequence/" + welcome + "/")
	if got := len(a.srv.Objects("sequence_subscriptions")); got != 0 {
		t.Errorf("got %d subscriptions of a deleted sequence", got)
	}
}

// TestUserKeys checks the keys of recordings of 2026.
func TestUserKeys(t *testing.T) {
	t.Parallel()
	a := start(t)
	cf := id(a.post("/custom_field/lead/", object{"name": "Industry", "type": "text"}))
	me := a.get("/me/")
	for path, want := range map[string]string{
		"country": "US", "outbound_carrier": "twilio", "preferred_twilio_edge": "null", "is_passwordless": "false", "totp_auth_state": "disabled",
		"google_profile_image_url": "null", "email_verified_at": "2026-03-10T12:00:00+00:00", "phone": "null",
	} {
		if _, ok := me[path]; !ok {
			t.Errorf("/me/ lacks %s", path)
		}
		equal(t, me, want, path)
	}
	org := at(me, "organizations", 0)
	for path, want := range map[string]string{
		"currency_symbol": "$", "plan_id": "scale", "plan_version": "5", "status": "active", "features": "[]", "abandonment_message_url": "",
		"limit_of_connected_accounts_per_membership": "10", "predictive_dialer_status": "disabled", "enable_unsubscribe_link": "false",
		"require_unsubscribe_link": "false", "transcript_enabled": "true",
	} {
		equal(t, org, want, path)
	}
	equal(t, org, cf, "lead_custom_fields", 0, "id")
	equal(t, org, "null", "opportunity_statuses", 0, "pipeline_id")
	for path, want := range map[string]string{
		"default_caller_id": "null", "hangup_recording_url": "null", "may_workflows_impersonate": "false", "onboarding_status": "done", "primary_personal_number": "null",
	} {
		membership, _ := at(me, "memberships", 0).(object)
		if _, ok := membership[path]; !ok {
			t.Errorf("the membership lacks %s", path)
		}
		equal(t, membership, want, path)
	}
	equal(t, me, text(at(me, "memberships", 0, "id")), "email_signatures", 0, "membership_id")
	for _, user := range []any{a.get("/user/" + id(me) + "/"), at(a.get("/user/"), "data", 1)} {
		equal(t, user, "2026-03-10T12:00:00+00:00", "email_verified_at")
		if _, ok := user.(object)["google_profile_image_url"]; !ok {
			t.Errorf("a user lacks google_profile_image_url: %v", user)
		}
	}
}
