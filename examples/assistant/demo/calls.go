package demo

import (
	"context"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// typed makes the calls of the story with typed functions.
type typed struct{ *closekit.Client }

func (c typed) code(p *printer, function string) { p.source(callsSource, function) }

func (c typed) whoAmI(ctx context.Context) (*closeapi.Me, error) {
	return closeapi.MeGet(ctx, c.Client, closeapi.MeGetParams{})
}

func (c typed) recentLeads(ctx context.Context) ([]closeapi.Lead, error) {
	page, err := closeapi.LeadsList(ctx, c.Client, closeapi.LeadsListParams{
		Query:   closekit.Some(searched + " sort:-date_updated"), // sorts where Close ignores OrderBy
		OrderBy: closekit.Some("-date_updated"),
		Limit:   closekit.Some(5),
	})
	if err != nil {
		return nil, err
	}
	return page.Data, nil
}

func (c typed) createLead(ctx context.Context, name string) (*closeapi.Lead, error) {
	return closeapi.LeadCreate(ctx, c.Client, closeapi.LeadCreateParams{
		Name: name,
		Contacts: []closeapi.Contact{{
			Name:   closekit.Some(contactName),
			Title:  closekit.Some(contactTitle),
			Emails: []closeapi.ContactEmail{{Email: contactEmail}},
		}},
	})
}

func (c typed) pipelines(ctx context.Context) ([]closeapi.Pipeline, error) {
	page, err := closeapi.PipelinesList(ctx, c.Client, closeapi.PipelinesListParams{})
	if err != nil {
		return nil, err
	}
	return page.Data, nil
}

func (c typed) createOpportunity(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID, status closeapi.OpportunityStatusID) (*closeapi.Opportunity, error) {
	return closeapi.OpportunityCreate(ctx, c.Client, closeapi.OpportunityCreateParams{
		LeadID:      lead,
		ContactID:   closekit.Some(contact),
		StatusID:    status,              // a status id, never a label
		Value:       closekit.Some(deal), // closeapi.Dollars(12_000), kept in cents
		ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual),
		Confidence:  closekit.Some(dealPercent),
	})
}

func (c typed) logCall(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Call, error) {
	return closeapi.CallCreate(ctx, c.Client, closeapi.CallCreateParams{
		LeadID:    lead,
		ContactID: closekit.Some(contact),
		Direction: closekit.Some(closeapi.CallDirectionOutbound),
		Status:    closekit.Some(closeapi.CallStatusCompleted),
		Duration:  closekit.Some(callSeconds),
		Note:      closekit.Some(callNote),
	})
}

func (c typed) createTask(ctx context.Context, lead closeapi.LeadID, text string, due closekit.Date) (*closeapi.Task, error) {
	return closeapi.TaskCreate(ctx, c.Client, closeapi.TaskCreateParams{
		LeadID: lead,
		Text:   closekit.Some(text),
		Date:   closekit.Some(due.DateTime()),
	})
}

func (c typed) draftEmail(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Email, error) {
	return closeapi.EmailCreate(ctx, c.Client, closeapi.EmailCreateParams{
		LeadID:    lead,
		ContactID: closekit.Some(contact),
		Status:    closekit.Some(closeapi.EmailStatusDraft),
		To:        []string{contactEmail},
		Subject:   closekit.Some(mailSubject),
		BodyText:  closekit.Some(mailBody),
	})
}

func (c typed) sequences(ctx context.Context) ([]closeapi.Sequence, error) {
	page, err := closeapi.SequencesList(ctx, c.Client, closeapi.SequencesListParams{})
	if err != nil {
		return nil, err
	}
	return page.Data, nil
}

func (c typed) enroll(ctx context.Context, sequence closeapi.SequenceID, contact closeapi.ContactID, from sender) (*closeapi.SequenceSubscription, error) {
	return closeapi.SequenceSubscriptionCreate(ctx, c.Client, closeapi.SequenceSubscriptionCreateParams{
		SequenceID:      sequence,
		ContactID:       contact,
		ContactEmail:    closekit.Some(contactEmail),
		SenderAccountID: closekit.Some(from.account),
		SenderName:      closekit.Some(from.name),
		SenderEmail:     closekit.Some(from.email),
	})
}

func (c typed) pause(ctx context.Context, enrollment closeapi.SequenceSubscriptionID) error {
	_, err := closeapi.SequenceSubscriptionUpdate(ctx, c.Client, closeapi.SequenceSubscriptionUpdateParams{
		SubscriptionID: enrollment,
		Status:         closekit.Some(closeapi.SubscriptionSwitchPaused),
	})
	return err
}

func (c typed) bigOpportunities(ctx context.Context, only closekit.Opt[closeapi.LeadID]) ([]*closeapi.Opportunity, error) {
	var found []*closeapi.Opportunity
	for opp, err := range closeapi.OpportunitiesAll(ctx, c.Client, closeapi.OpportunitiesListParams{
		StatusType: closekit.Some(closeapi.OpportunityStatusTypeActive),
		OrderBy:    closekit.Some("-" + closeapi.OpportunityOrderValue),
		LeadID:     only,
	}) {
		if err != nil {
			return nil, err
		}
		if opp.Value.Or(0) > big {
			found = append(found, opp)
		}
	}
	return found, nil
}
