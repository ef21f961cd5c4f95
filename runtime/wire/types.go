package wire

import "github.com/closekit/closekit/internal/codec"

// The names that generated tables and signatures use.
type (
	// Decoder reads answers.
	Decoder = codec.Decoder
	// Encoder writes results.
	Encoder = codec.Encoder
	// Walker checks and sends parameters.
	Walker = codec.Walker
	// IDKind is a kind of id.
	IDKind = codec.IDKind
	// IDPrefix says which kind a prefix belongs to.
	IDPrefix = codec.IDPrefix
	// Alias is another name for a parameter.
	Alias = codec.Alias
	// AliasValue maps a value of an alias.
	AliasValue = codec.AliasValue
	// Rule ties parameters together.
	Rule = codec.Rule
	// Spec is what is known of an operation's parameters.
	Spec = codec.Spec
)

// Values of [Rule].Kind.
const (
	ExactlyOne = codec.ExactlyOne
	AtLeastOne = codec.AtLeastOne
	AtMostOne  = codec.AtMostOne
	Needs      = codec.Needs
	NeedsOne   = codec.NeedsOne
	Differ     = codec.Differ
)
