package emulator

import (
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
)

// table says what the manifest knows of the records of a resource.
type table struct {
	name     string   // of the resource
	prefix   string   // of new ids
	length   int      // of the random part of new ids; 0 is the short one
	authors  string   // the fields that name who wrote a record: names, plain, ids or none
	noOffset bool     // dates are written in UTC without an offset
	filters  []string // of lists, name:kind
}

// tableNames are the names that the emulator has for tables whose paths make no good one.
var tableNames = map[string]string{
	"lead_history": "created", "activity_lead_merge": "lead_merges", "activity_task_completed": "tasks_completed",
	"activity_import_update": "import_updates", "activity_form_submission": "form_submissions", "comment_thread": "comment_threads",
}

var authorFields = map[string]rest.Authors{"names": rest.AuthorNames, "plain": rest.AuthorPlain, "ids": rest.AuthorIDs, "none": rest.AuthorNone}

var filterKinds = map[string]rest.Kind{"text": rest.Text, "flag": rest.Flag, "number": rest.Whole, "day": rest.Day, "time": rest.Instant}

// ordinary returns a resource that stores, lists, changes and deletes records as the
// manifest describes them in t; nil if it does not.
func ordinary(name string, t *table) *rest.Resource {
	r := rest.Ordinary(name)
	if t == nil {
		return r
	}
	if t.prefix != "" {
		r.Prefix, r.Short = t.prefix, t.length == 0 || t.length < rest.LongID
	}
	r.Authors, r.Commas, r.Filters = authorFields[t.authors], true, map[string]rest.Kind{}
	for _, f := range t.filters {
		name, kind, _ := strings.Cut(f, ":")
		r.Filters[name] = filterKinds[kind]
	}
	return r
}
