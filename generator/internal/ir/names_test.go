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
		if got := goName(name); got != want {
			t.Errorf("goName(%q) = %s, want %s", name, got, want)
		}
	}
	for tool, want := range map[string]string{"close_sms_create": "SMSCreate", "close_leads_list": "LeadsList", "ping": "Ping"} {
		if got := funcName(tool); got != want {
			t.Errorf("funcName(%q) = %s, want %s", tool, got, want)
		}
	}
	for fn, want := range map[string]string{"LeadsList": "LeadsAll", "SMSList": "SMSAll", "MeGet": "MeGetAll"} {
		if got := allName(fn); got != want {
			t.Errorf("allName(%q) = %s, want %s", fn, got, want)
		}
	}
}
