package wire

import (
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/words"
)

// report collects the problems of an input, and has the path of the current object.
type report struct {
	problems []closekit.Problem
	more     int // problems beyond maxProblems, which are only counted
	path     []string
	depth    int
}

// maxProblems is the number of problems that an error lists. An input with more of
// them is beyond correcting problem by problem.
const maxProblems = 10

// full reports whether further problems are only counted.
func (r *report) full() bool { return len(r.problems) >= maxProblems }

// add adds a problem with the member name of the current object; an empty name is
// the object itself.
func (r *report) add(name, expected, received, hint string) {
	if r.full() {
		r.more++
		return
	}
	path := words.Name(name)
	if len(r.path) > 0 {
		path = strings.Join(r.path, ".")
		if name != "" {
			path += "." + words.Name(name)
		}
	}
	r.problems = append(r.problems, closekit.Problem{Path: path, Expected: expected, Received: received, Hint: hint})
}

// enter enters the object name. It returns false, with a problem, if the object is
// nested too deep.
func (r *report) enter(name string) bool {
	if r.depth >= codec.MaxDepth {
		r.add(name, "is nested too deep", "", "")
		return false
	}
	r.path = append(r.path, name)
	r.depth++
	return true
}

// leave returns to the outer object.
func (r *report) leave() {
	r.depth--
	r.path = r.path[:len(r.path)-1]
}

// covered reports whether problems include one for path or for an object or list
// that contains it.
func covered(problems []closekit.Problem, path string) bool {
	for i := range problems {
		rest, ok := strings.CutPrefix(path, problems[i].Path)
		if ok && (rest == "" || problems[i].Path == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
