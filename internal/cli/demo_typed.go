package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// typed tells the story with typed calls.
func (d *demo) typed(ctx context.Context) error {
	c := d.client
	d.begin("Who am I?")
	d.code("me, err := closeapi.MeGet(ctx, c, closeapi.MeGetParams{})")
	me, err := closeapi.MeGet(ctx, c, closeapi.MeGetParams{})
	if err != nil {
		return err
	}
	d.result("%s %s <%s>%s", me.FirstName, me.LastName, me.Email, ofOrganization(me))

	d.begin("Search leads for %q, the most recently changed first", searched)
	d.code("closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{Query: closekit.Some(%q),", searched+" sort:-date_updated")
	d.code("    OrderBy: closekit.Some(\"-date_updated\"), Limit: closekit.Some(5)})")
	page, err := closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{
		// The term in the query sorts where Close ignores the parameter.
		Query: closekit.Some(searched + " sort:-date_updated"), OrderBy: closekit.Some("-date_updated"), Limit: closekit.Some(5),
	})
	if err != nil {
		return err
	}
	var names []string
	var times []closekit.DateTime
	for i := range page.Data {
		lead := &page.Data[i]
		names, times = append(names, lead.DisplayName), append(times, lead.DateUpdated.Or(""))
		d.result("%s, changed %.10s", lead.DisplayName, lead.DateUpdated)
	}
	if len(names) == 0 {
		d.result("none")
	}
	if err := d.checkSearch(names, times); err != nil {
		return err
	}

	d.begin("Create a lead with a contact")
	d.code("closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{Name: %q,", d.company)
	d.code("    Contacts: []closeapi.Contact{{Name: closekit.Some(%q), …}}})", contactName)
	lead, err := closeapi.LeadCreate(ctx, c, closeapi.LeadCreateParams{
		Name: d.company,
		Contacts: []closeapi.Contact{{
			Name: closekit.Some(contactName), Title: closekit.Some(contactTitle),
			Emails: []closeapi.ContactEmail{{Email: contactEmail}},
		}},
	})
	if err != nil {
		return d.created("", err)
	}
	_ = d.created(lead.ID, nil)
	if len(lead.Contacts) != 1 {
		return fmt.Errorf("the new lead has %d contacts instead of one", len(lead.Contacts))
	}
	contact := lead.Contacts[0].ID
	d.result("lead %s, contact %s", lead.ID, contact)
	if err := d.checkLead(ctx, lead.ID, contact); err != nil {
		return err
	}

	d.begin("Take an active status from the first pipeline")
	d.code("closeapi.PipelinesList(ctx, c, closeapi.PipelinesListParams{})")
	pipelines, err := closeapi.PipelinesList(ctx, c, closeapi.PipelinesListParams{})
	if err != nil {
		return err
	}
	status, err := activeStatus(pipelines.Data)
	if err != nil {
		return err
	}
	d.result("%q, %s, in the pipeline %q", status.Label, status.ID, pipelines.Data[0].Name)

	d.begin("Create an opportunity: %s a year at %d %%", deal.Format(d.currency), dealPercent)
	d.code("closeapi.OpportunityCreate(ctx, c, closeapi.OpportunityCreateParams{LeadID: lead.ID, StatusID: status.ID,")
	d.code("    Value: closekit.Some(closeapi.Dollars(12_000)), ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual),")
	d.code("    Confidence: closekit.Some(%d), …})", dealPercent)
	opp, err := closeapi.OpportunityCreate(ctx, c, closeapi.OpportunityCreateParams{
		LeadID: lead.ID, StatusID: status.ID, ContactID: closekit.Some(contact),
		Value: closekit.Some(deal), ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual), Confidence: closekit.Some(dealPercent),
	})
	if err != nil {
		return err
	}
	d.result("opportunity %s", opp.ID)
	if err := d.checkOpportunity(ctx, opp.ID, lead.ID, status.ID); err != nil {
		return err
	}

	d.begin("Log an outbound call of %d seconds with a note", callSeconds)
	d.code("closeapi.CallCreate(ctx, c, closeapi.CallCreateParams{LeadID: lead.ID, Duration: closekit.Some(%d),", callSeconds)
	d.code("    Direction: closekit.Some(closeapi.CallDirectionOutbound), Status: closekit.Some(closeapi.CallStatusCompleted),")
	d.code("    Note: closekit.Some(%q), …})", callNote)
	call, err := closeapi.CallCreate(ctx, c, closeapi.CallCreateParams{
		LeadID: lead.ID, ContactID: closekit.Some(contact), Direction: closekit.Some(closeapi.CallDirectionOutbound),
		Status: closekit.Some(closeapi.CallStatusCompleted), Duration: closekit.Some(callSeconds), Note: closekit.Some(callNote),
	})
	if err != nil {
		return err
	}
	d.result("call %s", call.ID)
	if err := d.checkCall(ctx, call.ID, lead.ID, contact); err != nil {
		return err
	}

	d.begin("Create a follow-up task for tomorrow, %s", d.tomorrow)
	d.code("closeapi.TaskCreate(ctx, c, closeapi.TaskCreateParams{LeadID: lead.ID, Text: closekit.Some(%q),", taskText)
	d.code("    Date: closekit.Some(tomorrow.DateTime())})")
	task, err := d.followUp(ctx, lead.ID, taskText)
	if err != nil {
		return err
	}
	d.result("task %s", task)
	d.ok("it is open, due tomorrow, and the lead lists it")

	d.begin("Write an e-mail, as a draft")
	d.code("closeapi.EmailCreate(ctx, c, closeapi.EmailCreateParams{LeadID: lead.ID, To: []string{%q},", contactEmail)
	d.code("    Status: closekit.Some(closeapi.EmailStatusDraft), Subject: …, BodyText: …})")
	mail, err := closeapi.EmailCreate(ctx, c, closeapi.EmailCreateParams{
		LeadID: lead.ID, ContactID: closekit.Some(contact), Status: closekit.Some(closeapi.EmailStatusDraft),
		To: []string{contactEmail}, Subject: closekit.Some(mailSubject), BodyText: closekit.Some(mailBody),
	})
	if err != nil {
		return err
	}
	d.result("e-mail %s", mail.ID)
	if err := d.checkDraft(ctx, mail.ID, lead.ID); err != nil {
		return err
	}

	d.begin("Enrol the contact in the first sequence, then pause it")
	if !d.enroll {
		d.result(noEnrolment)
	} else if err := d.enrolTyped(ctx, me, contact); err != nil {
		return err
	}

	d.begin("An agent follows up on all open opportunities over %s", big.Format(d.currency))
	return d.agentTyped(ctx, lead.ID)
}

func ofOrganization(me *closeapi.Me) string {
	if len(me.Organizations) == 0 {
		return ""
	}
	return " of " + me.Organizations[0].Name.Or("")
}

// activeStatus gives the first status of the first pipeline in which a deal is
// open.
func activeStatus(pipelines []closeapi.Pipeline) (*closeapi.PipelineStatus, error) {
	if len(pipelines) == 0 {
		return nil, errors.New("the organization has no pipeline")
	}
	for i := range pipelines[0].Statuses {
		if s := &pipelines[0].Statuses[i]; s.Type == closeapi.OpportunityStatusTypeActive {
			return s, nil
		}
	}
	return nil, fmt.Errorf("the pipeline %q has no active status", pipelines[0].Name)
}

// followUp creates a task for tomorrow and reads it back.
func (d *demo) followUp(ctx context.Context, lead closeapi.LeadID, text string) (closeapi.TaskID, error) {
	task, err := closeapi.TaskCreate(ctx, d.client, closeapi.TaskCreateParams{
		LeadID: lead, Text: closekit.Some(text), Date: closekit.Some(d.tomorrow.DateTime()),
	})
	if err != nil {
		return "", err
	}
	return task.ID, d.checkTask(ctx, task.ID, lead, text)
}

// sender is the first account that the user can send e-mail from.
func sender(me *closeapi.Me) (account closeapi.EmailAccountID, name, address string, err error) {
	if len(me.EmailAccounts) == 0 {
		return "", "", "", errors.New("the user has no connected e-mail account to send from; connect one in Close, or leave out --enroll")
	}
	a := &me.EmailAccounts[0]
	name, address = me.FirstName+" "+me.LastName, a.Email.Or(me.Email)
	if len(a.Identities) > 0 {
		name, address = a.Identities[0].Name.Or(name), a.Identities[0].Email.Or(address)
	}
	return a.ID, name, address, nil
}

func (d *demo) enrolTyped(ctx context.Context, me *closeapi.Me, contact closeapi.ContactID) error {
	account, name, address, err := sender(me)
	if err != nil {
		return err
	}
	d.code("closeapi.SequencesList(ctx, c, closeapi.SequencesListParams{})")
	sequences, err := closeapi.SequencesList(ctx, d.client, closeapi.SequencesListParams{})
	if err != nil {
		return err
	}
	if len(sequences.Data) == 0 {
		return errors.New("the organization has no sequence; make one in Close, or leave out --enroll")
	}
	first := sequences.Data[0]
	d.result("the first one is %q", first.Name)
	d.code("closeapi.SequenceSubscriptionCreate(ctx, c, closeapi.SequenceSubscriptionCreateParams{SequenceID: first.ID,")
	d.code("    ContactID: contact, SenderAccountID: closekit.Some(me.EmailAccounts[0].ID), SenderEmail: …})")
	sub, err := closeapi.SequenceSubscriptionCreate(ctx, d.client, closeapi.SequenceSubscriptionCreateParams{
		SequenceID: first.ID, ContactID: contact, ContactEmail: closekit.Some(contactEmail),
		SenderAccountID: closekit.Some(account), SenderName: closekit.Some(name), SenderEmail: closekit.Some(address),
	})
	if err != nil {
		return err
	}
	d.result("enrolment %s", sub.ID)
	if err := d.checkEnrolment(ctx, sub.ID, first.ID, contact, closeapi.SequenceSubscriptionStatusActive); err != nil {
		return err
	}
	d.code("closeapi.SequenceSubscriptionUpdate(ctx, c, closeapi.SequenceSubscriptionUpdateParams{SubscriptionID: sub.ID,")
	d.code("    Status: closekit.Some(closeapi.SubscriptionSwitchPaused)})")
	if _, err := closeapi.SequenceSubscriptionUpdate(ctx, d.client, closeapi.SequenceSubscriptionUpdateParams{
		SubscriptionID: sub.ID, Status: closekit.Some(closeapi.SubscriptionSwitchPaused),
	}); err != nil {
		return err
	}
	return d.checkEnrolment(ctx, sub.ID, first.ID, contact, closeapi.SequenceSubscriptionStatusPaused)
}

// agentTyped is the agent of the story: it finds the big open opportunities,
// summarizes them, and creates a follow-up task for each. In a real account it
// looks at the demo's own lead only.
func (d *demo) agentTyped(ctx context.Context, own closeapi.LeadID) error {
	d.code("for opp, err := range closeapi.OpportunitiesAll(ctx, c, closeapi.OpportunitiesListParams{")
	d.code("    StatusType: closekit.Some(closeapi.OpportunityStatusTypeActive), OrderBy: closekit.Some(\"-\" + closeapi.OpportunityOrderValue)}) { … }")
	filter := closeapi.OpportunitiesListParams{StatusType: closekit.Some(closeapi.OpportunityStatusTypeActive), OrderBy: closekit.Some("-" + closeapi.OpportunityOrderValue)}
	if d.srv == nil {
		d.result("in a real account only on the demo's own lead")
		filter.LeadID = closekit.Some(own)
	}
	var found []*closeapi.Opportunity
	err := pauses(ctx, d.tries(), func() (bool, error) {
		for opp, err := range closeapi.OpportunitiesAll(ctx, d.client, filter) {
			if err != nil {
				return false, err
			}
			if opp.Value.Or(0) > big {
				found = append(found, opp)
			}
		}
		return len(found) > 0, nil
	})
	if err != nil && !errors.Is(err, errStill) {
		return err
	}
	d.overview(found)
	for _, opp := range found {
		text := "Follow up: " + d.summary(opp)
		d.code("closeapi.TaskCreate(ctx, c, closeapi.TaskCreateParams{LeadID: opp.LeadID, Text: …, Date: …}) // %s", opp.LeadName.Or(string(opp.LeadID)))
		id, err := d.followUp(ctx, opp.LeadID, text)
		if err != nil {
			return err
		}
		d.result("task %s: %s", id, text)
	}
	return d.checkAgent(len(found))
}

// overview shows what the agent found.
func (d *demo) overview(found []*closeapi.Opportunity) {
	var total closeapi.Cents
	for _, opp := range found {
		total += opp.Value.Or(0)
	}
	d.result("found %d, worth %s in all:", len(found), total.Format(d.currency))
	for _, opp := range found {
		d.result("  %s", d.summary(opp))
	}
}

// summary describes an opportunity in a line.
func (d *demo) summary(opp *closeapi.Opportunity) string {
	return fmt.Sprintf("%s, %s %s, %q at %d %%", opp.LeadName.Or(string(opp.LeadID)), opp.Value.Or(0).Format(d.currency),
		strings.ReplaceAll(opp.ValuePeriod.String(), "_", "-"), opp.StatusLabel, opp.Confidence.Or(0))
}

// checkAgent checks how many opportunities were found; each task was checked
// when it was created.
func (d *demo) checkAgent(found int) error {
	want := 1 // the demo's own
	if d.srv != nil {
		want = 3 // and two that the emulator was seeded with, while smaller and won ones do not count
	}
	if err := differs("the number of open opportunities over "+big.Format(d.currency), found, want); err != nil {
		return err
	}
	if err := d.nothingSent(); err != nil {
		return err
	}
	d.ok("each has an open task that is due tomorrow, %s", d.tomorrow)
	return nil
}
