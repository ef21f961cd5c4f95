package closekit

import (
	"fmt"
	"net/url"
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
	q, err := url.ParseQuery(k.req.Query)
	if err != nil {
		return e
	}
	skip, err := strconv.Atoi(q.Get("_skip"))
	if err != nil || skip <= 0 {
		return e
	}
	limit, err := strconv.Atoi(q.Get("_limit"))
	if err != nil {
		limit = 100
	}
	texts := []string{e.Message}
	for _, f := range e.FieldErrors {
		if f.Field == "_skip" {
			texts = append(texts, "_skip: "+f.Message)
		}
	}
	for _, text := range texts {
		// The bound may be one of the sum of offset and limit.
		if n, ok := firstNumber(text); ok && n < skip+limit && strings.Contains(strings.ToLower(text), "skip") {
			return &SkipLimitError{Tool: e.Tool, Skip: n, Position: skip, Narrow: k.op().Narrow, Err: e}
		}
	}
	return e
}

// firstNumber returns the first number in a text, such as 10000 of "10,000 results".
func firstNumber(text string) (n int, ok bool) {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9' && n < maxSkip*1000:
			n, ok = n*10+int(c-'0'), true
		case ok && c != ',':
			return n, n > 0
		}
	}
	return n, ok && n > 0
}
