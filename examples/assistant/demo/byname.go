package demo

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/closeapi/tools"
)

// byName makes the calls of the story as an agent does: by the name of a tool,
// with JSON.
type byName struct {
	client *closekit.Client
	print  *printer
}

// code prints nothing, because call prints every name and input.
func (c byName) code(*printer, string) {}

// input is what a model would write.
type input map[string]any

// call prints a call, makes it, and decodes the response into v.
func (c byName) call(ctx context.Context, name string, in input, v any) error {
	tool, err := tools.Lookup(name)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", name, err)
	}
	c.print.code(name + " " + string(body))
	response, err := tool.Call(ctx, c.client, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(response, v); err != nil {
		return fmt.Errorf("decode the response of %s: %w", name, err)
	}
	return nil
}

// fetch calls a tool that returns one object.
func fetch[T any](ctx context.Context, c byName, name string, in input) (*T, error) {
	v := new(T)
	return v, c.call(ctx, name, in, v)
}

// page is one page of a list.
type page[T any] struct {
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"`
}

// list calls a tool that returns a page of objects.
func list[T any](ctx context.Context, c byName, name string, in input) ([]T, error) {
	var p page[T]
	return p.Data, c.call(ctx, name, in, &p)
}

func (c byName) whoAmI(ctx context.Context) (*closeapi.Me, error) {
	return fetch[closeapi.Me](ctx, c, "close_me_get", input{})
}

func (c byName) recentLeads(ctx context.Context) ([]closeapi.Lead, error) {
	return list[closeapi.Lead](ctx, c, "close_leads_list", input{
		"query": searched + " sort:-date_updated", "_order_by": "-date_updated", "_limit": 5,
	})
}

func (c byName) createLead(ctx context.Context, name string) (*closeapi.Lead, error) {
	person := input{"name": contactName, "title": contactTitle, "emails": []input{{"email": contactEmail}}}
	return fetch[closeapi.Lead](ctx, c, "close_lead_create", input{"name": name, "contacts": []input{person}})
}

func (c byName) pipelines(ctx context.Context) ([]closeapi.Pipeline, error) {
	return list[closeapi.Pipeline](ctx, c, "close_pipelines_list", input{})
}

func (c byName) createOpportunity(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID, status closeapi.OpportunityStatusID) (*closeapi.Opportunity, error) {
	return fetch[closeapi.Opportunity](ctx, c, "close_opportunity_create", input{
		"lead_id": lead, "contact_id": contact, "status_id": status,
		"value": deal, "value_period": "annual", "confidence": dealPercent,
	})
}

func (c byName) logCall(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Call, error) {
	return fetch[closeapi.Call](ctx, c, "close_call_create", input{
		"lead_id": lead, "contact_id": contact, "direction": "outbound", "status": "completed",
		"duration": callSeconds, "note": callNote,
	})
}

func (c byName) createTask(ctx context.Context, lead closeapi.LeadID, text string, due closekit.Date) (*closeapi.Task, error) {
	return fetch[closeapi.Task](ctx, c, "close_task_create", input{"lead_id": lead, "text": text, "date": due})
}

func (c byName) draftEmail(ctx context.Context, lead closeapi.LeadID, contact closeapi.ContactID) (*closeapi.Email, error) {
	return fetch[closeapi.Email](ctx, c, "close_email_create", input{
		"lead_id": lead, "contact_id": contact, "status": "draft", "to": []string{contactEmail},
		"subject": mailSubject, "body_text": mailBody,
	})
}

func (c byName) sequences(ctx context.Context) ([]closeapi.Sequence, error) {
	return list[closeapi.Sequence](ctx, c, "close_sequences_list", input{})
}

func (c byName) enroll(ctx context.Context, sequence closeapi.SequenceID, contact closeapi.ContactID, from sender) (*closeapi.SequenceSubscription, error) {
	return fetch[closeapi.SequenceSubscription](ctx, c, "close_sequence_subscription_create", input{
		"sequence_id": sequence, "contact_id": contact, "contact_email": contactEmail,
		"sender_account_id": from.account, "sender_name": from.name, "sender_email": from.email,
	})
}

func (c byName) pause(ctx context.Context, enrollment closeapi.SequenceSubscriptionID) error {
	_, err := fetch[closeapi.SequenceSubscription](ctx, c, "close_sequence_subscription_update", input{
		"subscription_id": enrollment, "status": "paused",
	})
	return err
}

// bigOpportunities fetches page after page, as an agent does.
func (c byName) bigOpportunities(ctx context.Context, only closekit.Opt[closeapi.LeadID]) ([]*closeapi.Opportunity, error) {
	filter := input{"status_type": "active", "_order_by": "-value"}
	if lead, ok := only.Get(); ok {
		filter["lead_id"] = lead
	}
	var found []*closeapi.Opportunity
	for skip := 0; ; {
		filter["_skip"] = skip
		p, err := fetch[page[*closeapi.Opportunity]](ctx, c, "close_opportunities_list", filter)
		if err != nil {
			return nil, err
		}
		for _, opp := range p.Data {
			if opp.Value.Or(0) > big {
				found = append(found, opp)
			}
		}
		switch {
		case !p.HasMore:
			return found, nil
		case len(p.Data) == 0:
			return nil, &closekit.PageError{Tool: "close_opportunities_list", Position: skip, Reason: "it is empty, but has_more is true"}
		}
		skip += len(p.Data)
	}
}
