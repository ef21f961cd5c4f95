package closekit

import (
	"encoding/json"
	"net/http"
)

// Effect is what an operation does to the data in Close.
type Effect string

// Effects of operations.
const (
	Read        Effect = "read"
	Write       Effect = "write"
	Destructive Effect = "destructive"
)

// Operation describes one operation of the API: what middleware, hooks and
// errors know of a call. Generated packages have one for every tool; nothing
// changes it.
type Operation struct {
	Tool       string // close_lead_create; empty for an endpoint that is not in the manifest
	Method     string // POST
	Path       string // path template below /api/v1, /lead/{lead_id}/
	Effect     Effect
	Sends      bool // a customer may receive something
	Idempotent bool // repeating it changes nothing more
}

// Updates reports whether the operation changes a record that exists.
func (op *Operation) Updates() bool { return op.Method == http.MethodPut }

// overwrites reports whether the operation may be repeated when it is not known
// whether it was carried out. Not so one that sends: its message has left then,
// and the repetition would be refused for that.
func (op *Operation) overwrites() bool { return op.Updates() && !op.Sends }

// name is what errors call the operation.
func (op *Operation) name() string {
	if op.Tool != "" {
		return op.Tool
	}
	return op.Method + " " + op.Path
}

// Callable is an operation that can be called by name with JSON. Generated
// packages have one for every tool; it is safe for concurrent use.
type Callable interface {
	// Describe returns what is known of the operation.
	Describe() *Operation
	// Parse decodes JSON input strictly, checks it, and returns a pointer to the
	// parameter struct of the typed function. What is wrong with the input is a
	// [*ValidationError] that names every problem.
	Parse(input json.RawMessage) (any, error)
	// Prepare does the same and returns the request that carries the call out.
	Prepare(input json.RawMessage) (*Request, error)
}

// IDKind is a kind of id, such as lead. The method Kind of generated id types
// returns it; it must not be changed.
type IDKind struct {
	Name     string
	Prefixes []string // the first is the usual one: lead of lead_…
	Literals []string // ids that are words, such as the names of built-in roles
	From     string   // tool that finds valid ids
	About    string   // what else to know
	// Known lists the prefixes of all kinds, to tell an id of another kind from
	// one that is unknown.
	Known []IDPrefix
}

// IDPrefix says which kind of id a prefix belongs to.
type IDPrefix struct{ Prefix, Kind string }
