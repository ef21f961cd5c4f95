// Package secret holds values that must not be printed. It is internal so that
// only the account runtime can read them.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what stands in place of a secret wherever one is printed.
const Redacted = "[redacted]"

// Value is a text that is never printed: not by fmt with any verb, in exported or
// unexported fields, not encoding/json, encoding/gob, encoding.TextMarshaler
// users or log/slog. The text is held by a closure, which reflection cannot
// look into. The zero value is an empty secret. Values are immutable and safe
// for concurrent use.
type Value struct{ reveal func() string }

// New makes a secret of a text.
func New(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{func() string { return text }}
}

// Reveal returns the text. It is a function and not a method, so that code
// outside the account runtime has no way to it.
func Reveal(v Value) string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether the secret is empty.
func (v Value) IsZero() bool { return v.reveal == nil }

// Equal compares two secrets in constant time.
func (v Value) Equal(o Value) bool {
	return subtle.ConstantTimeCompare([]byte(Reveal(v)), []byte(Reveal(o))) == 1
}

// Format prints a placeholder, whatever the verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, Redacted) } // fmt.State cannot fail

// String returns a placeholder.
func (v Value) String() string { return Redacted }

// GoString returns a placeholder.
func (v Value) GoString() string { return Redacted }

// MarshalText returns a placeholder.
func (v Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON returns a placeholder.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// GobEncode returns a placeholder.
func (v Value) GobEncode() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns a placeholder.
func (v Value) LogValue() slog.Value { return slog.StringValue(Redacted) }
