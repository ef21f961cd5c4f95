package webhooks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/webhooks"
)

func parse(t testing.TB, text string) *webhooks.Event {
	t.Helper()
	e, err := webhooks.ParseEvent([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEvent(t *testing.T) {
	t.Parallel()
	e := parse(t, `{"id": "ev_1", "object_type": "lead", "object_id": "lead_1", "lead_id": null, "action": "updated", "changed_fields": ["name"], "user_id": "user_1",
		"data": {"name": "a"}, "previous_data": { }, "date_updated": "2026-01-01T00:00:00.5", "new": 1}`)
	want(t, "lead", e.LeadID, "")
	want(t, "user", e.UserID, "user_1")
	want(t, "data", string(e.Data), `{"name": "a"}`)
	if e.PreviousData != nil || parse(t, `{"id":"e","object_type":"lead","action":"deleted","data":null,"date_updated":"2026-01-01"}`).Data != nil {
		t.Error("no record is not nil")
	}
	if !e.Changed("name") || e.Changed("status_id") {
		t.Error("Changed")
	}
	for date, newer := range map[closekit.DateTime]bool{
		"": true, "2026-01-01T00:00:00.4": true, "2026-01-01T00:00:00.5": false, "2026-01-01T01:00:00.500000+01:00": false, "2026-01-01T00:00:00.500001": false, "2025-12-31": true,
	} {
		want(t, "newer than "+string(date), e.Newer(date), newer)
	}
	want(t, "order", e.Order(), "2026-01-01T00:00:00.500000Z")
}

// TestFanout tells a slow reader what it missed, and keeps others going.
func TestFanout(t *testing.T) {
	t.Parallel()
	var f webhooks.Fanout
	f.Publish(&webhooks.Delivery{Tenant: "no one reads"})
	slow := f.Subscribe(2, nil)
	fast := f.Subscribe(10, func(d *webhooks.Delivery) bool { return d.Tenant != "skip" })
	for _, name := range []string{"1", "skip", "2", "3", "4"} {
		f.Publish(&webhooks.Delivery{Tenant: name})
	}
	read := func(r *webhooks.Reader) (tenant string, missed int) {
		n := <-r.C()
		return n.Tenant, n.Missed
	}
	for _, name := range []string{"1", "2", "3", "4"} {
		tenant, missed := read(fast)
		want(t, "fast", tenant, name)
		want(t, "missed", missed, 0)
	}
	want(t, "missed by the slow one", slow.Missed(), 3)
	read(slow)
	f.Publish(&webhooks.Delivery{Tenant: "5"})
	f.Publish(&webhooks.Delivery{Tenant: "6"}) // no place
	read(slow)
	tenant, missed := read(slow)
	want(t, "after the gap", tenant, "5")
	want(t, "told", missed, 3)
	fast.Close()
	fast.Close()
	f.Publish(&webhooks.Delivery{Tenant: "7"})
	tenant, missed = read(slow)
	want(t, "after the gap", tenant, "7")
	want(t, "told", missed, 1)
	n := 0
	for range fast.C() { // closed, after what was in the buffer
		n++
	}
	want(t, "left", n, 2)

	// Only what was handled for the first time is published.
	for _, c := range []struct {
		first bool
		err   error
		n     int
	}{{true, nil, 1}, {false, nil, 0}, {false, errors.New("x"), 0}} {
		r := f.Subscribe(1, nil)
		once := f.Once(func(context.Context, *webhooks.Delivery) (bool, error) { return c.first, c.err })
		if first, err := once(t.Context(), &webhooks.Delivery{}); first != c.first || !errors.Is(err, c.err) {
			t.Errorf("got %v, %v", first, err)
		}
		want(t, "published", len(r.C()), c.n)
		r.Close()
	}
}
