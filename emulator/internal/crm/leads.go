package crm

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func leadResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "leads", Prefix: "lead", Model: "Lead", Event: "lead", Custom: "lead", Total: true,
		Fields: []rest.Field{
			{Name: "name", Kind: rest.Text},
			{Name: "description", Kind: rest.Text},
			{Name: "url", Kind: rest.Text},
			{Name: "status_id", Kind: rest.Reference, Table: "lead_statuses", ErrorKey: "status", NotNull: true},
			{Name: "addresses", Kind: rest.Objects},
			{Name: "created_by", Kind: rest.Reference, Table: "users", Access: rest.OnCreate},
			{Name: "date_created", Kind: rest.Instant, Access: rest.OnCreate},
		},
		Filters: map[string]rest.Kind{"lead_id": rest.AnyValue, "organization_id": rest.Text},
		Prepare: prepareLead, Created: leadCreated, Change: changeLead, Changed: leadChanged, Cascade: leadCascade,
		Release: func(c *rest.Call, _ *store.Record) error { return c.Allowed("delete_leads") },
		Render:  renderLead, Snapshot: leadSnapshot, Narrow: searchLeads, Arrange: arrangeLeads, Creation: leadCreation,
		OnDemand: func(c *rest.Call, rec *store.Record) object { return object{"contact_ids": contactIDs(c, rec.ID)} },
		Actions:  map[string]func(*rest.Call) (any, error){"merge": mergeLeads, "get": getLead},
	}}
}

// prepareLead resolves the status and checks the addresses and the contacts
// that come with the lead.
func prepareLead(c *rest.Call, o, body object, p *rest.Problems) {
	statusByLabel(c, o, body, p)
	if o["status_id"] == nil {
		if all := statusesOf(c, "lead_statuses", ""); len(all) > 0 {
			o["status_id"] = all[0].ID
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
		p.Add("contacts", rest.MsgType("list"))
		return
	}
	r := c.Engine.Resources["contacts"]
	wrong := object{}
	var ready []object
	for i, e := range contacts {
		fields, ok := e.(object)
		if !ok {
			wrong[strconv.Itoa(i)] = rest.MsgType("dict")
			continue
		}
		var inner rest.Problems
		contact := c.Accept(r, fields, true, &inner)
		customValues(c, r.Custom, nil, fields, contact, &inner)
		completeContact(c, contact, &inner)
		if len(inner) > 0 {
			wrong[strconv.Itoa(i)] = object(inner)
		}
		ready = append(ready, contact)
	}
	if len(wrong) > 0 {
		p.Add("contacts", object{"errors": wrong})
	}
	c.Nested = ready
}

func leadCreated(c *rest.Call, rec *store.Record, _ object) {
	for _, contact := range c.Nested {
		contact["lead_id"] = rec.ID
		c.Insert(c.Engine.Resources["contacts"], contact)
	}
	c.Nested = nil
	c.Insert(c.Engine.Resources["created"], newActivity(c, rec.ID, object{"source": "api", "import_id": nil}))
}

func changeLead(c *rest.Call, rec *store.Record, patch, body object, p *rest.Problems) {
	statusByLabel(c, patch, body, p)
	checkAddresses(patch, p)
}

// statusByLabel resolves the status of a lead that is named by its label.
func statusByLabel(c *rest.Call, o, body object, p *rest.Problems) {
	label, ok := body["status"]
	if !ok || label == nil {
		return
	}
	if body["status_id"] != nil {
		p.Add("status", "Only one of status and status_id may be given.")
		return
	}
	for _, rec := range statusesOf(c, "lead_statuses", "") {
		if s, _ := label.(string); strings.EqualFold(value.String(rec.Data["label"]), s) {
			o["status_id"] = rec.ID
			return
		}
	}
	p.Add("status", rest.MsgNoObject)
}

var addressKeys = []string{"address_1", "address_2", "city", "state", "zipcode", "country"}

// checkAddresses completes the addresses of a lead.
func checkAddresses(o object, p *rest.Problems) {
	raw, ok := o["addresses"]
	if !ok {
		return
	}
	out, wrong := []any{}, object{}
	for i, e := range value.List(raw) {
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
				wrong[strconv.Itoa(i)] = object{k: rest.MsgType("basestring")}
			}
		}
		if country := value.String(address["country"]); country != "" && len(country) != 2 {
			wrong[strconv.Itoa(i)] = object{"country": rest.MsgNotChoice}
		}
		out = append(out, address)
	}
	if len(wrong) > 0 {
		p.Add("addresses", object{"errors": wrong})
	}
	o["addresses"] = out
}

func leadChanged(c *rest.Call, rec *store.Record, before object) {
	from, to := value.String(before["status_id"]), value.String(rec.Data["status_id"])
	if from == to {
		return
	}
	c.Insert(c.Engine.Resources["lead_status_changes"], newActivity(c, rec.ID, object{
		"old_status_id": value.OrNull(from), "old_status_label": statusLabel(c, "lead_statuses", from),
		"new_status_id": to, "new_status_label": statusLabel(c, "lead_statuses", to),
	}))
}

// childTables hold the objects that are deleted with their lead.
var childTables = []string{"sequence_subscriptions", "tasks", "opportunities", "activities", "custom_objects", "contacts"}

// leadCascade deletes what belongs to a lead, and keeps a copy for stale reads.
func leadCascade(c *rest.Call, rec *store.Record) {
	if d := c.Engine.Options.StaleReads; d > 0 {
		body := c.Render(c.Engine.Resources["leads"], rec)
		c.State.Stale[rec.ID] = store.StaleLead{Body: body, Organization: c.Organization, Until: c.Now.Add(d)}
	}
	dropComments(c, func(thread object) bool { return thread["lead_id"] == rec.ID })
	for _, table := range childTables {
		for _, child := range c.State.Table(table).Of(rec.ID) {
			c.Drop(resourceOf(c, table, child), child)
		}
	}
}

// resourceOf returns the description of a record of a table.
func resourceOf(c *rest.Call, table string, rec *store.Record) *rest.Resource {
	if table != "activities" {
		return c.Engine.Resources[table]
	}
	return c.Engine.ActivityResource(value.String(rec.Data["_type"]))
}

func getLead(c *rest.Call) (any, error) {
	rec, err := c.Target()
	if err == nil {
		return c.Result(rec), nil
	}
	if old, ok := c.State.Stale[c.ID]; ok && old.Organization == c.Organization && c.Now.Before(old.Until) {
		return c.Selection().Pick(value.Shallow(old.Body), nil), nil
	}
	return nil, err
}

// leadName returns the display name of a lead.
func leadName(c *rest.Call, id string) any {
	rec := c.State.Find("leads", c.Organization, id)
	if rec == nil {
		return nil
	}
	if name := value.String(rec.Data["name"]); name != "" {
		return name
	}
	for _, contact := range c.State.Table("contacts").Of(id) {
		if name := contactName(contact.Data); name != "" {
			return name
		}
	}
	return "Untitled"
}

func contactIDs(c *rest.Call, lead string) []any {
	ids := []any{}
	for _, rec := range c.State.Table("contacts").Of(lead) {
		ids = append(ids, rec.ID)
	}
	return ids
}

func renderLead(c *rest.Call, rec *store.Record, o object) {
	leadBasics(c, rec, o)
	o["html_url"] = "https://app.close.com/lead/" + rec.ID + "/"
	o["contacts"] = renderAll(c, "contacts", rec.ID, nil)
	o["opportunities"] = renderAll(c, "opportunities", rec.ID, nil)
	o["tasks"] = renderAll(c, "tasks", rec.ID, func(t *store.Record) bool { return !value.Bool(t.Data["is_complete"]) })
	o["custom"] = customByName(c, "lead", rec)
}

func leadBasics(c *rest.Call, rec *store.Record, o object) {
	o["display_name"] = leadName(c, rec.ID)
	o["status_label"] = statusLabel(c, "lead_statuses", value.String(o["status_id"]))
	o["integration_links"] = linksOf(c, "lead", rec)
}

// leadSnapshot returns a lead for the event log, where its children are only ids.
func leadSnapshot(c *rest.Call, rec *store.Record) object {
	o := value.Shallow(rec.Data)
	o["created_by_name"] = c.UserName(o["created_by"])
	o["updated_by_name"] = c.UserName(o["updated_by"])
	leadBasics(c, rec, o)
	o["contact_ids"] = contactIDs(c, rec.ID)
	return o
}

// renderAll renders the children of a lead that keep accepts.
func renderAll(c *rest.Call, table, lead string, keep func(*store.Record) bool) []any {
	out := []any{}
	for _, rec := range c.State.Table(table).Of(lead) {
		if keep == nil || keep(rec) {
			out = append(out, c.Render(c.Engine.Resources[table], rec))
		}
	}
	return out
}

// mergeLeads moves everything of the source to the destination, keeps the
// destination's own values and deletes the source.
func mergeLeads(c *rest.Call) (any, error) {
	if err := c.Allowed("merge_leads"); err != nil {
		return nil, err
	}
	var p rest.Problems
	for _, k := range []string{"source", "destination"} {
		if s, ok := c.Body[k].(string); !ok || s == "" {
			p.Add(k, rest.MsgRequired)
		}
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	source := c.State.Find("leads", c.Organization, value.String(c.Body["source"]))
	destination := c.State.Find("leads", c.Organization, value.String(c.Body["destination"]))
	switch {
	case source == nil:
		return nil, &rest.Error{Status: http.StatusNotFound, Body: object{"errors": []any{"Source lead does not exist."}}}
	case destination == nil:
		return nil, &rest.Error{Status: http.StatusNotFound, Body: object{"errors": []any{"Destination lead does not exist."}}}
	case source == destination:
		return nil, rest.WrongList("A lead cannot be merged into itself.")
	}
	mergeInto(c, source, destination)
	return object{"status": "ok"}, nil
}

func mergeInto(c *rest.Call, source, destination *store.Record) {
	sourceName, destinationName := leadName(c, source.ID), leadName(c, destination.ID)
	for _, table := range slices.Backward(childTables) {
		for _, child := range c.State.Table(table).Of(source.ID) {
			c.Apply(resourceOf(c, table, child), child, object{"lead_id": destination.ID})
		}
	}
	for _, table := range []string{"comment_threads", "comments"} {
		for _, child := range c.State.Table(table).Of(source.ID) {
			child.Data = value.Shallow(child.Data)
			child.Data["lead_id"] = destination.ID
			c.State.Table(table).Move(child, destination.ID)
		}
	}
	patch := object{}
	for k, v := range source.Data {
		keep := k == "name" || k == "description" || k == "url" || strings.HasPrefix(k, "custom.")
		if old, ok := destination.Data[k]; keep && v != nil && v != "" && (!ok || old == nil || old == "") {
			patch[k] = v
		}
	}
	if addresses := value.List(source.Data["addresses"]); len(addresses) > 0 {
		patch["addresses"] = slices.Concat(value.List(destination.Data["addresses"]), addresses)
	}
	r := c.Engine.Resources["leads"]
	c.Apply(r, destination, patch)
	meta := object{"merge_source_lead_id": source.ID, "merge_destination_lead_id": destination.ID}
	c.LogAs("lead", destination, "merged", nil, c.Snapshot(r, destination), meta)
	c.Insert(c.Engine.Resources["lead_merges"], newActivity(c, destination.ID, object{
		"source_lead_id": source.ID, "source_display_name": sourceName, "destination_lead_id": destination.ID,
		"destination_display_name": destinationName, "merge_status": "completed", "error_message": nil,
	}))
	old := c.Snapshot(r, source)
	c.State.Table("leads").Remove(source)
	c.LogAs("lead", source, "deleted", old, nil, meta)
}

// setDefaults sets the members that are absent.
func setDefaults(o, defaults object) {
	for k, v := range defaults {
		if _, ok := o[k]; !ok {
			o[k] = v
		}
	}
}
