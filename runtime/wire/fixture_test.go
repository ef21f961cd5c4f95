package wire_test

import (
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/runtime/wire"
)

// thing is a result with every kind of slot, as the generator would write it.
type thing struct {
	thingBase
	Count    int                             `json:"count"`
	Total    closekit.Cents                  `json:"total"`
	Ratio    float64                         `json:"ratio"`
	Done     bool                            `json:"done"`
	Title    closekit.Opt[string]            `json:"title"`
	Size     closekit.Opt[int]               `json:"size"`
	Score    closekit.Opt[float64]           `json:"score"`
	Open     closekit.Opt[bool]              `json:"open"`
	When     closekit.Opt[closekit.DateTime] `json:"when"`
	Tags     []string                        `json:"tags"`
	Nullable []string                        `json:"nullable"`
	Any      json.RawMessage                 `json:"any"`
	Anys     []json.RawMessage               `json:"anys"`
	Child    *child                          `json:"child"`
	Maybe    *child                          `json:"maybe"`
	Children []child                         `json:"children"`
	Labels   map[string]string               `json:"labels"`
	Counts   map[string]int                  `json:"counts"`
	Ratios   map[string]float64              `json:"ratios"`
	Bag      map[string]json.RawMessage      `json:"bag"`
	Custom   closekit.CustomFields           `json:"custom_fields"`
}

type thingBase struct {
	closekit.Object
	ID   string               `json:"id"`
	Type string               `json:"_type"`
	Note closekit.Opt[string] `json:"note"`
}

type child struct {
	closekit.Object
	Name   string                `json:"name"`
	Ratio  closekit.Opt[float64] `json:"ratio"`
	Same   []child               `json:"same"`
	Custom closekit.CustomFields `json:"custom_fields"`
}

func (v thing) MarshalJSON() ([]byte, error) { return wire.Marshal(&v) }
func (v *thing) UnmarshalJSON(b []byte) error {
	*v = thing{}
	return wire.Unmarshal(b, v)
}
func (v child) MarshalJSON() ([]byte, error) { return wire.Marshal(&v) }
func (v *child) UnmarshalJSON(b []byte) error {
	*v = child{}
	return wire.Unmarshal(b, v)
}

// params have every kind of parameter.
type params struct {
	Lead    leadID                          `json:"lead_id" close:"path,required"`           // path, lead id
	Key     string                          `json:"key" close:"path,required"`               // path, any text
	Name    closekit.Opt[string]            `json:"name" close:"null,maxlen=5"`              // at most 5 characters
	Status  closekit.Opt[closedEnum]        `json:"status" close:"from=close_statuses_list"` // closed enum
	Label   closekit.Opt[openEnum]          `json:"label" close:"open"`                      // open enum
	Count   closekit.Opt[int]               `json:"count" close:"null,min=0,max=100"`        // 0 to 100
	Skip    closekit.Opt[int]               `json:"_skip" close:"query,min=0"`               // query, 0 or more
	Value   closekit.Opt[closekit.Cents]    `json:"value"`
	Score   closekit.Opt[float64]           `json:"score" close:"min=10"` // 10 or more
	Done    closekit.Opt[bool]              `json:"done"`
	Date    closekit.Opt[closekit.Date]     `json:"date"`
	When    closekit.Opt[closekit.DateTime] `json:"when"`
	Either  closekit.Opt[closekit.DateTime] `json:"either" close:"date"`
	Email   closekit.Opt[string]            `json:"email" close:"email"`
	Phone   closekit.Opt[string]            `json:"phone" close:"phone"`
	URL     closekit.Opt[string]            `json:"url" close:"url"`
	TZ      closekit.Opt[string]            `json:"timezone" close:"timezone"`
	Note    closekit.Opt[string]            `json:"note_html" close:"html"`         // rich text
	Fields  []string                        `json:"_fields" close:"query,maxlen=3"` // query, at most 3
	IDs     []contactID                     `json:"contact_ids" close:"minitems=1"` // contact ids, at least 1 if set
	People  []person                        `json:"contacts"`
	Home    *place                          `json:"home"`
	Any     json.RawMessage                 `json:"any" close:"null"`
	Anys    []json.RawMessage               `json:"anys" close:"null"`
	Kind    closekit.Opt[kindEnum]          `json:"kind" close:"preset=\"lead\""` // preset
	Role    closekit.Opt[roleID]            `json:"role_id"`                      // id with literals
	Flag    closekit.Opt[bool]              `json:"flag" close:"query"`           // query
	Factor  closekit.Opt[float64]           `json:"factor" close:"query"`
	Query   closekit.Opt[string]            `json:"query" close:"query,null"` // query, nullable
	Filter  json.RawMessage                 `json:"filter" close:"query"`     // query
	Amount  closekit.Opt[int]               `json:"amount"`
	Contact closekit.Opt[contactID]         `json:"contact_id" close:"query"` // query, contact id
	Custom  closekit.CustomFields           `json:"custom_fields"`
}

type person struct {
	closekit.Object
	Name   closekit.Opt[string]  `json:"name" close:"null,send,maxlen=5"`
	Emails []mail                `json:"emails" close:"send"`
	Secret closekit.Opt[string]  `json:"secret"`              // never sent
	Late   closekit.Opt[string]  `json:"late" close:"update"` // updates only
	Custom closekit.CustomFields `json:"custom_fields" close:"send"`
}

type mail struct {
	closekit.Object
	Email string                 `json:"email" close:"required,send,email"`
	Type  closekit.Opt[mailType] `json:"type" close:"send"`
}

type place struct {
	closekit.Object
	City   string `json:"city" close:"required,send"`
	Inside *place `json:"inside" close:"send"`
}

func (v *person) UnmarshalJSON(b []byte) error {
	*v = person{}
	return wire.Unmarshal(b, v)
}

var (
	known    = []closekit.IDPrefix{{Prefix: "lead", Kind: "lead"}, {Prefix: "cont", Kind: "contact"}, {Prefix: "oppo", Kind: "opportunity"}}
	kindLead = closekit.IDKind{Name: "lead", Prefixes: []string{"lead"}, From: "close_leads_list", Known: known}
	kindCont = closekit.IDKind{Name: "contact", Prefixes: []string{"cont", "lcont"}, From: "close_contacts_list", About: "They belong to leads.", Known: known}
	kindRole = closekit.IDKind{Name: "role", Prefixes: []string{"role"}, Literals: []string{"admin", "user"}, Known: known}
	values   = []string{"active", "won", "lost"}
)

type (
	leadID     string
	contactID  string
	roleID     string
	closedEnum string
	openEnum   string
	kindEnum   string
	mailType   string
)

func (leadID) Kind() *closekit.IDKind    { return &kindLead }
func (contactID) Kind() *closekit.IDKind { return &kindCont }
func (roleID) Kind() *closekit.IDKind    { return &kindRole }
func (closedEnum) Values() []string      { return values }
func (openEnum) Values() []string        { return values }
func (kindEnum) Values() []string        { return []string{"lead", "call"} }
func (mailType) Values() []string        { return []string{"office", "home"} }

func newParams() any { return new(params) }

// create and update are operations with params.
var (
	create = wire.Operation{
		Operation: closekit.Operation{Tool: "close_thing_create", Method: "POST", Path: "/thing/{lead_id}/{key}/", Effect: closekit.Write},
		Params:    newParams,
		Aliases: []wire.Alias{
			{Name: "lead", For: "lead_id"},
			{Name: "fields", For: "_fields"},
			{Name: "columns", For: "_fields"},
			{Name: "pause", For: "status", Map: []wire.AliasValue{{From: "true", To: `"lost"`}, {From: "false", To: `"active"`}}},
		},
	}
	update = wire.Operation{
		Operation: closekit.Operation{Tool: "close_thing_update", Method: "PUT", Path: "/thing/{lead_id}/{key}/", Effect: closekit.Write},
		Params:    newParams,
	}
)

func valid() *params { return &params{Lead: "lead_abc", Key: "k"} }
