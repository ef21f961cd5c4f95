package wire_test

import (
	"encoding/json"
	"unsafe"

	"github.com/closekit/closekit/runtime"
	"github.com/closekit/closekit/runtime/wire"
)

// thing is a result with every kind of slot, written as the generator would.
type thing struct {
	thingBase
	Count    int
	Total    runtime.Cents
	Ratio    float64
	Done     bool
	Title    runtime.Opt[string]
	Size     runtime.Opt[int]
	Score    runtime.Opt[float64]
	Open     runtime.Opt[bool]
	When     runtime.Opt[runtime.DateTime]
	Tags     []string
	Nullable []string
	Any      json.RawMessage
	Anys     []json.RawMessage
	Child    *child
	Maybe    *child
	Children []child
	Labels   map[string]string
	Counts   map[string]int
	Bag      map[string]json.RawMessage
	Custom   runtime.CustomFields
}

type thingBase struct {
	runtime.Object
	ID   string
	Type string
	Note runtime.Opt[string]
}

type child struct {
	runtime.Object
	Name   string
	Ratio  runtime.Opt[float64]
	Same   []child
	Custom runtime.CustomFields
}

func (v thing) MarshalJSON() ([]byte, error) { return wire.Marshal(v.Wire(), unsafe.Pointer(&v)) }
func (v *thing) UnmarshalJSON(b []byte) error {
	*v = thing{}
	return wire.Unmarshal(b, v.Wire(), unsafe.Pointer(v))
}
func (*thing) Wire() *wire.Struct            { return &structThing }
func (*thingBase) Wire() *wire.Struct        { return &structThingBase }
func (v child) MarshalJSON() ([]byte, error) { return wire.Marshal(v.Wire(), unsafe.Pointer(&v)) }
func (v *child) UnmarshalJSON(b []byte) error {
	*v = child{}
	return wire.Unmarshal(b, v.Wire(), unsafe.Pointer(v))
}
func (*child) Wire() *wire.Struct { return &structChild }

var structThing = wire.Struct{
	Custom: unsafe.Offsetof(thing{}.Custom),
	Base:   &structThingBase,
	Members: []wire.Member{
		{Name: "count", Bit: 3, As: wire.Int, At: unsafe.Offsetof(thing{}.Count)},
		{Name: "total", Bit: 4, As: wire.Cents, At: unsafe.Offsetof(thing{}.Total)},
		{Name: "ratio", Bit: 5, As: wire.Float, At: unsafe.Offsetof(thing{}.Ratio)},
		{Name: "done", Bit: 6, As: wire.Bool, At: unsafe.Offsetof(thing{}.Done)},
		{Name: "title", As: wire.OptStr, At: unsafe.Offsetof(thing{}.Title)},
		{Name: "size", As: wire.OptInt, At: unsafe.Offsetof(thing{}.Size)},
		{Name: "score", As: wire.OptFloat, At: unsafe.Offsetof(thing{}.Score)},
		{Name: "open", As: wire.OptBool, At: unsafe.Offsetof(thing{}.Open)},
		{Name: "when", As: wire.OptStr, At: unsafe.Offsetof(thing{}.When)},
		{Name: "tags", As: wire.Strs, At: unsafe.Offsetof(thing{}.Tags)},
		{Name: "nullable", Bit: 7, As: wire.Strs, At: unsafe.Offsetof(thing{}.Nullable)},
		{Name: "any", As: wire.Raw, At: unsafe.Offsetof(thing{}.Any)},
		{Name: "anys", Bit: 8, As: wire.Raws, At: unsafe.Offsetof(thing{}.Anys)},
		{Name: "child", As: wire.Obj, At: unsafe.Offsetof(thing{}.Child), Elem: wire.Elem[child]},
		{Name: "maybe", Bit: 9, As: wire.Obj, At: unsafe.Offsetof(thing{}.Maybe), Elem: wire.Elem[child]},
		{Name: "children", Bit: 10, As: wire.List, At: unsafe.Offsetof(thing{}.Children), Elem: wire.Elem[child]},
		{Name: "labels", As: wire.MapStr, At: unsafe.Offsetof(thing{}.Labels)},
		{Name: "counts", Bit: 11, As: wire.MapInt, At: unsafe.Offsetof(thing{}.Counts)},
		{Name: "bag", Bit: 63, As: wire.MapRaw, At: unsafe.Offsetof(thing{}.Bag)},
		{Name: "custom_fields", As: wire.Custom, At: unsafe.Offsetof(thing{}.Custom)},
	},
}

var structThingBase = wire.Struct{
	Members: []wire.Member{
		{Name: "id", Bit: 1, As: wire.Str, At: unsafe.Offsetof(thingBase{}.ID)},
		{Name: "_type", Bit: 2, As: wire.Str, At: unsafe.Offsetof(thingBase{}.Type)},
		{Name: "note", As: wire.OptStr, At: unsafe.Offsetof(thingBase{}.Note)},
	},
}

var structChild = wire.Struct{
	Custom: unsafe.Offsetof(child{}.Custom),
	Size:   unsafe.Sizeof(child{}), Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		return unsafe.Pointer(unsafe.SliceData(append(make([]child, 0, n), unsafe.Slice((*child)(old), k)...)))
	},
	Members: []wire.Member{
		{Name: "name", Bit: 1, As: wire.Str, At: unsafe.Offsetof(child{}.Name)},
		{Name: "ratio", As: wire.OptFloat, At: unsafe.Offsetof(child{}.Ratio)},
		{Name: "same", Bit: 2, As: wire.List, At: unsafe.Offsetof(child{}.Same), Elem: wire.Elem[child]},
		{Name: "custom_fields", As: wire.Custom, At: unsafe.Offsetof(child{}.Custom)},
	},
}

// params have every kind of parameter.
type params struct {
	Lead    string              // path, lead id
	Key     string              // path, any text
	Name    runtime.Opt[string] // at most 5 characters
	Status  runtime.Opt[string] // closed enum
	Label   runtime.Opt[string] // open enum
	Count   runtime.Opt[int]    // 0 to 100
	Skip    runtime.Opt[int]    // query, 0 or more
	Value   runtime.Opt[runtime.Cents]
	Score   runtime.Opt[float64] // 10 or more
	Done    runtime.Opt[bool]
	Date    runtime.Opt[runtime.Date]
	When    runtime.Opt[runtime.DateTime]
	Either  runtime.Opt[runtime.DateTime]
	Email   runtime.Opt[string]
	Phone   runtime.Opt[string]
	URL     runtime.Opt[string]
	TZ      runtime.Opt[string]
	Note    runtime.Opt[string] // rich text
	Fields  []string            // query, at most 3
	IDs     []string            // contact ids, at least 1 if given
	People  []person
	Home    *place
	Any     json.RawMessage
	Anys    []json.RawMessage
	Kind    runtime.Opt[string] // preset
	Role    runtime.Opt[string] // id with literals
	Flag    runtime.Opt[bool]   // query
	Factor  runtime.Opt[float64]
	Query   runtime.Opt[string] // query, nullable
	Filter  json.RawMessage     // query
	Amount  runtime.Opt[int]
	Contact runtime.Opt[string] // query, contact id
	Custom  runtime.CustomFields
}

type person struct {
	runtime.Object
	Name   runtime.Opt[string]
	Emails []mail
	Secret runtime.Opt[string] // never sent
	Late   runtime.Opt[string] // updates only
	Custom runtime.CustomFields
}

type mail struct {
	runtime.Object
	Email string
	Type  runtime.Opt[string]
}

type place struct {
	runtime.Object
	City   string
	Inside *place
}

func (v *params) Walk(w *wire.Walker) { wire.Walk(w, v.Wire(), unsafe.Pointer(v)) }
func (*params) Wire() *wire.Struct    { return &structParams }
func (*person) Wire() *wire.Struct    { return &structPerson }
func (v *person) UnmarshalJSON(b []byte) error {
	*v = person{}
	return wire.Unmarshal(b, v.Wire(), unsafe.Pointer(v))
}
func (*mail) Wire() *wire.Struct  { return &structMail }
func (*place) Wire() *wire.Struct { return &structPlace }

var (
	known    = []wire.IDPrefix{{Prefix: "lead", Kind: "lead"}, {Prefix: "cont", Kind: "contact"}, {Prefix: "oppo", Kind: "opportunity"}}
	kindLead = wire.IDKind{Name: "lead", Prefixes: []string{"lead"}, From: "close_leads_list", Known: &known}
	kindCont = wire.IDKind{Name: "contact", Prefixes: []string{"cont", "lcont"}, From: "close_contacts_list", About: "They belong to leads.", Known: &known}
	kindRole = wire.IDKind{Name: "role", Prefixes: []string{"role"}, Literals: []string{"admin", "user"}, Known: &known}
	words    = []string{"active", "won", "lost"}
)

const both = wire.OnCreate | wire.OnUpdate

var structParams = wire.Struct{
	Members: []wire.Member{
		{In: &wire.Field{Name: "lead_id", In: wire.Path, Flags: wire.Required, ID: &kindLead}, As: wire.Str, At: unsafe.Offsetof(params{}.Lead)},
		{In: &wire.Field{Name: "key", In: wire.Path, Flags: wire.Required}, As: wire.Str, At: unsafe.Offsetof(params{}.Key)},
		{In: &wire.Field{Name: "name", MaxLen: 5, Flags: wire.Nullable}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Name)},
		{In: &wire.Field{Name: "status", Enum: words, From: "close_statuses_list"}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Status)},
		{In: &wire.Field{Name: "label", Enum: words, Flags: wire.Open}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Label)},
		{In: &wire.Field{Name: "count", Flags: wire.Bounded | wire.Nullable, Max: 100}, As: wire.OptInt, At: unsafe.Offsetof(params{}.Count)},
		{In: &wire.Field{Name: "_skip", In: wire.Query, Flags: wire.MinOnly}, As: wire.OptInt, At: unsafe.Offsetof(params{}.Skip)},
		{In: &wire.Field{Name: "value"}, As: wire.OptCents, At: unsafe.Offsetof(params{}.Value)},
		{In: &wire.Field{Name: "score", Flags: wire.MinOnly, Min: 10}, As: wire.OptFloat, At: unsafe.Offsetof(params{}.Score)},
		{In: &wire.Field{Name: "done"}, As: wire.OptBool, At: unsafe.Offsetof(params{}.Done)},
		{In: &wire.Field{Name: "date", Kind: wire.Date}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Date)},
		{In: &wire.Field{Name: "when", Kind: wire.DateTime}, As: wire.OptStr, At: unsafe.Offsetof(params{}.When)},
		{In: &wire.Field{Name: "either", Kind: wire.DateOrDateTime}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Either)},
		{In: &wire.Field{Name: "email", Kind: wire.Email}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Email)},
		{In: &wire.Field{Name: "phone", Kind: wire.Phone}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Phone)},
		{In: &wire.Field{Name: "url", Kind: wire.URL}, As: wire.OptStr, At: unsafe.Offsetof(params{}.URL)},
		{In: &wire.Field{Name: "timezone", Kind: wire.Timezone}, As: wire.OptStr, At: unsafe.Offsetof(params{}.TZ)},
		{In: &wire.Field{Name: "note_html", Kind: wire.RichText}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Note)},
		{In: &wire.Field{Name: "_fields", In: wire.Query, MaxLen: 3}, As: wire.Strs, At: unsafe.Offsetof(params{}.Fields)},
		{In: &wire.Field{Name: "contact_ids", ID: &kindCont, MinItems: 1}, As: wire.Strs, At: unsafe.Offsetof(params{}.IDs)},
		{In: &wire.Field{Name: "contacts"}, As: wire.List, At: unsafe.Offsetof(params{}.People), Elem: wire.Elem[person]},
		{In: &wire.Field{Name: "home"}, As: wire.Obj, At: unsafe.Offsetof(params{}.Home), Elem: wire.Elem[place]},
		{In: &wire.Field{Name: "any", Flags: wire.Nullable}, As: wire.Raw, At: unsafe.Offsetof(params{}.Any)},
		{In: &wire.Field{Name: "anys", Flags: wire.Nullable}, As: wire.Raws, At: unsafe.Offsetof(params{}.Anys)},
		{In: &wire.Field{Name: "kind", Enum: []string{"lead", "call"}, Preset: `"lead"`}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Kind)},
		{In: &wire.Field{Name: "role_id", ID: &kindRole}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Role)},
		{In: &wire.Field{Name: "flag", In: wire.Query}, As: wire.OptBool, At: unsafe.Offsetof(params{}.Flag)},
		{In: &wire.Field{Name: "factor", In: wire.Query}, As: wire.OptFloat, At: unsafe.Offsetof(params{}.Factor)},
		{In: &wire.Field{Name: "query", In: wire.Query, Flags: wire.Nullable}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Query)},
		{In: &wire.Field{Name: "filter", In: wire.Query}, As: wire.Raw, At: unsafe.Offsetof(params{}.Filter)},
		{In: &wire.Field{Name: "amount"}, As: wire.OptInt, At: unsafe.Offsetof(params{}.Amount)},
		{In: &wire.Field{Name: "contact_id", In: wire.Query, ID: &kindCont}, As: wire.OptStr, At: unsafe.Offsetof(params{}.Contact)},
		{In: &wire.Field{Name: "custom_fields"}, As: wire.Custom, At: unsafe.Offsetof(params{}.Custom)},
	},
}

var structPerson = wire.Struct{
	Size: unsafe.Sizeof(person{}), Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		return unsafe.Pointer(unsafe.SliceData(append(make([]person, 0, n), unsafe.Slice((*person)(old), k)...)))
	},
	Custom: unsafe.Offsetof(person{}.Custom),
	Members: []wire.Member{
		{Name: "name", In: &wire.Field{Name: "name", Flags: both | wire.Nullable, MaxLen: 5}, As: wire.OptStr, At: unsafe.Offsetof(person{}.Name)},
		{Name: "emails", In: &wire.Field{Name: "emails", Flags: both}, As: wire.List, At: unsafe.Offsetof(person{}.Emails), Elem: wire.Elem[mail]},
		{Name: "secret", As: wire.OptStr, At: unsafe.Offsetof(person{}.Secret)},
		{Name: "late", In: &wire.Field{Name: "late", Flags: wire.OnUpdate}, As: wire.OptStr, At: unsafe.Offsetof(person{}.Late)},
		{Name: "custom_fields", In: &wire.Field{Name: "custom_fields", Flags: both}, As: wire.Custom, At: unsafe.Offsetof(person{}.Custom)},
	},
}

var structMail = wire.Struct{
	Size: unsafe.Sizeof(mail{}), Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		return unsafe.Pointer(unsafe.SliceData(append(make([]mail, 0, n), unsafe.Slice((*mail)(old), k)...)))
	},
	Members: []wire.Member{
		{Name: "email", Bit: 1, In: &wire.Field{Name: "email", Kind: wire.Email, Flags: both | wire.Required}, As: wire.Str, At: unsafe.Offsetof(mail{}.Email)},
		{Name: "type", In: &wire.Field{Name: "type", Flags: both, Enum: []string{"office", "home"}}, As: wire.OptStr, At: unsafe.Offsetof(mail{}.Type)},
	},
}

var structPlace = wire.Struct{
	Size: unsafe.Sizeof(place{}), Grow: func(old unsafe.Pointer, k, n int) unsafe.Pointer {
		return unsafe.Pointer(unsafe.SliceData(append(make([]place, 0, n), unsafe.Slice((*place)(old), k)...)))
	},
	Members: []wire.Member{
		{Name: "city", Bit: 1, In: &wire.Field{Name: "city", Flags: both | wire.Required}, As: wire.Str, At: unsafe.Offsetof(place{}.City)},
		{Name: "inside", In: &wire.Field{Name: "inside", Flags: both}, As: wire.Obj, At: unsafe.Offsetof(place{}.Inside), Elem: wire.Elem[place]},
	},
}

func newParams() runtime.Params { return new(params) }

// create and update are operations with params.
var (
	create = runtime.Operation{
		Tool: "close_thing_create", Method: "POST", Path: "/thing/{lead_id}/{key}/", Effect: runtime.Write, NewParams: newParams,
		Spec: wire.Spec{Aliases: []wire.Alias{
			{Name: "lead", For: "lead_id"},
			{Name: "fields", For: "_fields"},
			{Name: "columns", For: "_fields"},
			{Name: "pause", For: "status", Map: []wire.AliasValue{{From: "true", To: `"lost"`}, {From: "false", To: `"active"`}}},
		}},
	}
	update = runtime.Operation{
		Tool: "close_thing_update", Method: "PUT", Path: "/thing/{lead_id}/{key}/", Effect: runtime.Write, NewParams: newParams,
		Spec: wire.Spec{Update: true},
	}
)

func valid() *params { return &params{Lead: "lead_abc", Key: "k"} }
