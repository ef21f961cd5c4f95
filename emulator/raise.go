package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// RaisedEvent is an event that nothing in the emulator caused, see [Server.RaiseEvent].
type RaisedEvent struct {
	// Organization is the id of the organization; empty means the first one.
	Organization string
	// ObjectType and Action say what happened, such as import and completed. Required.
	ObjectType, Action string
	// ObjectID is the id of the record, and LeadID that of its lead, if it has one.
	ObjectID, LeadID string
	// Before and After are the record. An update needs both and has the difference in its
	// event; a deletion has the whole record before it, and everything else that after it.
	Before, After map[string]any
}

// RaiseEvent logs an event and delivers it to the webhooks that want it, for programs that
// react to what the emulator does not do by itself, such as an import. No record changes.
func (s *Server) RaiseEvent(e RaisedEvent) error {
	if e.ObjectType == "" || e.Action == "" {
		return errors.New("the event needs an object type and an action")
	}
	if e.Action == "updated" && (e.Before == nil || e.After == nil) {
		return errors.New("an update needs the record before and after it")
	}
	before, err := objectOf(e.Before)
	if err != nil {
		return fmt.Errorf("the record before: %w", err)
	}
	after, err := objectOf(e.After)
	if err != nil {
		return fmt.Errorf("the record after: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	org := cmp.Or(e.Organization, s.st.Organizations[0].ID)
	if s.st.Organization(org) == nil {
		return errors.New("unknown organization " + org)
	}
	s.system(org).LogAs(e.ObjectType, &store.Record{ID: e.ObjectID, Lead: e.LeadID, Organization: org}, e.Action, before, after, nil)
	s.hooks.Pump()
	return nil
}

// objectOf returns an object in the form in which it is stored.
func objectOf(o map[string]any) (object, error) {
	if o == nil {
		return object{}, nil
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return value.DecodeObject(b)
}
