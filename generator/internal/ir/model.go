// Package ir is the manifest as Go: every name, type, comment and file is
// decided here, and nothing is printed. The emitters print what they find
// without looking back at the manifest.
package ir

import "encoding/json"

// Package is what is generated from one manifest.
type Package struct {
	Name       string // closeapi
	ImportPath string // of the package, for the tools package below it
	Doc        string
	APIPrefix  string
	IDs        []ID
	KnownIDs   []IDPrefix
	Files      []File
	Tools      []Tool // sorted by name
	Data       []DataFile
	HasCents   bool
}

// File is the Go file of one resource.
type File struct {
	Name    string // leads.go
	Source  string // leads.yaml
	Title   string
	About   string
	Doc     string
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
	Type   string
	Doc    string
	Values []EnumValue
	Words  string // name of the variable with the words, empty if nothing is sent
	Open   bool   // other words may be sent too
}

// EnumValue is one constant.
type EnumValue struct{ Const, Word, Doc string }

// GoType is a Go type, as a list of parts.
type GoType struct {
	Opt, List, Map, Ptr bool
	Pkg                 string // runtime, json, or empty for the generated package and builtins
	Name                string
}

// Field is a field of a struct.
type Field struct {
	Go       string
	JSON     string
	Doc      []string // paragraphs
	Type     GoType
	Slot     string // function of package wire that reads and writes it
	Received bool   // comes in answers
	Bit      int    // presence bit of a plain field, from 1
	In       *Input // what to check when it is sent; nil if it never is
	// Recursive is set when the type of the field contains the struct again.
	Recursive bool
}

// Struct is a result type, an object in parameters, or the parameters of an
// operation.
type Struct struct {
	Type   string // Lead
	Doc    string
	Base   string  // embedded struct, or empty
	Fields []Field // without those of Base
	Custom string  // Go name of the field with the custom fields, or empty
	Output bool    // comes in answers
	Params bool    // is the parameters of an operation
	// Recursive is set when a field of another struct refers to this one round a
	// circle, so that its table needs a name that can be looked up.
	Recursive bool
	Variants  []Variant
}

// Variant is an accessor that reads the struct as another one.
type Variant struct {
	Method string // AsCall
	Struct string
	Doc    string
	// ByGo is the Go field that holds Word; when Const is set it is the
	// constant to compare with.
	ByGo, Word string
	ByOpt      bool
	Has        string // the member that must be there
}

// Input says how a field is checked and sent.
type Input struct {
	Name    string
	In      string // Query, Path, or empty for the body
	Kind    string // RichText, …, or empty
	Flags   []string
	Min     *int64
	Max     *int64
	MaxLen  int
	MinItem int
	Enum    string // variable with the words
	ID      string // variable of the id kind
	From    string
	Preset  string
}

// Op is one operation.
type Op struct {
	Tool, Func   string
	Doc          []string // paragraphs
	Method, Path string
	URL          string
	Effect       string // Read, Write, Destructive
	Sends        bool
	Idempotent   bool
	Update       bool
	Params       Struct
	Result       string // struct, empty for nothing
	List         bool
	All          string // iterator, empty if there is none
	AllDoc       string
	Totals       string
	TotalsFunc   string
	Aliases      []Alias
	Rules        []Rule
	OpVar        string
	Skip         bool // Params has Skip
}

// Alias is another name of a parameter.
type Alias struct {
	Name, For string
	Map       [][2]string
}

// Rule is a cross-field rule by field numbers.
type Rule struct {
	Kind   string
	Fields []int
	If     int // -1 if there is none
	Is     string
	About  string
}

// Tool is one entry of the registry.
type Tool struct {
	Name, Title, Description string
	Resource, Func           string
	Method, Path             string // with the API's prefix
	Effect                   string
	Sends, Idempotent        bool
	Synonyms                 []string
	Aliases                  []Alias
	Show                     []string
	Examples                 []Example
	InputSchema              json.RawMessage
	OutputSchema             json.RawMessage
	Hash                     string
	OpVar                    string
	Doc                      string
	// For the emulator's route table.
	RoutePath, ResourceName, Action string
	Status                          int
}

// Example is one valid input.
type Example struct{ About, Input string }
