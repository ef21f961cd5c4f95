// Package repair reads the inputs of models: it corrects what has exactly one
// reading and refuses the rest. It never guesses an amount of money, never chooses a
// record, and never adds an effect that the model did not ask for.
package repair

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/tool"
	"github.com/closekit/closekit/internal/codec"
	"github.com/closekit/closekit/internal/words"
)

// Facts are what the session knows or can learn about its user. Each is asked for
// only if an input needs it; a nil function is a fact that is not known.
type Facts struct {
	Now      func() time.Time
	Zone     func() (*time.Location, error) // of the user
	User     func() (string, error)         // id of the user
	Currency func() (code, symbol string, err error)
}

// Repair is one correction, in words for models and people.
type Repair struct {
	Path string `json:"path,omitempty"` // as the model wrote it; empty for the whole input
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"` // empty for what was left out
	Why  string `json:"why"`
}

// maxInput bounds what is repaired; a longer input is only checked.
const maxInput = 4 << 20

// run is the repair of one input.
type run struct {
	tool    *tool.Tool
	facts   Facts
	repairs []Repair
	indexes map[*tool.Schema]*index
	renamed []string // parameters that have another name than the model wrote
}

// fills reports whether the tool creates something: what is left out clears nothing.
func (r *run) fills() bool { return r.tool.Method == http.MethodPost }

// lists reports whether the tool reads: what is left out does not filter.
func (r *run) lists() bool { return r.tool.Method == http.MethodGet }

// Input checks the input of a tool and returns it unchanged if it is valid, and
// repaired if the repaired input is valid. Otherwise the error is a
// [*closekit.ValidationError] with what is left to correct.
func Input(t *tool.Tool, input []byte, f Facts) (fixed json.RawMessage, repairs []Repair, err error) {
	failed := t.Check(input)
	if failed == nil && !Suspicious(t, input) {
		return input, nil, nil
	}
	var invalid *closekit.ValidationError
	if failed != nil && !errors.As(failed, &invalid) || len(input) > maxInput {
		return nil, nil, failed
	}
	s, err := t.Schema()
	if err != nil {
		return nil, nil, err
	}
	n, why, ok := read(input)
	if !ok {
		if failed == nil {
			return input, nil, nil // a name twice in data that has no schema
		}
		return nil, nil, failed
	}
	r := &run{tool: t, facts: f}
	if why != "" {
		r.repairs = append(r.repairs, Repair{Why: why})
	}
	r.object(s, n, "", true)
	fixed = input
	if len(r.repairs) > 0 {
		fixed = n.encode(nil)
		failed = t.Check(fixed)
	}
	if err := r.refuse(s, n, failed); err != nil {
		return nil, nil, err
	}
	return fixed, r.repairs, nil
}

// refuse returns the error of the repaired input.
func (r *run) refuse(s *tool.Schema, n *node, failed error) error {
	if failed != nil {
		return r.unwrap(s, n, failed)
	}
	if problems := r.doubts(s, n, "", nil); len(problems) > 0 {
		return &closekit.ValidationError{Tool: r.tool.Name, Problems: problems}
	}
	return r.stronger(n)
}

// stronger refuses a parameter with another name than the model wrote if the call
// does more because of it.
func (r *run) stronger(n *node) error {
	if len(r.renamed) == 0 {
		return nil
	}
	with, err := r.tool.EffectOf(n.encode(nil))
	if err != nil {
		return err
	}
	for _, name := range r.renamed {
		less := *n
		less.members = slices.DeleteFunc(slices.Clone(n.members), func(m *member) bool { return m.name == name })
		without, err := r.tool.EffectOf(less.encode(nil))
		if err != nil || without == with {
			continue // it is required, or changes nothing
		}
		return &closekit.ValidationError{Tool: r.tool.Name, Problems: []closekit.Problem{{
			Path: name, Expected: "must be given by this name",
			Hint: "the call does more with it, so write " + name + " if you mean it",
		}}}
	}
	return nil
}

// unwrap adds a hint to the error of an input whose parameters are inside a member
// that is none.
func (r *run) unwrap(s *tool.Schema, n *node, failed error) error {
	var v *closekit.ValidationError
	if len(n.members) != 1 || n.members[0].value.kind != '{' || s.Property(n.members[0].name) != nil || !errors.As(failed, &v) {
		return failed
	}
	name := words.Name(n.members[0].name)
	problems := slices.Clone(v.Problems)
	for i := range problems {
		if problems[i].Path == name {
			problems[i].Hint = "write the parameters themselves, without " + name + " around them"
		}
	}
	return &closekit.ValidationError{Tool: v.Tool, Problems: problems, More: v.More}
}

// doubts reports what the tool itself passes on although a model hardly means it: ids
// whose kind the tool does not name (Close may have new kinds, but a model that writes
// opp_… made it up), phone numbers without country code, and empty text that would
// clear what is there.
func (r *run) doubts(s *tool.Schema, n *node, path string, problems []closekit.Problem) []closekit.Problem {
	const most = 10
	if len(problems) == most {
		return problems
	}
	switch n.kind {
	case '{':
		for _, m := range n.members {
			ps := s.Property(m.name)
			for _, a := range r.tool.Info.Aliases {
				if ps == nil && path == "" && a.Name == m.name {
					ps = s.Property(a.For)
				}
			}
			if ps != nil {
				problems = r.doubts(ps, m.value, at(path, m.name), problems)
			}
		}
	case '[':
		for i, e := range n.list {
			if s.Items != nil {
				problems = r.doubts(s.Items, e, path+"["+strconv.Itoa(i)+"]", problems)
			}
		}
	case '"':
		switch {
		case n.text == "" && r.tool.Method == http.MethodPut && s.Single() == "string" && s.Nullable() && s.Pattern == "":
			return append(problems, closekit.Problem{Path: path, Expected: "must not be empty", Received: `""`, Hint: "give null to clear it, or leave it out to keep it"})
		case s.Format == "phone" && isLocalPhone(n.text):
			return append(problems, closekit.Problem{Path: path, Expected: "must be a phone number with country code such as +14155550123", Received: words.Quote(n.text)})
		}
		items := s
		if s.Is("array") && s.Items != nil {
			items = s.Items
		}
		for part := range strings.SplitSeq(n.text, ",") {
			if part = strings.TrimSpace(part); items.Pattern != "" && looksLikeID(part) && !pattern(items.Pattern).MatchString(part) {
				return append(problems, r.stranger(items.Pattern, path, part))
			}
		}
	}
	return problems
}

// stranger is the problem of an id of an unknown kind.
func (r *run) stranger(p, path, id string) closekit.Problem {
	prefix, _, _ := strings.Cut(strings.TrimLeft(p, "^("), "_[")
	problem := closekit.Problem{Path: path, Expected: "must be an id that starts with " + prefix + "_", Received: words.Quote(id), Hint: "use an id that a tool returned"}
	// The tool knows where such ids come from. Ask it with a value that is no id.
	name, _, _ := strings.Cut(path, "[")
	var v *closekit.ValidationError
	if errors.As(r.tool.Check(object(name, textNode("?")).encode(nil)), &v) {
		for _, q := range v.Problems {
			if q.Path == name && q.Received == `"?"` {
				problem.Expected, problem.Hint = q.Expected, q.Hint
			}
		}
	}
	return problem
}

func looksLikeID(s string) bool {
	prefix, rest, ok := strings.Cut(s, "_")
	return ok && prefix != "" && rest != "" && len(s) <= maxID && isWord(prefix) && isWord(rest)
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// isLocalPhone reports whether a phone number has no country code.
func isLocalPhone(s string) bool {
	return s != "" && len(s) <= maxTime && strings.Trim(s, "0123456789 ()-./") == "" && strings.ContainsAny(s, "0123456789")
}

// Suspicious reports whether valid input may have a reading that is not meant: one of
// the doubts, or a time without offset. It reads the input once.
func Suspicious(t *tool.Tool, input []byte) bool {
	schema := t.InputSchema()
	for i := 0; i < len(input); i++ {
		if input[i] != '"' {
			continue
		}
		start := i + 1
		for i = start; i < len(input) && input[i] != '"'; i++ {
			if input[i] == '\\' {
				i++
			}
		}
		text := input[start:min(i, len(input))]
		if len(text) == 0 && t.Method == http.MethodPut || len(text) <= maxTime && len(text) > 0 && (text[0] == '(' || text[0] >= '0' && text[0] <= '9') && isLocalPhone(string(text)) {
			return true
		}
		if bytes.IndexByte(text, ',') >= 0 && bytes.IndexByte(text, '_') >= 0 {
			return true // ids joined by commas, rarely
		}
		if len(text) <= maxID && bytes.Contains(text, []byte(`\u`)) {
			return true // any character
		}
		if n := len(text); n >= len("2006-01-02T15:04") && n <= maxTime && text[4] == '-' && text[10] == 'T' {
			if _, isLocal := codec.ParseLocal(string(text)); isLocal {
				return true
			}
		}
		if len(text) > maxID || next(string(input[min(i+1, len(input)):min(i+4, len(input))]), 0) == ':' {
			continue // a name
		}
		if prefix, rest, ok := bytes.Cut(text, []byte("_")); ok && len(prefix) > 0 && len(rest) > 0 && isWord(string(prefix)) && isWord(string(rest)) &&
			!bytes.Contains(schema, append(slices.Clip(prefix), "_["...)) {
			return true
		}
	}
	return false
}
