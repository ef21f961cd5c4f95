package organization

import (
	"cmp"
	"slices"
	"strings"

	"github.com/closekit/closekit/internal/words"
)

// Change is a difference between a lock file and an organization.
type Change struct {
	What string `json:"what"` // new, gone, renamed, changed
	Kind string `json:"kind"` // lead status, custom field of lead
	ID   string `json:"id"`
	Name string `json:"name"` // in the organization; of what is gone, in the lock file
	// How says what differs, in words: "type: text, now choices".
	How string `json:"how,omitempty"`
}

// String returns the change as a line, on which names are quoted if they are not
// printable.
func (c Change) String() string {
	line := c.What + ": " + c.Kind + " " + words.Quote(c.Name) + " (" + words.Name(c.ID) + ")"
	if c.How != "" {
		line += ", " + c.How
	}
	return line
}

// thing is a part of a schema for comparing.
type thing struct {
	kind, id, name string
	facts          [][2]string // name and value, in order
	choices        []string
}

func (s *Schema) things() (list []thing, unread map[string]bool) {
	add := func(kind string, named []Named) {
		for _, n := range named {
			list = append(list, thing{kind: kind, id: n.ID, name: n.Name})
		}
	}
	add("organization", []Named{s.Organization})
	add("lead status", s.LeadStatuses)
	for i := range s.Pipelines {
		p := &s.Pipelines[i]
		add("pipeline", []Named{p.Named})
		for _, st := range p.Statuses {
			list = append(list, thing{kind: "opportunity status", id: st.ID, name: st.Name, facts: [][2]string{{"type", st.Type}, {"pipeline", p.ID}}})
		}
	}
	add("custom activity type", s.ActivityTypes)
	add("custom object type", s.ObjectTypes)
	for i := range s.CustomFields {
		f := &s.CustomFields[i]
		several := "one value"
		if f.Several {
			several = "several values"
		}
		list = append(list, thing{
			kind: "custom field of " + f.Of, id: f.ID, name: f.Name, choices: f.Choices,
			facts: [][2]string{{"type", f.Type}, {"holds", several}, {"description", f.Description}, {"refers to", f.Refers}},
		})
	}
	add("user", s.Users)
	unread = map[string]bool{}
	for _, u := range s.Unread {
		unread[u] = true
	}
	return list, unread
}

// skips reports whether a thing is of a kind that one side could not read.
func skips(t *thing, unread map[string]bool) bool {
	return unread["custom_activity_types"] && (t.kind == "custom activity type" || strings.HasPrefix(t.kind, "custom field of activity/")) ||
		unread["custom_object_types"] && (t.kind == "custom object type" || strings.HasPrefix(t.kind, "custom field of custom_object/"))
}

// Diff returns what has changed from one state to a later one, in a stable order. What
// one of them could not read is not compared.
func Diff(from, to *Schema) (changes []Change) {
	old, unread := from.things()
	now, unreadNow := to.things()
	for u := range unreadNow {
		unread[u] = true
	}
	before := map[string]*thing{}
	for i := range old {
		before[old[i].kind+" "+old[i].id] = &old[i]
	}
	for i := range now {
		t := &now[i]
		if skips(t, unread) {
			continue
		}
		was, ok := before[t.kind+" "+t.id]
		delete(before, t.kind+" "+t.id)
		if !ok {
			changes = append(changes, Change{What: "new", Kind: t.kind, ID: t.id, Name: t.name})
			continue
		}
		changes = append(changes, was.compare(t)...)
	}
	for i := range old {
		if t := &old[i]; before[t.kind+" "+t.id] != nil && !skips(t, unread) {
			changes = append(changes, Change{What: "gone", Kind: t.kind, ID: t.id, Name: t.name})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	return changes
}

func (t *thing) compare(now *thing) (changes []Change) {
	add := func(what, how string) {
		changes = append(changes, Change{What: what, Kind: now.kind, ID: now.id, Name: now.name, How: how})
	}
	if t.name != now.name {
		add("renamed", "was "+words.Quote(t.name))
	}
	for i, f := range t.facts {
		if is := now.facts[i][1]; f[1] != is {
			add("changed", f[0]+": "+words.Quote(f[1])+", now "+words.Quote(is))
		}
	}
	for _, c := range without(now.choices, t.choices) {
		add("changed", "new choice "+words.Quote(c))
	}
	for _, c := range without(t.choices, now.choices) {
		add("changed", "choice gone: "+words.Quote(c))
	}
	return changes
}

// without returns the elements of a that are not in b.
func without(a, b []string) (list []string) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			list = append(list, x)
		}
	}
	return list
}
