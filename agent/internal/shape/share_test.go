package shape_test

import (
	"fmt"
	"testing"

	"github.com/closekit/closekit/agent/internal/shape"
)

// TestShareOfRaw tests how much of Close's responses answers are: of 25 leads at most
// a tenth, of other lists a quarter, by the estimate of tokens. Contacts and notes are
// so small that the two ids of each are a quarter already.
func TestShareOfRaw(t *testing.T) {
	t.Parallel()
	m := start(t)
	status := m.call("close_pipelines_list", `{}`)("data/0/statuses/0/id")
	for i := range 30 {
		lead := m.call("close_lead_create", `{"name":"Acme %d","description":"Makes anvils and ships them.","contacts":[
			{"name":"Ann Lee","title":"CTO","emails":[{"email":"ann%[1]d@acme.example"}],"phones":[{"phone":"+16505550142"}]},
			{"name":"Bo Sand","title":"Buyer","emails":[{"email":"bo%[1]d@acme.example"}]}]}`, i)
		id, ann := lead("id"), lead("contacts/0/id")
		m.call("close_opportunity_create", `{"lead_id":%q,"status_id":%q,"value":%d,"value_period":"annual","confidence":%d,"note":"Wants a quote."}`, id, status, 1200000+i*5000, 20+i)
		m.call("close_task_create", `{"lead_id":%q,"text":"Call back","date":"2026-06-20"}`, id)
		m.call("close_note_create", `{"lead_id":%q,"note":%q}`, id, fmt.Sprint("Seat ", i, ": ", long))
		m.call("close_call_create", `{"lead_id":%q,"contact_id":%q,"direction":"outbound","status":"completed","duration":120,"phone":"+16505550142","note":"Reached her"}`, id, ann)
		m.call("close_email_create", `{"lead_id":%q,"contact_id":%q,"status":"draft","to":["ann@acme.example"],"subject":"Offer","body_text":%q}`, id, ann, fmt.Sprint("Order ", i, ": ", long+long))
		m.call("close_sms_create", `{"lead_id":%q,"contact_id":%q,"status":"draft","local_phone":"+16505550100","remote_phone":"+16505550142","text":"On Friday?"}`, id, ann)
	}
	for name, most := range map[string]int{
		"close_leads_list": 10, "close_opportunities_list": 25, "close_tasks_list": 25, "close_activities_list": 25, "close_notes_list": 28,
		"close_calls_list": 25, "close_emails_list": 25, "close_sms_list": 25, "close_contacts_list": 35,
	} {
		raw := m.s.Call(t.Context(), name, []byte(`{"_limit":25,"_fields":["_all"]}`))
		r := m.s.Call(t.Context(), name, []byte(`{"_limit":25}`))
		if raw.Err != nil || r.Err != nil {
			t.Fatal(raw.Err, r.Err)
		}
		all, answer := shape.Tokens(raw.JSON), shape.Tokens([]byte(r.Text))
		share := 100 * float64(answer) / float64(all)
		t.Logf("%s: %d of %d tokens, %.1f %%", name, answer, all, share)
		if share > float64(most) || answer > 4000 {
			t.Errorf("%s: %d of %d tokens, %.1f %%, want at most %d %%\n%s", name, answer, all, share, most, clip(r.Text))
		}
	}
}
