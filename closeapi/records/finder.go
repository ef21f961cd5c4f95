package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// Lag is how long a [Finder] assumes that Close's search may lag behind writes,
// unless it is told otherwise: a minute was observed, and a half is added.
const Lag = 90 * time.Second

// Finder finds records or creates them. It looks at three places: what it created
// itself within the lag, Close's search, and Close's event log of the time that the
// search may not have yet. Calls for the same record wait for each other. Use one
// Finder for all calls with a credential; it is safe for concurrent use.
//
// What remains: two processes that create the same record within the same moment, or
// a credential without access to the event log together with a second process, still
// create it twice. The next call reports that as an [*AmbiguousError].
type Finder struct {
	c   *closekit.Client
	lag time.Duration

	mu      sync.Mutex
	entries map[key]*entry
}

// NewFinder returns a finder that acts with c's credential. lag is how long the
// search may lag behind writes; zero means [Lag].
func NewFinder(c *closekit.Client, lag time.Duration) *Finder {
	return &Finder{c: c, lag: cmp.Or(lag, Lag), entries: map[key]*entry{}}
}

// LeadNamed returns the lead whose name is p.Name, without regard to case and
// spaces, or creates it from p. created reports which. If there are several, it
// creates none and returns an [*AmbiguousError]; if an earlier attempt may have
// created it, an [*InDoubtError].
func (f *Finder) LeadNamed(ctx context.Context, p closeapi.LeadCreateParams, opts ...closekit.CallOption) (lead *closeapi.Lead, created bool, err error) {
	return f.findLead(ctx, p.Name, want{name: fold(p.Name)}, p, opts)
}

// LeadWithEmail returns the lead that has a contact with the address email, without
// regard to case, or creates it from p, which must have such a contact. Otherwise it
// is like [Finder.LeadNamed].
func (f *Finder) LeadWithEmail(ctx context.Context, email string, p closeapi.LeadCreateParams, opts ...closekit.CallOption) (lead *closeapi.Lead, created bool, err error) {
	w := want{email: fold(email)}
	if !slices.ContainsFunc(p.Contacts, func(c closeapi.Contact) bool { return w.contact(&c) }) {
		return nil, false, fmt.Errorf("no contact of the lead to create has the address %q", email)
	}
	return f.findLead(ctx, email, w, p, opts)
}

func (f *Finder) findLead(ctx context.Context, text string, w want, p closeapi.LeadCreateParams, opts []closekit.CallOption) (*closeapi.Lead, bool, error) {
	object, owner := "lead", func(e *event) string { return e.ObjectID }
	if w.email != "" {
		object, owner = "contact", func(e *event) string { return e.LeadID }
	}
	return once(ctx, f, key{kind: "lead", want: w}, kind[closeapi.Lead]{
		get: func(ctx context.Context, id string) (*closeapi.Lead, error) {
			return closeapi.LeadGet(ctx, f.c, closeapi.LeadGetParams{LeadID: closeapi.LeadID(id)}, opts...)
		},
		id:    func(l *closeapi.Lead) string { return string(l.ID) },
		match: w.lead,
		search: func(ctx context.Context) ([]string, error) {
			return f.search(ctx, text, w, opts)
		},
		recent: func(ctx context.Context, since time.Time) ([]string, error) {
			return f.events(ctx, object, since, w, owner)
		},
		create: func(ctx context.Context) (*closeapi.Lead, error) {
			return closeapi.LeadCreate(ctx, f.c, p, opts...)
		},
	})
}

// Contact returns the contact of the lead p.LeadID that has the first address of
// p.Emails or, if p has no address, the name p.Name, or creates it from p. It does
// not look at other leads. Otherwise it is like [Finder.LeadNamed].
func (f *Finder) Contact(ctx context.Context, p closeapi.ContactCreateParams, opts ...closekit.CallOption) (contact *closeapi.Contact, created bool, err error) {
	w := want{name: fold(p.Name.Or(""))}
	if len(p.Emails) > 0 {
		w = want{email: fold(p.Emails[0].Email)}
	}
	return once(ctx, f, key{"contact", string(p.LeadID), w}, kind[closeapi.Contact]{
		get: func(ctx context.Context, id string) (*closeapi.Contact, error) {
			return closeapi.ContactGet(ctx, f.c, closeapi.ContactGetParams{ContactID: closeapi.ContactID(id)}, opts...)
		},
		id:    func(c *closeapi.Contact) string { return string(c.ID) },
		match: w.contact,
		search: func(ctx context.Context) ([]string, error) {
			lead, err := closeapi.LeadGet(ctx, f.c, closeapi.LeadGetParams{LeadID: p.LeadID, Fields: []string{"id", "contacts"}}, opts...)
			if err != nil {
				return nil, err
			}
			var ids []string
			for i := range lead.Contacts {
				if c := &lead.Contacts[i]; w.contact(c) {
					ids = append(ids, string(c.ID))
				}
			}
			return ids, nil
		},
		recent: func(ctx context.Context, since time.Time) ([]string, error) {
			return f.events(ctx, "contact", since, w, func(e *event) string {
				if e.LeadID != string(p.LeadID) {
					return ""
				}
				return e.ObjectID
			})
		},
		create: func(ctx context.Context) (*closeapi.Contact, error) {
			return closeapi.ContactCreate(ctx, f.c, p, opts...)
		},
	})
}

// kind is what once needs to know of leads or contacts.
type kind[T any] struct {
	get    func(ctx context.Context, id string) (*T, error)
	id     func(*T) string
	match  func(*T) bool
	search func(context.Context) (ids []string, err error)
	recent func(ctx context.Context, since time.Time) (ids []string, err error) // from the event log
	create func(context.Context) (*T, error)
}

// key names a record, in a lead if it is a contact.
type key struct {
	kind, lead string
	want       want
}

// entry is what a finder knows of a key. Its fields, but users, belong to the holder
// of turn.
type entry struct {
	turn  chan struct{} // capacity 1
	users int           // guarded by Finder.mu

	id    string    // of the record that was created last
	doubt error     // of a create whose outcome is unknown
	until time.Time // when search will know of it
}

// enter waits for the turn of a key; leave must be called afterwards.
func (f *Finder) enter(ctx context.Context, k key) (e *entry, leave func(), err error) {
	f.mu.Lock()
	for old, e := range f.entries {
		if e.users == 0 && time.Now().After(e.until) {
			delete(f.entries, old)
		}
	}
	e = f.entries[k]
	if e == nil {
		e = &entry{turn: make(chan struct{}, 1)}
		f.entries[k] = e
	}
	e.users++
	f.mu.Unlock()
	done := func() {
		f.mu.Lock()
		e.users--
		f.mu.Unlock()
	}
	select {
	case e.turn <- struct{}{}:
		if time.Now().After(e.until) {
			e.id, e.doubt = "", nil
		}
		return e, func() { <-e.turn; done() }, nil
	case <-ctx.Done():
		done()
		return nil, nil, context.Cause(ctx)
	}
}

// once returns the one record of a key, or creates it.
func once[T any](ctx context.Context, f *Finder, k key, of kind[T]) (*T, bool, error) {
	if k.want == (want{}) {
		return nil, false, errors.New("the record needs a name or an address to be found by")
	}
	e, leave, err := f.enter(ctx, k)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	since := time.Now().Add(-f.lag)
	for _, source := range []func() ([]string, error){
		func() ([]string, error) { return e.ids(), nil },
		func() ([]string, error) { return of.search(ctx) },
		func() ([]string, error) { return of.recent(ctx, since) },
	} {
		ids, err := source()
		if err != nil {
			return nil, false, err
		}
		if v, err := of.only(ctx, k, ids); v != nil || err != nil {
			return v, false, err
		}
	}
	if e.doubt != nil {
		return nil, false, &InDoubtError{Until: e.until, Err: e.doubt}
	}
	v, err := of.create(ctx)
	e.until = time.Now().Add(f.lag)
	switch {
	case err == nil:
		e.id = of.id(v)
		return v, true, nil
	case closekit.MaybeDone(err):
		e.doubt = err
		return nil, false, &InDoubtError{Until: e.until, Err: err}
	}
	return nil, false, err
}

func (e *entry) ids() []string {
	if e.id == "" {
		return nil
	}
	return []string{e.id}
}

// only returns the one record among ids that exists and still matches, or nil. The
// search and the event log may know an older state.
func (of kind[T]) only(ctx context.Context, k key, ids []string) (*T, error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > mostCandidates {
		return nil, &AmbiguousError{Kind: k.kind, IDs: ids}
	}
	var found []*T
	for _, id := range ids {
		v, err := of.get(ctx, id)
		switch {
		case closekit.IsNotFound(err):
		case err != nil:
			return nil, err
		case of.match(v):
			found = append(found, v)
		}
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	e := &AmbiguousError{Kind: k.kind}
	for _, v := range found {
		e.IDs = append(e.IDs, of.id(v))
	}
	return nil, e
}

// mostCandidates is the number of records above which none is fetched to look closer.
const mostCandidates = 20
