package manifest

import (
	"regexp"
	"slices"
)

// Shown says where short definitions for models have a parameter.
type Shown string

// Values of Shown.
const (
	Main   Shown = "main"   // with its type and brief text
	More   Shown = "more"   // by its name only
	Hidden Shown = "hidden" // not at all; it is accepted all the same
)

// profile sorts the parameters of a tool by how they are shown, and reports texts that
// are not short.
func (d *toolDecl) profile() {
	t := d.tool
	last := d.last("main")
	for _, name := range d.main {
		switch p := t.Param(name); {
		case p == nil:
			last.bad(last.at("main"), nearName(name, fieldNames(t.Params)), "tool %q has no parameter %q to show", t.Name, name)
		case p.Deprecated != "":
			last.bad(last.at("main"), "leave it out", "parameter %q of %s is deprecated and not shown", name, t.Name)
		}
	}
	for _, p := range t.Params {
		switch d.shownOf(p) {
		case More:
			t.More = append(t.More, p.Name)
		case Hidden:
			t.Hidden = append(t.Hidden, p.Name)
		case Main:
		}
	}
	for _, a := range t.Accepts { // what is not sent is a service for those who give it anyway
		switch {
		case a.Sent || a.Required:
		case a.Shown == More:
			t.More = append(t.More, a.Name)
		default:
			t.Hidden = append(t.Hidden, a.Name)
		}
	}
	last = d.last("brief")
	// A brief text for what an addition describes anew would be that of the old words.
	if last == d && (d.redescribed["does"] != nil || d.redescribed["use"] != nil) {
		t.Brief = ""
	}
	if n := len(sentenceEnd.FindAllString(t.Brief, -1)); n > 2 {
		last.bad(last.at("brief"), "", "brief of %s has %d sentences, more than 2", t.Name, n)
	}
}

var sentenceEnd = regexp.MustCompile(`[.!?]( |$)`)

// shownOf says where a parameter is shown. A required one is always main.
func (d *toolDecl) shownOf(p *Field) Shown {
	switch {
	case p.Required, slices.Contains(d.main, p.Name):
		return Main
	case p.Shown != "":
		return p.Shown
	case p.Deprecated != "":
		return Hidden
	case len(d.main) > 0:
		return More
	}
	return Main
}
