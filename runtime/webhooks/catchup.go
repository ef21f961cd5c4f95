package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closekit/closekit"
)

// Facts about the event log.
const (
	// LogKeeps is how long Close keeps events.
	LogKeeps = 30 * 24 * time.Hour
	// overlap is read again each time: events can appear late and be merged.
	overlap = 5 * time.Minute
	// idle is how far behind its start a run without events moves the checkpoint. It covers
	// clocks that differ.
	idle = time.Hour
	// maxGathered is how many events are held in memory to put them in order.
	maxGathered = 20_000
)

// Log describes what [CatchUp] reads.
type Log struct {
	Tenant string // of the events; names the checkpoint too. Required.
	Kinds  []Kind // Required.
	// Since is where a first run begins, without a checkpoint. The zero time means now:
	// what happened before is not read.
	Since time.Time
	// Name tells apart several readers of a tenant with checkpoints of their own.
	Name string
	// Now is the clock; nil means [time.Now]. It decides only whether the log still has the
	// events, and how far a checkpoint without events moves.
	Now func() time.Time

	gather int // instead of maxGathered, in tests
}

// Progress is what a run of [CatchUp] did.
type Progress struct {
	Read       int // events that the log had
	First      int // events that were handled now and not before
	Checkpoint time.Time
}

// TooOldError reports that the log no longer has all events since the checkpoint. Those
// between are gone: compare the records themselves, then go on with
// [Checkpoints.SaveCheckpoint] and Oldest.
type TooOldError struct {
	Since  time.Time // where reading would begin
	Oldest time.Time // what the log certainly still has
}

// Error says what is missing.
func (e *TooOldError) Error() string {
	return fmt.Sprintf("webhooks: the event log keeps 30 days, and the events from %s to %s are gone; compare the records, then save %[2]s as the checkpoint",
		e.Since.UTC().Format(time.RFC3339), e.Oldest.UTC().Format(time.RFC3339))
}

// Checkpoints keep how far the log was read. Every [Store] does.
type Checkpoints interface {
	Checkpoint(ctx context.Context, name string) (time.Time, error)
	SaveCheckpoint(ctx context.Context, name string, at time.Time) error
}

// checkpoint is the name of the log's checkpoint.
func (l *Log) checkpoint() string {
	if l.Name == "" {
		return l.Tenant
	}
	return l.Tenant + "\x00" + l.Name
}

// CatchUp reads the event log from five minutes before the checkpoint and hands every event
// to once, oldest first, which skips those that were handled. It moves the checkpoint as it
// goes, never past an event that was not handled: if once returns an error, CatchUp stops
// with it, and the next run begins there. So no event is left out. An event that is older
// than [Retention] and was delivered before is handled again, because its mark is gone;
// runs that are closer together than that never read one.
//
// If the checkpoint is older than the log, the error is a [*TooOldError].
//
// It sends one request per kind, and one more for each further 50 events. The callers of
// the client must be administrators if Data is needed of events older than an hour.
func CatchUp(ctx context.Context, c *closekit.Client, store Checkpoints, l Log, once Once) (Progress, error) {
	if l.Now == nil {
		l.Now = time.Now
	}
	if l.gather == 0 {
		l.gather = maxGathered
	}
	var p Progress
	if l.Tenant == "" || len(l.Kinds) == 0 {
		return p, errors.New("webhooks: Log needs a tenant and at least one kind of event")
	}
	start := l.Now()
	at, err := store.Checkpoint(ctx, l.checkpoint())
	if err != nil {
		return p, fmt.Errorf("webhooks: read the checkpoint: %w", err)
	}
	if at.IsZero() {
		if at = l.Since; at.IsZero() {
			at = start
		}
		if err := store.SaveCheckpoint(ctx, l.checkpoint(), at); err != nil {
			return p, fmt.Errorf("webhooks: save the checkpoint: %w", err)
		}
	}
	p.Checkpoint = at
	from := at.Add(-overlap)
	if oldest := start.Add(-LogKeeps); from.Before(oldest) {
		return p, &TooOldError{from, oldest.Add(overlap + time.Minute)}
	}
	r := &logReader{c: c, store: store, log: l, once: once, start: start, progress: &p, done: map[Mark]bool{}, saved: at}
	err = r.run(ctx, from)
	if err == nil {
		r.reach(start.Add(-idle))
	}
	return p, errors.Join(err, r.save(context.WithoutCancel(ctx)))
}

// logReader is one run of [CatchUp].
type logReader struct {
	c        *closekit.Client
	store    Checkpoints
	log      Log
	once     Once
	start    time.Time
	progress *Progress
	done     map[Mark]bool // at the edges of windows, which overlap
	unsaved  int           // events since the checkpoint was saved
	saved    time.Time
}

// saveEach is the number of events after which the checkpoint is saved. After a crash, so
// many events are read again, and found to be handled.
const saveEach = 200

// run reads the log in windows, the oldest first. The first window has no end. While one
// is read that turns out to have too many events, it is cut: its newer part is read again
// afterwards.
func (r *logReader) run(ctx context.Context, from time.Time) error {
	ends := []time.Time{{}} // of the windows, the next one last; the zero time is no end
	for len(ends) > 0 {
		events, cuts, err := r.window(ctx, from, ends[len(ends)-1])
		if err != nil {
			return err
		}
		ends = append(ends, cuts...)
		slices.SortStableFunc(events, compare)
		for _, e := range events {
			if err := r.hand(ctx, e); err != nil {
				return err
			}
		}
		from = ends[len(ends)-1]
		ends = ends[:len(ends)-1]
	}
	return nil
}

// window returns the events of all kinds in a window, and the earlier ends that it was cut
// to, if there were too many.
func (r *logReader) window(ctx context.Context, from, to time.Time) (events []*Delivery, cuts []time.Time, err error) {
	for _, k := range r.log.Kinds {
		began := len(events)
		err := r.pages(ctx, k, from, to, func(e *Delivery) {
			if at := e.updated(); at.Before(from) || !to.IsZero() && at.After(to) {
				return
			}
			events = append(events, e)
			if len(events) <= r.log.gather {
				return
			}
			if cut, ok := middle(events, from); ok {
				to, cuts = cut, append(cuts, cut)
				before := events[:began]
				before = slices.DeleteFunc(before, func(e *Delivery) bool { return e.updated().After(cut) })
				own := slices.DeleteFunc(slices.Clone(events[began:]), func(e *Delivery) bool { return e.updated().After(cut) })
				began, events = len(before), append(before, own...)
			}
		})
		if err != nil {
			return nil, nil, err
		}
		slices.Reverse(events[began:]) // the log is newest first
	}
	return events, cuts, nil
}

// middle returns the instant that leaves half of the events before it, unless it would
// leave none or all.
func middle(events []*Delivery, from time.Time) (time.Time, bool) {
	times := make([]time.Time, 0, len(events))
	for _, e := range events {
		times = append(times, e.updated())
	}
	slices.SortFunc(times, time.Time.Compare)
	cut := times[len(times)/2]
	return cut, cut.After(from) && cut.Before(times[len(times)-1])
}

// pages reads the events of a kind, newest first, until one is older than the window. A
// cursor that Close no longer knows is replaced by reading from the start.
func (r *logReader) pages(ctx context.Context, k Kind, from, to time.Time, each func(*Delivery)) error {
	const restarts = 3
	cursor, seen := "", map[Mark]bool{}
	for failed := 0; ; {
		page, err := listEvents(ctx, r.c, k, from, to, cursor)
		if err != nil && cursor != "" && closekit.IsValidation(err) && failed < restarts {
			failed++
			cursor = ""
			continue
		}
		if err != nil {
			return err
		}
		old := 0
		for _, raw := range page.Data {
			e, err := Parse(r.log.Tenant, "", raw)
			if err != nil {
				return err
			}
			if e.updated().Before(from) {
				old++
				continue
			}
			if m := e.Mark(); !seen[m] {
				seen[m] = true
				each(e)
			}
		}
		if page.Next == nil || *page.Next == "" || old > 0 && old == len(page.Data) {
			return nil
		}
		cursor = *page.Next
	}
}

// hand handles one event and moves the checkpoint to it.
func (r *logReader) hand(ctx context.Context, d *Delivery) error {
	m := d.Mark()
	if r.done[m] {
		return nil
	}
	r.progress.Read++
	first, err := r.patiently(ctx, d)
	if err != nil {
		return fmt.Errorf("webhooks: event %s (%s.%s): %w", d.Event.ID, d.Event.ObjectType, d.Event.Action, err)
	}
	if first {
		r.progress.First++
	}
	// Windows overlap in one instant only.
	if at := d.updated(); at.After(r.progress.Checkpoint) {
		clear(r.done)
	}
	r.done[m] = true
	r.reach(d.updated())
	if r.unsaved++; r.unsaved < saveEach {
		return nil
	}
	return r.save(ctx)
}

// patiently waits for an event that is being handled elsewhere: the process may die.
func (r *logReader) patiently(ctx context.Context, d *Delivery) (first bool, err error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		if first, err = r.once(ctx, d); !errors.Is(err, ErrBusy) {
			return first, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		}
	}
}

// reach moves the checkpoint. It never moves back, nor beyond the start of the run: some
// dates in Close are in the future.
func (r *logReader) reach(at time.Time) {
	if at.After(r.progress.Checkpoint) && !at.After(r.start) {
		r.progress.Checkpoint = at
	}
}

// save saves the checkpoint, also if it did not move: a store may keep with it what was
// handled.
func (r *logReader) save(ctx context.Context) error {
	if r.unsaved == 0 && !r.progress.Checkpoint.After(r.saved) {
		return nil
	}
	r.unsaved = 0
	r.saved = r.progress.Checkpoint
	if err := r.store.SaveCheckpoint(ctx, r.log.checkpoint(), r.saved); err != nil {
		return fmt.Errorf("webhooks: save the checkpoint: %w", err)
	}
	return nil
}
