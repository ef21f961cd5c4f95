package emulator

import (
	"net/mail"
	"slices"
	"strconv"
)

var subscriptionStatuses = []string{"active", "paused", "finished", "goal", "error"}

func sequenceResources() []*resource {
	return []*resource{
		{
			name: "sequences", prefix: "seq", short: true, model: "Sequence", event: "sequence", naive: true, authors: authorIDs,
			right: "manage_customizations", ascending: true,
			fields: []field{
				{name: "name", kind: text, need: true, notNull: true},
				{name: "status", kind: choice, choices: []string{"active", "paused", "draft"}, notNull: true},
				{name: "timezone", kind: text},
				{name: "schedule", kind: dict},
				{name: "schedule_id", kind: text},
				{name: "allow_manual_enrollment", kind: flag},
			},
			prepare: prepareSequence, change: changeSequence, removed: sequenceRemoved,
			actions: map[string]func(*call) (any, error){"get": getSequence},
		},
		{
			name: "sequence_subscriptions", prefix: "sub", short: true, model: "SequenceSubscription",
			event: "sequence_subscription", naive: true, authors: authorIDs,
			fields: []field{
				{name: "sequence_id", kind: reference, table: "sequences", need: true, access: onCreate},
				{name: "contact_id", kind: reference, table: "contacts", need: true, access: onCreate},
				{name: "contact_email", kind: text, access: onCreate},
				{name: "sender_account_id", kind: reference, table: "connected_accounts"},
				{name: "sender_name", kind: text},
				{name: "sender_email", kind: text},
				{name: "calls_assigned_to", kind: texts},
			},
			filters: map[string]kind{"sequence_id": text, "contact_id": text, "lead_id": text},
			prepare: prepareSubscription, change: changeSubscription, narrow: narrowSubscriptions,
		},
	}
}

func prepareSequence(c *call, o, body object, p *problems) {
	setDefaults(o, object{
		"status": "active", "timezone": "UTC", "schedule": nil, "schedule_id": nil, "owner_id": orNull(c.user),
		"allow_manual_enrollment": true, "trigger_query": nil, "steps": []any{},
	})
	c.steps(o, body, nil, p)
}

func changeSequence(c *call, rec *record, patch, body object, p *problems) {
	c.steps(patch, body, list(rec.data["steps"]), p)
}

// steps reads the steps of a sequence. Steps of the old list that are not in the
// new one are deleted.
func (c *call) steps(o, body object, old []any, p *problems) {
	raw, ok := body["steps"]
	if !ok || raw == nil {
		return
	}
	rows, ok := raw.([]any)
	if !ok {
		p.add("steps", errType("list"))
		return
	}
	out, wrong, now := []any{}, object{}, naive(c.now)
	for i, e := range rows {
		in, ok := e.(object)
		if !ok {
			wrong[strconv.Itoa(i)] = errType("dict")
			continue
		}
		var step object
		if id, has := in["id"]; has {
			at := slices.IndexFunc(old, func(e any) bool { return str(e.(object)["id"]) == str(id) })
			if at < 0 {
				wrong[strconv.Itoa(i)] = object{"id": errNoObject}
				continue
			}
			step = shallow(old[at].(object))
		} else {
			step = object{
				"id": c.st.ids.short("seqstep"), "step_type": "email", "delay": int64(0), "required": true, "email_template_id": nil,
				"sms_template_id": nil, "threading": nil, "step_allowed_delay": nil, "created_by_id": orNull(c.user), "date_created": now,
			}
		}
		for _, k := range []string{"step_type", "delay", "required", "email_template_id", "sms_template_id", "threading", "step_allowed_delay"} {
			if v, has := in[k]; has {
				step[k] = v
			}
		}
		if _, ok := step["delay"].(int64); !ok {
			wrong[strconv.Itoa(i)] = object{"delay": errType("int")}
		}
		if _, ok := step["step_type"].(string); !ok {
			wrong[strconv.Itoa(i)] = object{"step_type": errType("basestring")}
		}
		step["updated_by_id"], step["date_updated"] = orNull(c.user), now
		out = append(out, step)
	}
	if len(wrong) > 0 {
		p.add("steps", object{"errors": wrong})
	}
	o["steps"] = out
}

// getSequence adds the counts that lists do not have.
func getSequence(c *call) (any, error) {
	rec, err := c.target()
	if err != nil {
		return nil, err
	}
	counts := object{}
	for _, status := range subscriptionStatuses {
		counts[status] = int64(0)
	}
	for _, sub := range c.st.table("sequence_subscriptions").all(c.org) {
		if sub.data["sequence_id"] == rec.id {
			status := str(sub.data["status"])
			counts[status] = integer(counts[status]) + 1
		}
	}
	o := c.render(c.r, rec)
	o["subscription_counts_by_status"] = counts
	return c.selection().pick(o, nil), nil
}

func sequenceRemoved(c *call, rec *record) {
	for _, sub := range c.st.table("sequence_subscriptions").all(c.org) {
		if sub.data["sequence_id"] == rec.id {
			c.drop(c.e.resources["sequence_subscriptions"], sub)
		}
	}
}

// hasStep reports whether a sequence has a step of a kind.
func hasStep(sequence *record, kind string) bool {
	return slices.ContainsFunc(list(sequence.data["steps"]), func(e any) bool { return e.(object)["step_type"] == kind })
}

func prepareSubscription(c *call, o, _ object, p *problems) {
	sequence := c.st.find("sequences", c.org, str(o["sequence_id"]))
	contact := c.st.find("contacts", c.org, str(o["contact_id"]))
	if sequence == nil || contact == nil {
		return // reported with the fields
	}
	if sequence.data["status"] != "active" {
		p.add("sequence_id", "The sequence is not active.")
	}
	for _, sub := range c.st.table("sequence_subscriptions").of(contact.lead) {
		open := sub.data["status"] == "active" || sub.data["status"] == "paused"
		if open && sub.data["contact_id"] == contact.id && sub.data["sequence_id"] == sequence.id {
			p.add("contact_id", "The contact is already subscribed to this sequence.")
		}
	}
	if o["contact_email"] == nil {
		if mails := list(contact.data["emails"]); len(mails) > 0 {
			first, _ := mails[0].(object)
			o["contact_email"] = first["email"]
		}
	}
	if hasStep(sequence, "email") {
		if str(o["contact_email"]) == "" {
			p.add("contact_email", errRequired)
		}
		if o["sender_account_id"] == nil {
			p.add("sender_account_id", errRequired)
		}
	}
	c.sender(o, p)
	setDefaults(o, object{
		"contact_email": nil, "sender_account_id": nil, "sender_name": nil, "sender_email": nil, "calls_assigned_to": []any{},
	})
	o["lead_id"], o["owner_id"], o["status"], o["status_reason"] = contact.lead, orNull(c.user), "active", nil
	o["start_date"], o["initial_email_id"], o["paused_by_activity_id"], o["step_last_processed_at"] = nil, nil, nil, nil
}

// sender sets name and address from the account. In strict mode the request must
// have them.
func (c *call) sender(o object, p *problems) {
	if address := str(o["sender_email"]); address != "" {
		if _, err := mail.ParseAddress(address); err != nil {
			p.add("sender_email", "Not a valid email address.")
		}
	}
	account := c.st.find("connected_accounts", c.org, str(o["sender_account_id"]))
	if account == nil {
		return
	}
	identity := object{}
	if all := list(account.data["identities"]); len(all) > 0 {
		identity, _ = all[0].(object)
	}
	for k, from := range map[string]string{"sender_name": "name", "sender_email": "email"} {
		if str(o[k]) != "" {
			continue
		}
		if c.e.opts.strict {
			p.add(k, errRequired)
		}
		o[k] = identity[from]
	}
}

func changeSubscription(c *call, rec *record, patch, body object, p *problems) {
	if patch["sender_account_id"] != nil {
		c.sender(patch, p)
	}
	raw, ok := body["status"]
	if !ok {
		return
	}
	status, _ := raw.(string)
	old := rec.data["status"]
	switch {
	case status != "active" && status != "paused":
		p.add("status", "Value must be one of active, paused.")
	case old != "active" && old != "paused" && old != "error":
		p.add("status", "A subscription that has ended cannot be changed.")
	case status != old:
		patch["status"], patch["status_reason"] = status, nil
		if status == "paused" {
			patch["status_reason"] = "manual"
		}
	}
}

// narrowSubscriptions requires one of the filters.
func narrowSubscriptions(c *call) (func(*record) bool, error) {
	for _, k := range []string{"sequence_id", "contact_id", "lead_id"} {
		if c.query.Get(k) != "" {
			return nil, nil
		}
	}
	return nil, wrongList("One of sequence_id, contact_id and lead_id must be given.")
}
