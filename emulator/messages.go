package emulator

import (
	"cmp"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

var messageStatuses = []string{"inbox", "draft", "scheduled", "outbox", "sent", "error"}

// messageFields are common to emails and SMS.
var messageFields = []field{
	{name: "status", kind: choice, choices: messageStatuses, need: true, notNull: true},
	{name: "date_scheduled", kind: instant},
	{name: "template_id", kind: text},
}

func messageResources() []*resource {
	return []*resource{
		activityType(&resource{
			name: "emails", typ: "Email", event: "activity.email",
			fields: slices.Concat(onlyOnCreate(activityFields, "lead_id"), messageFields, []field{
				{name: "sender", kind: text},
				{name: "to", kind: texts, max: 500},
				{name: "cc", kind: texts, max: 500},
				{name: "bcc", kind: texts, max: 500},
				{name: "subject", kind: text, max: 1000},
				{name: "body_text", kind: text, max: 1 << 20},
				{name: "body_html", kind: text, max: 1 << 20},
				{name: "email_account_id", kind: reference, table: "connected_accounts"},
				{name: "in_reply_to_id", kind: reference, table: "activities"},
				{name: "followup_date", kind: dayOrInstant},
				{name: "followup_sequence_id", kind: reference, table: "sequences"},
				{name: "followup_sequence_delay", kind: whole, bounded: true, min: 86400},
				{name: "followup_sequence_add_cc_bcc", kind: flag},
				{name: "attachments", kind: objects, max: 1000},
				{name: "opens", kind: objects},
				{name: "direction", kind: choice, choices: []string{"incoming", "outgoing"}, access: onCreate},
			}),
			prepare: prepareEmail, created: messageCreated, change: changeEmail, changed: messageChanged, render: renderEmail,
			removed: emailRemoved,
			actions: map[string]func(*call) (any, error){"create": createEmail},
		}),
		activityType(&resource{
			name: "sms", typ: "SMS", event: "activity.sms",
			fields: slices.Concat(optionalLead(activityFields), messageFields, []field{
				{name: "text", kind: text},
				{name: "local_phone", kind: text},
				{name: "remote_phone", kind: text},
				{name: "direction", kind: choice, choices: []string{"inbound", "outbound"}, access: onCreate},
				{name: "source", kind: choice, choices: []string{"Close.io", "External"}, access: onCreate},
				{name: "attachments", kind: objects, max: 10},
			}),
			prepare: prepareSMS, created: messageCreated, change: changeSMS, changed: messageChanged, render: renderSMS,
		}),
		activityType(&resource{
			name: "email_threads", typ: "EmailThread", event: "activity.email_thread", render: renderThread,
			removed: threadRemoved, authors: authorNames,
		}),
	}
}

// checkSending checks the fields that the status of a message requires.
func (c *call) checkSending(o, body object, p *problems) {
	if o["status"] == "scheduled" && o["date_scheduled"] == nil {
		p.add("date_scheduled", errRequired)
	}
	if o["status"] != "scheduled" {
		o["date_scheduled"] = nil
	}
	if _, ok := body["status"]; ok {
		o["send_at"] = nil // of an earlier attempt
	}
	if v, ok := body["send_in"]; ok && v != nil {
		n, isNumber := number(v)
		switch {
		case !isNumber:
			p.add("send_in", errType("int"))
		case n < 0 || n >= 60:
			p.add("send_in", "Input should be less than 60")
		case o["status"] == "outbox":
			o["send_at"] = stamp(c.now.Add(time.Duration(n * float64(time.Second))))
		}
	}
}

// account returns the connected account that sends an email.
func (c *call) account(o object) *record {
	if rec := c.st.find("connected_accounts", c.org, str(o["email_account_id"])); rec != nil {
		return rec
	}
	for _, rec := range c.st.table("connected_accounts").all(c.org) {
		if rec.data["user_id"] == o["user_id"] {
			return rec
		}
	}
	return nil
}

// createEmail returns dates without their offset, as the service does for a new
// email.
func createEmail(c *call) (any, error) {
	v, err := c.create()
	if o, ok := v.(object); ok {
		for _, k := range []string{"activity_at", "date_created", "date_updated"} {
			if s, ok := o[k].(string); ok {
				o[k] = strings.TrimSuffix(s, "+00:00")
			}
		}
	}
	return v, err
}

func prepareEmail(c *call, o, body object, p *problems) {
	c.prepareActivity(o, p)
	setDefaults(o, object{
		"sender": nil, "to": []any{}, "cc": []any{}, "bcc": []any{}, "subject": "", "body_text": "", "body_html": "",
		"template_id": nil, "attachments": []any{}, "opens": []any{}, "email_account_id": nil, "in_reply_to_id": nil,
		"followup_date": nil, "followup_sequence_id": nil, "followup_sequence_delay": nil,
		"followup_sequence_add_cc_bcc": false, "date_scheduled": nil, "date_sent": nil,
		"bulk_email_action_id": nil, "sequence_id": nil, "sequence_name": nil, "sequence_subscription_id": nil,
		"send_as_id": nil, "send_attempts": []any{}, "has_reply": false, "need_smtp_credentials": false,
		"body_text_quoted": nil, "body_html_quoted": nil, "opens_summary": nil, "references": []any{},
	})
	for _, k := range []string{"to", "cc", "bcc", "attachments", "opens"} {
		if o[k] == nil {
			o[k] = []any{}
		}
	}
	c.checkEmail(o, body, p)
	status := str(o["status"])
	if o["direction"] == nil {
		o["direction"] = "outgoing"
		if status == "inbox" {
			o["direction"] = "incoming"
		}
	}
	if status == "sent" || status == "inbox" {
		o["date_sent"] = o["activity_at"]
	}
	if len(*p) == 0 {
		o["thread_id"] = c.thread(o)
		if parent := c.st.find("activities", c.org, str(o["in_reply_to_id"])); parent != nil && parent.data["_type"] == "Email" {
			parent.data = shallow(parent.data)
			parent.data["has_reply"] = true
		}
	}
}

// checkEmail checks addresses and fills in sender and account.
func (c *call) checkEmail(o, body object, p *problems) {
	for _, k := range []string{"to", "cc", "bcc"} {
		for i, e := range list(o[k]) {
			if _, err := mail.ParseAddress(str(e)); err != nil {
				p.add(k, object{"errors": object{strconv.Itoa(i): "Not a valid email address."}})
			}
		}
	}
	status := str(o["status"])
	if sender := str(o["sender"]); sender != "" {
		if _, err := mail.ParseAddress(sender); err != nil {
			p.add("sender", "Not a valid email address.")
		}
	} else {
		switch status {
		case "inbox", "scheduled", "outbox", "error":
			p.add("sender", errRequired)
		default:
			if u := c.st.user(str(o["user_id"])); u != nil {
				o["sender"] = u.email
			}
		}
	}
	if status == "scheduled" || status == "outbox" {
		if len(list(o["to"])) == 0 {
			p.add("to", errRequired)
		}
		account := c.account(o)
		if account == nil {
			p.add("email_account_id", errRequired)
		} else {
			o["email_account_id"] = account.id
		}
	}
	c.checkSending(o, body, p)
}

// thread finds or creates the thread of an email and returns its id.
func (c *call) thread(o object) any {
	lead, subject := str(o["lead_id"]), plainSubject(str(o["subject"]))
	if parent := c.st.find("activities", c.org, str(o["in_reply_to_id"])); parent != nil && parent.data["thread_id"] != nil {
		return parent.data["thread_id"]
	}
	for _, rec := range c.st.table("activities").of(lead) {
		if rec.data["_type"] == "EmailThread" && rec.data["latest_normalized_subject"] == subject {
			return rec.id
		}
	}
	rec := c.insert(c.e.resources["email_threads"], c.activity(lead, object{
		"latest_normalized_subject": subject, "contact_id": o["contact_id"],
	}))
	return rec.id
}

// plainSubject returns a subject without reply prefixes.
func plainSubject(s string) string {
	for {
		cut := s
		for _, mark := range []string{"re:", "fwd:", "fw:"} {
			if len(cut) >= len(mark) && strings.EqualFold(cut[:len(mark)], mark) {
				cut = strings.TrimSpace(cut[len(mark):])
			}
		}
		if cut == s {
			return s
		}
		s = cut
	}
}

// changeEmail edits or sends drafts, and cancels messages that have not been sent.
func changeEmail(c *call, rec *record, patch, body object, p *problems) {
	for _, k := range []string{"to", "cc", "bcc", "attachments", "opens"} {
		if v, ok := patch[k]; ok && v == nil {
			patch[k] = []any{}
		}
	}
	if !c.editable(rec, patch, p) {
		return
	}
	c.checkOwnContact(patch, rec.lead, p)
	now := shallow(rec.data)
	maps.Copy(now, patch)
	c.checkEmail(now, body, p)
	for _, k := range []string{"sender", "email_account_id", "date_scheduled", "send_at"} {
		if now[k] != rec.data[k] {
			patch[k] = now[k]
		}
	}
	if now["status"] == "sent" && rec.data["date_sent"] == nil {
		patch["date_sent"] = stamp(c.now)
	}
}

// contentFields can be changed only in a draft.
var contentFields = []string{"sender", "to", "cc", "bcc", "subject", "body_text", "body_html", "template_id", "text", "local_phone", "remote_phone", "attachments"}

// editable applies the life cycle of messages to a patch.
func (c *call) editable(rec *record, patch object, p *problems) bool {
	from := str(rec.data["status"])
	to := from
	if s := str(patch["status"]); s != "" {
		to = s
	}
	waiting := from == "scheduled" || from == "outbox"
	switch {
	case from == "draft" && to != "inbox" && to != "error":
		return true
	case waiting && to == "draft":
		return true
	case from != to:
		p.add("status", "A message cannot go from "+from+" to "+to+".")
		return false
	}
	for _, k := range contentFields {
		if v, ok := patch[k]; ok && string(encodeJSON(v)) != string(encodeJSON(rec.data[k])) {
			p.add(k, "Only drafts can be edited.")
		}
	}
	if v, ok := patch["date_scheduled"]; ok && from == "scheduled" && v == nil {
		p.add("date_scheduled", errRequired)
	}
	return len(*p) == 0
}

func messageCreated(c *call, rec *record, body object) {
	c.queue(rec)
	if date := str(rec.data["followup_date"]); date != "" {
		c.systemTask("email_followup", rec, object{
			"date": date, "email_id": rec.id, "subject": rec.data["subject"], "body_preview": preview(rec.data),
		})
	}
	if rec.data["_type"] == "SMS" && rec.data["status"] == "inbox" && strings.EqualFold(c.query.Get("send_to_inbox"), "true") {
		c.systemTask("incoming_sms", rec, object{
			"date": stamp(c.now), "text": rec.data["text"], "remote_phone": rec.data["remote_phone"], "local_phone": rec.data["local_phone"],
		})
	}
}

func messageChanged(c *call, rec *record, _ object) { c.queue(rec) }

// queue queues a message to be sent after the response to the request, or later.
func (c *call) queue(rec *record) {
	status := rec.data["status"]
	if (status == "outbox" || status == "scheduled") && !slices.Contains(c.st.waiting, rec) {
		c.st.waiting = append(c.st.waiting, rec)
	}
}

// isDue reports whether a message is due.
func isDue(o object, now time.Time) bool {
	at := str(o["send_at"])
	if o["status"] == "scheduled" {
		at = str(o["date_scheduled"])
	}
	t, _, err := parseTime(at, time.UTC)
	return at == "" || err != nil || !t.After(now)
}

// send records a message in the outbox of the emulator and marks it as sent.
func (c *call) send(rec *record) {
	o := rec.data
	m := message{
		Time: c.now, ActivityID: rec.id, LeadID: rec.lead, OrganizationID: rec.org, UserID: str(o["user_id"]),
		Subject: str(o["subject"]), Text: cmp.Or(str(o["text"]), str(o["body_text"])), HTML: str(o["body_html"]),
	}
	if o["_type"] == "SMS" {
		m.Kind, m.From, m.To = "sms", str(o["local_phone"]), []string{str(o["remote_phone"])}
	} else {
		m.Kind, m.From, m.To, m.CC, m.BCC = "email", str(o["sender"]), words(o["to"]), words(o["cc"]), words(o["bcc"])
	}
	c.st.outbox = append(c.st.outbox, m)
	r := c.e.activityResource(str(o["_type"]))
	data := shallow(o)
	data["status"], data["date_sent"], data["date_updated"] = "sent", stamp(c.now), stamp(c.now)
	delete(data, "send_at")
	if o["_type"] == "Email" {
		data["send_attempts"] = []any{object{"date": stamp(c.now), "error_class": nil, "error_message": nil}}
	} else {
		data["cost"] = "1"
	}
	rec.data = data
	c.log(r, rec, "sent", nil, c.snapshot(r, rec))
}

// sendDue sends the queued messages that are due.
func sendDue(e *engine, st *state, now time.Time) {
	if len(st.waiting) == 0 {
		return
	}
	var later []*record
	for _, rec := range st.waiting {
		status := rec.data["status"]
		switch {
		case rec.gone || status != "outbox" && status != "scheduled":
		case isDue(rec.data, now):
			c := e.system(st, rec.org, now)
			c.user = str(rec.data["user_id"])
			c.send(rec)
		default:
			later = append(later, rec)
		}
	}
	st.waiting = later
}

func words(v any) []string {
	var out []string
	for _, e := range list(v) {
		out = append(out, str(e))
	}
	return out
}

func preview(o object) string {
	s := cmp.Or(str(o["body_text"]), plainFromRich(str(o["body_html"])))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100])
	}
	return s
}

func renderEmail(c *call, rec *record, o object) {
	delete(o, "followup_date") // it creates a task; Close does not return it
	o["body_preview"] = preview(o)
	o["template_name"] = nil
	delete(o, "send_at")
	o["message_ids"], o["envelope"] = []any{}, nil
	if o["date_sent"] == nil {
		return
	}
	id := "<" + strings.TrimPrefix(rec.id, "acti_") + "@mailer.close.com>"
	o["message_ids"] = []any{id}
	var date any
	if t, _, err := parseTime(str(o["date_sent"]), time.UTC); err == nil {
		date = t.UTC().Format(time.RFC1123Z)
	}
	from := people([]any{o["sender"]})
	o["envelope"] = object{
		"from": from, "sender": from, "to": people(list(o["to"])), "cc": people(list(o["cc"])), "bcc": people(list(o["bcc"])),
		"reply_to": []any{}, "date": date, "in_reply_to": nil, "is_autoreply": false, "message_id": id, "subject": o["subject"],
	}
}

// people splits addresses into name and address.
func people(in []any) []any {
	out := []any{}
	for _, e := range in {
		if a, err := mail.ParseAddress(str(e)); err == nil {
			out = append(out, object{"email": a.Address, "name": a.Name})
		}
	}
	return out
}

func prepareSMS(c *call, o, body object, p *problems) {
	if o["lead_id"] == nil {
		contact := c.st.find("contacts", c.org, str(o["contact_id"]))
		if contact == nil {
			p.add("lead", errRequired)
		} else {
			o["lead_id"] = contact.lead
		}
	}
	c.prepareActivity(o, p)
	status := str(o["status"])
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
	c.checkSMS(o, body, p)
	if status == "sent" || status == "inbox" {
		o["date_sent"] = o["activity_at"]
	}
}

// checkSMS normalizes the numbers and checks what sending needs.
func (c *call) checkSMS(o, body object, p *problems) {
	if contact := c.st.find("contacts", c.org, str(o["contact_id"])); contact != nil && str(o["remote_phone"]) == "" {
		if phones := list(contact.data["phones"]); len(phones) > 0 {
			first, _ := phones[0].(object)
			o["remote_phone"] = first["phone"]
		}
	}
	for _, k := range []string{"local_phone", "remote_phone"} {
		if s := str(o[k]); s != "" {
			number, ok := e164(s)
			if !ok {
				p.add(k, "Not a valid phone number.")
			}
			o[k] = number
		} else if o["status"] == "outbox" || o["status"] == "scheduled" {
			p.add(k, errRequired)
		}
	}
	if o["status"] == "outbox" || o["status"] == "scheduled" {
		if str(o["text"]) == "" && o["template_id"] == nil && len(list(o["attachments"])) == 0 {
			p.add("text", errRequired)
		}
	}
	c.checkSending(o, body, p)
}

func changeSMS(c *call, rec *record, patch, body object, p *problems) {
	c.patchActivity(rec, patch, p)
	if v, ok := patch["attachments"]; ok && v == nil {
		patch["attachments"] = []any{}
	}
	if !c.editable(rec, patch, p) {
		return
	}
	now := shallow(rec.data)
	maps.Copy(now, patch)
	c.checkSMS(now, body, p)
	for _, k := range []string{"local_phone", "remote_phone", "date_scheduled", "send_at"} {
		if now[k] != rec.data[k] {
			patch[k] = now[k]
		}
	}
	if now["status"] == "sent" && rec.data["date_sent"] == nil {
		patch["date_sent"] = stamp(c.now)
	}
}

func renderSMS(_ *call, _ *record, o object) {
	delete(o, "send_at")
	for _, k := range []string{"local", "remote"} {
		phone := str(o[k+"_phone"])
		o[k+"_phone_formatted"] = nil
		if phone != "" {
			o[k+"_phone_formatted"] = formatPhone(phone)
		}
		o[k+"_country_iso"] = phoneCountry(phone)
	}
}

// emails returns the emails of a thread, oldest first.
func (c *call) emails(thread *record) []*record {
	return slices.DeleteFunc(c.st.table("activities").of(thread.lead), func(rec *record) bool {
		return rec.data["_type"] != "Email" || rec.data["thread_id"] != thread.id
	})
}

func renderThread(c *call, rec *record, o object) {
	latest, participants := []any{}, []any{}
	seen := map[string]bool{}
	mails := c.emails(rec)
	for _, m := range slices.Backward(mails) {
		full := c.render(c.e.resources["emails"], m)
		slim := object{"has_attachments": len(list(full["attachments"])) > 0}
		for _, k := range []string{
			"id", "status", "subject", "sender", "to", "cc", "bcc", "direction", "user_id", "date_created", "date_updated",
			"date_sent", "body_preview", "envelope", "opens_summary", "send_as_id",
		} {
			slim[k] = full[k]
		}
		latest = append(latest, slim)
		for _, e := range people(slices.Concat([]any{full["sender"]}, list(full["to"]), list(full["cc"]))) {
			if address := str(e.(object)["email"]); !seen[address] {
				seen[address] = true
				participants = append(participants, e)
			}
		}
	}
	o["latest_emails"], o["n_emails"], o["participants"] = latest, int64(len(mails)), participants
}

// threadRemoved deletes the emails of a thread.
func threadRemoved(c *call, rec *record) {
	for _, m := range c.emails(rec) {
		c.drop(c.e.resources["emails"], m)
	}
}

// emailRemoved deletes a thread that has no emails left.
func emailRemoved(c *call, rec *record) {
	thread := c.st.find("activities", c.org, str(rec.data["thread_id"]))
	if thread != nil && len(c.emails(thread)) == 0 {
		c.drop(c.e.resources["email_threads"], thread)
	}
}
