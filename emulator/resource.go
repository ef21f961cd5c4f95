package emulator

// route is one operation: a method and a path below /api/v1, and what answers
// there. The path holds {id} where an id goes.
type route struct {
	tool     string // name of the tool, empty for operations that are no tools
	method   string
	path     string
	resource string
	action   string
	status   int // of success
}

// authors says how a resource names the people behind it.
type authors int

const (
	authorNames authors = iota // created_by, created_by_name, updated_by, updated_by_name
	authorPlain                // created_by, updated_by
	authorIDs                  // created_by_id, updated_by_id
	authorNone
)

// resource describes what is special about one kind of object. The zero value
// of every member is the ordinary behaviour, so a resource that nobody
// described still stores, lists, changes and deletes objects.
type resource struct {
	name    string
	table   string // where the records are, the name when empty
	typ     string // _type of an activity
	prefix  string // of ids
	short   bool   // short ids
	model   string // name in error sentences
	naive   bool   // dates without offset
	authors authors
	event   string // object type in the event log, empty for none
	fields  []field
	open    bool   // takes unknown keys
	custom  string // owner of custom fields: lead, contact or opportunity
	right   string // permission that a write needs

	filters   map[string]kind // list filters by name
	commas    bool            // filters take comma lists without __in
	orders    []string        // values of _order_by
	ascending bool            // oldest first by default
	total     bool            // lists carry total_results
	limit     int             // largest _limit, maxLimit when zero

	// prepare completes a new object. body is the whole request.
	prepare func(c *call, o, body object, p *problems)
	// change completes a patch.
	change func(c *call, rec *record, patch, body object, p *problems)
	// created and changed run after the object was stored and its event logged.
	created func(c *call, rec *record, body object)
	changed func(c *call, rec *record, before object)
	// release may refuse a delete; cascade runs before it and removed after it.
	release func(c *call, rec *record) error
	cascade func(c *call, rec *record)
	removed func(c *call, rec *record)
	// render makes the answer from the stored object o, which it may change.
	render func(c *call, rec *record, o object)
	// snapshot makes the form for the event log, the answer when nil.
	snapshot func(c *call, rec *record) object
	// onDemand are values that only _fields brings out.
	onDemand func(c *call, rec *record) object
	// value is what filters and orders see, the stored value when nil.
	value func(c *call, rec *record, name string) any
	// narrow adds a filter to lists; a nil function keeps everything.
	narrow func(c *call) (func(*record) bool, error)
	// arrange replaces the order of a list.
	arrange func(c *call, rows []*record)
	// summarize completes a list answer. It sees all matching rows.
	summarize func(c *call, rows []*record, answer object)
	// lead finds the lead of a stored object, its lead_id when nil.
	lead func(c *call, o object) string

	// actions replace or add to list, create, get, update and delete.
	actions map[string]func(c *call) (any, error)
}

func (r *resource) tableName() string {
	if r.table != "" {
		return r.table
	}
	return r.name
}

// resources returns the described resources by name.
func resources() map[string]*resource {
	out := map[string]*resource{}
	for _, group := range [][]*resource{
		leadResources(), contactResources(), opportunityResources(), activityResources(), messageResources(),
		commentResources(), taskResources(), sequenceResources(), pipelineResources(), customFieldResources(),
		userResources(), webhookResources(), eventResources(),
	} {
		for _, r := range group {
			out[r.name] = r
		}
	}
	return out
}

// ordinary is the description of a resource that nobody described.
func ordinary(name string) *resource {
	r := &resource{name: name, prefix: guessPrefix(name), short: true, model: guessModel(name), open: true}
	if p, ok := knownPrefixes[name]; ok {
		r.prefix, r.short = p.prefix, p.short
	}
	return r
}
