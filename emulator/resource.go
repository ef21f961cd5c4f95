package emulator

// route is one operation: a method and a path below /api/v1, with the resource
// and action that handle it. The path has {id} in place of an id.
type route struct {
	tool     string // name of the tool, empty for an operation without one
	method   string
	path     string
	resource string
	action   string
	status   int // of success
}

// authors selects the fields that name who created and updated an object.
type authors int

const (
	authorNames authors = iota // created_by, created_by_name, updated_by, updated_by_name
	authorPlain                // created_by, updated_by
	authorIDs                  // created_by_id, updated_by_id
	authorNone
)

// resource describes what is special about one kind of object. The zero value
// of every field is the default behavior, so a resource without a description
// still stores, lists, changes and deletes objects.
type resource struct {
	name    string
	table   string // of the records, the name if empty
	typ     string // _type of an activity
	prefix  string // of ids
	short   bool   // short ids
	model   string // name in error messages
	naive   bool   // dates without offset
	authors authors
	event   string // object type in the event log, empty for none
	fields  []field
	open    bool   // accepts unknown keys
	custom  string // owner of custom fields: lead, contact or opportunity
	right   string // permission that a write needs

	filters   map[string]kind // list filters by name
	commas    bool            // filters accept comma-separated lists without __in
	orders    []string        // values of _order_by
	ascending bool            // oldest first by default
	total     bool            // lists carry total_results
	limit     int             // largest _limit, maxLimit if zero

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
	// render completes the copy o of the stored object for the response.
	render func(c *call, rec *record, o object)
	// snapshot returns the form for the event log; nil means the rendered object.
	snapshot func(c *call, rec *record) object
	// onDemand returns values that are returned only when _fields names them.
	onDemand func(c *call, rec *record) object
	// value returns the value for filters and orders; nil means the stored value.
	value func(c *call, rec *record, name string) any
	// narrow returns a filter for lists; a nil function keeps all records.
	narrow func(c *call) (func(*record) bool, error)
	// arrange replaces the order of a list.
	arrange func(c *call, rows []*record)
	// summarize completes a list response from all matching rows.
	summarize func(c *call, rows []*record, response object)
	// lead returns the lead of a stored object; nil means its lead_id.
	lead func(c *call, o object) string

	// actions replaces list, create, get, update and delete, or adds others.
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

// ordinary returns the default description of a resource.
func ordinary(name string) *resource {
	r := &resource{name: name, prefix: guessPrefix(name), short: true, model: guessModel(name), open: true}
	if p, ok := knownPrefixes[name]; ok {
		r.prefix, r.short = p.prefix, p.short
	}
	return r
}
