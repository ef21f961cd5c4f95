package crm

import (
	"maps"
	"slices"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func smsResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "sms", Type: "SMS", Event: "activity.sms",
		Fields: slices.Concat(optionalLead(activityFields), messageFields, []rest.Field{
			{Name: "text", Kind: rest.Text},
			{Name: "local_phone", Kind: rest.Text},
			{Name: "remote_phone", Kind: rest.Text},
			{Name: "direction", Kind: rest.Choice, Choices: []string{"inbound", "outbound"}, Access: rest.OnCreate},
			{Name: "source", Kind: rest.Choice, Choices: []string{"Close.io", "External"}, Access: rest.OnCreate},
			{Name: "attachments", Kind: rest.Attachments, Max: 10},
		}),
		Prepare: prepareSMS, Created: messageCreated, Change: changeSMS, Changed: messageChanged, Render: renderSMS,
	})
}

func prepareSMS(c *rest.Call, o, body object, p *rest.Problems) {
	if o["lead_id"] == nil {
		contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"]))
		if contact == nil {
			p.Add("lead", rest.MsgRequired)
		} else {
			o["lead_id"] = contact.Lead
		}
	}
	prepareActivity(c, o, p)
	status := value.String(o["status"])
	setDefaults(o, object{
		"text": "", "local_phone": nil, "remote_phone": nil, "template_id": nil, "source": "Close.io", "attachments": []any{},
		"date_scheduled": nil, "date_sent": nil, "cost": nil, "error_message": nil,
		"sequence_id": nil, "sequence_name": nil, "sequence_subscription_id": nil,
	})
	if o["direction"] == nil {
		o["direction"] = "outbound"
		if status == "inbox" {
			o["direction"] = "inbound"
		}
	}
	if o["attachments"] == nil {
		o["attachments"] = []any{}
	}
	checkSMS(c, o, body, p)
	if status == "sent" || status == "inbox" {
		o["date_sent"] = o["activity_at"]
	}
}

// checkSMS normalizes the numbers and checks what sending needs.
func checkSMS(c *rest.Call, o, body object, p *rest.Problems) {
	if contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"])); contact != nil && value.String(o["remote_phone"]) == "" {
		if phones := value.List(contact.Data["phones"]); len(phones) > 0 {
			first, _ := phones[0].(object)
			o["remote_phone"] = first["phone"]
		}
	}
	for _, k := range []string{"local_phone", "remote_phone"} {
		if s := value.String(o[k]); s != "" {
			n, ok := parsePhone(c, s)
			if !ok {
				p.Add(k, msgPhone)
			}
			o[k] = n.E164
		} else if o["status"] == "outbox" || o["status"] == "scheduled" {
			p.Add(k, rest.MsgRequired)
		}
	}
	if o["status"] == "outbox" || o["status"] == "scheduled" {
		if value.String(o["text"]) == "" && o["template_id"] == nil && len(value.List(o["attachments"])) == 0 {
			p.Add("text", rest.MsgRequired)
		}
	}
	checkSending(c, o, body, p)
}

func changeSMS(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	patchActivity(c, rec, patch, p)
	if v, ok := patch["attachments"]; ok && v == nil {
		patch["attachments"] = []any{}
	}
	if !editable(rec, patch, p) {
		return
	}
	now := value.Shallow(rec.Data)
	maps.Copy(now, patch)
	checkSMS(c, now, body, p)
	for _, k := range []string{"local_phone", "remote_phone", "date_scheduled", "send_at"} {
		if now[k] != rec.Data[k] {
			patch[k] = now[k]
		}
	}
	if now["status"] == "sent" && rec.Data["date_sent"] == nil {
		patch["date_sent"] = value.Stamp(c.Now)
	}
}

func renderSMS(c *rest.Call, _ *store.Record, o object) {
	delete(o, "send_at")
	for _, k := range []string{"local", "remote"} {
		phone := value.String(o[k+"_phone"])
		n, _ := parsePhone(c, phone)
		o[k+"_phone_formatted"], o[k+"_country_iso"] = value.OrNull(n.Formatted), n.Country
	}
}
