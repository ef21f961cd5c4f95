package emulator

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

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
