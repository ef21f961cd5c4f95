package emulator

import "strings"

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

// ordinary returns the default description of a resource.
func ordinary(name string) *resource {
	r := &resource{name: name, prefix: guessPrefix(name), short: true, model: guessModel(name), open: true}
	if p, ok := knownPrefixes[name]; ok {
		r.prefix, r.short = p.prefix, p.short
	}
	return r
}

// knownPrefixes are the id prefixes of resources without a description whose
// prefix is not their singular name.
var knownPrefixes = map[string]struct {
	prefix string
	short  bool
}{
	"custom_activity_types": {"actitype", true},
	"email_templates":       {"tmpl", false},
	"memberships":           {"memb", false},
	"phone_numbers":         {"phon", false},
	"saved_searches":        {"save", false},
	"smart_views":           {"save", false},
	"sms_templates":         {"smstmpl", true},
}

// guessPrefix returns the singular of the name of a resource, as an id prefix.
func guessPrefix(resource string) string {
	name := strings.TrimSuffix(resource, "s")
	if before, ok := strings.CutSuffix(resource, "ies"); ok {
		name = before + "y"
	}
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return "obj"
	}
	return b.String()
}

// guessModel returns the name of a resource in error messages.
func guessModel(resource string) string {
	p := guessPrefix(resource)
	return strings.ToUpper(p[:1]) + p[1:]
}
