package emulator

import (
	"maps"
	"slices"
	"time"
)

// Bounds of the event log: the age at which events are deleted, and the largest
// number of events.
const (
	keepEvents = 30 * 24 * time.Hour
	maxEvents  = 100_000
)

// log records an event and hands it to the webhooks. old and now are the object
// before and after, in its event form; either may be nil.
func (c *call) log(r *resource, rec *record, action string, old, now object) {
	if r.event == "" {
		return
	}
	objectType := r.event
	if objectType == "task" {
		objectType = "task." + str(rec.data["_type"])
	}
	c.logAs(objectType, rec, action, old, now, nil)
}

// logAs is like log, with a given object type and additional members of meta.
func (c *call) logAs(objectType string, rec *record, action string, old, now, meta object) {
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
	if c.method != "" {
		info["request_method"], info["request_path"] = c.method, c.path
	}
	maps.Copy(info, meta)
	at := naive(c.now)
	e := &event{org: c.org, created: c.now, updated: c.now, body: object{
		"id": c.st.ids.short("ev"), "object_type": objectType, "object_id": rec.id, "lead_id": orNull(rec.lead),
		"action": action, "changed_fields": changed, "data": data, "previous_data": previous, "meta": info,
		"organization_id": c.org, "user_id": orNull(c.user), "request_id": orNull(c.requestID),
		"api_key_id": orNull(c.keyID), "oauth_client_id": orNull(c.client), "oauth_scope": orNull(c.scope),
		"date_created": at, "date_updated": at,
	}}
	if len(c.st.events) >= maxEvents {
		c.st.events = slices.Clone(c.st.events[maxEvents/10:])
	}
	c.st.events = append(c.st.events, e)
	c.e.hooks.offer(e)
}

// consolidate merges an update into the event of a recent one, and reports
// whether it did.
func (c *call) consolidate(objectType string, rec *record, changed []any, previous, now object) bool {
	window := c.e.opts.consolidateEvents
	if window <= 0 {
		return false
	}
	for _, e := range slices.Backward(c.st.events) {
		if c.now.Sub(e.created) >= window {
			return false
		}
		if e.org != c.org || e.body["object_id"] != rec.id || e.body["object_type"] != objectType {
			continue
		}
		if e.body["action"] != "updated" || e.body["user_id"] != orNull(c.user) {
			return false
		}
		body := shallow(e.body)
		was := shallow(body["previous_data"].(object))
		for k, v := range previous {
			if _, ok := was[k]; !ok {
				was[k] = v
			}
		}
		names := slices.Clone(list(body["changed_fields"]))
		for _, k := range changed {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
		body["previous_data"], body["changed_fields"], body["data"] = was, names, now
		body["date_updated"] = naive(c.now)
		e.body, e.updated = body, c.now
		return true
	}
	return false
}
