// Package otelaccounts reports to OpenTelemetry what a manager of accounts does:
// counts, durations and spans of its requests to the provider, and gauges of
// how everything stands.
//
//	t, err := otelaccounts.New()
//	cfg.Metrics, cfg.Tracer = t, t
//	m, err := accounts.New(ctx, cfg)
//	unregister, err := t.Gauges(m)
//
// It needs the OpenTelemetry API only; the host brings an SDK, or nothing is
// recorded. No attribute holds a tenant, an identifier, an id of Close or a
// secret: they are names of connections, outcomes, states and ids of keys.
//
// # Instruments
//
//	closekit.accounts.refreshes            {attempt}    attempts to renew, by connection and outcome
//	closekit.accounts.refresh.duration     s            how long they took, by the same attributes
//	closekit.accounts.oddities             {oddity}     strange things that did no harm, by connection and kind
//	closekit.accounts.count                {account}    accounts, by connection and state
//	closekit.accounts.due                  {account}    accounts whose renewal is due and not claimed
//	closekit.accounts.schedule.lag         s            how long the oldest of them has been due
//	closekit.accounts.attempts.in_doubt    {attempt}    attempts whose outcome is unknown
//	closekit.accounts.flows.open           {flow}       authorizations on their way
//	closekit.accounts.events.pending       {event}      events that are not acknowledged
//	closekit.accounts.revocations.queued   {revocation} grants that wait to be revoked
//	closekit.accounts.blobs                {blob}       sealed blobs, by key and whether it is the primary one
//	closekit.accounts.limiter.rate         {attempt}/s  renewals that the limiter allows, by connection
//	closekit.accounts.limiter.pause        s            how much longer the provider asked to wait, by the same attributes
//	closekit.accounts.connection.status    1            1 for the health that a connection has, 0 for the others
//
// The counters, the limiter and the health are of one process. The other gauges
// are about the store, so that all replicas report the same: take the maximum
// over them, not the sum.
//
// Spans are named after the operation, such as "closekit.accounts refresh". Give
// the manager a Transport that traces, and its spans become their children.
package otelaccounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit/runtime/accounts"
)

const scope = "github.com/closekit/closekit/runtime/accounts/otelaccounts"

// The attributes.
const (
	connectionKey = attribute.Key("closekit.accounts.connection")
	outcomeKey    = attribute.Key("closekit.accounts.outcome")
	kindKey       = attribute.Key("closekit.accounts.kind")
	stateKey      = attribute.Key("closekit.accounts.state")
	healthKey     = attribute.Key("closekit.accounts.health")
	keyIDKey      = attribute.Key("closekit.accounts.key_id")
	primaryKey    = attribute.Key("closekit.accounts.key_primary")
)

// Telemetry is an [accounts.Metrics] and an [accounts.Tracer]. Make it with
// [New]; it is safe for concurrent use, and several managers may share it.
type Telemetry struct {
	meter  metric.Meter
	tracer trace.Tracer
	every  time.Duration

	refreshes metric.Int64Counter
	duration  metric.Float64Histogram
	oddities  metric.Int64Counter
}

var (
	_ accounts.Metrics = (*Telemetry)(nil)
	_ accounts.Tracer  = (*Telemetry)(nil)
)

type config struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
	every   time.Duration
}

// Option is an option of [New].
type Option func(*config)

// WithMeterProvider sets where metrics go. Without it, or with nil, they go to
// the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithTracerProvider sets where spans go. Without it, or with nil, they go to
// the global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// WithHealthInterval sets how long [Telemetry.Gauges] lives with what it read,
// because each reading counts the whole table of accounts. Without it, or if d
// is not positive, that is a minute.
func WithHealthInterval(d time.Duration) Option { return func(c *config) { c.every = d } }

// New makes the instruments. It fails only if the meter refuses one of them.
func New(opts ...Option) (*Telemetry, error) {
	var c config
	for _, o := range opts {
		o(&c)
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	if c.every <= 0 {
		c.every = time.Minute
	}
	t := &Telemetry{meter: c.meters.Meter(scope), tracer: c.tracers.Tracer(scope), every: c.every}
	var err1, err2, err3 error
	t.refreshes, err1 = t.meter.Int64Counter("closekit.accounts.refreshes",
		metric.WithUnit("{attempt}"), metric.WithDescription("Attempts to renew tokens."))
	t.duration, err2 = t.meter.Float64Histogram("closekit.accounts.refresh.duration",
		metric.WithUnit("s"), metric.WithDescription("How long attempts to renew tokens took."),
		// Those of HTTP requests, and on to the lease of an attempt.
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 90))
	t.oddities, err3 = t.meter.Int64Counter("closekit.accounts.oddities",
		metric.WithUnit("{oddity}"), metric.WithDescription("Strange and harmless things in the provider's responses."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("otelaccounts: the meter refuses an instrument: %w", err)
	}
	return t, nil
}

// Refreshed implements [accounts.Metrics].
func (t *Telemetry) Refreshed(connection string, outcome accounts.Outcome, took time.Duration) {
	attrs := metric.WithAttributes(connectionKey.String(connection), outcomeKey.String(string(outcome)))
	t.refreshes.Add(context.Background(), 1, attrs)
	t.duration.Record(context.Background(), took.Seconds(), attrs)
}

// Oddity implements [accounts.Metrics].
func (t *Telemetry) Oddity(connection, kind string) {
	t.oddities.Add(context.Background(), 1, metric.WithAttributes(connectionKey.String(connection), kindKey.String(kind)))
}
