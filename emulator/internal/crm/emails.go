package crm

import (
	"cmp"
	"maps"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func emailResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "emails", Type: "Email", Event: "activity.email",
		Fields: slices.Concat(onlyOnCreate(activityFields, "lead_id"), messageFields, []rest.Field{
			{Name: "sender", Kind: rest.Text},
			{Name: "to", Kind: rest.Texts, Max: 500},
			{Name: "cc", Kind: rest.Texts, Max: 500},
			{Name: "bcc", Kind: rest.Texts, Max: 500},
			{Name: "subject", Kind: rest.Text, Max: 1000},
			{Name: "body_text", Kind: rest.Text, Max: 1 << 20},
			{Name: "body_html", Kind: rest.Text, Max: 1 << 20},
			{Name: "email_account_id", Kind: rest.Reference, Table: "connected_accounts"},
			{Name: "in_reply_to_id", Kind: rest.Reference, Table: "activities"},
			{Name: "followup_date", Kind: rest.DayOrInstant},
			{Name: "followup_sequence_id", Kind: rest.Reference, Table: "sequences"},
			{Name: "followup_sequence_delay", Kind: rest.Whole, Bounded: true, Min: 86400},
			{Name: "followup_sequence_add_cc_bcc", Kind: rest.Flag},
			{Name: "attachments", Kind: rest.Attachments, Max: 1000},
			{Name: "opens", Kind: rest.Objects},
			{Name: "direction", Kind: rest.Choice, Choices: []string{"incoming", "outgoing"}, Access: rest.OnCreate},
		}),
		Prepare: prepareEmail, Created: emailCreated, Change: changeEmail, Changed: messageChanged, Render: renderEmail,
		Removed: emailRemoved,
		Actions: map[string]func(*rest.Call) (any, error){"create": createEmail},
	})
}

func threadResource() *rest.Resource {
	return activityType(&rest.Resource{
		Name: "email_threads", Type: "EmailThread", Event: "activity.email_thread", Render: renderThread, Snapshot: threadSnapshot,
		Removed: threadRemoved, Authors: rest.AuthorNames,
	})
}

// accountOf returns the connected account that sends an email.
func accountOf(c *rest.Call, o object) *store.Record {
	if rec := c.State.Find("connected_accounts", c.Organization, value.String(o["email_account_id"])); rec != nil {
		return rec
	}
	for _, rec := range c.State.Table("connected_accounts").All(c.Organization) {
		if rec.Data["user_id"] == o["user_id"] {
			return rec
		}
	}
	return nil
}

// createEmail returns dates without their offset, as the service does for a new
// email.
func createEmail(c *rest.Call) (any, error) {
	v, err := c.Create()
	if o, ok := v.(object); ok {
		for _, k := range []string{"activity_at", "date_created", "date_updated"} {
			if s, ok := o[k].(string); ok {
				o[k] = strings.TrimSuffix(s, "+00:00")
			}
		}
	}
	return v, err
}

func prepareEmail(c *rest.Call, o, body object, p *rest.Problems) {
	prepareActivity(c, o, p)
	setDefaults(o, object{
		"sender": nil, "to": []any{}, "cc": []any{}, "bcc": []any{}, "subject": "", "body_text": "", "body_html": "",
		"template_id": nil, "attachments": []any{}, "opens": []any{}, "email_account_id": nil, "in_reply_to_id": nil,
		"followup_date": nil, "followup_sequence_id": nil, "followup_sequence_delay": nil,
		"followup_sequence_add_cc_bcc": false, "date_scheduled": nil, "date_sent": nil,
		"bulk_email_action_id": c.Meta["bulk_action_id"], "sequence_id": nil, "sequence_name": nil, "sequence_subscription_id": nil,
		"send_as_id": nil, "send_attempts": []any{}, "has_reply": false, "need_smtp_credentials": false,
		"body_text_quoted": nil, "body_html_quoted": nil, "opens_summary": nil, "references": []any{},
	})
	for _, k := range []string{"to", "cc", "bcc", "attachments", "opens"} {
		if o[k] == nil {
			o[k] = []any{}
		}
	}
	checkEmail(c, o, body, p)
	status := value.String(o["status"])
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
		o["thread_id"] = threadOf(c, o)
		if parent := c.State.Find("activities", c.Organization, value.String(o["in_reply_to_id"])); parent != nil && parent.Data["_type"] == "Email" {
			parent.Data = value.Shallow(parent.Data)
			parent.Data["has_reply"] = true
		}
	}
}

// checkEmail checks addresses and fills in sender and account.
func checkEmail(c *rest.Call, o, body object, p *rest.Problems) {
	for _, k := range []string{"to", "cc", "bcc"} {
		for i, e := range value.List(o[k]) {
			if _, err := mail.ParseAddress(value.String(e)); err != nil {
				p.Add(k, object{"errors": object{strconv.Itoa(i): "Not a valid email address."}})
			}
		}
	}
	status := value.String(o["status"])
	if sender := value.String(o["sender"]); sender != "" {
		if _, err := mail.ParseAddress(sender); err != nil {
			p.Add("sender", "Not a valid email address.")
		}
	} else {
		switch status {
		case "inbox", "scheduled", "outbox", "error":
			p.Add("sender", rest.MsgRequired)
		default:
			if u := c.State.User(value.String(o["user_id"])); u != nil {
				o["sender"] = u.Email
			}
		}
	}
	if status == "scheduled" || status == "outbox" {
		if len(value.List(o["to"])) == 0 {
			p.Add("to", rest.MsgRequired)
		}
		account := accountOf(c, o)
		if account == nil {
			p.Add("email_account_id", rest.MsgRequired)
		} else {
			o["email_account_id"] = account.ID
		}
	}
	checkSending(c, o, body, p)
}

// threadOf finds or creates the thread of an email and returns its id. A new
// thread is logged when its first email is stored.
func threadOf(c *rest.Call, o object) any {
	lead, subject := value.String(o["lead_id"]), plainSubject(value.String(o["subject"]))
	if parent := c.State.Find("activities", c.Organization, value.String(o["in_reply_to_id"])); parent != nil && parent.Data["thread_id"] != nil {
		return parent.Data["thread_id"]
	}
	for _, rec := range c.State.Table("activities").Of(lead) {
		if rec.Data["_type"] == "EmailThread" && rec.Data["latest_normalized_subject"] == subject {
			return rec.ID
		}
	}
	return c.Store(c.Engine.Resources["email_threads"], newActivity(c, lead, object{
		"latest_normalized_subject": subject, "contact_id": o["contact_id"],
	})).ID
}

func emailCreated(c *rest.Call, rec *store.Record, body object) {
	if thread := c.State.Find("activities", c.Organization, value.String(rec.Data["thread_id"])); thread != nil {
		before := slices.DeleteFunc(emailsOf(c, thread), func(e *store.Record) bool { return e == rec })
		if len(before) == 0 {
			c.Log(c.Engine.Resources["email_threads"], thread, "created", nil, threadSnapshot(c, thread))
		} else {
			logThread(c, thread, before)
		}
	}
	messageCreated(c, rec, body)
}

// logThread logs that a thread had other emails before.
func logThread(c *rest.Call, thread *store.Record, before []*store.Record) {
	old := threadForm(c, thread, before)
	thread.Data = value.Shallow(thread.Data)
	thread.Data["date_updated"], thread.Data["updated_by"] = value.Stamp(c.Now), value.OrNull(c.User)
	c.Log(c.Engine.Resources["email_threads"], thread, "updated", old, threadSnapshot(c, thread))
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
func changeEmail(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	for _, k := range []string{"to", "cc", "bcc", "attachments", "opens"} {
		if v, ok := patch[k]; ok && v == nil {
			patch[k] = []any{}
		}
	}
	if !editable(rec, patch, p) {
		return
	}
	checkOwnContact(c, patch, rec.Lead, p)
	now := value.Shallow(rec.Data)
	maps.Copy(now, patch)
	checkEmail(c, now, body, p)
	for _, k := range []string{"sender", "email_account_id", "date_scheduled", "send_at"} {
		if now[k] != rec.Data[k] {
			patch[k] = now[k]
		}
	}
	if now["status"] == "sent" && rec.Data["date_sent"] == nil {
		patch["date_sent"] = value.Stamp(c.Now)
	}
}

func preview(o object) string {
	s := cmp.Or(value.String(o["body_text"]), plainFromRich(value.String(o["body_html"])))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100])
	}
	return s
}

func renderEmail(c *rest.Call, rec *store.Record, o object) {
	delete(o, "followup_date") // it creates a task; Close does not return it
	o["body_preview"] = preview(o)
	o["template_name"] = nil
	delete(o, "send_at")
	o["message_ids"], o["envelope"] = []any{}, nil
	if o["date_sent"] == nil {
		return
	}
	id := "<" + strings.TrimPrefix(rec.ID, "acti_") + "@mailer.close.com>"
	o["message_ids"] = []any{id}
	var date any
	if t, _, err := value.ParseTime(value.String(o["date_sent"]), time.UTC); err == nil {
		date = t.UTC().Format(time.RFC1123Z)
	}
	from := people([]any{o["sender"]})
	o["envelope"] = object{
		"from": from, "sender": from, "to": people(value.List(o["to"])), "cc": people(value.List(o["cc"])), "bcc": people(value.List(o["bcc"])),
		"reply_to": []any{}, "date": date, "in_reply_to": nil, "is_autoreply": false, "message_id": id, "subject": o["subject"],
	}
}

// people splits addresses into name and address.
func people(in []any) []any {
	out := []any{}
	for _, e := range in {
		if a, err := mail.ParseAddress(value.String(e)); err == nil {
			out = append(out, object{"email": a.Address, "name": a.Name})
		}
	}
	return out
}

// emailsOf returns the emails of a thread, oldest first.
func emailsOf(c *rest.Call, thread *store.Record) []*store.Record {
	return slices.DeleteFunc(c.State.Table("activities").Of(thread.Lead), func(rec *store.Record) bool {
		return rec.Data["_type"] != "Email" || rec.Data["thread_id"] != thread.ID
	})
}

func renderThread(c *rest.Call, rec *store.Record, o object) {
	mails := emailsOf(c, rec)
	fillThread(c, mails, o)
	if c.Resource == nil || c.Resource.Name != "email_threads" {
		return // a mixed list has previews only
	}
	full := []any{}
	for _, m := range mails {
		e := c.Render(c.Engine.Resources["emails"], m)
		for _, k := range []string{"body_text", "body_html", "body_text_quoted", "body_html_quoted"} {
			delete(e, k)
		}
		full = append(full, e)
	}
	o["emails"] = full
}

// threadSnapshot returns a thread for the event log, with the ids of its emails.
func threadSnapshot(c *rest.Call, rec *store.Record) object {
	return threadForm(c, rec, emailsOf(c, rec))
}

func threadForm(c *rest.Call, rec *store.Record, mails []*store.Record) object {
	o := value.Shallow(rec.Data)
	o["created_by_name"], o["updated_by_name"], o["user_name"] = c.UserName(o["created_by"]), c.UserName(o["updated_by"]), c.UserName(o["user_id"])
	fillThread(c, mails, o)
	ids := []any{}
	for _, m := range mails {
		ids = append(ids, m.ID)
	}
	o["email_ids"] = ids
	return o
}

// fillThread adds what a thread shows of its emails.
func fillThread(c *rest.Call, mails []*store.Record, o object) {
	latest, participants := []any{}, []any{}
	seen := map[string]bool{}
	for _, m := range slices.Backward(mails) {
		full := c.Render(c.Engine.Resources["emails"], m)
		slim := object{"has_attachments": len(value.List(full["attachments"])) > 0}
		for _, k := range []string{
			"id", "status", "subject", "sender", "to", "cc", "bcc", "direction", "user_id", "date_created", "date_updated",
			"date_sent", "body_preview", "envelope", "opens_summary", "send_as_id",
		} {
			slim[k] = full[k]
		}
		latest = append(latest, slim)
		for _, e := range people(slices.Concat([]any{full["sender"]}, value.List(full["to"]), value.List(full["cc"]))) {
			if address := value.String(e.(object)["email"]); !seen[address] {
				seen[address] = true
				participants = append(participants, e)
			}
		}
	}
	o["latest_emails"], o["n_emails"], o["participants"] = latest, int64(len(mails)), participants
}

// threadRemoved deletes the emails of a thread.
func threadRemoved(c *rest.Call, rec *store.Record) {
	for _, m := range emailsOf(c, rec) {
		c.Drop(c.Engine.Resources["emails"], m)
	}
}

// emailRemoved deletes a thread that has no emails left.
func emailRemoved(c *rest.Call, rec *store.Record) {
	thread := c.State.Find("activities", c.Organization, value.String(rec.Data["thread_id"]))
	if thread == nil {
		return
	}
	left := emailsOf(c, thread)
	if len(left) == 0 {
		c.Drop(c.Engine.Resources["email_threads"], thread)
		return
	}
	before := append(left, rec)
	slices.SortFunc(before, store.BySeq)
	logThread(c, thread, before)
}
