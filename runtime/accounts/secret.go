package accounts

import "github.com/closekit/closekit/runtime/accounts/internal/secret"

// Secret is a text that nothing prints or encodes: no verb of fmt, not
// encoding/json, encoding/gob or log/slog, in exported and in unexported fields
// alike; all of them show a placeholder. Only this package and those below it
// can read it back. The zero value is empty. Secrets are immutable and safe for
// concurrent use.
type Secret = secret.Value

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return secret.New(text) }
