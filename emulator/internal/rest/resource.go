package rest

import (
	"strings"

	"github.com/closekit/closekit/emulator/internal/store"
)

// Authors selects the fields that name who created and updated an object.
type Authors int

// The fields that name who created and updated an object.
const (
	AuthorNames Authors = iota // created_by, created_by_name, updated_by, updated_by_name
	AuthorPlain                // created_by, updated_by
	AuthorIDs                  // created_by_id, updated_by_id
	AuthorNone
)

// Resource describes what is special about one kind of object. The zero value
// of every field is the default behavior, so a resource without a description
// still stores, lists, changes and deletes objects.
type Resource struct {
	Name    string
	Table   string // of the records, the name if empty
	Type    string // _type of an activity
	Prefix  string // of ids
	Short   bool   // short ids
	Model   string // name in error messages
	Naive   bool   // dates without offset; the route table says so
	Authors Authors
	Event   string // object type in the event log, empty for none
	Fields  []Field
	open    bool   // accepts unknown keys
	Custom  string // owner of custom fields: lead, contact, opportunity, activity or custom_object
	Right   string // permission that a write needs

	Filters   map[string]Kind // list filters by name
	Commas    bool            // filters accept comma-separated lists without __in
	Orders    []string        // values of _order_by
	Ascending bool            // oldest first by default
	Total     bool            // lists carry total_results

	// Prepare completes a new object. body is the whole request.
	Prepare func(c *Call, o, body object, p *Problems)
	// Change completes a patch.
	Change func(c *Call, rec *store.Record, patch, body object, p *Problems)
	// Created and Changed run after the object was stored and its event logged.
	Created func(c *Call, rec *store.Record, body object)
	Changed func(c *Call, rec *store.Record, before object)
	// Release may refuse a delete; Cascade runs before it and Removed after it.
	Release func(c *Call, rec *store.Record) error
	Cascade func(c *Call, rec *store.Record)
	Removed func(c *Call, rec *store.Record)
	// Render completes the copy o of the stored object for the response.
	Render func(c *Call, rec *store.Record, o object)
	// Snapshot returns the form for the event log; nil means the rendered object.
	Snapshot func(c *Call, rec *store.Record) object
	// OnDemand returns values that are returned only when _fields names them.
	OnDemand func(c *Call, rec *store.Record) object
	// Value returns the value for filters and orders; nil means the stored value.
	Value func(c *Call, rec *store.Record, name string) any
	// Narrow returns a filter for lists; a nil function keeps all records.
	Narrow func(c *Call) (func(*store.Record) bool, error)
	// Creation returns what the query says about the date of creation, for a resource
	// whose Narrow or Arrange reads a search text.
	Creation func(c *Call) Creation
	// Arrange replaces the order of a list.
	Arrange func(c *Call, rows []*store.Record)
	// Summarize completes a list response from all matching rows.
	Summarize func(c *Call, rows []*store.Record, response object)
	// Lead returns the lead of a stored object; nil means its lead_id.
	Lead func(c *Call, o object) string

	// Actions replaces list, create, get, update and delete, or adds others.
	Actions map[string]func(c *Call) (any, error)
}

// TableName returns the table of the records.
func (r *Resource) TableName() string {
	if r.Table != "" {
		return r.Table
	}
	return r.Name
}

// LongID is the length of the random part of a long id.
const LongID = store.LongID

// Ordinary returns the default description of a resource.
func Ordinary(name string) *Resource {
	r := &Resource{Name: name, Prefix: guessPrefix(name), Short: true, Model: guessModel(name), open: true}
	if p, ok := knownPrefixes[name]; ok {
		r.Prefix, r.Short = p.prefix, p.short
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
