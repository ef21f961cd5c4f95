package emulator

import (
	"regexp"
	"strconv"
	"strings"
)

func contactResources() []*resource {
	return []*resource{{
		name: "contacts", prefix: "cont", model: "Contact", event: "contact", custom: "contact", authors: authorPlain,
		fields: []field{
			{name: "lead_id", kind: reference, table: "leads", errKey: "lead"},
			{name: "name", kind: text, max: 1000},
			{name: "title", kind: text, max: 1000},
			{name: "emails", kind: objects, max: 100},
			{name: "phones", kind: objects, max: 100},
			{name: "urls", kind: objects, max: 100},
			{name: "timezone", kind: text},
			{name: "created_by", kind: reference, table: "users", access: onCreate},
			{name: "date_created", kind: instant, access: onCreate},
		},
		filters: map[string]kind{"lead_id": text, "organization_id": text},
		prepare: prepareContact, change: changeContact, changed: contactMoved, render: renderContact, removed: contactRemoved,
	}}
}

func prepareContact(c *call, o, _ object, p *problems) {
	completeContact(o, p)
	if o["lead_id"] == nil && len(*p) == 0 {
		o["lead_id"] = c.strayLead(contactName(o))
	}
}

// strayLead creates the lead that the service silently adds for an object
// without one.
func (c *call) strayLead(name string) string {
	rec, err := c.add(c.e.resources["leads"], object{"name": name})
	if err != nil {
		c.failure = err
		return ""
	}
	return rec.id
}

// completeContact checks the parts of a new contact and fills in defaults.
func completeContact(o object, p *problems) {
	setDefaults(o, object{"name": "", "title": "", "emails": []any{}, "phones": []any{}, "urls": []any{}, "timezone": nil, "lead_id": nil})
	contactParts(o, p)
}

func changeContact(_ *call, _ *record, patch, _ object, p *problems) {
	if v, ok := patch["lead_id"]; ok && v == nil {
		p.add("lead", errNotNull)
	}
	contactParts(patch, p)
}

// contactParts checks the lists that a contact has.
func contactParts(o object, p *problems) {
	for key, part := range map[string]struct {
		value, kind string
		complete    func(object) string
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
		for i, e := range list(raw) {
			in, _ := e.(object)
			value, ok := in[part.value].(string)
			switch {
			case in[part.value] == nil || value == "" && ok:
				wrong[strconv.Itoa(i)] = object{part.value: errRequired}
				continue
			case !ok:
				wrong[strconv.Itoa(i)] = object{part.value: errType("basestring")}
				continue
			}
			item := object{part.value: strings.TrimSpace(value), "type": part.kind}
			if in["type"] != nil {
				if item["type"], ok = in["type"].(string); !ok {
					wrong[strconv.Itoa(i)] = object{"type": errType("basestring")}
				}
			}
			if problem := part.complete(item); problem != "" {
				wrong[strconv.Itoa(i)] = object{part.value: problem}
			}
			out = append(out, item)
		}
		if len(wrong) > 0 {
			p.add(key, object{"errors": wrong})
		}
		o[key] = out
	}
	if zone, ok := o["timezone"].(string); ok && zone != "" && !zoneName.MatchString(zone) {
		p.add("timezone", errNotChoice)
	}
}

// zoneName matches the name of an IANA time zone.
var zoneName = regexp.MustCompile(`^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$`)

func completeEmail(item object) string {
	address := str(item["email"])
	name, host, ok := strings.Cut(address, "@")
	if !ok || name == "" || host == "" || strings.ContainsAny(address, " \t\n<>,") {
		return "Not a valid email address."
	}
	item["is_unsubscribed"] = false
	return ""
}

func completePhone(item object) string {
	number, ok := e164(str(item["phone"]))
	if !ok {
		return "Not a valid phone number."
	}
	item["phone"] = number
	item["phone_formatted"] = formatPhone(number)
	item["country"] = orNull(phoneCountry(number))
	return ""
}

func completeURL(item object) string {
	u := str(item["url"])
	if strings.ContainsAny(u, " \t\n") {
		return "Not a valid URL."
	}
	if !strings.Contains(u, "://") {
		item["url"] = "http://" + u
	}
	return ""
}

// e164 normalizes a phone number. A number without a country code is taken to be
// North American.
func e164(s string) (string, bool) {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0, strings.ContainsRune(" -.()/\u00a0", r):
		default:
			return "", false
		}
	}
	digits := b.String()
	switch {
	case len(digits) > 15 || len(digits) < 5:
		return "", false
	case strings.HasPrefix(s, "+"):
		return "+" + digits, true
	case len(digits) == 10:
		return "+1" + digits, true
	}
	return "+" + digits, true
}

func formatPhone(number string) string {
	if len(number) == 12 && strings.HasPrefix(number, "+1") {
		return number[:2] + " " + number[2:5] + "-" + number[5:8] + "-" + number[8:]
	}
	return number
}

// callingCodes are the country codes that the emulator knows.
var callingCodes = []struct{ code, country string }{
	{"+1", "US"},
	{"+31", "NL"},
	{"+32", "BE"},
	{"+33", "FR"},
	{"+34", "ES"},
	{"+353", "IE"},
	{"+39", "IT"},
	{"+41", "CH"},
	{"+43", "AT"},
	{"+44", "GB"},
	{"+45", "DK"},
	{"+46", "SE"},
	{"+47", "NO"},
	{"+48", "PL"},
	{"+49", "DE"},
	{"+52", "MX"},
	{"+55", "BR"},
	{"+61", "AU"},
	{"+64", "NZ"},
	{"+81", "JP"},
	{"+86", "CN"},
	{"+91", "IN"},
}

func phoneCountry(number string) string {
	for _, c := range callingCodes {
		if strings.HasPrefix(number, c.code) {
			return c.country
		}
	}
	return ""
}

// contactName returns the best name that a contact has.
func contactName(o object) string {
	if name := str(o["name"]); name != "" {
		return name
	}
	for _, part := range [...][2]string{{"emails", "email"}, {"phones", "phone"}} {
		for _, e := range list(o[part[0]]) {
			if item, ok := e.(object); ok && str(item[part[1]]) != "" {
				return str(item[part[1]])
			}
		}
	}
	return ""
}

// contactLabel returns the name of a contact by id, or null if it is unknown.
func (c *call) contactLabel(id any) any {
	rec := c.st.find("contacts", c.org, str(id))
	if rec == nil {
		return nil
	}
	return contactName(rec.data)
}

func renderContact(_ *call, _ *record, o object) {
	o["display_name"] = contactName(o)
	o["integration_links"] = []any{}
	o["timezone_source"] = nil
	if o["timezone"] != nil {
		o["timezone_source"] = "manual"
	}
}

// contactMoved moves the sequence subscriptions of a contact to its new lead.
func contactMoved(c *call, rec *record, before object) {
	if before["lead_id"] == rec.data["lead_id"] {
		return
	}
	subs := c.st.table("sequence_subscriptions")
	for _, sub := range subs.of(str(before["lead_id"])) {
		if sub.data["contact_id"] == rec.id {
			sub.data = shallow(sub.data)
			sub.data["lead_id"] = rec.lead
			subs.move(sub, rec.lead)
		}
	}
}

// contactRemoved ends the sequence subscriptions of a contact. Its activities
// stay with the lead.
func contactRemoved(c *call, rec *record) {
	for _, sub := range c.st.table("sequence_subscriptions").of(rec.lead) {
		if sub.data["contact_id"] == rec.id {
			c.drop(c.e.resources["sequence_subscriptions"], sub)
		}
	}
}
