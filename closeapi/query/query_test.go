package query_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/query"
	"github.com/closekit/closekit/closeapi/tools"
	"github.com/closekit/closekit/emulator"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// market returns an emulated Close with three leads: Acme in Berlin with a deal of
// $15,000 and a call long ago, Beta in Berlin with the same and a call yesterday, and
// Globex in Paris with a deal of $1,000.
func market(t *testing.T) (*closekit.Client, *emulator.Server, map[string]closeapi.LeadID) {
	t.Helper()
	srv := emulator.Start(t, func(o *emulator.Options) {
		o.Seed = 7
		o.Clock = func() time.Time { return noon }
	})
	c := closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL()), closekit.HTTPClient(http.DefaultClient), closekit.MaxRetries(0))
	pipelines, err := closeapi.PipelinesList(t.Context(), c, closeapi.PipelinesListParams{})
	if err != nil {
		t.Fatal(err)
	}
	status := pipelines.Data[0].Statuses[0].ID
	leads := map[string]closeapi.LeadID{}
	for _, l := range []struct {
		name, city string
		value      closekit.Cents
		called     string
	}{
		{"Acme Corp", "Berlin", closekit.Dollars(15_000), "2026-02-01T10:00:00Z"},
		{"Beta", "Berlin", closekit.Dollars(15_000), "2026-03-09T10:00:00Z"},
		{"Globex", "Paris", closekit.Dollars(1_000), ""},
	} {
		lead, err := closeapi.LeadCreate(t.Context(), c, closeapi.LeadCreateParams{
			Name: l.name, Addresses: []closeapi.Address{{City: closekit.Some(l.city)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		leads[l.name] = lead.ID
		if _, err := closeapi.OpportunityCreate(t.Context(), c, closeapi.OpportunityCreateParams{
			LeadID: lead.ID, StatusID: status, Value: closekit.Some(l.value), Confidence: closekit.Some(80),
		}); err != nil {
			t.Fatal(err)
		}
		if l.called != "" {
			if _, err := closeapi.CallCreate(t.Context(), c, closeapi.CallCreateParams{LeadID: lead.ID, ActivityAt: closekit.Some(closekit.DateTime(l.called))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c, srv, leads
}

// forgotten are the leads of the package's example.
func forgotten() *closeapi.SearchQuery {
	return query.Leads(
		query.Related("address", query.Field("city").Is("Berlin")),
		query.Related("opportunity", query.Field("status_type").Is("active"), query.Field("value").AtLeast(closekit.Dollars(10_000))),
		query.Not(query.Related("activity.call", query.Field("activity_at").Since(noon.AddDate(0, 0, -14)))),
	)
}

func TestFind(t *testing.T) {
	t.Parallel()
	c, _, leads := market(t)
	for _, test := range []struct {
		q    *closeapi.SearchQuery
		want string
	}{
		{forgotten(), "Acme Corp"},
		{query.Leads(), "Globex, Beta, Acme Corp"},
		{query.Leads(query.Field("name").Has("corp acme")), "Acme Corp"},
		{query.Leads(query.Field("name").HasPhrase("corp acme")), ""},
		{query.Leads(query.Field("name").StartsWith("glo")), "Globex"},
		{query.Leads(query.Any(query.Field("name").Has("acme"), query.Field("name").Has("beta"))), "Beta, Acme Corp"},
		{query.Leads(query.Not(query.All(query.Text("acme"), query.Text("corp")))), "Globex, Beta"},
		{query.Leads(query.ID(leads["Acme Corp"], leads["Globex"])), "Globex, Acme Corp"},
		{query.Leads(query.Related("opportunity", query.Field("value").LessThan(closekit.Dollars(15_000)))), "Globex"},
		{query.Leads(query.Related("opportunity", query.Field("value").MoreThan(closekit.Dollars(15_000)))), ""},
		{query.Leads(query.Related("opportunity", query.Field("value").AtMost(closekit.Dollars(1_000)))), "Globex"},
		{query.Leads(query.Related("opportunity", query.Number("confidence").AtLeast(81))), ""},
		{query.Leads(query.Related("opportunity", query.Number("confidence").AtMost(80), query.Number("confidence").MoreThan(79), query.Number("confidence").LessThan(81))), "Globex, Beta, Acme Corp"},
		{query.Leads(query.Related("activity.call")), "Beta, Acme Corp"},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").Between(noon.AddDate(0, 0, -2), noon))), "Beta"},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").Before(noon.AddDate(0, 0, -2)))), "Acme Corp"},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InLast(query.Span{Weeks: 2}))), "Beta"},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InLast(query.Span{Hours: 26}))), "Beta"}, // at 10:00
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InLast(query.Span{Hours: 25}))), ""},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InLast(query.Span{Days: 1}))), "Beta"}, // from 00:00
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InLast(query.Span{}))), ""},            // today
		{query.Leads(query.Related("activity.call", query.Field("activity_at").OlderThan(query.Span{Months: 1}))), "Acme Corp"},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").OlderThan(query.Span{Months: 1, Weeks: 2}))), ""},
		{query.Leads(query.Related("activity.call", query.Field("activity_at").InNext(query.Span{Years: 1}))), ""},
		{query.Leads(query.Field("created_by").Me()), "Globex, Beta, Acme Corp"},
		{query.Leads(query.Field("description").Missing()), "Globex, Beta, Acme Corp"},
		{query.Leads(query.Field("name").Exists()), "Globex, Beta, Acme Corp"},
		{query.Leads(query.Field("id").Refers("lead", string(leads["Beta"]))), "Beta"},
		{query.Leads(query.Related("task.lead", query.Field("is_complete").False())), ""},
		{query.Leads(query.Raw(closeapi.SearchQuery{Type: "match_all"})), "Globex, Beta, Acme Corp"},
	} {
		found, err := query.Find(t.Context(), c, closeapi.SearchParams{
			Query: test.q, Fields: &closeapi.SearchSelection{Lead: []string{"id", "name"}}, Limit: closekit.Some(1),
		})
		if err != nil {
			t.Errorf("%s: %v", query.String(test.q), err)
			continue
		}
		var names []string
		for _, r := range found {
			lead, ok := r.AsLead()
			if !ok {
				t.Fatalf("%s found %v", query.String(test.q), r)
			}
			names = append(names, lead.Name.Or(""))
		}
		if got := strings.Join(names, ", "); got != test.want {
			t.Errorf("%s: got %s, want %s", query.String(test.q), got, test.want)
		}
		if n, err := query.Count(t.Context(), c, test.q); err != nil || n != len(found) {
			t.Errorf("%s: count %d, %v", query.String(test.q), n, err)
		}
	}
	deals, err := query.Find(t.Context(), c, closeapi.SearchParams{
		Query: query.Opportunities(query.Related("lead", query.Field("name").Is("Globex"))), Fields: &closeapi.SearchSelection{Opportunity: []string{"id", "value"}},
	})
	if err != nil || len(deals) != 1 {
		t.Fatalf("deals: %v, %v", deals, err)
	}
	if deal, ok := deals[0].AsOpportunity(); !ok || deal.Value.Or(0) != closekit.Dollars(1_000) {
		t.Errorf("got %v", deals[0])
	}
}

func TestCursorExpires(t *testing.T) {
	t.Parallel()
	c, srv, _ := market(t)
	var last error
	n := 0
	for _, err := range closeapi.SearchAll(t.Context(), c, closeapi.SearchParams{Query: query.Leads(), Limit: closekit.Some(1)}) {
		if err != nil {
			last = err
			break
		}
		n++
		srv.Advance(31 * time.Second) // the work on each record
	}
	if n != 1 || !errors.Is(last, closekit.ErrCursorExpired) || !errors.Is(last, closekit.ErrBadRequest) {
		t.Errorf("%d records, then %v", n, last)
	}
	if _, err := query.Count(t.Context(), c, query.Leads(query.Field("nonsense").Exists())); err == nil || errors.Is(err, closekit.ErrCursorExpired) {
		t.Errorf("another error: %v", err)
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for want, q := range map[string]*closeapi.SearchQuery{
		`address(city:Berlin) and opportunity(status_type:active and value >= "10,000.00") and not call(activity_at >= "2026-02-24T12:00:00")`: forgotten(),
		"*": query.Leads(),
		`name:Acme and (custom.cf_1 in (Gold, "Very Silver") or description:"a \"b\"")`: query.Leads(
			query.Field("name").Has("Acme"),
			query.Any(query.Custom("cf_1").Is("Gold", "Very Silver"), query.Field("description").Has(`a "b"`))),
		`not (name:glo* and has:url) and is_x:true and owner:me`: query.Leads(
			query.Not(query.All(query.Field("name").StartsWith("glo"), query.Field("url").Exists())), query.Field("is_x").True(), query.Field("owner").Me()),
		`date_created >= 2026-03-01 date_created < "2026-03-10T12:00:00" and confidence > 12.5`: query.Leads(
			query.Field("date_created").Between(day, noon), query.Number("confidence").MoreThan(12.5)),
		`date_created >= "2 weeks ago" date_created < now and date_updated < "1 year 6 months ago" and date_won >= now date_won < "in 3 days"`: query.Leads(
			query.Field("date_created").InLast(query.Span{Weeks: 2}), query.Field("date_updated").OlderThan(query.Span{Years: 1, Months: 6}), query.Field("date_won").InNext(query.Span{Days: 3})),
		`date_created >= today date_created < now`: query.Leads(query.Field("date_created").InLast(query.Span{})),
		`type:contact and email(email:"a@b c")`:    query.Contacts(query.Related("contact_email", query.Field("email").Has("a@b c"))),
		"Acme Berlin":                              query.Leads(query.Text("Acme Berlin")),
		"id:lead_1":                                query.Leads(query.ID("lead_1")),
		`{"type":"brand_new"}`:                     query.Leads(query.Raw(closeapi.SearchQuery{Type: "brand_new"})),
		"":                                         nil,
	} {
		if got := query.String(q); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestRoundTrip checks that a query that comes back, as in a Smart View, can be sent
// again.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(forgotten())
	if err != nil {
		t.Fatal(err)
	}
	var q closeapi.SearchQuery
	if err := json.Unmarshal(b, &q); err != nil {
		t.Fatal(err)
	}
	c, _, _ := market(t)
	view, err := closeapi.SmartViewCreate(t.Context(), c, closeapi.SmartViewCreateParams{Name: "Forgotten", SQuery: &closeapi.SmartViewQuery{Query: &q}})
	if err != nil {
		t.Fatal(err)
	}
	if got := query.String(view.SQuery.Query); got != query.String(forgotten()) {
		t.Errorf("it came back as %s", got)
	}
	if n, err := query.Count(t.Context(), c, view.SQuery.Query); err != nil || n != 1 {
		t.Errorf("it finds %d, %v", n, err)
	}
}

// TestMomentOfSchema writes a moment as the schema for models has it. The check and the
// emulator take it, package query writes the same, and so do the pairs of testdata/wire,
// which are from what Close is known to take.
func TestMomentOfSchema(t *testing.T) {
	c, _, leads := market(t)
	search, err := tools.Lookup("close_search")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`on_or_after\?: \(\{type: (\w+), value: text such as ([^,}]+)\} or .*\), before\?: as on_or_after`).FindSubmatch(search.InputSchema())
	if m == nil {
		t.Fatalf("the schema does not say how a moment is written: %s", search.InputSchema())
	}
	moment := fmt.Sprintf(`{"type":%q,"value":%q}`, m[1], m[2])
	input := func(moment string) []byte {
		return fmt.Appendf(nil, `{"query":{"type":"and","queries":[{"type":"object_type","object_type":"lead"},
			{"type":"has_related","this_object_type":"lead","related_object_type":"activity.call","related_query":{"type":"field_condition",
			"field":{"type":"regular_field","object_type":"activity.call","field_name":"activity_at"},
			"condition":{"type":"moment_range","on_or_after":%s}}}]}}`, moment)
	}
	out, err := search.Call(t.Context(), c, input(moment))
	if err != nil || !strings.Contains(string(out), string(leads["Beta"])) || strings.Contains(string(out), string(leads["Acme Corp"])) {
		t.Errorf("calls since %s: %s %v", m[2], out, err)
	}
	var invalid *closekit.ValidationError
	if err := search.Validate(input(fmt.Sprintf(`{"type":%q}`, m[1]))); !errors.As(err, &invalid) {
		t.Errorf("a moment without its value is taken: %v", err)
	}
	at, err := time.Parse("2006-01-02T15:04:05", string(m[2]))
	if err != nil {
		t.Fatal(err)
	}
	built, err := json.Marshal(query.Leads(query.Field("activity_at").Since(at)))
	if err != nil || !strings.Contains(string(built), moment) {
		t.Errorf("package query writes %s, want %s (%v)", built, moment, err)
	}
	pairs, err := os.ReadFile("../../testdata/wire/search.txtar")
	if err != nil || !regexp.MustCompile(`"on_or_after": \{"type": "`+string(m[1])+`", "value": "\d{4}-\d\d-\d\dT00:00:00"\}`).Match(pairs) {
		t.Errorf("the pairs of requests have no such moment (%v)", err)
	}
}

func ExampleString() {
	q := query.Leads(
		query.Field("name").Has("Acme"),
		query.Related("opportunity", query.Field("value").AtLeast(closekit.Dollars(10_000))),
		query.Not(query.Related("activity.call")),
	)
	fmt.Println(query.String(q))
	// Output: name:Acme and opportunity(value >= "10,000.00") and not call(*)
}
