package query

// Query is a parsed search text.
type Query struct {
	root   node    // nil selects everything
	About  string  // kind of record, of a tree that names it
	Sorts  []Order // in the order of their importance
	slices []slice
}

// Order is a field to sort by.
type Order struct {
	Field      string
	Descending bool
}

// slice selects one of several equal parts of the results.
type slice struct{ number, of int }

// node is an expression.
type node interface{ isNode() }

type (
	and  []node
	or   []node
	not  struct{ of node }
	text struct{ operand } // anywhere in an object
	has  struct{ field string }
	// condition compares a field with values, of which one must fit.
	condition struct {
		field  string
		op     string // ":", "=", "<", "<=", ">" or ">="
		values []operand
	}
	anything struct{}

	// These are in trees only.
	idIs    struct{ id string }
	kindIs  struct{ kind string }
	words   struct{ match func(string) bool } // anywhere in an object
	related struct {
		this, kind string
		of         node
	}
	test struct {
		field     FieldName
		condition object
	}
)

func (and) isNode()       {}
func (or) isNode()        {}
func (not) isNode()       {}
func (text) isNode()      {}
func (has) isNode()       {}
func (condition) isNode() {}
func (anything) isNode()  {}
func (idIs) isNode()      {}
func (kindIs) isNode()    {}
func (words) isNode()     {}
func (related) isNode()   {}
func (test) isNode()      {}

// operand is a word or a phrase of a search text.
type operand struct {
	raw    string // as written, without quotes
	folded string // for comparisons
	quoted bool
}
