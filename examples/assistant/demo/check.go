package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// The checks read back what a step did: the record itself, a list that must
// hold it, and, in the emulator, what is really stored.

// differs returns an error if what was read back is not what was expected.
func differs(what string, got, want any) error {
	if fmt.Sprint(got) == fmt.Sprint(want) {
		return nil
	}
	return fmt.Errorf("read back, %s is %v and should be %v", what, got, want)
}

// stored looks into the emulator.
func (d *demo) stored(resource string, id any) error {
	if d.srv == nil {
		return nil
	}
	for _, o := range d.srv.Objects(resource) {
		if o["id"] == fmt.Sprint(id) {
			return nil
		}
	}
	return fmt.Errorf("the emulator does not hold %v among its %s", id, resource)
}

func (d *demo) checkSearch(leads []closeapi.Lead) error {
	var names []string
	for i := range leads {
		names = append(names, leads[i].DisplayName)
		if i == 0 {
			continue
		}
		newer, err := leads[i-1].DateUpdated.Or("").Time()
		older, err2 := leads[i].DateUpdated.Or("").Time()
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		if older.After(newer) {
			return fmt.Errorf("the leads are not sorted: %s changed after %s", names[i], names[i-1])
		}
	}
	if d.srv != nil {
		if err := differs("the list of leads", names, []string{"Acme Corp", "Acme Corp Europe"}); err != nil {
			return err
		}
	}
	d.ok("the most recently changed lead comes first")
	return nil
}

func (d *demo) checkLead(ctx context.Context, id closeapi.LeadID, contact closeapi.ContactID) error {
	lead, err := closeapi.LeadGet(ctx, d.client, closeapi.LeadGetParams{LeadID: id})
	if err != nil {
		return err
	}
	person, err := closeapi.ContactGet(ctx, d.client, closeapi.ContactGetParams{ContactID: contact})
	if err != nil {
		return err
	}
	mail := ""
	if len(person.Emails) == 1 {
		mail = person.Emails[0].Email
	}
	err = errors.Join(
		differs("the name of the lead", lead.Name, d.company),
		differs("the number of its contacts", len(lead.Contacts), 1),
		differs("the contact's lead", person.LeadID, id),
		differs("the contact's name", person.Name, contactName),
		differs("the contact's title", person.Title, contactTitle),
		differs("the contact's email address", mail, contactEmail),
		d.stored("leads", id), d.stored("contacts", contact),
	)
	if err == nil {
		d.ok("Close has the lead, and the contact on it")
	}
	return err
}

func (d *demo) checkOpportunity(ctx context.Context, id closeapi.OpportunityID, lead closeapi.LeadID, status closeapi.OpportunityStatusID) error {
	opp, err := closeapi.OpportunityGet(ctx, d.client, closeapi.OpportunityGetParams{OpportunityID: id})
	if err != nil {
		return err
	}
	if c := opp.ValueCurrency.Or(""); c != "" {
		d.currency = c
	}
	found, err := listed(ctx, d, closeapi.OpportunitiesList, closeapi.OpportunitiesListParams{LeadID: closekit.Some(lead)},
		func(o *closeapi.Opportunity) bool { return o.ID == id })
	if err != nil {
		return err
	}
	err = errors.Join(
		differs("the lead", opp.LeadID, lead),
		differs("the status", opp.StatusID, status),
		differs("the type of the status", opp.StatusType, closeapi.OpportunityStatusTypeActive),
		differs("the value", opp.Value, deal),
		differs("the period", opp.ValuePeriod, closeapi.ValuePeriodAnnual),
		differs("the confidence", opp.Confidence, dealPercent),
		differs("\"the lead lists the opportunity\"", found, true),
		d.stored("opportunities", id),
	)
	if err == nil {
		d.ok("%s %s at %d %%, and the lead lists it", opp.Value.Or(0).Format(d.currency), opp.ValuePeriod, opp.Confidence.Or(0))
	}
	return err
}

// listed reports whether a list holds an item, looking again where lists lag.
func listed[P, T any](
	ctx context.Context, d *demo, list func(context.Context, *closekit.Client, P, ...closekit.CallOption) (*closekit.Page[T], error),
	p P, is func(*T) bool,
) (bool, error) {
	err := retry(ctx, d.tries(), func() (bool, error) {
		page, err := list(ctx, d.client, p)
		if err != nil {
			return false, err
		}
		return slices.ContainsFunc(page.Data, func(v T) bool { return is(&v) }), nil
	})
	if errors.Is(err, errNoChange) {
		return false, nil
	}
	return err == nil, err
}

func (d *demo) checkCall(ctx context.Context, id closeapi.CallID, lead closeapi.LeadID, contact closeapi.ContactID) error {
	call, err := closeapi.CallGet(ctx, d.client, closeapi.CallGetParams{CallID: id})
	if err != nil {
		return err
	}
	found, err := listed(ctx, d, closeapi.CallsList, closeapi.CallsListParams{LeadID: []closeapi.LeadID{lead}},
		func(c *closeapi.Call) bool { return c.ID == id })
	if err != nil {
		return err
	}
	err = errors.Join(
		differs("the lead", call.LeadID, lead),
		differs("the contact", call.ContactID, contact),
		differs("the direction", call.Direction, closeapi.CallDirectionOutbound),
		differs("the status", call.Status, closeapi.CallStatusCompleted),
		differs("the duration", call.Duration, callSeconds),
		differs("the note", call.Note, callNote),
		differs("\"the timeline shows the call\"", found, true),
		d.stored("calls", id),
	)
	if err == nil {
		d.ok("%d seconds, completed, with the note, in the timeline of the lead", call.Duration.Or(0))
	}
	return err
}

func (d *demo) checkTask(ctx context.Context, id closeapi.TaskID, lead closeapi.LeadID, text string) error {
	task, err := closeapi.TaskGet(ctx, d.client, closeapi.TaskGetParams{TaskID: id})
	if err != nil {
		return err
	}
	found, err := listed(ctx, d, closeapi.TasksList, closeapi.TasksListParams{
		LeadID: closekit.Some(lead), IsComplete: closekit.Some(false),
	},
		func(t *closeapi.Task) bool { return t.ID == id })
	if err != nil {
		return err
	}
	return errors.Join(
		differs("the lead", task.LeadID, lead),
		differs("the text", task.Text, text),
		differs("the date", fmt.Sprintf("%.10s", task.Date), d.tomorrow),
		differs("\"the task is done\"", task.IsComplete, false),
		differs("\"the lead lists the open task\"", found, true),
		d.stored("tasks", id),
	)
}

func (d *demo) checkDraft(ctx context.Context, id closeapi.EmailID, lead closeapi.LeadID) error {
	mail, err := closeapi.EmailGet(ctx, d.client, closeapi.EmailGetParams{EmailID: id})
	if err != nil {
		return err
	}
	err = errors.Join(
		differs("the lead", mail.LeadID, lead),
		differs("the status", mail.Status, closeapi.EmailStatusDraft),
		differs("the subject", mail.Subject, mailSubject),
		differs("the recipients", strings.Join(mail.To, ", "), contactEmail),
		differs("the body", strings.Fields(mail.BodyText.Or("")), strings.Fields(mailBody)), // whatever its line ends are
		differs("when it was sent", mail.DateSent.Or("never"), "never"),
		d.stored("emails", id), d.nothingSent(),
	)
	if err == nil {
		d.ok("it is a draft, and nothing was sent")
	}
	return err
}

// nothingSent looks into the emulator's outbox.
func (d *demo) nothingSent() error {
	if d.srv == nil || len(d.srv.Outbox()) == 0 {
		return nil
	}
	return fmt.Errorf("the emulator sent %d messages", len(d.srv.Outbox()))
}

func (d *demo) checkEnrollment(ctx context.Context, id closeapi.SequenceSubscriptionID, sequence closeapi.SequenceID, contact closeapi.ContactID, status closeapi.SequenceSubscriptionStatus) error {
	sub, err := closeapi.SequenceSubscriptionGet(ctx, d.client, closeapi.SequenceSubscriptionGetParams{SubscriptionID: id})
	if err != nil {
		return err
	}
	found, err := listed(ctx, d, closeapi.SequenceSubscriptionsList, closeapi.SequenceSubscriptionsListParams{
		ContactID: closekit.Some(contact),
	},
		func(s *closeapi.SequenceSubscription) bool { return s.ID == id })
	if err != nil {
		return err
	}
	err = errors.Join(
		differs("the sequence", sub.SequenceID, sequence),
		differs("the contact", sub.ContactID, contact),
		differs("the status", sub.Status, status),
		differs("\"the contact lists the enrollment\"", found, true),
		d.stored("sequence_subscriptions", id),
	)
	if err == nil {
		d.ok("the enrollment is %s", sub.Status)
	}
	return err
}

// checkFollowUp checks how many opportunities were found; each task was checked
// when it was created.
func (d *demo) checkFollowUp(found int) error {
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
