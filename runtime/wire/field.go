package wire

import "github.com/closekit/closekit"

// place is the part of the request that a parameter goes to.
type place uint8

const (
	inBody place = iota
	inQuery
	inPath
)

// kind is the format that a string must have.
type kind uint8

const (
	plain kind = iota
	richText
	date
	dateTime
	dateOrDateTime
	email
	phone
	webAddress
	timezone
	line     // text without line breaks
	address  // one email address that may have a display name
	segments // parts of a path, joined by slashes
)

// flag is a boolean property of a field.
type flag uint8

const (
	required flag = 1 << iota
	nullable
	onCreate // written when an object is created
	onUpdate // written when an object is updated
	bounded  // min and max apply
	minOnly  // only min applies
	open     // values other than those of enum may be sent
	sorts    // names members to sort by, with - in front for descending
)

// field describes how one parameter, or one member of an object that is sent, is
// checked and where it goes.
type field struct {
	name     string
	key      string // the name on the wire, which is usually name
	in       place
	kind     kind
	flags    flag
	min, max int64
	maxLen   int32 // of a string in characters, of a list in elements
	minItems int32
	enum     []string
	hints    func() string // see Hints of generated enums; nil for none
	id       *closekit.IDKind
	from     string // tool that finds valid values
	cases    string // which members of the object go with which word of this one; see ByCase
	preset   string // what is sent if the caller does not set the field: JSON, in a query its value
}

func (f *field) is(x flag) bool { return f.flags&x != 0 }
