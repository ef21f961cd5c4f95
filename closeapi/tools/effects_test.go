package tools_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestEffectOf checks the effects of calls: what may reach a customer or deletes
// must never be classified as less.
func TestEffectOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tool, input string
		effect      closekit.Effect
	}{
		{"close_email_create", `{"lead_id": "lead_a"}`, closekit.Write},
		{"close_email_create", `{"lead_id": "lead_a", "status": "draft"}`, closekit.Write},
		{"close_email_create", `{"lead_id": "lead_a", "status": "sent"}`, closekit.Write},
		{"close_email_create", `{"lead_id": "lead_a", "status": "inbox", "sender": "a@b.example"}`, closekit.Write},
		{"close_email_create", `{"lead_id": "lead_a", "status": "outbox", "sender": "a@b.example"}`, closekit.Sends},
		{"close_email_create", `{"lead_id": "lead_a", "status": "scheduled", "sender": "a@b.example", "date_scheduled": "2026-12-01T09:00:00Z"}`, closekit.Sends},
		{"close_email_update", `{"email_id": "acti_a", "subject": "x"}`, closekit.Write},
		{"close_email_update", `{"email_id": "acti_a", "status": "draft"}`, closekit.Write},
		{"close_email_update", `{"email_id": "acti_a", "status": "outbox"}`, closekit.Sends},
		{"close_email_create", `{"lead_id": "lead_a", "followup_sequence_id": "seq_a"}`, closekit.Sends},
		{"close_email_update", `{"email_id": "acti_a", "status": "draft", "to": ["a@b.example"]}`, closekit.Overwrite},
		{"close_email_update", `{"email_id": "acti_a", "attachments": []}`, closekit.Overwrite},
		{"close_email_update", `{"email_id": "acti_a", "status": "outbox", "attachments": null}`, closekit.Overwrite | closekit.Sends},
		{"close_email_update", `{"email_id": "acti_a", "followup_sequence_id": "seq_a"}`, closekit.Sends},
		{"close_email_update", `{"email_id": "acti_a", "status": "sent"}`, closekit.Sends},
		{"close_sms_create", `{"lead_id": "lead_a"}`, closekit.Write},
		{"close_sms_create", `{"lead_id": "lead_a", "status": "outbox", "local_phone": "+16505550100"}`, closekit.Sends},
		{"close_sms_update", `{"sms_id": "acti_a", "text": "x"}`, closekit.Write},
		{"close_sms_update", `{"sms_id": "acti_a", "status": "scheduled"}`, closekit.Sends},
		{"close_sequence_subscription_create", `{"sequence_id": "seq_a", "contact_id": "cont_a"}`, closekit.Sends},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "status": "paused"}`, closekit.Write},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "pause": true}`, closekit.Write},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "pause": false}`, closekit.Sends},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "status": "active"}`, closekit.Sends},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "sender_name": "x"}`, closekit.Sends},
		{"close_lead_delete", `{"lead_id": "lead_a"}`, closekit.Destructive},
		{"close_lead_merge", `{"source": "lead_a", "destination": "lead_b"}`, closekit.Destructive},
		{"close_lead_update", `{"lead_id": "lead_a", "name": "x"}`, closekit.Write},
		{"close_lead_update", `{"lead_id": "lead_a", "addresses": []}`, closekit.Overwrite},
		{"close_contact_update", `{"contact_id": "cont_a", "title": null}`, closekit.Write},
		{"close_contact_update", `{"contact_id": "cont_a", "phones": null}`, closekit.Overwrite},
		{"close_contact_update", `{"contact_id": "cont_a", "emails": [{"email": "a@b.example"}]}`, closekit.Overwrite},
		{"close_note_update", `{"note_id": "acti_a", "note": "x"}`, closekit.Write},
		{"close_note_update", `{"note_id": "acti_a", "attachments": []}`, closekit.Overwrite},
		{"close_call_update", `{"call_id": "acti_a", "note": "x"}`, closekit.Write},
		{"close_call_update", `{"call_id": "acti_a", "recording_url": null}`, closekit.Destructive},
		{"close_call_update", `{"call_id": "acti_a", "voicemail_url": "https://a.example/b.mp3"}`, closekit.Destructive},
		{"close_call_update", `{"call_id": "acti_a", "recording_transcript": null}`, closekit.Destructive},
		{"close_pipeline_create", `{"name": "x"}`, closekit.Admin},
		{"close_pipeline_update", `{"pipeline_id": "pipe_a", "name": "x"}`, closekit.Admin},
		{"close_pipeline_update", `{"pipeline_id": "pipe_a", "statuses": [{"id": "stat_a"}]}`, closekit.Overwrite | closekit.Admin},
		{"close_pipeline_delete", `{"pipeline_id": "pipe_a"}`, closekit.Destructive | closekit.Admin},
		{"close_custom_field_lead_update", `{"custom_field_id": "cf_a", "name": "x"}`, closekit.Admin},
		{"close_custom_field_lead_update", `{"custom_field_id": "cf_a", "accepts_multiple_values": true}`, closekit.Admin},
		{"close_custom_field_lead_update", `{"custom_field_id": "cf_a", "accepts_multiple_values": false}`, closekit.Destructive | closekit.Admin},
		{"close_custom_field_contact_update", `{"custom_field_id": "cf_a", "choices": ["x"]}`, closekit.Destructive | closekit.Admin},
		{"close_custom_field_opportunity_update", `{"custom_field_id": "cf_a", "type": "text"}`, closekit.Destructive | closekit.Admin},
		{"close_custom_field_opportunity_update", `{"custom_field_id": "cf_a", "editable_with_roles": []}`, closekit.Overwrite | closekit.Admin},
		{"close_webhook_create", `{"url": "https://a.example", "events": [{"object_type": "lead", "action": "created"}]}`, closekit.Egress | closekit.Admin},
		{"close_webhook_update", `{"webhook_id": "whsub_a", "status": "paused"}`, closekit.Admin},
		{"close_webhook_update", `{"webhook_id": "whsub_a", "status": "paused", "url": "https://b.example"}`, closekit.Egress | closekit.Admin},
		{"close_webhook_update", `{"webhook_id": "whsub_a", "status": "active"}`, closekit.Egress | closekit.Admin},
		{"close_webhook_update", `{"webhook_id": "whsub_a", "events": [{"object_type": "lead", "action": "created"}]}`, closekit.Overwrite | closekit.Egress | closekit.Admin},
		{"close_lead_get", `{"lead_id": "lead_a"}`, closekit.Read},
	} {
		tool, err := tools.Lookup(c.tool)
		if err != nil {
			t.Fatal(err)
		}
		effect, err := tool.EffectOf(json.RawMessage(c.input))
		if err != nil || effect != c.effect {
			t.Errorf("%s %s: %s, %v; want %s", c.tool, c.input, effect, err, c.effect)
		}
		if !tool.Effect.Has(effect) {
			t.Errorf("%s %s: %s is more than %s", c.tool, c.input, effect, tool.Effect)
		}
	}
	tool, _ := tools.Lookup("close_email_create")
	var invalid *closekit.ValidationError
	if effect, err := tool.EffectOf(json.RawMessage(`{"status": "draft"}`)); !errors.As(err, &invalid) || effect != closekit.Sends {
		t.Errorf("%s, %v", effect, err)
	}
}
