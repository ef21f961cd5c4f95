package closegenkit

import "github.com/firebase/genkit/go/ai"

// approval is the member of an interrupt's metadata, and of a restart's.
const approval = "approval"

// Approval returns the ID of the approval that an interrupt waits for, or "" for the
// interrupt of another tool.
func Approval(interrupt *ai.Part) string {
	fields, _ := interrupt.Metadata["interrupt"].(map[string]any)
	id, _ := fields[approval].(string)
	return id
}

// Restart returns the part for [ai.WithToolRestarts] that goes on after an interrupt,
// once the approval is decided: what was approved is carried out as it was stored. It
// decides nothing itself.
func Restart(interrupt *ai.Part) *ai.Part {
	p := ai.NewToolRequestPart(interrupt.ToolRequest)
	p.Metadata = map[string]any{"resumed": map[string]any{approval: Approval(interrupt)}}
	return p
}
