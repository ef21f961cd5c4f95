package wire_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// event has times that are written, also in a list of objects, and filters.
type event struct {
	Start closekit.Opt[closekit.DateTime] `json:"start"`
	Due   closekit.Opt[closekit.DateTime] `json:"due" close:"date"`
	Opens []opened                        `json:"opens"`
	Times []closekit.DateTime             `json:"times"`
	After closekit.Opt[closekit.DateTime] `json:"after" close:"query"`
	Since closekit.Opt[closekit.DateTime] `json:"since" close:"query,date"`
}

type opened struct {
	closekit.Object
	At closekit.DateTime `json:"at" close:"required,send"`
}

var events = wire.Operation{Operation: closekit.Operation{Tool: "close_event_create", Method: "POST", Path: "/event/"}, Params: func() any { return new(event) }}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestTimesGetTheirOffset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, in, want string }{
		{"America/Los_Angeles", "2026-12-01T09:00:00", "2026-12-01T09:00:00-08:00"},
		{"America/Los_Angeles", "2026-07-01T09:00", "2026-07-01T09:00:00-07:00"},
		{"America/Los_Angeles", "2026-07-01T09:00:00.25", "2026-07-01T09:00:00.25-07:00"},
		{"America/Los_Angeles", "2026-07-01T09:00:00Z", "2026-07-01T09:00:00Z"},
		{"America/Los_Angeles", "2026-07-01T09:00:00+0200", "2026-07-01T09:00:00+0200"},
		{"Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00"},
		{"Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "2026-10-25T01:59:59", "2026-10-25T01:59:59+02:00"},
		{"Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T03:00:00+01:00"},
		{"Asia/Kathmandu", "2026-01-01T00:00:00", "2026-01-01T00:00:00+05:45"},
		{"Pacific/Kiritimati", "2026-01-01T00:00:00", "2026-01-01T00:00:00+14:00"},
		{"UTC", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z"},
		// Refused, with both readings.
		{"Europe/Berlin", "2026-03-29T02:30:00", `start: does not exist in Europe/Berlin, where clocks are set forward then, got "2026-03-29T02:30:00" (write 2026-03-29T03:30:00+02:00 or 2026-03-29T01:30:00+01:00)`},
		{"Europe/Berlin", "2026-10-25T02:30:00", `start: exists twice in Europe/Berlin, where clocks are set back then, got "2026-10-25T02:30:00" (write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00)`},
		{"America/Los_Angeles", "2026-11-01T01:00:00", `start: exists twice in America/Los_Angeles, where clocks are set back then, got "2026-11-01T01:00:00" (write 2026-11-01T01:00:00-07:00 or 2026-11-01T01:00:00-08:00)`},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00", `start: exists twice in Australia/Lord_Howe, where clocks are set back then, got "2026-04-05T01:45:00" (write 2026-04-05T01:45:00+11:00 or 2026-04-05T01:45:00+10:30)`},
		{"Pacific/Apia", "2011-12-30T12:00:00", `start: does not exist in Pacific/Apia, where clocks are set forward then, got "2011-12-30T12:00:00" (write 2011-12-31T12:00:00+14:00 or 2011-12-29T12:00:00-10:00)`},
	} {
		req, err := events.Prepare([]byte(`{"start":"`+c.in+`"}`), zone(t, c.zone))
		if err != nil {
			expect(t, err, c.want)
		} else if want := `{"start":"` + c.want + `"}`; string(req.Body) != want {
			t.Errorf("%s in %s: %s, want %s", c.in, c.zone, req.Body, want)
		}
	}
	const all = `{"start":"2026-12-01T09:00:00","due":"2026-12-01T10:00","opens":[{"at":"2026-12-01T11:00:00"}],"times":["2026-12-01T12:00:00"],"after":"2026-12-01T09:00:00","since":"2026-12-01"}`
	req, err := events.Prepare([]byte(all), zone(t, "America/New_York"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"start":"2026-12-01T09:00:00-05:00","due":"2026-12-01T10:00:00-05:00","opens":[{"at":"2026-12-01T11:00:00-05:00"}],"times":["2026-12-01T12:00:00-05:00"]}`; string(req.Body) != want || req.Query != "after=2026-12-01T09:00:00&since=2026-12-01" {
		t.Errorf("%s %s", req.Query, req.Body)
	}
	_, err = events.Prepare([]byte(all), nil)
	got := problems(t, err)
	if len(got) != 4 {
		t.Errorf("%q", got)
	}
	for i, name := range []string{"start", "due", "opens[0].at", "times[0]"} {
		if !strings.HasPrefix(got[i], name+": must have an offset from UTC, got") {
			t.Error(got[i])
		}
	}
	// A bare date has no offset, and what only checks knows no location.
	if _, err := events.Prepare([]byte(`{"due":"2026-12-01"}`), nil); err != nil {
		t.Error(err)
	}
	p, err := events.Parse([]byte(all))
	if err != nil {
		t.Fatal(err)
	}
	// Typed calls read times in the location of the client.
	c := answering(func() string { return "{}" })
	if _, err := wire.Call[child](t.Context(), c, &events, p, nil); len(problems(t, err)) != 4 {
		t.Error(err)
	}
	if _, err := wire.Call[child](t.Context(), c.With(nil, closekit.Location(time.UTC)), &events, p, nil); err != nil {
		t.Error(err)
	}
}
