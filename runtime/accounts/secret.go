package accounts

import "github.com/closekit/closekit/runtime/accounts/internal/secret"

// Secret is a text that is never printed or encoded: all verbs of fmt,
// encoding/json, encoding/gob and log/slog show a placeholder, in exported and in
// unexported fields alike. Only this package and those below it can read it back.
// The zero value is empty. Secrets are immutable and safe for concurrent use.
type Secret = secret.Value

// NewSecret returns a secret that holds a text.
func NewSecret(text string) Secret { return secret.New(text) }
