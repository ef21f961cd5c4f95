package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// Pair is two empty stores that must behave the same.
type Pair struct {
	Want accounts.Store // a store that is known to be right, such as one of package memstore
	Got  accounts.Store

	// Pass lets time pass on the clock that both stores read. If it is nil, each
	// has a clock of its own that runs by itself, and times may differ by
	// seconds.
	Pass func(time.Duration)

	Close func() // closes the stores; nil does nothing
}

// Compare sends the same random requests to two stores and fails at the first
// difference. After each request it compares the results, the accounts, new
// events, queued revocations, flows, sealed blobs and counts. The same seed
// makes the same requests. The report shows a shorter sequence with a
// difference, for which open is called again, many times.
func Compare(t *testing.T, seed uint64, steps int, open func() Pair) {
	t.Helper()
	if report := compare(t.Context(), seed, steps, open); report != "" {
		t.Error(report)
	}
}

// compare returns the report of a difference.
func compare(ctx context.Context, seed uint64, steps int, open func() Pair) string {
	c := &comparison{ctx: ctx, random: rand.New(rand.NewPCG(seed, seed))} //nolint:gosec // a test that can be repeated
	p := open()
	c.still = p.Pass != nil
	run := c.begin(p)
	var done []request
	var found []string
	for len(done) < steps && found == nil {
		q := c.next(p.Want)
		done = append(done, q)
		found = run.do(q, true)
	}
	p.close()
	if found == nil {
		return ""
	}
	at := len(done)
	done, found = c.shorten(done, found, open)
	var b strings.Builder
	fmt.Fprintf(&b, "with seed %d the stores differ after request %d, and after these %d\n(generations and epochs are added to those of the account):\n", seed, at, len(done))
	for i, q := range done {
		fmt.Fprintf(&b, "%4d. %s\n", i+1, q.text)
	}
	return b.String() + strings.Join(found, "\n")
}

func (p Pair) close() {
	if p.Close != nil {
		p.Close()
	}
}

// request is one call of a method, which can be made to any store.
type request struct {
	text string
	key  accounts.Key  // of the account it is about, if it is about one
	pass time.Duration // that passes before it
	call func(ctx context.Context, s accounts.Store) (any, error)

	readsEvents bool // the call depends on which events can be seen
}

// comparison makes requests.
type comparison struct {
	ctx    context.Context
	random *rand.Rand
	count  int64
	key    accounts.Key // of the last request
	still  bool         // whether the clock stands still between requests
}

// running is a sequence of requests to two stores.
type running struct {
	ctx    context.Context
	pair   Pair
	events [2]int64 // the last events that were seen
}

func (c *comparison) begin(p Pair) *running { return &running{ctx: c.ctx, pair: p} }

// do makes a request and describes how the results differ, and, if all is true,
// how all that the stores hold does.
func (r *running) do(q request, all bool) []string {
	if r.pair.Pass != nil {
		r.pair.Pass(q.pass)
	}
	if q.readsEvents {
		if found := r.showEvents(); found != nil {
			return found
		}
	}
	var saw [2]any
	var errs [2]error
	for i, s := range []accounts.Store{r.pair.Want, r.pair.Got} {
		saw[i], errs[i] = q.call(r.ctx, s)
	}
	if a, b := kind(errs[0]), kind(errs[1]); a != b {
		return []string{fmt.Sprintf("error: want %s, got %s", a, b)}
	}
	found := r.differences("result", saw[0], saw[1])
	if found == nil && all {
		want := r.snapshot(0, r.pair.Want, 0)
		found = r.differences("", want, r.snapshot(1, r.pair.Got, len(want.Events)))
	}
	return found
}

// showEvents waits until both stores show the same number of events.
func (r *running) showEvents() []string {
	want, err := r.pair.Want.ListEvents(r.ctx, accounts.EventFilter{})
	if err != nil {
		return []string{"events: " + err.Error()}
	}
	got, err := visibleEvents(r.ctx, r.pair.Got, accounts.EventFilter{}, len(want))
	if err != nil || len(got) != len(want) {
		return []string{fmt.Sprintf("events: want %d of them, got %d, %v", len(want), len(got), err)}
	}
	return nil
}

func kind(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, accounts.ErrNotFound):
		return "ErrNotFound"
	case errors.Is(err, accounts.ErrConflict):
		return "ErrConflict"
	}
	return err.Error()
}

// shorten leaves out requests as long as there is a difference.
func (c *comparison) shorten(done []request, found []string, open func() Pair) ([]request, []string) {
	deadline := time.Now().Add(time.Minute)
	differs := func(list []request) (int, []string) {
		p := open()
		defer p.close()
		run := c.begin(p)
		for i, q := range list {
			if found := run.do(q, i == len(list)-1); found != nil {
				return i + 1, found
			}
		}
		return 0, nil
	}
	try := func(less []request) bool {
		n, differences := differs(less)
		if differences != nil {
			done, found = less[:n], differences
		}
		return differences != nil
	}
	last := done[len(done)-1]
	try(slices.DeleteFunc(slices.Clone(done), func(q request) bool { return q.key != last.key }))
	for size := len(done) / 2; size > 0; size /= 2 {
		for from := 0; from < len(done)-1 && time.Now().Before(deadline); {
			if !try(slices.Concat(done[:from], done[min(from+size, len(done)-1):])) {
				from += size
			}
		}
	}
	return done, found
}

// snapshot is all that can be seen of a store without changing it.
type snapshot struct {
	Accounts []accounts.Record
	Events   []accounts.Event // since the last snapshot
	Sealed   []accounts.SealedRow
	Flows    []accounts.Flow
	Health   []accounts.ConnectionHealth
	Stats    accounts.Stats
	KeyUse   map[uint32]int64
	Errors   []string
}

// eventTries is how often the events are read before one counts as missing. A
// store may hold an event back while an older transaction runs, also one of
// another program on the same server, and waits for it up to a second itself.
const eventTries = 60

// visibleEvents lists events until there are at least n.
func visibleEvents(ctx context.Context, s accounts.Store, f accounts.EventFilter, n int) (list []accounts.Event, err error) {
	for try := 0; try == 0 || try < eventTries && err == nil && len(list) < n; try++ {
		list, err = s.ListEvents(ctx, f)
	}
	return list, err
}

func (r *running) snapshot(which int, s accounts.Store, events int) (v snapshot) {
	note := func(err error) {
		if err != nil && !errors.Is(err, accounts.ErrNotFound) {
			v.Errors = append(v.Errors, err.Error())
		}
	}
	var err error
	v.Accounts, err = s.List(r.ctx, accounts.ListFilter{Limit: 1000})
	note(err)
	v.Events, err = visibleEvents(r.ctx, s, accounts.EventFilter{After: r.events[which], Limit: 1000}, events)
	note(err)
	for _, e := range v.Events {
		r.events[which] = max(r.events[which], e.ID)
	}
	v.Events = anonymous(v.Events)
	v.Sealed, err = s.SealedBy(r.ctx, 0, "", 1000)
	note(err)
	for _, id := range flowIDs {
		f, err := s.LoadFlow(r.ctx, id)
		note(err)
		v.Flows = append(v.Flows, f)
	}
	for _, name := range configurations {
		h, err := s.LoadHealth(r.ctx, name[0], name[1])
		note(err)
		v.Health = append(v.Health, h)
	}
	v.Stats, err = s.Stats(r.ctx)
	note(err)
	v.KeyUse, err = s.KeyUse(r.ctx)
	note(err)
	return v
}

// anonymous leaves out the ids of events, which need not be the same, and the
// order of those of one request.
func anonymous(list []accounts.Event) []accounts.Event {
	list = slices.Clone(list)
	for i := range list {
		list[i].ID = 0
	}
	sortEvents(list)
	return list
}

func sortEvents(list []accounts.Event) {
	text := func(e accounts.Event) string {
		return fmt.Sprint(e.Type, e.Key, e.AccountID, e.From, e.To, e.Reason, e.Actor)
	}
	slices.SortStableFunc(list, func(a, b accounts.Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(text(a), text(b)))
	})
}

// differences describes how two values differ, field by field.
func (r *running) differences(path string, want, got any) (out []string) {
	slack := time.Microsecond
	if r.pair.Pass == nil {
		slack = 2 * time.Minute
	}
	differ(path, reflect.ValueOf(want), reflect.ValueOf(got), slack, &out)
	return out
}

func differ(path string, want, got reflect.Value, slack time.Duration, out *[]string) {
	say := func(format string, args ...any) { *out = append(*out, path+": "+fmt.Sprintf(format, args...)) }
	if want.IsValid() && want.Kind() == reflect.Interface && got.Kind() == reflect.Interface {
		want, got = want.Elem(), got.Elem()
	}
	if want.IsValid() != got.IsValid() || want.IsValid() && want.Type() != got.Type() {
		say("want %v, got %v", want, got)
		return
	}
	if !want.IsValid() {
		return
	}
	switch a := want.Interface().(type) {
	case time.Time:
		b := got.Interface().(time.Time)
		if a.IsZero() != b.IsZero() || a.Sub(b).Abs() > slack {
			say("want %v, got %v", a.UTC(), b.UTC())
		}
		return
	case time.Duration:
		if b := got.Interface().(time.Duration); (a - b).Abs() > slack {
			say("want %v, got %v", a, b)
		}
		return
	case []byte:
		if b := got.Bytes(); string(a) != string(b) { // nil is as good as empty
			say("want %q, got %q", a, b)
		}
		return
	case accounts.Key, accounts.Hash:
		if a != got.Interface() {
			say("want %v, got %v", a, got)
		}
		return
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			differ(strings.TrimPrefix(path+"."+want.Type().Field(i).Name, "."), want.Field(i), got.Field(i), slack, out)
		}
	case reflect.Slice, reflect.Array:
		if want.Len() != got.Len() {
			say("want %d of them, got %d:\n\twant %s\n\tgot  %s", want.Len(), got.Len(), format(want), format(got))
			return
		}
		for i := range want.Len() {
			differ(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i), slack, out)
		}
	default:
		if !reflect.DeepEqual(want.Interface(), got.Interface()) {
			say("want %v, got %v", want, got)
		}
	}
}
