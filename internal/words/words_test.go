package words

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"active", "won", "lost", "status_id", "lead_id", "query", "_limit", "limit"}
	for _, c := range []struct{ in, want string }{
		{"activ", "active"},
		{"ACTIVE", "active"},
		{"acitve", "active"}, // two neighbors swapped
		{"Statusid", "status_id"},
		{"wno", "won"},
		{"qery", "query"},
		{"lmit", "limit"},
		{"zzzzzz", ""},
		{"inactive", ""}, // an opposite
		{"inactiv", ""},
		{"not_won", ""},
		{"unlost", ""},
		{"", ""},
		{strings.Repeat("x", 1000), ""},
	} {
		if got := Nearest(c.in, known); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
	if got := Nearest("a", nil); got != "" {
		t.Error(got)
	}
	if got := Nearest("activ", slices.Repeat(known, maxCandidates)); got != "" {
		t.Errorf("%q among too many", got)
	}
}

func TestParameter(t *testing.T) {
	t.Parallel()
	known := []string{
		"lead_id", "status_id", "value", "value_period", "date", "date__gte", "date__gt", "date__lt", "date__lte", "date_created__gt", "date_created__gte",
		"date_won", "expected_date", "_limit", "_order_by", "contact_id", "max_value", "activity_at__gte", "user_id", "user_id__in", "name",
	}
	for name, want := range map[string]string{
		"value_cents": "value", "valueInCents": "value", "value_in_cents": "value", "cents": "",
		"date__from": "date__gte", "date_from": "date__gte", "date_to": "date__lte", "date__until": "date__lte", "date_before": "date__lt",
		"created_after": "date_created__gt", "date_created_before": "", "activity_since": "activity_at__gte", "date__gtt": "", "date__in": "",
		"expected_value": "", "expected_dat": "expected_date", "min_value": "", "value_dollars": "", "value_currency": "",
		"leadId": "lead_id", "LEAD-ID": "lead_id", "lead": "lead_id", "id_lead": "lead_id", "lead_ids": "lead_id", "leed_id": "lead_id",
		"order_by": "_order_by", "limit": "_limit", "lmit": "_limit", "status": "status_id", "won_date": "date_won", "nam": "name",
		"user_ids__in": "user_id__in", "contact": "contact_id", "": "", "x": "", "to": "", "__": "", strings.Repeat("x", 1000): "",
		"date_lost": "",
	} {
		if got := Parameter(name, known); got != want {
			t.Errorf("Parameter(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"close_leads_list": "close lead list", "listOfOpportunities": "list opportunity", "to-dos": "todo", "people at a company": "person company",
		"sms_status": "sms status", "SMSList": "smslist", "": "", "addresses": "address", "statuses": "status", "custom_fields__in": "custom field",
	} {
		if got := strings.Join(Split(in), " "); got != want {
			t.Errorf("Split(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestVerb(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{"search": {"list"}, "crate": {"", "create"}, "delet": {"", "delete"}, "lead": {"", "load"}, "xyz": {}} {
		if got := [2]string{Verb(in), MisspelledVerb(in)}; got[0] != want[0] || want[0] == "" && got[1] != want[1] {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestMisspelled(t *testing.T) {
	t.Parallel()
	known := []string{"lead", "opportunity", "activity", "note", "vote"}
	for in, want := range map[string]string{"leed": "lead", "oportunty": "opportunity", "inactivity": "", "lea": "", "lead": "", "nvote": "", "dote": ""} {
		if got := Misspelled(in, known); got != want {
			t.Errorf("Misspelled(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	if got := List(strings.Split("abcdefghij", "")); got != "a, b, c, d, e, f, g, h and 2 more" {
		t.Error(got)
	}
	if got := List([]string{"a", "b"}); got != "a, b" {
		t.Error(got)
	}
}

func TestWithArticle(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "lead": "a lead", "activity": "an activity", "user": "a user", "sms": "an SMS",
		"email account": "an email account", "organization": "an organization", "SMS template": "an SMS template",
		"URL": "a URL", "[Activity]": "an [Activity]", "[Lead]": "a [Lead]",
	} {
		if got := WithArticle(in); got != want {
			t.Errorf("WithArticle(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 problems", 1: "1 problem", 2: "2 problems"} {
		if got := Count(n, "problem"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
