// Package storetest checks implementations of [webhooks.Store].
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/webhooks"
)

// Run checks a store. The function returns a store that is empty; Run calls it once for
// each of its tests. It takes a second or two.
func Run(t *testing.T, open func(t *testing.T) webhooks.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, webhooks.Store){
		"claims": testClaims, "lease": testLease, "race": testRace, "prune": testPrune, "leased": testLeased,
		"subscriptions": testSubscriptions, "checkpoints": testCheckpoints,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func claim(t *testing.T, s webhooks.Store, m webhooks.Mark, token string, lease time.Duration, want webhooks.Claim) {
	t.Helper()
	got, err := s.Claim(t.Context(), m, token, lease)
	if err != nil || got != want {
		t.Fatalf("claim %q as %q: got %d, %v; want %d", m, token, got, err, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testClaims(t *testing.T, s webhooks.Store) {
	ctx := t.Context()
	m := webhooks.Mark{Tenant: "acme", Event: "ev_1 2026-01-01T00:00:00.000000Z"}
	claim(t, s, m, "a", time.Hour, webhooks.Claimed)
	claim(t, s, m, "b", time.Hour, webhooks.Busy)
	check(t, s.Release(ctx, m, "b")) // not b's
	claim(t, s, m, "b", time.Hour, webhooks.Busy)
	check(t, s.Release(ctx, m, "a"))
	claim(t, s, m, "b", time.Hour, webhooks.Claimed)
	check(t, s.Finish(ctx, m, "b"))
	claim(t, s, m, "c", time.Hour, webhooks.Handled)
	check(t, s.Release(ctx, m, "b")) // finished
	claim(t, s, m, "c", time.Hour, webhooks.Handled)
	for _, other := range []webhooks.Mark{
		{Tenant: "beta", Event: m.Event},                            // another tenant
		{Tenant: "acme", Event: "ev_1 2026-01-01T00:00:00.000001Z"}, // a later date
		{Tenant: "", Event: m.Event},
		{Tenant: "ACME", Event: m.Event},
		{Tenant: "ac\x00me", Event: "\xff"},
	} {
		claim(t, s, other, "", time.Hour, webhooks.Claimed)
		claim(t, s, other, "x", time.Hour, webhooks.Busy)
	}
	late := webhooks.Mark{Tenant: "acme", Event: "never claimed"}
	check(t, s.Finish(ctx, late, "z"))
	claim(t, s, late, "c", time.Hour, webhooks.Handled)
}

// testLease wants a claim that ran out to be taken over, and what its first owner does
// later to be in order.
func testLease(t *testing.T, s webhooks.Store) {
	m := webhooks.Mark{Tenant: "acme", Event: "ev"}
	claim(t, s, m, "dead", 0, webhooks.Claimed)
	claim(t, s, m, "next", time.Hour, webhooks.Claimed)
	check(t, s.Release(t.Context(), m, "dead"))
	claim(t, s, m, "third", time.Hour, webhooks.Busy)
	check(t, s.Finish(t.Context(), m, "dead")) // it did run
	claim(t, s, m, "third", time.Hour, webhooks.Handled)
}

// testRace has many claim the same events at once.
func testRace(t *testing.T, s webhooks.Store) {
	const events, claims = 20, 8
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := map[string]int{}
	for i := range events * claims {
		wg.Go(func() {
			m := webhooks.Mark{Tenant: "acme", Event: fmt.Sprint("ev_", i%events)}
			got, err := s.Claim(context.Background(), m, fmt.Sprint(i), time.Hour)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case got == webhooks.Claimed:
				won[m.Event]++
			case got != webhooks.Busy:
				t.Errorf("got %d", got)
			}
		})
	}
	wg.Wait()
	for event, n := range won {
		if n != 1 {
			t.Errorf("%s was claimed %d times", event, n)
		}
	}
	if len(won) != events {
		t.Errorf("%d of %d events were claimed", len(won), events)
	}
}

func testPrune(t *testing.T, s webhooks.Store) {
	for i := range 20 {
		m := webhooks.Mark{Tenant: "acme", Event: fmt.Sprint(i)}
		claim(t, s, m, "a", time.Minute, webhooks.Claimed)
		check(t, s.Finish(t.Context(), m, "a"))
	}
	for _, want := range []struct {
		before time.Time
		n      int
	}{{time.Now().Add(-time.Hour), 0}, {time.Now().Add(time.Hour), 20}, {time.Now().Add(time.Hour), 0}} {
		if n, err := s.Prune(t.Context(), want.before); err != nil || n != want.n {
			t.Errorf("prune before %v: got %d, %v; want %d", want.before, n, err, want.n)
		}
	}
	claim(t, s, webhooks.Mark{Tenant: "acme", Event: "3"}, "b", time.Minute, webhooks.Claimed)
}

// testLeased wants two deliveries of an event at once to run the function once.
func testLeased(t *testing.T, s webhooks.Store) {
	d, err := webhooks.Parse("acme", "", []byte(`{"id":"ev_1","object_type":"lead","action":"created","date_updated":"2026-01-01T00:00:00"}`))
	check(t, err)
	began, end := make(chan struct{}), make(chan error)
	once := webhooks.Leased(s, time.Minute, func(context.Context, *webhooks.Delivery) error {
		began <- struct{}{}
		return <-end
	})
	type result struct {
		first bool
		err   error
	}
	results := make(chan result)
	start := func() {
		first, err := once(context.Background(), d)
		results <- result{first, err}
	}
	bad := errors.New("no")
	go start()
	<-began
	if first, err := once(t.Context(), d); first || !errors.Is(err, webhooks.ErrBusy) {
		t.Errorf("during the function: got %v, %v", first, err)
	}
	end <- bad
	if r := <-results; r.first || !errors.Is(r.err, bad) {
		t.Errorf("after a failure: got %v", r)
	}
	go start()
	<-began
	end <- nil
	if r := <-results; !r.first || r.err != nil {
		t.Errorf("after a success: got %v", r)
	}
	if first, err := once(t.Context(), d); first || err != nil {
		t.Errorf("a repetition: got %v, %v", first, err)
	}
}

func testSubscriptions(t *testing.T, s webhooks.Store) {
	ctx := t.Context()
	if _, err := s.Subscription(ctx, "whsub_1"); !errors.Is(err, webhooks.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	a := webhooks.Row{ID: "whsub_1", Tenant: "acme", Organization: "orga_1", URL: "https://x.example/", Sealed: []byte{0, 255, 1}, KeyID: 1<<32 - 1}
	b := webhooks.Row{ID: "whsub_2", Tenant: "beta", Sealed: []byte("b")}
	c := webhooks.Row{ID: "whsub_0", Tenant: "acme", Sealed: []byte("c")}
	for _, r := range []webhooks.Row{a, b, c} {
		check(t, s.SaveSubscription(ctx, r))
	}
	a.Sealed, a.KeyID = []byte("new"), 7
	check(t, s.SaveSubscription(ctx, a))
	got, err := s.Subscription(ctx, "whsub_1")
	if err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("got %+v, %v", got, err)
	}
	for tenant, want := range map[string][]webhooks.Row{"acme": {c, a}, "": {c, a, b}, "beta": {b}, "none": nil} {
		list, err := s.Subscriptions(ctx, tenant)
		if err != nil || len(list) != len(want) || len(want) > 0 && !reflect.DeepEqual(list, want) {
			t.Errorf("%q: got %+v, %v", tenant, list, err)
		}
	}
	check(t, s.DeleteSubscription(ctx, "whsub_1"))
	check(t, s.DeleteSubscription(ctx, "whsub_1"))
	if _, err := s.Subscription(ctx, "whsub_1"); !errors.Is(err, webhooks.ErrNotFound) {
		t.Errorf("a deleted one: %v", err)
	}
	if got, err := s.Subscription(ctx, "whsub_0"); err != nil || !bytes.Equal(got.Sealed, []byte("c")) {
		t.Errorf("another one: %v, %v", got, err)
	}
}

func testCheckpoints(t *testing.T, s webhooks.Store) {
	ctx := t.Context()
	if at, err := s.Checkpoint(ctx, "acme"); err != nil || !at.IsZero() {
		t.Errorf("got %v, %v", at, err)
	}
	want := time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)
	check(t, s.SaveCheckpoint(ctx, "acme", want.In(time.FixedZone("", 3600))))
	check(t, s.SaveCheckpoint(ctx, "acme", want.Add(-time.Hour))) // never back
	check(t, s.SaveCheckpoint(ctx, "acme\x00ui", want.Add(time.Hour)))
	if at, err := s.Checkpoint(ctx, "acme"); err != nil || !at.Equal(want) || at.Location() != time.UTC {
		t.Errorf("got %v, %v", at, err)
	}
	check(t, s.SaveCheckpoint(ctx, "acme", want.Add(time.Second)))
	if at, err := s.Checkpoint(ctx, "acme"); err != nil || !at.Equal(want.Add(time.Second)) {
		t.Errorf("got %v, %v", at, err)
	}
}
