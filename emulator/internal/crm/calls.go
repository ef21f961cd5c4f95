package crm

import (
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func callResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "calls", Type: "Call", Event: "activity.call", Custom: callFields,
		Fields: slices.Concat(optionalLead(activityFields), noteFields, []rest.Field{
			{Name: "status", Kind: rest.Choice, Choices: callStatuses, NotNull: true},
			{Name: "direction", Kind: rest.Choice, Choices: []string{"inbound", "outbound"}, Access: rest.OnCreate},
			{Name: "duration", Kind: rest.Whole, Bounded: true, Max: 604800},
			{Name: "phone", Kind: rest.Text},
			{Name: "recording_url", Kind: rest.Text},
			{Name: "voicemail_url", Kind: rest.Text},
			{Name: "outcome_id", Kind: rest.Text},
			{Name: "quality_info", Kind: rest.Text},
			{Name: "conversation_type_id", Kind: rest.Text},
			{Name: "playbook_id", Kind: rest.Text},
			{Name: "source", Kind: rest.Choice, Choices: []string{"Close.io", "External"}, Access: rest.OnCreate, NotNull: true},
		}),
		Prepare: prepareCall, Created: callCreated, Change: changeCall, Render: renderCall, Changed: callChanged,
		OnDemand: func(*rest.Call, *store.Record) object {
			return object{"recording_transcript": nil, "voicemail_transcript": nil}
		},
	})
}

var callStatuses = []string{"created", "in-progress", "completed", "cancel", "no-answer", "busy", "failed", "timeout"}

// dispositions maps the status of a logged call to its disposition.
var dispositions = map[string]string{
	"completed": "answered", "no-answer": "no-answer", "busy": "busy", "failed": "error", "timeout": "no-answer", "cancel": "abandoned",
}

func prepareCall(c *rest.Call, o, _ object, p *rest.Problems) {
	if o["lead_id"] == nil {
		if contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"])); contact != nil {
			o["lead_id"] = contact.Lead
		} else {
			p.Add("lead", rest.MsgRequired)
		}
	}
	prepareActivity(c, o, p)
	pairNotes(o)
	setDefaults(o, object{
		"status": "completed", "direction": "outbound", "duration": int64(0), "note": "", "note_html": "", "source": "External",
		"phone": nil, "recording_url": nil, "voicemail_url": nil, "outcome_id": nil,
		"voicemail_duration": int64(0), "cost": nil, "local_phone": nil, "dialer_id": nil, "dialer_saved_search_id": nil,
		"coach_legs": []any{}, "transferred_from": nil, "transferred_to": nil, "transferred_from_user_id": nil,
		"transferred_to_user_id": nil, "forwarded_to": nil, "is_forwarded": false, "is_joinable": false,
		"is_to_group_number": false, "recording_expires_at": nil, "recording_duration": nil, "parent_meeting_id": nil,
		"sequence_id": nil, "sequence_name": nil, "sequence_subscription_id": nil, "date_answered": nil,
	})
	if o["direction"] == nil {
		o["direction"] = "outbound"
	}
	checkCall(c, o, p)
	o["call_method"] = "external"
	if o["source"] == "Close.io" {
		o["call_method"] = "regular"
	}
}

// checkCall checks the values of a call and normalizes its phone number.
func checkCall(c *rest.Call, o object, p *rest.Problems) {
	if phone := value.String(o["phone"]); phone != "" {
		if n, ok := callerNumber(c, phone); ok {
			o["phone"] = n.E164
		} else {
			p.Add("phone", msgPhone)
		}
	}
	for _, k := range []string{"recording_url", "voicemail_url"} {
		if u := value.String(o[k]); u != "" && !strings.HasPrefix(u, "https://") {
			p.Add(k, "Not a valid https URL.")
		}
	}
}

func callCreated(c *rest.Call, rec *store.Record, _ object) {
	if rec.Data["status"] == "completed" {
		c.Log(c.Engine.Resources["calls"], rec, "completed", nil, c.Snapshot(c.Engine.Resources["calls"], rec))
	}
}

func callChanged(c *rest.Call, rec *store.Record, before object) {
	if before["status"] != "completed" {
		callCreated(c, rec, nil)
	}
}

func changeCall(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	patchActivity(c, rec, patch, p)
	pairNotes(patch)
	checkCall(c, patch, p)
	if rec.Data["source"] != "Close.io" {
		if direction := value.String(body["direction"]); direction == "inbound" || direction == "outbound" {
			patch["direction"] = direction
		}
		return
	}
	for _, k := range []string{"status", "duration", "direction"} {
		if v, ok := body[k]; ok && v != rec.Data[k] {
			p.Add(k, "This cannot be changed for a call made through Close.")
		}
	}
}

func renderCall(c *rest.Call, _ *store.Record, o object) {
	phone := value.String(o["phone"])
	o["remote_phone"], o["remote_phone_formatted"], o["local_phone_formatted"] = value.OrNull(phone), nil, nil
	n, _ := callerNumber(c, phone)
	if phone != "" {
		o["remote_phone_formatted"] = n.Formatted
	}
	o["remote_country_iso"], o["local_country_iso"] = n.Country, ""
	if value.String(o["note_html"]) == "" {
		o["note_html"] = "<body><p></p></body>"
	}
	o["has_recording"] = value.String(o["recording_url"]) != ""
	o["disposition"] = value.OrNull(dispositions[value.String(o["status"])])
}
