package lower

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// node is a lowered schema.
type node struct {
	typ         string // "" with anyOf
	null        bool   // also null, in a list of types
	nullable    bool   // also null, as OpenAPI 3.0 says it
	description string
	enum        []string
	format      string
	min, max    *json.Number
	minItems    int
	maxItems    int
	items       *node
	anyOf       []*node

	props    []property
	named    bool // the object has the keyword properties, even if it is empty
	required []string
	closed   bool
}

type property struct {
	name string
	*node
}

func (n *node) prop(name string) *node {
	for _, p := range n.props {
		if p.name == name {
			return p.node
		}
	}
	return nil
}

func (n *node) appendJSON(b []byte) []byte {
	o := object{b: append(b, '{')}
	if n.typ != "" {
		if o.key("type"); n.null {
			o.b = append(appendString(append(o.b, '['), n.typ), `,"null"]`...)
		} else {
			o.b = appendString(o.b, n.typ)
		}
	}
	o.text("description", n.description)
	if len(n.enum) > 0 {
		o.key("enum")
		o.b = appendStrings(o.b, n.enum)
		if n.null {
			o.b = append(o.b[:len(o.b)-1], ",null]"...)
		}
	}
	o.text("format", n.format)
	if n.min != nil {
		o.key("minimum")
		o.b = append(o.b, *n.min...)
	}
	if n.max != nil {
		o.key("maximum")
		o.b = append(o.b, *n.max...)
	}
	if n.minItems > 0 {
		o.key("minItems")
		o.b = strconv.AppendInt(o.b, int64(n.minItems), 10)
	}
	if n.maxItems > 0 {
		o.key("maxItems")
		o.b = strconv.AppendInt(o.b, int64(n.maxItems), 10)
	}
	if n.items != nil {
		o.key("items")
		o.b = n.items.appendJSON(o.b)
	}
	if n.anyOf != nil {
		o.key("anyOf")
		o.b = append(o.b, '[')
		for i, a := range n.anyOf {
			if i > 0 {
				o.b = append(o.b, ',')
			}
			o.b = a.appendJSON(o.b)
		}
		o.b = append(o.b, ']')
	}
	if n.named {
		o.key("properties")
		props := object{b: append(o.b, '{')}
		for _, p := range n.props {
			props.key(p.name)
			props.b = p.appendJSON(props.b)
		}
		o.b = append(props.b, '}')
	}
	if len(n.required) > 0 {
		o.key("required")
		o.b = appendStrings(o.b, n.required)
	}
	if n.closed {
		o.key("additionalProperties")
		o.b = append(o.b, "false"...)
	}
	if n.nullable {
		o.key("nullable")
		o.b = append(o.b, "true"...)
	}
	return append(o.b, '}')
}

// object appends the members of a JSON object in order; encoding/json sorts maps and
// escapes <.
type object struct {
	b     []byte
	begun bool
}

func (o *object) key(name string) {
	if o.begun {
		o.b = append(o.b, ',')
	}
	o.begun = true
	o.b = append(appendString(o.b, name), ':')
}

// text appends a string, unless it is empty.
func (o *object) text(name, value string) {
	if value != "" {
		o.key(name)
		o.b = appendString(o.b, value)
	}
}

func (o *object) raw(name string, value []byte) {
	o.key(name)
	o.b = append(o.b, value...)
}

func (o *object) bool(name string, value bool) {
	o.key(name)
	o.b = strconv.AppendBool(o.b, value)
}

func appendString(b []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r > '~' }) {
		return append(append(append(b, '"'), s...), '"')
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be encoded
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

// build builds an object from its members; the function appends them.
func build(members func(*object)) []byte {
	o := object{b: []byte{'{'}}
	members(&o)
	return append(o.b, '}')
}
