package webhooks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closekit/closekit"
)

// Event is a change in Close, as deliveries and the event log report it. Its records are
// raw, so that every set of generated types can decode them: give Raw to a function that
// parses events, or Data to one that parses the record.
type Event struct {
	ID             string
	ObjectType     string // lead, activity.note, …
	ObjectID       string
	Action         string // created, updated, deleted, …
	LeadID         string // empty if the object belongs to no lead
	OrganizationID string
	UserID         string // who caused it; empty if it was not a user
	RequestID      string // of the API request that caused it, if one did
	ChangedFields  []string
	// Data is the record after the event. It is nil if the record was deleted, and in
	// events of the log that are older than an hour unless the caller is an administrator.
	Data json.RawMessage
	// PreviousData has the values before an update, or the whole record before a
	// deletion; otherwise it is nil.
	PreviousData json.RawMessage
	DateCreated  closekit.DateTime
	DateUpdated  closekit.DateTime // later than DateCreated if several updates became one event
	// Raw is the whole event. It must not be modified.
	Raw json.RawMessage
}

// wireEvent is an event in JSON. The members that can be null are pointers.
type wireEvent struct {
	ID             string            `json:"id"`
	ObjectType     string            `json:"object_type"`
	ObjectID       *string           `json:"object_id"`
	Action         string            `json:"action"`
	LeadID         *string           `json:"lead_id"`
	OrganizationID *string           `json:"organization_id"`
	UserID         *string           `json:"user_id"`
	RequestID      *string           `json:"request_id"`
	ChangedFields  []string          `json:"changed_fields"`
	Data           json.RawMessage   `json:"data"`
	PreviousData   json.RawMessage   `json:"previous_data"`
	DateCreated    closekit.DateTime `json:"date_created"`
	DateUpdated    closekit.DateTime `json:"date_updated"`
}

// ParseEvent reads an event. One without an id, an object type, an action or a date
// cannot be told from another and is an error.
func ParseEvent(raw json.RawMessage) (*Event, error) {
	var w wireEvent
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, fmt.Errorf("webhooks: the event cannot be read: %w", err)
	}
	switch {
	case w.ID == "" || len(w.ID) > maxID:
		return nil, errors.New("webhooks: the event has no valid id")
	case w.ObjectType == "" || w.Action == "":
		return nil, errors.New("webhooks: the event has no object_type or no action")
	}
	if _, err := w.DateUpdated.Time(); err != nil {
		return nil, errors.New("webhooks: the event has no valid date_updated")
	}
	return &Event{
		ID: w.ID, ObjectType: w.ObjectType, ObjectID: text(w.ObjectID), Action: w.Action, LeadID: text(w.LeadID), OrganizationID: text(w.OrganizationID),
		UserID: text(w.UserID), RequestID: text(w.RequestID), ChangedFields: w.ChangedFields, Data: record(w.Data), PreviousData: record(w.PreviousData),
		DateCreated: w.DateCreated, DateUpdated: w.DateUpdated, Raw: raw,
	}, nil
}

// maxID is the longest id that is kept; those of Close have about thirty characters.
const maxID = 128

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// record returns nil for what stands for no record: null, and the empty object.
func record(raw json.RawMessage) json.RawMessage {
	if s := bytes.TrimSpace(raw); len(s) == 0 || string(s) == "null" || s[0] == '{' && string(bytes.TrimSpace(s[1:])) == "}" {
		return nil
	}
	return raw
}

// Changed reports whether an update changed a field, such as status_id.
func (e *Event) Changed(field string) bool { return slices.Contains(e.ChangedFields, field) }

// updated returns the instant of the event. [ParseEvent] has checked that there is one.
func (e *Event) updated() time.Time {
	t, err := e.DateUpdated.Time()
	if err != nil {
		return time.Time{} // an event that was not parsed
	}
	return t.UTC()
}

// Newer reports whether the event is newer than one of the same object with the given
// date_updated, which may be empty if none was handled yet. Deliveries come in any order:
// keep the date with what you store for the object, and ignore an event that is not newer.
func (e *Event) Newer(than closekit.DateTime) bool {
	t, err := than.Time()
	return err != nil || e.updated().After(t)
}

// Order returns a text of a fixed length that sorts as the events of an object happened,
// so that a database can compare: update … where ordering < ?.
func (e *Event) Order() string { return e.updated().Format("2006-01-02T15:04:05.000000Z") }

// compare sorts events by the time at which they happened. At the same instant a creation
// comes first and a deletion last.
func compare(a, b *Event) int {
	return cmp.Or(a.updated().Compare(b.updated()), rank(a.Action)-rank(b.Action))
}

func rank(action string) int {
	switch action {
	case "created":
		return 0
	case "deleted":
		return 2
	}
	return 1
}

// Kind is a kind of event: what happens to which objects. [ParseKind] checks that Close has
// it.
type Kind struct {
	ObjectType string // lead, activity.note, …
	Action     string // created, updated, deleted, …
	// ExtraFilter narrows a subscription to events that meet a condition, in the form
	// that Close documents. The event log has no such filter: [CatchUp] reads all events
	// of the kind. Nil means no condition.
	ExtraFilter json.RawMessage
}

// String returns the form that [ParseKind] reads, without the filter.
func (k Kind) String() string { return k.ObjectType + "." + k.Action }

// Delivery is a verified event of a tenant, by a delivery of Close or from its event log.
type Delivery struct {
	Tenant       string
	Subscription string // id of the subscription; empty for an event of the log
	Event        *Event
}

// Mark is what an event is recognized by when it comes again. The tenant is part of it,
// so that no tenant can keep the events of another one from being handled.
func (d *Delivery) Mark() Mark {
	return Mark{Tenant: d.Tenant, Event: d.Event.ID + " " + d.Event.Order()}
}
