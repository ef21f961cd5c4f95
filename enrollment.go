package closekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/closekit/closekit/internal/codec"
)

// Enrollment is what an enrollment in a sequence with email steps needs beside the
// contact and the sequence. Empty strings are not set.
type Enrollment struct {
	ContactEmail    string // address of the contact that the sequence writes to
	SenderAccountID string // connected email account that sends
	SenderName      string // name that recipients see
	SenderEmail     string // address of the sender
}

// EnrollmentDefaults completes e for a contact: the sender is the user's own active
// email account, and the address of the contact its only one. Nothing that is set is
// changed, and nothing is chosen among several: more than one possible value is a
// [*ValidationError] that lists them, and a value that does not exist stays empty.
// notes says in words what was filled in.
//
// It reads the user that the credential belongs to (GET /me/) and the contact, each
// only if it is needed. Tools that enroll do this before the call; typed functions
// never do:
//
//	e, _, err := closekit.EnrollmentDefaults(ctx, c, string(contact.ID), closekit.Enrollment{})
func EnrollmentDefaults(ctx context.Context, c *Client, contactID string, e Enrollment) (full Enrollment, notes []string, err error) {
	full, notes, problems, err := enrollmentDefaults(ctx, c, contactID, e)
	if err == nil && len(problems) > 0 {
		err = &ValidationError{Problems: problems}
	}
	return full, notes, err
}

func enrollmentDefaults(ctx context.Context, c *Client, contactID string, e Enrollment) (full Enrollment, notes []string, problems []Problem, err error) {
	if e.SenderAccountID == "" || e.SenderName == "" || e.SenderEmail == "" {
		list, err := senders(ctx, c)
		if err != nil {
			return e, nil, nil, err
		}
		list = slices.DeleteFunc(list, func(s sender) bool {
			return e.SenderAccountID != "" && s.account != e.SenderAccountID || e.SenderEmail != "" && !strings.EqualFold(s.email, e.SenderEmail)
		})
		switch {
		case len(list) == 1:
			notes = append(notes, list[0].fill(&e))
		case len(list) > 1:
			problems = append(problems, severalSenders(list, e))
		}
	}
	if e.ContactEmail == "" && contactID != "" {
		list, err := addresses(ctx, c, contactID)
		switch {
		case err != nil:
			return e, nil, nil, err
		case len(list) == 1:
			e.ContactEmail = list[0]
			notes = append(notes, "contact_email was filled in with "+list[0]+", the only address of the contact")
		case len(list) > 1:
			problems = append(problems, Problem{
				Path: "contact_email", Expected: fmt.Sprintf("is required, because the contact has %d addresses", len(list)), Hint: "choose one of " + someOf(list),
			})
		}
	}
	return e, notes, problems, nil
}

// sender is a name and address that the user can send from.
type sender struct{ account, name, email string }

func (s sender) String() string {
	return fmt.Sprintf("%s <%s> (sender_account_id %s)", s.name, s.email, s.account)
}

// fill sets what e lacks and says so.
func (s sender) fill(e *Enrollment) string {
	var names []string
	for _, f := range []struct {
		name, value string
		to          *string
	}{{"sender_account_id", s.account, &e.SenderAccountID}, {"sender_name", s.name, &e.SenderName}, {"sender_email", s.email, &e.SenderEmail}} {
		if *f.to == "" && f.value != "" {
			*f.to = f.value
			names = append(names, f.name)
		}
	}
	verb := " was"
	if len(names) > 1 {
		verb = " were"
	}
	return strings.Join(names, ", ") + verb + " filled in with " + s.String() + ", the only sender that fits"
}

func severalSenders(list []sender, e Enrollment) Problem {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = s.String()
	}
	path := "sender_account_id"
	if e.SenderAccountID != "" {
		path = "sender_email"
	}
	return Problem{
		Path: path, Expected: fmt.Sprintf("is required, because there are %d possible senders", len(list)),
		Hint: "choose one of " + someOf(texts) + ", and give sender_account_id, sender_name and sender_email",
	}
}

// someOf joins the first of many texts.
func someOf(list []string) string {
	const most = 8
	if n := len(list); n > most {
		return strings.Join(list[:most], ", ") + " and " + strconv.Itoa(n-most) + " more"
	}
	return strings.Join(list, ", ")
}

// senders lists the senders of the user's own active email accounts.
func senders(ctx context.Context, c *Client) ([]sender, error) {
	var me struct {
		FirstName string `json:"first_name"`
		LastName  string `json:"last_name"`
		Accounts  []struct {
			ID         string `json:"id"`
			Email      string `json:"email"`
			Identities []struct {
				Name  string `json:"name"`
				Email string `json:"email"`
			} `json:"identities"`
			IsActive *bool `json:"is_active"`
			Status   any   `json:"status"`
			Sending  any   `json:"send_status"`
		} `json:"email_accounts"`
	}
	if err := c.get(ctx, &opMe, "/me/", "_fields=first_name,last_name,email_accounts", &me); err != nil {
		return nil, err
	}
	own := strings.TrimSpace(me.FirstName + " " + me.LastName)
	var list []sender
	add := func(s sender) {
		if s.name == "" {
			s.name = own
		}
		if s.account != "" && s.email != "" && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	for _, a := range me.Accounts {
		if a.IsActive != nil && !*a.IsActive || isStopped(a.Status) || isStopped(a.Sending) {
			continue
		}
		for _, i := range a.Identities {
			add(sender{a.ID, i.Name, i.Email})
		}
		if len(a.Identities) == 0 {
			add(sender{a.ID, "", a.Email})
		}
	}
	return list, nil
}

// isStopped reports whether the status of an account says that it does not send.
func isStopped(status any) bool {
	s, _ := status.(string)
	switch strings.ToLower(s) {
	case "inactive", "disabled", "disconnected", "error", "expired", "paused", "revoked":
		return true
	}
	return false
}

var opContact = Operation{Tool: "close_contact_get", Method: "GET", Path: "/contact/{contact_id}/", Effect: Read, Idempotent: true}

// addresses lists the email addresses of a contact.
func addresses(ctx context.Context, c *Client, contactID string) ([]string, error) {
	var contact struct {
		Emails []struct {
			Email string `json:"email"`
		} `json:"emails"`
	}
	if err := c.get(ctx, &opContact, "/contact/"+url.PathEscape(contactID)+"/", "_fields=emails", &contact); err != nil {
		return nil, err
	}
	var list []string
	for _, e := range contact.Emails {
		if e.Email != "" && !slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, e.Email) }) {
			list = append(list, e.Email)
		}
	}
	return list, nil
}

var opSequence = Operation{Tool: "close_sequence_get", Method: "GET", Path: "/sequence/{sequence_id}/", Effect: Read, Idempotent: true}

// sendsNoEmail reports whether a sequence certainly has no email step.
func sendsNoEmail(ctx context.Context, c *Client, sequenceID string) bool {
	var sequence struct {
		Steps []struct {
			Type string `json:"step_type"`
		} `json:"steps"`
	}
	err := c.get(ctx, &opSequence, "/sequence/"+url.PathEscape(sequenceID)+"/", "", &sequence)
	if err != nil || len(sequence.Steps) == 0 {
		return false
	}
	for _, s := range sequence.Steps {
		if s.Type == "" || s.Type == "email" {
			return false
		}
	}
	return true
}

// fillSender completes the input of a tool that enrolls a contact. body is the
// request that it makes, in which every parameter has its own name.
func (t *Tool) fillSender(ctx context.Context, c *Client, body []byte, input json.RawMessage) (json.RawMessage, []string, error) {
	var in struct {
		Contact  string `json:"contact_id"`
		Sequence string `json:"sequence_id"`
		Email    string `json:"contact_email"`
		Account  string `json:"sender_account_id"`
		Name     string `json:"sender_name"`
		Sender   string `json:"sender_email"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, nil, fmt.Errorf("%s: read the request: %w", t.Name, err)
	}
	given := Enrollment{in.Email, in.Account, in.Name, in.Sender}
	full, notes, problems, err := enrollmentDefaults(ctx, c, in.Contact, given)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: find the sender and the address: %w", t.Name, err)
	}
	if len(problems) > 0 {
		if !sendsNoEmail(ctx, c, in.Sequence) {
			return nil, nil, &ValidationError{Tool: t.Name, Problems: problems}
		}
		full, notes = given, nil // only email steps need a sender
	}
	set := map[string]string{}
	for name, values := range map[string][2]string{
		"contact_email": {given.ContactEmail, full.ContactEmail}, "sender_account_id": {given.SenderAccountID, full.SenderAccountID},
		"sender_name": {given.SenderName, full.SenderName}, "sender_email": {given.SenderEmail, full.SenderEmail},
	} {
		if values[0] != values[1] {
			set[name] = values[1]
		}
	}
	if len(set) == 0 {
		return input, nil, nil
	}
	filled, err := withMembers(input, set)
	return filled, notes, err
}

// withMembers sets members of a JSON object.
func withMembers(input json.RawMessage, set map[string]string) (json.RawMessage, error) {
	b := []byte{'{'}
	name := func(s string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(codec.AppendString(b, s), ':')
	}
	d := codec.NewDecoder(input, false)
	for d.Open(nil); d.Next(); {
		key := string(d.Key())
		raw := d.Raw()
		if _, ok := set[key]; !ok {
			name(key)
			b = append(b, raw...)
		}
	}
	if err := d.End(); err != nil {
		return nil, errors.New("the input is not a JSON object")
	}
	for _, key := range []string{"contact_email", "sender_account_id", "sender_name", "sender_email"} {
		if value, ok := set[key]; ok {
			name(key)
			b = codec.AppendString(b, value)
		}
	}
	return append(b, '}'), nil
}
