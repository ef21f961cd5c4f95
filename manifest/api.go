package manifest

import (
	"cmp"
	"encoding/json"
	"path"
	"strings"
)

// API is a checked manifest: every name is resolved, every default is filled
// in, and everything is in the order of the files. Only [Check] makes one, and
// nothing changes it afterwards.
type API struct {
	Name    string
	BaseURL string
	Prefix  string // /api/v1
	Doc     string
	About   string

	Conventions Conventions
	IDs         []*IDKind
	Areas       []Area
	Resources   []*Resource
	Toolsets    []Toolset
	Lexicon     []Word
}

// IsClose reports whether the manifest describes the API of Close.
func (a *API) IsClose() bool {
	return a.Name == "Close" && a.BaseURL == "https://api.close.com" && a.Prefix == "/api/v1" && a.Conventions == closeConventions
}

// closeConventions are those of Close, which hold unless close.yaml changes them.
var closeConventions = Conventions{Offset: "_skip", Items: "data", More: "has_more", Total: "total_results"}

// Conventions are what all operations of an API share. Each has the convention of
// Close unless close.yaml changes it.
type Conventions struct {
	NoSlash     bool   // paths do not end in a slash
	Offset      string // name of the parameter by which lists are paged, _skip
	RepeatLists bool   // a list in a query is a parameter per element, not one with commas

	Items, More, Total string // members of a list response: data, has_more, total_results
}

// Area is a folder of the manifest: resources that a reader looks for together.
type Area struct {
	Name  string   // crm
	Title string   // Leads, contacts and deals
	About string   // what it is for, one sentence; may be empty
	Tools []string // the 20 most used, for a toolset; nil for the first ones
}

// IDKind is a kind of id.
type IDKind struct {
	Name     string
	Pos      Pos
	Noun     string      // what has such an id: "lead status"
	Prefixes []string    // the usual one first
	Literals []string    // ids without an underscore
	From     string      // tool that finds valid ids
	Get      string      // tool that fetches the record
	Length   int         // of the part after the underscore; 0 where it is not said
	Show     []ShowField // of the record: what tells a person which one it is
	About    string
}

// Resource is one file of the manifest.
type Resource struct {
	Name  string // leads
	Title string
	About string
	Doc   string
	File  string // path in the manifest, crm/leads.yaml
	Area  string // name of the area, or empty
	Enums []*Enum
	Types []*Object
	Tools []*Tool
	// Untrusted means that its objects hold text of outsiders, such as emails, unless a
	// type says otherwise.
	Untrusted bool
}

// Enum is a set of named values.
type Enum struct {
	Name   string
	Pos    Pos
	About  string
	Open   bool // other values may be sent
	Values []EnumValue
	Hints  []Hint
}

// EnumValue is one value and its meaning.
type EnumValue struct {
	Value, About string
	Pos          Pos
}

// Hint is advice on a word that people use and that is no value of an enum.
type Hint struct{ Word, Advice string }

// Strings lists the values of the enum.
func (e *Enum) Strings() []string {
	values := make([]string, len(e.Values))
	for i, v := range e.Values {
		values[i] = v.Value
	}
	return values
}

// Orders lists the values of the enum, and then each with - in front: the values of a
// parameter with Sort.
func (e *Enum) Orders() []string {
	values := e.Strings()
	for _, v := range e.Values {
		values = append(values, "-"+v.Value)
	}
	return values
}

// Object is a type with fields.
type Object struct {
	Name     string
	Pos      Pos
	About    string
	Include  *Object  // whose fields come first, or nil
	Fields   []*Field // those of Include too
	Variants []Variant
	Cases    *Cases // or nil
	Changed  string // the list of the names of what an event changed, for variants with In
	// Untrusted means that it holds text of outsiders, such as emails.
	Untrusted bool
	Brief     bool // schemas of inputs say its shape in a sentence
	NoOffset  bool // Close writes when it was created and updated in UTC without an offset
}

// Field returns the field with this name, or nil.
func (o *Object) Field(name string) *Field {
	for _, f := range o.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Variant is another type that an object can be read as.
type Variant struct {
	Object *Object
	By     string   // the field By holds
	Is     []string // one of these values, or
	Has    string   // the member Has is there
	In     []string // the members with the other object after and before an event; nil: the object itself
}

// Kind is the kind of a type.
type Kind int

// Kinds of types.
const (
	String Kind = iota
	RichText
	Integer
	Number
	Boolean
	Date
	DateTime
	DateOrDateTime
	Cents
	Email
	Phone
	URL
	Timezone
	Line     // text without line breaks, such as a name or a subject
	Address  // one email address that may have a display name
	Segments // parts of a path, joined by slashes
	Secret   // text that is not printed; only received
	JSON
	ID
	EnumType
	List
	Map
	CustomFields
	ObjectType
)

// Type is the type of a field.
type Type struct {
	Kind   Kind
	Elem   *Type   // of List and Map
	ID     *IDKind // of ID; nil for an id of any kind
	Enum   *Enum
	Object *Object
}

// Place says where a parameter goes.
type Place string

// Places of parameters.
const (
	InPath  Place = "path"
	InQuery Place = "query"
	InBody  Place = "body"
)

// Field is a member of an object or a parameter of a tool.
type Field struct {
	Name                 string
	Pos                  Pos
	Type                 *Type
	About                string
	OnCreate, OnUpdate   string // sentences that hold only when it is written so
	Read, Create, Update bool
	Always               bool // always there and never null in responses
	Required             bool
	Nullable             bool   // null may be sent
	Added                bool   // an addition adds it to a type of the manifest
	OnRequest            bool   // comes back only when asked for
	Sort                 bool   // names what to sort by, with - in front for descending
	Window               string // of a search text: the time that splits the list, date_created
	Default              json.RawMessage
	Preset               json.RawMessage // sent when the caller sets nothing
	Example              json.RawMessage
	Min, Max             *int64
	MaxLength            int
	MinItems, MaxItems   int
	From                 string
	Aliases              []string
	Deprecated           string
	Brief                *string // of a parameter, for short definitions; nil: the usual text, cut
	Shown                Shown   // what a field says itself; Tool.More and Tool.Hidden have the outcome
	In                   Place   // of parameters
	Key                  string  // the name that is sent, if it is another
}

// Sent is the name of a parameter in the request.
func (f *Field) Sent() string { return cmp.Or(f.Key, f.Name) }

// Tool is one operation of the API.
type Tool struct {
	Name         string // close_lead_create
	Title        string
	Does         string
	Use          string
	Result       string // in words
	Method       string
	Path         string
	Effect       Effect
	Effects      []EffectCase // weaker effects of calls with certain parameters; the first that matches applies
	Idempotent   bool
	Update       bool     // what it takes is written to something that exists
	Params       []*Field // path parameters first
	Accepts      []*Accepted
	Fill         Fill
	Aliases      []Alias
	Rules        []Rule
	Cases        *Cases
	Returns      *Type // nil: nothing; a List: a page of items
	Totals       *Object
	Paging       bool   // by offset or cursor
	Cursor, Next string // the parameter with the cursor of a page, and the member of the response with the next one
	Show         []ShowField
	Brief        string        // the purpose for short definitions; empty: the usual text, cut
	More, Hidden []string      // parameters that short definitions only name, and do not have
	Preview      []PreviewRead // what a person sees before the call; with the default filled in
	Examples     []Example
	Synonyms     []string
	Waits        *Waits // of a tool that fetches a job
	Costs        bool   // money or credits
	Needs        Need   // what the caller must have, or empty
	Status       int
	Action       string
	Doc          string
	Resource     *Resource
	Pos          Pos
}

// Accepted is an input of a tool that closekit itself uses.
type Accepted struct {
	*Field
	Use  Use
	Sent bool // it is a parameter too
}

// Use is what an input that is not sent is for.
type Use string

// Uses of inputs that are not sent.
const (
	CheckCurrency Use = "currency" // compared with the organization's currency
	Project       Use = "project"  // selects fields of the response
	// Of a bulk action: the number of records that a person agreed to, and that all are
	// meant.
	ConfirmCount      Use = "count"
	ConfirmEverything Use = "everything"
)

// Fill is what is filled into the input of a tool before it is called.
type Fill string

// FillSender fills in the sender and the address of an enrollment.
const FillSender Fill = "sender"

// senderParams are the parameters that FillSender reads and writes.
var senderParams = []string{"contact_id", "sequence_id", "contact_email", "sender_account_id", "sender_name", "sender_email"}

// Need is what a caller must have for a tool.
type Need string

// What tools need.
const (
	NeedOAuth     Need = "oauth"     // an OAuth token: an API key is refused
	NeedAdmin     Need = "admin"     // the right to administer the organization
	NeedCustomize Need = "customize" // the right to customize the organization
)

// Marks says what a tool costs and needs.
func (t *Tool) Marks() string {
	var parts []string
	if t.Costs {
		parts = append(parts, "It costs money or credits.")
	}
	switch t.Needs {
	case NeedOAuth:
		parts = append(parts, "It works with an OAuth token, not with an API key.")
	case NeedAdmin, NeedCustomize:
		parts = append(parts, "It needs "+t.Needs.Right()+".")
	}
	return strings.Join(parts, " ")
}

// Right names what the user must have, empty if it is no right.
func (n Need) Right() string {
	switch n {
	case NeedAdmin:
		return "the right to administer the organization"
	case NeedCustomize:
		return "the right to customize the organization"
	case NeedOAuth:
	}
	return ""
}

// Waits says when the job that a tool fetches is ready.
type Waits struct {
	Field        string // of the response
	Done, Failed []string
}

// Param returns the parameter with this name, or nil.
func (t *Tool) Param(name string) *Field {
	for _, p := range t.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Alias is another name for a parameter. With Map, values change too: each pair
// is JSON of the alias and JSON of the parameter.
type Alias struct {
	Name, For string
	Map       [][2]string
}

// RuleKind is a kind of cross-field rule, named by its key in the manifest.
type RuleKind string

// Kinds of rules.
const (
	ExactlyOne RuleKind = "exactly_one"
	AtLeastOne RuleKind = "at_least_one"
	AtMostOne  RuleKind = "at_most_one"
	Needs      RuleKind = "needs"
	NeedsOne   RuleKind = "needs_one"
	Differ     RuleKind = "differ"
)

// Rule ties parameters together.
type Rule struct {
	Kind   RuleKind
	Fields []string
	If, Is string // of Needs and NeedsOne
	About  string
}

// EffectCase is the effect of a call whose parameters meet all conditions.
type EffectCase struct {
	When   []Condition
	Effect Effect
}

// Condition is met if the parameter has one of the values, or, with Absent, if
// neither the caller nor a preset sets it.
type Condition struct {
	Param  string
	Values []string // strings, or true and false
	Absent bool
}

// Example is one valid input.
type Example struct {
	About string
	Input json.RawMessage
}

// Tools lists the tools of all resources in the order of the manifest.
func (a *API) Tools() []*Tool {
	var list []*Tool
	for _, r := range a.Resources {
		list = append(list, r.Tools...)
	}
	return list
}

// Tool returns the tool with this name, or nil.
func (a *API) Tool(name string) *Tool {
	for _, r := range a.Resources {
		for _, t := range r.Tools {
			if t.Name == name {
				return t
			}
		}
	}
	return nil
}

// Select returns an API with only the tools whose name matches one of the
// patterns, in the syntax of path.Match, and the types that they need. A
// pattern that matches nothing is returned in unused; a broken one too.
func (a *API) Select(patterns []string) (sub *API, unused []string) {
	used := make([]bool, len(patterns))
	keep := map[*Tool]bool{}
	for _, t := range a.Tools() {
		for i, p := range patterns {
			if ok, err := path.Match(p, t.Name); ok && err == nil {
				keep[t], used[i] = true, true
			}
		}
	}
	for i, p := range patterns {
		if !used[i] {
			unused = append(unused, p)
		}
	}
	need := newReach()
	for t := range keep {
		need.tool(t)
	}
	b := *a
	b.Resources = nil // the kinds of ids stay, to tell foreign ids apart
	for _, r := range a.Resources {
		c := *r
		c.Tools, c.Types, c.Enums = nil, nil, nil
		for _, t := range r.Tools {
			if keep[t] {
				c.Tools = append(c.Tools, t)
			}
		}
		for _, o := range r.Types {
			if need.objects[o] {
				c.Types = append(c.Types, o)
			}
		}
		for _, e := range r.Enums {
			if need.enums[e] {
				c.Enums = append(c.Enums, e)
			}
		}
		if len(c.Tools)+len(c.Types)+len(c.Enums) > 0 {
			b.Resources = append(b.Resources, &c)
		}
	}
	return &b, unused
}

// reach collects what tools refer to.
type reach struct {
	objects map[*Object]bool
	enums   map[*Enum]bool
}

func newReach() *reach {
	return &reach{map[*Object]bool{}, map[*Enum]bool{}}
}

func (r *reach) tool(t *Tool) {
	for _, p := range t.Params {
		r.typ(p.Type)
	}
	r.typ(t.Returns)
	r.object(t.Totals)
}

func (r *reach) typ(t *Type) {
	if t == nil {
		return
	}
	r.typ(t.Elem)
	r.object(t.Object)
	if t.Enum != nil {
		r.enums[t.Enum] = true
	}
}

func (r *reach) object(o *Object) {
	if o == nil || r.objects[o] {
		return
	}
	r.objects[o] = true
	r.object(o.Include)
	for _, f := range o.Fields {
		r.typ(f.Type)
	}
	for _, v := range o.Variants {
		r.object(v.Object)
	}
}
