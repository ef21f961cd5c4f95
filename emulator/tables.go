package emulator

import (
	"strings"

	"github.com/closekit/closekit/emulator/internal/rest"
)

// table says what the manifest knows of the records of a resource for which the emulator
// has no behavior of its own.
type table struct {
	name    string   // of the resource
	prefix  string   // of new ids
	length  int      // of the random part of new ids; 0 is the short one
	authors string   // the fields that name who wrote a record: names, plain, ids or none
	filters []string // of lists, name:kind
}

var authorFields = map[string]rest.Authors{"names": rest.AuthorNames, "plain": rest.AuthorPlain, "ids": rest.AuthorIDs, "none": rest.AuthorNone}

var filterKinds = map[string]rest.Kind{"text": rest.Text, "flag": rest.Flag, "number": rest.Whole, "day": rest.Day, "time": rest.Instant}

// ordinary returns a resource that stores, lists, changes and deletes records as the
// manifest describes them.
func ordinary(name string) *rest.Resource {
	r := rest.Ordinary(name)
	for i := range toolTables {
		t := &toolTables[i]
		if t.name != name {
			continue
		}
		if t.prefix != "" {
			r.Prefix, r.Short = t.prefix, t.length == 0 || t.length < rest.LongID
		}
		r.Authors, r.Commas, r.Filters = authorFields[t.authors], true, map[string]rest.Kind{}
		for _, f := range t.filters {
			name, kind, _ := strings.Cut(f, ":")
			r.Filters[name] = filterKinds[kind]
		}
	}
	return r
}
