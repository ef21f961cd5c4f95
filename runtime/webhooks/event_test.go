package webhooks_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/runtime/webhooks"
)

func parse(t testing.TB, text string) *webhooks.Delivery {
	t.Helper()
	d, err := webhooks.Parse("acme", "whsub_1", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEvent(t *testing.T) {
	t.Parallel()
	d := parse(t, `{"id": "ev_1", "object_type": "lead", "object_id": "lead_1", "lead_id": null, "action": "updated", "changed_fields": ["name"], "user_id": "user_1",
		"data": {"name": "a"}, "previous_data": { }, "date_updated": "2026-01-01T00:00:00.5", "new": 1}`)
	e := d.Event
	want(t, "tenant", d.Tenant, "acme")
	want(t, "subscription", d.Subscription, "whsub_1")
	want(t, "lead", e.LeadID, closekit.Null[closeapi.LeadID]())
	want(t, "user", e.UserID, closekit.Some[closeapi.UserID]("user_1"))
	lead, ok := e.AsLead()
	if !ok || lead.Before != nil || lead.After == nil || lead.After.Name.Or("") != "a" {
		t.Errorf("lead %+v", lead)
	}
	if _, ok := e.AsContact(); ok {
		t.Error("the lead is a contact")
	}
	if raw, ok := e.Raw("new"); !ok || string(raw) != "1" || len(d.Raw) < 200 {
		t.Errorf("what has no field: %s, of %s", raw, d.Raw)
	}
	if gone, ok := parse(t, `{"id":"e","object_type":"lead","action":"deleted","data":null,"previous_data":{"name":"b"},"date_updated":"2026-01-01"}`).Event.AsLead(); !ok || gone.After != nil || gone.Before.Name.Or("") != "b" {
		t.Errorf("deleted: %+v", gone)
	}
	if !e.Changed("name") || e.Changed("status_id") {
		t.Error("Changed")
	}
	for text, reason := range map[string]string{
		`[]`: "cannot be read", `null`: "no valid id", `{"id":"e","action":"x","date_updated":"2026-01-01"}`: "no object_type",
		`{"id":"e","object_type":"lead","action":"x","date_updated":"now"}`: "date_updated",
	} {
		if _, err := webhooks.Parse("", "", []byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for date, newer := range map[closekit.DateTime]bool{
		"": true, "2026-01-01T00:00:00.4": true, "2026-01-01T00:00:00.5": false, "2026-01-01T01:00:00.500000+01:00": false, "2026-01-01T00:00:00.500001": false, "2025-12-31": true,
	} {
		want(t, "newer than "+string(date), d.Newer(date), newer)
	}
	want(t, "order", d.Order(), "2026-01-01T00:00:00.500000Z")
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
