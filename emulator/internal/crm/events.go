package crm

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/emulator/internal/rest"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

func eventResources() []*rest.Resource {
	return []*rest.Resource{{
		Name: "events", Model: "Event",
		Actions: map[string]func(*rest.Call) (any, error){"list": listEvents, "get": getEvent},
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

func listEvents(c *rest.Call) (any, error) {
	var used []string
	for _, name := range eventFilters {
		if c.Query.Get(name) != "" {
			used = append(used, name)
		}
	}
	if !eventCombinations[strings.Join(used, ",")] {
		return nil, rest.WrongList("This combination of filters is not supported.")
	}
	r := &rest.Resource{Filters: map[string]rest.Kind{"date_updated": rest.Instant}}
	conds, err := c.Conditions(r)
	if err != nil {
		return nil, err
	}
	pg, err := c.Page(rest.MaxEventLimit)
	if err != nil {
		return nil, err
	}
	rows := eventRows(c, used, conds)
	from, err := seek(rows, c.Query.Get("_cursor"), pg.Limit)
	if err != nil {
		return nil, err
	}
	to := min(from+pg.Limit, len(rows))
	data := []object{}
	for _, e := range rows[from:to] {
		data = append(data, eventObject(c, e))
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
func eventRows(c *rest.Call, used []string, conds []rest.Condition) []*store.Event {
	var rows []*store.Event
	for _, e := range slices.Backward(c.State.Events) {
		if e.Organization != c.Organization || c.Now.Sub(e.Updated) > rest.KeepEvents {
			continue
		}
		ok := true
		for _, name := range used {
			ok = ok && e.Field(name) == c.Query.Get(name)
		}
		for _, cond := range conds {
			ok = ok && cond.Holds(value.Naive(e.Updated), c.Zone)
		}
		if ok {
			rows = append(rows, e)
		}
	}
	slices.SortStableFunc(rows, func(a, b *store.Event) int { return b.Updated.Compare(a.Updated) })
	return rows
}

// eventObject returns an event as the caller may see it: only administrators see
// the data of events older than an hour.
func eventObject(c *rest.Call, e *store.Event) object {
	if c.Now.Sub(e.Updated) <= time.Hour || c.May("manage_organization") {
		return e.Body()
	}
	o := e.Body()
	delete(o, "data")
	delete(o, "previous_data")
	return o
}

func getEvent(c *rest.Call) (any, error) {
	for _, e := range c.State.Events {
		if e.Organization == c.Organization && e.ID == c.ID && c.Now.Sub(e.Updated) <= rest.KeepEvents {
			return eventObject(c, e), nil
		}
	}
	return nil, rest.Missing("Event")
}

// writeCursor returns a cursor. It names an event and the side of it where the
// page is, so that new events do not move the pages.
func writeCursor(side string, e *store.Event) string {
	return base64.RawURLEncoding.EncodeToString([]byte(side + " " + e.ID))
}

// seek returns the index of the first row of the page that a cursor names.
func seek(rows []*store.Event, cursor string, limit int) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	side, id, ok := strings.Cut(string(raw), " ")
	i := slices.IndexFunc(rows, func(e *store.Event) bool { return e.ID == id })
	switch {
	case err != nil || !ok || i < 0:
		return 0, rest.FieldError("_cursor", "Invalid cursor.")
	case side == "after":
		return i + 1, nil
	}
	return max(0, i-limit), nil
}
