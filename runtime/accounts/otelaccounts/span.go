package otelaccounts

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit/runtime/accounts"
)

// Start implements [accounts.Tracer]. The span is a child of that in ctx. A
// result other than a success makes its status an error, and is its error.type.
func (t *Telemetry) Start(ctx context.Context, op accounts.Operation, connection string) (context.Context, func(result string)) {
	ctx, span := t.tracer.Start(ctx, "closekit.accounts "+string(op),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(connectionKey.String(connection)))
	return ctx, func(result string) {
		span.SetAttributes(outcomeKey.String(result))
		if !succeeded(result) {
			span.SetAttributes(attribute.String("error.type", result))
			span.SetStatus(codes.Error, result)
		}
		span.End()
	}
}

// succeeded reports whether a result left the account with good tokens, or
// whatever else was asked for.
func succeeded(result string) bool {
	switch accounts.Outcome(result) {
	case accounts.OutcomeRenewed, accounts.OutcomeAdopted, accounts.OutcomeReplayedOK, "ok":
		return true
	default:
		return false
	}
}
