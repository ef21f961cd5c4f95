package emulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// ago is a moment before the time of the search.
func ago(n int, unit, end string) object {
	distance := object{"years": 0, "days": 0, "seconds": 0}
	distance[unit] = n
	o := object{"type": "offset", "direction": "past", "moment": object{"type": "now"}, "offset": distance}
	if end != "" {
		o["which_day_end"] = end
	}
	return o
}

// TestMoments searches calls by moments of all kinds, on the clock of the emulator: noon
// of Tuesday, 10 March 2026, in UTC.
func TestMoments(t *testing.T) {
	t.Parallel()
	a := start(t)
	lead := a.want(200, "POST", "/lead/", object{"name": "Acme"})["id"].(string)
	calls := map[string]string{ // by id
		"a year": "2025-03-10T11:59:59", "february": "2026-02-24T00:00:00", "last week": "2026-03-08T23:30:00", "monday": "2026-03-09T00:00:00",
		"yesterday": "2026-03-09T23:59:59", "today": "2026-03-10T09:00:00", "now": "2026-03-10T12:00:00", "tomorrow": "2026-03-11T08:00:00",
	}
	for name, at := range calls {
		a.want(200, "POST", "/activity/call/", object{"lead_id": lead, "note": name, "activity_at": at})
	}
	order := slices.SortedFunc(maps.Keys(calls), func(x, y string) int { return strings.Compare(calls[x], calls[y]) })
	// found returns the calls in a range: a lead is found if it has such a call.
	found := func(a *api, condition object) string {
		t.Helper()
		condition["type"] = "moment_range"
		var out []string
		for _, name := range order {
			q := about("lead", has("lead", "activity.call", node("and", object{"queries": []any{
				on("activity.call", "activity_at", condition), on("activity.call", "note", object{"type": "text", "mode": "exact_value", "value": name}),
			}})))
			res, body := a.send("POST", "/data/search/", object{"query": q})
			if res.StatusCode != http.StatusOK {
				t.Fatalf("%v: %s", condition, body)
			}
			if strings.Contains(string(body), lead) {
				out = append(out, name)
			}
		}
		return strings.Join(out, ", ")
	}
	now := object{"type": "now"}
	local := func(day, which string) object {
		return object{"type": "fixed_local_date", "value": day, "which": which}
	}
	named := func(name, which string) object {
		return object{"type": "start_end_of_predefined_relative_range", "range": name, "which": which}
	}
	later := object{"type": "offset", "direction": "future", "moment": now, "offset": object{"days": 1}, "which_day_end": "end"}
	for _, c := range []struct {
		zone        string
		since, till object
		want        string
	}{
		{"", now, nil, "now, tomorrow"},
		{"", nil, now, "a year, february, last week, monday, yesterday, today"},
		{"", ago(2, "weeks", "start"), now, "february, last week, monday, yesterday, today"},
		{"", ago(2, "weeks", ""), now, "last week, monday, yesterday, today"},
		{"", ago(14, "days", "end"), now, "last week, monday, yesterday, today"},
		{"", ago(3, "hours", "start"), now, "today"}, // hours count to the instant
		{"", ago(180, "minutes", "end"), now, "today"},
		{"", ago(10_799, "seconds", "start"), now, ""},
		{"", ago(1, "years", "start"), ago(1, "months", "start"), "a year"},
		{"", ago(1, "years", ""), ago(1, "months", ""), ""}, // a second too early
		{"", ago(1, "days", "start"), ago(1, "days", "end"), "monday, yesterday"},
		{"", ago(0, "days", "start"), nil, "today, now, tomorrow"},
		{"", now, later, "now, tomorrow"},
		{"", object{"type": "fixed_utc", "value": "2026-03-09T00:00:00+00:00"}, object{"type": "fixed_utc", "value": "2026-03-09T23:59:59"}, "monday"},
		{"", local("2026-03-09", "start"), local("2026-03-09", "end"), "monday, yesterday"},
		{"", named("today", "start"), named("today", "end"), "today, now"},
		{"", named("yesterday", "start"), named("yesterday", "end"), "monday, yesterday"},
		{"", named("this-week", "start"), named("this-week", "end"), "monday, yesterday, today, now, tomorrow"},
		{"", named("last-week", "start"), named("last-week", "end"), "last week"},
		{"", named("last-month", "start"), named("last-month", "end"), "february"},
		{"", named("this-quarter", "start"), now, "february, last week, monday, yesterday, today"},
		{"", named("last-year", "start"), named("last-year", "end"), "a year"},
		// Days begin at midnight of the caller.
		{"-4", local("2026-03-09", "start"), local("2026-03-09", "end"), "yesterday"},
		{"-4", ago(1, "days", "start"), ago(1, "days", "end"), "yesterday"},
		{"-4", ago(3, "hours", "start"), now, "today"},
		{"1", named("this-week", "start"), named("this-week", "end"), "last week, monday, yesterday, today, now, tomorrow"},
		// A moment of a moment.
		{"", object{"type": "offset", "direction": "past", "moment": named("this-week", "start"), "offset": object{"minutes": 30}}, named("this-week", "start"), "last week"},
	} {
		caller := a
		if c.zone != "" {
			caller = a.with("X-Tz-Offset", c.zone)
		}
		condition := object{"on_or_after": nil, "before": nil}
		if c.since != nil {
			condition["on_or_after"] = c.since
		}
		if c.till != nil {
			condition["before"] = c.till
		}
		if got := found(caller, condition); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.zone, condition, got, c.want)
		}
	}
	// The clock moves, and what is relative with it.
	if got := found(a, object{"on_or_after": ago(1, "days", "start"), "before": now}); got != "monday, yesterday, today" {
		t.Errorf("the last day: %s", got)
	}
	a.srv.Advance(24 * time.Hour)
	if got := found(a, object{"on_or_after": ago(1, "days", "start"), "before": now}); got != "today, now, tomorrow" {
		t.Errorf("the last day, a day later: %s", got)
	}
}

// TestMomentsRefused are moments and conditions that mean nothing, or that the emulator
// cannot evaluate: errors, not results.
func TestMomentsRefused(t *testing.T) {
	t.Parallel()
	a, _, _ := market(t)
	since := func(moment any) object { return object{"type": "moment_range", "on_or_after": moment} }
	offset := func(more object) object {
		o := object{"type": "offset", "direction": "past", "moment": object{"type": "now"}, "offset": object{"days": 1}}
		maps.Copy(o, more)
		return o
	}
	for part, condition := range map[string]object{
		"next-year":               since(object{"type": "next-year"}),
		"fortnights":              since(offset(object{"offset": object{"fortnights": 1}})),
		"no whole number":         since(offset(object{"offset": object{"days": 1.5}})),
		"-1 days":                 since(offset(object{"offset": object{"days": -1}})),
		"neither past nor future": since(offset(object{"direction": "sideways"})),
		"neither start nor end":   since(offset(object{"which_day_end": "middle"})),
		"without \\\"moment":      since(offset(object{"moment": nil})),
		"not an object":           since(offset(object{"offset": "1 day"})),
		"not a moment":            since("now"),
		"this-decade":             since(object{"type": "start_end_of_predefined_relative_range", "range": "this-decade", "which": "start"}),
		"\\\"value\\\" in a":      since(object{"type": "now", "value": "2026-01-01"}),
		"soon":                    since(object{"type": "fixed_utc", "value": "soon"}),
		"fixed_local_date":        since(object{"type": "fixed_local_date", "value": "2026-01-01T10:00:00"}),
		"boolean":                 {"type": "boolean", "value": false},
		"current_user":            {"type": "current_user"},
		"text condition":          {"type": "text", "mode": "phrase", "value": "2026"},
		"term condition":          {"type": "term", "values": []any{"2026-01-01"}},
		"reference condition":     {"type": "reference", "reference_type": "user", "object_ids": []any{"user_1"}},
		"number_range condition":  {"type": "number_range", "gte": 1},
	} {
		res, body := a.send("POST", "/data/search/", object{"query": about("lead", on("lead", "date_created", condition))})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), part) {
			t.Errorf("status %d, and %s does not name %s", res.StatusCode, body, part)
		}
	}
	// A kind of condition that does not apply is an error for the other kinds of fields too.
	for name, condition := range map[string]object{
		"name": {"type": "boolean", "value": true}, "status_id": {"type": "current_user"}, "created_by": {"type": "moment_range", "before": object{"type": "now"}},
		"contacts": {"type": "text", "mode": "phrase", "value": "1"}, "description": {"type": "reference", "reference_type": "lead", "object_ids": []any{"lead_1"}},
	} {
		if res, body := a.send("POST", "/data/search/", object{"query": about("lead", on("lead", name, condition))}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// TestRelativeTexts are the same moments in the words of the search box.
func TestRelativeTexts(t *testing.T) {
	t.Parallel()
	a := start(t)
	for name, at := range map[string]string{"old": "2026-02-01", "february": "2026-02-24T12:30:00", "yesterday": "2026-03-09T01:00:00", "today": "2026-03-10T01:00:00"} {
		a.want(200, "POST", "/lead/", object{"name": name, "date_created": at})
	}
	for text, want := range map[string]string{
		`created >= "2 weeks ago"`: "february today yesterday", `created < "2 weeks ago"`: "old", `created:today`: "today", `created:yesterday`: "yesterday",
		`created:"this week"`: "today yesterday", `created:"last month"`: "february old", `created >= "30 minutes ago"`: "", `created:"this year"`: "february old today yesterday",
		`created > "last month"`: "today yesterday", `created < "this month"`: "february old",
	} {
		var names []string
		for _, e := range a.get("/lead/?query=" + url.QueryEscape(text))["data"].([]any) {
			names = append(names, e.(object)["name"].(string))
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestReferencesToGroups finds what belongs to the users of a group.
func TestReferencesToGroups(t *testing.T) {
	t.Parallel()
	a := start(t)
	me := a.get("/me/")["id"].(string)
	lead := a.want(200, "POST", "/lead/", object{"name": "Acme"})["id"].(string)
	a.want(200, "POST", "/opportunity/", object{"lead_id": lead, "user_id": me})
	group := a.want(201, "POST", "/group/", object{"name": "Sales"})["id"].(string)
	refers := func(kind string, ids ...any) string {
		return fmt.Sprint(len(a.find(about("opportunity", on("opportunity", "user_id", object{"type": "reference", "reference_type": kind, "object_ids": ids})), nil)))
	}
	if got := refers("user_or_group", group); got != "0" {
		t.Errorf("a group without users: %s", got)
	}
	a.want(201, "POST", "/group/"+group+"/member/", object{"user_id": me})
	if got := refers("user_or_group", group) + refers("group", group) + refers("user_or_group", me) + refers("user", group); got != "1110" {
		t.Errorf("with a user: %s", got)
	}
}
