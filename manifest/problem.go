package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a manifest file. Line and column count from one.
type Pos struct {
	File      string
	Line, Col int
}

// String prints file:line:col, or the file alone when the whole of it is meant.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Problem is one thing that is wrong with a manifest.
type Problem struct {
	Pos  Pos
	Msg  string
	Hint string // what to do; may be empty
}

// String prints file:line:col: message (hint).
func (p Problem) String() string {
	s := p.Pos.String() + ": " + p.Msg
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is everything that is wrong with a manifest, in the order of the
// files and lines.
type Problems []Problem //nolint:errname // it is a list, and its elements are called so

// Error lists the problems, one on a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) add(pos Pos, hint, format string, args ...any) {
	*ps = append(*ps, Problem{pos, fmt.Sprintf(format, args...), hint})
}

// Sorted orders the problems by place and drops repetitions.
func (ps Problems) Sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.CompactFunc(ps, func(a, b Problem) bool { return a.Pos == b.Pos && a.Msg == b.Msg })
}
