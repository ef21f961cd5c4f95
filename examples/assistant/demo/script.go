package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

const (
	wileEmail    = "wile@acme.example"
	quoteSubject = "Your quote is on its way"
	quoteBody    = "Hi Wile,\n\nyou will have it tomorrow.\n"
)

// script stands for a model. It makes the calls that models make for the task, with
// their slips. Where a model reads the texts of results, it reads the JSON of the same
// calls, and checks that what it uses is in the texts too.
type script struct {
	*demo
	turn    int
	summary string
}

func (m *script) next(_ context.Context, _ []json.RawMessage, results []agent.Result) (string, []agent.Invocation, error) {
	m.show(results)
	m.turn++
	var calls []agent.Invocation
	switch m.turn {
	case 1:
		calls = []agent.Invocation{
			{Name: "close_opportunities_list", Input: []byte(`{"statusType": "Active", "orderBy": "value desc"}`)},
			{Name: "close_leads_list", Input: []byte(`{"query": "Acme Corp"}`)},
			{Name: "close_me_get"},
		}
	case 2:
		var err error
		if calls, err = m.act(results); err != nil {
			return "", nil, err
		}
	default:
		return m.report(results)
	}
	for _, c := range calls {
		m.code(strings.TrimSpace(c.Name + " " + string(c.Input)))
	}
	return "", calls, nil
}

// show prints the texts that the model gets.
func (m *script) show(results []agent.Result) {
	for _, r := range results {
		m.block("< ", r.Text)
	}
}

// act makes a task for each big deal, and the email.
func (m *script) act(results []agent.Result) ([]agent.Invocation, error) {
	deals, err := decoded[page[closeapi.Opportunity]](results[0])
	if err != nil {
		return nil, err
	}
	leads, err := decoded[page[closeapi.Lead]](results[1])
	if err != nil {
		return nil, err
	}
	me, err := decoded[closeapi.Me](results[2])
	if err != nil {
		return nil, err
	}
	if len(leads.Data) == 0 {
		return nil, errors.New("the lead of Acme Corp was not found")
	}
	var calls []agent.Invocation
	write := func(name string, in input) error {
		body, err := json.Marshal(in)
		calls = append(calls, agent.Invocation{Name: name, Input: body})
		return err
	}
	var lines []string
	for i := range deals.Data {
		o := &deals.Data[i]
		if o.Value.Or(0) <= big {
			continue
		}
		if !strings.Contains(results[0].Text, string(o.LeadID)) {
			return nil, fmt.Errorf("the answer does not show the lead of %s to the model", o.LeadName.Or(""))
		}
		name := o.LeadName.Or("")
		lines = append(lines, fmt.Sprintf("- %s: %s %s, %s, %d %%", name, o.Value.Or(0).Format(o.ValueCurrency.Or("USD")),
			strings.ReplaceAll(o.ValuePeriod.String(), "_", "-"), o.StatusLabel, o.Confidence.Or(0)))
		in := input{"lead_id": o.LeadID, "text": followUpText(name), "date": m.tomorrow}
		if len(lines) == 2 { // a slip
			in = input{"leadId": "https://app.close.com/lead/" + string(o.LeadID) + "/", "text": followUpText(name), "due_date": m.tomorrow}
		}
		if err := write("close_task_create", in); err != nil {
			return nil, err
		}
	}
	m.summary = strings.Join(lines, "\n")
	err = write("close_email_create", input{
		"lead_id": leads.Data[0].ID, "sender": me.Email, "to": wileEmail, "status": "outbox", "subject": quoteSubject, "body_text": quoteBody,
	})
	return calls, err
}

// report is the last text of the model.
func (m *script) report(results []agent.Result) (string, []agent.Invocation, error) {
	done, waits := 0, 0
	for _, r := range results {
		switch {
		case r.Pending != nil:
			waits++
		case r.Err == nil:
			done++
		}
	}
	return fmt.Sprintf("Open opportunities over %s:\n%s\nI created %d tasks for tomorrow. %d email waits for the approval of a person.",
		big.Format(m.currency), m.summary, done, waits), nil, nil
}

func followUpText(name string) string { return "Follow up with " + name }

// decoded decodes the response of a call.
func decoded[T any](r agent.Result) (v T, err error) {
	if r.Err != nil {
		return v, r.Err
	}
	if err := json.Unmarshal(r.JSON, &v); err != nil {
		return v, fmt.Errorf("decode the response of %s: %w", r.Tool, err)
	}
	return v, nil
}
