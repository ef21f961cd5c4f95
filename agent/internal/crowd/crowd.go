// Package crowd fills an emulated Close with records, so that the answers about them
// can be measured: 30 leads with contacts, and what happened with them.
package crowd

import (
	"encoding/json"
	"fmt"
	"strings"
)

// List is a tool that lists, with the share of the raw tokens that its answer may have.
type List struct {
	Tool string
	Most int // in percent
}

// Lists are the lists that are measured, of 25 records each.
var Lists = []List{
	{"close_leads_list", 10},
	{"close_opportunities_list", 25},
	{"close_contacts_list", 25},
	{"close_tasks_list", 25},
	{"close_activities_list", 25},
	{"close_notes_list", 25},
	{"close_calls_list", 25},
	{"close_emails_list", 25},
	{"close_sms_list", 25},
}

// Input asks for the list as a model does, and Raw for all that Close returns.
const (
	Input = `{"_limit":25}`
	Raw   = `{"_limit":25,"_fields":["_all"]}`
)

const said = "The customer asked for a quote for twelve seats, wants a call on Friday and an answer before the end of the month. "

// Fill creates the records with calls of tools. Every lead has the given number of
// contacts, at most two.
func Fill(people int, call func(tool, input string) (json.RawMessage, error)) error {
	var pipelines struct {
		Data []struct {
			Statuses []struct {
				ID string `json:"id"`
			} `json:"statuses"`
		} `json:"data"`
	}
	if err := into(&pipelines, call, "close_pipelines_list", `{}`); err != nil {
		return err
	}
	status := pipelines.Data[0].Statuses[0].ID
	for i := range 30 {
		contacts := []string{
			fmt.Sprintf(`{"name":"Ann Lee","title":"CTO","emails":[{"email":"ann%d@acme.example"}],"phones":[{"phone":"+16505550142"}]}`, i),
			fmt.Sprintf(`{"name":"Bo Sand","title":"Buyer","emails":[{"email":"bo%d@acme.example"}]}`, i),
		}
		var lead struct {
			ID       string `json:"id"`
			Contacts []struct {
				ID string `json:"id"`
			} `json:"contacts"`
		}
		if err := into(&lead, call, "close_lead_create", `{"name":"Acme %d","description":"Makes anvils and ships them.","contacts":[%s]}`, i, strings.Join(contacts[:people], ",")); err != nil {
			return err
		}
		id, ann := lead.ID, lead.Contacts[0].ID
		for _, c := range [][2]string{
			{"close_opportunity_create", fmt.Sprintf(`"status_id":%q,"value":%d,"value_period":"annual","confidence":%d,"note":"Wants a quote."`, status, 1200000+i*5000, 20+i)},
			{"close_task_create", `"text":"Call back","date":"2026-06-20"`},
			{"close_note_create", fmt.Sprintf(`"note":"Seat %d: %s"`, i, said)},
			{"close_call_create", fmt.Sprintf(`"contact_id":%q,"direction":"outbound","status":"completed","duration":120,"phone":"+16505550142","note":"Reached her"`, ann)},
			{"close_email_create", fmt.Sprintf(`"contact_id":%q,"status":"draft","to":["ann@acme.example"],"subject":"Offer","body_text":"Order %d: %s"`, ann, i, said+said)},
			{"close_sms_create", fmt.Sprintf(`"contact_id":%q,"status":"draft","local_phone":"+16505550100","remote_phone":"+16505550142","text":"On Friday?"`, ann)},
		} {
			if _, err := call(c[0], fmt.Sprintf(`{"lead_id":%q,%s}`, id, c[1])); err != nil {
				return fmt.Errorf("%s: %w", c[0], err)
			}
		}
	}
	return nil
}

func into(v any, call func(tool, input string) (json.RawMessage, error), tool, format string, args ...any) error {
	out, err := call(tool, fmt.Sprintf(format, args...))
	if err == nil {
		err = json.Unmarshal(out, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", tool, err)
	}
	return nil
}
