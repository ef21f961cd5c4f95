package rest

import (
	"maps"
	"slices"
	"time"

	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

// Bounds of the event log: the age at which events are deleted, and the largest
// number of events.
const (
	KeepEvents = 30 * 24 * time.Hour
	maxEvents  = 100_000
)

// Log records an event and hands it to the webhooks. old and now are the object
// before and after, in its event form; either may be nil.
func (c *Call) Log(r *Resource, rec *store.Record, action string, old, now object) {
	if r.Event == "" {
		return
	}
	objectType := r.Event
	if objectType == "task" {
		objectType = "task." + value.String(rec.Data["_type"])
	}
	c.LogAs(objectType, rec, action, old, now, nil)
}

// LogAs is like log, with a given object type and additional members of meta.
func (c *Call) LogAs(objectType string, rec *store.Record, action string, old, now, meta object) {
	changed, previous, data := []any{}, object{}, object{}
	switch action {
	case "updated":
		changed, previous = difference(old, now)
		if c.consolidate(objectType, rec, changed, previous, now) {
			return
		}
		data = now
	case "deleted":
		previous = old
	default:
		if now != nil {
			data = now
		}
	}
	info := object{}
	if c.Method != "" {
		info["request_method"], info["request_path"] = c.Method, c.Path
	}
	maps.Copy(info, meta)
	at := value.Naive(c.Now)
	e := &store.Event{Organization: c.Organization, Created: c.Now, Updated: c.Now}
	c.State.SetBody(e, object{
		"id": c.State.IDs.Short("ev"), "object_type": objectType, "object_id": rec.ID, "lead_id": value.OrNull(rec.Lead),
		"action": action, "changed_fields": changed, "data": data, "previous_data": previous, "meta": info,
		"organization_id": c.Organization, "user_id": value.OrNull(c.User), "request_id": value.OrNull(c.RequestID),
		"api_key_id": value.OrNull(c.KeyID), "oauth_client_id": value.OrNull(c.Client), "oauth_scope": value.OrNull(c.Scope),
		"date_created": at, "date_updated": at,
	})
	if len(c.State.Events) >= maxEvents {
		c.State.Events = slices.Clone(c.State.Events[maxEvents/10:])
	}
	c.State.Events = append(c.State.Events, e)
	c.Engine.Hooks.Offer(e)
}

// consolidate merges an update into the event of a recent one, and reports
// whether it did.
func (c *Call) consolidate(objectType string, rec *store.Record, changed []any, previous, now object) bool {
	window := c.Engine.Options.ConsolidateEvents
	if window <= 0 {
		return false
	}
	for _, e := range slices.Backward(c.State.Events) {
		if c.Now.Sub(e.Created) >= window {
			return false
		}
		if e.Organization != c.Organization || e.ObjectID != rec.ID || e.ObjectType != objectType {
			continue
		}
		if e.Action != "updated" || e.User != c.User {
			return false
		}
		body := e.Body()
		was, _ := body["previous_data"].(object)
		for k, v := range previous {
			if _, ok := was[k]; !ok {
				was[k] = v
			}
		}
		names := value.List(body["changed_fields"])
		for _, k := range changed {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
		body["previous_data"], body["changed_fields"], body["data"] = was, names, now
		body["date_updated"] = value.Naive(c.Now)
		e.Updated = c.Now
		c.State.SetBody(e, body)
		return true
	}
	return false
}
