package ir

import "testing"

func TestGoName(t *testing.T) {
	for name, want := range map[string]string{
		"lead":              "Lead",
		"lead_id":           "LeadID",
		"contact_ids":       "ContactIDs",
		"html_url":          "HTMLURL",
		"date_created__gte": "DateCreatedGte",
		"_fields":           "Fields",
		"in-progress":       "InProgress",
		"sms":               "SMS",
		"SMS":               "SMS",
		"whatsapp_message":  "WhatsAppMessage",
		"9to5":              "N9to5",
		"_":                 "X",
		"":                  "X",
		"a.b/c+d":           "ABCD",
		"camelCase":         "CamelCase",
		"ümlaut":            "Mlaut",
	} {
		if got := GoName(name); got != want {
			t.Errorf("GoName(%q) = %s, want %s", name, got, want)
		}
	}
	for tool, want := range map[string]string{"close_sms_create": "SMSCreate", "close_leads_list": "LeadsList", "ping": "Ping"} {
		if got := FuncName(tool); got != want {
			t.Errorf("FuncName(%q) = %s, want %s", tool, got, want)
		}
	}
	for fn, want := range map[string]string{"LeadsList": "LeadsAll", "SMSList": "SMSAll", "MeGet": "MeGetAll"} {
		if got := AllName(fn); got != want {
			t.Errorf("AllName(%q) = %s, want %s", fn, got, want)
		}
	}
}
