package emulator_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

const goodSeed = `{
  "users": [{"id": "user_cleo", "first_name": "Cleo", "last_name": "Test", "email": "cleo@example.com", "role": "user"}],
  "lead_statuses": [{"label": "On hold"}],
  "pipelines": [{"name": "Renewals", "statuses": [{"label": "Renewed", "type": "won"}]}],
  "sequences": [{"name": "Onboarding", "steps": [{"step_type": "email", "delay": 0}]}],
  "custom_fields": {"lead": [{"id": "cf_industry", "name": "Industry", "type": "choices", "choices": ["Software", "Steel"]}]},
  "leads": [{
    "id": "lead_acme", "name": "Acme", "status": "On hold", "custom": {"Industry": "Steel"}, "date_created": "2025-01-01T00:00:00Z",
    "contacts": [{"name": "Bob", "emails": [{"email": "bob@acme.example"}]}],
    "opportunities": [{"status": "Renewed", "value": 1200000, "value_period": "annual", "contact": "Bob", "user_id": "cleo@example.com"}],
    "tasks": [{"text": "Call back", "date": "2026-12-01", "assigned_to": "cleo@example.com"}],
    "notes": [{"note": "Met at the fair"}],
    "calls": [{"duration": 60}],
    "emails": [{"status": "sent", "subject": "Hi", "to": ["bob@acme.example"]}],
    "sms": [{"status": "inbox", "text": "yes"}]
  }]
}`

func TestSeed(t *testing.T) {
	t.Parallel()
	a := start(t)
	if err := a.srv.Seed(strings.NewReader("\ufeff" + goodSeed)); err != nil {
		t.Fatal(err)
	}
	lead := a.get("/lead/lead_acme/")
	for path, want := range map[string]string{"name": "Acme", "status_label": "On hold", "custom.cf_industry": "Steel", "date_created": "2025-01-01T00:00:00+00:00"} {
		equal(t, lead, want, path)
	}
	equal(t, lead, "Renewed", "opportunities", 0, "status_label")
	equal(t, lead, "Bob", "opportunities", 0, "contact_name")
	equal(t, lead, "Cleo Test", "opportunities", 0, "user_name")
	equal(t, lead, "user_cleo", "tasks", 0, "assigned_to")
	got := column(a.get("/activity/?lead_id=lead_acme&_type=Note,Call,Email,SMS"), "_type")
	if len(strings.Fields(got)) != 4 {
		t.Errorf("got activities %s", got)
	}
	a.key(a.srv.APIKeyOf("user_cleo", a.srv.Organizations()[0].ID)).get("/me/")
}

func TestSeedErrors(t *testing.T) {
	t.Parallel()
	for seed, want := range map[string]string{
		``:                                 "not a JSON object",
		"{\n\n]":                           "line 3",
		`[]`:                               "not a JSON object",
		"\xff\xfe{\x00}\x00":               "not a JSON object: the text is UTF-16; save it as UTF-8",
		`{"lead": []}`:                     "lead: unknown key",
		`{"leads": {}}`:                    "leads: expected a list",
		`{"leads": [1]}`:                   "leads[0]: expected an object",
		`{"leads": [{"nmae": "x"}]}`:       `leads[0]: unknown key "nmae"`,
		`{"leads": [{}, {"status": "x"}]}`: "leads[1]: status: Object does not exist",
		`{"leads": [{"tasks": [{}]}]}`:     "leads[0].tasks[0]: text: This field is required",
		`{"leads": [{"tasks": 1}]}`:        "leads[0].tasks: expected a list",
		`{"leads": [{"notes": [{"contact": "Bob"}]}]}`:              `leads[0].notes[0].contact: the lead has no contact "Bob"`,
		`{"leads": [{"id": "lead_1"}, {"id": "lead_1"}]}`:           "leads[1]: id:",
		`{"leads": [{"id": 1}]}`:                                    "leads[0]: id:",
		`{"custom_fields": []}`:                                     "custom_fields: expected an object",
		`{"custom_fields": {"task": []}}`:                           "custom_fields.task: expected one of",
		`{"custom_fields": {"lead": [{"name": "x"}]}}`:              "custom_fields.lead[0]: type:",
		`{"users": [{"age": 5}]}`:                                   `users[0]: unknown key "age"`,
		`{"users": [{"email": 5}]}`:                                 "users[0].email: expected text",
		`{"users": [{"id": "user_1"}, {"id": "user_1"}]}`:           "users[1]: the id",
		`{"pipelines": [{"name": "x", "statuses": [{}]}]}`:          "pipelines[0]: statuses:",
		`{"sequences": [{"name": "x", "steps": 1}]}`:                "sequences[0]: steps:",
		`{"lead_statuses": [{"label": "Potential"}]}`:               "lead_statuses[0]: label:",
		`{"leads": [{"contacts": [{"emails": [{"email": "x"}]}]}]}`: "leads[0].contacts[0]: emails:",
	} {
		a := start(t)
		err := a.srv.Seed(strings.NewReader(seed))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", seed, err, want)
		}
	}
	a := start(t)
	if err := a.srv.Seed(iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Error("a broken reader gave no error")
	}
}
