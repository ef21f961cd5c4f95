package crm

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var messageStatuses = []string{"inbox", "draft", "scheduled", "outbox", "sent", "error"}

// messageFields are common to emails and SMS.
var messageFields = []rest.Field{
	{Name: "status", Kind: rest.Choice, Choices: messageStatuses, Need: true, NotNull: true},
	{Name: "date_scheduled", Kind: rest.Instant},
	{Name: "template_id", Kind: rest.Text},
}

// checkSending checks the fields that the status of a message requires.
func checkSending(c *rest.Call, o, body object, p *rest.Problems) {
	if o["status"] == "scheduled" && o["date_scheduled"] == nil {
		p.Add("date_scheduled", rest.MsgRequired)
	}
	if o["status"] != "scheduled" {
		o["date_scheduled"] = nil
	}
	if _, ok := body["status"]; ok {
		o["send_at"] = nil // of an earlier attempt
	}
	if v, ok := body["send_in"]; ok && v != nil {
		n, isNumber := value.Float(v)
		switch {
		case !isNumber:
			p.Add("send_in", rest.MsgType("int"))
		case n < 0 || n >= 60:
			p.Add("send_in", "Input should be less than 60")
		case o["status"] == "outbox":
			o["send_at"] = value.Stamp(c.Now.Add(time.Duration(n * float64(time.Second))))
		}
	}
}

// contentFields can be changed only in a draft.
var contentFields = []string{"sender", "to", "cc", "bcc", "subject", "body_text", "body_html", "template_id", "text", "local_phone", "remote_phone", "attachments"}

// editable applies the life cycle of messages to a patch.
func editable(rec *store.Record, patch object, p *rest.Problems) bool {
	from := value.String(rec.Data["status"])
	to := from
	if s := value.String(patch["status"]); s != "" {
		to = s
	}
	waiting := from == "scheduled" || from == "outbox"
	switch {
	case from == "draft" && to != "inbox" && to != "error":
		return true
	case waiting && to == "draft":
		return true
	case from != to:
		p.Add("status", "A message cannot go from "+from+" to "+to+".")
		return false
	}
	for _, k := range contentFields {
		if v, ok := patch[k]; ok && string(value.Encode(v)) != string(value.Encode(rec.Data[k])) {
			p.Add(k, "Only drafts can be edited.")
		}
	}
	if v, ok := patch["date_scheduled"]; ok && from == "scheduled" && v == nil {
		p.Add("date_scheduled", rest.MsgRequired)
	}
	return len(*p) == 0
}

func messageCreated(c *rest.Call, rec *store.Record, body object) {
	queueMessage(c, rec)
	if date := value.String(rec.Data["followup_date"]); date != "" {
		systemTask(c, "email_followup", rec, object{
			"date": date, "email_id": rec.ID, "subject": rec.Data["subject"], "body_preview": preview(rec.Data),
		})
	}
	if rec.Data["_type"] == "SMS" && rec.Data["status"] == "inbox" && strings.EqualFold(c.Query.Get("send_to_inbox"), "true") {
		systemTask(c, "incoming_sms", rec, object{
			"date": value.Stamp(c.Now), "text": rec.Data["text"], "remote_phone": rec.Data["remote_phone"], "local_phone": rec.Data["local_phone"],
		})
	}
}

func messageChanged(c *rest.Call, rec *store.Record, _ object) { queueMessage(c, rec) }

// queueMessage queues a message to be sent after the response to the request, or later.
func queueMessage(c *rest.Call, rec *store.Record) {
	status := rec.Data["status"]
	if (status == "outbox" || status == "scheduled") && !slices.Contains(c.State.Waiting, rec) {
		c.State.Waiting = append(c.State.Waiting, rec)
	}
}

// isDue reports whether a message is due.
func isDue(o object, now time.Time) bool {
	at := value.String(o["send_at"])
	if o["status"] == "scheduled" {
		at = value.String(o["date_scheduled"])
	}
	t, _, err := value.ParseTime(at, time.UTC)
	return at == "" || err != nil || !t.After(now)
}

// sendMessage records a message in the outbox of the emulator and marks it as sent.
func sendMessage(c *rest.Call, rec *store.Record) {
	o := rec.Data
	m := store.Message{
		Time: c.Now, ActivityID: rec.ID, LeadID: rec.Lead, OrganizationID: rec.Organization, UserID: value.String(o["user_id"]),
		Subject: value.String(o["subject"]), Text: cmp.Or(value.String(o["text"]), value.String(o["body_text"])), HTML: value.String(o["body_html"]),
	}
	if o["_type"] == "SMS" {
		m.Kind, m.From, m.To = "sms", value.String(o["local_phone"]), []string{value.String(o["remote_phone"])}
	} else {
		m.Kind, m.From, m.To, m.CC, m.BCC = "email", value.String(o["sender"]), words(o["to"]), words(o["cc"]), words(o["bcc"])
	}
	c.State.Outbox = append(c.State.Outbox, m)
	r := c.Engine.ActivityResource(value.String(o["_type"]))
	data := value.Shallow(o)
	data["status"], data["date_sent"], data["date_updated"] = "sent", value.Stamp(c.Now), value.Stamp(c.Now)
	delete(data, "send_at")
	if o["_type"] == "Email" {
		data["send_attempts"] = []any{object{"date": value.Stamp(c.Now), "error_class": nil, "error_message": nil}}
	} else {
		data["cost"] = "1"
	}
	rec.Data = data
	c.Log(r, rec, "sent", nil, c.Snapshot(r, rec))
}

// SendDue sends the queued messages that are due.
func SendDue(e *rest.Engine, st *store.State, now time.Time) {
	if len(st.Waiting) == 0 {
		return
	}
	var later []*store.Record
	for _, rec := range st.Waiting {
		status := rec.Data["status"]
		switch {
		case rec.Gone || status != "outbox" && status != "scheduled":
		case isDue(rec.Data, now):
			c := e.System(st, rec.Organization, now)
			c.User = value.String(rec.Data["user_id"])
			sendMessage(c, rec)
		default:
			later = append(later, rec)
		}
	}
	st.Waiting = later
}

func words(v any) []string {
	var out []string
	for _, e := range value.List(v) {
		out = append(out, value.String(e))
	}
	return out
}
