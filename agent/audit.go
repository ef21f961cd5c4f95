package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/closekit/closekit"
)

// Phase is when a record is made.
type Phase string

// Phases. Every call has a record of its outcome; one that changes something has a
// record of the intent before it is sent.
const (
	Intent  Phase = "intent"
	Outcome Phase = "outcome"
)

// Record is what is kept of a call.
type Record struct {
	Phase    Phase
	ID       string // of the call, exec_…
	Time     time.Time
	Account  Account
	Run      string
	Tool     string
	Input    json.RawMessage // redacted: long texts are cut, see Redact
	Effect   closekit.Effect
	Decision Action
	Why      string
	Approval string // id of the approval, if there was one
	Approver string
	Result   string        // ok, refused, failed, unclear, pending; empty for an intent
	Error    string        // what went wrong, without secrets
	IDs      []string      // records of Close in the response
	Before   []Snapshot    // the records that it changes, as they were
	After    []After       // what the call is to set, with the intent; what it has set, with the outcome
	Duration time.Duration // of the outcome
}

// After is a field that a call has set. The value itself is not kept: its digest tells
// whether it is still there.
type After struct {
	Field string // as Close names it: name, custom.cf_…
	Value Digest // of the canonical JSON: as it was given, with the intent, or returned
}

// Snapshot is a record of Close as it was before a call.
type Snapshot struct {
	Tool string          // the tool that reads it, close_lead_get
	ID   string          // of the record
	JSON json.RawMessage // as Close returned it
}

// SnapshotSink is a sink that says whether it keeps [Record.Before], so that an undo of the
// run gets it. Agents edit and delete in bulk only if one of their sinks does: the records as
// they were are the only undo. A sink that does not say so does not count, because many
// report calls without what they changed.
type SnapshotSink interface {
	Sink
	KeepsSnapshots() bool
}

// Sink keeps records. Record is called one record at a time per session, and must be
// safe for concurrent use. An error stops calls that write.
type Sink interface {
	Record(ctx context.Context, r Record) error
}
