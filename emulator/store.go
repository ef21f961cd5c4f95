package emulator

import (
	"slices"
	"time"
)

// object is a JSON object. Values inside a stored object are never changed in
// place: a write replaces a whole top-level value, so a copy of the top level is
// a snapshot.
type object = map[string]any

// record is one stored object.
type record struct {
	seq  uint64 // order of creation, breaks ties between equal dates
	org  string
	id   string
	lead string // lead the record belongs to, "" for none; the lead's own id for leads
	data object
	gone bool
}

// table holds the records of one resource for all organizations.
type table struct {
	byID   map[string]*record
	byLead map[string][]*record
	rows   []*record // in order of creation, may contain deleted records
	gone   int
}

func newTable() *table {
	return &table{byID: map[string]*record{}, byLead: map[string][]*record{}}
}

func (t *table) insert(r *record) {
	t.byID[r.id] = r
	t.rows = append(t.rows, r)
	if r.lead != "" {
		t.byLead[r.lead] = append(t.byLead[r.lead], r)
	}
}

func (t *table) unlink(r *record) {
	rows := slices.DeleteFunc(t.byLead[r.lead], func(x *record) bool { return x == r })
	if len(rows) == 0 {
		delete(t.byLead, r.lead)
		return
	}
	t.byLead[r.lead] = rows
}

// move changes the lead that a record belongs to.
func (t *table) move(r *record, lead string) {
	if r.lead == lead {
		return
	}
	if r.lead != "" {
		t.unlink(r)
	}
	r.lead = lead
	if lead != "" {
		t.byLead[lead] = append(t.byLead[lead], r)
		slices.SortFunc(t.byLead[lead], bySeq)
	}
}

func (t *table) remove(r *record) {
	if r.gone {
		return
	}
	r.gone = true
	delete(t.byID, r.id)
	if r.lead != "" {
		t.unlink(r)
	}
	t.gone++
	if t.gone > 64 && t.gone > len(t.rows)/2 {
		t.rows = slices.DeleteFunc(t.rows, func(x *record) bool { return x.gone })
		t.gone = 0
	}
}

// of returns the records of a lead, oldest first. The result is a copy.
func (t *table) of(lead string) []*record { return slices.Clone(t.byLead[lead]) }

// all returns the records of an organization, oldest first. The result is a copy.
func (t *table) all(org string) []*record {
	var out []*record
	for _, r := range t.rows {
		if !r.gone && r.org == org {
			out = append(out, r)
		}
	}
	return out
}

func bySeq(a, b *record) int {
	switch {
	case a.seq < b.seq:
		return -1
	case a.seq > b.seq:
		return 1
	}
	return 0
}

// event is one entry of the event log. Its body is replaced, never changed in
// place, when updates are consolidated.
type event struct {
	org     string
	body    object
	created time.Time
	updated time.Time
}

// message is an email or SMS that was "sent".
type message struct {
	Time           time.Time
	Kind           string // "email" or "sms"
	ActivityID     string
	LeadID         string
	OrganizationID string
	UserID         string
	From           string
	To, CC, BCC    []string
	Subject        string
	Text, HTML     string
}

// staleLead is a deleted lead that can still be read for a while.
type staleLead struct {
	body  object
	org   string
	until time.Time
}

// state is the content of an emulated Close. It has no lock of its own.
type state struct {
	ids      *idSource
	seq      uint64
	tables   map[string]*table
	users    []*user
	orgs     []*organization
	keys     map[string]*apiKey
	keyOrder []string
	events   []*event
	outbox   []message
	waiting  []*record // messages that are sent later
	stale    map[string]staleLead
}

// newState returns an empty state. Equal seeds generate equal ids.
func newState(seed int64) *state {
	return &state{ids: newIDSource(seed), tables: map[string]*table{}, keys: map[string]*apiKey{}, stale: map[string]staleLead{}}
}

// table returns the named table and creates it if it does not exist.
func (st *state) table(name string) *table {
	t := st.tables[name]
	if t == nil {
		t = newTable()
		st.tables[name] = t
	}
	return t
}

// find returns a record of an organization, or nil.
func (st *state) find(table, org, id string) *record {
	if id == "" {
		return nil
	}
	r := st.table(table).byID[id]
	if r == nil || r.org != org {
		return nil
	}
	return r
}

func (st *state) nextSeq() uint64 {
	st.seq++
	return st.seq
}
