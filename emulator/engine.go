package emulator

import (
	"net/url"
	"time"
)

// engineOptions are the options of the server that change the API.
type engineOptions struct {
	strict            bool
	permissionDenied  int
	consolidateEvents time.Duration
	staleReads        time.Duration
	extraFields       bool
}

// subscribers receives what happens to objects.
type subscribers interface {
	offer(e *event)   // an event was logged
	forget(id string) // a subscription was deleted
}

// engine runs the actions of resources.
type engine struct {
	opts      engineOptions
	hooks     subscribers
	resources map[string]*resource
	byType    map[string]*resource // activities by _type

	// custom reads the custom fields of an owner from a request body into o. rec
	// is the object to change, nil for a new one.
	custom func(c *call, owner string, rec *record, body, o object, p *problems)
}

func newEngine(opts engineOptions, hooks subscribers) *engine {
	return &engine{opts: opts, hooks: hooks, resources: map[string]*resource{}, byType: map[string]*resource{}}
}

// add adds a resource, or replaces one with the same name.
func (e *engine) add(r *resource) {
	e.resources[r.name] = r
	if r.typ != "" {
		e.byType[r.typ] = r
	}
}

// activityResource returns the description of an activity by its _type.
func (e *engine) activityResource(typ string) *resource {
	if r := e.byType[typ]; r != nil {
		return r
	}
	return e.resources["activities"]
}

// system returns a call that the emulator makes itself in an organization.
func (e *engine) system(st *state, org string, now time.Time) *call {
	return &call{e: e, st: st, org: org, now: now, zone: time.UTC, query: url.Values{}}
}

// call is one API request in progress. The lock of the server is held.
type call struct {
	e  *engine
	st *state
	r  *resource
	id string

	org       string
	user      string
	keyID     string
	client    string // OAuth client of the access token, with its scope
	scope     string
	requestID string
	method    string
	path      string

	query   url.Values
	body    object
	now     time.Time
	zone    *time.Location
	failure error    // set by hooks for an error other than field errors
	seeding bool     // ids in bodies are stored
	nested  []object // contacts that come with a new lead
}
