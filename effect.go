package closekit

import "strings"

// Effect is the set of what a call does. The zero value is Read. Every other
// effect includes Write, and of Write, Overwrite and Destructive a greater one
// includes the smaller: Destructive|Admin has Overwrite too.
type Effect uint8

// Effects of calls.
const (
	// Read changes nothing.
	Read Effect = 0
	// Write creates a record or sets plain fields, whose old values can be kept and
	// restored.
	Write Effect = 1
	// Overwrite replaces a whole list or object: what the caller does not repeat is
	// lost.
	Overwrite = Write | 1<<1
	// Destructive deletes records, recordings or values, or merges records.
	Destructive = Overwrite | 1<<2
	// Sends means that a customer may receive something.
	Sends = Write | 1<<3
	// Egress means that data leaves Close for elsewhere, as with a webhook.
	Egress = Write | 1<<4
	// Admin changes the set-up of the whole organization, such as pipelines.
	Admin = Write | 1<<5
)

// effectNames are in the order of their constants, from which each has its own bit.
var effectNames = [...]string{"write", "overwrite", "destructive", "sends", "egress", "admin"}

// Has reports whether e includes all of f.
func (e Effect) Has(f Effect) bool { return e&f == f }

// Names lists what the effect consists of, such as write and sends. Overwrite and
// Destructive stand for what they include.
func (e Effect) Names() []string {
	var list []string
	for i, name := range effectNames {
		if e>>i&1 != 0 {
			list = append(list, name)
		}
	}
	switch { // the first names are those of what the next one includes
	case e == Read:
		return []string{"read"}
	case e.Has(Destructive):
		return list[2:]
	case e.Has(Overwrite):
		return list[1:]
	}
	return list
}

// String returns the names, as in "write, sends".
func (e Effect) String() string { return strings.Join(e.Names(), ", ") }

// Class is one of the classes by which Close's own MCP server grants its tools.
type Class string

// The classes.
const (
	ClassRead        Class = "mcp.read"
	ClassSafe        Class = "mcp.write_safe"
	ClassDestructive Class = "mcp.write_destructive"
)

// Class returns the class of a call with the effect. Safe are calls that make a new
// record, an email in draft for one, whatever it is a part of. All else is destructive
// there: any change of a record that exists, even of a plain field, and what reaches a
// customer or leaves Close.
func (e Effect) Class(creates bool) Class {
	switch {
	case e == Read:
		return ClassRead
	case creates && !e.Has(Overwrite) && !e.Has(Sends) && !e.Has(Egress):
		return ClassSafe
	}
	return ClassDestructive
}
