package agent

import (
	"crypto/sha256"
	"encoding/json"
	"strings"

	"github.com/closekit/closekit/agent/internal/preview"
)

// Preview is what a person sees of a call before deciding. It shows everything that
// the call refers to and would do, and its content is part of the digest that a
// decision is bound to. Nothing in it is invisible: control characters and those that
// change the direction of writing are shown by their code points.
type Preview struct {
	Title    string   // Send an email to ann@acme.example
	Facts    []Fact   // records that the call refers to, and what it would send
	Changes  []Change // fields with their value before and after
	Records  int      // how many records it creates, changes or deletes
	Warnings []string // what cannot be undone, what is not shown
	// Data is the digest of all of the above before long texts were cut.
	Data Digest
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

const (
	mostOfValue  = 20000 // characters of what a call would write
	mostOfBefore = 2000  // characters of what is replaced
)

// finish takes the digest of all data, makes every character visible, and cuts what
// is too long to read.
func (p *Preview) finish() {
	raw, err := json.Marshal(p)
	if err != nil {
		raw = nil // it has nothing but strings and numbers
	}
	p.Data = sha256.Sum256(raw)
	hidden, cut := 0, 0
	clean := func(s *string, most int) {
		text, changed := preview.Visible(*s)
		text, short := preview.Cut(text, most)
		if changed {
			hidden++
		}
		if short {
			cut++
		}
		*s = text
	}
	clean(&p.Title, 200)
	for i := range p.Facts {
		p.Facts[i].Label = oneLine(p.Facts[i].Label)
		clean(&p.Facts[i].Label, 200)
		most := mostOfValue
		if strings.HasPrefix(p.Facts[i].Label, "To") || strings.HasPrefix(p.Facts[i].Label, "Cc") || strings.HasPrefix(p.Facts[i].Label, "Bcc") {
			most = 1 << 30 // no recipient is left out
		}
		clean(&p.Facts[i].Value, most)
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		c.Field = oneLine(c.Field)
		clean(&c.Field, 200)
		clean(&c.Before, mostOfBefore)
		clean(&c.After, mostOfValue)
	}
	for i := range p.Warnings {
		clean(&p.Warnings[i], 2000)
	}
	if hidden > 0 {
		p.Warnings = append(p.Warnings, "It contains characters that cannot be seen or that change the direction of writing; they are shown as ‹U+…›.")
	}
	if cut > 0 {
		p.Warnings = append(p.Warnings, "Not everything is shown: long texts end with the number of characters that are left out.")
	}
}

// oneLine returns a label without line feeds, so that a name cannot begin a line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Text returns the preview for a terminal or a mail. Lines with the mark | are quotes:
// customers or a model wrote them.
func (p Preview) Text() string {
	var b strings.Builder
	for _, line := range preview.Wrap(strings.ReplaceAll(p.Title, "\n", " "), preview.Width) {
		b.WriteString(line + "\n")
	}
	var items []preview.Item
	for _, f := range p.Facts {
		items = append(items, preview.Item{Label: f.Label, Value: f.Value, Quoted: f.Quoted})
	}
	b.WriteString(preview.Layout(items))
	for _, c := range p.Changes {
		b.WriteString("  " + strings.ReplaceAll(c.Field, "\n", " ") + "\n")
		b.WriteString(preview.Layout([]preview.Item{{Label: "  before", Value: c.Before, Quoted: c.Quoted}, {Label: "  after", Value: c.After, Quoted: c.Quoted}}))
	}
	if p.Records > 1 {
		b.WriteString("  " + preview.Count(p.Records) + " records\n")
	}
	for _, w := range p.Warnings {
		for i, line := range preview.Wrap(w, preview.Width-4) {
			mark := "  ! "
			if i > 0 {
				mark = "    "
			}
			b.WriteString(mark + line + "\n")
		}
	}
	return b.String()
}
