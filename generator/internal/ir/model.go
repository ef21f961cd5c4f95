// Package ir is the manifest as Go: every name, type, tag, comment and file is
// decided here, and nothing is printed. The emitters print what they find
// without looking back at the manifest.
package ir

import (
	"encoding/json"

	"github.com/closekit/closekit/manifest"
)

// Package is what is generated from one manifest.
type Package struct {
	Name       string   // closeapi
	ImportPath string   // of the package, for the tools package below it
	Doc        []string // paragraphs, and items of lists, which begin with ListItem
	IDs        []ID
	KnownIDs   []IDPrefix
	Files      []File
	Tools      []Tool // sorted by name
	Data       []DataFile
	HasCents   bool
	API        *API // nil for Close
}

// API is what operations say of their API if it is another than Close.
type API struct {
	Name, BaseURL, Prefix string
	Items, More, Total    string // empty if they are those of Close
	RepeatLists           bool
}

// ListItem begins a paragraph of documentation that is an item of a list.
const ListItem = "  - "

// File is the Go file of one resource.
type File struct {
	Name    string // leads.go
	Source  string // crm/leads.yaml
	Enums   []Enum
	Structs []Struct
	Ops     []Op
}

// ID is a type for ids of one kind.
type ID struct {
	Type     string // LeadID
	Var      string // kindLead
	Kind     string // lead
	Doc      string
	Prefixes []string
	Literals []string
	From     string
	About    string
}

// IDPrefix says which kind a prefix belongs to.
type IDPrefix struct{ Prefix, Kind string }

// Enum is a string type with constants.
type Enum struct {
	Type      string
	Doc       string
	Values    []EnumValue
	ValuesDoc string // of the method that lists the values; empty if none are sent
	Hints     []Hint // nil if none are sent
}

// Hint is advice on words that are no values. They are separated by spaces, and have
// none within.
type Hint struct{ Words, Advice string }

// EnumValue is one constant.
type EnumValue struct{ Const, Value, Doc string }

// Form is how a Go type is made of its element.
type Form uint8

// Forms of types.
const (
	Plain    Form = iota
	Optional      // closekit.Opt[T]
	Slice         // []T
	Dict          // map[string]T
	Pointer       // *T
)

// Scope is where a type is declared.
type Scope uint8

// Scopes of types.
const (
	Local Scope = iota // the generated package, or a builtin
	Root               // package closekit
	JSON               // package encoding/json
)

// GoType is a Go type.
type GoType struct {
	Form  Form
	Scope Scope
	Name  string
}

// Field is a field of a struct.
type Field struct {
	Go   string
	Doc  []string // paragraphs
	Type GoType
	Tag  string // json:"name" close:"required,null"
}

// Base is what a struct embeds first.
type Base uint8

// Bases of structs.
const (
	NoBase     Base = iota
	ObjectBase      // closekit.Object, which keeps what a response holds beside the fields
	StructBase      // the struct of the included type
)

// Struct is a result type, an object in parameters, or the parameters of an
// operation.
type Struct struct {
	Type     string // Lead
	Doc      string
	Base     Base
	Included string  // with StructBase
	Fields   []Field // without those of the base
	Result   bool    // it comes in responses
	Returned bool    // by an operation, alone or in a page
	Pointed  bool    // something that is sent has a pointer to it
	Variants []Variant
	Changed  string // the Go field that lists what an event changed, or empty
}

// Secrets names the fields that hold a secret.
func (s *Struct) Secrets() []string {
	var names []string
	for _, f := range s.Fields {
		if f.Type == secret {
			names = append(names, f.Go)
		}
	}
	return names
}

// Variant is an accessor that reads the struct as another one.
type Variant struct {
	Method string // AsCall
	Struct string
	Doc    string
	Has    string   // the member that must be there, or
	By     string   // the Go field that must be
	Is     []string // one of these
	ByOpt  bool     // By is an Opt
	In     []string // Go fields with the other struct after and before an event
}

// Returns is what an operation returns.
type Returns uint8

// What operations return.
const (
	ReturnsNothing Returns = iota
	ReturnsOne
	ReturnsPage
)

// Op is one operation.
type Op struct {
	Tool, Func string
	Var        string   // opLeadCreate
	Doc        []string // paragraphs
	Method     string
	Path       string
	Effect     []string // names of constants of package closekit
	Idempotent bool
	Narrow     []string // parameters that split a list that is paged
	Oldest     string   // what sorts such a list by creation: _order_by=date_created
	Params     Struct
	Returns    Returns
	Result     string    // the struct it returns, one or a page of them
	Skip       string    // the field of Params that is the offset of the page, or empty
	Cursor     string    // the field of Params that is the cursor of the page, or empty
	Paging     [2]string // the parameter with that cursor, and the member of the response with the next one
	All        *Function // the iterator, or nil
	Wait       *Function // the one that waits for a job, or nil
	Waits      *manifest.Waits
	OAuthOnly  bool
	Right      string  // the right to administer the organization
	Totals     *Totals // or nil
	Aliases    []Alias
	Rules      []Rule
	Effects    []EffectCase
	ByCase     bool // members of what is sent depend on a word
}

// Function is a name with its comment.
type Function struct{ Name, Doc string }

// Totals is a function that reads the envelope of a page as a struct.
type Totals struct {
	Function
	Struct string
}

// Alias is another name of a parameter.
type Alias struct {
	Name, For string
	Map       [][2]string
}

// RuleKind is a kind of cross-field rule.
type RuleKind uint8

// Kinds of rules, which have the names of the constants of package wire.
const (
	ExactlyOne RuleKind = iota
	AtLeastOne
	AtMostOne
	Needs
	NeedsOne
	Differ
)

// String returns the name of the kind's constant.
func (k RuleKind) String() string {
	return [...]string{"ExactlyOne", "AtLeastOne", "AtMostOne", "Needs", "NeedsOne", "Differ"}[k]
}

// Rule is a cross-field rule by the numbers of the parameters.
type Rule struct {
	Kind   RuleKind
	Fields []int
	If     int // -1 if there is none
	Is     string
	About  string
}

// EffectCase is a weaker effect of an operation.
type EffectCase struct {
	When   string // as package wire reads it
	Effect []string
}

// Tool is one entry of the registry.
type Tool struct {
	Name, Title, Description string
	Resource, Func           string
	Synonyms                 []string
	Area, Needs              string
	Costs                    bool
	Aliases                  []Alias
	Accepts                  []Accepted
	Fill                     string // name of a constant, or empty
	Show                     []manifest.ShowField
	Preview                  []manifest.PreviewRead
	Brief                    string
	More, Hidden             []string
	Briefs                   [][2]string // parameters with their text
	Kinds                    [][2]string // paths of ids and custom fields, with the kind of their records
	Examples                 []Example
	InputSchema              json.RawMessage
	OutputSchema             json.RawMessage
	Hash                     string
	OpVar                    string
	Doc                      string
	Untrusted, Echoes        bool
}

// Accepted is an input that package closekit itself uses.
type Accepted struct {
	Name    string
	Aliases []string
	Use     string // name of a constant
	Sent    bool
}

// Example is one valid input.
type Example struct{ About, Input string }
