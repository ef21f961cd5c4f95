package agent

import "strings"

// Preview is what a person sees of a call before deciding. It shows everything that
// the call refers to and would do, and its content is part of the digest that a
// decision is bound to.
type Preview struct {
	Title    string   // Send an email to ann@acme.example
	Facts    []Fact   // records that the call refers to, and what it would send
	Changes  []Change // fields with their value before and after
	Records  int      // how many records it creates, changes or deletes
	Warnings []string // what cannot be undone, what is not shown
}

// Fact is a line of a preview.
type Fact struct {
	Label string
	Value string
	// Quoted is true for text that customers or models wrote: it is shown as a quote.
	Quoted bool
}

// Change is a field that a call changes.
type Change struct {
	Field         string
	Before, After string
	Quoted        bool
}

// Text returns the preview for a terminal or a mail.
func (p Preview) Text() string {
	var b strings.Builder
	b.WriteString(p.Title + "\n")
	for _, f := range p.Facts {
		b.WriteString("  " + f.Label + ": " + f.Value + "\n")
	}
	for _, c := range p.Changes {
		b.WriteString("  " + c.Field + ": " + c.Before + " → " + c.After + "\n")
	}
	for _, w := range p.Warnings {
		b.WriteString("  ! " + w + "\n")
	}
	return b.String()
}
