package closeapi_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

// newDemo gives a client for an emulated Close, so that the examples run
// anywhere. With an account of your own it is
//
//	c := closekit.NewClient(closekit.APIKey(os.Getenv("CLOSE_API_KEY")))
func newDemo() (c *closekit.Client, stop func()) {
	srv := emulator.New(emulator.Options{})
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		log.Fatal(err)
	}
	return closekit.NewClient(closekit.APIKey(srv.APIKey()), closekit.BaseURL(srv.URL())), func() { srv.Close() }
}

// A new customer: the company, a person there, and a deal.
func Example() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()

	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{
		Name: "Acme Corp",
		URL:  closekit.Some("https://acme.example"),
		Contacts: []closeapi.Contact{{
			Name:   closekit.Some("Ann Lee"),
			Emails: []closeapi.ContactEmail{{Email: "ann@acme.example", Type: closekit.Some(closeapi.ContactLabelOffice)}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}

	// The stage of a deal is an id, which the pipelines list.
	pipelines, err := closeapi.PipelinesList(ctx, c, closeapi.PipelinesListParams{})
	if err != nil {
		log.Fatal(err)
	}
	deal, err := closeapi.OpportunityCreate(ctx, c, closeapi.OpportunityCreateParams{
		LeadID:      lead.ID,
		StatusID:    pipelines.Data[0].Statuses[0].ID,
		ContactID:   closekit.Some(lead.Contacts[0].ID),
		Value:       closekit.Some(closeapi.Dollars(12_000)),
		ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual),
		Confidence:  closekit.Some(40),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lead.DisplayName, "at", lead.URL)
	fmt.Println(deal.ContactName, "may sign", deal.ValueFormatted, "- expected:", deal.ExpectedValue.Or(0).Format("USD"))
	// Output:
	// Acme Corp at https://acme.example
	// Ann Lee may sign $12,000 annual - expected: $4,800.00
}

// All leads that match a search, however many pages they take.
func ExampleLeadsAll() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()
	for _, name := range []string{"Acme Corp", "Zenith", "Acme Tools"} {
		if _, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{Name: name}); err != nil {
			log.Fatal(err)
		}
	}

	params := closeapi.LeadsListParams{Query: closekit.Some("Acme"), OrderBy: closekit.Some("display_name")}
	for lead, err := range closeapi.LeadsAll(ctx, c, params, closekit.MaxItems(100)) {
		if err != nil {
			log.Fatal(err) // the loop ends after an error
		}
		fmt.Println(lead.DisplayName)
	}
	// Output:
	// Acme Corp
	// Acme Tools
}

// An update changes only what is given. Null clears a field.
func ExampleLeadUpdate() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()
	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{Name: "Acme", Description: closekit.Some("Makes anvils")})
	if err != nil {
		log.Fatal(err)
	}

	lead, err = closeapi.LeadUpdate(ctx, c, closeapi.LeadUpdateParams{
		LeadID:      lead.ID,
		Description: closekit.Null[string](),
		URL:         closekit.Some("https://acme.example"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("name:", lead.Name)
	fmt.Println("description is null:", lead.Description.IsNull())
	fmt.Println("url:", lead.URL)
	// Output:
	// name: Acme
	// description is null: true
	// url: https://acme.example
}

// What can go wrong, and how to tell.
func Example_errors() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()

	// Input is checked before anything is sent: here a lead's id is given where
	// that of a contact belongs, and an email address is none.
	_, err := closeapi.ContactUpdate(ctx, c, closeapi.ContactUpdateParams{
		ContactID: "lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ",
		Emails:    []closeapi.ContactEmail{{Email: "ann"}},
	})
	var invalid *closekit.ValidationError
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p.Path, p.Expected)
		}
	}

	// Everything that Close refuses is a *closekit.Error.
	_, err = closeapi.LeadGet(ctx, c, closeapi.LeadGetParams{LeadID: "lead_w7dYmcfVnBQbNyHbfMRwjVTVdTPGBOwpWWQjZKEcPaJ"})
	var refused *closekit.Error
	switch {
	case errors.Is(err, closekit.ErrRateLimited):
		fmt.Println("later")
	case errors.Is(err, closekit.ErrNotFound):
		fmt.Println("no such lead")
	}
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Message)
	}
	// Output:
	// contact_id must be a contact id such as cont_…
	// emails[0].email must be an email address
	// no such lead
	// 404 Empty query: Lead matching query does not exist.
}

// Custom fields go by id. First define one, then give a lead values.
func Example_customFields() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()
	markets, err := closeapi.CustomFieldLeadCreate(ctx, c, closeapi.CustomFieldLeadCreateParams{
		Name: "Markets", Type: closeapi.CustomFieldTypeChoices, Choices: []string{"EU", "US", "JP"},
		AcceptsMultipleValues: closekit.Some(true),
	})
	if err != nil {
		log.Fatal(err)
	}
	id := string(markets.ID)

	create := closeapi.LeadCreateParams{Name: "Acme"}
	create.CustomFields.Set(id, closekit.CustomTexts("EU", "US"))
	lead, err := closeapi.LeadCreate(ctx, c, create)
	if err != nil {
		log.Fatal(err)
	}

	// Add one value to those that are there.
	update := closeapi.LeadUpdateParams{LeadID: lead.ID}
	update.CustomFields.Add(id, closekit.CustomText("JP"))
	lead, err = closeapi.LeadUpdate(ctx, c, update)
	if err != nil {
		log.Fatal(err)
	}
	if v, ok := lead.CustomFields.Get(id); ok {
		texts, _ := v.Texts()
		fmt.Println(markets.Name, texts)
	}
	// Output:
	// Markets [EU US JP]
}

// The timeline of a lead holds activities of many kinds. Each can be had whole.
func ExampleActivity_AsCall() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()
	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := closeapi.CallCreate(ctx, c, closeapi.CallCreateParams{LeadID: lead.ID, Duration: closekit.Some(840), Note: closekit.Some("Wants a quote")}); err != nil {
		log.Fatal(err)
	}

	params := closeapi.ActivitiesListParams{LeadID: []closeapi.LeadID{lead.ID}}
	for activity, err := range closeapi.ActivitiesAll(ctx, c, params) {
		if err != nil {
			log.Fatal(err)
		}
		if call, ok := activity.AsCall(); ok {
			fmt.Println(call.Direction, "call of", call.Duration, "seconds:", call.Note)
			continue
		}
		fmt.Println(activity.Type)
	}
	// Output:
	// outbound call of 840 seconds: Wants a quote
	// Created
}

// Opportunities can come grouped, with totals for each group.
func ExampleOpportunity_AsOpportunityGroup() {
	ctx := context.Background()
	c, stop := newDemo()
	defer stop()
	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{Name: "Acme"})
	if err != nil {
		log.Fatal(err)
	}
	pipelines, err := closeapi.PipelinesList(ctx, c, closeapi.PipelinesListParams{})
	if err != nil {
		log.Fatal(err)
	}
	for _, date := range []closekit.Date{"2026-03-31", "2026-09-30", "2027-01-31"} {
		if _, err := closeapi.OpportunityCreate(ctx, c, closeapi.OpportunityCreateParams{
			LeadID: lead.ID, StatusID: pipelines.Data[0].Statuses[0].ID, Value: closekit.Some(closeapi.Dollars(1000)), DateWon: closekit.Some(date),
		}); err != nil {
			log.Fatal(err)
		}
	}

	page, err := closeapi.OpportunitiesList(ctx, c, closeapi.OpportunitiesListParams{GroupBy: closekit.Some(closeapi.OpportunityGrouping("date_won__year"))})
	if err != nil {
		log.Fatal(err)
	}
	for i := range page.Data {
		if group, ok := page.Data[i].AsOpportunityGroup(); ok {
			fmt.Println(string(group.Key), len(group.Objects), group.TotalValueOneTimeFormatted)
		}
	}
	// Output:
	// "2026-01-01" 2 $2,000
	// "2027-01-01" 1 $1,000
}
