package wire_test

import (
	"encoding/json"

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

func (v thing) MarshalJSON() ([]byte, error)     { return wire.Marshal(&v) }
func (v *thing) UnmarshalJSON(b []byte) error    { return wire.Unmarshal(b, v) }
func (*thing) Wire() *wire.Struct[thing]         { return &structThing }
func (*thingBase) Wire() *wire.Struct[thingBase] { return &structThingBase }
func (v child) MarshalJSON() ([]byte, error)     { return wire.Marshal(&v) }
func (v *child) UnmarshalJSON(b []byte) error    { return wire.Unmarshal(b, v) }
func (*child) Wire() *wire.Struct[child]         { return &structChild }

var structThing, structThingBase, structChild = wire.Struct[thing]{
	Object: func(v *thing) *runtime.Object { return &v.Object },
	Custom: func(v *thing) *runtime.CustomFields { return &v.Custom },
	Base:   func(v *thing) wire.Part { return wire.In(&v.thingBase) },
	Members: []wire.Member[thing]{
		{Name: "count", Bit: 3, Ref: func(v *thing) wire.Slot { return wire.Int(&v.Count) }},
		{Name: "total", Bit: 4, Ref: func(v *thing) wire.Slot { return wire.Int(&v.Total) }},
		{Name: "ratio", Bit: 5, Ref: func(v *thing) wire.Slot { return wire.Float(&v.Ratio) }},
		{Name: "done", Bit: 6, Ref: func(v *thing) wire.Slot { return wire.Bool(&v.Done) }},
		{Name: "title", Ref: func(v *thing) wire.Slot { return wire.OptStr(&v.Title) }},
		{Name: "size", Ref: func(v *thing) wire.Slot { return wire.OptInt(&v.Size) }},
		{Name: "score", Ref: func(v *thing) wire.Slot { return wire.OptFloat(&v.Score) }},
		{Name: "open", Ref: func(v *thing) wire.Slot { return wire.OptBool(&v.Open) }},
		{Name: "when", Ref: func(v *thing) wire.Slot { return wire.OptStr(&v.When) }},
		{Name: "tags", Ref: func(v *thing) wire.Slot { return wire.Strs(&v.Tags) }},
		{Name: "nullable", Bit: 7, Ref: func(v *thing) wire.Slot { return wire.Strs(&v.Nullable) }},
		{Name: "any", Ref: func(v *thing) wire.Slot { return wire.Raw(&v.Any) }},
		{Name: "anys", Bit: 8, Ref: func(v *thing) wire.Slot { return wire.Raws(&v.Anys) }},
		{Name: "child", Ref: func(v *thing) wire.Slot { return wire.Obj(&v.Child) }},
		{Name: "maybe", Bit: 9, Ref: func(v *thing) wire.Slot { return wire.Obj(&v.Maybe) }},
		{Name: "children", Bit: 10, Ref: func(v *thing) wire.Slot { return wire.List(&v.Children) }},
		{Name: "labels", Ref: func(v *thing) wire.Slot { return wire.MapStr(&v.Labels) }},
		{Name: "counts", Bit: 11, Ref: func(v *thing) wire.Slot { return wire.MapInt(&v.Counts) }},
		{Name: "bag", Bit: 63, Ref: func(v *thing) wire.Slot { return wire.MapRaw(&v.Bag) }},
		{Name: "custom_fields", Ref: func(v *thing) wire.Slot { return wire.Custom(&v.Custom) }},
	},
}, wire.Struct[thingBase]{
	Object: func(v *thingBase) *runtime.Object { return &v.Object },
	Members: []wire.Member[thingBase]{
		{Name: "id", Bit: 1, Ref: func(v *thingBase) wire.Slot { return wire.Str(&v.ID) }},
		{Name: "_type", Bit: 2, Ref: func(v *thingBase) wire.Slot { return wire.Str(&v.Type) }},
		{Name: "note", Ref: func(v *thingBase) wire.Slot { return wire.OptStr(&v.Note) }},
	},
}, wire.Struct[child]{}

func init() {
	// structChild refers to itself through its list.
	structChild.Object = func(v *child) *runtime.Object { return &v.Object }
	structChild.Custom = func(v *child) *runtime.CustomFields { return &v.Custom }
	structChild.Members = []wire.Member[child]{
		{Name: "name", Bit: 1, Ref: func(v *child) wire.Slot { return wire.Str(&v.Name) }},
		{Name: "ratio", Ref: func(v *child) wire.Slot { return wire.OptFloat(&v.Ratio) }},
		{Name: "same", Bit: 2, Ref: func(v *child) wire.Slot { return wire.List(&v.Same) }},
		{Name: "custom_fields", Ref: func(v *child) wire.Slot { return wire.Custom(&v.Custom) }},
	}
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
	Amount  runtime.Opt[int64]
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

func (v *params) Walk(w *wire.Walker)          { wire.Walk(w, v) }
func (*params) Wire() *wire.Struct[params]     { return &structParams }
func (*person) Wire() *wire.Struct[person]     { return &structPerson }
func (v *person) UnmarshalJSON(b []byte) error { return wire.Unmarshal(b, v) }
func (*mail) Wire() *wire.Struct[mail]         { return &structMail }
func (*place) Wire() *wire.Struct[place]       { return &structPlace }

var (
	known    = []wire.IDPrefix{{Prefix: "lead", Kind: "lead"}, {Prefix: "cont", Kind: "contact"}, {Prefix: "oppo", Kind: "opportunity"}}
	kindLead = wire.IDKind{Name: "lead", Prefixes: []string{"lead"}, From: "close_leads_list", Known: &known}
	kindCont = wire.IDKind{Name: "contact", Prefixes: []string{"cont", "lcont"}, From: "close_contacts_list", About: "They belong to leads.", Known: &known}
	kindRole = wire.IDKind{Name: "role", Prefixes: []string{"role"}, Literals: []string{"admin", "user"}, Known: &known}
	words    = []string{"active", "won", "lost"}
)

const both = wire.OnCreate | wire.OnUpdate

var structParams = wire.Struct[params]{
	Members: []wire.Member[params]{
		{In: &wire.Field{Name: "lead_id", In: wire.Path, Flags: wire.Required, ID: &kindLead}, Ref: func(v *params) wire.Slot { return wire.Str(&v.Lead) }},
		{In: &wire.Field{Name: "key", In: wire.Path, Flags: wire.Required}, Ref: func(v *params) wire.Slot { return wire.Str(&v.Key) }},
		{In: &wire.Field{Name: "name", MaxLen: 5, Flags: wire.Nullable}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Name) }},
		{In: &wire.Field{Name: "status", Enum: words, From: "close_statuses_list"}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Status) }},
		{In: &wire.Field{Name: "label", Enum: words, Flags: wire.Open}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Label) }},
		{In: &wire.Field{Name: "count", Flags: wire.Bounded | wire.Nullable, Max: 100}, Ref: func(v *params) wire.Slot { return wire.OptInt(&v.Count) }},
		{In: &wire.Field{Name: "_skip", In: wire.Query, Flags: wire.MinOnly}, Ref: func(v *params) wire.Slot { return wire.OptInt(&v.Skip) }},
		{In: &wire.Field{Name: "value"}, Ref: func(v *params) wire.Slot { return wire.OptInt(&v.Value) }},
		{In: &wire.Field{Name: "score", Flags: wire.MinOnly, Min: 10}, Ref: func(v *params) wire.Slot { return wire.OptFloat(&v.Score) }},
		{In: &wire.Field{Name: "done"}, Ref: func(v *params) wire.Slot { return wire.OptBool(&v.Done) }},
		{In: &wire.Field{Name: "date", Kind: wire.Date}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Date) }},
		{In: &wire.Field{Name: "when", Kind: wire.DateTime}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.When) }},
		{In: &wire.Field{Name: "either", Kind: wire.DateOrDateTime}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Either) }},
		{In: &wire.Field{Name: "email", Kind: wire.Email}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Email) }},
		{In: &wire.Field{Name: "phone", Kind: wire.Phone}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Phone) }},
		{In: &wire.Field{Name: "url", Kind: wire.URL}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.URL) }},
		{In: &wire.Field{Name: "timezone", Kind: wire.Timezone}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.TZ) }},
		{In: &wire.Field{Name: "note_html", Kind: wire.RichText}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Note) }},
		{In: &wire.Field{Name: "_fields", In: wire.Query, MaxLen: 3}, Ref: func(v *params) wire.Slot { return wire.Strs(&v.Fields) }},
		{In: &wire.Field{Name: "contact_ids", ID: &kindCont, MinItems: 1}, Ref: func(v *params) wire.Slot { return wire.Strs(&v.IDs) }},
		{In: &wire.Field{Name: "contacts"}, Ref: func(v *params) wire.Slot { return wire.List(&v.People) }},
		{In: &wire.Field{Name: "home"}, Ref: func(v *params) wire.Slot { return wire.Obj(&v.Home) }},
		{In: &wire.Field{Name: "any", Flags: wire.Nullable}, Ref: func(v *params) wire.Slot { return wire.Raw(&v.Any) }},
		{In: &wire.Field{Name: "anys"}, Ref: func(v *params) wire.Slot { return wire.Raws(&v.Anys) }},
		{In: &wire.Field{Name: "kind", Enum: []string{"lead", "call"}, Preset: `"lead"`}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Kind) }},
		{In: &wire.Field{Name: "role_id", ID: &kindRole}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Role) }},
		{In: &wire.Field{Name: "flag", In: wire.Query}, Ref: func(v *params) wire.Slot { return wire.OptBool(&v.Flag) }},
		{In: &wire.Field{Name: "factor", In: wire.Query}, Ref: func(v *params) wire.Slot { return wire.OptFloat(&v.Factor) }},
		{In: &wire.Field{Name: "query", In: wire.Query, Flags: wire.Nullable}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Query) }},
		{In: &wire.Field{Name: "filter", In: wire.Query}, Ref: func(v *params) wire.Slot { return wire.Raw(&v.Filter) }},
		{In: &wire.Field{Name: "amount"}, Ref: func(v *params) wire.Slot { return wire.OptInt(&v.Amount) }},
		{In: &wire.Field{Name: "contact_id", In: wire.Query, ID: &kindCont}, Ref: func(v *params) wire.Slot { return wire.OptStr(&v.Contact) }},
		{In: &wire.Field{Name: "custom_fields"}, Ref: func(v *params) wire.Slot { return wire.Custom(&v.Custom) }},
	},
}

var structPerson = wire.Struct[person]{
	Object: func(v *person) *runtime.Object { return &v.Object },
	Custom: func(v *person) *runtime.CustomFields { return &v.Custom },
	Members: []wire.Member[person]{
		{Name: "name", In: &wire.Field{Name: "name", Flags: both | wire.Nullable, MaxLen: 5}, Ref: func(v *person) wire.Slot { return wire.OptStr(&v.Name) }},
		{Name: "emails", In: &wire.Field{Name: "emails", Flags: both}, Ref: func(v *person) wire.Slot { return wire.List(&v.Emails) }},
		{Name: "secret", Ref: func(v *person) wire.Slot { return wire.OptStr(&v.Secret) }},
		{Name: "late", In: &wire.Field{Name: "late", Flags: wire.OnUpdate}, Ref: func(v *person) wire.Slot { return wire.OptStr(&v.Late) }},
		{Name: "custom_fields", In: &wire.Field{Name: "custom_fields", Flags: both}, Ref: func(v *person) wire.Slot { return wire.Custom(&v.Custom) }},
	},
}

var structMail = wire.Struct[mail]{
	Object: func(v *mail) *runtime.Object { return &v.Object },
	Members: []wire.Member[mail]{
		{Name: "email", Bit: 1, In: &wire.Field{Name: "email", Kind: wire.Email, Flags: both | wire.Required}, Ref: func(v *mail) wire.Slot { return wire.Str(&v.Email) }},
		{Name: "type", In: &wire.Field{Name: "type", Flags: both, Enum: []string{"office", "home"}}, Ref: func(v *mail) wire.Slot { return wire.OptStr(&v.Type) }},
	},
}

var structPlace wire.Struct[place]

func init() {
	structPlace.Object = func(v *place) *runtime.Object { return &v.Object }
	structPlace.Members = []wire.Member[place]{
		{Name: "city", Bit: 1, In: &wire.Field{Name: "city", Flags: both | wire.Required}, Ref: func(v *place) wire.Slot { return wire.Str(&v.City) }},
		{Name: "inside", In: &wire.Field{Name: "inside", Flags: both}, Ref: func(v *place) wire.Slot { return wire.Obj(&v.Inside) }},
	}
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
