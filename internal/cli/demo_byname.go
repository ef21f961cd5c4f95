package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// pair is one member of a JSON object; a list of them keeps its order.
type pair struct {
	name  string
	value any
}

type input []pair

func (in input) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range in {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quoted(p.name))
		b.WriteByte(':')
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// tool calls a tool by name with JSON, shows the call, and reads what the story
// needs from Close's JSON into v.
func (d *demo) tool(ctx context.Context, name string, in input, v any) error {
	t, err := tools.Lookup(name)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", name, err)
	}
	d.code("%s %s", name, body)
	answer, err := t.Call(ctx, d.client, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("read the answer of %s: %w", name, err)
	}
	return nil
}

// record is what the story needs of what it creates.
type record[ID ~string] struct {
	ID ID `json:"id"`
}

// byName tells the story with tools by name.
func (d *demo) byName(ctx context.Context) error {
	d.begin("Who am I?")
	var me closeapi.Me
	if err := d.tool(ctx, "close_me_get", input{}, &me); err != nil {
		return err
	}
	d.result("%s %s <%s>%s", me.FirstName, me.LastName, me.Email, ofOrganization(&me))

	d.begin("Search leads for %q, the most recently changed first", searched)
	if err := d.searchByName(ctx); err != nil {
		return err
	}

	d.begin("Create a lead with a contact")
	var lead struct {
		ID       closeapi.LeadID              `json:"id"`
		Contacts []record[closeapi.ContactID] `json:"contacts"`
	}
	person := input{{"name", contactName}, {"title", contactTitle}, {"emails", []input{{{"email", contactEmail}}}}}
	if err := d.tool(ctx, "close_lead_create", input{{"name", d.company}, {"contacts", []input{person}}}, &lead); err != nil {
		return d.created(lead.ID, err)
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
	var pipelines struct {
		Data []closeapi.Pipeline `json:"data"`
	}
	if err := d.tool(ctx, "close_pipelines_list", input{}, &pipelines); err != nil {
		return err
	}
	status, err := activeStatus(pipelines.Data)
	if err != nil {
		return err
	}
	d.result("%q, %s, in the pipeline %q", status.Label, status.ID, pipelines.Data[0].Name)

	d.begin("Create an opportunity: %s a year at %d %%", deal.Format(d.currency), dealPercent)
	var opp record[closeapi.OpportunityID]
	if err := d.tool(ctx, "close_opportunity_create", input{
		{"lead_id", lead.ID},
		{"status_id", status.ID},
		{"contact_id", contact},
		{"value", deal},
		{"value_period", "annual"},
		{"confidence", dealPercent},
	}, &opp); err != nil {
		return err
	}
	d.result("opportunity %s", opp.ID)
	if err := d.checkOpportunity(ctx, opp.ID, lead.ID, status.ID); err != nil {
		return err
	}

	d.begin("Log an outbound call of %d seconds with a note", callSeconds)
	var call record[closeapi.CallID]
	if err := d.tool(ctx, "close_call_create", input{
		{"lead_id", lead.ID},
		{"contact_id", contact},
		{"direction", "outbound"},
		{"status", "completed"},
		{"duration", callSeconds},
		{"note", callNote},
	}, &call); err != nil {
		return err
	}
	d.result("call %s", call.ID)
	if err := d.checkCall(ctx, call.ID, lead.ID, contact); err != nil {
		return err
	}

	d.begin("Create a follow-up task for tomorrow, %s", d.tomorrow)
	task, err := d.followUpByName(ctx, lead.ID, taskText)
	if err != nil {
		return err
	}
	d.result("task %s", task)
	d.ok("it is open, due tomorrow, and the lead lists it")

	d.begin("Write an e-mail, as a draft")
	var mail record[closeapi.EmailID]
	if err := d.tool(ctx, "close_email_create", input{
		{"lead_id", lead.ID},
		{"contact_id", contact},
		{"status", "draft"},
		{"to", []string{contactEmail}},
		{"subject", mailSubject},
		{"body_text", mailBody},
	}, &mail); err != nil {
		return err
	}
	d.result("e-mail %s", mail.ID)
	if err := d.checkDraft(ctx, mail.ID, lead.ID); err != nil {
		return err
	}

	d.begin("Enrol the contact in the first sequence, then pause it")
	if !d.enroll {
		d.result(noEnrolment)
	} else if err := d.enrolByName(ctx, &me, contact); err != nil {
		return err
	}

	d.begin("An agent follows up on all open opportunities over %s", big.Format(d.currency))
	return d.agentByName(ctx, lead.ID)
}

func (d *demo) searchByName(ctx context.Context) error {
	var page struct {
		Data []struct {
			DisplayName string            `json:"display_name"`
			DateUpdated closekit.DateTime `json:"date_updated"`
		} `json:"data"`
	}
	if err := d.tool(ctx, "close_leads_list", input{
		{"query", searched + " sort:-date_updated"}, {"_order_by", "-date_updated"}, {"_limit", 5},
	}, &page); err != nil {
		return err
	}
	var names []string
	var times []closekit.DateTime
	for _, lead := range page.Data {
		names, times = append(names, lead.DisplayName), append(times, lead.DateUpdated)
		d.result("%s, changed %.10s", lead.DisplayName, lead.DateUpdated)
	}
	if len(names) == 0 {
		d.result("none")
	}
	return d.checkSearch(names, times)
}

func (d *demo) followUpByName(ctx context.Context, lead closeapi.LeadID, text string) (closeapi.TaskID, error) {
	var task record[closeapi.TaskID]
	if err := d.tool(ctx, "close_task_create", input{{"lead_id", lead}, {"text", text}, {"date", d.tomorrow}}, &task); err != nil {
		return "", err
	}
	return task.ID, d.checkTask(ctx, task.ID, lead, text)
}

func (d *demo) enrolByName(ctx context.Context, me *closeapi.Me, contact closeapi.ContactID) error {
	account, name, address, err := sender(me)
	if err != nil {
		return err
	}
	var sequences struct {
		Data []struct {
			ID   closeapi.SequenceID `json:"id"`
			Name string              `json:"name"`
		} `json:"data"`
	}
	if err := d.tool(ctx, "close_sequences_list", input{}, &sequences); err != nil {
		return err
	}
	if len(sequences.Data) == 0 {
		return errors.New("the organization has no sequence; make one in Close, or leave out --enroll")
	}
	first := sequences.Data[0]
	d.result("the first one is %q", first.Name)
	var sub record[closeapi.SequenceSubscriptionID]
	if err := d.tool(ctx, "close_sequence_subscription_create", input{
		{"sequence_id", first.ID},
		{"contact_id", contact},
		{"contact_email", contactEmail},
		{"sender_account_id", account},
		{"sender_name", name},
		{"sender_email", address},
	}, &sub); err != nil {
		return err
	}
	d.result("enrolment %s", sub.ID)
	if err := d.checkEnrolment(ctx, sub.ID, first.ID, contact, closeapi.SequenceSubscriptionStatusActive); err != nil {
		return err
	}
	if err := d.tool(ctx, "close_sequence_subscription_update", input{{"subscription_id", sub.ID}, {"status", "paused"}}, &sub); err != nil {
		return err
	}
	return d.checkEnrolment(ctx, sub.ID, first.ID, contact, closeapi.SequenceSubscriptionStatusPaused)
}

// agentByName is agentTyped with tools.
func (d *demo) agentByName(ctx context.Context, own closeapi.LeadID) error {
	filter := input{{"status_type", "active"}, {"_order_by", "-value"}}
	if d.srv == nil {
		d.result("in a real account only on the demo's own lead")
		filter = append(filter, pair{"lead_id", own})
	}
	var found []*closeapi.Opportunity
	err := pauses(ctx, d.tries(), func() (bool, error) {
		var err error
		found, err = d.bigByName(ctx, filter)
		return len(found) > 0, err
	})
	if err != nil && !errors.Is(err, errStill) {
		return err
	}
	d.overview(found)
	for _, opp := range found {
		id, err := d.followUpByName(ctx, opp.LeadID, "Follow up: "+d.summary(opp))
		if err != nil {
			return err
		}
		d.result("task %s", id)
	}
	return d.checkAgent(len(found))
}

// bigByName fetches all pages of opportunities and keeps the big ones.
func (d *demo) bigByName(ctx context.Context, filter input) ([]*closeapi.Opportunity, error) {
	var found []*closeapi.Opportunity
	for skip := 0; ; {
		var page struct {
			Data    []*closeapi.Opportunity `json:"data"`
			HasMore bool                    `json:"has_more"`
		}
		if err := d.tool(ctx, "close_opportunities_list", append(slices.Clip(filter), pair{"_skip", skip}), &page); err != nil {
			return nil, err
		}
		for _, opp := range page.Data {
			if opp.Value.Or(0) > big {
				found = append(found, opp)
			}
		}
		if skip += len(page.Data); !page.HasMore || len(page.Data) == 0 {
			return found, nil
		}
	}
}
