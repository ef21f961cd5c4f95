package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func leadResources() []*resource {
	return []*resource{{
		name: "leads", prefix: "lead", model: "Lead", event: "lead", custom: "lead", total: true,
		fields: []field{
			{name: "name", kind: text},
			{name: "description", kind: text},
			{name: "url", kind: text},
			{name: "status_id", kind: reference, table: "lead_statuses", errKey: "status", notNull: true},
			{name: "addresses", kind: objects},
			{name: "created_by", kind: reference, table: "users", access: onCreate},
			{name: "date_created", kind: instant, access: onCreate},
		},
		filters: map[string]kind{"lead_id": anyValue, "organization_id": text},
		prepare: prepareLead, created: leadCreated, change: changeLead, changed: leadChanged, cascade: leadCascade,
		release: func(c *call, _ *record) error { return c.allowed("delete_leads") },
		render:  renderLead, snapshot: leadSnapshot, narrow: searchLeads, arrange: arrangeLeads,
		onDemand: func(c *call, rec *record) object { return object{"contact_ids": c.contactIDs(rec.id)} },
		actions:  map[string]func(*call) (any, error){"merge": mergeLeads, "get": getLead},
	}}
}

// prepareLead resolves the status and checks the addresses and the contacts
// that come with the lead.
func prepareLead(c *call, o, body object, p *problems) {
	c.statusByLabel(o, body, p)
	if o["status_id"] == nil {
		if all := c.statuses("lead_statuses", ""); len(all) > 0 {
			o["status_id"] = all[0].id
		}
	}
	setDefaults(o, object{"name": "", "description": "", "url": nil, "addresses": []any{}})
	checkAddresses(o, p)
	raw, ok := body["contacts"]
	if !ok || raw == nil {
		return
	}
	contacts, ok := raw.([]any)
	if !ok {
		p.add("contacts", errType("list"))
		return
	}
	r := c.e.resources["contacts"]
	wrong := object{}
	var ready []object
	for i, e := range contacts {
		fields, ok := e.(object)
		if !ok {
			wrong[strconv.Itoa(i)] = errType("dict")
			continue
		}
		var inner problems
		contact := c.accept(r, fields, true, &inner)
		customValues(c, r.custom, nil, fields, contact, &inner)
		completeContact(contact, &inner)
		if len(inner) > 0 {
			wrong[strconv.Itoa(i)] = object(inner)
		}
		ready = append(ready, contact)
	}
	if len(wrong) > 0 {
		p.add("contacts", object{"errors": wrong})
	}
	c.nested = ready
}

func leadCreated(c *call, rec *record, _ object) {
	for _, contact := range c.nested {
		contact["lead_id"] = rec.id
		c.insert(c.e.resources["contacts"], contact)
	}
	c.nested = nil
	c.insert(c.e.resources["created"], c.activity(rec.id, object{"source": "api", "import_id": nil}))
}

func changeLead(c *call, rec *record, patch, body object, p *problems) {
	c.statusByLabel(patch, body, p)
	checkAddresses(patch, p)
}

// statusByLabel resolves the status of a lead that is named by its label.
func (c *call) statusByLabel(o, body object, p *problems) {
	label, ok := body["status"]
	if !ok || label == nil {
		return
	}
	if body["status_id"] != nil {
		p.add("status", "Only one of status and status_id may be given.")
		return
	}
	for _, rec := range c.statuses("lead_statuses", "") {
		if s, _ := label.(string); strings.EqualFold(str(rec.data["label"]), s) {
			o["status_id"] = rec.id
			return
		}
	}
	p.add("status", errNoObject)
}

var addressKeys = []string{"address_1", "address_2", "city", "state", "zipcode", "country"}

// checkAddresses completes the addresses of a lead.
func checkAddresses(o object, p *problems) {
	raw, ok := o["addresses"]
	if !ok {
		return
	}
	out, wrong := []any{}, object{}
	for i, e := range list(raw) {
		in, _ := e.(object)
		address := object{"label": "business"}
		for _, k := range append([]string{"label"}, addressKeys...) {
			switch v := in[k].(type) {
			case nil:
				if k != "label" {
					address[k] = ""
				}
			case string:
				address[k] = v
			default:
				wrong[strconv.Itoa(i)] = object{k: errType("basestring")}
			}
		}
		if country := str(address["country"]); country != "" && len(country) != 2 {
			wrong[strconv.Itoa(i)] = object{"country": errNotChoice}
		}
		out = append(out, address)
	}
	if len(wrong) > 0 {
		p.add("addresses", object{"errors": wrong})
	}
	o["addresses"] = out
}

func leadChanged(c *call, rec *record, before object) {
	from, to := str(before["status_id"]), str(rec.data["status_id"])
	if from == to {
		return
	}
	c.insert(c.e.resources["lead_status_changes"], c.activity(rec.id, object{
		"old_status_id": orNull(from), "old_status_label": c.statusLabel("lead_statuses", from),
		"new_status_id": to, "new_status_label": c.statusLabel("lead_statuses", to),
	}))
}

// childTables hold the objects that are deleted with their lead.
var childTables = []string{"sequence_subscriptions", "tasks", "opportunities", "activities", "contacts"}

// leadCascade deletes what belongs to a lead, and keeps a copy for stale reads.
func leadCascade(c *call, rec *record) {
	if d := c.e.opts.staleReads; d > 0 {
		body := c.render(c.e.resources["leads"], rec)
		c.st.stale[rec.id] = staleLead{body: body, org: c.org, until: c.now.Add(d)}
	}
	c.dropComments(func(thread object) bool { return thread["lead_id"] == rec.id })
	for _, table := range childTables {
		for _, child := range c.st.table(table).of(rec.id) {
			c.drop(c.resourceOf(table, child), child)
		}
	}
}

// resourceOf returns the description of a record of a table.
func (c *call) resourceOf(table string, rec *record) *resource {
	if table != "activities" {
		return c.e.resources[table]
	}
	return c.e.activityResource(str(rec.data["_type"]))
}

func getLead(c *call) (any, error) {
	rec, err := c.target()
	if err == nil {
		return c.result(rec), nil
	}
	if old, ok := c.st.stale[c.id]; ok && old.org == c.org && c.now.Before(old.until) {
		return c.selection().pick(shallow(old.body), nil), nil
	}
	return nil, err
}

// leadName returns the display name of a lead.
func (c *call) leadName(id string) any {
	rec := c.st.find("leads", c.org, id)
	if rec == nil {
		return nil
	}
	if name := str(rec.data["name"]); name != "" {
		return name
	}
	for _, contact := range c.st.table("contacts").of(id) {
		if name := contactName(contact.data); name != "" {
			return name
		}
	}
	return "Untitled"
}

func (c *call) contactIDs(lead string) []any {
	ids := []any{}
	for _, rec := range c.st.table("contacts").of(lead) {
		ids = append(ids, rec.id)
	}
	return ids
}

func renderLead(c *call, rec *record, o object) {
	leadBasics(c, rec, o)
	o["html_url"] = "https://app.close.com/lead/" + rec.id + "/"
	o["contacts"] = c.renderAll("contacts", rec.id, nil)
	o["opportunities"] = c.renderAll("opportunities", rec.id, nil)
	o["tasks"] = c.renderAll("tasks", rec.id, func(t *record) bool { return !truth(t.data["is_complete"]) })
	o["custom"] = c.customByName("lead", rec)
}

func leadBasics(c *call, rec *record, o object) {
	o["display_name"] = c.leadName(rec.id)
	o["status_label"] = c.statusLabel("lead_statuses", str(o["status_id"]))
	o["integration_links"] = []any{}
}

// leadSnapshot returns a lead for the event log, where its children are only ids.
func leadSnapshot(c *call, rec *record) object {
	o := shallow(rec.data)
	o["created_by_name"] = c.userName(o["created_by"])
	o["updated_by_name"] = c.userName(o["updated_by"])
	leadBasics(c, rec, o)
	o["contact_ids"] = c.contactIDs(rec.id)
	return o
}

// renderAll renders the children of a lead that keep accepts.
func (c *call) renderAll(table, lead string, keep func(*record) bool) []any {
	out := []any{}
	for _, rec := range c.st.table(table).of(lead) {
		if keep == nil || keep(rec) {
			out = append(out, c.render(c.e.resources[table], rec))
		}
	}
	return out
}

// mergeLeads moves everything of the source to the destination, keeps the
// destination's own values and deletes the source.
func mergeLeads(c *call) (any, error) {
	if err := c.allowed("merge_leads"); err != nil {
		return nil, err
	}
	var p problems
	for _, k := range []string{"source", "destination"} {
		if s, ok := c.body[k].(string); !ok || s == "" {
			p.add(k, errRequired)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	source := c.st.find("leads", c.org, str(c.body["source"]))
	destination := c.st.find("leads", c.org, str(c.body["destination"]))
	switch {
	case source == nil:
		return nil, &apiError{status: http.StatusNotFound, body: object{"errors": []any{"Source lead does not exist."}}}
	case destination == nil:
		return nil, &apiError{status: http.StatusNotFound, body: object{"errors": []any{"Destination lead does not exist."}}}
	case source == destination:
		return nil, wrongList("A lead cannot be merged into itself.")
	}
	c.merge(source, destination)
	return object{"status": "ok"}, nil
}

func (c *call) merge(source, destination *record) {
	sourceName, destinationName := c.leadName(source.id), c.leadName(destination.id)
	for _, table := range slices.Backward(childTables) {
		for _, child := range c.st.table(table).of(source.id) {
			c.apply(c.resourceOf(table, child), child, object{"lead_id": destination.id})
		}
	}
	for _, table := range []string{"comment_threads", "comments"} {
		for _, child := range c.st.table(table).of(source.id) {
			child.data = shallow(child.data)
			child.data["lead_id"] = destination.id
			c.st.table(table).move(child, destination.id)
		}
	}
	patch := object{}
	for k, v := range source.data {
		keep := k == "name" || k == "description" || k == "url" || strings.HasPrefix(k, "custom.")
		if old, ok := destination.data[k]; keep && v != nil && v != "" && (!ok || old == nil || old == "") {
			patch[k] = v
		}
	}
	if addresses := list(source.data["addresses"]); len(addresses) > 0 {
		patch["addresses"] = slices.Concat(list(destination.data["addresses"]), addresses)
	}
	r := c.e.resources["leads"]
	c.apply(r, destination, patch)
	meta := object{"merge_source_lead_id": source.id, "merge_destination_lead_id": destination.id}
	c.logAs("lead", destination, "merged", nil, c.snapshot(r, destination), meta)
	c.insert(c.e.resources["lead_merges"], c.activity(destination.id, object{
		"source_lead_id": source.id, "source_display_name": sourceName, "destination_lead_id": destination.id,
		"destination_display_name": destinationName, "merge_status": "completed", "error_message": nil,
	}))
	old := c.snapshot(r, source)
	c.st.table("leads").remove(source)
	c.logAs("lead", source, "deleted", old, nil, meta)
}

// setDefaults sets the members that are absent.
func setDefaults(o, defaults object) {
	for k, v := range defaults {
		if _, ok := o[k]; !ok {
			o[k] = v
		}
	}
}
