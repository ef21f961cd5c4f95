package accounts

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what stands in place of a secret wherever one is printed.
const redacted = "[redacted]"

// Secret is a text that nothing prints or encodes: no verb of fmt, not
// encoding/json, encoding/gob or log/slog, in exported and in unexported fields
// alike; all of them show a placeholder. A closure holds the text, which
// reflection cannot look into. The zero value is empty. Secrets are immutable and
// safe for concurrent use.
type Secret struct{ reveal func() string }

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{func() string { return text }}
}

// Reveal returns the text. Call it where the text is used, and keep it nowhere
// else.
func (v Secret) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether the secret is empty.
func (v Secret) IsZero() bool { return v.reveal == nil }

// Equal compares two secrets in constant time.
func (v Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(o.Reveal())) == 1
}

// Format prints a placeholder, whatever the verb.
func (v Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) } // fmt.State cannot fail

// String returns a placeholder.
func (v Secret) String() string { return redacted }

// GoString returns a placeholder.
func (v Secret) GoString() string { return redacted }

// MarshalText returns a placeholder.
func (v Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns a placeholder.
func (v Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// GobEncode returns a placeholder.
func (v Secret) GobEncode() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a placeholder.
func (v Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
