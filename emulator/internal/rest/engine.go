package rest

import (
	"net/url"
	"time"

	"github.com/closekit/closekit/emulator/internal/phone"
	"github.com/closekit/closekit/emulator/internal/store"
	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// Options are the options of the server that change the API.
type Options struct {
	Strict            bool
	PermissionDenied  int
	ConsolidateEvents time.Duration
	StaleReads        time.Duration
	MaxSkip           int // the largest _skip; 0 means 35,000
	MaxFound          int // the number of records that a search reaches; 0 means 10,000
	ExtraFields       bool
	LinkLocalWebhooks bool
	ParsePhone        func(text string) (phone.Number, bool) // may be nil
	URL               func() string                          // root of the server, for addresses in responses
}

// subscribers receives what happens to objects.
type subscribers interface {
	Offer(e *store.Event) // an event was logged
	Forget(id string)     // a subscription was deleted
}

// Engine runs the actions of resources.
type Engine struct {
	Options   Options
	Hooks     subscribers
	Resources map[string]*Resource
	byType    map[string]*Resource // activities by _type

	// CustomValues reads the custom fields of an owner from a request body into
	// o. rec is the object to change, nil for a new one.
	CustomValues func(c *Call, owner string, rec *store.Record, body, o object, p *Problems)

	// FileRoots returns the roots of the URLs of the app, which needs a credential,
	// and of the storage of files, which refuses one.
	FileRoots func() (app, storage string)
	// UseFile attaches the file with a URL, or returns what is wrong with it.
	UseFile func(c *Call, url string) string
}

// NewEngine returns an engine without resources.
func NewEngine(opts Options, hooks subscribers) *Engine {
	return &Engine{Options: opts, Hooks: hooks, Resources: map[string]*Resource{}, byType: map[string]*Resource{}}
}

// Add adds a resource, or replaces one with the same name.
func (e *Engine) Add(r *Resource) {
	e.Resources[r.Name] = r
	if r.Type != "" {
		e.byType[r.Type] = r
	}
}

// ActivityResource returns the description of an activity by its _type.
func (e *Engine) ActivityResource(typ string) *Resource {
	if r := e.byType[typ]; r != nil {
		return r
	}
	return e.Resources["activities"]
}

// System returns a call that the emulator makes itself in an organization.
func (e *Engine) System(st *store.State, org string, now time.Time) *Call {
	return &Call{Engine: e, State: st, Organization: org, Now: now, Zone: time.UTC, Query: url.Values{}}
}

// Call is one API request in progress. The lock of the server is held.
type Call struct {
	Engine   *Engine
	State    *store.State
	Resource *Resource
	ID       string   // the first of the path
	IDs      []string // all of the path

	Organization string
	User         string
	KeyID        string
	Client       string // OAuth client of the access token, with its scope
	Scope        string
	RequestID    string
	Method       string
	Path         string

	Query   url.Values
	Body    object
	Now     time.Time
	Zone    *time.Location
	Failure error    // set by hooks for an error other than field errors
	Seeding bool     // ids in bodies are stored
	Nested  []object // contacts that come with a new lead
	Meta    object   // members of meta in every event
}
