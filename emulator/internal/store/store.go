package store

import (
	"compress/flate"
	"slices"
	"time"

	"github.com/closekit/closekit/emulator/internal/value"
)

type object = value.Object

// Record is one stored object.
type Record struct {
	Seq          uint64 // order of creation, breaks ties between equal dates
	Organization string
	ID           string
	Lead         string // lead the record belongs to, "" for none; the lead's own id for leads
	Created      string // date_created when it was stored, which never changes
	Data         object
	Gone         bool
}

// Table holds the records of one resource for all organizations.
type Table struct {
	ByID   map[string]*Record
	byLead map[string][]*Record
	Rows   []*Record // in order of creation, may contain deleted records
	orders map[orderKey]*Order
	gone   int
}

func newTable() *Table {
	return &Table{ByID: map[string]*Record{}, byLead: map[string][]*Record{}, orders: map[orderKey]*Order{}}
}

// Insert adds a record.
func (t *Table) Insert(r *Record) {
	t.ByID[r.ID] = r
	t.Rows = append(t.Rows, r)
	if r.Lead != "" {
		t.byLead[r.Lead] = append(t.byLead[r.Lead], r)
	}
	r.Created = value.String(r.Data["date_created"])
	for _, o := range t.ordersOf(r) {
		o.insert(r)
	}
}

// Order returns the records of an organization by date of creation, those of one
// _type if kind is not empty.
func (t *Table) Order(org, kind string) *Order {
	k := orderKey{org, kind}
	if t.orders[k] == nil {
		t.orders[k] = &Order{}
	}
	return t.orders[k]
}

// ordersOf returns the orders that a record belongs to.
func (t *Table) ordersOf(r *Record) []*Order {
	all := []*Order{t.Order(r.Organization, "")}
	if kind := value.String(r.Data["_type"]); kind != "" {
		all = append(all, t.Order(r.Organization, kind))
	}
	return all
}

func (t *Table) unlink(r *Record) {
	rows := slices.DeleteFunc(t.byLead[r.Lead], func(x *Record) bool { return x == r })
	if len(rows) == 0 {
		delete(t.byLead, r.Lead)
		return
	}
	t.byLead[r.Lead] = rows
}

// Move changes the lead that a record belongs to.
func (t *Table) Move(r *Record, lead string) {
	if r.Lead == lead {
		return
	}
	if r.Lead != "" {
		t.unlink(r)
	}
	r.Lead = lead
	if lead != "" {
		t.byLead[lead] = append(t.byLead[lead], r)
		slices.SortFunc(t.byLead[lead], BySeq)
	}
}

// Remove deletes a record and marks it as gone.
func (t *Table) Remove(r *Record) {
	if r.Gone {
		return
	}
	r.Gone = true
	for _, o := range t.ordersOf(r) {
		o.remove(r)
	}
	delete(t.ByID, r.ID)
	if r.Lead != "" {
		t.unlink(r)
	}
	t.gone++
	if t.gone > 64 && t.gone > len(t.Rows)/2 {
		t.Rows = slices.DeleteFunc(t.Rows, func(x *Record) bool { return x.Gone })
		t.gone = 0
	}
}

// Of returns the records of a lead, oldest first. The result is a copy.
func (t *Table) Of(lead string) []*Record { return slices.Clone(t.byLead[lead]) }

// All returns the records of an organization, oldest first. The result is a copy.
func (t *Table) All(org string) []*Record {
	var out []*Record
	for _, r := range t.Rows {
		if !r.Gone && r.Organization == org {
			out = append(out, r)
		}
	}
	return out
}

// BySeq compares records by their order of creation.
func BySeq(a, b *Record) int {
	switch {
	case a.Seq < b.Seq:
		return -1
	case a.Seq > b.Seq:
		return 1
	}
	return 0
}

// Message is an email or SMS that was "sent".
type Message struct {
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

// StaleLead is a deleted lead that can still be read for a while.
type StaleLead struct {
	Body         object
	Organization string
	Until        time.Time
}

// Job is a record whose status changes with time, because it stands for work in the
// background.
type Job struct {
	Record   *Record
	Resource string
	Due      time.Time // of the next step
	Step     int
	IDs      []string // of the records that it is about, once they are found
}

// Walk is a search that is read page by page.
type Walk struct {
	Organization string
	Kind         string
	IDs          []string // that are left
	Expires      time.Time
}

// State is the content of an emulated Close. It has no lock of its own.
type State struct {
	IDs           *IDSource
	seq           uint64
	tables        map[string]*Table
	Users         []*User
	Organizations []*Organization
	Keys          map[string]*APIKey
	KeyOrder      []string
	Events        []*Event
	packer        *flate.Writer // of events
	Outbox        []Message
	Waiting       []*Record // messages that are sent later
	Stale         map[string]StaleLead
	Jobs          []*Job
	Walks         map[string]*Walk // by cursor
	Files         map[string]*File // by key
}

// NewState returns an empty state. Equal seeds generate equal ids.
func NewState(seed int64) *State {
	return &State{IDs: newIDSource(seed), tables: map[string]*Table{}, Keys: map[string]*APIKey{}, Stale: map[string]StaleLead{}, Walks: map[string]*Walk{}, Files: map[string]*File{}}
}

// Table returns the named table and creates it if it does not exist.
func (st *State) Table(name string) *Table {
	t := st.tables[name]
	if t == nil {
		t = newTable()
		st.tables[name] = t
	}
	return t
}

// Find returns a record of an organization, or nil.
func (st *State) Find(table, org, id string) *Record {
	if id == "" {
		return nil
	}
	r := st.Table(table).ByID[id]
	if r == nil || r.Organization != org {
		return nil
	}
	return r
}

// NumberTaken reports whether an organization has a phone number.
func (st *State) NumberTaken(number string) bool {
	for _, r := range st.Table("phone_numbers").ByID {
		if r.Data["number"] == number {
			return true
		}
	}
	return false
}

// NextSeq returns the next number in the order of creation.
func (st *State) NextSeq() uint64 {
	st.seq++
	return st.seq
}
