package crm

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func contactResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "contacts", Prefix: "cont", Model: "Contact", Event: "contact", Custom: "contact", Authors: rest.AuthorPlain,
		Fields: []rest.Field{
			{Name: "lead_id", Kind: rest.Reference, Table: "leads", ErrorKey: "lead"},
			{Name: "name", Kind: rest.Text, Max: 1000},
			{Name: "title", Kind: rest.Text, Max: 1000},
			{Name: "emails", Kind: rest.Objects, Max: 100},
			{Name: "phones", Kind: rest.Objects, Max: 100},
			{Name: "urls", Kind: rest.Objects, Max: 100},
			{Name: "timezone", Kind: rest.Text},
			{Name: "created_by", Kind: rest.Reference, Table: "users", Access: rest.OnCreate},
			{Name: "date_created", Kind: rest.Instant, Access: rest.OnCreate},
		},
		Filters: map[string]rest.Kind{"lead_id": rest.Text, "organization_id": rest.Text},
		Prepare: prepareContact, Change: changeContact, Changed: contactMoved, Render: renderContact, Removed: contactRemoved,
	}}
}

func prepareContact(c *rest.Call, o, _ object, p *rest.Problems) {
	completeContact(c, o, p)
	if o["lead_id"] == nil && len(*p) == 0 {
		o["lead_id"] = strayLead(c, contactName(o))
	}
}

// strayLead creates the lead that the service silently adds for an object
// without one.
func strayLead(c *rest.Call, name string) string {
	rec, err := c.Add(c.Engine.Resources["leads"], object{"name": name})
	if err != nil {
		c.Failure = err
		return ""
	}
	return rec.ID
}

// completeContact checks the parts of a new contact and fills in defaults.
func completeContact(c *rest.Call, o object, p *rest.Problems) {
	setDefaults(o, object{"name": "", "title": "", "emails": []any{}, "phones": []any{}, "urls": []any{}, "timezone": nil, "lead_id": nil})
	contactParts(c, o, p)
}

func changeContact(c *rest.Call, _ *store.Record, patch, _ object, p *rest.Problems) {
	if v, ok := patch["lead_id"]; ok && v == nil {
		p.Add("lead", rest.MsgNotNull)
	}
	contactParts(c, patch, p)
}

// contactParts checks the lists that a contact has.
func contactParts(c *rest.Call, o object, p *rest.Problems) {
	for key, part := range map[string]struct {
		value, kind string
		complete    func(*rest.Call, object) string
	}{
		"emails": {"email", "office", completeEmail},
		"phones": {"phone", "office", completePhone},
		"urls":   {"url", "url", completeURL},
	} {
		raw, ok := o[key]
		if !ok {
			continue
		}
		out, wrong := []any{}, object{}
		for i, e := range value.List(raw) {
			in, _ := e.(object)
			value, ok := in[part.value].(string)
			switch {
			case in[part.value] == nil || value == "" && ok:
				wrong[strconv.Itoa(i)] = object{part.value: rest.MsgRequired}
				continue
			case !ok:
				wrong[strconv.Itoa(i)] = object{part.value: rest.MsgType("basestring")}
				continue
			}
			item := object{part.value: strings.TrimSpace(value), "type": part.kind}
			if in["type"] != nil {
				if item["type"], ok = in["type"].(string); !ok {
					wrong[strconv.Itoa(i)] = object{"type": rest.MsgType("basestring")}
				}
			}
			if problem := part.complete(c, item); problem != "" {
				wrong[strconv.Itoa(i)] = object{part.value: problem}
			}
			out = append(out, item)
		}
		if len(wrong) > 0 {
			p.Add(key, object{"errors": wrong})
		}
		o[key] = out
	}
	if zone, ok := o["timezone"].(string); ok && zone != "" && !zoneName.MatchString(zone) {
		p.Add("timezone", rest.MsgNotChoice)
	}
}

// zoneName matches the name of an IANA time zone.
var zoneName = regexp.MustCompile(`^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$`)

func completeEmail(_ *rest.Call, item object) string {
	address := value.String(item["email"])
	name, host, ok := strings.Cut(address, "@")
	if !ok || name == "" || host == "" || strings.ContainsAny(address, " \t\n<>,") {
		return "Not a valid email address."
	}
	item["is_unsubscribed"] = false
	return ""
}

func completePhone(c *rest.Call, item object) string {
	n, ok := callerNumber(c, value.String(item["phone"]))
	if !ok {
		return msgPhone
	}
	item["phone"], item["phone_formatted"], item["country"] = n.E164, n.Formatted, value.OrNull(n.Country)
	return ""
}

// hasScheme matches a URL with a scheme, but not a host with a port.
var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+-]*:[^0-9]|://`)

func completeURL(_ *rest.Call, item object) string {
	u := value.String(item["url"])
	if strings.ContainsAny(u, " \t\n") {
		return "Not a valid URL."
	}
	if !hasScheme.MatchString(u) {
		item["url"] = "http://" + u
	}
	return ""
}

// contactName returns the best name that a contact has.
func contactName(o object) string {
	if name := value.String(o["name"]); name != "" {
		return name
	}
	for _, part := range [...][2]string{{"emails", "email"}, {"phones", "phone"}} {
		for _, e := range value.List(o[part[0]]) {
			if item, ok := e.(object); ok && value.String(item[part[1]]) != "" {
				return value.String(item[part[1]])
			}
		}
	}
	return ""
}

// contactLabel returns the name of a contact by id, or null if it is unknown.
func contactLabel(c *rest.Call, id any) any {
	rec := c.State.Find("contacts", c.Organization, value.String(id))
	if rec == nil {
		return nil
	}
	return contactName(rec.Data)
}

func renderContact(c *rest.Call, rec *store.Record, o object) {
	markUnsubscribed(c, o)
	o["display_name"] = contactName(o)
	o["integration_links"] = linksOf(c, "contact", rec)
	o["timezone_source"] = nil
	if o["timezone"] != nil {
		o["timezone_source"] = "manual"
	}
}

// contactMoved moves the sequence subscriptions of a contact to its new lead.
func contactMoved(c *rest.Call, rec *store.Record, before object) {
	if before["lead_id"] == rec.Data["lead_id"] {
		return
	}
	subs := c.State.Table("sequence_subscriptions")
	for _, sub := range subs.Of(value.String(before["lead_id"])) {
		if sub.Data["contact_id"] == rec.ID {
			sub.Data = value.Shallow(sub.Data)
			sub.Data["lead_id"] = rec.Lead
			subs.Move(sub, rec.Lead)
		}
	}
}

// contactRemoved ends the sequence subscriptions of a contact. Its activities
// stay with the lead.
func contactRemoved(c *rest.Call, rec *store.Record) {
	for _, sub := range c.State.Table("sequence_subscriptions").Of(rec.Lead) {
		if sub.Data["contact_id"] == rec.ID {
			c.Drop(c.Engine.Resources["sequence_subscriptions"], sub)
		}
	}
}
