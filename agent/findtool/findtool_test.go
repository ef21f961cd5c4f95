package findtool_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/findtool"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// question is "leads in Berlin with an open deal over $10k without a call for two
// weeks".
const question = `{"kind":"lead","where":[{"of":"address","field":"city","op":"is","value":"Berlin"},
	{"of":"opportunity","field":"status_type","op":"is","value":"active"},{"of":"opportunity","field":"value","op":"at_least","value":"10,000"},
	{"of":"call","none":true,"field":"activity_at","op":"since","value":"14 days ago"}]}`

func TestCompile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	errs := map[string]string{
		`{"kind":"lead","where":[{"none":true,"field":"name","op":"exists"}]}`:                              "where[0].none: needs of",
		`{"kind":"lead","where":[{"field":"name","op":"is"}]}`:                                              "where[0].value: is required",
		`{"kind":"lead","where":[{"field":"name"}]}`:                                                        "where[0].value: is required",
		`{"kind":"lead","where":[{"of":"note","op":"is","value":"x"}]}`:                                     "where[0].field: is required",
		`{"kind":"lead","where":[{"of":"opportunity","field":"value","op":"at_least","value":"much"}]}`:     "give money such as",
		`{"kind":"lead","where":[{"of":"opportunity","field":"confidence","op":"at_least","value":"NaN"}]}`: "is no number",
		`{"kind":"lead","where":[{"field":"date_created","op":"since","value":"the other day"}]}`:           "is no time",
	}
	for input, want := range map[string]string{
		question:          `address(city:Berlin) and opportunity(status_type:active and value >= "10,000.00") and not call(activity_at >= "2026-02-24T12:00:00")`,
		`{"kind":"lead"}`: "*",
		`{"kind":"lead","where":[{"field":"name","op":"has","value":"Acme"},{"of":"call","none":true}]}`:                                                 "name:Acme and not call(*)",
		`{"kind":"contact","where":[{"of":"email_address","field":"email","op":"exists"}]}`:                                                              "type:contact and email(has:email)",
		`{"kind":"lead","where":[{"of":"email_address","field":"email","op":"exists"}]}`:                                                                 "contact(email(has:email))",
		`{"kind":"opportunity","where":[{"field":"confidence","op":"at_most","value":"12.5"},{"of":"address","field":"city","op":"is","value":"Bonn"}]}`: "type:opportunity and confidence <= 12.5 and lead(address(city:Bonn))",
		`{"kind":"lead","where":[{"field":"cf_1","op":"before","value":"2026-01-01"}]}`:                                                                  "custom.cf_1 < 2026-01-01",
	} {
		var in findtool.Input
		if err := json.Unmarshal([]byte(input), &in); err != nil {
			t.Fatal(err)
		}
		q, err := findtool.Compile(in, now)
		if got := query.String(q); err != nil || got != want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", input, err, got, want)
		}
	}
	for input, want := range errs {
		var in findtool.Input
		if err := json.Unmarshal([]byte(input), &in); err != nil {
			t.Fatal(err)
		}
		if _, err := findtool.Compile(in, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", input, err, want)
		}
	}
}

func TestFindRecords(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	pipelines, err := closeapi.PipelinesList(t.Context(), c, closeapi.PipelinesListParams{})
	if err != nil {
		t.Fatal(err)
	}
	for name, called := range map[string]time.Duration{"Acme": 20 * 24 * time.Hour, "Beta": 24 * time.Hour} {
		lead, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{Name: name, Addresses: []closeapi.Address{{City: closekit.Some("Berlin")}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := closeapi.OpportunityCreate(t.Context(), c, closeapi.OpportunityCreateParams{
			LeadID: lead.ID, StatusID: pipelines.Data[0].Statuses[0].ID, Value: closekit.Some(closekit.Dollars(15_000)),
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := closeapi.CallCreate(t.Context(), c, closeapi.CallCreateParams{LeadID: lead.ID, ActivityAt: closekit.Some(closekit.DateTimeOf(time.Now().Add(-called)))}); err != nil {
			t.Fatal(err)
		}
	}
	tool := findtool.New()
	ask := func(input string) *findtool.Output {
		var in findtool.Input
		if err := json.Unmarshal([]byte(input), &in); err != nil {
			t.Fatal(err)
		}
		out, err := tool.Call(t.Context(), c, in)
		if err != nil {
			t.Fatal(err)
		}
		return out.(*findtool.Output)
	}
	if out := ask(question); out.Count != 1 || len(out.Results) != 1 || out.Results[0].DisplayName.Or("") != "Acme" {
		t.Errorf("got %+v", out)
	}
	if out := ask(`{"kind":"lead","count_only":true}`); out.Count != 2 || len(out.Results) != 0 {
		t.Errorf("got %+v", out)
	}
	if out := ask(`{"kind":"opportunity","fields":["id","value"],"limit":1}`); out.Count != 2 || len(out.Results) != 1 {
		t.Errorf("got %+v", out)
	}
}

// TestEveryRow asks for every kind of record by every related one, with and without it, and
// with every operation: the emulator must understand all that the tool writes.
func TestEveryRow(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()))
	lead, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{
		Name: "Acme", Addresses: []closeapi.Address{{City: closekit.Some("Berlin")}},
		Contacts: []closeapi.Contact{{Name: closekit.Some("Ann"), Emails: []closeapi.ContactEmail{{Email: "ann@acme.example"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	contact := lead.Contacts[0].ID
	pipelines, err := closeapi.PipelinesList(t.Context(), c, closeapi.PipelinesListParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closeapi.OpportunityCreate(t.Context(), c, closeapi.OpportunityCreateParams{
		LeadID: lead.ID, ContactID: closekit.Some(contact), Confidence: closekit.Some(80), StatusID: pipelines.Data[0].Statuses[0].ID,
	}); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]map[string]any{
		"/task/": {"_type": "lead", "text": "t"}, "/activity/call/": {"note": "n"}, "/activity/note/": {"note": "n"},
		"/activity/email/": {"subject": "s", "status": "inbox", "sender": "a@b.example"}, "/activity/sms/": {"text": "s", "status": "inbox"},
	} {
		body["lead_id"], body["contact_id"] = lead.ID, contact
		if err := c.Post(t.Context(), path, body, nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(in findtool.Input) int {
		t.Helper()
		in.Count = true
		out, err := findtool.New().Call(t.Context(), c, in)
		if err != nil {
			t.Errorf("%+v: %v", in, err)
			return -1
		}
		return out.(*findtool.Output).Count
	}
	fields := map[string]string{
		"lead": "date_created", "contact": "date_created", "email_address": "email", "address": "city", "opportunity": "date_created", "call": "activity_at",
		"email": "activity_at", "sms": "activity_at", "meeting": "activity_at", "note": "activity_at", "task": "date_created",
	}
	for _, kind := range []string{"lead", "contact", "opportunity"} {
		for of, field := range fields {
			want := 1
			if of == "meeting" {
				want = 0
			}
			rows := map[string]findtool.Row{"exists": {Of: of, Field: field, Op: "exists"}}
			if of != kind {
				rows["any"] = findtool.Row{Of: of}
			}
			if field == "email" || field == "city" {
				rows["is"] = findtool.Row{Of: of, Field: field, Op: "is", Value: map[string]string{"email": "ann@acme.example", "city": "berlin"}[field]}
				rows["has"] = findtool.Row{Of: of, Field: field, Op: "has", Value: map[string]string{"email": "acme", "city": "Berlin"}[field]}
			} else {
				rows["since"] = findtool.Row{Of: of, Field: field, Op: "since", Value: "2 hours ago"}
			}
			for op, row := range rows {
				if got := count(findtool.Input{Kind: kind, Where: []findtool.Row{row}}); got != want {
					t.Errorf("%s with %s %s: %d", kind, of, op, got)
				}
				if row.None = true; of == kind {
					continue
				}
				if got := count(findtool.Input{Kind: kind, Where: []findtool.Row{row}}); got != 1-want {
					t.Errorf("%s without %s %s: %d", kind, of, op, got)
				}
			}
		}
	}
	for _, op := range []string{"at_least", "at_most", "is"} {
		if got := count(findtool.Input{Kind: "opportunity", Where: []findtool.Row{{Field: "confidence", Op: op, Value: "80"}}}); got != 1 {
			t.Errorf("confidence %s 80: %d", op, got)
		}
	}
	if got := count(findtool.Input{Kind: "lead", Where: []findtool.Row{{Field: "date_created", Op: "before", Value: "1 hour ago"}}}); got != 0 {
		t.Errorf("created before: %d", got)
	}
}

// TestDefinition checks that the definition costs a model at most 500 tokens, at 4 bytes
// each, and that its example is valid and works through an agent.
func TestDefinition(t *testing.T) {
	t.Parallel()
	srv := emulator.Start(t)
	a, err := agent.New(tools.Catalog(), agent.Toolset("read_only"), agent.WithTool(findtool.New()), agent.WithClient(closekit.NewClient(nil, closekit.BaseURL(srv.URL()))))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Session(closekit.APIKey(srv.APIKey()))
	defs, err := s.Definitions(agent.Anthropic)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, d := range defs {
		if strings.Contains(string(d), `"`+findtool.Name+`"`) {
			size = len(d)
		}
	}
	if size == 0 || size > 2000 {
		t.Errorf("the definition has %d bytes, and may have 2000", size)
	}
	_, example, _ := strings.Cut(findtool.New().Description, "for two weeks: ")
	if r := s.Call(t.Context(), findtool.Name, []byte(example)); r.IsError || !strings.Contains(string(r.JSON), `"count":0`) {
		t.Errorf("the example: %s", r.JSON)
	}
	if r := s.Call(t.Context(), findtool.Name, []byte(`{"kind":"lead","where":[{"field":"name","op":"around"}]}`)); !r.IsError {
		t.Errorf("an unknown op: %s", r.JSON)
	}
}
