package closekit

import (
	"encoding/json"
	"net/http"
	"time"
)

// Operation describes one operation of the API to middleware, hooks and errors.
// Generated packages have one for every tool; it must not be changed.
type Operation struct {
	Tool       string // close_lead_create; empty for an endpoint that is not in the manifest
	Method     string // POST
	Path       string // path template below the prefix of the API, /lead/{lead_id}/
	Effect     Effect // the strongest that a call can have
	Idempotent bool   // repeating it has no further effect
	OAuthOnly  bool   // Close refuses API keys, so that a call with one is refused unsent: [ErrNeedsOAuth]
	API        *API   // the API that it belongs to; nil means Close
	// Narrow lists the parameters that split a long list into parts that offset
	// paging can read, such as date_created__gte and date_created__lt.
	Narrow []string
	// Cursor is the parameter that takes the cursor of a page, and Next the member of the
	// response with that of the next one, for a list that is paged by cursor.
	Cursor, Next string
	Waits        *Waits // of an operation that fetches a job; else nil
	// Right is what the user must have, such as "the right to administer the
	// organization", empty for most operations. Only Close can check it.
	Right string
	// Oldest is the parameter and the value that sort a list by creation, oldest
	// first, such as _order_by=date_created. For a list that takes search texts it is
	// query=sort:date_created, and the text bounds the list too. It is empty if there
	// is none.
	Oldest string
}

// Updates reports whether the operation changes an existing record.
func (op *Operation) Updates() bool { return op.Method == http.MethodPut }

// overwrites reports whether repeating the operation is safe if its first outcome
// is unknown. It is not safe for an operation that sends a message: if the message
// has been sent, Close rejects the repetition, as if nothing had been sent.
func (op *Operation) overwrites() bool { return op.Updates() && !op.Effect.Has(Sends) }

// name returns the name of the operation for errors.
func (op *Operation) name() string {
	if op.Tool != "" {
		return op.Tool
	}
	return op.Method + " " + op.Path
}

// next returns the member of a response with the cursor of the next page, if any.
func (op *Operation) next() string {
	if op == nil {
		return ""
	}
	return op.Next
}

// Callable is an operation that can be called by name with JSON. Generated
// packages have one for every tool; it is safe for concurrent use.
type Callable interface {
	// Describe returns the description of the operation.
	Describe() *Operation
	// Parse decodes JSON input strictly, checks it, and returns a pointer to the
	// parameter struct of the typed function. Invalid input is a
	// [*ValidationError] that lists every problem.
	Parse(input json.RawMessage) (any, error)
	// Prepare does the same and returns the request of the call. A time without
	// offset that is written is read in the location, [Client.Location]; if that is
	// nil, such a time is invalid. Parse keeps it for the typed function.
	Prepare(input json.RawMessage, loc *time.Location) (*Request, error)
	// EffectOf checks the input and returns the effect of a call with it, which is
	// never stronger than that of the operation.
	EffectOf(input json.RawMessage) (Effect, error)
}

// IDKind is a kind of id, such as lead. The method Kind of generated id types
// returns it; it must not be changed.
type IDKind struct {
	Name     string
	Prefixes []string // the first is the usual one: lead of lead_…
	Literals []string // ids that are plain names, such as those of built-in roles
	From     string   // tool that finds valid ids
	About    string   // further advice
	// Known lists the prefixes of all kinds, to distinguish an id of another kind
	// from an unknown one.
	Known []IDPrefix
}

// IDPrefix maps a prefix to its kind of id.
type IDPrefix struct{ Prefix, Kind string }
