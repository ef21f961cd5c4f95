package repair

import (
	"slices"

	"github.com/closekit/closekit/internal/codec"
)

// node is a JSON value that can be changed. What is unchanged keeps its bytes.
type node struct {
	kind    byte // { [ " 0 t n: object, array, string, number, boolean, null
	raw     []byte
	text    string // of a string
	list    []*node
	members []*member
}

type member struct {
	name  string
	value *node
}

// parse parses one JSON value. It reports false for invalid JSON and for an object,
// at any depth, that has a name twice: such an input has two readings.
func parse(text []byte) (*node, bool) {
	if codec.CheckJSONText(text) != nil {
		return nil, false
	}
	d := codec.NewDecoder(text, false)
	p := parser{d: d}
	n := p.value()
	return n, d.End() == nil && !p.twice
}

type parser struct {
	d     *codec.Decoder
	twice bool
}

func (p *parser) value() *node {
	d := p.d
	switch c := d.Peek(); c {
	case '{':
		n := &node{kind: '{'}
		seen := map[string]bool{}
		for d.Open(nil); d.Next(); {
			m := &member{name: string(d.Key())}
			p.twice = p.twice || seen[m.name]
			seen[m.name] = true
			m.value = p.value()
			n.members = append(n.members, m)
		}
		return n
	case '[':
		n := &node{kind: '['}
		if d.Array() {
			for d.More() {
				n.list = append(n.list, p.value())
			}
		}
		return n
	case '"':
		n := &node{kind: '"', raw: d.Raw()}
		n.text, _ = codec.Unquote(n.raw)
		return n
	case 't', 'f':
		return &node{kind: 't', raw: d.Raw()}
	case 'n':
		return &node{kind: 'n', raw: d.Raw()}
	default:
		return &node{kind: '0', raw: d.Raw()}
	}
}

// encode appends the JSON of a value.
func (n *node) encode(b []byte) []byte {
	switch n.kind {
	case '{':
		b = append(b, '{')
		for i, m := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(codec.AppendString(b, m.name), ':')
			b = m.value.encode(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, e := range n.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.encode(b)
		}
		return append(b, ']')
	}
	return append(b, n.raw...)
}

// set makes the value a string.
func (n *node) set(s string) { *n = *textNode(s) }

// literal makes the value a number, a boolean or null.
func (n *node) literal(kind byte, raw string) { *n = node{kind: kind, raw: []byte(raw)} }

func textNode(s string) *node {
	return &node{kind: '"', raw: codec.AppendString(nil, s), text: s}
}

// wrap makes the value a list with a copy of itself.
func (n *node) wrap() { one := *n; *n = node{kind: '[', list: []*node{&one}} }

// object is an object with one member.
func object(name string, value *node) *node {
	return &node{kind: '{', members: []*member{{name, value}}}
}

func (n *node) find(name string) *node {
	if i := slices.IndexFunc(n.members, func(m *member) bool { return m.name == name }); i >= 0 {
		return n.members[i].value
	}
	return nil
}
