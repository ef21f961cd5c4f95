package closekit //nolint:testpackage // it sets the clock

import (
	"net/url"
	"testing"
	"time"
	_ "time/tzdata" // the zone of the test
)

// TestOffsetFollowsTheClock sends the offset of the location at the time of the call.
func TestOffsetFollowsTheClock(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(APIKey("key"), Location(loc))
	for now, want := range map[string]string{"2026-07-01T12:00:00Z": "-7", "2026-12-01T12:00:00Z": "-8", "2026-11-01T08:59:59Z": "-7", "2026-11-01T09:00:00Z": "-8"} {
		c.core.now = func() time.Time {
			at, err := time.Parse(time.RFC3339, now)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		req, err := c.core.request(t.Context(), &Request{Method: "GET", Path: "/me/"}, &url.URL{}, nil)
		if err != nil || req.Header.Get("X-Tz-Offset") != want {
			t.Errorf("%s: %q, want %s (%v)", now, req.Header.Get("X-Tz-Offset"), want, err)
		}
	}
	if c.Location() != loc || c.With(nil, Location(nil)).Location() != nil || (*Client)(nil).Location() != nil || new(Client).Location() != nil {
		t.Error("Location")
	}
	req, err := NewClient(APIKey("key")).core.request(t.Context(), &Request{Method: "GET", Path: "/me/"}, &url.URL{}, nil)
	if err != nil || req.Header["X-Tz-Offset"] != nil {
		t.Error(req.Header, err)
	}
}
