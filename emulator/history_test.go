package emulator_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/emulator"
)

// seeded starts a server with what the API cannot create.
func seeded(t *testing.T, opts ...emulator.Option) *api {
	t.Helper()
	a := start(t, opts...)
	err := a.srv.Seed(strings.NewReader(`{
		"outcomes": [{"id": "outcome_quote", "name": "Wants a quote"}],
		"forms": [
			{"id": "form_a", "name": "Contact us", "field_definitions": [{"id": "formfld_a", "name": "Wish"}]},
			{"id": "form_b", "name": "Old", "is_archived": true}
		],
		"leads": [{
			"id": "lead_acme", "name": "Acme",
			"meetings": [
				{"id": "acti_now", "title": "Now", "starts_at": "2026-03-10T11:50:00Z", "ends_at": "2026-03-10T12:20:00Z",
				 "provider_calendar_event_id": "e1", "provider_calendar_ids": ["ada"], "transcripts": [{"id": "t1"}]},
				{"id": "acti_off", "title": "Off", "starts_at": "2026-03-09T11:00:00Z", "ends_at": "2026-03-09T12:00:00Z", "status": "canceled"}
			],
			"form_submissions": [{"id": "acti_form", "form_id": "form_a", "values": {"formfld_a": "A quote"}}],
			"import_updates": [{"id": "acti_import", "import_id": "bulk_1"}]
		}]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMeetings(t *testing.T) {
	t.Parallel()
	now := noon
	a := seeded(t, func(o *emulator.Options) { o.Clock = func() time.Time { return now } })
	path := "/activity/meeting/acti_now/"
	equal(t, a.get(path), "in-progress", "status")
	equal(t, a.get(path), "1800", "duration")
	if _, ok := a.get(path)["transcripts"]; ok {
		t.Error("transcripts come without being named")
	}
	equal(t, a.get(path+"?_fields=transcripts"), "t1", "transcripts", 0, "id")
	equal(t, a.get("/activity/meeting/acti_off/"), "canceled", "status")
	now = now.Add(time.Hour)
	equal(t, a.get(path), "completed", "status")

	a.refused("PUT", path, object{"outcome_id": "outcome_none"}, "outcome_id")
	changed := a.put(path, object{"outcome_id": "outcome_quote", "user_note_html": "<p>Yes</p>", "title": "ignored"})
	equal(t, changed, "<body><p>Yes</p></body>", "user_note_html")
	equal(t, changed, "Yes", "user_note")
	equal(t, changed, "Now", "title")
	a.del("/outcome/outcome_quote/")
	equal(t, a.get(path), "outcome_quote", "outcome_id")
	equal(t, a.put(path, object{"user_note_html": nil}), "null", "user_note")

	a.want(405, "POST", "/activity/meeting/", object{"lead_id": "lead_acme"})
	equal(t, a.get("/activity/meeting/?provider_calendar_event_id=e1&provider_calendar_id=ada"), "acti_now", "data", 0, "id")
	equal(t, a.get("/activity/meeting/?provider_calendar_event_id=e1&provider_calendar_id=bob"), "[]", "data")
	equal(t, a.get("/activity/meeting/?provider_calendar_event_id=e1&starts_at__gte="+url.QueryEscape("2026-03-10T12:00:00Z")), "[]", "data")
	a.refused("GET", "/activity/meeting/?provider_calendar_id=ada", nil, "provider_calendar_id")
}

func TestMeetingIntegration(t *testing.T) {
	t.Parallel()
	a := seeded(t)
	path := "/activity/meeting/acti_now/integration/"
	body := object{"integration_data": object{"note_html": "<body>One</body>"}}
	a.want(403, "POST", path, body)
	token, err := a.srv.Grant(a.srv.Users()[0].ID, a.srv.Organizations()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	app := a.bearer(token.AccessToken)
	equal(t, app.post(path, object{}), "{}")
	first := app.post(path, body)
	equal(t, app.post(path, object{"integration_data": object{"note_html": "<body>Two</body>"}}), id(first), "id")
	equal(t, app.post(path, object{}), "<body>Two</body>", "integration_data", "note_html")
	if n := len(a.get("/activity/meeting/acti_now/")["integrations"].([]any)); n != 1 {
		t.Errorf("the meeting has %d integrations, want 1", n)
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	a := seeded(t)
	equal(t, a.get("/form/?is_archived=true"), "form_b", "data", 0, "id")
	submission := a.get("/activity/form_submission/?form_id=form_a,form_b")
	equal(t, submission, "A quote", "data", 0, "values_by_name", "Wish")
	equal(t, submission, "null", "data", 0, "created_by")
	equal(t, submission, "null", "data", 0, "user_id")
	equal(t, a.get("/activity/form_submission/?form_id=form_b"), "[]", "data")
	equal(t, a.get("/activity/?lead_id=lead_acme&_type=FormSubmission"), "acti_form", "data", 0, "id")
	a.del("/activity/form_submission/acti_form/")
	a.want(404, "GET", "/activity/form_submission/acti_form/", nil)
	a.want(405, "POST", "/form/", object{"name": "x"})
}

func TestLeadHistory(t *testing.T) {
	t.Parallel()
	a := seeded(t)
	equal(t, a.get("/activity/import_update/acti_import/"), "false", "reverted")
	a.want(404, "GET", "/activity/created/acti_import/", nil)
	a.del("/activity/import_update/acti_import/")
	equal(t, a.get("/activity/import_update/"), "[]", "data")
	equal(t, a.get("/activity/created/"), "lead_acme", "data", 0, "lead_id")
	a.want(405, "DELETE", "/activity/created/acti_x/", nil)
}

func TestOpportunityStatusChange(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.post("/lead/", object{"name": "Acme"})
	statuses := a.get("/status/opportunity/")
	from, to := text(at(statuses, "data", 0, "id")), text(at(statuses, "data", 3, "id"))
	deal := a.post("/opportunity/", object{"lead_id": id(lead), "status_id": from, "value": 100})
	change := a.post("/activity/status_change/opportunity/", object{
		"lead_id": id(lead), "opportunity_id": id(deal), "old_status_id": from, "new_status_id": to, "date_created": "2026-01-02T00:00:00Z",
	})
	equal(t, change, "won", "new_status_type")
	equal(t, change, "Sales", "new_pipeline_name")
	equal(t, change, "100", "opportunity_value")
	equal(t, change, "2026-01-02T00:00:00+00:00", "activity_at")
	equal(t, a.get("/opportunity/"+id(deal)+"/"), from, "status_id")
	equal(t, a.get("/activity/status_change/opportunity/?opportunity_id="+id(deal)), id(change), "data", 0, "id")
	equal(t, a.get("/activity/status_change/opportunity/?opportunity_id=oppo_other"), "[]", "data")
	a.del("/activity/status_change/opportunity/" + id(change) + "/")
}

func TestWhatsAppMessages(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := id(a.post("/lead/", object{"name": "Acme"}))
	contact := id(a.post("/contact/", object{"lead_id": lead, "name": "Ann"}))
	body := object{
		"lead_id": lead, "contact_id": contact, "activity_at": "2026-03-01T12:00:00Z", "direction": "incoming", "external_whatsapp_message_id": "1",
		"message_markdown": "*a* _b_ ~c~ `d` <x>\nsnake_case_name", "local_phone": "+16505550100", "remote_phone": "+16505551234",
	}
	for name := range body {
		t.Run(name, func(t *testing.T) {
			short := object{}
			for k, v := range body {
				if k != name {
					short[k] = v
				}
			}
			field := map[string]string{"lead_id": "lead", "contact_id": "contact"}[name]
			if field == "" {
				field = name
			}
			a.refused("POST", "/activity/whatsapp_message/", short, field)
		})
	}
	m := a.post("/activity/whatsapp_message/", body)
	equal(t, m, "a b c d <x>\nsnake_case_name", "text")
	equal(t, m, "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code> &lt;x&gt;<br/>snake_case_name</p>", "message_html")
	path := "/activity/whatsapp_message/" + id(m) + "/"
	equal(t, a.put(path, object{"message_markdown": "x", "external_whatsapp_message_id": "2"}), "1", "external_whatsapp_message_id")
	a.refused("PUT", path, object{"remote_phone": "none"}, "remote_phone")
	equal(t, a.get("/activity/whatsapp_message/?external_whatsapp_message_id=1"), id(m), "data", 0, "id")
	equal(t, a.get("/activity/whatsapp_message/?external_whatsapp_message_id=2"), "[]", "data")
	equal(t, a.get("/activity/?lead_id="+lead+"&_type=WhatsAppMessage"), id(m), "data", 0, "id")
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	a := start(t)
	a.refused("POST", "/outcome/", object{"name": ""}, "name")
	a.refused("POST", "/outcome/", object{"name": "x", "type": "none"}, "type")
	equal(t, a.want(201, "POST", "/outcome/", object{"name": "x"}), "custom", "type")
	a.second().want(403, "POST", "/outcome/", object{"name": "x"})
}
