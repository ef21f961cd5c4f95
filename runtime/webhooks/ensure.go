package webhooks

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit"
)

// Want describes the subscription that [Ensure] ensures.
type Want struct {
	Tenant string // Required.
	// Organization is the id of the tenant's organization in Close; see [Subscription].
	Organization string
	URL          string // of the receiver. Required.
	Kinds        []Kind // Required.
	// InsecureTLS makes Close accept any certificate of the URL, for tests.
	InsecureTLS bool
	// Missed is how far back events are read when a subscription is replaced or resumed and
	// nothing tells since when events are missing; 0 means 72 hours, within which marks
	// keep events from being handled twice.
	Missed time.Duration
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// Action is what [Ensure] did.
type Action string

// The actions.
const (
	Kept      Action = "kept"      // it was as it should be
	Corrected Action = "corrected" // its events or settings were changed, or it was resumed
	Learned   Action = "learned"   // its key was read from Close and stored
	Created   Action = "created"   // there was none
	Replaced  Action = "replaced"  // its key was not known and could not be read
)

// Ensured is what [Ensure] found and did.
type Ensured struct {
	ID     string
	Action Action
	// Others are further subscriptions with the same URL. They use up the limit of the
	// organization and deliver events twice; delete them unless another program needs them.
	Others []string
	// CaughtUp is what was read from the event log, if events may have been missed.
	CaughtUp *Progress
}

// LimitError reports that an organization has as many subscriptions as Close allows.
// Other applications share the limit.
type LimitError struct {
	Count int   // of the subscriptions that the caller sees
	Err   error // the response of Close
}

// MaxSubscriptions is how many webhook subscriptions an organization can have.
const MaxSubscriptions = 40

// Error says what the limit is.
func (e *LimitError) Error() string {
	return fmt.Sprintf("webhooks: the organization has %d webhook subscriptions, and Close allows %d; delete one that is not needed: %v", e.Count, MaxSubscriptions, e.Err)
}

// Unwrap returns the error of Close.
func (e *LimitError) Unwrap() error { return e.Err }

// ensureLease bounds how long one process ensures a subscription.
const ensureLease = 2 * time.Minute

// Ensure makes sure that a tenant's subscription exists in Close, is active, sends the
// wanted events to the URL, and that its key is known: it finds, corrects or creates it. A
// subscription without a stored key is one whose creation was interrupted, or that lost its
// store: its key is read from Close, and if Close does not show it, the subscription is
// replaced. Where events may have been missed, in a replaced or resumed subscription, and in
// a new one if there was one before, Ensure reads them with [CatchUp] through once. A once of
// nil leaves that to the caller, whose next CatchUp of the tenant begins where they are missing.
//
// Call it at every start. Processes that call it at the same time wait for each other. An
// error of type [*LimitError] says that the organization has no place for another
// subscription. With a [*TooOldError], the subscription is as it should be and the log was
// read, but it no longer had all that was missed. Without the permission to manage webhooks, Close shows only subscriptions
// that the user of the client has created.
func Ensure(ctx context.Context, c *closekit.Client, keys *Keys, w Want, once Once) (*Ensured, error) {
	if w.Tenant == "" || w.URL == "" || len(w.Kinds) == 0 {
		return nil, errors.New("webhooks: Want needs a tenant, a URL and at least one kind of event")
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	w.Missed = cmp.Or(w.Missed, 72*time.Hour)
	m, token := Mark{Tenant: w.Tenant, Event: "ensure " + w.URL}, rand.Text()
	if err := await(ctx, keys.store, m, token); err != nil {
		return nil, err
	}
	e := &ensuring{c: c, keys: keys, want: w, result: &Ensured{}}
	missed, err := e.ensure(ctx)
	if err := errors.Join(err, keys.store.Release(context.WithoutCancel(ctx), m, token)); err != nil {
		return nil, fmt.Errorf("webhooks: ensure the subscription of %q: %w", w.Tenant, err)
	}
	if !missed || once == nil {
		return e.result, nil
	}
	p, err := catchUp(ctx, c, keys.store, w, once)
	e.result.CaughtUp = &p
	return e.result, err // the subscription is there, whatever the log had
}

// await claims a mark, and waits while another process has it.
func await(ctx context.Context, store Store, m Mark, token string) error {
	for {
		claim, err := store.Claim(ctx, m, token, ensureLease)
		switch {
		case err != nil:
			return fmt.Errorf("webhooks: ensure the subscription: %w", err)
		case claim != Busy:
			return nil
		}
		timer := time.NewTimer(100 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// catchUp reads what a subscription missed. Events that the log no longer has are lost
// already, so reading begins with the oldest that it has.
func catchUp(ctx context.Context, c *closekit.Client, store Store, w Want, once Once) (Progress, error) {
	l := Log{Tenant: w.Tenant, Kinds: w.Kinds, Now: w.Now}
	p, err := CatchUp(ctx, c, store, l, once)
	var old *TooOldError
	if !errors.As(err, &old) {
		return p, err
	}
	if err := store.SaveCheckpoint(ctx, l.checkpoint(), old.Oldest); err != nil {
		return p, err
	}
	p, again := CatchUp(ctx, c, store, l, once)
	return p, errors.Join(again, old)
}

type ensuring struct {
	c      *closekit.Client
	keys   *Keys
	want   Want
	result *Ensured
}

// ensure does the work and reports whether events may have been missed.
func (e *ensuring) ensure(ctx context.Context) (missed bool, err error) {
	all, err := listWebhooks(ctx, e.c)
	if err != nil {
		return false, err
	}
	rows, err := e.keys.store.Subscriptions(ctx, e.want.Tenant)
	if err != nil {
		return false, err
	}
	known := map[string]bool{} // whose keys open
	for _, row := range rows {
		if _, err := e.keys.unseal(row); err == nil && row.Organization == e.want.Organization {
			known[row.ID] = true
		}
	}
	var found []remote
	for _, r := range all {
		if r.URL == e.want.URL {
			found = append(found, r)
		}
	}
	// One with a key before one without, an active one before a paused one.
	slices.SortStableFunc(found, func(a, b remote) int {
		worth := func(r remote) int {
			n := 0
			if known[r.ID] {
				n += 2
			}
			if r.Status == "active" {
				n++
			}
			return n
		}
		return worth(b) - worth(a)
	})
	if len(found) == 0 {
		e.result.Action = Created
		began, err := e.began(ctx)
		if err != nil {
			return false, err
		}
		missed = began || len(rows) > 0
		if missed {
			if err := e.begin(ctx, e.want.Now().Add(-e.want.Missed)); err != nil {
				return false, err
			}
		}
		return missed, e.create(ctx, len(all), rows)
	}
	for _, r := range found[1:] {
		e.result.Others = append(e.result.Others, r.ID)
	}
	r := found[0]
	e.result.ID, e.result.Action = r.ID, Kept
	missed = !known[r.ID] || r.Status != "active"
	if missed {
		if err := e.begin(ctx, e.want.Now().Add(-e.want.Missed)); err != nil {
			return false, err
		}
	}
	if !known[r.ID] {
		if row, err := e.keys.store.Subscription(ctx, r.ID); err == nil && row.Tenant != e.want.Tenant {
			return false, fmt.Errorf("the subscription %s belongs to the tenant %q; give every tenant of an organization a URL of its own", r.ID, row.Tenant)
		}
		learned, err := e.learn(ctx, r.ID)
		if err != nil {
			return false, err
		}
		if !learned {
			return true, e.replace(ctx, r, len(all), rows)
		}
		e.result.Action = Learned
	}
	wrong := r.Status != "active" || !sameKinds(r.Events, e.want.Kinds) || r.VerifySSL != nil && *r.VerifySSL == e.want.InsecureTLS
	if wrong {
		body, err := e.body(true)
		if err != nil {
			return false, err
		}
		if err := updateWebhook(ctx, e.c, r.ID, body); err != nil {
			return false, err
		}
		if e.result.Action == Kept {
			e.result.Action = Corrected
		}
	}
	return missed, e.forget(ctx, rows, r.ID)
}

// began reports whether there is a checkpoint, which a replacement that was interrupted
// has left.
func (e *ensuring) began(ctx context.Context) (bool, error) {
	l := Log{Tenant: e.want.Tenant}
	at, err := e.keys.store.Checkpoint(ctx, l.checkpoint())
	return !at.IsZero(), err
}

// begin saves from where the log is to be read, unless there is a checkpoint. Where events
// are missing, it comes before anything is changed in Close, so that an interruption leaves
// no gap.
func (e *ensuring) begin(ctx context.Context, at time.Time) error {
	if began, err := e.began(ctx); err != nil || began {
		return err
	}
	l := Log{Tenant: e.want.Tenant}
	return e.keys.store.SaveCheckpoint(ctx, l.checkpoint(), at)
}

// learn reads the key of a subscription from Close, and reports whether it was there.
func (e *ensuring) learn(ctx context.Context, id string) (bool, error) {
	r, err := getWebhook(ctx, e.c, id)
	if closekit.IsNotFound(err) {
		return false, nil
	}
	if err != nil || r.SignatureKey.IsZero() {
		return false, err
	}
	return true, e.save(ctx, r)
}

// save stores the key of a subscription.
func (e *ensuring) save(ctx context.Context, r remote) error {
	key, err := ParseSigningKey(r.SignatureKey.Reveal())
	if err != nil {
		return err
	}
	return e.keys.Save(ctx, e.want.URL, Subscription{ID: r.ID, Tenant: e.want.Tenant, Organization: e.want.Organization, Key: key})
}

// replace deletes a subscription whose key cannot be known and creates one. Close allows no
// second subscription with the same URL and events beside the first.
func (e *ensuring) replace(ctx context.Context, r remote, count int, rows []Row) error {
	e.result.Action = Replaced
	if err := deleteWebhook(ctx, e.c, r.ID); err != nil {
		return err
	}
	return e.create(ctx, count-1, rows)
}

// create creates the subscription and stores its key. If the process dies between the two,
// the next Ensure finds a subscription without a key.
func (e *ensuring) create(ctx context.Context, count int, rows []Row) error {
	body, err := e.body(false)
	if err != nil {
		return err
	}
	r, err := createWebhook(ctx, e.c, body)
	var refused *closekit.Error
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusBadRequest && count >= MaxSubscriptions:
		return &LimitError{count, err}
	case err != nil:
		return err
	case r.ID == "" || r.SignatureKey.IsZero():
		return errors.New("the response that created it has no id or no signature_key")
	}
	if err := e.save(ctx, r); err != nil {
		return err
	}
	e.result.ID = r.ID
	if err := e.begin(ctx, e.want.Now()); err != nil { // what happens from now on can be caught up later
		return err
	}
	return e.forget(ctx, rows, r.ID)
}

// forget removes the rows of earlier subscriptions with the URL.
func (e *ensuring) forget(ctx context.Context, rows []Row, id string) error {
	for _, row := range rows {
		if row.URL == e.want.URL && row.ID != id && !slices.Contains(e.result.Others, row.ID) {
			if err := e.keys.Remove(ctx, row.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// body returns the body of a request that creates or updates the subscription.
func (e *ensuring) body(update bool) ([]byte, error) {
	body := struct {
		URL       string       `json:"url"`
		Events    []remoteKind `json:"events"`
		VerifySSL bool         `json:"verify_ssl"`
		Status    string       `json:"status,omitempty"`
	}{URL: e.want.URL, VerifySSL: !e.want.InsecureTLS}
	if update {
		body.Status = "active"
	}
	for _, k := range e.want.Kinds {
		body.Events = append(body.Events, remoteKind(k))
	}
	return json.Marshal(body)
}

// sameKinds reports whether a subscription has the wanted kinds, in any order. Close writes
// some types with and without "activity.".
func sameKinds(have []remoteKind, want []Kind) bool {
	set := map[string]int{}
	for _, k := range have {
		set[canonical(Kind(k))] |= 1
	}
	for _, k := range want {
		set[canonical(k)] |= 2
	}
	for _, sides := range set {
		if sides != 3 {
			return false
		}
	}
	return true
}

func canonical(k Kind) string {
	filter := "null"
	var value any
	if json.Unmarshal(orNull(k.ExtraFilter), &value) == nil {
		if text, err := json.Marshal(value); err == nil { // keys are sorted
			filter = string(text)
		}
	}
	return strings.TrimPrefix(k.ObjectType, "activity.") + " " + k.Action + " " + filter
}

func orNull(raw json.RawMessage) []byte {
	if len(bytes.TrimSpace(raw)) == 0 {
		return []byte("null")
	}
	return raw
}
