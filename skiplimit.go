package closekit

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSkip is the largest offset that Close accepts, as observed on leads. Where
// Close accepts less, its response says so.
const maxSkip = 35000

// SkipLimitError reports that a list is longer than Close's limit for paging by
// offset: Close refused an offset, or an iterator would need one that Close is known
// to refuse. It matches [ErrSkipLimit].
type SkipLimitError struct {
	Tool     string
	Skip     int      // the largest offset that Close accepts
	Position int      // the offset that was needed; the results before it can be read
	Narrow   []string // parameters that split the list; see Operation
	Err      error    // Close's response, an [*Error]; nil if the request was not sent
}

// newSkipLimit reports that the offset position is beyond [maxSkip]. op may be nil.
func newSkipLimit(op *Operation, position int) *SkipLimitError {
	e := &SkipLimitError{Skip: maxSkip, Position: position}
	if op != nil {
		e.Tool, e.Narrow = op.Tool, op.Narrow
	}
	return e
}

// Error describes the limit and how to read the rest of the list.
func (e *SkipLimitError) Error() string {
	msg := fmt.Sprintf("%sClose pages only through the first %d results", prefix(e.Tool), e.Skip)
	if len(e.Narrow) == 0 {
		return msg + "; this list has no filter that splits it into shorter ones"
	}
	return msg + "; read the list in parts, with " + strings.Join(e.Narrow, ", ")
}

// Is matches [ErrSkipLimit].
func (e *SkipLimitError) Is(target error) bool { return target == ErrSkipLimit }

// Unwrap returns Close's response, or nil.
func (e *SkipLimitError) Unwrap() error { return e.Err }

// skipLimit returns the error for a 400 response to a list: a [*SkipLimitError] if
// Close refuses the offset because it is too large, else e itself.
func skipLimit(k *call, e *Error) error {
	skip, ok := numberIn(k.req.Query, "_skip")
	if !ok {
		return e
	}
	limit, ok := numberIn(k.req.Query, "_limit")
	if !ok {
		limit = 100
	}
	n := 0
	if strings.Contains(strings.ToLower(e.Message), "skip") {
		n = firstNumber(e.Message)
	}
	// The bound may be one of the sum of offset and limit.
	for i := 0; i < len(e.FieldErrors) && (n == 0 || n >= skip+limit); i++ {
		if e.FieldErrors[i].Field == "_skip" {
			n = firstNumber(e.FieldErrors[i].Message)
		}
	}
	if n == 0 || n >= skip+limit {
		return e
	}
	return &SkipLimitError{Tool: e.Tool, Skip: n, Position: skip, Narrow: k.op().Narrow, Err: e}
}

// numberIn returns a parameter of an encoded query that is a positive number.
func numberIn(query, name string) (int, bool) {
	_, value, _ := strings.Cut("&"+query, "&"+name+"=")
	value, _, _ = strings.Cut(value, "&")
	n, err := strconv.Atoi(value)
	return n, err == nil && n > 0
}

// firstNumber returns the first number in a text, such as 10000 of "10,000 results",
// zero if there is none.
func firstNumber(text string) (n int) {
	found := false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9' && n < maxSkip*1000:
			n, found = n*10+int(c-'0'), true
		case found && c != ',':
			return n
		}
	}
	return n
}
