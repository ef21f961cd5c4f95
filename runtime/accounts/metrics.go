package accounts

import (
	"context"
	"time"
)

// Outcome is the result of an attempt to renew.
type Outcome string

// The outcomes.
const (
	OutcomeRenewed       Outcome = "renewed"
	OutcomeAdopted       Outcome = "adopted"     // another process was faster
	OutcomeReplayedOK    Outcome = "replayed_ok" // an attempt in doubt was replayed with success
	OutcomeNotSent       Outcome = "not_sent"
	OutcomeInDoubt       Outcome = "in_doubt"
	OutcomeProviderError Outcome = "provider_error"
	OutcomeThrottled     Outcome = "throttled"
	OutcomeGrantRefused  Outcome = "grant_refused"
	OutcomeRotationLost  Outcome = "rotation_lost"
	OutcomeConfigError   Outcome = "config_error"
	OutcomeStoreError    Outcome = "store_error"
	OutcomeSealError     Outcome = "seal_error"
	OutcomeMismatch      Outcome = "identity_mismatch"
)

// Metrics receives measurements. No label ever contains an identifier.
// Implementations are safe for concurrent use and fast. Gauges are in
// [Manager.Health].
type Metrics interface {
	// Refreshed counts an attempt to renew and how long it took.
	Refreshed(connection string, outcome Outcome, took time.Duration)
	// Oddity counts something strange and harmless in a response, such as
	// "expires_in_missing".
	Oddity(connection, kind string)
}

type noMetrics struct{}

func (noMetrics) Refreshed(string, Outcome, time.Duration) {}
func (noMetrics) Oddity(string, string)                    {}

// Operation is a request to the provider.
type Operation string

// The operations.
const (
	OpRefresh  Operation = "refresh"
	OpExchange Operation = "exchange" // of a code, at the end of a consent
	OpRevoke   Operation = "revoke"   // after a disconnect
)

// Tracer traces operations, one span each. Like [Metrics] it never receives an
// identifier, and implementations are safe for concurrent use.
type Tracer interface {
	// Start begins a span; ctx carries that of the caller who waits, if there
	// is one. The function ends it with its result: the [Outcome] of a refresh,
	// or "ok" or "failed".
	Start(ctx context.Context, op Operation, connection string) (context.Context, func(result string))
}

type noTracer struct{}

func (noTracer) Start(ctx context.Context, _ Operation, _ string) (context.Context, func(string)) {
	return ctx, func(string) {}
}
