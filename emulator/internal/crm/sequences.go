package crm

import (
	"net/mail"
	"slices"
	"strconv"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var subscriptionStatuses = []string{"active", "paused", "finished", "goal", "error"}

func sequenceResources() []*rest.Resource {
	return []*rest.Resource{
		{
			Name: "sequences", Prefix: "seq", Short: true, Model: "Sequence", Event: "sequence", Authors: rest.AuthorIDs,
			Right: "manage_customizations", Ascending: true,
			Fields: []rest.Field{
				{Name: "name", Kind: rest.Text, Need: true, NotNull: true},
				{Name: "status", Kind: rest.Choice, Choices: []string{"active", "paused", "draft"}, NotNull: true},
				{Name: "timezone", Kind: rest.Text},
				{Name: "schedule", Kind: rest.Dict},
				{Name: "schedule_id", Kind: rest.Text},
				{Name: "allow_manual_enrollment", Kind: rest.Flag},
			},
			Prepare: prepareSequence, Change: changeSequence, Removed: sequenceRemoved,
			Actions: map[string]func(*rest.Call) (any, error){"get": getSequence},
		},
		{
			Name: "sequence_subscriptions", Prefix: "sub", Short: true, Model: "SequenceSubscription",
			Event: "sequence_subscription", Authors: rest.AuthorIDs,
			Fields: []rest.Field{
				{Name: "sequence_id", Kind: rest.Reference, Table: "sequences", Need: true, Access: rest.OnCreate},
				{Name: "contact_id", Kind: rest.Reference, Table: "contacts", Need: true, Access: rest.OnCreate},
				{Name: "contact_email", Kind: rest.Text, Access: rest.OnCreate},
				{Name: "sender_account_id", Kind: rest.Reference, Table: "connected_accounts"},
				{Name: "sender_name", Kind: rest.Text},
				{Name: "sender_email", Kind: rest.Text},
				{Name: "calls_assigned_to", Kind: rest.Texts},
			},
			Filters: map[string]rest.Kind{"sequence_id": rest.Text, "contact_id": rest.Text, "lead_id": rest.Text},
			Prepare: prepareSubscription, Change: changeSubscription, Narrow: narrowSubscriptions,
		},
	}
}

func prepareSequence(c *rest.Call, o, body object, p *rest.Problems) {
	setDefaults(o, object{
		"status": "active", "timezone": "UTC", "schedule": nil, "schedule_id": nil, "owner_id": value.OrNull(c.User),
		"allow_manual_enrollment": true, "trigger_query": nil, "steps": []any{},
	})
	stepsOf(c, o, body, nil, p)
}

func changeSequence(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	stepsOf(c, patch, body, value.List(rec.Data["steps"]), p)
}

// stepsOf reads the steps of a sequence. Steps of the old list that are not in the
// new one are deleted.
func stepsOf(c *rest.Call, o, body object, old []any, p *rest.Problems) {
	raw, ok := body["steps"]
	if !ok || raw == nil {
		return
	}
	rows, ok := raw.([]any)
	if !ok {
		p.Add("steps", rest.MsgType("list"))
		return
	}
	out, wrong, now := []any{}, object{}, value.Naive(c.Now)
	for i, e := range rows {
		in, ok := e.(object)
		if !ok {
			wrong[strconv.Itoa(i)] = rest.MsgType("dict")
			continue
		}
		var step object
		if id, has := in["id"]; has {
			at := slices.IndexFunc(old, func(e any) bool { return value.String(e.(object)["id"]) == value.String(id) })
			if at < 0 {
				wrong[strconv.Itoa(i)] = object{"id": rest.MsgNoObject}
				continue
			}
			step = value.Shallow(old[at].(object))
		} else {
			step = object{
				"id": c.State.IDs.Short("seqstep"), "step_type": "email", "delay": int64(0), "required": true, "email_template_id": nil,
				"sms_template_id": nil, "threading": nil, "step_allowed_delay": nil, "created_by_id": value.OrNull(c.User), "date_created": now,
			}
		}
		for _, k := range []string{"step_type", "delay", "required", "email_template_id", "sms_template_id", "threading", "step_allowed_delay"} {
			if v, has := in[k]; has {
				step[k] = v
			}
		}
		if _, ok := step["delay"].(int64); !ok {
			wrong[strconv.Itoa(i)] = object{"delay": rest.MsgType("int")}
		}
		if _, ok := step["step_type"].(string); !ok {
			wrong[strconv.Itoa(i)] = object{"step_type": rest.MsgType("basestring")}
		}
		step["updated_by_id"], step["date_updated"] = value.OrNull(c.User), now
		out = append(out, step)
	}
	if len(wrong) > 0 {
		p.Add("steps", object{"errors": wrong})
	}
	o["steps"] = out
}

// getSequence adds the counts that lists do not have.
func getSequence(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err != nil {
		return nil, err
	}
	counts := object{}
	for _, status := range subscriptionStatuses {
		counts[status] = int64(0)
	}
	for _, sub := range c.State.Table("sequence_subscriptions").All(c.Organization) {
		if sub.Data["sequence_id"] == rec.ID {
			status := value.String(sub.Data["status"])
			counts[status] = value.Int(counts[status]) + 1
		}
	}
	o := c.Render(c.Resource, rec)
	o["subscription_counts_by_status"] = counts
	return c.Selection().Pick(o, nil), nil
}

func sequenceRemoved(c *rest.Call, rec *store.Record) {
	for _, sub := range c.State.Table("sequence_subscriptions").All(c.Organization) {
		if sub.Data["sequence_id"] == rec.ID {
			c.Drop(c.Engine.Resources["sequence_subscriptions"], sub)
		}
	}
}

// hasStep reports whether a sequence has a step of a kind.
func hasStep(sequence *store.Record, kind string) bool {
	return slices.ContainsFunc(value.List(sequence.Data["steps"]), func(e any) bool { return e.(object)["step_type"] == kind })
}

func prepareSubscription(c *rest.Call, o, _ object, p *rest.Problems) {
	sequence := c.State.Find("sequences", c.Organization, value.String(o["sequence_id"]))
	contact := c.State.Find("contacts", c.Organization, value.String(o["contact_id"]))
	if sequence == nil || contact == nil {
		return // reported with the fields
	}
	if sequence.Data["status"] != "active" {
		p.Add("sequence_id", "The sequence is not active.")
	}
	for _, sub := range c.State.Table("sequence_subscriptions").Of(contact.Lead) {
		open := sub.Data["status"] == "active" || sub.Data["status"] == "paused"
		if open && sub.Data["contact_id"] == contact.ID && sub.Data["sequence_id"] == sequence.ID {
			p.Add("contact_id", "The contact is already subscribed to this sequence.")
		}
	}
	if o["contact_email"] == nil {
		if mails := value.List(contact.Data["emails"]); len(mails) > 0 {
			first, _ := mails[0].(object)
			o["contact_email"] = first["email"]
		}
	}
	if hasStep(sequence, "email") {
		if value.String(o["contact_email"]) == "" {
			p.Add("contact_email", rest.MsgRequired)
		}
		if o["sender_account_id"] == nil {
			p.Add("sender_account_id", rest.MsgRequired)
		}
	}
	setSender(c, o, p)
	setDefaults(o, object{
		"contact_email": nil, "sender_account_id": nil, "sender_name": nil, "sender_email": nil, "calls_assigned_to": []any{},
	})
	o["lead_id"], o["owner_id"], o["status"], o["status_reason"] = contact.Lead, value.OrNull(c.User), "active", nil
	o["start_date"], o["initial_email_id"], o["paused_by_activity_id"], o["step_last_processed_at"] = nil, nil, nil, nil
}

// setSender sets name and address from the account. In strict mode the request must
// have them.
func setSender(c *rest.Call, o object, p *rest.Problems) {
	if address := value.String(o["sender_email"]); address != "" {
		if _, err := mail.ParseAddress(address); err != nil {
			p.Add("sender_email", "Not a valid email address.")
		}
	}
	account := c.State.Find("connected_accounts", c.Organization, value.String(o["sender_account_id"]))
	if account == nil {
		return
	}
	identity := object{}
	if all := value.List(account.Data["identities"]); len(all) > 0 {
		identity, _ = all[0].(object)
	}
	for k, from := range map[string]string{"sender_name": "name", "sender_email": "email"} {
		if value.String(o[k]) != "" {
			continue
		}
		if c.Engine.Options.Strict {
			p.Add(k, rest.MsgRequired)
		}
		o[k] = identity[from]
	}
}

func changeSubscription(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	if patch["sender_account_id"] != nil {
		setSender(c, patch, p)
	}
	raw, ok := body["status"]
	if !ok {
		return
	}
	status, _ := raw.(string)
	old := rec.Data["status"]
	switch {
	case status != "active" && status != "paused":
		p.Add("status", "Value must be one of active, paused.")
	case old != "active" && old != "paused" && old != "error":
		p.Add("status", "A subscription that has ended cannot be changed.")
	case status != old:
		patch["status"], patch["status_reason"] = status, nil
		if status == "paused" {
			patch["status_reason"] = "manual"
		}
	}
}

// narrowSubscriptions requires one of the filters.
func narrowSubscriptions(c *rest.Call) (func(*store.Record) bool, error) {
	for _, k := range []string{"sequence_id", "contact_id", "lead_id"} {
		if c.Query.Get(k) != "" {
			return nil, nil
		}
	}
	return nil, rest.WrongList("One of sequence_id, contact_id and lead_id must be given.")
}
