package agent

import (
	"encoding/json"

	"github.com/closekit/closekit"
)

// Result is what came of a call.
type Result struct {
	ID   string // exec_…, of this call
	Tool string
	// Text is for the model, in every case: the answer, or what went wrong and what
	// to do.
	Text string
	// IsError is true if the call was not carried out, or failed. It is false for a
	// call that waits for a person, whose Text says so.
	IsError bool
	JSON    json.RawMessage // Close's response, for the host
	Err     error           // what went wrong, for the host
	Pending *Approval       // the call waits for a person
	Repairs []Repair        // how the input was read, if not as it was written
	Notes   []string        // what the tool filled in
	Input   json.RawMessage // what was sent, or would have been
	Effect  closekit.Effect
}

// Repair is a reading of input that differs from what a model wrote.
type Repair struct {
	Path string `json:"path"`
	From string `json:"from"` // cut
	To   string `json:"to"`
	Why  string `json:"why"`
}
