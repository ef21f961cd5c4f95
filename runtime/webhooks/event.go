package webhooks

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// Delivery is a verified event of a tenant, by a delivery of Close or from its event log.
type Delivery struct {
	Tenant       string
	Subscription string // id of the subscription; empty for an event of the log
	// Event is the event with its types: AsLead and the other methods return the record
	// after and before it, Changed reports what an update changed. Close leaves out the
	// records in events of the log that are older than an hour, unless the caller is an
	// administrator.
	Event *closeapi.Event
	// Raw is the event as Close sent it, for generated types of another module. It must not
	// be modified.
	Raw json.RawMessage
}

// maxID is the longest id that is kept; those of Close have about thirty characters.
const maxID = 128

// Parse returns the delivery of an event, which must have been verified. An event without
// an id, an object type, an action or a date cannot be told from another and is an error.
// The subscription is empty for an event of the log.
func Parse(tenant, subscription string, event json.RawMessage) (*Delivery, error) {
	d := &Delivery{Tenant: tenant, Subscription: subscription, Event: new(closeapi.Event), Raw: event}
	e := d.Event
	if err := e.UnmarshalJSON(event); err != nil {
		return nil, fmt.Errorf("webhooks: the event cannot be read: %w", err)
	}
	switch {
	case e.ID == "" || len(e.ID) > maxID:
		return nil, errors.New("webhooks: the event has no valid id")
	case e.ObjectType == "" || e.Action == "":
		return nil, errors.New("webhooks: the event has no object_type or no action")
	}
	if _, err := e.DateUpdated.Time(); err != nil {
		return nil, errors.New("webhooks: the event has no valid date_updated")
	}
	return d, nil
}

// updated returns the instant of the event. [Parse] has checked that there is one.
func (d *Delivery) updated() time.Time {
	t, err := d.Event.DateUpdated.Time()
	if err != nil {
		return time.Time{} // an event that was not parsed
	}
	return t.UTC()
}

// Newer reports whether the event is newer than one of the same object with the given
// date_updated, which may be empty if none was handled yet. Deliveries come in any order:
// keep the date with what you store for the object, and ignore an event that is not newer.
func (d *Delivery) Newer(than closekit.DateTime) bool {
	t, err := than.Time()
	return err != nil || d.updated().After(t)
}

// Order returns a text of a fixed length that sorts as the events of an object happened,
// so that a database can compare: update … where ordering < ?.
func (d *Delivery) Order() string { return d.updated().Format("2006-01-02T15:04:05.000000Z") }

// Mark is what an event is recognized by when it comes again. The tenant is part of it,
// so that no tenant can keep the events of another one from being handled.
func (d *Delivery) Mark() Mark {
	return Mark{Tenant: d.Tenant, Event: string(d.Event.ID) + " " + d.Order()}
}

// compare sorts events by the time at which they happened. At the same instant a creation
// comes first and a deletion last.
func compare(a, b *Delivery) int {
	return cmp.Or(a.updated().Compare(b.updated()), rank(a.Event.Action)-rank(b.Event.Action))
}

func rank(action closeapi.WebhookAction) int {
	switch action { //nolint:exhaustive // all others are in between
	case closeapi.WebhookActionCreated:
		return 0
	case closeapi.WebhookActionDeleted:
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
