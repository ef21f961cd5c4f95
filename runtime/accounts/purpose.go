package accounts

// What a blob is sealed for. The purpose is part of the associated data, so
// that a blob of one kind cannot stand in for one of another.
const (
	PurposeTokens     = "tokens"
	PurposeFallback   = "fallback"
	PurposeQuarantine = "quarantine"
	PurposeVerifier   = "verifier"
	PurposeCode       = "code"
	PurposeSentinel   = "sentinel"
)
