package closegenkit

import (
	"cmp"

	"github.com/firebase/genkit/go/ai"

	"github.com/closekit/closekit/agent"
)

// Text returns the text of a response that ends a generation. The error is an
// [*agent.CutOffError] if its message is not whole, as far as genkit tells: it was cut off
// or blocked, or it is nothing and has not just ended. The text so far is returned beside
// it. A generation that was interrupted has no error.
func Text(r *ai.ModelResponse) (string, error) {
	text, reason := r.Text(), cutOff(r)
	if reason == "" && text == "" && r.FinishReason != ai.FinishReasonStop && r.FinishReason != ai.FinishReasonInterrupted {
		reason = cmp.Or(string(r.FinishReason), agent.NoReason)
	}
	if reason != "" {
		return text, &agent.CutOffError{Reason: reason, Detail: r.FinishMessage}
	}
	return text, nil
}

// cutOff returns genkit's word for why a message ended before it was complete, or "".
// Plugins report ends that they do not know, or that are none, as unknown.
func cutOff(r *ai.ModelResponse) string {
	if word := string(r.FinishReason); agent.CutsOff(word) {
		return word
	}
	return ""
}
