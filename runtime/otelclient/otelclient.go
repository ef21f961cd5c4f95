// Package otelclient reports to OpenTelemetry what a client does: the duration of
// its requests, and a span for each of them.
//
//	telemetry, err := otelclient.New()
//	c := closekit.NewClient(source, telemetry)
//
// It needs the OpenTelemetry API only; the program brings an SDK, or nothing is
// recorded. No attribute holds an id, a search term, a body, or a credential: they
// are names of tools, methods, path templates, status codes and kinds of errors. Of
// an endpoint without a tool, the path is not reported, because it may contain ids.
//
// # Instruments
//
//	closekit.client.request.duration  s          time until the headers of the response, for every attempt
//	closekit.client.active_requests   {request}  requests that wait for a response
//
// Both have the tool and the method; the duration also has the status code and, for a
// failure, the type of the error. Requests that wait for the rate limit have not
// begun.
//
// Spans are named after the tool, such as "close_lead_create", and are children of the
// span in the context of the call. An attempt that repeats another one has
// http.request.resend_count. The context of the request has the span, so that an
// HTTP transport that traces makes children of it; this package sends no trace headers
// to Close.
package otelclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/closekit/closekit"
)

const scope = "github.com/closekit/closekit/runtime/otelclient"

// The attributes.
const (
	toolKey   = attribute.Key("closekit.tool")
	effectKey = attribute.Key("closekit.effect")
	methodKey = attribute.Key("http.request.method")
	pathKey   = attribute.Key("url.template")
	resendKey = attribute.Key("http.request.resend_count")
	statusKey = attribute.Key("http.response.status_code")
	errorKey  = attribute.Key("error.type")
)

// The values of error.type without a response. With one it is the status code.
const (
	canceled  = "canceled"
	timedOut  = "timeout"
	transport = "transport"
)

type config struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
}

// Option is an option of [New].
type Option func(*config)

// WithMeterProvider sets where metrics go. By default, or if p is nil, they go to the
// global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(c *config) { c.meters = p } }

// WithTracerProvider sets where spans go. By default, or if p is nil, they go to the
// global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(c *config) { c.tracers = p } }

// New returns an option for [closekit.NewClient] and [closekit.Client.With]. Several
// clients may share it. It fails only if the meter refuses an instrument.
func New(opts ...Option) (closekit.Option, error) {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	if c.tracers == nil {
		c.tracers = otel.GetTracerProvider()
	}
	meter := c.meters.Meter(scope, metric.WithInstrumentationVersion(closekit.Version))
	t := &telemetry{tracer: c.tracers.Tracer(scope, trace.WithInstrumentationVersion(closekit.Version))}
	var errs [2]error
	t.duration, errs[0] = meter.Float64Histogram("closekit.client.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Time until the headers of the response, for every attempt."),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10))
	t.active, errs[1] = meter.Int64UpDownCounter("closekit.client.active_requests", metric.WithUnit("{request}"),
		metric.WithDescription("Requests that wait for a response."))
	if err := errors.Join(errs[:]...); err != nil {
		return closekit.Option{}, fmt.Errorf("otelclient: the meter refuses an instrument: %w", err)
	}
	return closekit.WithMiddleware(t.wrap), nil
}

type telemetry struct {
	tracer   trace.Tracer
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
}

func (t *telemetry) wrap(next closekit.RoundTrip) closekit.RoundTrip {
	return func(a *closekit.Attempt) (*http.Response, error) {
		op := a.Operation
		common := make([]attribute.KeyValue, 0, 4)
		common = append(common, methodKey.String(op.Method))
		name := op.Method
		if op.Tool != "" {
			name = op.Tool
			common = append(common, toolKey.String(op.Tool))
		}
		ctx, span := t.tracer.Start(a.Request.Context(), name, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(common...), trace.WithAttributes(details(a)...))
		defer span.End() // also if next panics
		running := metric.WithAttributeSet(attribute.NewSet(common...))
		t.active.Add(ctx, 1, running)
		defer t.active.Add(ctx, -1, running)

		original := a.Request
		a.Request = original.WithContext(ctx)
		start := time.Now()
		resp, err := next(a)
		took := time.Since(start)
		a.Request = original

		outcome := outcomeOf(a, resp, err)
		span.SetAttributes(outcome...)
		if err != nil || resp == nil || resp.StatusCode >= http.StatusBadRequest {
			span.SetStatus(codes.Error, "")
		}
		t.duration.Record(ctx, took.Seconds(), metric.WithAttributes(append(common, outcome...)...))
		return resp, err
	}
}

// details returns the attributes of the span that would be too many for a metric.
func details(a *closekit.Attempt) []attribute.KeyValue {
	list := []attribute.KeyValue{effectKey.String(a.Operation.Effect.String()), attribute.String("server.address", a.Request.URL.Hostname())}
	if port, err := strconv.Atoi(a.Request.URL.Port()); err == nil {
		list = append(list, attribute.Int("server.port", port))
	}
	if a.Operation.Tool != "" {
		list = append(list, pathKey.String("/api/v1"+a.Operation.Path))
	}
	if a.Number > 1 {
		list = append(list, resendKey.Int(a.Number-1))
	}
	return list
}

// outcomeOf returns the attributes of a response or of an error.
func outcomeOf(a *closekit.Attempt, resp *http.Response, err error) []attribute.KeyValue {
	switch {
	case err == nil && resp != nil && resp.StatusCode < http.StatusBadRequest:
		return []attribute.KeyValue{statusKey.Int(resp.StatusCode)}
	case err == nil && resp != nil:
		return []attribute.KeyValue{statusKey.Int(resp.StatusCode), errorKey.String(strconv.Itoa(resp.StatusCode))}
	}
	kind := transport
	switch ctx := a.Request.Context(); {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		kind = timedOut
	case errors.Is(err, context.Canceled), ctx.Err() != nil:
		kind = canceled
	}
	return []attribute.KeyValue{errorKey.String(kind)}
}
