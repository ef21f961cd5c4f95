package crm

import (
	"cmp"
	"net/mail"
	"slices"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

var (
	bulkStatuses = [3]string{"loading", "processing", "done"}
	contactsOf   = []string{"lead", "contact", "all"}
	bulkFields   = []rest.Field{
		{Name: "s_query", Kind: rest.Dict, Need: true, NotNull: true, Access: rest.OnCreate},
		{Name: "results_limit", Kind: rest.Whole, Bounded: true, Access: rest.OnCreate},
		{Name: "sort", Kind: rest.Objects, Access: rest.OnCreate},
		{Name: "send_done_email", Kind: rest.Flag, NotNull: true, Access: rest.OnCreate},
	}
)

// jobOf returns what a resource does in the background.
func jobOf(resource string) job {
	run := map[string]func(*rest.Call, *store.Job, string, *store.Record){
		"bulk_actions": deleteOne, "bulk_action_edit": editOne, "bulk_action_email": emailOne, "bulk_action_sequence_subscription": subscribeOne,
	}[resource]
	if run == nil {
		return exportJob(resource)
	}
	return job{statuses: bulkStatuses, count: countBulk, run: func(c *rest.Call, j *store.Job) (object, error) {
		kind, leads, n := kindOfBulk(c, j.Record), map[string]bool{}, 0
		for _, id := range j.IDs {
			rec := c.State.Find(recordKinds[kind].table, c.Organization, id)
			if rec == nil {
				continue
			}
			leads[rec.Lead], n = true, n+1
			c.Failure = nil // of the record before
			run(c, j, kind, rec)
		}
		return object{"n_leads_processed": int64(len(leads)), "n_objects_processed": int64(n)}, nil
	}}
}

func bulkResources() []*rest.Resource {
	bulk := func(name, prefix, event, right string, check func(*rest.Call, object, *rest.Problems), fields ...rest.Field) *rest.Resource {
		return &rest.Resource{
			Name: name, Prefix: prefix, Short: true, Model: "BulkAction", Event: "bulk_action." + event, Authors: rest.AuthorPlain,
			Right: right, Fields: slices.Concat(bulkFields, fields), Filters: map[string]rest.Kind{"template_id": rest.Text},
			Created: startJob,
			Prepare: func(c *rest.Call, o, _ object, p *rest.Problems) {
				prepareBulk(c, o)
				check(c, o, p)
			},
		}
	}
	return []*rest.Resource{
		bulk("bulk_actions", "bulkdelete", "delete", "bulk_delete", func(c *rest.Call, o object, _ *rest.Problems) {
			o["bulk_object_type"] = kindOfBulk(c, &store.Record{Data: o})
		}),
		bulk("bulk_action_edit", "bulkedit", "edit", "bulk_edit", checkEdit,
			rest.Field{Name: "type", Kind: rest.Text, Need: true},
			rest.Field{Name: "lead_status_id", Kind: rest.Reference, Table: "lead_statuses"},
			rest.Field{Name: "custom_field_id", Kind: rest.Text}, rest.Field{Name: "custom_field_name", Kind: rest.Text},
			rest.Field{Name: "custom_field_value"}, rest.Field{Name: "custom_field_values"},
			rest.Field{Name: "custom_field_operation", Kind: rest.Choice, Choices: []string{"replace", "add", "remove"}}),
		bulk("bulk_action_email", "bulkemail", "email", "bulk_email", checkBulkEmail,
			rest.Field{Name: "template_id", Kind: rest.Reference, Table: "email_templates", Need: true},
			rest.Field{Name: "email_account_id", Kind: rest.Reference, Table: "connected_accounts"}, rest.Field{Name: "sender", Kind: rest.Text},
			rest.Field{Name: "contact_preference", Kind: rest.Choice, Choices: contactsOf, Need: true}),
		bulk("bulk_action_sequence_subscription", "bulkseqsub", "sequence_subscription", "bulk_email", checkBulkSubscription,
			rest.Field{Name: "action_type", Kind: rest.Choice, Need: true, Choices: []string{"subscribe", "resume", "resume_finished", "pause", "reassign"}},
			rest.Field{Name: "sequence_id", Kind: rest.Reference, Table: "sequences"},
			rest.Field{Name: "sender_account_id", Kind: rest.Reference, Table: "connected_accounts"},
			rest.Field{Name: "sender_name", Kind: rest.Text}, rest.Field{Name: "sender_email", Kind: rest.Text},
			rest.Field{Name: "contact_preference", Kind: rest.Choice, Choices: contactsOf},
			rest.Field{Name: "calls_assigned_to", Kind: rest.Texts}, rest.Field{Name: "from_phone_number_id", Kind: rest.Text}),
	}
}

// prepareBulk evaluates the query once, so that one that is not understood is refused.
func prepareBulk(c *rest.Call, o object) {
	setDefaults(o, object{
		"results_limit": nil, "sort": []any{}, "send_done_email": true, "query": "", "status": "created",
		"n_leads": nil, "n_leads_processed": int64(0), "n_objects": nil, "n_objects_processed": int64(0),
	})
	if o["sort"] == nil {
		o["sort"] = []any{}
	}
	if o["s_query"] == nil {
		return // reported with the fields
	}
	if _, _, err := findBulk(c, o); err != nil {
		c.Failure = err
	}
}

func findBulk(c *rest.Call, o object) (string, []*store.Record, error) {
	kind, rows, err := find(c, sought{param: "s_query", query: o["s_query"], sort: o["sort"]})
	if limit, ok := o["results_limit"].(int64); ok {
		rows = rows[:min(len(rows), int(limit))]
	}
	return kind, rows, err
}

func kindOfBulk(c *rest.Call, rec *store.Record) string {
	kind, _, _ := findBulk(c, rec.Data)
	return kind
}

// countBulk finds what a bulk action is about.
func countBulk(c *rest.Call, j *store.Job) (object, error) {
	_, rows, err := findBulk(c, j.Record.Data)
	leads := map[string]bool{}
	for _, rec := range rows {
		j.IDs, leads[rec.Lead] = append(j.IDs, rec.ID), true
	}
	return object{"n_leads": int64(len(leads)), "n_objects": int64(len(rows))}, err
}

func deleteOne(c *rest.Call, _ *store.Job, kind string, rec *store.Record) {
	c.Drop(resourceOf(c, recordKinds[kind].table, rec), rec)
}

// editOwners are the owners of the custom fields that types of edits change.
var editOwners = map[string]string{
	"custom_field": "lead", "contact_custom_field": "contact", "opportunity_custom_field": "opportunity",
	"activity_custom_field": "activity", "custom_object_custom_field": "custom_object", "global_custom_field": "shared",
}

func checkEdit(c *rest.Call, o object, p *rest.Problems) {
	verb, what, _ := strings.Cut(value.String(o["type"]), "_")
	owner := editOwners[what]
	switch {
	case o["type"] == "set_lead_status":
		if o["lead_status_id"] == nil {
			p.Add("lead_status_id", rest.MsgRequired)
		}
	case owner == "" || verb != "set" && verb != "clear":
		p.Add("type", rest.MsgNotChoice)
	default:
		def := customDefinition(c, owner, o)
		if def == nil {
			p.Add("custom_field_id", rest.MsgNoObject)
			return
		}
		o["custom_field_id"], o["custom_field_name"] = def.ID, def.Data["name"]
		if verb == "set" && o["custom_field_value"] == nil && o["custom_field_values"] == nil {
			p.Add("custom_field_value", rest.MsgRequired)
		}
	}
	setDefaults(o, object{"lead_status_id": nil, "custom_field_name": nil, "custom_field_value": nil})
}

// customDefinition returns the custom field that an edit names, by id or by name.
func customDefinition(c *rest.Call, owner string, o object) *store.Record {
	for _, def := range c.State.Table(CustomTable(owner)).All(c.Organization) {
		if def.ID == o["custom_field_id"] || o["custom_field_id"] == nil && def.Data["name"] == o["custom_field_name"] {
			return def
		}
	}
	return nil
}

// editOne changes one record of a bulk edit, or those of a lead that have the field. One
// that does not accept the value stays as it is.
func editOne(c *rest.Call, j *store.Job, kind string, rec *store.Record) {
	o := j.Record.Data
	if o["type"] == "set_lead_status" {
		if lead := c.State.Find("leads", c.Organization, rec.Lead); lead != nil {
			_ = c.Modify(c.Engine.Resources["leads"], lead, object{"status_id": o["lead_status_id"]})
		}
		return
	}
	verb, what, _ := strings.Cut(value.String(o["type"]), "_")
	key := "custom." + value.String(o["custom_field_id"])
	if op := value.String(o["custom_field_operation"]); verb == "set" && (op == "add" || op == "remove") {
		key += "." + op
	}
	var v any
	if verb == "set" {
		if v = o["custom_field_value"]; v == nil {
			v = o["custom_field_values"]
		}
	}
	for _, target := range editTargets(c, kind, editOwners[what], rec) {
		_ = c.Modify(target.of, target.rec, object{key: v})
	}
}

type editTarget struct {
	of  *rest.Resource
	rec *store.Record
}

// editTargets returns the records that have the custom fields of an owner: the record that
// was found, or what a lead has of them.
func editTargets(c *rest.Call, kind, owner string, rec *store.Record) []editTarget {
	var out []editTarget
	add := func(table string, rec *store.Record) {
		if r := resourceOf(c, table, rec); r != nil {
			out = append(out, editTarget{r, rec})
		}
	}
	if owner == "shared" || recordKinds[kind].owner == owner {
		add(recordKinds[kind].table, rec)
		return out
	}
	for to, k := range recordKinds {
		if list := relatedRecords(c, kind, to); k.owner == owner && list != nil {
			for _, r := range list(rec) {
				add(k.table, r)
			}
		}
	}
	return out
}

// bulkContacts returns the contacts that a bulk action reaches with a record.
func bulkContacts(c *rest.Call, preference any, kind string, rec *store.Record) []*store.Record {
	if kind == "contact" {
		return []*store.Record{rec}
	}
	if kind != "lead" {
		if contact := c.State.Find("contacts", c.Organization, value.String(rec.Data["contact_id"])); contact != nil {
			return []*store.Record{contact}
		}
	}
	all := slices.DeleteFunc(c.State.Table("contacts").Of(rec.Lead), func(contact *store.Record) bool { return len(partTexts(contact, "emails", "email")) == 0 })
	if preference == "lead" {
		return all[:min(1, len(all))]
	}
	return all
}

func checkBulkEmail(c *rest.Call, o object, p *rest.Problems) {
	account := accountOf(c, object{"email_account_id": o["email_account_id"], "user_id": c.User})
	if account == nil {
		p.Add("email_account_id", rest.MsgRequired)
		return
	}
	o["email_account_id"] = account.ID
	if o["sender"] == nil {
		if u := c.State.User(c.User); u != nil {
			o["sender"] = (&mail.Address{Name: u.Name(), Address: u.Email}).String()
		}
	}
}

// emailOne sends the email of a mailing to the contacts of one record.
func emailOne(c *rest.Call, j *store.Job, kind string, rec *store.Record) {
	o := j.Record.Data
	template := c.State.Find("email_templates", c.Organization, value.String(o["template_id"]))
	if template == nil {
		return
	}
	lead := c.State.Find("leads", c.Organization, rec.Lead)
	for _, contact := range bulkContacts(c, o["contact_preference"], kind, rec) {
		values := valuesFor(c, lead, contact)
		_, _ = c.Add(c.Engine.Resources["emails"], object{ // a contact without an address is passed over
			"lead_id": rec.Lead, "contact_id": contact.ID, "status": "outbox", "template_id": template.ID,
			"to": []any{cmp.Or(slices.Concat(partTexts(contact, "emails", "email"), []string{""})[0])}, "sender": o["sender"],
			"email_account_id": o["email_account_id"], "subject": placesIn(value.String(template.Data["subject"]), values),
			"body_html": placesIn(value.String(template.Data["body"]), values),
		})
	}
}

func checkBulkSubscription(_ *rest.Call, o object, p *rest.Problems) {
	var need []string
	switch o["action_type"] {
	case "subscribe":
		need = []string{"sequence_id", "sender_account_id", "sender_name", "sender_email", "contact_preference"}
	case "reassign":
		need = []string{"sender_account_id", "sender_name", "sender_email"}
	}
	for _, name := range need {
		if value.String(o[name]) == "" {
			p.Add(name, rest.MsgRequired)
		}
	}
	setDefaults(o, object{
		"sequence_id": nil, "sender_account_id": nil, "sender_name": nil, "sender_email": nil, "contact_preference": nil,
		"calls_assigned_to": nil, "from_phone_number_id": nil,
	})
}

// subscribeOne enrolls the contacts of one record, or changes their enrollments. A contact
// that is enrolled already is passed over.
func subscribeOne(c *rest.Call, j *store.Job, kind string, rec *store.Record) {
	o := j.Record.Data
	r := c.Engine.Resources["sequence_subscriptions"]
	sender := object{"sender_account_id": o["sender_account_id"], "sender_name": o["sender_name"], "sender_email": o["sender_email"]}
	if o["action_type"] == "subscribe" {
		for _, contact := range bulkContacts(c, o["contact_preference"], kind, rec) {
			body := value.Shallow(sender)
			body["sequence_id"], body["contact_id"] = o["sequence_id"], contact.ID
			if o["calls_assigned_to"] != nil {
				body["calls_assigned_to"] = o["calls_assigned_to"]
			}
			_, _ = c.Add(r, body)
		}
		return
	}
	for _, sub := range c.State.Table("sequence_subscriptions").Of(rec.Lead) {
		if o["sequence_id"] != nil && sub.Data["sequence_id"] != o["sequence_id"] || kind == "contact" && sub.Data["contact_id"] != rec.ID {
			continue
		}
		switch status := sub.Data["status"]; {
		case o["action_type"] == "pause" && status == "active":
			c.Apply(r, sub, object{"status": "paused", "status_reason": "bulk-action"})
		case o["action_type"] == "resume" && status == "paused", o["action_type"] == "resume_finished" && status == "finished":
			c.Apply(r, sub, object{"status": "active", "status_reason": nil})
		case o["action_type"] == "reassign":
			_ = c.Modify(r, sub, sender)
		}
	}
}
