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
		sends       bool
	}{
		{"close_email_create", `{"lead_id": "lead_a"}`, closekit.Write, false},
		{"close_email_create", `{"lead_id": "lead_a", "status": "draft"}`, closekit.Write, false},
		{"close_email_create", `{"lead_id": "lead_a", "status": "sent"}`, closekit.Write, false},
		{"close_email_create", `{"lead_id": "lead_a", "status": "inbox", "sender": "a@b.example"}`, closekit.Write, false},
		{"close_email_create", `{"lead_id": "lead_a", "status": "outbox", "sender": "a@b.example"}`, closekit.Write, true},
		{"close_email_create", `{"lead_id": "lead_a", "status": "scheduled", "sender": "a@b.example", "date_scheduled": "2026-12-01T09:00:00Z"}`, closekit.Write, true},
		{"close_email_update", `{"email_id": "acti_a", "subject": "x"}`, closekit.Write, false},
		{"close_email_update", `{"email_id": "acti_a", "status": "draft"}`, closekit.Write, false},
		{"close_email_update", `{"email_id": "acti_a", "status": "outbox"}`, closekit.Write, true},
		{"close_email_update", `{"email_id": "acti_a", "status": "sent"}`, closekit.Write, true},
		{"close_sms_create", `{"lead_id": "lead_a"}`, closekit.Write, false},
		{"close_sms_create", `{"lead_id": "lead_a", "status": "outbox", "local_phone": "+16505550100"}`, closekit.Write, true},
		{"close_sms_update", `{"sms_id": "acti_a", "text": "x"}`, closekit.Write, false},
		{"close_sms_update", `{"sms_id": "acti_a", "status": "scheduled"}`, closekit.Write, true},
		{"close_sequence_subscription_create", `{"sequence_id": "seq_a", "contact_id": "cont_a"}`, closekit.Write, true},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "status": "paused"}`, closekit.Write, false},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "pause": true}`, closekit.Write, false},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "pause": false}`, closekit.Write, true},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "status": "active"}`, closekit.Write, true},
		{"close_sequence_subscription_update", `{"subscription_id": "sub_a", "sender_name": "x"}`, closekit.Write, true},
		{"close_lead_delete", `{"lead_id": "lead_a"}`, closekit.Destructive, false},
		{"close_lead_get", `{"lead_id": "lead_a"}`, closekit.Read, false},
	} {
		tool, err := tools.Lookup(c.tool)
		if err != nil {
			t.Fatal(err)
		}
		effect, sends, err := tool.EffectOf(json.RawMessage(c.input))
		if err != nil || effect != c.effect || sends != c.sends {
			t.Errorf("%s %s: %s, sends %v, %v", c.tool, c.input, effect, sends, err)
		}
	}
	tool, _ := tools.Lookup("close_email_create")
	var invalid *closekit.ValidationError
	if effect, sends, err := tool.EffectOf(json.RawMessage(`{"status": "draft"}`)); !errors.As(err, &invalid) || effect != closekit.Write || !sends {
		t.Errorf("%s, sends %v, %v", effect, sends, err)
	}
}
