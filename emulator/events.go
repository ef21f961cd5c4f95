package emulator

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is one entry of the event log. Its body is replaced, never changed in
// place, when updates are consolidated.
type event struct {
	org     string
	body    object
	created time.Time
	updated time.Time
}

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
	var client, scope any
	if c.grant != nil {
		client, scope = c.grant.client, c.grant.scope
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
		"api_key_id": orNull(c.keyID), "oauth_client_id": client, "oauth_scope": scope,
		"date_created": at, "date_updated": at,
	}}
	if len(c.st.events) >= maxEvents {
		c.st.events = slices.Clone(c.st.events[maxEvents/10:])
	}
	c.st.events = append(c.st.events, e)
	c.s.hooks.offer(e)
}

// consolidate merges an update into the event of a recent one, and reports
// whether it did.
func (c *call) consolidate(objectType string, rec *record, changed []any, previous, now object) bool {
	window := c.s.opts.ConsolidateEvents
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

func eventResources() []*resource {
	return []*resource{{
		name: "events", model: "Event",
		actions: map[string]func(*call) (any, error){"list": listEvents, "get": getEvent},
	}}
}

// eventFilters are the filters of the event log.
var eventFilters = []string{"object_type", "object_id", "action", "lead_id", "user_id", "request_id"}

// eventCombinations are the sets of filters that the event log accepts.
var eventCombinations = map[string]bool{
	"": true, "object_type,object_id": true, "object_type,action": true, "object_id,action": true,
	"lead_id": true, "lead_id,user_id": true, "object_type,lead_id": true, "object_type,lead_id,user_id": true,
	"object_type,action,lead_id": true, "object_type,action,lead_id,user_id": true,
	"user_id": true, "object_id,user_id": true, "object_id,action,user_id": true, "object_type,user_id": true,
	"object_type,action,user_id": true, "request_id": true,
}

func listEvents(c *call) (any, error) {
	var used []string
	for _, name := range eventFilters {
		if c.query.Get(name) != "" {
			used = append(used, name)
		}
	}
	if !eventCombinations[strings.Join(used, ",")] {
		return nil, wrongList("This combination of filters is not supported.")
	}
	r := &resource{filters: map[string]kind{"date_updated": instant}}
	conds, err := c.conditions(r)
	if err != nil {
		return nil, err
	}
	pg, err := c.page(maxEventLimit)
	if err != nil {
		return nil, err
	}
	rows := c.eventRows(used, conds)
	from, err := seek(rows, c.query.Get("_cursor"), pg.limit)
	if err != nil {
		return nil, err
	}
	to := min(from+pg.limit, len(rows))
	data := []object{}
	for _, e := range rows[from:to] {
		data = append(data, c.eventObject(e))
	}
	out := object{"data": data, "cursor_next": nil, "cursor_previous": nil}
	if to < len(rows) && to > from {
		out["cursor_next"] = writeCursor("after", rows[to-1])
	}
	if from > 0 && from < len(rows) {
		out["cursor_previous"] = writeCursor("before", rows[from])
	}
	return out, nil
}

// eventRows returns the matching events, newest first.
func (c *call) eventRows(used []string, conds []condition) []*event {
	var rows []*event
	for _, e := range slices.Backward(c.st.events) {
		if e.org != c.org || c.now.Sub(e.updated) > keepEvents {
			continue
		}
		ok := true
		for _, name := range used {
			ok = ok && equalText(e.body[name], c.query.Get(name))
		}
		for _, cond := range conds {
			ok = ok && cond.holds(e.body[cond.name], c.zone)
		}
		if ok {
			rows = append(rows, e)
		}
	}
	slices.SortStableFunc(rows, func(a, b *event) int { return b.updated.Compare(a.updated) })
	return rows
}

// eventObject returns an event as the caller may see it: only administrators see
// the data of events older than an hour.
func (c *call) eventObject(e *event) object {
	if c.now.Sub(e.updated) <= time.Hour || c.may("manage_organization") {
		return e.body
	}
	o := shallow(e.body)
	delete(o, "data")
	delete(o, "previous_data")
	return o
}

func getEvent(c *call) (any, error) {
	for _, e := range c.st.events {
		if e.org == c.org && e.body["id"] == c.id && c.now.Sub(e.updated) <= keepEvents {
			return c.eventObject(e), nil
		}
	}
	return nil, missing("Event")
}

// writeCursor returns a cursor. It names an event and the side of it where the
// page is, so that new events do not move the pages.
func writeCursor(side string, e *event) string {
	return base64.RawURLEncoding.EncodeToString([]byte(side + " " + str(e.body["id"])))
}

// seek returns the index of the first row of the page that a cursor names.
func seek(rows []*event, cursor string, limit int) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	side, id, ok := strings.Cut(string(raw), " ")
	i := slices.IndexFunc(rows, func(e *event) bool { return e.body["id"] == id })
	switch {
	case err != nil || !ok || i < 0:
		return 0, fieldError("_cursor", "Invalid cursor.")
	case side == "after":
		return i + 1, nil
	}
	return max(0, i-limit), nil
}
