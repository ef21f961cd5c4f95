package tools_test

import (
	"encoding/json"
	"testing"

	"github.com/closekit/closekit/closeapi/tools"
)

// TestWhatAToolReturnsCanBeSentBack sends lists as Close returns them to the tools
// that write them: with members that only responses have, null for what is not set,
// and values that Close itself stores.
func TestWhatAToolReturnsCanBeSentBack(t *testing.T) {
	t.Parallel()
	const (
		emails  = `"emails":[{"email":"ann@acme.example","type":"office","is_unsubscribed":false,"email_lower":"ann@acme.example"},{"email":"b@acme.example","type":null,"is_unsubscribed":null}]`
		phones  = `"phones":[{"phone":"+18004445555","phone_formatted":"+1 800-444-5555","country":"US","type":"office","tz_ids":["America/New_York"],"outbound_sms_blocked":false,"is_unsubscribed":false},{"phone":"anonymous","phone_formatted":null,"country":null,"type":"office"},{"phone":"Restricted","type":null}]`
		urls    = `"urls":[{"url":"linkedin:ann","type":"url"},{"url":"https://acme.example","type":null},{"url":"skype:ann.lee?call","type":"url"}]`
		contact = `{"id":"cont_a","lead_id":"lead_a","name":null,"display_name":"Ann","title":null,` + emails + `,` + phones + `,` + urls +
			`,"timezone":null,"timezone_source":null,"custom.cf_a":"x","created_by":null,"date_created":null,"updated_by":"user_a","date_updated":"2026-01-02T03:04:05.000000+00:00","organization_id":"orga_a","integration_links":[{"name":"x","url":"https://x.example"}],"subscriptions":[],"recent_calls":[]}`
		address    = `"addresses":[{"label":"business","address_1":"1 Main St","address_2":null,"city":"X","state":null,"zipcode":null,"country":"US","tz_ids":["America/Chicago"]}]`
		attachment = `{"url":"https://app.close.com/go/file/1/a.pdf","filename":"a.pdf","content_type":"application/pdf","size":5,"thumbnail_url":null,"media_id":"media_a"}`
	)
	for _, c := range []struct{ tool, input string }{
		{"close_contact_update", `{"contact_id":"cont_a",` + emails + `,` + phones + `,` + urls + `}`},
		{"close_contact_create", `{"lead_id":"lead_a",` + emails + `,` + phones + `,` + urls + `}`},
		{"close_lead_create", `{"name":"Acme","contacts":[` + contact + `],` + address + `}`},
		{"close_lead_update", `{"lead_id":"lead_a",` + address + `}`},
		{"close_pipeline_update", `{"pipeline_id":"pipe_a","statuses":[{"id":"stat_a","label":"Won","type":"won","organization_id":"orga_a","pipeline_id":"pipe_a"}]}`},
		{"close_opportunity_update", `{"opportunity_id":"oppo_a","attachments":[` + attachment + `]}`},
		{"close_note_update", `{"note_id":"acti_a","attachments":[` + attachment + `]}`},
		{"close_email_update", `{"email_id":"acti_a","attachments":[` + attachment + `]}`},
	} {
		t.Run(c.tool, func(t *testing.T) {
			t.Parallel()
			tool, err := tools.Lookup(c.tool)
			if err != nil {
				t.Fatal(err)
			}
			if err := tool.Validate(json.RawMessage(c.input)); err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range []struct{ tool, input string }{ // what nothing returns is still refused
		{"close_contact_update", `{"contact_id":"cont_a","emails":[{"email":"a@b","is_unsubscribd":false}]}`},
		{"close_contact_update", `{"contact_id":"cont_a","urls":[{"url":"javascript:alert(1)"}]}`},
		{"close_contact_update", `{"contact_id":"cont_a","urls":[{"url":"data:text/html,x"}]}`},
		{"close_contact_update", `{"contact_id":"cont_a","phones":[{"phone":""}]}`},
		{"close_contact_update", `{"contact_id":"cont_a","phones":[{"phone":"a\nb"}]}`},
	} {
		tool, err := tools.Lookup(c.tool)
		if err != nil {
			t.Fatal(err)
		}
		if tool.Validate(json.RawMessage(c.input)) == nil {
			t.Errorf("%s is accepted", c.input)
		}
	}
}
