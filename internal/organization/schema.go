// Package organization is what an organization of Close has set up for itself: statuses,
// pipelines, users, custom fields and types. It reads that from Close, keeps it in a lock
// file, and compares two states of it.
package organization

import (
	"cmp"
	"slices"
)

// Version is the version of the lock file.
const Version = 1

// Schema is what an organization has set up. It has no data of customers: ids and names
// only.
type Schema struct {
	Version       int        `json:"version"`
	Organization  Named      `json:"organization"`
	LeadStatuses  []Named    `json:"lead_statuses"`
	Pipelines     []Pipeline `json:"pipelines"`
	ActivityTypes []Named    `json:"custom_activity_types"`
	ObjectTypes   []Named    `json:"custom_object_types"`
	CustomFields  []Field    `json:"custom_fields"`
	Users         []Named    `json:"users"`
	// Unread are the kinds of things that Close did not show.
	Unread []string `json:"unread,omitempty"`
}

// Named is a thing with a name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Go   string `json:"go,omitempty"` // name in Go that a person has chosen; pull keeps it
}

// Pipeline is a pipeline with its statuses, in their order.
type Pipeline struct {
	Named
	Statuses []Status `json:"statuses"`
}

// Status is a status of opportunities.
type Status struct {
	Named
	Type string `json:"type"` // active, won or lost
}

// Field is a custom field of one kind of record. A shared field is there for each kind.
type Field struct {
	// Of is the kind of record: lead, contact, opportunity, or activity/ID and
	// custom_object/ID with the id of a type.
	Of string `json:"of"`
	Named
	Type        string   `json:"type"`
	Several     bool     `json:"several,omitempty"` // holds a list
	Shared      bool     `json:"shared,omitempty"`
	Description string   `json:"description,omitempty"`
	Choices     []string `json:"choices,omitempty"` // in their order
	Refers      string   `json:"refers,omitempty"`  // custom object type that values name
}

// key identifies a field: a shared one has one id for several kinds of records.
func (f *Field) key() string { return f.Of + " " + f.ID }

func byID(a, b Named) int { return cmp.Compare(a.ID, b.ID) }

// sort gives everything whose order means nothing a stable one.
func (s *Schema) sort() {
	slices.SortFunc(s.LeadStatuses, byID)
	slices.SortFunc(s.ActivityTypes, byID)
	slices.SortFunc(s.ObjectTypes, byID)
	slices.SortFunc(s.Users, byID)
	slices.SortFunc(s.Pipelines, func(a, b Pipeline) int { return byID(a.Named, b.Named) })
	slices.SortFunc(s.CustomFields, func(a, b Field) int { return cmp.Or(cmp.Compare(a.Of, b.Of), byID(a.Named, b.Named)) })
	slices.Sort(s.Unread)
}

// KeepNames takes over the Go names that a person has chosen in an earlier state.
func (s *Schema) KeepNames(old *Schema) {
	chosen := map[string]string{}
	old.each(func(key string, n *Named) { chosen[key] = n.Go })
	s.each(func(key string, n *Named) { n.Go = chosen[key] })
}

// each calls f for all that has a name in Go, with a key that is unique.
func (s *Schema) each(f func(key string, n *Named)) {
	for _, list := range [][]Named{s.LeadStatuses, s.ActivityTypes, s.ObjectTypes, s.Users} {
		for i := range list {
			f(list[i].ID, &list[i])
		}
	}
	for i := range s.Pipelines {
		p := &s.Pipelines[i]
		f(p.ID, &p.Named)
		for j := range p.Statuses {
			f(p.Statuses[j].ID, &p.Statuses[j].Named)
		}
	}
	for i := range s.CustomFields {
		f(s.CustomFields[i].key(), &s.CustomFields[i].Named)
	}
}
