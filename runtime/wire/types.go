package wire

import "github.com/closekit/closekit/runtime/internal/codec"

// Decoder and the others are the types of generated tables and signatures;
// package codec documents them.
type (
	Decoder    = codec.Decoder
	Encoder    = codec.Encoder
	Walker     = codec.Walker
	Field      = codec.Field
	IDKind     = codec.IDKind
	IDPrefix   = codec.IDPrefix
	Alias      = codec.Alias
	AliasValue = codec.AliasValue
	Rule       = codec.Rule
	Spec       = codec.Spec
)

// Values of [Field].In.
const (
	Body  = codec.Body
	Query = codec.Query
	Path  = codec.Path
)

// Values of [Field].Kind.
const (
	RichText       = codec.RichText
	Date           = codec.Date
	DateTime       = codec.DateTime
	DateOrDateTime = codec.DateOrDateTime
	Email          = codec.Email
	Phone          = codec.Phone
	URL            = codec.URL
	Timezone       = codec.Timezone
)

// Values of [Field].Flags.
const (
	Required = codec.Required
	Nullable = codec.Nullable
	OnCreate = codec.OnCreate
	OnUpdate = codec.OnUpdate
	Bounded  = codec.Bounded
	MinOnly  = codec.MinOnly
	Open     = codec.Open
)

// Values of [Rule].Kind.
const (
	ExactlyOne = codec.ExactlyOne
	AtLeastOne = codec.AtLeastOne
	AtMostOne  = codec.AtMostOne
	Needs      = codec.Needs
)
