package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/webhooks"
)

// reader catches up with the log of an organization.
type reader struct {
	*org
	journal
	store *webhooks.Memory
	log   webhooks.Log
}

func newReader(t testing.TB, options ...emulator.Option) *reader {
	o := newOrg(t, options...)
	return &reader{org: o, store: webhooks.NewMemory(0), log: webhooks.Log{Tenant: "acme", Kinds: leadKinds, Now: o.Now}}
}

func (r *reader) once() webhooks.Once { return webhooks.Leased(r.store, 0, r.handle) }

func (r *reader) run() (webhooks.Progress, error) {
	return webhooks.CatchUp(context.Background(), r.client, r.store, r.log, r.once())
}

func (r *reader) caught(first int, want string) {
	r.t.Helper()
	p, err := r.run()
	if err != nil {
		r.t.Fatal(err)
	}
	if p.First != first || r.text() != want {
		r.t.Errorf("got %d first: %s\nwant %d: %s", p.First, r.text(), first, want)
	}
}

// ticking makes every request of the emulator's clock one millisecond later.
func ticking() emulator.Option {
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	return func(o *emulator.Options) {
		o.Clock = func() time.Time { // under the lock of the server
			at = at.Add(time.Millisecond)
			return at
		}
	}
}

// TestCatchUp reads what happened since the last run, oldest first, over all kinds.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.lead("before the first run")
	r.Advance(time.Hour)
	r.caught(0, "") // begins now
	a := r.lead("a")
	b := r.lead("b")
	r.rename(a, "A")
	if err := r.client.Delete(t.Context(), "/lead/"+b+"/", nil); err != nil {
		t.Fatal(err)
	}
	r.lead("c")
	all := "created a, created b, updated A, deleted, created c"
	r.caught(5, all)
	r.caught(0, all)
	r.Advance(2 * time.Hour)
	r.caught(0, all) // the checkpoint moves without events
	r.rename(a, "AA")
	r.caught(1, all+", updated AA")
	r.Advance(29 * 24 * time.Hour)
	r.caught(0, all+", updated AA")
	r.Advance(29 * 24 * time.Hour) // more than the log keeps since the last event
	r.caught(0, all+", updated AA")
}

// TestCatchUpPages reads many pages with a small memory: in order, without a gap, and
// without reading the log more than about twice.
func TestCatchUpPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.caught(0, "")
	const n = 430
	var want strings.Builder
	var last string
	for i := range n {
		name := fmt.Sprint("lead ", i)
		if i%3 == 2 {
			r.rename(last, name)
			want.WriteString(", updated " + name)
		} else {
			last = r.lead(name)
			want.WriteString(", created " + name)
		}
	}
	before := len(r.Requests())
	r.log = r.log.WithGather(60)
	r.caught(n, want.String()[2:])
	reads := len(r.Requests()) - before
	if pages := n/50 + 1; reads < pages || reads > 12*pages {
		t.Errorf("%d requests for %d pages", reads, pages)
	}
	t.Logf("%d requests for %d pages of events", reads, n/50+1)
}

// TestCatchUpOneInstant has more events in one instant than the memory should hold.
func TestCatchUpOneInstant(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	r := newReader(t, func(o *emulator.Options) { o.Clock = func() time.Time { return at } })
	r.log = r.log.WithGather(10)
	r.caught(0, "")
	var want []string
	for i := range 120 {
		r.lead(fmt.Sprint(i))
		want = append(want, fmt.Sprint("created ", i))
	}
	r.caught(120, strings.Join(want, ", "))
}

// TestCatchUpMovingPages has events consolidated, and so moved to the front, while the pages
// are read.
func TestCatchUpMovingPages(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking(), func(o *emulator.Options) { o.ConsolidateEvents = time.Hour })
	r.caught(0, "")
	ids := make([]string, 120)
	for i := range ids {
		ids[i] = r.lead(fmt.Sprint(i))
		r.rename(ids[i], fmt.Sprint("first ", i))
	}
	pages := 0
	c := r.client.With(nil, closekit.WithMiddleware(func(next closekit.RoundTrip) closekit.RoundTrip {
		return func(a *closekit.Attempt) (*http.Response, error) {
			if strings.Contains(a.Request.URL.RawQuery, "action=updated") {
				// The event that the cursor names moves, and with it what follows.
				if pages++; pages <= 2 {
					r.rename(ids[len(ids)-50*pages], "moved")
				}
			}
			return next(a)
		}
	}))
	if _, err := webhooks.CatchUp(t.Context(), c, r.store, r.log, r.once()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.run(); err != nil {
		t.Fatal(err)
	}
	for i := range ids {
		if !strings.Contains(r.text()+",", fmt.Sprintf("updated first %d,", i)) && i != len(ids)-50 && i != len(ids)-100 {
			t.Errorf("the update of %d was left out", i)
		}
	}
	want(t, "moved", strings.Count(r.text(), "updated moved"), 2)
}

// TestCatchUpStops leaves no gap behind an event that was not handled.
func TestCatchUpStops(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.caught(0, "")
	for i := range 5 {
		r.lead(fmt.Sprint(i))
	}
	bad := errors.New("down")
	n := 0
	once := func(ctx context.Context, d *webhooks.Delivery) (bool, error) {
		if n++; n == 3 {
			return false, bad
		}
		return r.once()(ctx, d)
	}
	p, err := webhooks.CatchUp(t.Context(), r.client, r.store, r.log, once)
	if !errors.Is(err, bad) || p.First != 2 || !strings.Contains(err.Error(), "event ev_") {
		t.Errorf("got %+v, %v", p, err)
	}
	r.Advance(time.Hour)
	r.caught(3, "created 0, created 1, created 2, created 3, created 4")
}

// TestCatchUpTooOld says which events are gone, and goes on from the oldest.
func TestCatchUpTooOld(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.caught(0, "")
	r.lead("gone")
	r.Advance(31 * 24 * time.Hour)
	r.lead("there")
	_, err := r.run()
	var old *webhooks.TooOldError
	if !errors.As(err, &old) || !old.Since.Before(old.Oldest) || old.Oldest.After(r.Now().Add(-29*24*time.Hour)) {
		t.Fatalf("got %v", err)
	}
	if err := r.store.SaveCheckpoint(t.Context(), "acme", old.Oldest); err != nil {
		t.Fatal(err)
	}
	r.caught(1, "created there")
}

// TestCatchUpClockSetBack reads on when the clock of this machine is behind.
func TestCatchUpClockSetBack(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.caught(0, "")
	r.lead("a")
	r.caught(1, "created a")
	at, err := r.store.Checkpoint(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	r.log.Now = func() time.Time { return r.Now().Add(-20 * 24 * time.Hour) }
	r.lead("b")
	r.caught(1, "created a, created b")
	if now, err := r.store.Checkpoint(t.Context(), "acme"); err != nil || now.Before(at) {
		t.Errorf("the checkpoint moved back from %v to %v, %v", at, now, err)
	}
	r.log.Now = r.Now
	r.lead("c")
	r.caught(1, "created a, created b, created c")
}

// TestCatchUpAndDeliveries handles an event once that comes both ways, and reads what was
// not delivered.
func TestCatchUpAndDeliveries(t *testing.T) {
	t.Parallel()
	h := newHost(t, newOrg(t, ticking()))
	h.ensure(webhooks.Created)
	h.lead("delivered")
	h.handled("created delivered")
	h.srv.Close() // nothing is delivered any more
	h.lead("not delivered")
	h.wait()
	p, err := webhooks.CatchUp(t.Context(), h.client, h.store, webhooks.Log{Tenant: "acme", Kinds: leadKinds, Now: h.Now}, h.once)
	if err != nil || p.First != 1 || p.Read != 2 {
		t.Errorf("got %+v, %v", p, err)
	}
	want(t, "handled", h.text(), "created delivered, created not delivered")
}

// TestCatchUpWaits waits for an event that is being handled, and for its own turn.
func TestCatchUpWaits(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.caught(0, "")
	r.lead("a")
	busy := 2
	once := func(ctx context.Context, d *webhooks.Delivery) (bool, error) {
		if busy--; busy >= 0 {
			return false, webhooks.ErrBusy
		}
		return r.once()(ctx, d)
	}
	if p, err := webhooks.CatchUp(t.Context(), r.client, r.store, r.log, once); err != nil || p.First != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	r.lead("b")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := webhooks.CatchUp(ctx, r.client, r.store, r.log, func(context.Context, *webhooks.Delivery) (bool, error) {
		cancel()
		return false, webhooks.ErrBusy
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.caught(1, "created a, created b")
}

// TestCatchUpRequests sends the documented filters, and the bounds without a cursor only.
func TestCatchUpRequests(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.log.Kinds = leadKinds[:1]
	r.caught(0, "")
	for i := range 60 {
		r.lead(fmt.Sprint(i))
	}
	seen := len(r.Requests())
	if _, err := r.run(); err != nil {
		t.Fatal(err)
	}
	for i, req := range r.Requests()[seen:] {
		q := req.Query
		if q.Get("object_type") != "lead" || q.Get("action") != "created" || q.Get("_limit") != "50" || q.Has("date_updated__gte") != (i == 0) || q.Has("_cursor") != (i > 0) {
			t.Errorf("request %d: %s", i, q)
		}
	}
	for _, l := range []webhooks.Log{{Kinds: leadKinds}, {Tenant: "acme"}} {
		if _, err := webhooks.CatchUp(t.Context(), r.client, r.store, l, r.once()); err == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
}

// TestCatchUpLate reads events that appear in the log behind the checkpoint, and moves the
// checkpoint to no date of the future.
func TestCatchUpLate(t *testing.T) {
	t.Parallel()
	r := newReader(t, ticking())
	r.lead("late")
	r.Advance(4 * time.Minute)
	r.caught(1, "created late") // the first run begins with its overlap too
	start := r.Now().Add(-10 * time.Minute)
	r.store, r.log.Now = webhooks.NewMemory(0), func() time.Time { return start }
	r.caught(1, "created late, created late")
	if at, err := r.store.Checkpoint(t.Context(), "acme"); err != nil || at.After(start) {
		t.Errorf("the checkpoint is %v after the clock, %v", at.Sub(start), err)
	}
}
