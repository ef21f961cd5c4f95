package emulator

import (
	"cmp"
	"errors"

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/phone"
)

// Dialer is a run through a list of leads by telephone, which users start in the app.
type Dialer struct {
	// Organization is the id of the organization; empty means the first one.
	Organization string
	// User is the id of the user who started it; empty means the first one.
	User string
	// Source is the id of the Smart View or list, and SourceType says which of the
	// two it is: "saved-search", also if empty, or "shared-entry".
	Source, SourceType string
	// Type is "power", also if empty, or "predictive".
	Type string
	// Status is what it is doing; empty means "done".
	Status string
}

// AddDialer adds a dialer, which the API can only read, and returns its id.
func (s *Server) AddDialer(d Dialer) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, user := cmp.Or(d.Organization, s.st.Organizations[0].ID), cmp.Or(d.User, s.st.Users[0].ID)
	if !s.st.Member(org, user) {
		return "", errors.New("the user is not a member of the organization")
	}
	rec := s.system(org).Insert(s.engine.Resources["dialers"], object{
		"caller_id": "+16505550100", "is_user_dependent": false, "music_preference": "none", "ring_mode": "softphone",
		"source_type": cmp.Or(d.SourceType, "saved-search"), "source_value": d.Source, "status": cmp.Or(d.Status, "done"), "type": cmp.Or(d.Type, "power"),
		"user_id": user, "users": []any{object{"user_id": user, "state": "idle", "is_active": false}},
	})
	return rec.ID, nil
}

// AddPhoneNumber adds a number that the organization did not rent by the API, such as
// an external one, and returns its id. kind is "internal", "external" or "virtual".
// The participants are ids of users for whom it rings.
func (s *Server) AddPhoneNumber(organizationID, number, kind string, participants ...string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.system(organizationID)
	n, ok := phone.Parse(number)
	switch {
	case s.st.Organization(organizationID) == nil:
		return "", errors.New("unknown organization " + organizationID)
	case !ok:
		return "", errors.New("not a phone number: " + number)
	case s.st.NumberTaken(n.E164):
		return "", errors.New("the number " + n.E164 + " exists already")
	}
	users := []any{}
	for _, id := range participants {
		if !s.st.Member(organizationID, id) {
			return "", errors.New("the user " + id + " is not a member of the organization")
		}
		users = append(users, id)
	}
	return crm.AddNumber(c, n, object{"type": kind, "label": "", "participants": users}).ID, nil
}

// SetUnpaid makes an organization unable to pay: renting a phone number then fails
// with the status billing-error.
func (s *Server) SetUnpaid(organizationID string, unpaid bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	org := s.st.Organization(organizationID)
	if org == nil {
		return errors.New("unknown organization " + organizationID)
	}
	org.Unpaid = unpaid
	return nil
}
