package codec

// In says where a parameter goes.
type In uint8

// Places of a parameter.
const (
	Body In = iota
	Query
	Path
)

// Kind is how the text of a value is checked.
type Kind uint8

// Kinds of text.
const (
	Plain Kind = iota
	RichText
	Date
	DateTime
	DateOrDateTime
	Email
	Phone
	URL
	Timezone
)

// Flag is a yes-or-no property of a field.
type Flag uint8

// Properties of a field.
const (
	Required Flag = 1 << iota
	Nullable
	OnCreate // written when an object is created
	OnUpdate // written when an object is updated
	Bounded  // Min and Max hold
	MinOnly  // only Min holds
	Open     // other words than those of Enum may be sent
)

// Field describes one parameter, or one member of an object that is sent. The
// tables of fields are data that the generator writes; nothing changes them.
type Field struct {
	Name     string
	In       In
	Kind     Kind
	Flags    Flag
	Min, Max int64
	MaxLen   int32 // of a text in characters, of a list in elements
	MinItems int32
	Enum     []string
	ID       *IDKind
	From     string // tool that finds valid values
	Preset   string // JSON sent when the caller gives nothing
}

// IDKind is a kind of id, such as lead.
type IDKind struct {
	Name     string
	Prefixes []string // the first is the usual one
	Literals []string // ids that are words
	From     string   // tool that finds valid ids
	About    string
	Known    *[]IDPrefix
}

// IDPrefix says which kind an id prefix belongs to.
type IDPrefix struct{ Prefix, Kind string }

// Alias is another name for a parameter; Map changes the value too.
type Alias struct {
	Name, For string
	Map       []AliasValue
}

// AliasValue maps one JSON value of an alias to one of the parameter.
type AliasValue struct{ From, To string }

// RuleKind is a kind of cross-field rule.
type RuleKind uint8

// Kinds of rules.
const (
	ExactlyOne RuleKind = iota
	AtLeastOne
	AtMostOne
	Needs    // with If given (and equal to Is), all Fields are required
	NeedsOne // as Needs, and each of the Fields, lists of texts, has one element
	Differ   // no two of the Fields, texts, are the same
)

// Rule ties parameters together. Fields and If number the
// parameters in the order of the walk.
type Rule struct {
	Kind   RuleKind
	Fields []uint8
	If     uint8
	Is     string
	About  string
}

// Params is a generated parameter struct: Walk visits every field, always in
// the same order.
type Params interface{ Walk(w *Walker) }

// Spec is what the walker must know of an operation.
type Spec struct {
	Update  bool // objects are updated, not created
	Rules   []Rule
	Aliases []Alias
}
