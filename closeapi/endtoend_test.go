package closeapi_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

// today is the present of the emulators here.
var today = time.Date(2026, 6, 19, 12, 5, 28, 327_000_000, time.UTC)

// world is an emulated Close with two clients, one for typed calls and one for
// calls by name, that note which operations succeeded.
type world struct {
	*testing.T
	srv   *emulator.Server
	c     *closekit.Client // for typed calls
	named *closekit.Client
}

// done counts what was called successfully: "typed close_lead_get".
var done struct {
	sync.Mutex
	count map[string]int
}

func counting(way string) closekit.Option {
	return closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			resp, err := next(a)
			if err == nil && resp.StatusCode/100 == 2 {
				done.Lock()
				defer done.Unlock()
				if done.count == nil {
					done.count = map[string]int{}
				}
				done.count[way+" "+a.Operation.Tool]++
			}
			return resp, err
		}
	})
}

func newWorld(t *testing.T, opts ...emulator.Option) *world {
	t.Helper()
	srv := emulator.Start(t, append(opts, func(o *emulator.Options) {
		o.Clock = func() time.Time { return today }
		o.Seed, o.Strict = 1, true
	})...)
	base := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.StrictDecoding(), closekit.MaxRetries(0))
	return &world{t, srv, base.With(nil, counting("typed")), base.With(nil, counting("named"))}
}

// tool calls a tool by name and gives its answer.
func (w *world) tool(name, input string, args ...any) map[string]any {
	w.Helper()
	out, err := w.try(name, input, args...)
	if err != nil {
		w.Fatalf("%s %s: %v", name, fmt.Sprintf(input, args...), err)
	}
	return out
}

func (w *world) try(name, input string, args ...any) (map[string]any, error) {
	w.Helper()
	tool, err := tools.Lookup(name)
	if err != nil {
		w.Fatal(err)
	}
	raw, err := tool.Call(w.Context(), w.named, json.RawMessage(fmt.Sprintf(input, args...)))
	if err != nil {
		return nil, err
	}
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		w.Fatalf("%s gives %s", name, raw)
	}
	return out, nil
}

// at follows a path such as data.0.id; what is not there is nil.
func at(v any, path string) any {
	for step := range strings.SplitSeq(path, "/") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(in) {
				return nil
			}
			v = in[n]
		default:
			return nil
		}
	}
	return v
}

// same compares what two values print.
func (w *world) same(what string, got, want any) {
	w.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// has compares members of an answer: path, value, path, value …
func (w *world) has(answer map[string]any, pairs ...any) {
	w.Helper()
	for i := 0; i < len(pairs); i += 2 {
		w.same(fmt.Sprint(pairs[i]), at(answer, fmt.Sprint(pairs[i])), pairs[i+1])
	}
}

// line puts values on one line, with spaces in between.
func line(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

// ok takes the two results of a call: ok(closeapi.LeadGet(…))(w).
func ok[R any](v R, err error) func(*world) R {
	return func(w *world) R {
		w.Helper()
		if err != nil {
			w.Fatal(err)
		}
		return v
	}
}

func (w *world) gone(err error) {
	w.Helper()
	if !closekit.IsNotFound(err) {
		w.Errorf("got %v, want not found", err)
	}
}

func (w *world) lead(name string) *closeapi.Lead {
	w.Helper()
	return ok(closeapi.LeadCreate(w.Context(), w.c, closeapi.LeadCreateParams{Name: name}))(w)
}

func (w *world) contact(lead closeapi.LeadID) *closeapi.Contact {
	w.Helper()
	return ok(closeapi.ContactCreate(w.Context(), w.c, closeapi.ContactCreateParams{
		LeadID: lead, Name: closekit.Some("Ann Lee"),
		Emails: []closeapi.ContactEmail{{Email: "ann@acme.example"}}, Phones: []closeapi.ContactPhone{{Phone: "+16505550142"}},
	}))(w)
}

// status gives the id of the first status of a type, and its pipeline.
func (w *world) status(typ closeapi.OpportunityStatusType) (closeapi.OpportunityStatusID, closeapi.PipelineID) {
	w.Helper()
	for _, p := range ok(closeapi.PipelinesList(w.Context(), w.c, closeapi.PipelinesListParams{}))(w).Data {
		for _, s := range p.Statuses {
			if s.Type == typ {
				return s.ID, p.ID
			}
		}
	}
	w.Fatalf("no status of type %s", typ)
	return "", ""
}

// TestEndToEnd calls all tools, typed and by name, against an emulator over
// HTTP and looks at what they did.
func TestEndToEnd(t *testing.T) {
	for _, part := range []struct {
		name string
		run  func(*world)
	}{
		{"leads", testLeads},
		{"merge and cascade", testMergeAndCascade},
		{"paging", testPaging},
		{"contacts", testContacts},
		{"opportunities", testOpportunities},
		{"activities", testActivities},
		{"calls", testCalls},
		{"emails", testEmails},
		{"sms", testSMS},
		{"notes", testNotes},
		{"comments", testComments},
		{"tasks", testTasks},
		{"sequences", testSequences},
		{"pipelines", testPipelines},
		{"custom fields of leads", testCustomFieldsLead},
		{"custom fields of contacts", testCustomFieldsContact},
		{"custom fields of opportunities", testCustomFieldsOpportunity},
		{"users", testUsers},
		{"groups", testGroups},
		{"email templates", testTemplates},
		{"events", testEvents},
		{"webhooks", testWebhooks},
		{"webhook delivery", testWebhookDelivery},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(newWorld(t)) })
	}
	done.Lock()
	defer done.Unlock()
	// A tool that was added since may wait for its scenario; half a one may not.
	called := 0
	for _, tool := range tools.All() {
		typed, named := done.count["typed "+tool.Name] > 0, done.count["named "+tool.Name] > 0
		if typed && named {
			called++
		} else if typed || named {
			t.Errorf("%s was called typed: %v, by name: %v; want both", tool.Name, typed, named)
		}
	}
	if called < 81 {
		t.Errorf("%d tools were called both ways, want the 81 promised ones", called)
	}
}

func testLeads(w *world) {
	ctx := w.Context()
	tier := ok(closeapi.CustomFieldLeadCreate(ctx, w.c, closeapi.CustomFieldLeadCreateParams{Name: "Tier", Type: closeapi.CustomFieldTypeText}))(w).ID
	markets := ok(closeapi.CustomFieldLeadCreate(ctx, w.c, closeapi.CustomFieldLeadCreateParams{
		Name: "Markets", Type: closeapi.CustomFieldTypeChoices, Choices: []string{"EU", "US", "JP"}, AcceptsMultipleValues: closekit.Some(true),
	}))(w).ID
	p := closeapi.LeadCreateParams{
		Name: "Acme", Description: closekit.Some("Makes anvils"), URL: closekit.Some("https://acme.example"), Status: closekit.Some("Qualified"),
		Contacts: []closeapi.Contact{
			{Name: closekit.Some("Ann Lee"), Emails: []closeapi.ContactEmail{{Email: "ann@acme.example", Type: closekit.Some(closeapi.ContactLabelOffice)}}},
			{Name: closekit.Some("Bo"), Phones: []closeapi.ContactPhone{{Phone: "(650) 555-0142"}}},
		},
		Addresses: []closeapi.Address{{City: closekit.Some("Portland"), Country: closekit.Some("US")}},
	}
	p.CustomFields.Set(string(tier), closekit.CustomText("Gold"))
	p.CustomFields.Set(string(markets), closekit.CustomTexts("EU", "US"))
	lead := ok(closeapi.LeadCreate(ctx, w.c, p))(w)
	w.same("status", lead.StatusLabel, "Qualified")
	w.same("contacts", len(lead.Contacts), 2)
	w.same("contact's lead", lead.Contacts[0].LeadID.Or(""), lead.ID)
	w.same("second contact's phone", lead.Contacts[1].Phones[0].Phone, "+16505550142")
	w.same("address", lead.Addresses[0].City.Or("")+lead.Addresses[0].Label.String(), "Portlandbusiness")
	w.same("tier", value(lead.CustomFields, tier), "Gold")
	w.same("markets", value(lead.CustomFields, markets), `["EU","US"]`)

	// What the emulator has, not what it answered.
	stored := ok(closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: lead.ID}))(w)
	w.same("stored name", stored.Name.Or(""), "Acme")
	w.same("stored contacts", len(stored.Contacts), 2)
	few := ok(closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: lead.ID, Fields: []string{"id", "name"}}))(w)
	w.same("fields", mustJSON(few), `{"id":"`+string(lead.ID)+`","name":"Acme"}`)

	change := closeapi.LeadUpdateParams{LeadID: lead.ID, Description: closekit.Null[string]()}
	change.CustomFields.Add(string(markets), closekit.CustomText("JP"))
	change.CustomFields.Clear(string(tier))
	ok(closeapi.LeadUpdate(ctx, w.c, change))(w)
	change = closeapi.LeadUpdateParams{LeadID: lead.ID}
	change.CustomFields.Remove(string(markets), closekit.CustomText("EU"))
	lead = ok(closeapi.LeadUpdate(ctx, w.c, change))(w)
	w.same("markets after .add and .remove", value(lead.CustomFields, markets), `["US","JP"]`)
	if _, there := lead.CustomFields.Get(string(tier)); there {
		w.Error("a cleared custom field is still there")
	}
	w.same("cleared description", lead.Description.IsNull(), true)
	w.same("name that was left alone", lead.Name.Or(""), "Acme")
	lead = ok(closeapi.LeadUpdate(ctx, w.c, closeapi.LeadUpdateParams{LeadID: lead.ID, Addresses: []closeapi.Address{}}))(w)
	w.same("addresses after an empty list", len(lead.Addresses), 0)

	// By name.
	named := w.tool("close_lead_create", `{"name":"Zenith","contacts":[{"name":"Zoe","emails":[{"email":"zoe@zenith.example"}]}],"custom_fields":{%q:"Silver"}}`, tier)
	id := at(named, "id")
	w.has(named, "contacts/0/emails/0/email", "zoe@zenith.example", "custom."+string(tier), "Silver")
	w.tool("close_lead_update", `{"lead_id":%q,"name":"Zenith Ltd","custom.%s.add":"JP"}`, id, markets)
	w.has(w.tool("close_lead_get", `{"lead_id":%q}`, id), "name", "Zenith Ltd", "custom."+string(markets), "[JP]")

	page := ok(closeapi.LeadsList(ctx, w.c, closeapi.LeadsListParams{Query: closekit.Some("Acme")}))(w)
	w.same("leads found", len(page.Data), 1)
	w.same("total", page.Total.Or(-1), 1)
	w.same("lead found", page.Data[0].ID, lead.ID)
	w.has(w.tool("close_leads_list", `{"search":"Zenith","_fields":["id"]}`), "data/0/id", id, "data/1", nil, "has_more", false, "total_results", 1)

	if err := closeapi.LeadDelete(ctx, w.c, closeapi.LeadDeleteParams{LeadID: lead.ID}); err != nil {
		w.Fatal(err)
	}
	_, err := closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: lead.ID})
	w.gone(err)
	w.same("answer of a delete", len(w.tool("close_lead_delete", `{"lead_id":%q}`, id)), 0)
	_, err = w.try("close_lead_get", `{"lead_id":%q}`, id)
	w.gone(err)
	w.same("leads left", len(w.srv.Objects("leads")), 0)
}

func value(c closekit.CustomFields, id closeapi.CustomFieldID) string {
	v, _ := c.Get(string(id))
	return v.String()
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func testMergeAndCascade(w *world) {
	ctx := w.Context()
	for _, way := range []string{"typed", "named"} {
		w.srv.Reset()
		from, to := w.lead("Acme Ltd"), w.lead("Acme")
		ok(closeapi.LeadUpdate(ctx, w.c, closeapi.LeadUpdateParams{LeadID: from.ID, Description: closekit.Some("from the source")}))(w)
		contact := w.contact(from.ID)
		note := ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: from.ID, Note: closekit.Some("moves along")}))(w)
		if way == "typed" {
			w.same("status", ok(closeapi.LeadMerge(ctx, w.c, closeapi.LeadMergeParams{Source: from.ID, Destination: to.ID}))(w).Status.Or(""), "ok")
		} else {
			w.has(w.tool("close_lead_merge", `{"source_lead_id":%q,"destination":%q}`, from.ID, to.ID), "status", "ok")
		}
		_, err := closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: from.ID})
		w.gone(err)
		merged := ok(closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: to.ID}))(w)
		w.same("name", merged.Name.Or(""), "Acme")
		w.same("description", merged.Description.Or(""), "from the source")
		w.same("contact", merged.Contacts[0].ID, contact.ID)
		w.same("note's lead", ok(closeapi.NoteGet(ctx, w.c, closeapi.NoteGetParams{NoteID: note.ID}))(w).LeadID.Or(""), to.ID)

		// Deleting takes everything along.
		status, _ := w.status(closeapi.OpportunityStatusTypeActive)
		opp := ok(closeapi.OpportunityCreate(ctx, w.c, closeapi.OpportunityCreateParams{LeadID: to.ID, StatusID: status}))(w)
		task := ok(closeapi.TaskCreate(ctx, w.c, closeapi.TaskCreateParams{LeadID: to.ID, Text: closekit.Some("Call")}))(w)
		if err := closeapi.LeadDelete(ctx, w.c, closeapi.LeadDeleteParams{LeadID: to.ID}); err != nil {
			w.Fatal(err)
		}
		_, err = closeapi.ContactGet(ctx, w.c, closeapi.ContactGetParams{ContactID: contact.ID})
		w.gone(err)
		_, err = closeapi.OpportunityGet(ctx, w.c, closeapi.OpportunityGetParams{OpportunityID: opp.ID})
		w.gone(err)
		_, err = closeapi.TaskGet(ctx, w.c, closeapi.TaskGetParams{TaskID: task.ID})
		w.gone(err)
		_, err = closeapi.NoteGet(ctx, w.c, closeapi.NoteGetParams{NoteID: note.ID})
		w.gone(err)
	}
	_, err := closeapi.LeadMerge(ctx, w.c, closeapi.LeadMergeParams{Source: "lead_" + closeapi.LeadID(strings.Repeat("x", 43)), Destination: w.lead("Acme").ID})
	var e *closekit.Error
	if !errors.As(err, &e) || e.Status != 404 || e.Message != "Source lead does not exist." {
		w.Errorf("merging an unknown lead gives %v", err)
	}
}

func testPaging(w *world) {
	ctx := w.Context()
	var seed strings.Builder
	seed.WriteString(`{"leads":[`)
	for i := range 250 {
		if i > 0 {
			seed.WriteByte(',')
		}
		fmt.Fprintf(&seed, `{"name":"Lead %03d"}`, i)
	}
	seed.WriteString(`]}`)
	if err := w.srv.Seed(strings.NewReader(seed.String())); err != nil {
		w.Fatal(err)
	}
	requests := func() int { return len(w.srv.Requests()) }
	before := requests()
	seen := map[closeapi.LeadID]bool{}
	for lead, err := range closeapi.LeadsAll(ctx, w.c, closeapi.LeadsListParams{}) {
		if err != nil {
			w.Fatal(err)
		}
		seen[lead.ID] = true
	}
	w.same("leads", len(seen), 250)
	w.same("pages of 100", requests()-before, 3)

	before = requests()
	list := ok(closekit.Collect(closeapi.LeadsAll(ctx, w.c, closeapi.LeadsListParams{Limit: closekit.Some(30)}, closekit.MaxItems(40)), 0))(w)
	w.same("bounded items", len(list), 40)
	w.same("pages of 30", requests()-before, 2)
	before = requests()
	list = ok(closekit.Collect(closeapi.LeadsAll(ctx, w.c, closeapi.LeadsListParams{Limit: closekit.Some(30)}, closekit.MaxPages(3)), 0))(w)
	w.same("items of three pages", len(list), 90)
	w.same("three pages", requests()-before, 3)
	before = requests()
	for range closeapi.LeadsAll(ctx, w.c, closeapi.LeadsListParams{}) {
		break
	}
	w.same("pages of a loop that breaks", requests()-before, 1)

	page := ok(closeapi.LeadsList(ctx, w.c, closeapi.LeadsListParams{Skip: closekit.Some(240)}))(w)
	w.same("last page", line(len(page.Data), page.HasMore, page.Total.Or(0), page.NextSkip), "10 false 250 250")
	page = ok(closeapi.LeadsList(ctx, w.c, closeapi.LeadsListParams{Limit: closekit.Some(0)}))(w)
	w.same("only the count", line(len(page.Data), page.Total.Or(0)), "0 250")

	// A loop that deletes what it iterates over sees everything.
	before, n := requests(), 0
	for lead, err := range closeapi.LeadsAll(ctx, w.c, closeapi.LeadsListParams{Limit: closekit.Some(50), Fields: []string{"id"}}, closekit.WhileChanging()) {
		if err != nil {
			w.Fatal(err)
		}
		if err := closeapi.LeadDelete(ctx, w.c, closeapi.LeadDeleteParams{LeadID: lead.ID}); err != nil {
			w.Fatal(err)
		}
		n++
	}
	w.same("deleted leads", line(n, len(w.srv.Objects("leads"))), "250 0")
	w.same("their pages", requests()-before-n, 6)

	if err := w.srv.Seed(strings.NewReader(seed.String())); err != nil {
		w.Fatal(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	n = 0
	var last error
	for _, err := range closeapi.LeadsAll(canceled, w.c, closeapi.LeadsListParams{}) {
		if n++; n == 100 {
			cancel()
		}
		last = err
	}
	cancel()
	if !errors.Is(last, context.Canceled) || n != 101 {
		w.Errorf("after canceling: item %d, %v", n, last)
	}
	w.has(w.tool("close_leads_list", `{"_limit":200,"offset":100,"_fields":"id,name"}`), "has_more", false, "data/149/name", w.tool("close_leads_list", `{"_skip":249}`)["data"].([]any)[0].(map[string]any)["name"])
}

func testContacts(w *world) {
	ctx := w.Context()
	lead, other := w.lead("Acme"), w.lead("Zenith")
	contact := w.contact(lead.ID)
	w.same("default label", contact.Emails[0].Type.Or(""), "office")
	got := ok(closeapi.ContactGet(ctx, w.c, closeapi.ContactGetParams{ContactID: contact.ID}))(w)
	w.same("stored", mustJSON(got), mustJSON(contact))
	got = ok(closeapi.ContactUpdate(ctx, w.c, closeapi.ContactUpdateParams{
		ContactID: contact.ID, LeadID: closekit.Some(other.ID), Title: closekit.Some("CEO"), Phones: []closeapi.ContactPhone{},
		Emails: []closeapi.ContactEmail{{Email: "ann@zenith.example", Type: closekit.Some(closeapi.ContactLabelHome)}},
	}))(w)
	w.same("after the change", line(got.LeadID, got.Title, len(got.Phones), got.Emails[0].Email, got.Emails[0].Type), line(other.ID, "CEO", 0, "ann@zenith.example", "home"))
	w.same("contacts of the old lead", len(ok(closeapi.ContactsList(ctx, w.c, closeapi.ContactsListParams{LeadID: closekit.Some(lead.ID)}))(w).Data), 0)
	w.same("contacts of the new lead", len(ok(closeapi.ContactsList(ctx, w.c, closeapi.ContactsListParams{LeadID: closekit.Some(other.ID)}))(w).Data), 1)

	made := w.tool("close_contact_create", `{"lead_id":%q,"name":"Bo","emails":"[{\"email\":\"bo@acme.example\"}]","timezone":"Europe/Berlin"}`, lead.ID)
	w.has(made, "emails/0/email", "bo@acme.example", "timezone", "Europe/Berlin")
	w.tool("close_contact_update", `{"contact_id":%q,"name":"Bo Smith","timezone":null}`, made["id"])
	w.has(w.tool("close_contact_get", `{"contact_id":%q}`, made["id"]), "name", "Bo Smith", "timezone", nil)
	w.has(w.tool("close_contacts_list", `{"lead_id":%q}`, lead.ID), "data/0/display_name", "Bo Smith", "data/1", nil)

	if err := closeapi.ContactDelete(ctx, w.c, closeapi.ContactDeleteParams{ContactID: contact.ID}); err != nil {
		w.Fatal(err)
	}
	_, err := closeapi.ContactGet(ctx, w.c, closeapi.ContactGetParams{ContactID: contact.ID})
	w.gone(err)
	w.tool("close_contact_delete", `{"contact_id":%q}`, made["id"])
	w.same("contacts left", len(w.srv.Objects("contacts")), 0)
}

func testOpportunities(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	active, pipeline := w.status(closeapi.OpportunityStatusTypeActive)
	won, _ := w.status(closeapi.OpportunityStatusTypeWon)
	lost, _ := w.status(closeapi.OpportunityStatusTypeLost)
	opp := ok(closeapi.OpportunityCreate(ctx, w.c, closeapi.OpportunityCreateParams{
		LeadID: lead.ID, StatusID: active, Value: closekit.Some(closeapi.Dollars(12_000)), ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual),
		Confidence: closekit.Some(40), DateWon: closekit.Some(closekit.Date("2026-12-31")),
	}))(w)
	w.same("money", line(int64(opp.Value.Or(0)), int64(opp.ExpectedValue.Or(0)), opp.ValueFormatted.Or(""), opp.PipelineID.Or("")), line(1200000, 480000, "$12,000 annual", pipeline))
	monthly := w.tool("close_opportunity_create", `{"lead_id":%q,"status_id":%q,"value":50000,"value_period":"monthly","confidence":50,"expected_date":"2027-01-31"}`, lead.ID, active)
	w.has(monthly, "annualized_value", 600000, "expected_value", 25000, "date_won", "2027-01-31", "value_formatted", "$500 monthly")

	page := ok(closeapi.OpportunitiesList(ctx, w.c, closeapi.OpportunitiesListParams{StatusType: closekit.Some(closeapi.OpportunityStatusTypeActive), OrderBy: closekit.Some(closeapi.OpportunityOrder("-value"))}))(w)
	w.same("order", line(page.Data[0].ID, page.Data[1].ID), line(opp.ID, monthly["id"]))
	totals := ok(closeapi.OpportunitiesTotals(page))(w)
	w.same("totals", line(page.Total.Or(0), totals.CountByValuePeriod.Annual, totals.CountByValuePeriod.Monthly, int64(totals.TotalValueAnnual.Or(0)), int64(totals.TotalValueMonthly.Or(0)), int64(totals.TotalValueAnnualized.Or(0)), int64(totals.ExpectedValueAnnualized.Or(0)), totals.TotalValueAnnualizedFormatted.Or("")),
		"2 1 1 1200000 50000 1800000 780000 $18,000")

	groups := ok(closeapi.OpportunitiesList(ctx, w.c, closeapi.OpportunitiesListParams{GroupBy: closekit.Some(closeapi.OpportunityGrouping("date_won__year"))}))(w)
	w.same("groups", len(groups.Data), 2)
	group, isGroup := groups.Data[0].AsOpportunityGroup()
	if !isGroup {
		w.Fatal("no group")
	}
	w.same("group", line(string(group.Key), len(group.Objects), group.TotalResults.Or(0), int64(group.TotalValueAnnual.Or(0)), group.Objects[0].ID), line(`"2026-01-01"`, 1, 1, 1200000, opp.ID))
	if _, isGroup := page.Data[0].AsOpportunityGroup(); isGroup {
		w.Error("an opportunity is taken for a group")
	}
	w.has(w.tool("close_opportunities_list", `{"group_by":"-date_won__year","_fields":["id"]}`), "data/0/key", "2027-01-01", "data/0/objects/0/id", monthly["id"], "total_value_annualized", 1800000)
	w.has(w.tool("close_opportunities_list", `{"lead_id":%q,"value_period":"monthly"}`, lead.ID), "data/0/id", monthly["id"], "data/1", nil)

	got := ok(closeapi.OpportunityUpdate(ctx, w.c, closeapi.OpportunityUpdateParams{OpportunityID: opp.ID, StatusID: closekit.Some(won), DateWon: closekit.Null[closekit.Date](), Note: closekit.Some("Signed.")}))(w)
	w.same("won", line(got.StatusType, got.DateWon.Or(""), got.NoteHTML.Or("")), "won 2026-06-19 <body><p>Signed.</p></body>")
	got = ok(closeapi.OpportunityGet(ctx, w.c, closeapi.OpportunityGetParams{OpportunityID: opp.ID}))(w)
	w.same("stored", got.StatusID, won)
	w.tool("close_opportunity_update", `{"opportunity_id":%q,"status_id":%q}`, monthly["id"], lost)
	w.has(w.tool("close_opportunity_get", `{"opportunity_id":%q}`, monthly["id"]), "status_type", "lost", "date_lost", "2026-06-19T12:05:28.327000+00:00")

	_, err := closeapi.OpportunityCreate(ctx, w.c, closeapi.OpportunityCreateParams{LeadID: lead.ID, StatusID: closeapi.OpportunityStatusID(lead.ID)})
	if !closekit.IsValidation(err) || !strings.Contains(err.Error(), "close_pipelines_list") {
		w.Errorf("a lead id as a status gives %v", err)
	}
	if err := closeapi.OpportunityDelete(ctx, w.c, closeapi.OpportunityDeleteParams{OpportunityID: opp.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_opportunity_delete", `{"opportunity_id":%q}`, monthly["id"])
	w.same("deals left", len(w.srv.Objects("opportunities")), 0)
}

func testActivities(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	note := ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("Hello"), Title: closekit.Some("First")}))(w)
	call := ok(closeapi.CallCreate(ctx, w.c, closeapi.CallCreateParams{LeadID: lead.ID, Duration: closekit.Some(840)}))(w)
	email := ok(closeapi.EmailCreate(ctx, w.c, closeapi.EmailCreateParams{LeadID: lead.ID, Subject: closekit.Some("Your quote"), To: []string{"ann@acme.example"}}))(w)
	sms := ok(closeapi.SMSCreate(ctx, w.c, closeapi.SMSCreateParams{LeadID: lead.ID, Text: closekit.Some("Hi")}))(w)
	task := ok(closeapi.TaskCreate(ctx, w.c, closeapi.TaskCreateParams{LeadID: lead.ID, Text: closekit.Some("Call back")}))(w)
	ok(closeapi.TaskUpdate(ctx, w.c, closeapi.TaskUpdateParams{TaskID: task.ID, IsComplete: closekit.Some(true)}))(w)
	ok(closeapi.LeadUpdate(ctx, w.c, closeapi.LeadUpdateParams{LeadID: lead.ID, Status: closekit.Some("Qualified")}))(w)

	kinds := map[closeapi.ActivityType]int{}
	for a, err := range closeapi.ActivitiesAll(ctx, w.c, closeapi.ActivitiesListParams{LeadID: []closeapi.LeadID{lead.ID}, Limit: closekit.Some(2)}) {
		if err != nil {
			w.Fatal(err)
		}
		kinds[a.Type]++
		matched := 0
		if v, is := a.AsCall(); is {
			matched++
			w.same("call", line(v.ID, v.Duration.Or(0), a.Duration.Or(0), v.CallMethod), line(call.ID, 840, 840, "external"))
		}
		if v, is := a.AsEmail(); is {
			matched++
			w.same("email", line(v.ID, v.Status, v.To, a.Subject.Or("")), line(email.ID, "draft", "[ann@acme.example]", "Your quote"))
		}
		if v, is := a.AsNote(); is {
			matched++
			w.same("note", line(v.ID, v.NoteHTML.Or(""), a.Title.Or("")), line(note.ID, "<body><p>Hello</p></body>", "First"))
		}
		if v, is := a.AsSMS(); is {
			matched++
			w.same("sms", line(v.ID, v.Direction), line(sms.ID, "outbound"))
		}
		if v, is := a.AsTaskCompletedActivity(); is {
			matched++
			w.same("task", line(v.TaskID, a.TaskText.Or("")), line(task.ID, "Call back"))
		}
		if v, is := a.AsLeadStatusChange(); is {
			matched++
			w.same("status change", line(v.NewStatusLabel, a.NewStatusLabel.Or("")), line("Qualified", "Qualified"))
		}
		if _, is := a.AsCreatedActivity(); is {
			matched++
		}
		w.same("kinds that "+string(a.Type)+" is", matched, 1)
	}
	w.same("kinds", line(kinds), "map[Call:1 Created:1 Email:1 LeadStatusChange:1 Note:1 SMS:1 TaskCompleted:1]")

	few := ok(closeapi.ActivitiesList(ctx, w.c, closeapi.ActivitiesListParams{LeadID: []closeapi.LeadID{lead.ID}, Type: []closeapi.ActivityType{closeapi.ActivityTypeNote, closeapi.ActivityTypeCall}}))(w)
	w.same("two kinds", len(few.Data), 2)
	threads := ok(closeapi.ActivitiesList(ctx, w.c, closeapi.ActivitiesListParams{LeadID: []closeapi.LeadID{lead.ID}, ThreadEmails: closekit.Some(closeapi.ThreadEmailsOnly), Type: []closeapi.ActivityType{closeapi.ActivityTypeEmailThread}}))(w)
	thread, is := threads.Data[0].AsEmailThread()
	if !is || thread.LatestEmails[0].ID.Or("") != email.ID {
		w.Errorf("the thread is %+v", thread)
	}
	w.has(w.tool("close_activities_list", `{"lead_id":%q,"_type":"SMS"}`, lead.ID), "data/0/id", sms.ID, "data/1", nil)
	w.has(w.tool("close_activities_list", `{"lead_id":[%q],"_order_by":"-activity_at","activity_at__gte":"2030-01-01"}`, lead.ID), "data/0", nil, "has_more", false)
	if _, err := w.try("close_activities_list", `{"_type":["Note"]}`); !closekit.IsValidation(err) {
		w.Errorf("a filter without a lead gives %v", err)
	}
}

func testCalls(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	call := ok(closeapi.CallCreate(ctx, w.c, closeapi.CallCreateParams{
		LeadID: lead.ID, ContactID: closekit.Some(contact.ID), Direction: closekit.Some(closeapi.CallDirectionOutbound),
		Duration: closekit.Some(840), Status: closekit.Some(closeapi.CallStatusCompleted), Phone: closekit.Some("650-555-0142"), Note: closekit.Some("Wants a quote"),
	}))(w)
	w.same("call", line(call.Phone, call.RemotePhoneFormatted, call.Disposition, call.NoteHTML), "+16505550142 +1 650-555-0142 answered <body><p>Wants a quote</p></body>")
	got := ok(closeapi.CallUpdate(ctx, w.c, closeapi.CallUpdateParams{CallID: call.ID, Note: closekit.Some("Later"), Duration: closekit.Some(0)}))(w)
	w.same("changed", line(got.Note, got.Duration, got.ContactID), line("Later", 0, contact.ID))
	w.same("stored", mustJSON(ok(closeapi.CallGet(ctx, w.c, closeapi.CallGetParams{CallID: call.ID}))(w)), mustJSON(got))

	missed := w.tool("close_call_create", `{"lead_id":%q,"direction":"inbound","status":"no-answer"}`, lead.ID)
	w.has(missed, "disposition", "no-answer", "source", "External", "duration", 0)
	w.tool("close_call_update", `{"call_id":%q,"note":"Rang twice"}`, missed["id"])
	w.has(w.tool("close_call_get", `{"call_id":%q,"_fields":["note","direction"]}`, missed["id"]), "note", "Rang twice", "direction", "inbound", "id", nil)
	w.same("calls", len(ok(closeapi.CallsList(ctx, w.c, closeapi.CallsListParams{LeadID: []closeapi.LeadID{lead.ID}}))(w).Data), 2)
	w.has(w.tool("close_calls_list", `{"contact_id":[%q]}`, contact.ID), "data/0/id", call.ID, "data/1", nil)
	if err := closeapi.CallDelete(ctx, w.c, closeapi.CallDeleteParams{CallID: call.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_call_delete", `{"call_id":%q}`, missed["id"])
	w.same("calls left", len(w.srv.Objects("calls")), 0)
}

func testEmails(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	me := ok(closeapi.MeGet(ctx, w.c, closeapi.MeGetParams{}))(w)
	draft := ok(closeapi.EmailCreate(ctx, w.c, closeapi.EmailCreateParams{LeadID: lead.ID, To: []string{"ann@acme.example"}, Subject: closekit.Some("Your quote"), BodyText: closekit.Some("Hello")}))(w)
	w.same("status", draft.Status, "draft")
	if created, err := draft.DateCreated.Time(); err != nil || !created.Equal(today) || strings.HasSuffix(string(draft.DateCreated), "+00:00") {
		w.Errorf("date_created %q is %v, %v", draft.DateCreated, created, err)
	}
	second := w.tool("close_email_create", `{"lead_id":%q,"to":["bo@acme.example"],"subject":"Two","body_text":"Hello Bo"}`, lead.ID)
	w.has(second, "status", "draft")
	w.srv.Advance(24 * time.Hour)
	w.same("messages sent by drafts", len(w.srv.Outbox()), 0)

	got := ok(closeapi.EmailUpdate(ctx, w.c, closeapi.EmailUpdateParams{EmailID: draft.ID, Status: closekit.Some(closeapi.EmailStatusOutbox), Sender: closekit.Some(me.Email), CC: []string{"cleo@acme.example"}}))(w)
	w.same("thread", got.ThreadID.Or(""), draft.ThreadID.Or("?"))
	outbox := w.srv.Outbox()
	if len(outbox) != 1 {
		w.Fatalf("%d messages were sent, want 1", len(outbox))
	}
	w.same("sent", line(outbox[0].Kind, outbox[0].ActivityID, outbox[0].From, outbox[0].To, outbox[0].CC, outbox[0].Subject, outbox[0].Text),
		line("email", draft.ID, me.Email, "[ann@acme.example]", "[cleo@acme.example]", "Your quote", "Hello"))
	got = ok(closeapi.EmailGet(ctx, w.c, closeapi.EmailGetParams{EmailID: draft.ID}))(w)
	w.same("after sending", line(got.Status, got.Envelope.To[0].Email, len(got.SendAttempts)), "sent ann@acme.example 1")

	w.tool("close_email_update", `{"email_id":%q,"status":"scheduled","date_scheduled":"2026-06-22T09:00:00+02:00","sender":%q}`, second["id"], me.Email)
	w.has(w.tool("close_email_get", `{"email_id":%q}`, second["id"]), "status", "scheduled")
	w.same("messages before the time", len(w.srv.Outbox()), 1)
	w.srv.Advance(72 * time.Hour)
	w.same("messages after the time", len(w.srv.Outbox()), 2)
	w.has(w.tool("close_email_get", `{"email_id":%q}`, second["id"]), "status", "sent")
	if _, err := w.try("close_email_create", `{"lead_id":%q,"status":"outbox","to":["ann@acme.example"]}`, lead.ID); !closekit.IsValidation(err) || !strings.Contains(err.Error(), "sender") {
		w.Errorf("sending without a sender gives %v", err)
	}
	w.same("messages after that", len(w.srv.Outbox()), 2)

	w.same("emails", len(ok(closeapi.EmailsList(ctx, w.c, closeapi.EmailsListParams{LeadID: []closeapi.LeadID{lead.ID}}))(w).Data), 2)
	w.has(w.tool("close_emails_list", `{"id__in":[%q],"_fields":["id","subject"]}`, second["id"]), "data/0/subject", "Two", "data/1", nil)
	if err := closeapi.EmailDelete(ctx, w.c, closeapi.EmailDeleteParams{EmailID: draft.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_email_delete", `{"email_id":%q}`, second["id"])
	w.same("emails left", len(w.srv.Objects("emails")), 0)
}

func testSMS(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	draft := ok(closeapi.SMSCreate(ctx, w.c, closeapi.SMSCreateParams{LeadID: lead.ID, ContactID: closekit.Some(contact.ID), Text: closekit.Some("Hello"), LocalPhone: closekit.Some("+16505550100")}))(w)
	w.same("draft", line(draft.Status, draft.RemotePhone), "draft +16505550142")
	w.same("messages sent by drafts", len(w.srv.Outbox()), 0)
	ok(closeapi.SMSUpdate(ctx, w.c, closeapi.SMSUpdateParams{SMSID: draft.ID, Status: closekit.Some(closeapi.SMSStatusOutbox)}))(w)
	w.same("outbox", line(len(w.srv.Outbox()), w.srv.Outbox()[0].Kind, w.srv.Outbox()[0].To, w.srv.Outbox()[0].Text), "1 sms [+16505550142] Hello")
	got := ok(closeapi.SMSGet(ctx, w.c, closeapi.SMSGetParams{SMSID: draft.ID}))(w)
	w.same("after sending", line(got.Status, got.Cost), "sent 1")

	in := w.tool("close_sms_create", `{"lead_id":%q,"contact_id":%q,"status":"inbox","remote_phone":"+16505550142","text":"Yes please","send_to_inbox":true}`, lead.ID, contact.ID)
	w.has(in, "direction", "inbound", "status", "inbox")
	w.has(w.tool("close_tasks_list", `{"lead_id":%q,"type":"incoming_sms"}`, lead.ID), "data/0/text", "Yes please", "data/0/object_id", in["id"])
	reply := w.tool("close_sms_create", `{"lead_id":%q,"remote_phone":"+16505550142"}`, lead.ID)
	w.tool("close_sms_update", `{"sms_id":%q,"text":"See you"}`, reply["id"])
	w.has(w.tool("close_sms_get", `{"sms_id":%q}`, reply["id"]), "text", "See you", "status", "draft")
	w.same("messages", len(w.srv.Outbox()), 1)
	w.same("sms", len(ok(closeapi.SMSList(ctx, w.c, closeapi.SMSListParams{LeadID: []closeapi.LeadID{lead.ID}}))(w).Data), 3)
	w.has(w.tool("close_sms_list", `{"contact_id":[%q],"_limit":1}`, contact.ID), "has_more", true, "data/1", nil)
	if err := closeapi.SMSDelete(ctx, w.c, closeapi.SMSDeleteParams{SMSID: draft.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_sms_delete", `{"sms_id":%q}`, in["id"])
	w.same("sms left", len(w.srv.Objects("sms")), 1)
}

func testNotes(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	note := ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: lead.ID, ContactID: closekit.Some(contact.ID), NoteHTML: closekit.Some("<p>Budget is <b>approved</b></p>")}))(w)
	w.same("note", line(note.ContactID, note.NoteHTML), line(contact.ID, "<body><p>Budget is <b>approved</b></p></body>"))
	got := ok(closeapi.NoteUpdate(ctx, w.c, closeapi.NoteUpdateParams{NoteID: note.ID, Pinned: closekit.Some(true), ContactID: closekit.Null[closeapi.ContactID]()}))(w)
	w.same("pinned", line(got.Pinned, got.PinnedAt.Or(""), got.ContactID.IsNull()), "true 2026-06-19T12:05:28.327000+00:00 true")
	w.same("stored", mustJSON(ok(closeapi.NoteGet(ctx, w.c, closeapi.NoteGetParams{NoteID: note.ID}))(w)), mustJSON(got))
	plain := w.tool("close_note_create", `{"lead_id":%q,"note":"1 < 2"}`, lead.ID)
	w.has(plain, "note_html", "<body><p>1 &lt; 2</p></body>")
	w.tool("close_note_update", `{"note_id":%q,"title":"Sums","note":"3"}`, plain["id"])
	w.has(w.tool("close_note_get", `{"note_id":%q}`, plain["id"]), "title", "Sums", "note", "3", "note_html", "<body><p>3</p></body>")
	w.same("notes", len(ok(closeapi.NotesList(ctx, w.c, closeapi.NotesListParams{LeadID: []closeapi.LeadID{lead.ID}}))(w).Data), 2)
	w.has(w.tool("close_notes_list", `{"lead_id":[%q],"date_created_from":"2030-01-01"}`, lead.ID), "data/0", nil)
	if err := closeapi.NoteDelete(ctx, w.c, closeapi.NoteDeleteParams{NoteID: note.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_note_delete", `{"note_id":%q}`, plain["id"])
	w.same("notes left", len(w.srv.Objects("notes")), 0)
}

func testComments(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	note := ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("Hello")}))(w)
	first := ok(closeapi.CommentCreate(ctx, w.c, closeapi.CommentCreateParams{ObjectID: string(note.ID), Body: "<p>Call them</p>"}))(w)
	w.same("first", line(first.Body, first.LeadID), line("<body><p>Call them</p></body>", lead.ID))
	second := w.tool("close_comment_create", `{"object_id":%q,"body":"Done"}`, note.ID)
	w.has(second, "body", "<body>Done</body>", "thread_id", first.ThreadID)
	got := ok(closeapi.CommentUpdate(ctx, w.c, closeapi.CommentUpdateParams{CommentID: first.ID, Body: "<body>Tomorrow</body>"}))(w)
	w.same("changed", got.Body, "<body>Tomorrow</body>")
	w.same("stored", mustJSON(ok(closeapi.CommentGet(ctx, w.c, closeapi.CommentGetParams{CommentID: first.ID}))(w)), mustJSON(got))
	w.tool("close_comment_update", `{"comment_id":%q,"comment":"Really done"}`, second["id"])
	w.has(w.tool("close_comment_get", `{"comment_id":%q}`, second["id"]), "body", "<body>Really done</body>")
	w.same("by object", len(ok(closeapi.CommentsList(ctx, w.c, closeapi.CommentsListParams{ObjectID: closekit.Some(string(note.ID))}))(w).Data), 2)
	w.has(w.tool("close_comments_list", `{"thread_id":%q}`, second["thread_id"]), "data/0/id", first.ID, "data/1/id", second["id"])
	if _, err := w.try("close_comments_list", `{"thread_id":%q,"object_id":%q}`, second["thread_id"], note.ID); !closekit.IsValidation(err) {
		w.Errorf("both filters at once give %v", err)
	}
	if err := closeapi.CommentDelete(ctx, w.c, closeapi.CommentDeleteParams{CommentID: first.ID}); err != nil {
		w.Fatal(err)
	}
	got = ok(closeapi.CommentGet(ctx, w.c, closeapi.CommentGetParams{CommentID: first.ID}))(w)
	w.same("removed", line(got.Body, got.RemovedAt.IsNull()), " false")
	w.same("answer of a delete", len(w.tool("close_comment_delete", `{"comment_id":%q}`, second["id"])), 0)
	_, err := w.try("close_comment_get", `{"comment_id":%q}`, second["id"])
	w.gone(err)
}

func testTasks(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	colleague := w.srv.Users()[1].ID
	due := func(date string) *closeapi.Task {
		return ok(closeapi.TaskCreate(ctx, w.c, closeapi.TaskCreateParams{LeadID: lead.ID, Text: closekit.Some("Call " + date), Date: closekit.Some(closekit.DateTime(date))}))(w)
	}
	now, later, finished := due("2026-06-19"), due("2026-06-20T09:00:00+02:00"), due("2026-06-18")
	w.same("dates", line(now.Date, later.Date, now.Date.Or("").IsDate(), later.Date.Or("").IsDate()), "2026-06-19 2026-06-20T07:00:00+00:00 true false")
	phone := w.tool("close_task_create", `{"_type":"outgoing_call","lead_id":%q,"contact_id":%q,"date":"2026-06-21","priority":"high","assigned_to":%q}`, lead.ID, contact.ID, colleague)
	w.has(phone, "contact_name", "Ann Lee", "priority", "high", "assigned_to", colleague, "view", "future")
	if _, err := w.try("close_task_create", `{"lead_id":%q}`, lead.ID); !closekit.IsValidation(err) || !strings.Contains(err.Error(), "text") {
		w.Errorf("a task without a text gives %v", err)
	}

	complete := ok(closeapi.TaskUpdate(ctx, w.c, closeapi.TaskUpdateParams{TaskID: finished.ID, IsComplete: closekit.Some(true)}))(w)
	w.same("complete", line(complete.View, complete.ObjectType), "archive taskcompleted")
	w.same("activity", len(w.srv.Objects("tasks_completed")), 1)

	view := func(v closeapi.TaskView) []closeapi.TaskID {
		var ids []closeapi.TaskID
		for t, err := range closeapi.TasksAll(ctx, w.c, closeapi.TasksListParams{View: closekit.Some(v), OrderBy: closekit.Some(closeapi.TaskOrderDate)}) {
			if err != nil {
				w.Fatal(err)
			}
			ids = append(ids, t.ID)
		}
		return ids
	}
	w.same("inbox", view(closeapi.TaskViewInbox), []closeapi.TaskID{now.ID})
	w.same("future", view(closeapi.TaskViewFuture), []closeapi.TaskID{later.ID})
	w.same("archive", view(closeapi.TaskViewArchive), []closeapi.TaskID{finished.ID})
	// The user's day: nine hours west it is still yesterday's evening.
	west := w.c.With(nil, closekit.Location(time.FixedZone("", -13*3600)))
	page := ok(closeapi.TasksList(ctx, west, closeapi.TasksListParams{View: closekit.Some(closeapi.TaskViewInbox)}))(w)
	w.same("inbox in the west", len(page.Data), 0)
	w.has(w.tool("close_tasks_list", `{"view":"future","type":"all","_order_by":"-date"}`), "data/0/id", phone["id"], "data/1/id", later.ID, "total_results", 2)
	w.has(w.tool("close_tasks_list", `{"lead_id":%q}`, lead.ID), "total_results", 3)

	w.tool("close_task_update", `{"task_id":%q,"date":"2026-06-19"}`, phone["id"])
	w.has(w.tool("close_task_get", `{"task_id":%q}`, phone["id"]), "view", "inbox", "due_date", "2026-06-19")
	ok(closeapi.TaskUpdate(ctx, w.c, closeapi.TaskUpdateParams{TaskID: finished.ID, IsComplete: closekit.Some(false)}))(w)
	w.same("open again", ok(closeapi.TaskGet(ctx, w.c, closeapi.TaskGetParams{TaskID: finished.ID}))(w).ObjectID.IsNull(), true)
	w.same("activity of it", len(w.srv.Objects("tasks_completed")), 0)
	if err := closeapi.TaskDelete(ctx, w.c, closeapi.TaskDeleteParams{TaskID: now.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_task_delete", `{"task_id":%q}`, phone["id"])
	w.same("tasks left", len(w.srv.Objects("tasks")), 2)
}

func testSequences(w *world) {
	ctx := w.Context()
	lead := w.lead("Acme")
	contact := w.contact(lead.ID)
	me := ok(closeapi.MeGet(ctx, w.c, closeapi.MeGetParams{}))(w)
	sequences := ok(closeapi.SequencesList(ctx, w.c, closeapi.SequencesListParams{}))(w)
	w.same("sequences", len(sequences.Data), 2)
	w.has(w.tool("close_sequences_list", `{"limit":1}`), "data/0/id", sequences.Data[0].ID, "has_more", true)
	first, second := sequences.Data[0].ID, sequences.Data[1].ID
	sub := ok(closeapi.SequenceSubscriptionCreate(ctx, w.c, closeapi.SequenceSubscriptionCreateParams{
		SequenceID: first, ContactID: contact.ID, ContactEmail: closekit.Some("ann@acme.example"), SenderAccountID: closekit.Some(me.EmailAccounts[0].ID),
		SenderName: closekit.Some("Ada"), SenderEmail: closekit.Some("ada@vendor.example"),
	}))(w)
	w.same("subscription", line(sub.Status, sub.LeadID, sub.SenderEmail), line("active", lead.ID, "ada@vendor.example"))
	counts := ok(closeapi.SequenceGet(ctx, w.c, closeapi.SequenceGetParams{SequenceID: first}))(w).SubscriptionCountsByStatus
	w.same("counts", counts.Active, 1)

	named := w.tool("close_sequence_subscription_create", `{"sequence_id":%q,"contact_id":%q,"contact_email":"ann@acme.example","sender_account_id":%q,"sender_name":"Ada","sender_email":"ada@vendor.example"}`, second, contact.ID, me.EmailAccounts[0].ID)
	w.tool("close_sequence_subscription_update", `{"subscription_id":%q,"pause":true}`, named["id"])
	w.has(w.tool("close_sequence_subscription_get", `{"subscription_id":%q}`, named["id"]), "status", "paused", "status_reason", "manual")
	w.has(w.tool("close_sequence_get", `{"sequence_id":%q}`, second), "subscription_counts_by_status/paused", 1, "subscription_counts_by_status/active", 0)
	w.tool("close_sequence_subscription_update", `{"subscription_id":%q,"pause":false}`, named["id"])
	w.has(w.tool("close_sequence_subscription_get", `{"subscription_id":%q}`, named["id"]), "status", "active", "status_reason", nil)
	if _, err := w.try("close_sequence_subscription_update", `{"subscription_id":%q,"pause":"yes"}`, named["id"]); !closekit.IsValidation(err) {
		w.Errorf("pause as a word gives %v", err)
	}

	got := ok(closeapi.SequenceSubscriptionUpdate(ctx, w.c, closeapi.SequenceSubscriptionUpdateParams{SubscriptionID: sub.ID, Status: closekit.Some(closeapi.SubscriptionSwitchPaused)}))(w)
	w.same("paused", line(got.Status, got.StatusReason), "paused manual")
	w.same("stored", mustJSON(ok(closeapi.SequenceSubscriptionGet(ctx, w.c, closeapi.SequenceSubscriptionGetParams{SubscriptionID: sub.ID}))(w)), mustJSON(got))
	w.same("of the lead", len(ok(closeapi.SequenceSubscriptionsList(ctx, w.c, closeapi.SequenceSubscriptionsListParams{LeadID: closekit.Some(lead.ID)}))(w).Data), 2)
	w.has(w.tool("close_sequence_subscriptions_list", `{"sequence_id":%q}`, second), "data/0/id", named["id"], "data/1", nil)
	w.same("messages", len(w.srv.Outbox()), 0)
}

func testPipelines(w *world) {
	ctx := w.Context()
	before := len(ok(closeapi.PipelinesList(ctx, w.c, closeapi.PipelinesListParams{}))(w).Data)
	p := ok(closeapi.PipelineCreate(ctx, w.c, closeapi.PipelineCreateParams{Name: "Renewals"}))(w)
	w.same("new", line(p.Name, len(p.Statuses)), "Renewals 0")
	named := w.tool("close_pipeline_create", `{"name":"Partners"}`)
	w.has(w.tool("close_pipelines_list", `{}`), "data/"+strconv.Itoa(before+1)+"/name", "Partners")

	active, old := w.status(closeapi.OpportunityStatusTypeActive)
	got := ok(closeapi.PipelineUpdate(ctx, w.c, closeapi.PipelineUpdateParams{PipelineID: p.ID, Name: closekit.Some("Renewals EU"), Statuses: []closeapi.PipelineStatus{{ID: active}}}))(w)
	w.same("status pulled in", line(got.Name, len(got.Statuses), got.Statuses[0].ID), line("Renewals EU", 1, active))
	former := ok(closeapi.PipelineGet(ctx, w.c, closeapi.PipelineGetParams{PipelineID: old}))(w)
	if slices.ContainsFunc(former.Statuses, func(s closeapi.PipelineStatus) bool { return s.ID == active }) {
		w.Error("the status is still in the former pipeline")
	}
	err := closeapi.PipelineDelete(ctx, w.c, closeapi.PipelineDeleteParams{PipelineID: p.ID})
	if !errors.Is(err, closekit.ErrBadRequest) {
		w.Errorf("deleting a pipeline with statuses gives %v", err)
	}
	w.tool("close_pipeline_update", `{"pipeline_id":%q,"statuses":[{"id":%q}]}`, old, active)
	w.has(w.tool("close_pipeline_get", `{"pipeline_id":%q}`, p.ID), "statuses/0", nil)
	if err := closeapi.PipelineDelete(ctx, w.c, closeapi.PipelineDeleteParams{PipelineID: p.ID}); err != nil {
		w.Fatal(err)
	}
	w.same("answer of a delete", len(w.tool("close_pipeline_delete", `{"pipeline_id":%q}`, named["id"])), 0)
	_, err = closeapi.PipelineGet(ctx, w.c, closeapi.PipelineGetParams{PipelineID: p.ID})
	w.gone(err)
	w.same("pipelines left", len(w.srv.Objects("pipelines")), before)
}

func testCustomFieldsLead(w *world) {
	ctx := w.Context()
	f := ok(closeapi.CustomFieldLeadCreate(ctx, w.c, closeapi.CustomFieldLeadCreateParams{Name: "Tier", Type: closeapi.CustomFieldTypeChoices, Choices: []string{"Gold", "Silver"}}))(w)
	lead := w.lead("Acme")
	p := closeapi.LeadUpdateParams{LeadID: lead.ID}
	p.CustomFields.Set(string(f.ID), closekit.CustomText("Silver"))
	ok(closeapi.LeadUpdate(ctx, w.c, p))(w)
	p.CustomFields.Set(string(f.ID), closekit.CustomText("Bronze"))
	if _, err := closeapi.LeadUpdate(ctx, w.c, p); !closekit.IsValidation(err) {
		w.Errorf("a value that is no choice gives %v", err)
	}
	got := ok(closeapi.CustomFieldLeadUpdate(ctx, w.c, closeapi.CustomFieldLeadUpdateParams{CustomFieldID: f.ID, Choices: []string{"Gold", "Silver", "Bronze"}, Description: closekit.Some("How important")}))(w)
	w.same("choices", line(got.Choices, got.Description), "[Gold Silver Bronze] How important")
	w.same("stored", mustJSON(ok(closeapi.CustomFieldLeadGet(ctx, w.c, closeapi.CustomFieldLeadGetParams{CustomFieldID: f.ID}))(w)), mustJSON(got))
	ok(closeapi.LeadUpdate(ctx, w.c, p))(w)

	named := w.tool("close_custom_field_lead_create", `{"name":"Seats","type":"number"}`)
	w.tool("close_custom_field_lead_update", `{"custom_field_id":%q,"name":"Licenses"}`, named["id"])
	w.has(w.tool("close_custom_field_lead_get", `{"custom_field_id":%q}`, named["id"]), "name", "Licenses", "type", "number", "choices", nil)
	w.has(w.tool("close_lead_update", `{"lead_id":%q,"custom_fields":{%q:12.5}}`, lead.ID, named["id"]), "custom."+line(named["id"]), 12.5)
	w.same("definitions", len(ok(closeapi.CustomFieldsLeadList(ctx, w.c, closeapi.CustomFieldsLeadListParams{}))(w).Data), 2)
	w.has(w.tool("close_custom_fields_lead_list", `{"_fields":["name"]}`), "data/0/name", "Tier", "data/1/name", "Licenses")

	if err := closeapi.CustomFieldLeadDelete(ctx, w.c, closeapi.CustomFieldLeadDeleteParams{CustomFieldID: f.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_custom_field_lead_delete", `{"custom_field_id":%q}`, named["id"])
	w.same("values left", len(ok(closeapi.LeadGet(ctx, w.c, closeapi.LeadGetParams{LeadID: lead.ID}))(w).CustomFields), 0)
	if _, err := w.try("close_custom_field_lead_create", `{"name":"Tier","type":"choices"}`); !closekit.IsValidation(err) {
		w.Errorf("choices without choices give %v", err)
	}
}

func testCustomFieldsContact(w *world) {
	ctx := w.Context()
	f := ok(closeapi.CustomFieldContactCreate(ctx, w.c, closeapi.CustomFieldContactCreateParams{Name: "Interests", Type: closeapi.CustomFieldTypeChoices, Choices: []string{"Hardware", "Software"}, AcceptsMultipleValues: closekit.Some(true)}))(w)
	contact := w.contact(w.lead("Acme").ID)
	p := closeapi.ContactUpdateParams{ContactID: contact.ID}
	p.CustomFields.Add(string(f.ID), closekit.CustomText("Software"))
	w.same("value", value(ok(closeapi.ContactUpdate(ctx, w.c, p))(w).CustomFields, f.ID), `["Software"]`)
	got := ok(closeapi.CustomFieldContactUpdate(ctx, w.c, closeapi.CustomFieldContactUpdateParams{CustomFieldID: f.ID, Name: closekit.Some("Likes")}))(w)
	w.same("stored", mustJSON(ok(closeapi.CustomFieldContactGet(ctx, w.c, closeapi.CustomFieldContactGetParams{CustomFieldID: f.ID}))(w)), mustJSON(got))
	named := w.tool("close_custom_field_contact_create", `{"name":"Born","type":"date"}`)
	w.tool("close_custom_field_contact_update", `{"custom_field_id":%q,"description":"Day of birth"}`, named["id"])
	w.has(w.tool("close_custom_field_contact_get", `{"custom_field_id":%q}`, named["id"]), "description", "Day of birth", "type", "date")
	w.has(w.tool("close_contact_update", `{"contact_id":%q,"custom_fields":{%q:"1990-02-28"}}`, contact.ID, named["id"]), "custom."+line(named["id"]), "1990-02-28")
	w.same("definitions", len(ok(closeapi.CustomFieldsContactList(ctx, w.c, closeapi.CustomFieldsContactListParams{}))(w).Data), 2)
	w.has(w.tool("close_custom_fields_contact_list", `{}`), "data/0/name", "Likes", "data/1/id", named["id"])
	if err := closeapi.CustomFieldContactDelete(ctx, w.c, closeapi.CustomFieldContactDeleteParams{CustomFieldID: f.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_custom_field_contact_delete", `{"custom_field_id":%q}`, named["id"])
	w.same("values left", len(ok(closeapi.ContactGet(ctx, w.c, closeapi.ContactGetParams{ContactID: contact.ID}))(w).CustomFields), 0)
}

func testCustomFieldsOpportunity(w *world) {
	ctx := w.Context()
	f := ok(closeapi.CustomFieldOpportunityCreate(ctx, w.c, closeapi.CustomFieldOpportunityCreateParams{Name: "Engineer", Type: closeapi.CustomFieldTypeUser}))(w)
	status, _ := w.status(closeapi.OpportunityStatusTypeActive)
	p := closeapi.OpportunityCreateParams{LeadID: w.lead("Acme").ID, StatusID: status}
	user := w.srv.Users()[1].ID
	p.CustomFields.Set(string(f.ID), closekit.CustomText(user))
	opp := ok(closeapi.OpportunityCreate(ctx, w.c, p))(w)
	w.same("value", value(opp.CustomFields, f.ID), user)
	got := ok(closeapi.CustomFieldOpportunityUpdate(ctx, w.c, closeapi.CustomFieldOpportunityUpdateParams{CustomFieldID: f.ID, EditableWithRoles: []closeapi.RoleID{"admin"}}))(w)
	w.same("roles", line(got.EditableWithRoles), "[admin]")
	w.same("stored", mustJSON(ok(closeapi.CustomFieldOpportunityGet(ctx, w.c, closeapi.CustomFieldOpportunityGetParams{CustomFieldID: f.ID}))(w)), mustJSON(got))
	named := w.tool("close_custom_field_opportunity_create", `{"name":"Source","type":"text"}`)
	w.tool("close_custom_field_opportunity_update", `{"custom_field_id":%q,"name":"Channel"}`, named["id"])
	w.has(w.tool("close_custom_field_opportunity_get", `{"custom_field_id":%q}`, named["id"]), "name", "Channel")
	w.has(w.tool("close_opportunity_update", `{"opportunity_id":%q,"custom_fields":{%q:"Fair"}}`, opp.ID, named["id"]), "custom."+line(named["id"]), "Fair")
	w.same("definitions", len(ok(closeapi.CustomFieldsOpportunityList(ctx, w.c, closeapi.CustomFieldsOpportunityListParams{}))(w).Data), 2)
	w.has(w.tool("close_custom_fields_opportunity_list", `{"_limit":1,"_skip":1}`), "data/0/id", named["id"], "data/1", nil)
	if err := closeapi.CustomFieldOpportunityDelete(ctx, w.c, closeapi.CustomFieldOpportunityDeleteParams{CustomFieldID: f.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_custom_field_opportunity_delete", `{"custom_field_id":%q}`, named["id"])
	w.same("values left", len(ok(closeapi.OpportunityGet(ctx, w.c, closeapi.OpportunityGetParams{OpportunityID: opp.ID}))(w).CustomFields), 0)
}

func testUsers(w *world) {
	ctx := w.Context()
	users := w.srv.Users()
	me := ok(closeapi.MeGet(ctx, w.c, closeapi.MeGetParams{}))(w)
	w.same("me", line(me.ID, me.Memberships[0].RoleID, me.Organizations[0].ID), line(users[0].ID, "admin", w.srv.Organizations()[0].ID))
	w.has(w.tool("close_me_get", `{"_fields":["email"]}`), "email", users[0].Email, "id", nil)
	w.same("other user", ok(closeapi.UserGet(ctx, w.c, closeapi.UserGetParams{UserID: closeapi.UserID(users[1].ID)}))(w).Email, users[1].Email)
	w.has(w.tool("close_user_get", `{"user_id":%q}`, users[1].ID), "first_name", users[1].FirstName, "organizations/0", w.srv.Organizations()[0].ID)
	page := ok(closeapi.UsersList(ctx, w.c, closeapi.UsersListParams{OrderBy: closekit.Some(closeapi.UserOrder("first_name,last_name"))}))(w)
	w.same("users", len(page.Data), 2)
	w.has(w.tool("close_users_list", `{"limit":1}`), "data/1", nil, "has_more", true)
	_, err := w.try("close_user_get", `{"user_id":"user_%s"}`, strings.Repeat("0", 43))
	w.gone(err)
}

func testWebhooks(w *world) {
	ctx := w.Context()
	hook := ok(closeapi.WebhookCreate(ctx, w.c, closeapi.WebhookCreateParams{URL: "https://hooks.vendor.example/a", Events: []closeapi.WebhookEvent{{ObjectType: "lead", Action: "created"}}}))(w)
	w.same("key", len(hook.SignatureKey.Reveal()), 64)
	got := ok(closeapi.WebhookUpdate(ctx, w.c, closeapi.WebhookUpdateParams{WebhookID: hook.ID, Status: closekit.Some(closeapi.WebhookStatusPaused)}))(w)
	w.same("paused", line(got.Status, got.PauseReason), "paused api")
	w.same("stored", mustJSON(ok(closeapi.WebhookGet(ctx, w.c, closeapi.WebhookGetParams{WebhookID: hook.ID}))(w)), mustJSON(got))
	named := w.tool("close_webhook_create", `{"url":"https://hooks.vendor.example/b","events":[{"object_type":"lead","action":"updated","extra_filter":{"type":"field_accessor","field":"data","filter":{"type":"non_null"}}}]}`)
	w.has(named, "events/0/extra_filter/filter/type", "non_null", "verify_ssl", true)
	w.tool("close_webhook_update", `{"webhook_id":%q,"url":"https://hooks.vendor.example/c"}`, named["id"])
	w.has(w.tool("close_webhook_get", `{"webhook_id":%q}`, named["id"]), "url", "https://hooks.vendor.example/c")
	page := ok(closeapi.WebhooksList(ctx, w.c, closeapi.WebhooksListParams{}))(w)
	w.same("keys in lists", line(len(page.Data), page.Data[0].SignatureKey.IsZero()), "2 true")
	w.has(w.tool("close_webhooks_list", `{"_limit":1}`), "data/0/id", hook.ID, "data/1", nil)
	if err := closeapi.WebhookDelete(ctx, w.c, closeapi.WebhookDeleteParams{WebhookID: hook.ID}); err != nil {
		w.Fatal(err)
	}
	w.tool("close_webhook_delete", `{"webhook_id":%q}`, named["id"])
	w.same("hooks left", len(w.srv.Objects("webhooks")), 0)
}

func testWebhookDelivery(w *world) {
	ctx := w.Context()
	type delivery struct {
		header http.Header
		body   []byte
	}
	var mu sync.Mutex
	var got []delivery
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, delivery{req.Header, body})
	}))
	defer receiver.Close()
	hook := ok(closeapi.WebhookCreate(ctx, w.c, closeapi.WebhookCreateParams{URL: receiver.URL, Events: []closeapi.WebhookEvent{
		{ObjectType: "lead", Action: "created"}, {ObjectType: "opportunity", Action: "created"},
	}}))(w)
	lead := w.lead("Acme")
	ok(closeapi.NoteCreate(ctx, w.c, closeapi.NoteCreateParams{LeadID: lead.ID, Note: closekit.Some("not subscribed")}))(w)
	if err := w.srv.WaitWebhooks(ctx); err != nil {
		w.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 1 {
		w.Fatalf("%d deliveries, want 1", len(got))
	}
	d := got[0]
	key, err := hex.DecodeString(hook.SignatureKey.Reveal())
	if err != nil {
		w.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, d.header.Get("Close-Sig-Timestamp"))
	mac.Write(d.body)
	w.same("signature", d.header.Get("Close-Sig-Hash"), hex.EncodeToString(mac.Sum(nil)))
	w.same("timestamp", d.header.Get("Close-Sig-Timestamp"), today.Unix())
	w.same("headers", d.header.Get("User-Agent")+" "+d.header.Get("Content-Type"), "Close Webhooks 2.0 application/json")
	var body map[string]any
	if err := json.Unmarshal(d.body, &body); err != nil {
		w.Fatal(err)
	}
	w.has(body, "subscription_id", hook.ID, "event/object_type", "lead", "event/action", "created", "event/object_id", lead.ID, "event/data/name", "Acme")
}
