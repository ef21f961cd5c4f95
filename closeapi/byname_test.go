package closeapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// TestSeedInputs makes the calls of testdata/seed in order on a fresh emulator, as
// they stand; only the ids are those of earlier results.
func TestSeedInputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := map[string]any{}
	data, err := os.ReadFile("../testdata/seed/inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var calls []struct {
		Tool  string          `json:"tool"`
		Input json.RawMessage `json:"input"`
	}
	if err := json.Unmarshal(data, &calls); err != nil || len(calls) != 8 {
		t.Fatal(len(calls), err)
	}
	for _, c := range calls {
		input := string(c.Input)
		for name, id := range ids {
			input = strings.ReplaceAll(input, `"$`+name+`"`, mustJSON(id))
		}
		out := w.tool(c.Tool, "%s", input)
		switch c.Tool {
		case "close_lead_create":
			ids["lead_id"] = out["id"]
			ids["contact_id"] = w.contact(closeapi.LeadID(out["id"].(string))).ID
		case "close_pipelines_list":
			ids["status_id"] = at(out, "data/0/statuses/0/id")
		case "close_opportunity_create":
			w.has(out, "value", 1200000, "value_currency", "USD", "value_formatted", "$12,000 annual", "confidence", 40)
		case "close_call_create":
			w.has(out, "status", "completed", "direction", "outbound", "duration", 840)
		case "close_task_create":
			w.has(out, "text", "Send the proposal to Acme Corp", "date", "2026-11-29")
		case "close_sequences_list":
			ids["sequence_id"] = at(out, "data/0/id")
		case "close_sequence_subscription_create":
			w.has(out, "status", "active", "contact_email", "ann@acme.example", "sender_email", "ada@example.com")
		}
	}
}

// host answers requests before the emulator does.
type host struct {
	answers map[string]string // by method and path
	seen    []string
}

func (h *host) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Method + " " + r.URL.Path
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	h.seen = append(h.seen, strings.TrimSpace(key+" "+r.URL.RawQuery+body))
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(h.answers[key])), Request: r,
	}, nil
}

func (h *host) client() *closekit.Client {
	return closekit.NewClient(closekit.APIKey("api_x"), closekit.HTTPClient(&http.Client{Transport: h}))
}

func do(t *testing.T, c *closekit.Client, tool, input string) (*closekit.ToolResult, error) {
	t.Helper()
	v, err := tools.Lookup(tool)
	if err != nil {
		t.Fatal(err)
	}
	return v.Do(t.Context(), c, json.RawMessage(input))
}

const (
	mePath   = "GET /api/v1/me/"
	oppoPath = "POST /api/v1/opportunity/"
	create   = `{"lead_id":"lead_a","status_id":"stat_a","value":5`
)

// TestCurrency checks currencies before deals are written, with one read for all.
func TestCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ me, input, want string }{
		{`{"organizations":[{"currency":"EUR"}]}`, `,"value_currency":"EUR"}`, ""},
		{`{"organizations":[{"currency":"EUR"}]}`, `,"currency":"eur"}`, ""},
		{`{"organizations":[{"currency":"EUR"},{"currency":"eur"}]}`, `,"value_currency":"EUR"}`, ""},
		{`{"organizations":[{"currency":"EUR"}]}`, `,"value_currency":null}`, ""},
		{``, `,"currency":null}`, ""},
		{``, `,"value_currency":null,"currency":"USD"}`, "currency: is the same as value_currency, which is given too"},
		{`{"organizations":[{"currency":"EUR"}]}`, `,"value_currency":""}`, `value_currency: must be EUR, the currency of the organization, got ""`},
		{`{"organizations":[{"currency":""}]}`, `,"value_currency":""}`, "value_currency: cannot be checked"},
		{`{"organizations":[{"currency":"EUR"}]}`, `,"value_currency":"USD"}`, `value_currency: must be EUR, the currency of the organization, got "USD"`},
		{`{"organizations":[{"currency":"EUR"},{"currency":"USD"}]}`, `,"value_currency":"USD"}`, "value_currency: cannot be checked"},
		{`{"organizations":[]}`, `,"value_currency":"USD"}`, "value_currency: cannot be checked"},
		{`{}`, `,"value_currency":"USD"}`, "value_currency: cannot be checked"},
		{`[]`, `,"value_currency":"USD"}`, "value_currency cannot be checked"},
		{``, `,"value_currency":5}`, "value_currency: must be a currency code such as USD, got 5"},
		{``, `,"value_currency":"USD","currency":"USD"}`, "currency: is the same as value_currency, which is given too"},
		{``, `,"value_currency":"USD","value_currency":"USD"}`, "value_currency: is given twice"},
		{``, `,"value_currency":5,"confidence":101}`, "confidence: must be from 0 to 100"},
	} {
		h := &host{answers: map[string]string{mePath: c.me, oppoPath: `{"id":"oppo_a"}`}}
		_, err := do(t, h.client(), "close_opportunity_create", create+c.input)
		written := strings.Contains(strings.Join(h.seen, "\n"), oppoPath)
		if c.want == "" && (err != nil || !written || strings.Contains(strings.Join(h.seen, ""), "urrency\":\"")) {
			t.Errorf("%s %s: %v, sent %q", c.me, c.input, err, h.seen)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || written) {
			t.Errorf("%s %s: %v, sent %q", c.me, c.input, err, h.seen)
		}
	}
	for _, input := range []string{`"value_currency":null`, `"currency":null`} {
		h := &host{}
		if _, err := do(t, h.client(), "close_opportunity_update", `{"opportunity_id":"oppo_a","value":5,`+input+`}`); !closekit.IsValidation(err) || !strings.Contains(err.Error(), "currency: cannot be cleared") || len(h.seen) > 0 {
			t.Errorf("%s: %v, sent %q", input, err, h.seen)
		}
	}
	h := &host{answers: map[string]string{mePath: `{"organizations":[{"currency":"EUR"}]}`, oppoPath: `{"id":"oppo_a"}`, "PUT /api/v1/opportunity/oppo_a/": `{"id":"oppo_a"}`}}
	c := h.client()
	for _, client := range []*closekit.Client{c, c, c.With(nil)} {
		if _, err := do(t, client, "close_opportunity_create", create+`,"value_currency":"EUR"}`); err != nil {
			t.Error(err)
		}
	}
	if _, err := do(t, c, "close_opportunity_update", `{"opportunity_id":"oppo_a","value":5,"value_currency":"EUR"}`); err != nil {
		t.Error(err)
	}
	reads := 0
	for _, s := range h.seen {
		if strings.HasPrefix(s, mePath) {
			reads++
		}
	}
	if reads != 1 || len(h.seen) != 5 {
		t.Errorf("%d reads of the user, sent %q", reads, h.seen)
	}
	if _, err := do(t, c.With(closekit.APIKey("api_y")), "close_opportunity_create", create+`,"value_currency":"EUR"}`); err != nil || len(h.seen) != 7 {
		t.Errorf("another credential: %v, sent %q", err, h.seen)
	}
	if _, err := do(t, nil, "close_opportunity_create", create+`,"value_currency":"EUR"}`); err == nil {
		t.Error("a nil client")
	}
}

// TestProjection selects fields that Close does not select.
func TestProjection(t *testing.T) {
	t.Parallel()
	user := `{"id":"user_a","email":"ann@vendor.example","organizations":["orga_a"],"custom.cf_a":1}`
	page := `{"has_more": true,"data":[` + user + `,` + user + `]}`
	for _, c := range []struct{ tool, path, body, input, want, sent string }{
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","_fields":["email","id","nothing"]`, `{"id":"user_a","email":"ann@vendor.example"}`, ""},
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","fields":"email, id"`, `{"id":"user_a","email":"ann@vendor.example"}`, ""},
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","fields":"[\"custom\"]"`, `{"custom.cf_a":1}`, ""},
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","fields":["_all"]`, user, ""},
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","fields":null`, user, ""},
		{"close_user_get", "/user/user_a/", user, `"user_id":"user_a","fields":[]`, user, ""},
		{"close_users_list", "/user/", page, `"_fields":["id"],"_limit":2`, `{"has_more":true,"data":[{"id":"user_a"},{"id":"user_a"}]}`, "_limit=2"},
		{"close_users_list", "/user/", page, `"_limit":2`, page, "_limit=2"},
		{"close_sequences_list", "/sequence/", page, `"_fields":["id"]`, `{"has_more":true,"data":[{"id":"user_a"},{"id":"user_a"}]}`, ""},
		{"close_sequence_get", "/sequence/seq_a/", user, `"sequence_id":"seq_a","_fields":["id"]`, `{"id":"user_a"}`, ""},
		{"close_sequence_subscriptions_list", "/sequence_subscription/", page, `"lead_id":"lead_a","_fields":["id"]`, `{"has_more":true,"data":[{"id":"user_a"},{"id":"user_a"}]}`, "lead_id=lead_a"},
		{"close_sequence_subscription_get", "/sequence_subscription/sub_a/", user, `"subscription_id":"sub_a","_fields":["id"]`, `{"id":"user_a"}`, ""},
		{"close_pipelines_list", "/pipeline/", page, `"_fields":["id"]`, `{"has_more":true,"data":[{"id":"user_a"},{"id":"user_a"}]}`, "_fields=id"},
		{"close_webhooks_list", "/webhook/", page, `"fields":["id"]`, `{"has_more":true,"data":[{"id":"user_a"},{"id":"user_a"}]}`, "_fields=id"},
	} {
		h := &host{answers: map[string]string{"GET /api/v1" + c.path: c.body}}
		r, err := do(t, h.client(), c.tool, `{`+c.input+`}`)
		if err != nil || string(r.JSON) != c.want || len(h.seen) != 1 || strings.TrimSpace(strings.TrimPrefix(h.seen[0], "GET /api/v1"+c.path)) != c.sent {
			t.Errorf("%s %s: %+v, %v, sent %q", c.tool, c.input, r, err, h.seen)
		}
	}
	for input, want := range map[string]string{
		`{"user_id":"user_a","_fields":{}}`:                "_fields: must be a list of field names, got {}",
		`{"user_id":"user_a","_fields":[5]}`:               "_fields: must be a list of field names, got [5]",
		`{"user_id":"user_a","_fields":[],"fields":"id"}`:  "fields: is the same as _fields, which is given too (give only one)",
		`{"user_id":"lead_a","_fields":5,"filter":"name"}`: "3 problems",
	} {
		h := &host{}
		if _, err := do(t, h.client(), "close_user_get", input); err == nil || !strings.Contains(err.Error(), want) || len(h.seen) > 0 {
			t.Errorf("%s: %v", input, err)
		}
	}
	tool, err := tools.Lookup("close_opportunity_create")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := tool.Parse(json.RawMessage(create + `,"value_currency":"USD"}`)); err != nil || p.(*closeapi.OpportunityCreateParams).Value.Or(0) != 5 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := tool.Parse(json.RawMessage(create + `,"value_currency":[]}`)); !closekit.IsValidation(err) {
		t.Error(err)
	}
}

// TestSenderByName fills in the sender of enrollments where there is only one.
func TestSenderByName(t *testing.T) {
	t.Parallel()
	const (
		one  = `{"id":"emailacct_a","email":"bo@vendor.example","identities":[{"name":"Bo Smith","email":"bo@vendor.example"}]}`
		two  = `{"id":"emailacct_b","email":"sales@vendor.example","identities":[{"name":"Sales","email":"sales@vendor.example"}]}`
		bare = `{"id":"emailacct_c","email":"bo@vendor.example"}`
		off  = `{"id":"emailacct_d","email":"old@vendor.example","is_active":false}`
		both = `{"id":"emailacct_e","email":"bo@vendor.example","identities":[{"name":"Bo","email":"bo@vendor.example"},{"name":"Sales","email":"sales@vendor.example"}]}`
		ann  = `{"email":"ann@acme.example"}`
		work = `{"email":"work@acme.example"}`

		subPath = "POST /api/v1/sequence_subscription/"
		steps   = `{"steps":[{"step_type":"sms"},{"step_type":"email"}]}`
		texts   = `{"steps":[{"step_type":"sms"},{"step_type":"call"}]}`
		full    = `"contact_email":"ann@acme.example","sender_account_id":"emailacct_a","sender_name":"Bo Smith","sender_email":"bo@vendor.example"`
	)
	for _, c := range []struct {
		about, accounts, emails, steps, input string
		sent                                  string // beside the ids
		notes                                 int
		wants                                 []string // in the error
	}{
		{"one of each", one, ann, steps, ``, full, 2, nil},
		{"all given", ``, ``, steps, `,` + full, full, 0, nil},
		{"an account that is off", one + `,` + off, ann, steps, ``, full, 2, nil},
		{"an account without identities", bare, ann, steps, ``, strings.ReplaceAll(full, "emailacct_a", "emailacct_c"), 2, nil},
		{"nulls", one, ann, steps, `,"contact_email":null,"sender_account_id":null,"sender_name":null,"sender_email":null`, full, 2, nil},
		{"a null name", one + `,` + two, ann, steps, `,"sender_account_id":"emailacct_a","sender_name":null`, full, 2, nil},
		{"a null name of a foreign account", one, ann, steps, `,"sender_account_id":"emailacct_z","sender_name":null`, `"contact_email":"ann@acme.example","sender_account_id":"emailacct_z"`, 1, nil},
		{"the name is given", one, ann, steps, `,"sender_name":"Bobby"`, strings.ReplaceAll(full, "Bo Smith", "Bobby"), 2, nil},
		{"the account is given", one + `,` + two, ann, steps, `,"sender_account_id":"emailacct_a"`, full, 2, nil},
		{"the address is given", both, ann, steps, `,"sender_email":"SALES@vendor.example"`, `"contact_email":"ann@acme.example","sender_account_id":"emailacct_e","sender_name":"Sales","sender_email":"SALES@vendor.example"`, 2, nil},
		{"a foreign account", one, ann, steps, `,"sender_account_id":"emailacct_z"`, `"contact_email":"ann@acme.example","sender_account_id":"emailacct_z"`, 1, nil},
		{"the same address twice", one, ann + `,{"email":"ANN@acme.example"}`, steps, ``, full, 2, nil},
		{"nothing to choose from", ``, ``, steps, ``, ``, 0, nil},
		{"several accounts", one + `,` + two, ann, steps, ``, ``, 0, []string{"sender_account_id: is required, because there are 2 possible senders", "Bo Smith <bo@vendor.example> (sender_account_id emailacct_a), Sales <sales@vendor.example> (sender_account_id emailacct_b)"}},
		{"several identities", both, ann, steps, ``, ``, 0, []string{"sender_account_id: is required, because there are 2 possible senders"}},
		{"several addresses", one, ann + `,` + work, steps, ``, ``, 0, []string{"contact_email: is required, because the contact has 2 addresses", "choose one of ann@acme.example, work@acme.example"}},
		{"several of both", both, ann + `,` + work, steps, ``, ``, 0, []string{"contact_email", "sender_account_id"}},
		{"several, for text messages", both, ann + `,` + work, texts, ``, ``, 0, nil},
		{"several, for unknown steps", both, ann, `{}`, ``, ``, 0, []string{"sender_account_id"}},
	} {
		h := &host{answers: map[string]string{
			mePath: `{"first_name":"Bo","last_name":"Smith","email_accounts":[` + c.accounts + `]}`, subPath: `{"id":"sub_a"}`,
			"GET /api/v1/contact/cont_a/": `{"emails":[` + c.emails + `]}`, "GET /api/v1/sequence/seq_a/": c.steps,
		}}
		r, err := do(t, h.client(), "close_sequence_subscription_create", `{"contact_id":"cont_a","sequence_id":"seq_a"`+c.input+`}`)
		last := ""
		if len(h.seen) > 0 {
			last = h.seen[len(h.seen)-1]
		}
		if c.wants != nil {
			if !closekit.IsValidation(err) || strings.HasPrefix(last, subPath) {
				t.Errorf("%s: %v, sent %q", c.about, err, h.seen)
				continue
			}
			for _, want := range c.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, want %s", c.about, err, want)
				}
			}
			continue
		}
		if err != nil || len(r.Notes) != c.notes || string(r.JSON) != `{"id":"sub_a"}` {
			t.Errorf("%s: %+v, %v, sent %q", c.about, r, err, h.seen)
			continue
		}
		var got, want map[string]string
		body := strings.TrimSpace(strings.TrimPrefix(last, subPath))
		sent := `{"contact_id":"cont_a","sequence_id":"seq_a"`
		if c.sent != "" {
			sent += "," + c.sent
		}
		if json.Unmarshal([]byte(body), &got) != nil || json.Unmarshal([]byte(sent+"}"), &want) != nil || line(got) != line(want) {
			t.Errorf("%s: sent %s, want %s", c.about, body, sent)
		}
		if c.about == "one of each" && r.Notes[0] != "sender_account_id, sender_name, sender_email were filled in with Bo Smith <bo@vendor.example> (sender_account_id emailacct_a), the only sender that fits" {
			t.Errorf("%q", r.Notes)
		}
	}

	// Completing shows the exact input, and completing it again needs no read.
	h := &host{answers: map[string]string{mePath: `{"email_accounts":[` + one + `]}`, "GET /api/v1/contact/cont_a/": `{"emails":[` + ann + `]}`}}
	tool, err := tools.Lookup("close_sequence_subscription_create")
	if err != nil {
		t.Fatal(err)
	}
	filled, notes, err := tool.Complete(t.Context(), h.client(), json.RawMessage(`{"contact_id":"cont_a","sequence_id":"seq_a"}`))
	if err != nil || string(filled) != `{"contact_id":"cont_a","sequence_id":"seq_a",`+full+`}` || len(notes) != 2 {
		t.Errorf("%s, %q, %v", filled, notes, err)
	}
	again, notes, err := tool.Complete(t.Context(), h.client(), filled)
	if err != nil || string(again) != string(filled) || len(notes) != 0 || len(h.seen) != 2 {
		t.Errorf("%s, %q, %v, sent %q", again, notes, err, h.seen)
	}

	// Typed code asks for the values itself.
	e, notes, err := closekit.EnrollmentDefaults(t.Context(), h.client(), "cont_a", closekit.Enrollment{SenderName: "Bobby"})
	if err != nil || e != (closekit.Enrollment{ContactEmail: "ann@acme.example", SenderAccountID: "emailacct_a", SenderName: "Bobby", SenderEmail: "bo@vendor.example"}) || len(notes) != 2 {
		t.Errorf("%+v, %q, %v", e, notes, err)
	}
	h.answers["GET /api/v1/contact/cont_a/"] = `{"emails":[` + ann + `,` + work + `]}`
	if _, _, err := closekit.EnrollmentDefaults(t.Context(), h.client(), "cont_a", closekit.Enrollment{}); err == nil || !strings.HasPrefix(err.Error(), "contact_email: is required") {
		t.Error(err)
	}
}

// TestWords sends values in the writing of Close, or says what to use.
func TestWords(t *testing.T) {
	t.Parallel()
	const deals, activities = "close_opportunities_list", "close_activities_list"
	for _, c := range []struct{ tool, input, want string }{
		{activities, `{"lead_id":["lead_a"],"_type":["Sms","email_thread"]}`, "_type=SMS,EmailThread"},
		{activities, `{"lead_id":["lead_a"],"_type":["actitype_x"]}`, "_type=actitype_x"},
		{activities, `{"lead_id":["lead_a"],"_order_by":"activity_at DESC"}`, "_order_by=-activity_at"},
		{deals, `{"_order_by":"value desc"}`, "_order_by=-value"},
		{deals, `{"_order_by":"-value"}`, "_order_by=-value"},
		{deals, `{"_order_by":"Value"}`, "_order_by=value"},
		{deals, `{"_order_by":"value asc"}`, "_order_by=value"},
		{deals, `{"_order_by":"value:desc, Date-Won ascending"}`, "_order_by=-value,date_won"},
		{deals, `{"_order_by":"-Value Descending"}`, "_order_by=-value"},
		{deals, `{"_group_by":"-DATE_WON__WEEK"}`, "_group_by=-date_won__week"},
		{"close_leads_list", `{"_order_by":"date_updated desc"}`, "_order_by=-date_updated"},
		{"close_leads_list", `{"_order_by":"anything"}`, "_order_by=anything"}, // Close does not document any
		{"close_tasks_list", `{"_order_by":"-Date-Created"}`, "_order_by=-date_created"},
		{activities, `{"_order_by":"-Date_Created"}`, "_order_by=-date_created"},
		{"close_tasks_list", `{"_order_by":"date desc"}`, "_order_by=-date"},
	} {
		h := &host{answers: map[string]string{"GET /api/v1/opportunity/": `{}`, "GET /api/v1/activity/": `{}`, "GET /api/v1/lead/": `{}`, "GET /api/v1/task/": `{}`, "GET /api/v1/user/": `{}`}}
		if _, err := do(t, h.client(), c.tool, c.input); err != nil || len(h.seen) != 1 || !strings.Contains(strings.ReplaceAll(h.seen[0], " ", "&")+"&", "&"+c.want+"&") {
			t.Errorf("%s %s: %v, sent %q", c.tool, c.input, err, h.seen)
		}
	}
	h := &host{answers: map[string]string{"GET /api/v1/opportunity/": `{}`}}
	if _, err := closeapi.OpportunitiesList(t.Context(), h.client(), closeapi.OpportunitiesListParams{OrderBy: closekit.Some(closeapi.OpportunityOrder("VALUE DESC"))}); err != nil || !strings.HasSuffix(h.seen[0], "_order_by=-value") {
		t.Errorf("typed: %v, sent %q", err, h.seen)
	}
	const call, email, sms, task = "close_call_create", "close_email_create", "close_sms_create", "close_sequence_subscription_update"
	for _, c := range []struct{ tool, input, hint, not string }{
		{"close_users_list", `{"_order_by":"Last_Name,First_Name"}`, `(did you mean "last_name,first_name"?)`, ""},
		{deals, `{"_order_by":"unknown desc"}`, `, annualized_expected_value, with - in front for descending order, got "unknown"`, "did you mean"},
		{deals, `{"_order_by":"vaule"}`, `got "vaule" (did you mean "value"?)`, ""},
		{deals, `{"_order_by":"value,-updated"}`, `got "updated"`, ""},
		{deals, `{"_order_by":"-value asc"}`, "give one order only", ""},
		{deals, `{"_order_by":""}`, "must be one of date_won", ""},
		{deals, `{"_group_by":"date_won__day"}`, "must be one of user_id, date_won__week", ""},
		{"close_leads_list", `{"_order_by":"-date_updated asc"}`, "give one order only", ""},
		{"close_tasks_list", `{"_order_by":"due_date"}`, "must be one of date, date_created, with - in front", ""},
		{activities, `{"_order_by":"date_updated"}`, "must be one of date_created, activity_at, with - in front", ""},
		{email, `{"lead_id":"lead_a","status":"send"}`, "(use outbox, which really sends the email", "did you mean"},
		{email, `{"lead_id":"lead_a","status":"SEND_NOW"}`, "(use outbox", "did you mean"},
		{email, `{"lead_id":"lead_a","status":"unsent"}`, "(use draft)", "did you mean"},
		{email, `{"lead_id":"lead_a","status":"delivered"}`, "(use sent, which only logs", ""},
		{email, `{"lead_id":"lead_a","status":"received"}`, "(use inbox", ""},
		{email, `{"lead_id":"lead_a","status":"outbx"}`, `(did you mean "outbox"?)`, ""},
		{"close_email_update", `{"email_id":"acti_a","status":"cancel"}`, "(use draft, which calls back", ""},
		{sms, `{"lead_id":"lead_a","status":"send"}`, "(use outbox, which really sends the message", "did you mean"},
		{sms, `{"lead_id":"lead_a","status":"outbound"}`, "use outbox to send", ""},
		{call, `{"lead_id":"lead_a","status":"no_answer"}`, `(did you mean "no-answer"?)`, ""},
		{call, `{"lead_id":"lead_a","status":"missed"}`, "(use no-answer)", ""},
		{call, `{"lead_id":"lead_a","status":"left_voicemail"}`, "(not a status: use no-answer and write in note", "did you mean"},
		{call, `{"lead_id":"lead_a","status":"Left Voicemail"}`, "(not a status: use no-answer and write in note", ""},
		{call, `{"lead_id":"lead_a","status":"wrong_number"}`, "(not a status: use completed if a person answered, else failed", "did you mean"},
		{call, `{"lead_id":"lead_a","status":"incomplete"}`, "no-answer, cancel or failed", "did you mean"},
		{call, `{"lead_id":"lead_a","status":"answered"}`, "(use completed)", "did you mean"},
		{task, `{"subscription_id":"sub_a","status":"stop"}`, "(use paused)", ""},
		{task, `{"subscription_id":"sub_a","status":"unpaused"}`, "(use active)", "did you mean"},
		{task, `{"subscription_id":"sub_a","status":"inactive"}`, "(use paused)", "did you mean"},
		{deals, `{"status_type":"inactive"}`, "must be one of active, won, lost", "did you mean"},
		{activities, `{"lead_id":["lead_a"],"_type":["CustomActivity"]}`, "(use Custom", "did you mean"},
	} {
		h := &host{}
		_, err := do(t, h.client(), c.tool, c.input)
		if !closekit.IsValidation(err) || !strings.Contains(err.Error(), c.hint) || c.not != "" && strings.Contains(err.Error(), c.not) || len(h.seen) > 0 {
			t.Errorf("%s %s: %v", c.tool, c.input, err)
		}
	}
}
