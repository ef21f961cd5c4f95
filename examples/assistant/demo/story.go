package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// caller makes the calls of the story, in one of two ways.
type caller interface {
	// code prints how the caller makes a call.
	code(p *printer, function string)

	whoAmI(ctx context.Context) (*closeapi.Me, error)
	recentLeads(ctx context.Context) ([]closeapi.Lead, error)
	createLead(ctx context.Context, name string) (*closeapi.Lead, error)
	pipelines(ctx context.Context) ([]closeapi.Pipeline, error)
	createOpportunity(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID, status closeapi.OpportunityStatusID) (*closeapi.Opportunity, error)
	logCall(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Call, error)
	createTask(ctx context.Context, lead closeapi.LeadID, text string, due closekit.Date) (*closeapi.Task, error)
	draftEmail(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Email, error)
	sequences(ctx context.Context) ([]closeapi.Sequence, error)
	enroll(ctx context.Context, sequence closeapi.SequenceID, contact closeapi.ContactID, from sender) (*closeapi.SequenceSubscription, error)
	pause(ctx context.Context, enrollment closeapi.SequenceSubscriptionID) error
	bigOpportunities(ctx context.Context, only closekit.Opt[closeapi.LeadID]) ([]*closeapi.Opportunity, error)
}

// story is the story as one caller tells it, and what it knows so far.
type story struct {
	*demo
	by      caller
	me      *closeapi.Me
	lead    closeapi.LeadID
	contact closeapi.ContactID
	status  closeapi.OpportunityStatusID
}

func (s *story) tell(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.introduce, s.search, s.addLead, s.pickStatus, s.addOpportunity, s.addCall, s.addTask, s.writeEmail, s.enrollContact, s.followUp,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) code(function string) { s.by.code(&s.printer, function) }

func (s *story) introduce(ctx context.Context) (err error) {
	s.begin("Who am I?")
	s.code("whoAmI")
	if s.me, err = s.by.whoAmI(ctx); err != nil {
		return err
	}
	organization := ""
	if len(s.me.Organizations) > 0 {
		organization = " of " + s.me.Organizations[0].Name.Or("")
	}
	s.result("%s %s <%s>%s", s.me.FirstName, s.me.LastName, s.me.Email, organization)
	return nil
}

func (s *story) search(ctx context.Context) error {
	s.begin("Search leads for %q, the most recently changed first", searched)
	s.code("recentLeads")
	leads, err := s.by.recentLeads(ctx)
	if err != nil {
		return err
	}
	for i := range leads {
		s.result("%s, changed %.10s", leads[i].DisplayName, leads[i].DateUpdated)
	}
	if len(leads) == 0 {
		s.result("none")
	}
	return s.checkSearch(leads)
}

func (s *story) addLead(ctx context.Context) error {
	s.begin("Create a lead with a contact")
	s.code("createLead")
	lead, err := s.by.createLead(ctx, s.company)
	s.left.note(s.company, lead, err)
	if err != nil {
		return err
	}
	if len(lead.Contacts) != 1 {
		return fmt.Errorf("the new lead has %d contacts instead of one", len(lead.Contacts))
	}
	s.lead, s.contact = lead.ID, lead.Contacts[0].ID
	s.result("lead %s, contact %s", s.lead, s.contact)
	return s.checkLead(ctx, s.lead, s.contact)
}

// pickStatus picks the first status of the first pipeline in which a deal is
// open.
func (s *story) pickStatus(ctx context.Context) error {
	s.begin("Take an active status from the first pipeline")
	s.code("pipelines")
	pipelines, err := s.by.pipelines(ctx)
	if err != nil {
		return err
	}
	if len(pipelines) == 0 {
		return errors.New("the organization has no pipeline")
	}
	for _, status := range pipelines[0].Statuses {
		if status.Type == closeapi.OpportunityStatusTypeActive {
			s.status = status.ID
			s.result("%q, %s, in the pipeline %q", status.Label, status.ID, pipelines[0].Name)
			return nil
		}
	}
	return fmt.Errorf("the pipeline %q has no active status", pipelines[0].Name)
}

func (s *story) addOpportunity(ctx context.Context) error {
	s.begin("Create an opportunity: %s a year at %d %%", deal.Format(s.currency), dealPercent)
	s.code("createOpportunity")
	opp, err := s.by.createOpportunity(ctx, s.lead, s.contact, s.status)
	if err != nil {
		return err
	}
	s.result("opportunity %s", opp.ID)
	return s.checkOpportunity(ctx, opp.ID, s.lead, s.status)
}

func (s *story) addCall(ctx context.Context) error {
	s.begin("Log an outbound call of %d seconds with a note", callSeconds)
	s.code("logCall")
	call, err := s.by.logCall(ctx, s.lead, s.contact)
	if err != nil {
		return err
	}
	s.result("call %s", call.ID)
	return s.checkCall(ctx, call.ID, s.lead, s.contact)
}

func (s *story) addTask(ctx context.Context) error {
	s.begin("Create a follow-up task for tomorrow, %s", s.tomorrow)
	if err := s.task(ctx, s.lead, taskText); err != nil {
		return err
	}
	s.ok("it is open, due tomorrow, and the lead lists it")
	return nil
}

// task creates a task for tomorrow and reads it back.
func (s *story) task(ctx context.Context, lead closeapi.LeadID, text string) error {
	s.code("createTask")
	task, err := s.by.createTask(ctx, lead, text, s.tomorrow)
	if err != nil {
		return err
	}
	s.result("task %s: %s", task.ID, text)
	return s.checkTask(ctx, task.ID, lead, text)
}

func (s *story) writeEmail(ctx context.Context) error {
	s.begin("Write an email, as a draft")
	s.code("draftEmail")
	mail, err := s.by.draftEmail(ctx, s.lead, s.contact)
	if err != nil {
		return err
	}
	s.result("email %s", mail.ID)
	return s.checkDraft(ctx, mail.ID, s.lead)
}

// sender is the account that a sequence sends email from.
type sender struct {
	account     closeapi.EmailAccountID
	name, email string
}

// senderOf returns the first account that the user can send email from.
func senderOf(me *closeapi.Me) (sender, error) {
	if len(me.EmailAccounts) == 0 {
		return sender{}, errors.New("the user has no connected email account to send from; connect one in Close, or leave out --enroll")
	}
	a := &me.EmailAccounts[0]
	s := sender{a.ID, me.FirstName + " " + me.LastName, a.Email.Or(me.Email)}
	if len(a.Identities) > 0 {
		s.name, s.email = a.Identities[0].Name.Or(s.name), a.Identities[0].Email.Or(s.email)
	}
	return s, nil
}

func (s *story) enrollContact(ctx context.Context) error {
	s.begin("Enroll the contact in the first sequence, then pause it")
	if !s.enroll {
		s.result("skipped: an enrollment starts real outreach; add --enroll to include it")
		return nil
	}
	from, err := senderOf(s.me)
	if err != nil {
		return err
	}
	s.code("sequences")
	sequences, err := s.by.sequences(ctx)
	if err != nil {
		return err
	}
	if len(sequences) == 0 {
		return errors.New("the organization has no sequence; make one in Close, or leave out --enroll")
	}
	first := &sequences[0]
	s.result("the first one is %q", first.Name)
	s.code("enroll")
	sub, err := s.by.enroll(ctx, first.ID, s.contact, from)
	if err != nil {
		return err
	}
	s.result("enrollment %s", sub.ID)
	if err := s.checkEnrollment(ctx, sub.ID, first.ID, s.contact, closeapi.SequenceSubscriptionStatusActive); err != nil {
		return err
	}
	s.code("pause")
	if err := s.by.pause(ctx, sub.ID); err != nil {
		return err
	}
	return s.checkEnrollment(ctx, sub.ID, first.ID, s.contact, closeapi.SequenceSubscriptionStatusPaused)
}

// followUp is the agent of the story: it finds the big open opportunities,
// summarizes them, and creates a follow-up task for each. In a real account it
// looks at the demo's own lead only.
func (s *story) followUp(ctx context.Context) error {
	s.begin("An agent follows up on all open opportunities over %s", big.Format(s.currency))
	var only closekit.Opt[closeapi.LeadID]
	if s.srv == nil {
		s.result("in a real account only on the demo's own lead")
		only = closekit.Some(s.lead)
	}
	s.code("bigOpportunities")
	var found []*closeapi.Opportunity
	err := retry(ctx, s.tries(), func() (_ bool, err error) {
		found, err = s.by.bigOpportunities(ctx, only)
		return len(found) > 0, err
	})
	if err != nil && !errors.Is(err, errNoChange) {
		return err
	}
	s.summarize(found)
	for _, opp := range found {
		if err := s.task(ctx, opp.LeadID, "Follow up: "+s.summary(opp)); err != nil {
			return err
		}
	}
	return s.checkFollowUp(len(found))
}

// summarize prints what the agent found.
func (s *story) summarize(found []*closeapi.Opportunity) {
	var total closeapi.Cents
	for _, opp := range found {
		total += opp.Value.Or(0)
	}
	s.result("found %d, worth %s in all:", len(found), total.Format(s.currency))
	for _, opp := range found {
		s.result("  %s", s.summary(opp))
	}
}

// summary describes an opportunity in a line.
func (s *story) summary(opp *closeapi.Opportunity) string {
	return fmt.Sprintf("%s, %s %s, %q at %d %%", opp.LeadName.Or(string(opp.LeadID)), opp.Value.Or(0).Format(s.currency),
		strings.ReplaceAll(opp.ValuePeriod.String(), "_", "-"), opp.StatusLabel, opp.Confidence.Or(0))
}
