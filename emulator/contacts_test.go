package emulator_test

import (
	"testing"

	"github.com/closekit/closekit/emulator"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead, other := a.lead("Acme"), a.lead("Globex")
	c := a.post("/contact/", object{
		"lead_id": lead, "name": "Bob", "title": "Boss", "timezone": "Europe/Berlin",
		"emails": []any{object{"email": "bob@example.com"}},
		"phones": []any{object{"phone": "800-444-5555", "type": "mobile"}, object{"phone": "+49 30 123456"}},
		"urls":   []any{object{"url": "example.com"}},
	})
	for path, want := range map[string]string{"display_name": "Bob", "lead_id": lead, "timezone_source": "manual", "created_by_name": "null"} {
		equal(t, c, want, path)
	}
	equal(t, c, "office", "emails", 0, "type")
	equal(t, c, "false", "emails", 0, "is_unsubscribed")
	equal(t, c, "mobile", "phones", 0, "type")
	equal(t, c, "DE", "phones", 1, "country")
	equal(t, c, "+49 30123456", "phones", 1, "phone_formatted")
	equal(t, c, "http://example.com", "urls", 0, "url")

	path := "/contact/" + id(c) + "/"
	got := a.put(path, object{"emails": []any{object{"email": "b@example.com"}}, "name": nil, "lead_id": other})
	equal(t, got, "b@example.com", "emails", 0, "email")
	equal(t, got, "b@example.com", "display_name")
	equal(t, got, "Boss", "title")
	equal(t, a.get("/contact/?lead_id="+other), id(c), "data", 0, "id")
	equal(t, a.get("/contact/?lead_id="+lead), "[]", "data")
	equal(t, a.get("/contact/?_fields=id"), `[{"id":"`+id(c)+`"}]`, "data")
	equal(t, a.put(path, object{"emails": nil, "phones": []any{}}), "", "display_name")

	a.del(path)
	a.want(404, "GET", path, nil)
	equal(t, a.want(404, "DELETE", path, nil), "Empty query: Contact matching query does not exist.", "error")
}

func TestContactWithoutLead(t *testing.T) {
	t.Parallel()
	a := start(t)
	c := a.post("/contact/", object{"name": "Bob"})
	equal(t, a.get("/lead/"+text(c["lead_id"])+"/"), "Bob", "name")
	a.refused("POST", "/contact/", object{"name": "Bob", "emails": []any{object{"email": "no"}}}, "emails")
	if got := len(a.srv.Objects("leads")); got != 1 {
		t.Errorf("got %d leads, want 1", got)
	}
}

func TestContactRefused(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.lead("Acme")
	long := make([]byte, 1001)
	for i := range long {
		long[i] = 'x'
	}
	var many []any
	for range 101 {
		many = append(many, object{"email": "a@b.example"})
	}
	for name, c := range map[string]struct {
		body  any
		field string
	}{
		"unknown lead":  {object{"lead_id": "lead_unknown"}, "lead"},
		"lead type":     {object{"lead_id": 5}, "lead"},
		"emails text":   {object{"emails": "bob@example.com"}, "emails"},
		"email texts":   {object{"emails": []any{"bob@example.com"}}, "emails"},
		"email number":  {object{"emails": []any{object{"email": 5}}}, "emails"},
		"email missing": {object{"emails": []any{object{"type": "office"}}}, "emails"},
		"email type":    {object{"emails": []any{object{"email": "a@b.example", "type": 5}}}, "emails"},
		"email number2": {object{"emails": []any{5}}, "emails"},
		"too many":      {object{"emails": many}, "emails"},
		"phone":         {object{"phones": []any{object{"phone": "call me"}}}, "phones"},
		"short phone":   {object{"phones": []any{object{"phone": "12"}}}, "phones"},
		"url":           {object{"urls": []any{object{"url": "a b"}}}, "urls"},
		"timezone":      {object{"timezone": "my zone"}, "timezone"},
		"long name":     {object{"name": string(long)}, "name"},
	} {
		t.Run(name, func(t *testing.T) { a.refused("POST", "/contact/", c.body, c.field) })
	}
	path := "/contact/" + a.contact(lead, "Bob") + "/"
	a.refused("PUT", path, object{"lead_id": nil}, "lead")
	a.refused("PUT", path, object{"phones": []any{object{"phone": "x"}}}, "phones")
	got := a.want(400, "POST", "/contact/", object{"emails": []any{object{"email": "a@b.example"}, object{"email": "no"}}})
	equal(t, got, "Not a valid email address.", "field-errors", "emails", "errors", "1", "email")
	equal(t, got, "[]", "errors")
}

func TestPhones(t *testing.T) {
	t.Parallel()
	a := start(t, func(o *emulator.Options) {
		o.ParsePhone = func(text string) (emulator.PhoneNumber, bool) {
			if text == "030 1234" || text == "+49301234" {
				return emulator.PhoneNumber{E164: "+49301234", Formatted: "+49 30 1234", Country: "DE"}, true
			}
			return emulator.PhoneNumber{}, false
		}
	})
	lead := a.lead("Acme")
	for in, want := range map[string]string{
		"+49 (0)30 123456": `{"country":"DE","phone":"+4930123456","phone_formatted":"+49 30123456","type":"office"}`,
		"0049 30 123456":   `{"country":"DE","phone":"+4930123456","phone_formatted":"+49 30123456","type":"office"}`,
		"(416) 555-0142":   `{"country":"CA","phone":"+14165550142","phone_formatted":"+1 416-555-0142","type":"office"}`,
		"+254 720 089691":  `{"country":"KE","phone":"+254720089691","phone_formatted":"+254 720089691","type":"office"}`,
		"+1234567890":      `{"country":null,"phone":"+1234567890","phone_formatted":"+1 234567890","type":"office"}`,
		"anonymous":        `{"country":null,"phone":"anonymous","phone_formatted":"anonymous","type":"office"}`,
		"030 1234":         `{"country":"DE","phone":"+49301234","phone_formatted":"+49 30 1234","type":"office"}`,
	} {
		c := a.post("/contact/", object{"lead_id": lead, "phones": []any{object{"phone": in}}, "urls": []any{object{"url": "linkedin:ann"}}})
		equal(t, c, want, "phones", 0)
		equal(t, c, "linkedin:ann", "urls", 0, "url")
		again := a.put("/contact/"+id(c)+"/", object{"phones": c["phones"], "urls": c["urls"]})
		equal(t, again, want, "phones", 0)
	}
	for _, in := range []string{"030 123456", "555-0142", "+999 123 456", "442079460958"} {
		a.refused("POST", "/contact/", object{"lead_id": lead, "phones": []any{object{"phone": in}}}, "phones")
	}
	call := a.post("/activity/call/", object{"lead_id": lead, "phone": "030 1234"})
	equal(t, call, "+49 30 1234", "remote_phone_formatted")
	equal(t, call, "DE", "remote_country_iso")
	equal(t, a.post("/activity/call/", object{"lead_id": lead, "phone": "anonymous", "direction": "inbound"}), "anonymous", "remote_phone")
	a.refused("POST", "/activity/sms/", object{"lead_id": lead, "status": "draft", "remote_phone": "anonymous"}, "remote_phone")
}
