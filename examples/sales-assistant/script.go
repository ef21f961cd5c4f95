package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/closeapi"
)

// script stands in for a model where there is none. It plays two tasks, with calls that
// really are carried out.
type script struct{}

// line is a message of its conversation. Where a model reads texts, it reads the JSON.
type line struct {
	User string
	Text string
	JSON map[string]json.RawMessage // of the results, by tool
	Done int                        // calls that were carried out
}

func (script) said(text string) json.RawMessage { return encode(line{User: text}) }

func (m script) answer(ctx context.Context, s *agent.Session, _ string, talk []json.RawMessage, show func(string)) ([]json.RawMessage, []agent.Result, error) {
	var task string      // what the user wants
	var said []line      // what the script has answered since
	var decided []string // and what the program has told since
	for _, raw := range talk {
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, nil, err
		}
		switch {
		case strings.HasPrefix(l.User, "(From the program"):
			decided = append(decided, l.User)
		case l.User != "":
			task, said, decided = strings.ToLower(l.User), nil, nil
		default:
			said = append(said, l)
		}
	}
	text, calls, err := "I am a script, and can do two things: "+suggestion+"; and: email our biggest customer", []agent.Invocation(nil), error(nil)
	switch {
	case strings.Contains(task, "mail"):
		text, calls, err = m.email(said, strings.Join(decided, "\n"))
	case strings.Contains(task, "opportunit") || strings.Contains(task, "deal"):
		text, calls, err = m.followUp(said, strings.Join(decided, "\n"))
	}
	if err != nil {
		return nil, nil, err
	}
	for word := range strings.SplitAfterSeq(text, " ") {
		show(word)
	}
	l := line{Text: text, JSON: map[string]json.RawMessage{}}
	results := s.CallAll(ctx, calls)
	for _, r := range results {
		l.JSON[r.Tool] = r.JSON
		if r.Err == nil {
			l.Done++
		}
	}
	return []json.RawMessage{encode(l)}, results, nil
}

// followUp plays the task that the program suggests.
func (script) followUp(said []line, decided string) (string, []agent.Invocation, error) {
	if len(said) == 0 {
		return "I look for the open opportunities.", call(nil, "close_opportunities_list", map[string]any{"status_type": "active", "_order_by": "-value"}), nil
	}
	if len(said) > 1 {
		return fmt.Sprintf("Done: tasks for tomorrow: %d. You could go on with: email our biggest customer that the quote is on its way", said[1].Done+strings.Count(decided, "approved")), nil, nil
	}
	open, err := result[closeapi.Opportunity](said[0], "close_opportunities_list")
	if err != nil {
		return "", nil, err
	}
	text, tomorrow := "Open opportunities over $10k:", time.Now().AddDate(0, 0, 1).Format(time.DateOnly)
	var calls []agent.Invocation
	for _, o := range open {
		if name := o.LeadName.Or("a lead"); o.Value.Or(0) > 10_000_00 {
			text += fmt.Sprintf("\n- %s: %s, %s, %d %%", name, o.ValueFormatted.Or("?"), o.StatusLabel, o.Confidence.Or(0))
			calls = call(calls, "close_task_create", map[string]any{"lead_id": o.LeadID, "text": "Follow up with " + name, "date": tomorrow})
		}
	}
	if len(calls) == 0 {
		text = "There are no open opportunities over $10k."
	}
	return text, calls, nil
}

// email plays an email, which waits for the person.
func (script) email(said []line, decided string) (string, []agent.Invocation, error) {
	switch {
	case len(said) == 0:
		return "I look for the biggest deal, and for the address.", call(call(call(nil, "close_opportunities_list", map[string]any{"status_type": "active", "_order_by": "-value"}), "close_leads_list", map[string]any{}), "close_me_get", map[string]any{}), nil
	case strings.Contains(decided, "approved"):
		return "The email was sent.", nil, nil
	case strings.Contains(decided, "denied"):
		return "You decided against the email. It was not sent.", nil, nil
	case len(said) > 1:
		return "The email waits for your decision: /approvals", nil, nil
	}
	open, err := result[closeapi.Opportunity](said[0], "close_opportunities_list")
	if err != nil {
		return "", nil, err
	}
	leads, err := result[closeapi.Lead](said[0], "close_leads_list")
	if err != nil {
		return "", nil, err
	}
	var me closeapi.Me
	if err := json.Unmarshal(said[0].JSON["close_me_get"], &me); err != nil {
		return "", nil, fmt.Errorf("the script needs the result of close_me_get: %w", err)
	}
	for _, o := range open {
		for _, lead := range leads {
			if lead.ID != o.LeadID || len(lead.Contacts) == 0 || len(lead.Contacts[0].Emails) == 0 {
				continue
			}
			to, name := lead.Contacts[0].Emails[0].Email, lead.Contacts[0].Name.Or("customer")
			return "I write to " + name + ".", call(nil, "close_email_create", map[string]any{
				"lead_id": lead.ID, "sender": me.Email, "to": []string{to}, "status": "outbox", "subject": "Your quote is on its way",
				"body_text": "Hello " + name + ",\n\nyou will have our quote tomorrow.\n\n" + me.FirstName + "\n",
			}), nil
		}
	}
	return "No open deal has a contact with an email address.", nil, nil
}

func call(calls []agent.Invocation, name string, input map[string]any) []agent.Invocation {
	return append(calls, agent.Invocation{Name: name, Input: encode(input)})
}

// result decodes the records that a call has listed.
func result[T any](l line, tool string) ([]T, error) {
	var page struct{ Data []T }
	if err := json.Unmarshal(l.JSON[tool], &page); err != nil {
		return nil, fmt.Errorf("the script needs the result of %s, which failed; type the task again", tool)
	}
	return page.Data, nil
}
