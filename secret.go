package closekit

import (
	"fmt"
	"io"
)

// Secret is a text of a response that must not be printed, such as the key with
// which a webhook signs its deliveries. All verbs of fmt, log/slog and encoding/json
// show a placeholder for it; [Secret.Reveal] returns the text, so store that. A
// result that has a secret shows the placeholder in MarshalText, but MarshalJSON
// reproduces what Close sent, the secret included, so that a stored result can be
// read back: log results of that kind with a text handler, or through
// logging.ReplaceAttr of package runtime/logging.
//
// The zero value is empty: Close sent no secret.
type Secret string

// Reveal returns the text. Call it where the text is used.
func (s Secret) Reveal() string { return string(s) }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s == "" }

// Redacted returns the placeholder as a secret, and an empty secret for an empty one.
func (s Secret) Redacted() Secret {
	if s == "" {
		return ""
	}
	return redacted
}

// Format prints a placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(s.Redacted())) } // fmt.State cannot fail

// String returns a placeholder.
func (s Secret) String() string { return string(s.Redacted()) }

// GoString returns a placeholder.
func (s Secret) GoString() string { return string(s.Redacted()) }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Redacted()), nil }
