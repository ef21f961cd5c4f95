package drift

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Change says how the other side differs from the manifest.
type Change string

// The changes.
const (
	New       Change = "new"       // only the other side has it
	Gone      Change = "gone"      // only the manifest has it
	Different Change = "different" // both have it
)

// Kind says what a difference is about.
type Kind string

// The kinds.
const (
	Operation      Kind = "operation"
	QueryParameter Kind = "query parameter"
	BodyMember     Kind = "body member"
	ResponseMember Kind = "response member"
)

// Difference is one difference. The zero value of a member means that it does not
// apply.
type Difference struct {
	Change Change `json:"change"`
	Kind   Kind   `json:"kind"`
	Tool   string `json:"tool,omitempty"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Name   string `json:"name,omitempty"` // of the parameter, or path of the member: data[].id
	Detail string `json:"detail,omitempty"`
	// ByExample means that the other side shows it but does not state it.
	ByExample bool `json:"by_example,omitempty"`
}

// String formats a difference as one line, which is the same for the same difference.
func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", d.Change, d.Kind)
	if d.Name != "" {
		fmt.Fprintf(&b, " %s", d.Name)
	}
	if d.Kind != Operation {
		b.WriteString(" of")
	}
	if d.Tool != "" {
		fmt.Fprintf(&b, " %s,", d.Tool)
	}
	fmt.Fprintf(&b, " %s %s", d.Method, d.Path)
	if d.Detail != "" {
		fmt.Fprintf(&b, ": %s", d.Detail)
	}
	if d.ByExample {
		b.WriteString(" (by example)")
	}
	return b.String()
}

// Report is the result of a comparison.
type Report struct {
	Operations  int          `json:"operations"` // that both sides have
	Differences []Difference `json:"differences"`
	// Accepted is how many differences are not listed because they were accepted.
	Accepted int `json:"accepted"`
	// Unused are lines of accepted differences that no longer occur.
	Unused []string `json:"unused,omitempty"`
}

// Accept takes out the differences whose lines are listed. Empty lines and those that
// begin with # say nothing.
func (r *Report) Accept(lines []string) {
	seen := map[string]bool{}
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			seen[line] = false
		}
	}
	r.Differences = slices.DeleteFunc(r.Differences, func(d Difference) bool {
		line := d.String()
		if _, ok := seen[line]; !ok {
			return false
		}
		seen[line] = true
		r.Accepted++
		return true
	})
	for line, used := range seen {
		if !used {
			r.Unused = append(r.Unused, line)
		}
	}
	slices.Sort(r.Unused)
}

// Known takes out what is about no tool, for a manifest with only some of the tools.
func (r *Report) Known() {
	r.Differences = slices.DeleteFunc(r.Differences, func(d Difference) bool { return d.Tool == "" })
}

// finish puts the differences in order, each once.
func (r *Report) finish() {
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.String(), b.String()))
	})
	r.Differences = slices.Compact(r.Differences)
	if r.Differences == nil {
		r.Differences = []Difference{} // JSON has a list
	}
}
