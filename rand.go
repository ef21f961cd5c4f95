package closekit

import "math/rand/v2"

// randomFloat is the default source of jitter.
func randomFloat() float64 { return rand.Float64() } //nolint:gosec // jitter is not a secret
