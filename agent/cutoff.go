package agent

import (
	"slices"
	"strings"
)

// CutOffError reports a message of a model that did not come to its end: it was too
// long, a filter stopped it, the model refused, or a stream broke. It is the error of a
// [Result] whose call was not carried out because of it, and the error of an adapter for
// a last message that is not whole.
type CutOffError struct {
	Reason string // in the provider's word, such as max_tokens or content_filter
	Detail string // what the provider said about it; "" if it said nothing
}

// NoReason is the reason of a message that ends without one, as when a stream breaks.
const NoReason = "no reason given"

// Error says why the message ended.
func (e *CutOffError) Error() string {
	text := "the model's message is not whole: it ended with " + e.Reason
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// cutOffWords are parts of the words of providers for the end of a message that is not
// whole.
var cutOffWords = []string{
	"length", "max", "context_window", "filter", "refus", "safety", "block", "prohibited", "recitation", "guardrail", "malformed",
	"sensitive", "aborted", "too_many", "unexpected",
}

// CutsOff reports whether a provider's word for the end of a message, its finish or stop
// reason, says that the message is not whole. It is for frameworks that do not tell whose
// word it is: one that it does not know counts as the end of a whole message, as does
// none.
func CutsOff(word string) bool {
	word = strings.ToLower(word)
	return slices.ContainsFunc(cutOffWords, func(part string) bool { return strings.Contains(word, part) })
}

// complete returns the call, without its wrapping, if its message was not cut off.
func (s *Session) complete(v Invocation) (Invocation, error) {
	if v.CutOff != "" {
		return v, &CutOffError{Reason: v.CutOff}
	}
	return s.unwrapped(v)
}
